"""Corrections: rows of a delivery that were set aside, as the unit has corrected them.

A correction says what a record of a kept delivery should have been. The delivery is judged again with it in place of the
record that was delivered, by the same rules; the delivered one stays beside it, and so the row's history.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from duckdb import DuckDBPyConnection

from fudata_pipeline.catalog.model import Item
from fudata_pipeline.engine.duckdb import session
from fudata_pipeline.engine.sql import identifier, literal, parquet
from fudata_pipeline.lake import files
from fudata_pipeline.lake.registry import Row
from fudata_pipeline.load.version import QUARANTINE, accepted_rows, version_dir
from fudata_pipeline.load.workbook import NotAWorkbook, Sheet, printable, read_workbook
from fudata_pipeline.project import Project
from fudata_pipeline.settings import now

FOLDER = "corrections"
"""Where units leave workbooks that they send back, below their folder of the inbox."""
SHOWN = 5
"""Rows that are named where there may be many."""


@dataclass(frozen=True)
class Returned:
    """What a sheet that came back brought. ``rows``: corrected ones; ``problems``: what could not be taken, and the cure."""

    file_name: str
    sheet: str
    item: str
    rows: int = 0
    problems: tuple[str, ...] = ()


def _file(project: Project, item: Item, row: Row) -> Path:
    folder = files.item_dir(project.settings, item.unit, item.name, "corrections")
    return folder / f"{row['sha256']}-{row['workbook'][:16]}.parquet"


def returned_workbooks(project: Project, unit: str) -> list[Path]:
    """Workbooks in a unit's folder of the inbox that were not taken yet."""
    folder = project.settings.inbox_dir / unit / FOLDER
    known = project.registry.arrivals(f"{unit}/{FOLDER}")
    found = [f for f in sorted(folder.glob("*.xlsx")) if not f.name.startswith((".", "~$"))]
    return [f for f in found if known.get(f.name) != (f.stat().st_size, f.stat().st_mtime_ns)]


def take_back(project: Project, path: Path, *, dry_run: bool = False) -> list[Returned]:
    """Take the corrections of a workbook; the next load of their items judges them. ``dry_run``: only say what it brings.

    Raises NotAWorkbook: when it is none of ours, or was changed where it must not be.
    """
    with path.open("rb") as stream:
        workbook = hashlib.file_digest(stream, "sha256").hexdigest()
    return [_take(project, path.name, workbook, sheet, dry_run=dry_run) for sheet in read_workbook(path)]


def take_returned(project: Project, units: Iterable[str]) -> list[Returned]:
    """Take what units have left in their folders of the inbox; what is wrong with a workbook is said, not raised."""
    from fudata_pipeline.lake.registry import Arrival

    found = []
    for unit in units:
        for path in returned_workbooks(project, unit):
            stat = path.stat()
            try:
                found += take_back(project, path)
            except NotAWorkbook as error:
                found.append(Returned(path.name, "", unit, problems=(str(error),)))
            arrival = Arrival(path.name, stat.st_size, stat.st_mtime_ns)
            project.registry.record_arrival(f"{unit}/{FOLDER}", arrival)
    return found


def _take(project: Project, name: str, workbook: str, sheet: Sheet, *, dry_run: bool) -> Returned:
    item = project.catalog.items_by_id.get(sheet.item)
    load = project.registry.find_load(sheet.load_id)
    said = Returned(name, sheet.name, sheet.item)
    if item is None or load is None:
        what = f"目录里没有数据项 {sheet.item}" if item is None else f"没有载入批次 {sheet.load_id}"
        return _with(said, 0, f"{what} → 请用本系统重新导出隔离清单")
    if any(c["workbook"] == workbook for c in project.registry.corrections(item.id, load["sha256"])):
        return _with(said, 0, "这份更正已经收过，没有重复处理")
    newest = project.registry.last_load(item.id)
    if not item.load.merges and newest is not None and newest["sha256"] != load["sha256"]:
        cure = "请在新交付中更正，或导出新的隔离清单"
        return _with(said, 0, f"{load['file_name']} 已被新的交付 {newest['file_name']} 取代 → {cure}")
    rows, problems = _compared(project, load, sheet)
    if rows and not dry_run:
        values = {"item": item.id, "sha256": load["sha256"], "workbook": workbook, "file_name": name}
        values |= {"received_at": now(), "rows": len(rows)}
        _keep(_file(project, item, values), rows)
        project.registry.record_correction(values)
    return _with(said, len(rows), *problems)


def _with(said: Returned, rows: int, *problems: str) -> Returned:
    return Returned(said.file_name, said.sheet, said.item, rows, problems)


Corrected = tuple[int, str, str, str]
"""Line, cells as they were, as they are now, and the reasons for which the row was set aside."""


def _compared(project: Project, load: Row, sheet: Sheet) -> tuple[list[Corrected], list[str]]:
    """The rows of a sheet that were changed, and what is wrong with others."""
    with session(project.settings) as con:
        aside = {
            str(line): (raw, reasons)
            for line, raw, reasons in con.execute(
                f"SELECT _line, _raw, to_json(_reasons) FROM {parquet(version_dir(project, load) / QUARANTINE)}"
            ).fetchall()
        }
    found: dict[str, Corrected] = {}
    strange: list[int] = []
    twice: list[int] = []
    seen: set[str] = set()
    for number, line, cells in sheet.rows:
        if line is None or line not in aside:
            strange.append(number)
        elif line in seen:  # which of them is meant cannot be told
            twice.append(number)
            found.pop(line, None)
        else:
            seen.add(line)
            raw, reasons = aside[line]
            before: dict[str, str | None] = json.loads(raw)
            if set(before) != set(sheet.headers):
                said = f"工作表“{sheet.name}”的表头与交付的不同 → 恢复第 1 行的表头后重新发回"
                return [], [said]
            changed = {h: v for h, v in cells.items() if _plain(v) != _plain(printable(before[h]))}
            if changed:
                after = json.dumps(before | changed, ensure_ascii=False)
                found[line] = (int(line), raw, after, reasons)
    problems = []
    if strange:
        problems.append(f"第 {_listed(strange)} 行的行号不在这次交付的隔离清单里 → 不要改动行号")
    if twice:
        problems.append(f"第 {_listed(twice)} 行的行号与前面的重复，都没有采用 → 一个行号只留一行")
    return list(found.values()), problems


def _plain(value: str | None) -> str:
    """What a spreadsheet may change by itself: the kind of line end, and blank for empty."""
    return (value or "").replace("\r\n", "\n").replace("\r", "\n").replace("_x000D_", "")


def _listed(numbers: list[int]) -> str:
    shown = "、".join(map(str, numbers[:SHOWN]))
    return f"{shown} 等 {len(numbers)}" if len(numbers) > SHOWN else shown


def _keep(path: Path, rows: list[Corrected]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.tmp")
    lines, before, after, reasons = zip(*rows, strict=True)
    pq.write_table(pa.table({"_line": lines, "_before": before, "_after": after, "_reasons": reasons}), aside)
    aside.chmod(0o600)
    files.replace(aside, path)


@dataclass(frozen=True)
class Correction:
    """One corrected row. ``columns``: headers of the cells that were changed; ``reasons``: why the row had been set aside;
    ``now``: where it is. No values."""

    item: str
    load_id: str
    file_name: str
    line: int
    workbook: str
    received_at: datetime
    columns: tuple[str, ...]
    reasons: tuple[str, ...]
    now: str


def history(project: Project, items: Iterable[Item]) -> list[Correction]:
    """Every correction of the items' deliveries, in the order in which they came."""
    found = []
    for item in items:
        newest = {load["sha256"]: load for load in project.registry.judgements(item.id) if load["rows_in"]}
        for row in project.registry.corrections(item.id):
            load = newest.get(row["sha256"])
            if load is None:
                continue
            said = (item.id, load["load_id"], load["file_name"])
            came = (row["file_name"], row["received_at"])
            with session(project.settings) as con:
                lines = con.execute(
                    f"SELECT c._line, c._before, c._after, c._reasons, q._reasons, a._line IS NOT NULL "
                    f"FROM ({history_sql(project, item, [row])}) c "
                    f"LEFT JOIN {parquet(version_dir(project, load) / QUARANTINE)} q USING (_line) "
                    f"LEFT JOIN {accepted_rows(version_dir(project, load))} a USING (_line) ORDER BY c._line"
                ).fetchall()
            for line, before, after, reasons, still, accepted in lines:
                old, new = json.loads(before), json.loads(after)
                changed = tuple(h for h in old if old[h] != new[h])
                where = f"仍隔离：{'；'.join(still)}" if still else "已入库" if accepted else "与另一行相同，已剔除"
                found.append(Correction(*said, line, *came, changed, tuple(json.loads(reasons)), where))
    return found


def fingerprint(rows: Iterable[Row]) -> str | None:
    """Changes with the corrections of a delivery; None without any."""
    names = " ".join(row["workbook"] for row in rows)
    return hashlib.sha256(names.encode()).hexdigest()[:16] if names else None


def corrected_records(
    con: DuckDBPyConnection, project: Project, item: Item, rows: list[Row], headers: tuple[str, ...]
) -> str:
    """Make the table ``corrected``: ``_line, _malformed, _text`` and a text column a header, the newest correction of
    each line; returns its name, ``""`` without corrections."""
    if not rows:
        return ""
    cells = ", ".join(
        f"NULLIF(json_extract_string(_after, {literal('$.' + json.dumps(h, ensure_ascii=False))}), '') AS {identifier(h)}"
        for h in headers
    )
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE corrected AS SELECT _line, NULL::VARCHAR AS _malformed, NULL::VARCHAR AS _text, {cells} "
        f"FROM (SELECT _line, arg_max(_after, _seq) AS _after FROM ({history_sql(project, item, rows)}) GROUP BY _line)"
    )
    return "corrected"


def history_sql(project: Project, item: Item, rows: list[Row]) -> str:
    """A table of every correction of a delivery: ``_line, _before, _after, _reasons`` (JSON), ``_seq``."""
    return " UNION ALL ".join(
        f"SELECT *, {row['seq']} AS _seq FROM {parquet(_file(project, item, row))}" for row in rows
    )
