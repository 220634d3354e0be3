"""Physical lines of parsed records between blank lines, rejected records and quoted newlines."""

from __future__ import annotations

import csv
import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from fudata_pipeline.engine.sql import file_literal, literal, parquet
from fudata_pipeline.sources.delivery import CHUNK, DeliveryRefused

_REJECTED = """
    SELECT line, reason, text, len(parts) AS height, parts FROM (
        SELECT s.newlines + length(r.text) - length(ltrim(r.text, chr(10))) + 1 AS line, r.reason,
               trim(r.text, chr(10)) AS text, string_split(trim(r.text, chr(10)), chr(10)) AS parts
        FROM (SELECT line_byte_position - 1 AS byte, arg_min(error_type, column_idx) AS reason,
                     coalesce(any_value(csv_line), '') AS text FROM {rejects} GROUP BY ALL) r
        JOIN read_parquet({starts}) s USING (byte))
"""


@dataclass(frozen=True)
class Body:
    """Where the records are: ``skip`` lines into ``path``, which begins ``cut`` lines into the delivery.

    ``lines`` and ``last_line`` (the last not blank) count from the start of the delivery.
    """

    path: Path
    skip: int
    cut: int
    lines: int
    last_line: int
    ends_with_newline: bool
    quoted: bool
    width: int
    delimiter: str

    @property
    def head(self) -> int:
        return self.skip + self.cut


PASSING = "FORMAT parquet, COMPRESSION lz4, DICTIONARY_SIZE_LIMIT 1"
"""How a file is written that is read once."""

LASTING = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, PARQUET_VERSION v2"
"""How one is written that stays: no larger than by the usual level and encodings, in two thirds of the time."""


def parse(
    con: duckdb.DuckDBPyConnection,
    body: Body,
    select: Callable[[str], str],
    rejects: str,
    records: Path,
    options: str = PASSING,
) -> int:
    """What ``select`` makes of the table of good records (text columns ``c0 …``), in order, to the Parquet ``records``;
    one or more reasons for each other record to the table ``rejects``, and how many there are.

    Numbering while parsing (``row_number() OVER ()``) would do all of it on one thread.
    """
    columns = ", ".join(f"c{i}: 'VARCHAR'" for i in range(body.width))
    parser = (
        f"read_csv({file_literal(body.path)}, auto_detect=false, header=false, columns={{{columns}}}, "
        f"delim={literal(body.delimiter)}, quote='\"', escape='\"', nullstr='', skip={body.skip}, new_line='\\n', "
        f"compression='none', store_rejects=true, rejects_table='{rejects}', rejects_scan='{rejects}_scans', "
        "rejects_limit=0)"
    )
    try:
        con.execute(f"COPY ({select(parser)}) TO {literal(records)} ({options})")
    except duckdb.InvalidInputException:  # its message quotes the line
        raise DeliveryRefused("unreadable", f"无法按分隔符“{body.delimiter}”解析") from None
    [(rejected,)] = con.execute(f"SELECT count(*) FROM {rejects}").fetchall()
    return int(rejected)


@contextmanager
def rejects_table(con: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """The name of a table for one parse, and of none after it."""
    name = f"_rejects_{uuid.uuid4().hex}"
    try:
        yield name
    finally:
        con.execute(f"DROP TABLE IF EXISTS {name}; DROP TABLE IF EXISTS {name}_scans")


@dataclass(frozen=True)
class Gaps:
    """What lies between the good records: ``gaps`` and ``rejected`` are Parquet files.

    ``gaps``: after the first ``before`` lines of good records come ``lines`` other lines, counted from the start.
    ``tall``: some records cover more than one line.
    """

    gaps: Path
    rejected: Path
    tall: bool


def find_gaps(con: duckdb.DuckDBPyConnection, body: Body, records: Path, height: str, rejects: str, work: Path) -> Gaps:
    """Where blank lines and rejected records are; ``height`` is SQL over ``records``: the lines that a record covers.

    Raises DeliveryRefused: truncated, or line_too_long if DuckDB lost lines, as it does after an open quote.
    """
    offsets = con.execute(f"SELECT DISTINCT line_byte_position - 1 AS at FROM {rejects} ORDER BY 1").fetchnumpy()["at"]
    before = [body.cut + n for n in _newlines_before(body.path, offsets.tolist())]
    starts, rejected, gaps = work / "starts.parquet", work / "rejected.parquet", work / "gaps.parquet"
    pq.write_table(pa.table({"byte": pa.array(offsets, pa.int64()), "newlines": pa.array(before, pa.int64())}), starts)
    _save(con, _REJECTED.format(rejects=rejects, starts=file_literal(starts)), rejected)

    last = con.execute(
        f"SELECT line FROM {parquet(rejected)} WHERE line + height > {body.last_line} "
        "AND reason IN ('MISSING COLUMNS', 'UNQUOTED VALUE')"
    ).fetchone()
    if last and not body.ends_with_newline:
        raise DeliveryRefused("truncated", f"末条记录（第 {last[0]} 行）不完整，且文件末尾没有换行", last[0])

    blank = work / "blank.parquet"
    lines = list(_blank_lines(body)) if body.width > 1 else []  # as an only column, a blank line is a record
    pq.write_table(pa.table({"line": pa.array(lines, pa.int64())}), blank)
    _save(
        con,
        f"SELECT line - {body.head} - k AS before, max(k) AS lines FROM ("
        "SELECT line, row_number() OVER (ORDER BY line) AS k FROM ("
        f"SELECT line FROM {parquet(blank)} UNION "
        f"SELECT unnest(range(line, line + height)) FROM {parquet(rejected)})) GROUP BY 1",
        gaps,
    )
    [(count, covered, apart)] = con.execute(
        f"SELECT count(*), coalesce(sum({height}), 0), "
        f"(SELECT coalesce(max(lines), 0) FROM {parquet(gaps)}) FROM {parquet(records)}"
    ).fetchall()
    if covered + apart != body.lines - body.head:
        line = _last_record(body)
        if not body.ends_with_newline:
            raise DeliveryRefused("truncated", f"第 {line} 行起引号未闭合，直到文件末尾", line)
        raise DeliveryRefused("line_too_long", f"第 {line} 行起引号未闭合，其后的行无法区分", line)
    return Gaps(gaps, rejected, covered > count)


def nth_line(height: str, *, tall: bool) -> str:
    """SQL over the records' file: which of the lines that good records cover is a record's first."""
    # A running sum takes one thread.
    return f"(sum({height}) OVER (ROWS UNBOUNDED PRECEDING) - {height} + 1)::BIGINT" if tall else "file_row_number + 1"


def malformed(body: Body, gaps: Gaps) -> str:
    """SELECT ``_line, _malformed, _text`` of the rejected records; what an open quote swallowed, line by line."""
    return f"""
        SELECT unnest(CASE WHEN swallowed THEN range(line, line + height) ELSE [line] END) AS _line,
               reason AS _malformed, unnest(CASE WHEN swallowed THEN parts ELSE [text] END) AS _text
        FROM (SELECT *, reason = 'UNQUOTED VALUE' AND line + height > {body.last_line} AS swallowed
              FROM {parquet(gaps.rejected)} WHERE trim(text, ' \t\u3000\n') <> '')"""


def number_lines(con: duckdb.DuckDBPyConnection, body: Body, records: Path, rejects: str, work: Path) -> str:
    """SQL giving ``_line, _malformed, _text, c0 …`` of all records: good ones (``records``) and rejected.

    Raises DeliveryRefused: see :func:`find_gaps`.
    """
    height = record_height(body.width)
    gaps = find_gaps(con, body, records, height, rejects, work)
    columns = ", ".join(f"c{i}" for i in range(body.width))
    return f"""
        SELECT {body.head} + nth + coalesce(gap.lines, 0) AS _line, NULL::VARCHAR AS _malformed,
               NULL::VARCHAR AS _text, {columns}
        FROM (SELECT *, {nth_line(height, tall=gaps.tall)} AS nth FROM {parquet(records)}) r
        ASOF LEFT JOIN {parquet(gaps.gaps)} gap ON gap.before < r.nth
        UNION ALL BY NAME
        ({malformed(body, gaps)})
        ORDER BY _line"""


def _save(con: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
    con.execute(f"COPY ({query}) TO {literal(path)} (FORMAT parquet)")


def record_height(width: int) -> str:
    """SQL: the lines a good record covers, less blank ones inside its quotes (they count as blank lines)."""
    if width == 1:
        return "coalesce(len(string_split(c0, chr(10))), 1)"
    inner = "len(list_filter(string_split({c}, chr(10))[2:-2], lambda x: x <> '')) + 1"
    more = (f"CASE WHEN contains(c{i}, chr(10)) THEN {inner.format(c=f'c{i}')} ELSE 0 END" for i in range(width))
    return f"(1 + {' + '.join(more)})"


def _newlines_before(path: Path, offsets: Iterable[int]) -> Iterator[int]:
    """The newlines before each of the ascending byte offsets, in one pass."""
    count = 0
    with path.open("rb") as file:
        for offset in offsets:
            while chunk := file.read(min(CHUNK, offset - file.tell())):
                count += chunk.count(b"\n")
            yield count


def _blank_lines(body: Body) -> Iterator[int]:
    """The blank lines below the header, also those inside quotes."""
    line, previous = body.cut, b"\n"
    with body.path.open("rb") as file:
        while chunk := file.read(CHUNK):
            data, start = previous + chunk, 1
            for found in re.finditer(rb"\n(?=\n)", data):
                line += data.count(b"\n", start, found.end() + 1)
                start = found.end() + 1
                if line > body.head:
                    yield line
            line += data.count(b"\n", start)
            previous = chunk[-1:]


def _last_record(body: Body) -> int:
    """The line on which the last record begins, or one too large for the csv module: the open quote's."""
    with body.path.open(encoding="utf-8", newline="\n") as file:
        reader, start = csv.reader(file, delimiter=body.delimiter), 0
        while True:
            before = reader.line_num
            try:
                next(reader)
            except StopIteration:
                return body.cut + start + 1
            except csv.Error:
                return body.cut + before + 1
            start = before
