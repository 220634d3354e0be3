"""A snapshot of any declared format to all-text staging in Parquet."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from fudata_pipeline.catalog.model import Source
from fudata_pipeline.engine.sql import parquet
from fudata_pipeline.sources.delimited import stage_delimited
from fudata_pipeline.sources.delivery import DeliveryRefused, Snapshot
from fudata_pipeline.sources.excel import stage_excel
from fudata_pipeline.sources.jsonl import stage_jsonl
from fudata_pipeline.sources.parquet import stage_parquet
from fudata_pipeline.sources.sniff import describe, sniff
from fudata_pipeline.sources.streamed import Judge, Streamed

_Stager = Callable[[duckdb.DuckDBPyConnection, Path, Source, Path, Path], tuple[str, ...]]
_STAGERS: dict[str, _Stager] = {"jsonl": stage_jsonl, "excel": stage_excel, "parquet": stage_parquet}
_KINDS = {  # what a file of the format must really be
    "csv": ("text", "binary"),
    "jsonl": ("text", "binary"),
    "excel": ("xlsx", "xls"),
    "parquet": ("parquet",),
}
_TITLES = {"csv": "分隔符文本", "jsonl": "JSON Lines", "excel": "Excel 工作簿", "parquet": "Parquet"}


@dataclass(frozen=True)
class Staged:
    """A staging file: ``_line BIGINT, _malformed VARCHAR, _text VARCHAR`` and one VARCHAR column per header.

    Rows are in the order of ``_line``. ``rows`` counts all of them, ``malformed`` those whose record could
    not be read: they hold a reason and the record's raw text (of a long one its beginning) instead of values.
    """

    path: Path
    headers: tuple[str, ...]
    rows: int
    malformed: int


def stage(
    con: duckdb.DuckDBPyConnection,
    snapshot: Snapshot,
    source: Source,
    out: Path,
    work: Path,
    judge: Judge | None = None,
    *,
    empty: bool = False,
) -> Staged | Streamed:
    """Write the staging file ``out``, whole or not at all; ``work`` is a scratch folder.

    ``empty``: there may be no row. With ``judge`` a long text is judged while it is parsed instead, and what is kept of it lies in ``work``.

    Raises DeliveryRefused with the rule the delivery breaks; duckdb.Error and OSError are faults of ours.
    """
    kind = sniff(snapshot.path)
    if kind == "empty":
        raise DeliveryRefused("empty_delivery", "文件为 0 字节")
    if kind not in _KINDS[source.format]:
        really = describe(snapshot.path, kind)
        raise DeliveryRefused("wrong_format", f"申报的格式是 {_TITLES[source.format]}，实际是{really}")
    out.parent.mkdir(parents=True, exist_ok=True)
    work.mkdir(parents=True, exist_ok=True)
    part = out.with_name(f".{out.name}.{uuid.uuid4().hex}.tmp")
    try:
        with _insertion_order(con):
            if source.format == "csv":
                done = stage_delimited(con, snapshot.path, source, work, part, judge)
                if isinstance(done, Streamed):
                    if done.rows == 0:
                        raise _header_only(done.headers)
                    return done
            else:
                done = _STAGERS[source.format](con, snapshot.path, source, work, part)
        query = f"SELECT count(*), count(_malformed) FROM {parquet(part)}"
        [(rows, malformed)] = con.execute(query).fetchall()
        if rows == 0 and not empty:
            raise _header_only(done)
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    return Staged(out, done, rows, malformed)


def _header_only(headers: tuple[str, ...]) -> DeliveryRefused:
    return DeliveryRefused("header_only", f"有 {len(headers)} 列表头，没有数据行")


@contextmanager
def _insertion_order(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Line numbers are counted in file order, so DuckDB must keep it, whatever the connection is set to."""
    [(kept,)] = con.execute("SELECT current_setting('preserve_insertion_order')").fetchall()
    if kept:
        yield
        return
    con.execute("SET preserve_insertion_order = true")
    try:
        yield
    finally:
        con.execute("SET preserve_insertion_order = false")
