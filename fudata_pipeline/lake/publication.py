"""Write a published DuckDB file: built aside, validated, swapped in by one rename. The only writer of DuckDB files."""

from __future__ import annotations

from collections.abc import Iterator
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
            con.execute(f"ATTACH {literal(aside)} AS publication (STORAGE_VERSION {literal(STORAGE_VERSION)})")
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
            for schema, table in con.execute(
                "SELECT table_schema, table_name FROM information_schema.tables"
            ).fetchall():
                con.execute(f"SELECT * FROM {identifier(schema)}.{identifier(table)} LIMIT 1").fetchall()
    except duckdb.Error as error:
        raise NotPublishable(f"发布文件校验失败，已发布的文件保持不变：{error}") from error
