"""The quarantine: what is in it, as a workbook for the unit that has to correct it, and once more through the rules."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fudata_pipeline.catalog.model import Item
from fudata_pipeline.engine.duckdb import connect
from fudata_pipeline.engine.sql import literal, parquet
from fudata_pipeline.lake.registry import Row
from fudata_pipeline.load.item import load_item
from fudata_pipeline.load.result import REFUSED_CONTRACT, REFUSED_GATE, LoadResult
from fudata_pipeline.load.version import QUARANTINE, version_dir
from fudata_pipeline.project import Project

EXCEL_ROWS = 1_048_576
CHUNK = 10_000


class NotExported(Exception):
    """The export cannot be written as asked."""


@dataclass(frozen=True)
class Quarantined:
    """One rule that set rows of an item's newest readable load aside. ``lines``: the first few, as delivered."""

    unit: str
    item: str
    title: str
    file_name: str
    column: str
    rule: str
    rows: int
    lines: tuple[int, ...]
    wording: str
    cure: str


def open_loads(project: Project, items: Iterable[Item]) -> Iterator[tuple[Item, Row]]:
    """Items with rows in quarantine, and the load they stand in: the newest one whose rows could be read."""
    current = project.registry.current_loads()
    for item in items:
        last = project.registry.last_load(item.id)
        load = last if last and last["rows_in"] else current.get(item.id)
        if load and load["rows_quarantined"]:
            yield item, load


def list_quarantine(project: Project, items: Iterable[Item]) -> list[Quarantined]:
    """What is in quarantine by item, column and rule. Tells lines and reasons, never values."""
    found = []
    with connect(project.settings) as con:
        for item, load in open_loads(project, items):
            rows = con.execute(
                f"""SELECT split_part(broken, ':', 1), split_part(broken, ':', 2), count(*), min(_line, 5)
                FROM (SELECT _line, unnest(_rules) AS broken
                      FROM {parquet(version_dir(project, load) / QUARANTINE)})
                GROUP BY ALL ORDER BY 3 DESC, 1, 2"""
            ).fetchall()
            for column, rule_id, count, lines in rows:
                rule = project.catalog.rules_by_id.get(rule_id)
                found.append(
                    Quarantined(
                        item.unit,
                        item.id,
                        item.title,
                        load["file_name"],
                        column,
                        rule_id,
                        count,
                        tuple(sorted(lines)),
                        rule.wording_zh if rule else "（规则已不再申报）",
                        rule.cure_zh if rule else "请重放",
                    )
                )
    return found


def export_quarantine(project: Project, items: Iterable[Item], target: Path) -> int:
    """Write every quarantined row of ``items`` with its file, line, reasons and delivered cells; returns the rows.

    ``.xlsx`` (a sheet an item), ``.csv`` or ``.parquet``. The file holds personal data: its mode is 0600.

    Raises:
        NotExported: for another suffix, or more rows than a worksheet holds.
    """
    kept = list(open_loads(project, items))
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=target.parent, prefix=".export-") as private:  # mode 0700 while it is written
        aside = Path(private) / target.name
        if target.suffix == ".xlsx":
            _write_workbook(project, kept, aside)
        elif target.suffix in (".csv", ".parquet"):
            _write_table(project, kept, aside, target.suffix)
        else:
            raise NotExported(f"不支持的文件类型 {target.suffix or target.name} → 用 .xlsx、.csv 或 .parquet")
        aside.chmod(0o600)
        aside.replace(target)
    return sum(load["rows_quarantined"] for _, load in kept)


def _rows_sql(project: Project, item: Item, load: Row) -> str:
    return f"""SELECT {literal(item.unit)} AS unit, {literal(item.id)} AS item, {literal(load["file_name"])} AS file_name,
        {literal(load["sha256"])} AS sha256, {literal(load["load_id"])} AS load_id, _line AS line,
        array_to_string(_rules, '; ') AS rules, array_to_string(_reasons, '；') AS reasons,
        _raw AS raw, _text AS text FROM {parquet(version_dir(project, load) / QUARANTINE)}"""


def _write_table(project: Project, kept: list[tuple[Item, Row]], path: Path, suffix: str) -> None:
    if not kept:
        raise NotExported("所选数据项没有隔离的行")
    union = " UNION ALL ".join(_rows_sql(project, item, load) for item, load in kept)
    options = "FORMAT csv, HEADER" if suffix == ".csv" else "FORMAT parquet, COMPRESSION zstd"
    with connect(project.settings) as con:
        con.execute(f"COPY ({union} ORDER BY item, line) TO {literal(path)} ({options})")


def _write_workbook(project: Project, kept: list[tuple[Item, Row]], path: Path) -> None:
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    def text(value: str | None) -> Any:
        """A delivered value as it was delivered: what begins with = is text, and no formula to run at the unit."""
        if value is None or not value.startswith("="):
            return value
        cell = WriteOnlyCell(sheet, value)
        cell.data_type = "s"
        return cell

    book = Workbook(write_only=True)
    if not kept:
        raise NotExported("所选数据项没有隔离的行")
    with connect(project.settings) as con:
        for number, (item, load) in enumerate(kept, 1):
            if load["rows_quarantined"] >= EXCEL_ROWS:
                raise NotExported(f"{item.id} 有 {load['rows_quarantined']} 行，超过工作表上限 → 改用 .csv 或 .parquet")
            sheet = book.create_sheet(_sheet_name(number, item.title))
            cursor = con.execute(
                f"SELECT line, reasons, raw, text FROM ({_rows_sql(project, item, load)}) ORDER BY line"
            )
            headers: list[str] | None = None
            while chunk := cursor.fetchmany(CHUNK):
                for line, reasons, raw, unparsed in chunk:
                    cells: dict[str, Any] = json.loads(raw)
                    if headers is None:
                        headers = list(cells)
                        sheet.append(["行号", "问题", *map(text, headers), "原始行"])
                    sheet.append([line, reasons, *(text(cells.get(h)) for h in headers), text(unparsed)])
    book.save(path)


def _sheet_name(number: int, title: str) -> str:
    """A valid, unique worksheet name: at most 31 characters, none of those Excel forbids."""
    return f"{number} " + "".join(c for c in title if c not in "[]:*?/\\")[:27]


@dataclass(frozen=True)
class Replayed:
    """An item before and after its last delivery went through today's rules and codes once more."""

    before: Row
    after: LoadResult

    @property
    def released(self) -> int:
        """Rows that left the quarantine."""
        return int(self.before["rows_quarantined"]) - self.after.rows_quarantined


def replay(project: Project, items: Iterable[Item]) -> Iterator[Replayed]:
    """Take the kept delivery of every item with quarantined rows or a refusal through today's declarations."""
    for item in items:
        last = project.registry.last_load(item.id)
        if last and (last["rows_quarantined"] or last["verdict"] in (REFUSED_CONTRACT, REFUSED_GATE)):
            yield Replayed(last, load_item(project, item, again=True))
