"""A long delimited text, judged while it is parsed.

Writing millions of rows of text to staging only to read them again takes as long as parsing them. So the SELECT that
makes typed columns of text is run over the parser itself, and of the text remains what that SELECT keeps. The cells of
a few more records can be read again (:meth:`Streamed.cells`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from fudata_pipeline.engine.sql import file_literal, literal, parquet
from fudata_pipeline.sources.numbering import (
    LASTING,
    Body,
    Gaps,
    find_gaps,
    malformed,
    nth_line,
    parse,
    record_height,
    rejects_table,
)

CHUNK = 64 << 20
BLOCK = 1024
"""Lines whose distance from their number among the good records is looked up together."""

Judge = Callable[[tuple[str, ...]], Callable[[str], str]]
"""Headers -> table of text -> the SELECT of what is to be kept of that table.

The table has ``_line``, ``_malformed``, ``_text`` and the VARCHAR columns ``c0 …`` for the headers. The SELECT must keep
``_line`` and the order of rows: it must not join, group or sort.
"""


@dataclass(frozen=True)
class Streamed:
    """What was kept of a text.

    ``records``: the file of it, if every line of the text is a record of it: its columns are those of the judge's SELECT,
    and ``_head``, the lines above the first. ``table``: SQL of a table with the columns of the judge's SELECT, ``_line`` the record's first line now, and
    ``_malformed`` and ``_text``: NULL but in records that could not be parsed, where all other columns are NULL.
    """

    headers: tuple[str, ...]
    table: str
    rows: int
    malformed: int
    body: Body
    records: Path | None = None

    def cells(self, con: duckdb.DuckDBPyConnection, lines: str, work: Path) -> str:
        """A table of ``_line`` and a text column a header: the records that begin on ``lines`` (a table of ``_line``)."""
        starts, ends = self._spans(con, lines)
        again, records, numbers = work / "again", work / "again.parquet", work / "again_lines.parquet"
        with again.open("wb") as out:
            for part in _cut(self.body, starts, ends):
                out.write(part)
        columns = ", ".join(f"{literal(h)}: 'VARCHAR'" for h in self.headers)
        con.execute(
            f"COPY (FROM read_csv({file_literal(again)}, auto_detect=false, header=false, columns={{{columns}}}, "
            f"delim={literal(self.body.delimiter)}, quote='\"', escape='\"', nullstr='', new_line='\\n', "
            f"compression='none')) TO {literal(records)} (FORMAT parquet, COMPRESSION lz4)"
        )
        pq.write_table(pa.table({"_line": starts, "_nth": np.arange(len(starts))}), numbers)
        return (
            f"(SELECT l._line, r.* EXCLUDE (_nth) FROM (SELECT *, file_row_number AS _nth FROM {parquet(records)}) r "
            f"JOIN {parquet(numbers)} l USING (_nth))"
        )

    def _spans(self, con: duckdb.DuckDBPyConnection, lines: str) -> tuple[np.ndarray, np.ndarray]:
        """Of each record its first line, and the first line after it."""
        wanted = con.execute(f"SELECT DISTINCT _line FROM {lines} ORDER BY _line").fetchnumpy()["_line"]
        if not self.body.quoted:
            return wanted, wanted + 1
        every = con.execute(f"SELECT _line FROM {self.table} ORDER BY _line").fetchnumpy()["_line"]
        after = np.append(every[1:], self.body.lines + 1)
        return wanted, after[np.searchsorted(every, wanted)]


def stream(
    con: duckdb.DuckDBPyConnection, body: Body, headers: tuple[str, ...], judge: Callable[[str], str], work: Path
) -> Streamed:
    """Parse ``body`` and judge its records. Raises DeliveryRefused: unreadable, truncated, line_too_long."""
    height = record_height(body.width) if body.quoted else "1"
    records = work / "records.parquet"

    def select(parser: str) -> str:
        text = f"SELECT CAST({height} AS BIGINT) AS _line, NULL::VARCHAR AS _malformed, NULL::VARCHAR AS _text, *"
        return f"SELECT *, CAST({body.head} AS BIGINT) AS _head FROM ({judge(f'({text} FROM {parser})')})"

    with rejects_table(con) as rejects:
        rejected = parse(con, body, select, rejects, records, LASTING)
        good = pq.read_metadata(records).num_rows
        if rejected == 0 and good == body.last_line - body.head:
            table = f"(SELECT * EXCLUDE (_head) REPLACE (file_row_number + {body.head + 1} AS _line), {_WELL_FORMED} FROM {parquet(records)})"
            return Streamed(headers, table, good, 0, body, records)
        gaps = find_gaps(con, body, records, "_line", rejects, work)
    [(bad,)] = con.execute(f"SELECT count(*) FROM ({malformed(body, gaps)})").fetchall()
    return Streamed(headers, _numbered(con, body, records, gaps, work), good + bad, bad, body)


def _numbered(con: duckdb.DuckDBPyConnection, body: Body, records: Path, gaps: Gaps, work: Path) -> str:
    """The records' table with lines of the delivery, and the malformed records.

    How far a record's line is from its number is looked up by blocks of records: joining each record with the gap
    before it would sort all of them.
    """
    blocks = work / "blocks.parquet"
    con.execute(f"""
        COPY (WITH own AS (SELECT before // {BLOCK} AS block, list({{'before': before, 'lines': lines}}) AS inside,
                max(lines) AS lines FROM {parquet(gaps.gaps)} GROUP BY ALL)
            SELECT block, inside, coalesce(max(lines) OVER (ORDER BY block ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS earlier
            FROM range({body.lines // BLOCK + 1}) AS every(block) LEFT JOIN own USING (block))
        TO {literal(blocks)} (FORMAT parquet)""")
    here = "list_max(list_transform(list_filter(inside, lambda g: g.before <= _pos), lambda g: g.lines))"
    return f"""(
        SELECT r.* EXCLUDE (_pos, _head) REPLACE (
            {body.head + 1} + _pos + CASE WHEN inside IS NULL THEN earlier ELSE greatest(earlier, {here}) END AS _line), {_WELL_FORMED}
        FROM (SELECT *, {nth_line("_line", tall=gaps.tall)} - 1 AS _pos FROM {parquet(records)}) r
        JOIN {parquet(blocks)} ON block = _pos // {BLOCK}
        UNION ALL BY NAME ({malformed(body, gaps)}))"""


_WELL_FORMED = "NULL::VARCHAR AS _malformed, NULL::VARCHAR AS _text"


def _cut(body: Body, starts: np.ndarray, ends: np.ndarray) -> Iterator[bytes]:
    """The text from each start line up to its end line (neither included twice), in order."""
    wanted = np.unique(np.concatenate([starts, ends])) - body.cut - 1
    found = _offsets(body.path, wanted)
    first, after = (found[np.searchsorted(wanted, lines - body.cut - 1)] for lines in (starts, ends))
    with body.path.open("rb") as file:
        for start, end in zip(first.tolist(), after.tolist(), strict=True):
            file.seek(start)
            part = file.read(end - start)
            yield part if part.endswith(b"\n") else part + b"\n"


def _offsets(path: Path, newlines: np.ndarray) -> np.ndarray:
    """The byte after so many newlines each (ascending); the end of the file where it has not that many."""
    found = np.where(newlines == 0, 0, path.stat().st_size)
    seen = passed = 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            here = np.flatnonzero(np.frombuffer(chunk, np.uint8) == ord("\n"))
            some = slice(*np.searchsorted(newlines, [seen, seen + len(here)], side="right"))
            found[some] = passed + here[newlines[some] - seen - 1] + 1
            seen, passed = seen + len(here), passed + len(chunk)
    return found
