"""Walk a published value back to the file and line it came from, from the published file alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from fudata_pipeline.engine.sql import identifier


class NotExplained(Exception):
    """There is no such table or entity in the published file."""


@dataclass(frozen=True)
class Beaten:
    """A value that a row of the entity gives and another beat; ``rank`` as in :class:`Origin`."""

    value: str
    unit: str
    item: str
    load_id: str
    file_name: str
    line: int
    rank: int


@dataclass(frozen=True)
class Origin:
    """One value of an entity and where it came from; times are Asia/Shanghai.

    ``rank``: place of the item in the declared order of those that may decide the attribute, from 1; ``probability``: that
    the row is about this entity, where it had no identifier to say so.
    """

    column: str
    title: str
    value: str
    unit: str
    item: str
    load_id: str
    file_name: str
    line: int
    loaded_at: datetime
    rank: int
    rule: str
    probability: float | None = None
    corrected: str = ""
    """The workbook by which the unit corrected the row after it was delivered, if it did."""
    beaten: tuple[Beaten, ...] = ()


@dataclass(frozen=True)
class Explanation:
    entity_id: str
    table: str
    title: str
    origins: tuple[Origin, ...]
    source_rows: int
    place: dict[str, str]


def explain(published: Path, table: str, entity: str) -> Explanation:
    """Every value of one entity of a base table (``base.population``) with its source.

    ``entity`` is the entity id or the table's identifier (resident id, credit code, house or building code).

    Raises:
        NotExplained: when nothing is published, or there is no such table or entity.
    """
    if not published.exists():
        raise NotExplained(f"还没有发布文件 {published} → 先运行 fudata run")
    schema, _, name = table.rpartition(".")
    with duckdb.connect(str(published), read_only=True) as con:
        tables = [
            r[0]
            for r in con.execute(
                "SELECT table_name FROM duckdb_columns() WHERE schema_name = 'base' AND column_name = 'provenance'"
            ).fetchall()
        ]
        if schema not in ("", "base") or name not in tables:
            raise NotExplained(f"没有基础表 {table!r} → 可用：{'、'.join(f'base.{t}' for t in tables)}")
        columns = [r[0] for r in con.execute(f"DESCRIBE base.{identifier(name)}").fetchall()]
        titles = dict(
            con.execute(
                "SELECT column_name, title FROM meta.dictionary WHERE table_schema = 'base' AND table_name = ?",
                [name],
            ).fetchall()
        )
        key = columns[1]  # entity_id, key, attributes …
        found = con.execute(
            f"SELECT * FROM base.{identifier(name)} WHERE entity_id = $1 OR {identifier(key)} = upper($1)", [entity]
        ).fetchone()
        if found is None:
            raise NotExplained(f"base.{name} 中没有 {key} 或 entity_id 为所给值的实体 → 核对编号，或确认其来源已载入")
        row = dict(zip(columns, found, strict=True))
        loads = {
            load_id: (unit, file_name, loaded_at)
            for load_id, unit, file_name, loaded_at in con.execute(
                "SELECT load_id, unit, file_name, loaded_at FROM meta.loads"
            ).fetchall()
        }
        rows = _rows(con, name, row["entity_id"])
        ranks = _ranks(con, name)
        beaten = _beaten(con, name, row["entity_id"], rows, ranks, loads)
        origins = []
        for column, source in row["provenance"].items():
            if source:
                load_id, line, probability = _row_of(rows, source["item"], source["row_hash"])
                unit, file_name, loaded_at = loads[load_id]
                rank = ranks[column, source["item"]]
                others = sum(1 for (c, i), r in ranks.items() if c == column and r == rank and i != source["item"])
                rule = f"次序第 {rank}" + (f"，{others + 1} 个来源并列，取较新、再取多数" if others else "")
                origins.append(
                    Origin(
                        column, titles.get(column, column), str(row[column]), unit, source["item"], load_id, file_name, line, loaded_at,
                        rank, rule, probability, beaten=tuple(beaten.get(column, ())),
                    )
                )  # fmt: skip
        corrected = _corrected(con, {origin.load_id for origin in origins})
        origins = [replace(o, corrected=corrected.get((o.load_id, o.line), "")) for o in origins]
        place = _place(con, name, row["entity_id"])
        title = con.execute("SELECT title FROM meta.builds WHERE product = ?", [f"base.{name}"]).fetchone()
    return Explanation(
        row["entity_id"],
        f"base.{name}",
        title[0] if title else name,
        tuple(origins),
        row["source_rows"],
        place,
    )


_Rows = dict[str, list[tuple[str, int, int, float | None]]]
"""item -> the rows that are about an entity: load, line, hash of what the row says, probability."""


def _rows(con: duckdb.DuckDBPyConnection, name: str, entity_id: str) -> _Rows:
    found: _Rows = {}
    for item, *row in con.execute(
        f"SELECT item, load_id, line, row_hash, probability FROM base.{identifier(f'{name}_record')} WHERE entity_id = ? ORDER BY ALL",
        [entity_id],
    ).fetchall():
        found.setdefault(item, []).append(tuple(row))
    return found


def _row_of(rows: _Rows, item: str, row_hash: int | None) -> tuple[str, int, float | None]:
    """Load, line and probability of the row of an item that a value came from; of equal rows the first."""
    load_id, line, _, probability = next(r for r in rows[item] if row_hash in (None, r[2]))
    return load_id, line, probability


def _ranks(con: duckdb.DuckDBPyConnection, name: str) -> dict[tuple[str, str], int]:
    """(attribute, item) -> place of the item in the order of those that may decide the attribute."""
    found = con.execute("SELECT attribute, item, rank FROM meta.precedence WHERE base_table = ?", [name]).fetchall()
    return {(attribute, item): rank for attribute, item, rank in found}


def _beaten(
    con: duckdb.DuckDBPyConnection,
    name: str,
    entity_id: str,
    rows: _Rows,
    ranks: dict[tuple[str, str], int],
    loads: dict[str, Any],
) -> dict[str, list[Beaten]]:
    """Attribute -> the values that were beaten, in the order of precedence."""
    found: dict[str, list[Beaten]] = {}
    for attribute, value, item, row_hash in con.execute(
        f"SELECT attribute, value, item, row_hash FROM base.{identifier(f'{name}_dispute')} WHERE entity_id = ?",
        [entity_id],
    ).fetchall():
        load_id, line, _ = _row_of(rows, item, row_hash)
        unit, file_name, _ = loads[load_id]
        one = Beaten(value, unit, item, load_id, file_name, line, ranks[attribute, item])
        found.setdefault(attribute, []).append(one)
    return {a: sorted(values, key=lambda b: (b.rank, b.item, b.line)) for a, values in found.items()}


def _corrected(con: duckdb.DuckDBPyConnection, loads: Iterable[str]) -> dict[tuple[str, int], str]:
    """The newest workbook that corrected each row of these loads."""
    found = con.execute(
        "SELECT load_id, line, workbook FROM meta.corrections WHERE list_contains($1, load_id) ORDER BY received_at",
        [list(loads)],
    ).fetchall()
    return {(load_id, line): workbook for load_id, line, workbook in found}


def _place(con: duckdb.DuckDBPyConnection, name: str, entity_id: str) -> dict[str, str]:
    """Where the entity was placed, if its table is a placed one."""
    placed = con.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'block' AND table_name = ?",
        [f"{name}_placement"],
    ).fetchone()
    if not placed or not placed[0]:
        return {}
    found = con.execute(
        f"SELECT grid_code, method, confidence, reason FROM block.{identifier(f'{name}_placement')} WHERE entity_id = ?",
        [entity_id],
    ).fetchone()
    names = ("grid_code", "method", "confidence", "reason")
    return {n: str(v) for n, v in zip(names, found, strict=True) if v is not None} if found else {}
