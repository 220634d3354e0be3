"""Workbooks (.xlsx, .xls) to staging: cells as text by their stored type, never guessed from their format."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from python_calamine import CalamineError, CalamineWorkbook, PasswordError

from fudata_pipeline.catalog.model import Source
from fudata_pipeline.sources.delivery import DeliveryRefused
from fudata_pipeline.sources.headers import STAGING_COLUMNS, clean, unique_headers

BATCH = 50_000
Row = tuple[int, list[str | None]]


def stage_excel(con: duckdb.DuckDBPyConnection, file: Path, source: Source, work: Path, out: Path) -> tuple[str, ...]:
    """Write staging Parquet ``out`` and give the headers; ``_line`` is the row's number in the sheet.

    Raises DeliveryRefused: unreadable, wrong_format (no such sheet), empty_delivery (no header).
    """
    try:
        with file.open("rb") as stream, CalamineWorkbook.from_filelike(stream) as book:
            names = book.sheet_names
            if source.sheet is not None and source.sheet not in names:
                raise DeliveryRefused("wrong_format", f"没有工作表“{source.sheet}”，只有：{'、'.join(names)}")
            rows = enumerate(book.get_sheet_by_name(source.sheet or names[0]).iter_rows(), 1)
            below = islice(rows, source.skip_rows, None)
            top = [[cell_text(cell) for cell in row] for _, row in islice(below, source.header_rows)]
            width = max((i for row in top for i, cell in enumerate(row, 1) if clean(cell or "")), default=0)
            if width == 0:
                raise DeliveryRefused("empty_delivery", f"跳过 {source.skip_rows} 行后没有表头")
            data = ((line, [cell_text(cell) for cell in row]) for line, row in below)
            filled = ((line, row) for line, row in data if any(cell is not None for cell in row))
            return _write(filled, header_names(top), out)
    except PasswordError:
        raise DeliveryRefused("unreadable", "工作簿设有密码") from None
    except CalamineError:
        raise DeliveryRefused("unreadable", "工作簿已损坏或不完整") from None


def cell_text(cell: object) -> str | None:
    """A cell as text: None if empty, ISO dates, plain whole numbers, ``4.40304199003071E+17``.

    From 16 digits on a spreadsheet loses the last ones, and whoever reads the text must be able to tell.
    """
    if isinstance(cell, str):
        return cell or None
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, dt.datetime):
        return cell.isoformat(" ")
    if isinstance(cell, dt.date | dt.time):
        return cell.isoformat()
    if isinstance(cell, int | float):
        if abs(cell) >= 1e15:
            digits, exponent = f"{cell:.14E}".split("E")
            return f"{digits.rstrip('0').rstrip('.')}E{exponent}"
        return str(int(cell)) if cell == int(cell) else repr(cell)
    return str(cell)


def header_names(rows: list[list[str | None]]) -> tuple[str, ...]:
    """One name per column: its lowest filled header cell, with the group above it where that repeats.

    A group is written once over its columns (merged cells), so it holds until the next cell of its row.
    """
    cells = [[clean(cell or "") for cell in row] for row in rows]
    leaves = [next((cell for cell in reversed(column) if cell), "") for column in zip(*cells, strict=True)]
    if len(cells) == 1:
        return unique_headers(leaves)
    groups = list(_filled_forward(cells[-2]))
    return unique_headers(
        f"{group}/{leaf}" if leaves.count(leaf) > 1 and group and group != leaf else leaf
        for group, leaf in zip(groups, leaves, strict=True)
    )


def _filled_forward(cells: Iterable[str]) -> Iterator[str]:
    last = ""
    for cell in cells:
        last = cell or last
        yield last


def _write(rows: Iterator[Row], headers: tuple[str, ...], out: Path) -> tuple[str, ...]:
    text = pa.string()
    line, *texts = STAGING_COLUMNS
    schema = pa.schema([(line, pa.int64()), *((name, text) for name in (*texts, *headers))])
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        while batch := list(islice(rows, BATCH)):
            blank = pa.nulls(len(batch), text)
            columns = [pa.array(column, text) for column in zip(*(row for _, row in batch), strict=True)]
            lines = pa.array([line for line, _ in batch], pa.int64())
            writer.write_table(pa.Table.from_arrays([lines, blank, blank, *columns], schema=schema))
    return headers


def open_returned(path: Path, refused: type[Exception]) -> CalamineWorkbook:
    """A workbook of ours that somebody filled in and sent back, as python-calamine opens it.

    Raises refused: with the cure, for a file that has a password or cannot be read.
    """
    try:
        return CalamineWorkbook.from_path(path)
    except PasswordError:
        raise refused(f"{path.name} 设有密码 → 去掉密码后重新发回") from None
    except (CalamineError, OSError) as error:
        raise refused(f"{path.name} 不能读取（{type(error).__name__}）→ 核对路径，存为 .xlsx 后重新发回") from None
