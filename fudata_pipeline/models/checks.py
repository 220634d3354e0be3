"""Checks of the base models against each other: what breaks a rule that no single item could (persons of a house, heads of a family).

``base.check``: a row for each entity and rule that it breaks, ``base_table, rule, title, severity, indicator, entity_id, cure``.
A check is run when all tables that it speaks of were built; :func:`check_counts` says which were not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from duckdb import DuckDBPyConnection

from fudata_pipeline.catalog import Catalog, Finding
from fudata_pipeline.catalog.bases import BaseTable, Check
from fudata_pipeline.catalog.places import fill, places
from fudata_pipeline.engine.sql import identifier, literal
from fudata_pipeline.models.links import declared
from fudata_pipeline.models.product import Built, NothingToBuild, base_sql, materialize, product_sql
from fudata_pipeline.models.rows import as_of, refused
from fudata_pipeline.project import Project

CHECK, CHECK_TITLE = "base.check", "基础库检查发现"


def _checks(catalog: Catalog) -> Iterator[tuple[BaseTable, Check]]:
    return ((base, check) for base in catalog.bases for check in base.checks)


def _runnable(project: Project, base: BaseTable, check: Check) -> bool:
    needed = (f"base.{base.table}", *places(check.sql))
    return as_of(project, base) is not None and all(project.registry.build(name) for name in needed)


def _broken_sql(project: Project, base: BaseTable, check: Check) -> str:
    own = product_sql(project, f"base.{base.table}")
    bases = {f"base.{b.table}": b for b in project.catalog.bases}

    def table(name: str) -> str:
        return base_sql(project, bases[name]) if name in bases else product_sql(project, name)

    sql = fill(check.sql, table, f"DATE {literal(as_of(project, base))}")
    said = {
        "base_table": base.table, "rule": check.name, "title": check.title, "severity": check.severity,
        "indicator": check.indicator,
    }  # fmt: skip
    told = ", ".join(f"{literal(value)} AS {name}" for name, value in said.items())
    return (
        f"SELECT {told}, entity_id, {literal(check.cure)} AS cure "
        f"FROM (SELECT DISTINCT entity_id FROM ({sql})) SEMI JOIN {own} USING (entity_id)"
    )


def build_checks(project: Project) -> Built:
    """Bring ``base.check`` up to date.

    Raises:
        NothingToBuild: when no check is declared, or none has its tables yet.
        BrokenDeclaration: when a check's SQL names what is not there; the current build stays.
    """
    parts = [
        _broken_sql(project, base, check) for base, check in _checks(project.catalog) if _runnable(project, base, check)
    ]
    if not parts:
        raise NothingToBuild("基础库检查：所需的表都未建成 → 先建成基础表与关联表")
    sql = f"SELECT * FROM ({' UNION ALL '.join(parts)})"
    return materialize(project, CHECK, CHECK_TITLE, sql, "base_table", "rule", "entity_id")


def check_counts(project: Project, con: DuckDBPyConnection) -> list[dict[str, Any]]:
    """Of every declared check how many entities it ``checked`` and how many ``failed``; NULL for one that could not be run."""
    failed: dict[tuple[str, str], int] = {}
    built = project.registry.build(CHECK) is not None
    if built:
        counted = con.execute(f"SELECT base_table, rule, count(*) FROM {product_sql(project, CHECK)} GROUP BY ALL")
        failed = {(table, rule): n for table, rule, n in counted.fetchall()}
    counts = []
    for base, check in _checks(project.catalog):
        build = project.registry.build(f"base.{base.table}")
        ran = built and build is not None and _runnable(project, base, check)
        counts.append(
            {
                "base_table": base.table,
                "rule": check.name,
                "title": check.title,
                "severity": check.severity,
                "indicator": check.indicator,
                "checked": build["rows"] if ran and build else None,
                "failed": failed.get((base.table, check.name), 0) if ran else None,
                "cure": check.cure,
            }
        )
    return counts


def _empty(catalog: Catalog, name: str) -> str:
    """The table that a place stands for, without values."""
    table = name.removeprefix("base.")
    types = catalog.types
    base = next((b for b in catalog.bases if b.table == table), None)
    if base:
        kinds = {
            "entity_id": "VARCHAR",
            "source_rows": "BIGINT",
            "source_items": "VARCHAR[]",
            "valid_from": "TIMESTAMP",
        }
        kinds |= {f.name: types[f.field.type].duckdb for f in base.fields}
    else:
        link = next(k for k in catalog.links if table in (k.table, f"{k.table}_record"))
        of, record = declared(catalog, link), table != link.table
        kinds = {f"{end}_id": "VARCHAR" for end in of.ends} | {f.name: types[f.type].duckdb for f in of.fields}
        if record:
            kinds |= {"item": "VARCHAR", "load_id": "VARCHAR", "line": "BIGINT", "relation": "VARCHAR",
                      "left_out": "VARCHAR", "left_out_end": "VARCHAR"}  # fmt: skip
        else:
            kinds |= {"source_rows": "BIGINT", "source_items": "VARCHAR[]"}
        if record or of.dated:
            kinds |= {"from_date": "DATE", "to_date": "DATE"}
        if not record and of.codes and link.of is None:
            kinds |= {"relation": "VARCHAR", "relation_title": "VARCHAR"}
    return f"(SELECT {', '.join(f'CAST(NULL AS {kind}) AS {identifier(n)}' for n, kind in kinds.items())})"


def check_checks(con: DuckDBPyConnection, catalog: Catalog) -> list[Finding]:
    """A finding for every check whose SQL does not fit the tables that it speaks of, or gives no ``entity_id``."""
    found = []
    for base, check in _checks(catalog):
        sql = fill(check.sql, lambda name: _empty(catalog, name), "DATE '2000-01-01'")
        if said := refused(con, f"SELECT CAST(entity_id AS VARCHAR) FROM ({sql})"):
            cure = "改正 sql 中的列名与类型，选出 entity_id"
            found.append(Finding(f"base/{base.table}.yaml", ("checks", check.name), said, cure))
    return found
