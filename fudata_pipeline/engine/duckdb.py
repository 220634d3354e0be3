"""DuckDB connections set up for the pipeline: bounded, offline, deterministic, with the standards' macros."""

from __future__ import annotations

import itertools
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

from fudata_pipeline import standards
from fudata_pipeline.settings import Settings

_numbers = itertools.count(1)
_lock = threading.Lock()
_shared: dict[tuple[object, ...], duckdb.DuckDBPyConnection] = {}


@contextmanager
def connect(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory database of its own with memory and thread limits, a spill folder, and all macros.

    Never reaches the network: extensions can neither be installed nor loaded by themselves.
    """
    con = _open(settings)
    try:
        yield _set_up(con)
    finally:
        con.close()


@contextmanager
def session(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to the one in-memory database that this process keeps, set up like that of :func:`connect`.

    Opening a database and creating the macros takes longer than loading a small item; a connection to one that stands
    takes less than a millisecond. What is temporary (tables, views, registered frames) belongs to the connection and
    goes with it, so create nothing else. Everybody shares the memory limit.
    """
    with _lock:
        con = _cursor(settings)
    try:
        yield con
    finally:
        con.close()


def _cursor(settings: Settings) -> duckdb.DuckDBPyConnection:
    key = (os.getpid(), settings.temp_dir, settings.threads, settings.memory_limit)  # a forked child opens its own
    if key in _shared:
        with suppress(duckdb.Error):  # an internal error of DuckDB invalidates its database: it is given up with that
            return _set_up(_shared[key].cursor())
    _shared.clear()  # connections that are still in use keep their database
    _shared[key] = _open(settings)
    return _set_up(_shared[key].cursor())


def _open(settings: Settings) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(
        ":memory:",
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "temp_directory": str(_spill_folder(settings.temp_dir)),
            **({"threads": str(settings.threads)} if settings.threads else {}),
            **({"memory_limit": settings.memory_limit} if settings.memory_limit else {}),
        },
    )
    try:
        # Every file is written anew and read once or twice: kept blocks would only take memory from the work.
        con.execute("SET enable_external_file_cache = false")
        standards.install(con)
    except BaseException:
        con.close()
        raise
    return con


def _set_up(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """The connection with the settings that hold for one connection only."""
    return con.execute("SET TimeZone = 'Asia/Shanghai'; SET enable_progress_bar = false")


def _spill_folder(temp: Path) -> Path:
    """A folder for one database: DuckDB numbers its spill files from zero, so two would overwrite each other's.

    DuckDB removes it when the database is closed; what killed processes left is removed here.
    """
    temp.mkdir(parents=True, exist_ok=True)
    for folder in temp.glob("spill-*-*"):
        pid = folder.name.split("-")[1]
        if pid.isdigit() and int(pid) != os.getpid() and not _alive(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)
    return temp / f"spill-{os.getpid()}-{next(_numbers)}"


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def share(settings: Settings, parts: int) -> Settings:
    """Settings for one of ``parts`` processes that work side by side: its part of the cores and of the memory."""
    with connect(settings) as con:
        [(threads, memory)] = con.execute(
            "SELECT current_setting('threads'), current_setting('memory_limit')"
        ).fetchall()
    size, unit = memory.split()  # such as 18.6 GiB
    part = f"{float(size) / parts:.3f}{unit}"
    return settings.model_copy(update={"threads": max(1, int(threads) // parts), "memory_limit": part})
