"""Reports as workbooks: the same tables, each a worksheet."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fudata_pipeline.report.tables import Kind, Table, shown
from fudata_pipeline.report.unit import UnitReport

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

FORMATS: dict[Kind, str] = {"number": "General", "count": "#,##0", "score": "0.0", "gain": "+0.00", "share": "0.00%", "change": "+0.0;-0.0;0.0", "date": "yyyy-mm-dd"}  # fmt: skip

TEXT_LIMIT = 32_767


def write_workbook(path: Path, report: UnitReport) -> None:
    """Write the report's tables to ``path``. Whatever a text begins with, it stays text: no cell is a formula."""
    import xlsxwriter

    book = xlsxwriter.Workbook(
        str(path), {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    )
    book.set_properties({"title": report.title, "author": report.district})
    formats = {kind: book.add_format({"num_format": form, "valign": "top"}) for kind, form in FORMATS.items()}
    text = book.add_format({"text_wrap": True, "valign": "top"})
    quoted = book.add_format({"text_wrap": True, "valign": "top", "quote_prefix": True})
    heading = book.add_format({"bold": True, "bg_color": "#F1F4F8", "bottom": 1, "text_wrap": True, "valign": "top"})
    big = book.add_format({"bold": True, "font_size": 14})
    summary = book.add_worksheet("概况")
    _summary(summary, report, big, heading, text)
    for table in report.tables:
        sheet = book.add_worksheet(table.sheet)
        _sheet(sheet, table, heading, formats, text, quoted)
    book.close()


def _summary(sheet: Worksheet, report: UnitReport, big: Format, heading: Format, text: Format) -> None:
    s, place = report.standing, report.place
    sheet.set_column(0, 0, 18)
    sheet.set_column(1, 1, 90)
    sheet.write_string(0, 0, report.title, big)
    facts: list[tuple[str, str]] = [
        ("行政区", report.district),
        ("截至", str(s.as_of)),
        ("生成于", str(report.made_at)),
        ("综合得分", shown(s.score, "score")),
        ("等级", shown(s.grade, "grade")),
        ("较上月", shown(place.change, "change")),
        ("名次", f"{shown(place.rank, 'count')}（共 {report.ranked} 个有得分的单位）"),
        ("按期的数据项", str(len(s.on_time))),
        ("迟交的数据项", str(len(s.late))),
        ("拒收的数据项", str(len(s.refused))),
        ("从未交付的数据项", str(len(s.never))),
        ("本月交付次数", shown(s.sent, "count")),
        ("本月交付行数", shown(s.rows("rows_in"), "count")),
        ("其中隔离", f"{shown(s.rows('rows_quarantined'), 'count')}（{shown(s.quarantined_share, 'share')}）"),
        *(("说明", note) for note in report.notes),
    ]
    for row, (name, value) in enumerate(facts, 2):
        sheet.write_string(row, 0, name, heading)
        sheet.write_string(row, 1, value, text)


def _sheet(
    sheet: Worksheet, table: Table, heading: Format, formats: dict[Kind, Format], text: Format, quoted: Format
) -> None:
    sheet.freeze_panes(1, 1)
    sheet.set_landscape()
    sheet.repeat_rows(0)
    sheet.fit_to_pages(1, 0)
    for number, column in enumerate(table.columns):
        sheet.set_column(number, number, column.width)
        sheet.write_string(0, number, column.title, heading)
    if not table.rows:
        sheet.write_string(1, 0, table.nothing)
        return
    sheet.autofilter(0, 0, len(table.rows), len(table.columns) - 1)
    for row, values in enumerate(table.rows, 1):
        for number, (column, value) in enumerate(zip(table.columns, values, strict=True)):
            _cell(sheet, row, number, value, column.kind, formats, text, quoted)


def _cell(
    sheet: Worksheet, row: int, number: int, value: Any, kind: Kind, formats: dict[Kind, Format], text: Format, quoted: Format
) -> None:  # fmt: skip
    if value is None or value == "" or value == ():
        return
    if isinstance(value, date):
        sheet.write_datetime(row, number, value, formats["date"])
    elif isinstance(value, int | float):
        sheet.write_number(row, number, value, formats[kind])
    else:
        said = shown(value, kind)[:TEXT_LIMIT]
        # With the prefix it stays text even when somebody edits the cell.
        sheet.write_string(row, number, said, quoted if said.startswith(("=", "+", "-", "@", "\t", "\r")) else text)
