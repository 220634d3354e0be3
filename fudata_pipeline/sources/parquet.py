"""Parquet to staging: every column as text, dates in ISO form."""

from __future__ import annotations

from pathlib import Path

import duckdb

from fudata_pipeline.catalog.model import Source
from fudata_pipeline.engine.sql import file_literal, identifier, literal
from fudata_pipeline.sources.delivery import DeliveryRefused
from fudata_pipeline.sources.headers import unique_headers


def stage_parquet(con: duckdb.DuckDBPyConnection, file: Path, source: Source, work: Path, out: Path) -> tuple[str, ...]:
    """Write staging Parquet ``out`` and give the headers; ``_line`` is the row's number.

    Raises DeliveryRefused: unreadable.
    """
    reader = f"read_parquet({file_literal(file)}, hive_partitioning=false)"
    try:
        columns = [name for name, *_ in con.execute(f"DESCRIBE SELECT * FROM {reader}").fetchall()]
        headers = unique_headers(columns)
        own = "file_row_number" in map(str.lower, columns)  # a delivered column of that name hides DuckDB's
        line = "row_number() OVER ()" if own else "file_row_number + 1"
        values = ", ".join(
            f"{identifier(column)}::VARCHAR AS {identifier(name)}"
            for column, name in zip(columns, headers, strict=True)
        )
        con.execute(
            f"COPY (SELECT {line} AS _line, NULL::VARCHAR AS _malformed, NULL::VARCHAR AS _text, {values} "
            f"FROM {reader}) TO {literal(out)} (FORMAT parquet, COMPRESSION zstd)"
        )
    except duckdb.Error as error:
        if isinstance(error, duckdb.OutOfMemoryException) or "space left" in str(error):
            raise  # ours, not the unit's
        raise DeliveryRefused("unreadable", "Parquet 文件已损坏或不完整") from error
    return headers
