"""Base models (population, legal entities, housing): one row an entity, each value with its source, kept up to date.

A build reads what is new of its inputs, ties identifiers (:mod:`.identity`), puts rows without one to entities
(:mod:`.matching`), lets values survive (:mod:`.survive`), and writes down what has changed (:mod:`.history`). Only entities of
which a row, an identifier or a match has changed are built anew; the result is that of a build of all of them.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from fudata_pipeline import standards
from fudata_pipeline.catalog.bases import BaseTable
from fudata_pipeline.engine.duckdb import connect
from fudata_pipeline.lake import files
from fudata_pipeline.models.build import Build
from fudata_pipeline.models.product import BrokenDeclaration, Built, NothingToBuild, fingerprint
from fudata_pipeline.models.rows import inputs_of
from fudata_pipeline.models.state import KINDS, read_state
from fudata_pipeline.project import Project
from fudata_pipeline.settings import now

CODE = fingerprint(
    [f.read_text("utf-8") for f in sorted(Path(__file__).parent.iterdir()) if f.suffix in (".py", ".sql")]
)
"""A build follows from its code too: another version builds everything anew."""


def build_base(project: Project, base: BaseTable) -> Built:
    """Bring one base table, and the tables beside it, up to date with the current versions of its items.

    Raises:
        NothingToBuild: when no input has a good version.
        BrokenDeclaration: when the catalog's SQL names what is not there; the current build stays.
    """
    inputs = inputs_of(project, base)
    if not inputs:
        wanted = "、".join(feed.item for feed in base.inputs)
        raise NothingToBuild(f"{base.title}：{wanted} 都还没有可用版本 → 先成功载入其中至少一项")
    product = f"base.{base.table}"
    made = fingerprint([base.fingerprint(), _types(project, base), standards.macro_sql(), duckdb.__version__, CODE])
    announced = project.registry.current_loads().get(base.replaced.item) if base.replaced else None
    judged = [str(j["seq"]) for j in project.registry.match_judgements(base.table)]
    forgotten = project.registry.models_forgotten(base.table)
    version = fingerprint(
        [
            made,
            *(f"{i.item.id}={i.load['load_id']}" for i in inputs),
            announced["load_id"] if announced else "",
            *judged,
            *([f"models forgotten: {forgotten}"] if forgotten else []),
        ]
    )
    with files.locked(project.settings, f"product/{product}"):
        current, before = project.registry.build(product), read_state(project, base)
        if current and current["version"] == version and before:
            return Built(product, base.title, current["rows"], False, version)
        with connect(project.settings.for_models) as con:
            try:
                rows = Build(project, base, inputs, con, version, made, before, forgotten).run()
            except (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException) as error:
                said = str(error).splitlines()[0]  # these speak of names in the SQL, never of values in the data
                cure = f"检查 catalog/base/{base.table}.yaml 中的 SQL"
                raise BrokenDeclaration(f"{base.title}（{product}）未更新，沿用上一版：{said} → {cure}") from error
        tables = {f"_{kind}": f"{base.title}{said}" for kind, said in KINDS.items() if kind in rows} | {"": base.title}
        project.registry.record_builds(
            *(
                {
                    "product": product + ending,
                    "title": title,
                    "version": version,
                    "built_at": now(),
                    "rows": rows[ending[1:]],
                }
                for ending, title in tables.items()
            )
        )
    return Built(product, base.title, rows[""], True, version)


def _types(project: Project, base: BaseTable) -> str:
    return " ".join(f"{f.name} {project.catalog.types[f.field.type].duckdb}" for f in base.fields)
