"""Deliveries as files, in the form each item declares: encodings, delimiters, title lines, workbooks, Parquet, JSON lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

from duckdb import DuckDBPyConnection

from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.catalog.model import Item
from fudata_pipeline.engine.sql import literal

CHUNK = 4 << 20
BATCH = 10_000
SAVED = datetime(2022, 10, 31, 18)
"""Workbooks carry a fixed time, so that the same rows give the same bytes."""
SHEET_ROWS = 1_048_576


class TooManyRows(Exception):
    """An item of more rows than a workbook can hold."""


def file_name(item: Item, day: date) -> str:
    """The name of a delivery of this day, as the item's file pattern has it."""
    ending = re.sub(r"\*", lambda _: f"{day:%Y%m%d}", item.source.path, count=1)
    return re.sub(r"\.xls\*$|\.xls\d{8}$", ".xlsx", ending).replace("*", "")


def first_line(item: Item) -> int:
    """Line of the first row, as the staging counts lines."""
    if item.source.format in ("parquet", "jsonl"):
        return 1
    return item.source.skip_rows + (item.source.header_rows if item.source.format == "excel" else 1) + 1


def write(con: DuckDBPyConnection, select: str, item: Item, catalog: Catalog, file: Path) -> None:
    """Write the rows of ``select`` (columns named by their headers) to ``file``, whole or not at all."""
    part = file.with_name(f".{file.name}.part")
    if item.source.format == "parquet":
        con.execute(f"COPY ({select}) TO {literal(part)} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)")
    elif item.source.format == "jsonl":
        con.execute(f"COPY ({select}) TO {literal(part)} (FORMAT json)")
    elif item.source.format == "excel":
        _workbook(con, select, item, catalog, part)
    else:
        _delimited(con, select, item, catalog, part)
    part.replace(file)


def title(item: Item, catalog: Catalog) -> str:
    return f"{catalog.units_by_id[item.unit].short}{item.title}（2022年）"


def _delimited(con: DuckDBPyConnection, select: str, item: Item, catalog: Catalog, file: Path) -> None:
    source = item.source
    body = file.with_suffix(".body") if source.encoding != "utf-8" or source.skip_rows else file
    con.execute(f"COPY ({select}) TO {literal(body)} (FORMAT csv, HEADER, DELIMITER {literal(source.delimiter)})")
    if body is file:
        return
    lines = [title(item, catalog)] + [""] * (source.skip_rows - 1) if source.skip_rows else []
    with (
        body.open("r", encoding="utf-8", newline="") as read,
        file.open("w", encoding=source.encoding, newline="") as out,
    ):
        for line in lines:
            out.write(f"{line}\n")
        while chunk := read.read(CHUNK):
            out.write(chunk)
    body.unlink()


def _fetched(con: DuckDBPyConnection, select: str) -> Iterator[tuple[Any, ...]]:
    result = con.execute(select)
    while batch := result.fetchmany(BATCH):
        yield from batch


def _workbook(con: DuckDBPyConnection, select: str, item: Item, catalog: Catalog, file: Path) -> None:
    """A workbook as units export it: real date and number cells, identifiers as text, now and then as a number.

    Raises:
        TooManyRows: when a sheet cannot hold them.
    """
    import xlsxwriter

    source = item.source
    book = xlsxwriter.Workbook(str(file), {"constant_memory": True, "tmpdir": str(file.parent)})
    book.set_properties({"created": SAVED, "author": catalog.units_by_id[item.unit].short})
    sheet = book.add_worksheet(source.sheet or "Sheet1")
    as_date = book.add_format({"num_format": "yyyy-mm-dd"})
    as_time = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
    row = 0
    for _ in range(source.skip_rows):
        sheet.write_string(row, 0, title(item, catalog))
        row += 1
    for _ in range(source.header_rows - 1):
        sheet.write_string(row, 0, item.title)
        row += 1
    for column, field in enumerate(item.fields):
        sheet.write_string(row, column, field.headers[0])
    kinds = ["code" if f.field.codes else f.field.type for f in item.fields]
    for cells in _fetched(con, select):
        row += 1
        if row >= SHEET_ROWS:
            book.close()
            raise TooManyRows(
                f"{item.id}《{item.title}》的行数超过一张工作表的上限 → 请用较小的 --scale，或在目录中改为 csv"
            )
        for column, (cell, kind) in enumerate(zip(cells, kinds, strict=True)):
            if cell is None:
                continue
            number = (
                _number(cell)
                if kind in ("integer", "decimal", "double") or (kind == "resident_id" and "E+" in cell)
                else None
            )
            moment = _moment(cell) if kind in ("date", "datetime") else None
            if number is not None:
                sheet.write_number(row, column, number)
            elif moment is not None:
                sheet.write_datetime(row, column, moment, as_date if kind == "date" else as_time)
            else:
                sheet.write_string(row, column, str(cell))
    book.close()


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _moment(text: str) -> datetime | None:
    """ISO dates become real date cells; whatever else a date column holds stays text."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if len(text) >= 10 and text[4] == "-" and found.year >= 1900 else None
