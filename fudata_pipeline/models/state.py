"""What a build of a base table leaves behind, so that the next one touches only what has changed.

``lake/products/base.<table>/``: ``<version>.parquet`` (the entities), ``<version>.json`` (this state) and the files it names.
Files are never changed; later states name those of earlier builds again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from fudata_pipeline.catalog.bases import BaseTable
from fudata_pipeline.engine.sql import literal, parquet, parquet_files
from fudata_pipeline.project import Project

KINDS = {
    "record": "的来源行与实体对照",
    "dispute": "中落选的不同值",
    "history": "的历史版本",
    "event": "的变动事件",
    "merge": "的合并与拆分",
    "review": "待人工判断的归属",
}
"""Tables beside a base table, by the ending of their names: what their titles say of it."""


@dataclass(frozen=True)
class Part:
    """The rows of one item: ``file`` has ``node, weaker, record, content, load_id, line`` (see :mod:`.rows`)."""

    load_id: str
    file: str
    rows: int


@dataclass(frozen=True)
class State:
    """``made``: fingerprint of declarations and code; ``parts``: item -> its rows; ``judged``: number of the newest judgement
    that it follows; ``forgotten``: how many models had been forgotten when its own was learned; the others: file names, oldest
    first."""

    made: str
    content_hash: str
    parts: Mapping[str, Part]
    identities: str
    dispute: str
    matches: str
    evidence: str = ""
    profile: str = ""
    model: str = ""
    shares: str = ""
    judged: int = 0
    forgotten: int = 0
    history: list[str] = field(default_factory=list)
    event: list[str] = field(default_factory=list)
    merge: list[str] = field(default_factory=list)


def folder(project: Project, base: BaseTable) -> Path:
    return project.settings.lake_dir / "products" / f"base.{base.table}"


def read_state(project: Project, base: BaseTable) -> State | None:
    """The state of the current build; None before the first, or if its files are gone."""
    build = project.registry.build(f"base.{base.table}")
    file = folder(project, base) / f"{build['version']}.json" if build else None
    if file is None or not file.exists() or not file.with_suffix(".parquet").exists():
        return None
    said = json.loads(file.read_text("utf-8"))
    return State(**said | {"parts": {item: Part(**part) for item, part in said["parts"].items()}})


def write_state(project: Project, base: BaseTable, version: str, state: State) -> Path:
    """Write the state of a build; returns its file."""
    file = folder(project, base) / f"{version}.json"
    file.write_text(f"{json.dumps(asdict(state), ensure_ascii=False, indent=1)}\n", "utf-8")
    return file


def entity_sql(node: str = "node") -> str:
    """The id of an entity as people see it: 16 hexadecimal digits."""
    return f"format('{{:016x}}', {node})"


ENTITY = "coalesce(i.entity, p.node, m.entity)"
"""SQL over :func:`joined`: the entity of a row."""


def joined(part: str, identities: str, matches: str) -> str:
    """A part ``p`` with its identities ``i`` and matches ``m``, from the tables of these."""
    return (
        f"{part} AS p LEFT JOIN {identities} AS i ON i.node = p.node "
        f"LEFT JOIN (FROM {matches} WHERE outcome = 'linked') AS m ON m.record = p.record"
    )


def table_sql(project: Project, base: BaseTable, kind: str) -> str:
    """One of the tables beside a base table, as a table expression.

    Raises:
        KeyError: for a kind that is none of :data:`KINDS`, or before the first build.
    """
    state, here = read_state(project, base), folder(project, base)
    if state is None or kind not in KINDS:
        raise KeyError(kind)
    identities, matches = parquet(here / state.identities), parquet(here / state.matches)
    if kind == "record":
        parts = [
            f"SELECT {entity_sql(ENTITY)} AS entity_id, {literal(item)} AS item, p.load_id, p.line, p.content AS row_hash, "
            f"CASE WHEN p.node IS NOT NULL THEN 'identifier' WHEN m.entity IS NOT NULL THEN 'match' END AS linked_by, "
            f"m.probability FROM {joined(parquet(here / part.file), identities, matches)}"
            for item, part in state.parts.items()
        ]
        return f"({' UNION ALL '.join(parts)})"
    if kind == "review":
        parts = [
            f"SELECT {entity_sql('m.record')} AS record, {literal(item)} AS item, p.load_id, p.line, {entity_sql('m.entity')} AS entity_id, "
            f"m.probability, m.pattern, {entity_sql('m.second')} AS second, m.lead "
            f"FROM {matches} AS m JOIN {parquet(here / part.file)} AS p USING (record) WHERE m.outcome = 'review'"
            for item, part in state.parts.items()
        ]
        return f"({' UNION ALL '.join(parts)})"
    if kind == "dispute":
        return parquet(here / state.dispute)
    logged = parquet_files([here / name for name in getattr(state, kind)], "union_by_name = true")
    if kind == "merge":
        ids = ", ".join(f"{entity_sql(name)} AS {name}" for name in ("entity", '"into"'))
        return f"(SELECT * REPLACE ({ids}) FROM {logged})"
    return logged
