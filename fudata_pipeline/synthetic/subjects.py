"""Whom the rows of an item are about: people, firms and housing units in a fixed order, and who joins or leaves by night."""

from __future__ import annotations

import re
from dataclasses import dataclass

from duckdb import DuckDBPyConnection

from fudata_pipeline.engine.sql import literal
from fudata_pipeline.synthetic.columns import ItemColumns
from fudata_pipeline.synthetic.twin.tables import TABLES

KEYS = {"p": "person_id", "f": "firm_id", "h": "house_id"}
ALWAYS = {"p": ("person_id", "house_id", "old_house_id", "firm_id"), "f": ("firm_id", "house_id", "legal_rep"),
          "h": ("house_id", "building_id", "grid_id")}  # fmt: skip
FIRST = {"p": "p.resident DESC, ", "f": "f.active DESC, ", "h": ""}
"""Residents and going firms come before those who left, died or closed."""

WORDS = ("person", "firm", "own", "none", "employer", "legal_rep")
"""What a spec may say of its subjects that is not a condition."""


@dataclass(frozen=True)
class Chosen:
    """Subjects of the first night, and those that are eligible only since."""

    count: int
    fresh: int = 0


def condition(columns: ItemColumns, alias: str) -> tuple[str, str]:
    """Which subjects are eligible: what the recipe says, and what they must be anyhow (of the street whose office
    delivers, identified as the columns need)."""
    spec, types = columns.spec, {f.field.type for f in columns.item.fields}
    said = {"p": spec.get("person"), "f": spec.get("firm"), "h": spec.get("place")}[alias]
    declared = f"({said})" if isinstance(said, str) and said not in WORDS else "true"
    parts = []
    if alias == "p":
        if "resident_id" in types:
            parts.append("p.resident_id IS NOT NULL")
        if "died_on" not in str(said):
            parts.append("p.died_on IS NULL")
        if spec.get("firm") == "employer":
            parts.append("p.firm_id IS NOT NULL")
    if alias == "h" and columns.key.subject == "b":
        parts.append("h.first_house")
    unit = columns.catalog.units_by_id[columns.item.unit]
    for code, title in columns.catalog.codes["street"].titles.items():
        if title in unit.name:
            parts.append(f"{alias}.street_code = {literal(code)}")
    return declared, " AND ".join(parts) or "true"


def choose(con: DuckDBPyConnection, columns: ItemColumns, alias: str, limit: int, night: int) -> Chosen:
    """Make the table ``s<alias>``: ``e_`` (number of the subject), its columns as they are tonight, and ``gone``.

    Numbers are those of the first night, in random order, so that a row keeps its subject from night to night; who is
    eligible only since then follows. A small district has too few of some (three office towers, no martyrs): where nobody
    is eligible, or less than half of those that the key wants a row each of, others fill up.
    """
    declared, must = condition(columns, alias)
    said, preferred = f"{declared} AND {must}", ""
    [(eligible, possible)] = con.execute(
        f"SELECT count(*) FILTER (WHERE {said}), count(*) FILTER (WHERE {must}) FROM {_of_first_night(night)}.{alias} {alias}"
    ).fetchall()
    each = {"b": "h", "g": "h"}.get(columns.key.subject or "", columns.key.subject) == alias
    if eligible < (limit / 2 if each else 1):
        said = must if possible else "p.resident_id IS NOT NULL" if alias == "p" else "true"
        preferred = f"coalesce({declared}, FALSE) DESC, "
    text = " ".join(columns.sql.values())
    used = set(re.findall(rf"\b{alias}\.(\w+)", text)) | set(ALWAYS[alias])
    chosen = ", ".join(f"{alias}.{c}" for c in TABLES[alias] if c in used)
    key, source = KEYS[alias], _of_first_night(night)
    once = (
        "QUALIFY row_number() OVER (PARTITION BY h.grid_code ORDER BY h.house_id) = 1"
        if columns.key.subject == "g" and alias == "h"
        else ""
    )
    inner = chosen if night == 0 else f"{alias}.{key}"
    first = (
        f"SELECT row_number() OVER () - 1 AS e_, * FROM (SELECT {inner} FROM {source}.{alias} {alias} WHERE {said} {once} "
        f"ORDER BY {preferred}{FIRST[alias]}draw({columns.seed}, {alias}.{key}) LIMIT {max(1, limit)})"
    )
    if night == 0:
        con.execute(f"CREATE OR REPLACE TEMP TABLE s{alias} AS SELECT *, FALSE AS gone FROM ({first})")
        return Chosen(_count(con, alias))
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE s{alias} AS SELECT o.e_, {chosen}, NOT coalesce({said}, FALSE) AS gone "
        f"FROM ({first}) o JOIN twin.{alias} {alias} USING ({key})"
    )
    count = _count(con, alias)
    con.execute(
        f"INSERT INTO s{alias} SELECT {count} + row_number() OVER () - 1, *, FALSE FROM (SELECT {chosen} FROM twin.{alias} {alias} "
        f"WHERE {said} AND {alias}.{key} NOT IN (SELECT {key} FROM {source}.{alias} {alias} WHERE {said}) ORDER BY {alias}.{key})"
    )
    return Chosen(count, _count(con, alias) - count)


def _of_first_night(night: int) -> str:
    return "first" if night else "twin"


def _count(con: DuckDBPyConnection, alias: str) -> int:
    [(count,)] = con.execute(f"SELECT count(*) FROM s{alias}").fetchall()
    return int(count)
