"""Walk a published value back to the file and line it came from, from the published file alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from fudata_pipeline.engine.sql import identifier


class NotExplained(Exception):
    """There is no such table or entity in the published file."""


@dataclass(frozen=True)
class Origin:
    """One value of an entity and where it came from; times are Asia/Shanghai."""

    column: str
    title: str
    value: str
    unit: str
    item: str
    load_id: str
    file_name: str
    line: int
    loaded_at: datetime
    corrected: str = ""
    """The workbook by which the unit corrected the row after it was delivered, if it did."""


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
            r[0] for r in con.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'base'").fetchall()
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
        corrected = _corrected(con, row["provenance"].values())
        origins = []
        for column, source in row["provenance"].items():
            if source:
                unit, file_name, loaded_at = loads[source["load_id"]]
                origins.append(
                    Origin(
                        column,
                        titles.get(column, column),
                        str(row[column]),
                        unit,
                        source["item"],
                        source["load_id"],
                        file_name,
                        source["line"],
                        loaded_at,
                        corrected.get((source["load_id"], source["line"]), ""),
                    )
                )
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


def _corrected(con: duckdb.DuckDBPyConnection, sources: Iterable[dict[str, Any] | None]) -> dict[tuple[str, int], str]:
    """The newest workbook that corrected each of these rows."""
    loads = list({source["load_id"] for source in sources if source})
    found = con.execute(
        "SELECT load_id, line, workbook FROM meta.corrections WHERE list_contains($1, load_id) ORDER BY received_at",
        [loads],
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
