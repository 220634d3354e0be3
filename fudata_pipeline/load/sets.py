"""Rules that other rows decide: values that must be unique, and references to another item or base model.

They are judged when all rows of a delivery are there and have been judged by themselves; a row that is set aside already
neither breaks them nor makes another row break them.
"""

from __future__ import annotations

from collections.abc import Mapping

from duckdb import DuckDBPyConnection

from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.catalog.model import Item, RuleUse
from fudata_pipeline.engine.sql import identifier, parquet
from fudata_pipeline.load.checks import BITS, Check
from fudata_pipeline.load.deliveries import PROMOTED
from fudata_pipeline.load.version import current_rows
from fudata_pipeline.project import Project

SETS = "later"
"""Table of the rows that break a rule of level set: ``_line``, and ``_later0 …`` as the masks they are to be added to."""


def references(project: Project, item: Item) -> dict[str, str]:
    """Of each ``to`` of the item's rules, the table of the values that are there; without those that have none yet.

    A reference to the item itself is to the delivery being judged (``checked``).
    """
    found = {}
    for target in {use.to for use in item.rules if use.to}:
        owner, _, column = target.rpartition(".")
        table = "checked" if owner == item.id else _table(project, owner)
        if table:
            condition = " WHERE NOT _set_aside" if table == "checked" else ""
            found[target] = f"(SELECT {identifier(column)} AS _known FROM {table}{condition})"
    return found


def _table(project: Project, owner: str) -> str | None:
    """The current version of an item, or the current build of a base model."""
    if owner in project.catalog.items_by_id:
        load = project.registry.current_load(owner)
        if load is None or load["verdict"] != PROMOTED:
            return None
        return current_rows(project, load)
    build = project.registry.build(owner)
    return parquet(project.settings.lake_dir / "products" / owner / f"{build['version']}.parquet") if build else None


def unchecked(item: Item, known: Mapping[str, str]) -> list[RuleUse]:
    """References that cannot be judged, because what they refer to has no good version yet."""
    return [use for use in item.rules if use.to and use.to not in known]


def judge_sets(
    con: DuckDBPyConnection,
    catalog: Catalog,
    item: Item,
    checks: tuple[Check, ...],
    known: Mapping[str, str],
) -> bool:
    """Make the table ``later`` of the rows of ``checked`` that break such a rule; False where none does."""
    parts = []
    for use in item.rules:
        rule = catalog.rule_of(item, use)
        check = next((c for c in checks if (c.rule.rule_id, c.column) == (rule.rule_id, "+".join(use.columns))), None)
        if rule.level != "set" or check is None:
            continue
        if use.rule == "reference" and use.to in known:
            parts.append(f"SELECT _line, {check.number} AS _check FROM ({_dangling(use, known[str(use.to)])})")
        elif use.rule == "unique":
            parts.append(f"SELECT _line, {check.number} AS _check FROM ({_repeated(item, use)})")
    if not parts:
        return False
    masks = ", ".join(
        f"coalesce(bit_or(1::BIGINT << (_check % {BITS})) FILTER (_check // {BITS} = {n}), 0) AS _later{n}"
        for n in range((len(checks) - 1) // BITS + 1)
    )
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {SETS} AS SELECT _line, {masks} FROM ({' UNION ALL '.join(parts)}) GROUP BY _line"
    )
    [(any_,)] = con.execute(f"SELECT EXISTS (FROM {SETS})").fetchall()
    return bool(any_)


def _dangling(use: RuleUse, known: str) -> str:
    column = identifier(use.columns[0])
    return f"SELECT _line FROM checked ANTI JOIN {known} ON _known = {column} WHERE NOT _set_aside AND {column} IS NOT NULL"


def _repeated(item: Item, use: RuleUse) -> str:
    """Rows of different keys with the same values; copies of one row are no repetition."""
    columns = ", ".join(identifier(c) for c in use.columns)
    filled = " AND ".join(f"{identifier(c)} IS NOT NULL" for c in use.columns)
    key = ", ".join(identifier(k) for k in item.key)
    repeated = (
        f"SELECT {columns} FROM checked WHERE NOT _set_aside AND {filled} "
        f"GROUP BY {columns} HAVING count(DISTINCT ({key})) > 1"
    )
    return f"SELECT _line FROM checked SEMI JOIN ({repeated}) USING ({columns}) WHERE NOT _set_aside"
