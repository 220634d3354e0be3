"""Files of the lake: written aside and renamed into place, so that a reader or a kill never sees half of one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from fudata_pipeline.settings import Settings

LOCK_SECONDS = 600.0


class Busy(Exception):
    """Another process holds the lock for longer than anyone should wait."""


def item_dir(settings: Settings, unit: str, name: str, kind: str) -> Path:
    """Folder of an item's ``snapshots``, ``staging`` or ``versions``."""
    return settings.lake_dir / kind / unit / name


def fsync(path: Path) -> None:
    """Flush a file or folder to disk, so that a rename that follows cannot outrun its content."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def replace(aside: Path, target: Path) -> None:
    """Move a finished file into place atomically and durably."""
    fsync(aside)
    aside.replace(target)
    fsync(target.parent)


@contextmanager
def syncing(folder: Path) -> Iterator[None]:
    """Let the files of a folder go to disk while the block works. Whoever needs them there says so with :func:`fsync`."""
    with ThreadPoolExecutor(1) as disk:
        for file in folder.iterdir():
            disk.submit(fsync, file)
        yield


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Fill a folder aside; it appears as ``target`` only when the block succeeds, and leaves nothing if not.

    The caller holds the lock of whatever ``target.parent`` belongs to.
    """
    for left_by_a_kill in target.parent.glob(".*.tmp"):
        shutil.rmtree(left_by_a_kill, ignore_errors=True)
    aside = target.with_name(f".{target.name}.tmp")
    aside.mkdir(parents=True)
    try:
        yield aside
        for file in aside.iterdir():
            fsync(file)
        aside.rename(target)
        fsync(target.parent)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def locked(settings: Settings, name: str) -> Iterator[None]:
    """One process at a time per ``name``; released by the operating system if its holder is killed.

    Raises:
        Busy: after ten minutes of waiting.
    """
    path = settings.data_dir / "locks" / f"{name.replace('/', '.')}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, timeout=LOCK_SECONDS)
    try:
        with lock:
            yield
    except Timeout:
        raise Busy(
            f"{name} 正被另一个进程处理（锁文件 {path}），已等待 {LOCK_SECONDS:.0f} 秒；请待其结束后重试"
        ) from None
