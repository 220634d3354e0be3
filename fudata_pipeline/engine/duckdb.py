"""DuckDB connections set up for the pipeline: bounded, offline, deterministic, with the standards' macros."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from fudata_pipeline import standards
from fudata_pipeline.settings import Settings


@contextmanager
def connect(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory connection with memory and thread limits, a spill folder, and all macros.

    Never reaches the network: extensions can neither be installed nor loaded by themselves.
    """
    settings.temp_dir.mkdir(parents=True, exist_ok=True)
    con = duckdb.connect(
        ":memory:",
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "temp_directory": str(settings.temp_dir / "spill"),
            **({"threads": str(settings.threads)} if settings.threads else {}),
            **({"memory_limit": settings.memory_limit} if settings.memory_limit else {}),
        },
    )
    try:
        con.execute("SET TimeZone = 'Asia/Shanghai'")
        con.execute("SET enable_progress_bar = false")
        standards.install(con)
        yield con
    finally:
        con.close()
