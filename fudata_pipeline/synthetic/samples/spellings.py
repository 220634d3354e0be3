"""The same value written differently, as spreadsheets and hands do: dates, identifiers, telephone numbers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from fudata_pipeline.synthetic.samples.rows import Row, Sheet, put


def full_width(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


def serial(date: dt.date) -> int:
    """The number by which a spreadsheet stores a date."""
    return (date - dt.date(1899, 12, 30)).days


SPELLINGS: dict[str, Callable[[dt.date], Any]] = {
    "date_digits": lambda d: f"{d:%Y%m%d}",
    "date_short": lambda d: f"{d.year}-{d.month}-{d.day}",
    "date_slashes": lambda d: f"{d.year}/{d.month}/{d.day}",
    "date_chinese": lambda d: f"{d.year}年{d.month}月{d.day}日",
    "date_dots": lambda d: f"{d.year}.{d.month}.{d.day}",
    "date_serial": lambda d: str(serial(d)) if 20000 <= serial(d) <= 60000 else f"{d:%Y%m%d}",
}


def spell_dates(sheet: Sheet, header: str, share: float = 0.08, first: str = "{:%Y-%m-%d}") -> None:
    """Write the dates of a column as text: most by the house style, ``share`` in each of the other ways."""
    counted = int(len(sheet.rows) * share)
    todo = [r for r in sheet.rows if isinstance(r.cells.get(header), dt.date) and r.fate == "accepted"]
    sheet.rng.shuffle(todo)
    for kind, write in SPELLINGS.items():
        for row in todo[:counted]:
            text = write(row.cells[header])
            row.kinds.append("date_digits" if kind == "date_serial" and len(text) == 8 else kind)
            row.cells[header] = text
        todo = todo[counted:]
    for row in sheet.rows:
        value = row.cells.get(header)
        if isinstance(value, dt.datetime):
            row.cells[header] = f"{value:%Y-%m-%d %H:%M:%S}"
        elif isinstance(value, dt.date):
            row.cells[header] = first.format(value)


def note_date_cells(sheet: Sheet) -> None:
    """Count the rows of a workbook in which some date stays a real date cell."""
    for row in sheet.rows:
        if any(isinstance(cell, dt.date) for cell in row.cells.values()):
            row.kinds.append("date_cell")


def as_number(number: str) -> str:
    """What a spreadsheet saves to CSV for an identifier that it took for a number."""
    digits = number[:6]
    return f"{digits[0]}.{digits[1:]}E+{len(number) - 1}"


def born_before(row: Row, header: str, year: int) -> bool:
    number = row.cells[header]
    return len(number) == 18 and number[6:8] == "19" and int(number[6:10]) < year and number.isascii()


def spell_ids(sheet: Sheet, header: str, *, tab: bool, few: int = 6) -> None:
    """Blanks, tabs, small x and full-width digits in identifiers; each row gets at most one of them."""
    sheet.spell("lower_case_x", few, put(header, str.lower), lambda r: r.cells[header].endswith("X"))

    def plain(row: Row) -> bool:
        return len(row.cells[header]) == 18 and row.cells[header].isascii() and row.cells[header].isdigit()

    sheet.spell("trailing_blank", few, put(header, lambda i: f"{i} "), plain)
    sheet.spell("full_width", few, put(header, full_width), plain)
    if tab:
        sheet.spell("trailing_tab", few, put(header, lambda i: f"{i}\t"), plain)


def spell_phones(sheet: Sheet, header: str) -> None:
    def plain(row: Row) -> bool:
        return len(row.cells[header]) == 11 and row.cells[header].isdigit()

    sheet.spell("phone_86", 6, put(header, lambda n: f"+86{n}"), plain)
    sheet.spell("phone_blanks", 6, put(header, lambda n: f"{n[:3]} {n[3:7]} {n[7:]}"), plain)
