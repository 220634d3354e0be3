"""Deliveries as files. Same rows, same bytes: workbooks carry fixed dates."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from fudata_pipeline.synthetic.samples.rows import Row

_SAVED = dt.datetime(2022, 10, 31, 18, 0, 0)


def delimited_text(headers: list[str], rows: list[Row], delimiter: str, newline: str) -> str:
    """Text of a CSV; malformed rows are written as they are."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator=newline)
    writer.writerow(headers)
    for row in rows:
        writer.writerow(row.line if isinstance(row.line, list) else [row.cells[h] for h in headers])
    return out.getvalue()


def write_delimited(
    path: Path,
    headers: list[str],
    rows: list[Row],
    *,
    encoding: str = "utf-8",
    delimiter: str = ",",
    newline: str = "\n",
) -> None:
    path.write_bytes(delimited_text(headers, rows, delimiter, newline).encode(encoding))


def write_jsonl(path: Path, rows: list[Row]) -> None:
    lines = [
        row.line
        if isinstance(row.line, str)
        else json.dumps({k: v for k, v in row.cells.items() if v is not None}, ensure_ascii=False)
        for row in rows
    ]
    path.write_bytes("".join(f"{line}\n" for line in lines).encode())


def write_parquet(path: Path, schema: pa.Schema, rows: list[Row]) -> None:
    table = pa.Table.from_pylist([row.cells for row in rows], schema=schema)
    pq.write_table(table, path, compression="zstd")


def write_xlsx(path: Path, sheets: dict[str, list[list[Any]]], merges: dict[str, list[str]] | None = None) -> None:
    """Workbook of sheets of cells, with merged ranges by sheet."""
    from openpyxl import Workbook

    book = Workbook()
    book.remove(book.worksheets[0])
    for title, lines in sheets.items():
        sheet = book.create_sheet(title)
        for cells in lines:
            sheet.append(cells)
        for cell_range in (merges or {}).get(title, ()):
            sheet.merge_cells(cell_range)
    book.properties.creator = "synthetic"
    book.properties.created = _SAVED
    written = io.BytesIO()
    book.save(written)
    path.write_bytes(_undated(written.getvalue()))


def _undated(workbook: bytes) -> bytes:
    """The same workbook without the time at which it was really saved."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "docProps/core.xml":
                content = re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>2022-10-31T18:00:00Z", content)
            member = zipfile.ZipInfo(name, _SAVED.timetuple()[:6])
            member.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(member, content)
    return out.getvalue()


def write_xls(path: Path, sheet: str, headers: list[str], rows: list[Row]) -> None:
    """Workbook of the old format; dates become real date cells. Needs xlwt, a development dependency."""
    import xlwt

    book = xlwt.Workbook(encoding="utf-8")
    page = book.add_sheet(sheet)
    as_date = xlwt.easyxf(num_format_str="YYYY-MM-DD")
    for x, header in enumerate(headers):
        page.write(0, x, header)
    for y, row in enumerate(rows, 1):
        for x, header in enumerate(headers):
            cell = row.cells[header]
            if isinstance(cell, dt.date):
                page.write(y, x, cell, as_date)
            elif cell is not None:
                page.write(y, x, cell)
    book.save(str(path))
