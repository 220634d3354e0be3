"""CSV, TSV and other delimited text to staging, with the physical line on which each record starts.

DuckDB parses in parallel and gives no line of a good record, nor any trace of a blank line. The lines follow
by subtraction (``numbering``): all lines, less blank ones and those of rejected records, are the lines of
the good records in their order. The same sum proves that nothing was lost.
"""

from __future__ import annotations

import csv
import shutil
import uuid
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from fudata_pipeline.catalog.model import Source
from fudata_pipeline.engine.sql import file_literal, identifier, literal, parquet
from fudata_pipeline.sources.delivery import CHUNK, DeliveryRefused
from fudata_pipeline.sources.headers import clean, unique_headers
from fudata_pipeline.sources.numbering import Body, number_lines
from fudata_pipeline.sources.text import TextFile, read_text


def stage_delimited(
    con: duckdb.DuckDBPyConnection, file: Path, source: Source, work: Path, out: Path
) -> tuple[str, ...]:
    """Write staging Parquet ``out`` and give the headers; ``work`` is a scratch folder.

    Raises DeliveryRefused: what ``read_text`` raises, empty_delivery (no header), unreadable, truncated,
    line_too_long (a quote that is never closed swallows the lines after it).
    """
    text = read_text(file, source.encoding, work)
    headers, body = _head(text, source, work)
    rejects = f"_rejects_{uuid.uuid4().hex}"
    records = work / "records.parquet"
    try:
        _parse(con, body, rejects, records)
        [(rejected,)] = con.execute(f"SELECT count(*) FROM {rejects}").fetchall()
        if rejected == 0 and pq.read_metadata(records).num_rows == body.last_line - body.head:
            rows = (
                f"SELECT file_row_number + {body.head + 1} AS _line, NULL::VARCHAR AS _malformed, "
                f"NULL::VARCHAR AS _text, * FROM {parquet(records)}"
            )
        else:
            rows = number_lines(con, body, records, rejects, work)
    finally:
        con.execute(f"DROP TABLE IF EXISTS {rejects}")
        con.execute(f"DROP TABLE IF EXISTS {rejects}_scans")
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
    body = Body(path, skip, cut, text.lines, text.last_line, text.ends_with_newline, len(cells), source.delimiter)
    return unique_headers(cells), body


def _parse(con: duckdb.DuckDBPyConnection, body: Body, rejects: str, records: Path) -> None:
    """Good records, in order, to ``records``; one or more reasons for each other record to table ``rejects``.

    Numbering while parsing (``row_number() OVER ()``) would do all of it on one thread.
    """
    columns = ", ".join(f"c{i}: 'VARCHAR'" for i in range(body.width))
    try:
        con.execute(
            f"COPY (SELECT * FROM read_csv({file_literal(body.path)}, auto_detect=false, header=false, "
            f"columns={{{columns}}}, delim={literal(body.delimiter)}, quote='\"', escape='\"', nullstr='', "
            f"skip={body.skip}, new_line='\\n', compression='none', store_rejects=true, "
            f"rejects_table='{rejects}', rejects_scan='{rejects}_scans', rejects_limit=0)) "
            f"TO {literal(records)} (FORMAT parquet, COMPRESSION lz4, DICTIONARY_SIZE_LIMIT 1)"
        )
    except duckdb.InvalidInputException:  # its message quotes the line
        raise DeliveryRefused("unreadable", f"无法按分隔符“{body.delimiter}”解析") from None
