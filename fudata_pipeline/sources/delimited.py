"""CSV, TSV and other delimited text to staging, with the physical line on which each record starts.

DuckDB parses in parallel and gives no line of a good record, nor any trace of a blank line. The lines follow
by subtraction (``numbering``): all lines, less blank ones and those of rejected records, are the lines of
the good records in their order. The same sum proves that nothing was lost.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from fudata_pipeline.catalog.model import Source
from fudata_pipeline.engine.sql import identifier, literal, parquet
from fudata_pipeline.sources.delivery import CHUNK, DeliveryRefused
from fudata_pipeline.sources.headers import clean, unique_headers
from fudata_pipeline.sources.numbering import Body, number_lines, parse, rejects_table
from fudata_pipeline.sources.streamed import Judge, Streamed, stream
from fudata_pipeline.sources.text import TextFile, read_text

LONG = 50_000
"""From so many lines on a text is worth :mod:`.streamed`."""


def stage_delimited(
    con: duckdb.DuckDBPyConnection, file: Path, source: Source, work: Path, out: Path, judge: Judge | None = None
) -> tuple[str, ...] | Streamed:
    """Write staging Parquet ``out`` and give the headers; ``work`` is a scratch folder.

    With ``judge`` a long text is judged while it is read, and nothing is staged.

    Raises DeliveryRefused: what ``read_text`` raises, empty_delivery (no header), unreadable, truncated,
    line_too_long (a quote that is never closed swallows the lines after it).
    """
    text = read_text(file, source.encoding, work)
    headers, body = _head(text, source, work)
    if judge is not None and text.lines >= LONG and body.width > 1:
        return stream(con, body, headers, judge(headers), work)
    records = work / "records.parquet"
    with rejects_table(con) as rejects:
        rejected = parse(con, body, lambda parser: f"SELECT * FROM {parser}", rejects, records)
        if rejected == 0 and pq.read_metadata(records).num_rows == body.last_line - body.head:
            rows = (
                f"SELECT file_row_number + {body.head + 1} AS _line, NULL::VARCHAR AS _malformed, "
                f"NULL::VARCHAR AS _text, * FROM {parquet(records)}"
            )
        else:
            rows = number_lines(con, body, records, rejects, work)
    names = ", ".join(f"c{i} AS {identifier(name)}" for i, name in enumerate(headers))
    # a blank line reads as an empty value of an only column
    where = "WHERE c0 IS NOT NULL OR _malformed IS NOT NULL" if body.width == 1 else ""
    con.execute(
        f"COPY (SELECT _line, _malformed, _text, {names} FROM ({rows}) {where}) "
        f"TO {literal(out)} (FORMAT parquet, COMPRESSION zstd)"
    )
    return headers


def _head(text: TextFile, source: Source, work: Path) -> tuple[tuple[str, ...], Body]:
    """The header record below ``skip_rows`` lines, and the body below it."""
    head: list[str] = []
    with text.path.open(encoding="utf-8", newline="\n") as file:

        def lines() -> Iterator[str]:
            for line in file:
                head.append(line)
                yield line

        above = sum(1 for _ in islice(lines(), source.skip_rows))
        reader = csv.reader(lines(), delimiter=source.delimiter)
        try:
            cells = next((record for record in reader if any(map(clean, record))), None)
        except csv.Error:
            raise DeliveryRefused("unreadable", f"第 {above + 1} 行起的表头引号未闭合", above + 1) from None
    if cells is None:
        raise DeliveryRefused("empty_delivery", f"跳过 {source.skip_rows} 行后没有表头")
    path, skip = text.path, len(head)
    if any('"' in line for line in head[:-1]) or head[-1].count('"') % 2:
        # DuckDB's skip minds quotes, so that quotes above the records would make it skip records
        path, skip = work / "body", 0
        with text.path.open("rb") as whole, path.open("wb") as copy:
            whole.seek(sum(len(line.encode()) for line in head))
            shutil.copyfileobj(whole, copy, CHUNK)
    cut = len(head) - skip
    body = Body(
        path, skip, cut, text.lines, text.last_line, text.ends_with_newline, text.quoted, len(cells), source.delimiter
    )
    return unique_headers(cells), body
