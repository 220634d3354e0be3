"""The current rows of an item whose deliveries add up: those of every good delivery, of each key the newest row.

They follow from the deliveries alone, whatever the order in which these came, how often, or how often they were judged:
what changes is worked out for the keys of the deliveries that came or went, and only the files of rows that change are
written anew. Rows keep the load and line they came from.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from duckdb import DuckDBPyConnection

from fudata_pipeline.catalog.model import Item
from fudata_pipeline.engine.duckdb import session
from fudata_pipeline.engine.sql import identifier, literal, parquet_files
from fudata_pipeline.lake import files
from fudata_pipeline.lake.registry import Row
from fudata_pipeline.load.arrivals import standing
from fudata_pipeline.load.split import NotConserved
from fudata_pipeline.load.version import CURRENT, MANIFEST, accepted_rows, read_manifest, version_dir
from fudata_pipeline.project import Project


@dataclass(frozen=True)
class Merged:
    """``rows``: of the item now. ``changes``: rows ``added``, ``replaced`` and ``removed``, and those that came but were
    ``outdated``: a newer row of their key was there."""

    rows: int
    changes: dict[str, int]


def merge(project: Project, item: Item, load: Row) -> Merged | None:
    """Make the version of the item that holds all its good deliveries, the one of ``load`` among them.

    ``load`` is good and not in the registry yet. None while deliveries of another shape have not been judged again: the
    item keeps its version until then. Raises NotConserved: rows before + added - removed are not the rows after.
    """
    loads: list[Row] = list(standing([*project.registry.judgements(item.id), load]))
    if any(x["shape"] != load["shape"] for x in loads):
        return None
    before = project.registry.current_load(item.id)
    manifest = read_manifest(version_dir(project, before)) if before and before["shape"] == load["shape"] else None
    known = {x["load_id"]: x for x in loads}
    held: list[str] = manifest["loads"] if manifest else []
    came = [x for x in loads if x["load_id"] not in held]
    gone = [project.registry.load(name) for name in held if name not in known]
    parts = manifest["parts"] if manifest else []
    with (
        session(project.settings) as con,
        files.new_folder(version_dir(project, load) / CURRENT) as out,
    ):
        made = _Merge(project, con, item, loads).into(out, parts, came, gone)
        kept = [p for p in parts if p["day"] not in made.days]
        written = [
            {"day": day, "load_id": load["load_id"], "file": file.name, "rows": pq.read_metadata(file).num_rows}
            for day, file in made.files
        ]
        together = sorted([*kept, *written], key=lambda p: (p["day"] or "", p["file"]))
        together = [p for p in together if p["rows"]] or together[:1]
        rows = sum(p["rows"] for p in together)
        expected = sum(p["rows"] for p in parts) + made.changes["added"] - made.changes["removed"]
        if rows != expected:
            raise NotConserved(f"{item.id}：并入后应有 {expected} 行，实有 {rows} 行；这是程序缺陷，请报告")
        told = {"shape": load["shape"], "loads": [x["load_id"] for x in loads], "parts": together}
        (out / MANIFEST).write_text(json.dumps(told, ensure_ascii=False), "utf-8")
    return Merged(rows, made.changes)


@dataclass(frozen=True)
class _Made:
    """``days``: of the parts that no longer hold; ``files``: those written instead, with their days."""

    days: set[str | None]
    files: list[tuple[str | None, Path]]
    changes: dict[str, int]


class _Merge:
    """One merge on one connection. ``loads``: all that are to be current, in order."""

    def __init__(self, project: Project, con: DuckDBPyConnection, item: Item, loads: Sequence[Row]) -> None:
        self.project, self.con, self.item, self.loads = project, con, item, loads
        self.columns = ", ".join(identifier(c) for c in item.columns)
        self.key = ", ".join(identifier(k) for k in item.key)
        self.day = f"CAST(CAST({identifier(item.load.by)} AS DATE) AS VARCHAR)" if item.load.by else "NULL::VARCHAR"
        names = [x["load_id"] for x in loads]
        con.register("ranks", pa.table({"_load_id": names, "_rank": range(len(names))}))

    def _delivered(self, loads: Sequence[Row]) -> str:
        """A table of the accepted rows of some loads."""
        selects = [
            f"SELECT {literal(x['load_id'])} AS _load_id, _line, {self.columns} "
            f"FROM {accepted_rows(version_dir(self.project, x))}"
            for x in loads
        ]
        none = ", ".join(
            f"CAST(NULL AS {self.project.catalog.types[f.field.type].duckdb}) AS {identifier(f.name)}"
            for f in self.item.fields
        )
        return f"({' UNION ALL '.join(selects or [f'SELECT NULL::VARCHAR AS _load_id, NULL::BIGINT AS _line, {none} WHERE false'])})"

    def into(self, out: Path, parts: list[dict[str, Any]], came: Sequence[Row], gone: Sequence[Row]) -> _Made:
        """Write the rows of every day that changes to ``out``."""
        if not parts and len(came) == 1:  # each key is there once
            changes = {"added": came[0]["rows_accepted"], "replaced": 0, "removed": 0, "outdated": 0}
            return self._write(out, self._delivered(came), changes, set())
        folder = version_dir(self.project, self.loads[-1]).parent
        self.con.execute(
            f"CREATE OR REPLACE TEMP TABLE affected AS SELECT DISTINCT {self.key} FROM {self._delivered([*came, *gone])}"
        )
        self.con.execute(
            f"CREATE OR REPLACE TEMP TABLE stood AS SELECT _load_id, _line, {self.columns}, {self.day} AS _day "
            f"FROM {self._holding([folder / p['load_id'] / CURRENT / p['file'] for p in parts])} SEMI JOIN affected USING ({self.key})"
        )
        rivals = (
            f"(FROM {self._delivered(self.loads)} SEMI JOIN affected USING ({self.key}))"
            if gone  # what it had beaten may win now
            else f"(SELECT _load_id, _line, {self.columns} FROM stood UNION ALL FROM {self._delivered(came)})"
        )
        watermark = f"{identifier(self.item.latest_by)} DESC NULLS LAST, " if self.item.latest_by else ""
        self.con.execute(f"""
            CREATE OR REPLACE TEMP TABLE won AS
            WITH rivals AS MATERIALIZED (FROM {rivals}),
            contested AS MATERIALIZED (SELECT {self.key} FROM rivals GROUP BY ALL HAVING count(*) > 1)
            SELECT * FROM rivals ANTI JOIN contested USING ({self.key})
            UNION ALL SELECT * EXCLUDE (_rank) FROM (SELECT * FROM rivals SEMI JOIN contested USING ({self.key})) JOIN ranks USING (_load_id)
            QUALIFY row_number() OVER (PARTITION BY {self.key} ORDER BY {watermark}_rank DESC) = 1""")
        changes = self._changes(came)
        days = {
            day
            for [day] in self.con.execute(
                f"SELECT DISTINCT _day FROM stood UNION SELECT DISTINCT {self.day} FROM won"
            ).fetchall()
        }
        if not days and parts:
            return _Made(set(), [], changes)
        changed = [folder / p["load_id"] / CURRENT / p["file"] for p in parts if p["day"] in days]
        rows = f"SELECT _load_id, _line, {self.columns} FROM won"
        if changed:
            rows += (
                f" UNION ALL SELECT _load_id, _line, {self.columns} FROM {parquet_files(changed)} "
                f"ANTI JOIN affected USING ({self.key})"
            )
        return self._write(out, f"({rows})", changes, days)

    def _holding(self, paths: list[Path]) -> str:
        """A table of the files that hold an affected key. Mostly none does, and only the keys of all rows are read."""
        if paths:
            found = self.con.execute(
                f"SELECT DISTINCT filename FROM {parquet_files(paths, 'filename = true')} SEMI JOIN affected USING ({self.key})"
            ).fetchall()
            paths = [Path(name) for [name] in found]
        return parquet_files(paths) if paths else self._delivered([])

    def _changes(self, came: Sequence[Row]) -> dict[str, int]:
        [(added, replaced, removed)] = self.con.execute(f"""
            SELECT count(*) FILTER (s._line IS NULL), count(*) FILTER (s._load_id <> w._load_id OR s._line <> w._line),
                count(*) FILTER (w._line IS NULL)
            FROM (SELECT {self.key}, _load_id, _line FROM stood) s
            FULL JOIN (SELECT {self.key}, _load_id, _line FROM won) w USING ({self.key})""").fetchall()
        delivered = sum(x["rows_accepted"] for x in came)
        names = ", ".join(literal(x["load_id"]) for x in came) or "NULL"
        [(won,)] = self.con.execute(f"SELECT count(*) FROM won WHERE _load_id IN ({names})").fetchall()
        return {"added": added, "replaced": replaced, "removed": removed, "outdated": delivered - won}

    def _write(self, out: Path, rows: str, changes: dict[str, int], days: set[str | None]) -> _Made:
        """Write ``rows``, one file, or one a day; days without rows get none."""
        options = "FORMAT parquet, COMPRESSION zstd"
        if not self.item.load.by:
            file = out / "rows.parquet"
            self.con.execute(f"COPY (FROM {rows}) TO {literal(file)} ({options})")
            return _Made({None}, [(None, file)], changes)
        aside = out / "days"
        self.con.execute(
            f"COPY (SELECT *, {self.day} AS _day FROM {rows}) TO {literal(aside)} ({options}, PARTITION_BY (_day))"
        )
        written: list[tuple[str | None, Path]] = []
        for folder in sorted(aside.iterdir()) if aside.exists() else ():
            day = folder.name.removeprefix("_day=")
            for number, file in enumerate(sorted(folder.iterdir())):
                written.append((day, file.rename(out / f"{day}.{number}.parquet")))
            folder.rmdir()
        if aside.exists():
            aside.rmdir()
        if not written:  # columns must be told even of no rows
            self.con.execute(f"COPY (FROM {rows} LIMIT 0) TO {literal(out / 'none.parquet')} ({options})")
            written.append((None, out / "none.parquet"))
        return _Made({*days, *(day for day, _ in written)}, written, changes)
