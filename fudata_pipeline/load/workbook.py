"""The quarantine as a workbook: a sheet a delivery, which the unit corrects in place and sends back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fudata_pipeline.catalog.model import Item
from fudata_pipeline.engine.duckdb import connect
from fudata_pipeline.engine.sql import parquet
from fudata_pipeline.lake.registry import Row
from fudata_pipeline.load.version import QUARANTINE, version_dir
from fudata_pipeline.project import Project
from fudata_pipeline.sources.excel import cell_text, open_returned

EXCEL_ROWS = 1_048_576
CHUNK = 10_000
BEFORE, AFTER = ("行号", "问题"), ("原始行",)
"""Columns around those that were delivered."""
INDEX = "_fudata"
"""Hidden sheet that tells which delivery each other sheet is of."""
GUIDE = "填写说明"
TOLD = (
    "1. 每个工作表是一次交付中被隔离的行；“问题”列写明哪一列有什么问题。",
    "2. 请直接在原单元格改正，整行的其他列也可以改；没有改动的行不会重新处理。",
    "3. 不要改动行号、表头、工作表名，也不要增删列；可以删去不处理的行。",
    "4. 证件号等长数字请保持文本格式，不要让表格软件改成科学计数。",
    "5. 改好后原样保存为 .xlsx，放入本单位收件目录的 corrections 文件夹，或交数据局。",
)


class NotAWorkbook(Exception):
    """The file is not a quarantine workbook of ours, or was changed where it must not be; the message says how."""


class TooManyRows(Exception):
    """More rows than a worksheet holds."""


def write_workbook(project: Project, kept: Iterable[tuple[Item, Row]], path: Path) -> None:
    """Write the quarantined rows of each load. Raises TooManyRows."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    book = Workbook(write_only=True)
    index: list[tuple[str, str, str]] = []
    with connect(project.settings) as con:
        for number, (item, load) in enumerate(kept, 1):
            if load["rows_quarantined"] >= EXCEL_ROWS:
                raise TooManyRows(f"{item.id} 有 {load['rows_quarantined']} 行，超过工作表上限 → 改用 .csv 或 .parquet")
            sheet = book.create_sheet(_sheet_name(number, item.title))
            sheet.freeze_panes = "C2"

            def text(value: str | None, sheet: Any = sheet) -> Any:
                """A delivered value as it was delivered: text, whatever it looks like, and no formula to run at the unit."""
                cell = WriteOnlyCell(sheet, printable(value))
                cell.data_type = "s" if value is not None else cell.data_type
                cell.number_format = "@"
                return cell

            index.append((sheet.title, item.id, load["load_id"]))
            cursor = con.execute(
                f"SELECT _line, array_to_string(_reasons, '；'), _raw, _text "
                f"FROM {parquet(version_dir(project, load) / QUARANTINE)} ORDER BY _line"
            )
            headers: list[str] | None = None
            while chunk := cursor.fetchmany(CHUNK):
                for line, reasons, raw, unparsed in chunk:
                    cells: dict[str, Any] = json.loads(raw)
                    if headers is None:
                        headers = list(cells)
                        sheet.append([*BEFORE, *map(text, headers), *AFTER])
                    sheet.append([line, reasons, *(text(cells.get(h)) for h in headers), text(unparsed)])
    guide = book.create_sheet(GUIDE)
    for said in TOLD:
        guide.append([said])
    hidden = book.create_sheet(INDEX)
    hidden.sheet_state = "hidden"
    for row in index:
        hidden.append(row)
    book.save(path)


def printable(value: str | None) -> str | None:
    """A value without the characters that a workbook cannot hold."""
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    return None if value is None else ILLEGAL_CHARACTERS_RE.sub("", value)


def _sheet_name(number: int, title: str) -> str:
    """A valid, unique worksheet name: at most 31 characters, none of those Excel forbids."""
    return f"{number} " + "".join(c for c in title if c not in "[]:*?/\\")[:27]


@dataclass(frozen=True)
class Sheet:
    """A sheet that came back. ``rows``: number of the row in the sheet, line of the delivery, and cells by header."""

    name: str
    item: str
    load_id: str
    headers: tuple[str, ...]
    rows: Iterator[tuple[int, str | None, dict[str, str | None]]]


def read_workbook(path: Path) -> Iterator[Sheet]:
    """The sheets of a workbook that came back; each must be read before the next.

    Raises NotAWorkbook: for another file, or headers that were changed.
    """
    book = open_returned(path, NotAWorkbook)
    if INDEX not in book.sheet_names:
        raise NotAWorkbook(f"{path.name} 不是本系统导出的隔离清单 → 在 fudata quarantine export 导出的文件里更正后发回")
    for name, item, load_id in book.get_sheet_by_name(INDEX).to_python():
        if name not in book.sheet_names:
            continue  # the unit dropped what it does not correct
        rows = enumerate(book.get_sheet_by_name(str(name)).to_python(skip_empty_area=False), 1)
        top = [cell_text(cell) or "" for cell in next(rows, (1, []))[1]]
        if tuple(top[: len(BEFORE)]) != BEFORE or AFTER[0] not in top:
            raise NotAWorkbook(f"{path.name} 工作表“{name}”的表头被改动 → 恢复第 1 行的表头后重新发回")
        headers = tuple(top[len(BEFORE) : len(top) - 1 - top[::-1].index(AFTER[0])])
        yield Sheet(str(name), str(item), str(load_id), headers, _rows(rows, headers))


def _rows(
    rows: Iterator[tuple[int, list[Any]]], headers: tuple[str, ...]
) -> Iterator[tuple[int, str | None, dict[str, str | None]]]:
    for number, cells in rows:
        texts = [cell_text(cell) for cell in cells]
        if any(texts):
            yield number, texts[0], dict(zip(headers, texts[len(BEFORE) :], strict=False))
