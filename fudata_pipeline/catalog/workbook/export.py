"""``fudata catalog export``: the catalog as the official workbook."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable
from itertools import groupby
from pathlib import Path
from typing import Any

from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.catalog.model import Item
from fudata_pipeline.catalog.workbook.layout import (
    FIELD_SHEET,
    HEADS,
    LOCAL,
    SHEET,
    UNIT_SHEET,
    Cell,
    Head,
    column_cell,
    item_cell,
    plain,
)

FIELD_COLUMNS = ("name", "title", "type", "codes", "unit", "standard", "pi", "min", "max")
UNIT_COLUMNS = ("id", "number", "name", "short", "kind", "uscc", "block_data")


LONGEST = 32_767
"""Characters that a cell can hold; a longer text would be lost without a word."""


class NotExportable(Exception):
    """The catalog says something that a workbook cannot hold; the message names it."""


def export_workbook(
    catalog: Catalog, items: Iterable[Item], target: Path, on_item: Callable[[str], None] = lambda _: None
) -> int:
    """Write ``items`` to ``target`` (.xlsx) in the official template; gives the number of rows below the header.

    One row a column of an item; what belongs to the item is merged over its rows. Two more sheets hold the field
    dictionary and the units.

    Raises:
        OSError: the file cannot be written.
        NotExportable: a text is longer than a cell can hold.
    """
    import xlsxwriter
    from xlsxwriter.exceptions import FileCreateError

    items = list(items)
    heads = (*HEADS, *_local(items))
    book = xlsxwriter.Workbook(str(target))
    sheet = book.add_worksheet(SHEET)
    styles = _Styles(book)
    _header(sheet, heads, styles)
    row = 2
    for item in items:
        on_item(item.id)
        last = row + len(item.fields) - 1
        for at, head in enumerate(heads):
            if head.item is not None:
                _merged(sheet, row, last, at, _fitting(item_cell(head, catalog, item), item, head), styles.cell)
            else:
                for offset, column in enumerate(item.fields):
                    value = _fitting(column_cell(head, catalog, item, column), item, head)
                    _write(sheet, row + offset, at, value, styles.cell)
        row = last + 1
    fields = {f.field.name: f.field for i in items for f in i.fields}
    fields |= {f.field.name: f.field for b in catalog.bases for f in b.fields}
    _table(
        book.add_worksheet(FIELD_SHEET),
        (*FIELD_COLUMNS, "given", "gives", "file"),
        [
            [*(getattr(f, c) for c in FIELD_COLUMNS), *(f.example or ("", "")), catalog.field_files[f.name]]
            for f in fields.values()
        ],
        styles,
    )
    units = [catalog.units_by_id[u] for u in dict.fromkeys(i.unit for i in items)]
    values = [[*(getattr(u, c) for c in UNIT_COLUMNS), plain(u.classes)] for u in units]
    _table(book.add_worksheet(UNIT_SHEET), (*UNIT_COLUMNS, "classes"), values, styles)
    try:
        book.close()
    except FileCreateError as error:
        raise OSError(errno.EIO, f"不能写入（{error}）", str(target)) from None
    return row - 2


def _fitting(value: Cell, item: Item, head: Head) -> Cell:
    if isinstance(value, str) and len(value) > LONGEST:
        message = f"{item.id} 的“{head.title}”有 {len(value):,} 字，单元格最多 {LONGEST:,} 字 → 缩短后再导出"
        raise NotExportable(message)
    return value


class _Styles:
    def __init__(self, book: Any) -> None:
        border = {"border": 1, "border_color": "#BFBFBF", "valign": "vcenter", "text_wrap": True}
        self.head = book.add_format({**border, "bold": True, "align": "center", "bg_color": "#DDEBF7"})
        self.cell = book.add_format({**border, "num_format": "@"})


def _local(items: list[Item]) -> list[Head]:
    """Columns of an imported workbook that this template does not know, as they came."""
    known = {h.title for h in HEADS}
    # A title that both items and fields have would lose one of the two: the fields' gets a name of its own.
    of_items = dict.fromkeys(t for i in items for t in i.extra if t not in known)
    of_columns = dict.fromkeys(t for i in items for f in i.fields for t in f.extra if t not in known)

    def of_field(title: str) -> Head:
        shown = f"{title}（信息项）" if title in of_items else title
        return Head(shown, LOCAL, column=lambda c, i, f: f.extra.get(title))

    return [
        *(Head(t, LOCAL, item=lambda c, i, t=t: i.extra.get(t)) for t in of_items),  # type: ignore[misc]
        *(of_field(t) for t in of_columns),
    ]


def _header(sheet: Any, heads: tuple[Head, ...], styles: _Styles) -> None:
    at = 0
    for group, members in groupby(heads, key=lambda h: h.group):
        titles = [h.title for h in members]
        if not group:
            for n, title in enumerate(titles):
                sheet.merge_range(0, at + n, 1, at + n, title, styles.head)
        else:
            if len(titles) > 1:
                sheet.merge_range(0, at, 0, at + len(titles) - 1, group, styles.head)
            else:
                sheet.write_string(0, at, group, styles.head)
            for n, title in enumerate(titles):
                sheet.write_string(1, at + n, title, styles.head)
        at += len(titles)
    sheet.freeze_panes(2, 5)
    sheet.set_column(0, len(heads) - 1, 16)


def _write(sheet: Any, row: int, at: int, value: Cell, style: Any) -> None:
    if value is None or value == "":
        sheet.write_blank(row, at, None, style)
    elif isinstance(value, str):
        sheet.write_string(row, at, value, style)
    else:
        sheet.write_number(row, at, value, style)


def _merged(sheet: Any, first: int, last: int, at: int, value: Cell, style: Any) -> None:
    """The value in the first row; in the others nothing, and one merged cell over them all."""
    if last > first:
        sheet.merge_range(first, at, last, at, "", style)
    _write(sheet, first, at, value, style)


def _table(sheet: Any, head: tuple[str, ...], rows: list[list[Any]], styles: _Styles) -> None:
    for at, title in enumerate(head):
        sheet.write_string(0, at, title, styles.head)
    for number, row in enumerate(rows, 1):
        for at, value in enumerate(row):
            if value is not None and value != "":
                sheet.write_string(number, at, str(value).lower() if isinstance(value, bool) else str(value))
    sheet.freeze_panes(1, 1)
