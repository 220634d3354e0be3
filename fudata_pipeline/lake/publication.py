"""Write a published DuckDB file: built aside, validated, swapped in by one rename. The only writer of DuckDB files."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import duckdb
from duckdb import DuckDBPyConnection

from fudata_pipeline import standards
from fudata_pipeline.engine.duckdb import connect
from fudata_pipeline.engine.sql import identifier, literal
from fudata_pipeline.lake import files
from fudata_pipeline.settings import Settings

STORAGE_VERSION = "v1.4.0"
"""DuckDB storage format of published files: every client from 1.4 on opens them, whatever writes them."""


class NotPublishable(Exception):
    """The file built aside is not what it should be; the published one stays as it was."""


@contextmanager
def publication(settings: Settings, target: Path) -> Iterator[DuckDBPyConnection]:
    """A connection whose default database becomes ``target`` when the block succeeds.

    Readers of the old file keep it until they close it; a kill at any moment leaves the old or the new file.

    Raises:
        NotPublishable: when the file built aside cannot be opened and read back.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.tmp")
    for leftover in (aside, aside.with_name(aside.name + ".wal")):
        leftover.unlink(missing_ok=True)
    try:
        with connect(settings) as con:
            # Without a write-ahead log, which would be flushed to disk with each of some 30,000 statements: what is
            # half-written after a kill is thrown away anyhow, and the whole file is flushed before it is renamed.
            options = f"STORAGE_VERSION {literal(STORAGE_VERSION)}, RECOVERY_MODE no_wal_writes"
            con.execute(f"ATTACH {literal(aside)} AS publication ({options})")
            con.execute("USE publication")
            standards.install(con)  # the same macros, inside the file, for analysts
            yield con
            con.execute("CHECKPOINT publication")
            con.execute("USE memory")
            con.execute("DETACH publication")
        _validate(aside)
        files.replace(aside, target)
    finally:
        aside.unlink(missing_ok=True)


def _validate(path: Path) -> None:
    """Open the finished file as an analyst would and read a row of every table and view."""
    try:
        with duckdb.connect(str(path), read_only=True) as con:
            tables = con.execute("SELECT table_schema, table_name FROM information_schema.tables").fetchall()

            def read(table: tuple[str, str]) -> None:
                with con.cursor() as own:
                    own.execute(f"SELECT * FROM {identifier(table[0])}.{identifier(table[1])} LIMIT 1").fetchall()

            with ThreadPoolExecutor(os.cpu_count()) as pool:  # some 2,000 statements to plan, hardly a row to read
                deque(pool.map(read, tables), maxlen=0)
    except duckdb.Error as error:
        raise NotPublishable(f"发布文件校验失败，已发布的文件保持不变：{error}") from error
