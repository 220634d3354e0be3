"""Deliveries in the inbox: find the newest, keep an immutable snapshot, refuse what cannot be read."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from fudata_pipeline.catalog.model import Source

CHUNK = 4 << 20


class DeliveryRefused(Exception):
    """A whole delivery is refused: ``rule`` is of level delivery, ``detail`` never quotes cell values."""

    def __init__(self, rule: str, detail: str, line: int | None = None) -> None:
        super().__init__(f"{rule}: {detail}")
        self.rule = rule
        self.detail = detail
        self.line = line


@dataclass(frozen=True)
class Snapshot:
    """The bytes of one delivery, kept under their own hash. ``file_name`` is the name the unit gave it, ``mtime_ns`` when
    that file was changed last."""

    sha256: str
    path: Path
    file_name: str
    size: int
    mtime_ns: int = 0
    kept_as: Path | None = None
    """Where it goes by :meth:`settle`; until then it may be read from ``path``, and is lost by a kill."""
    written: Future[None] | None = None

    def settle(self) -> Snapshot:
        """Wait until the bytes are on disk, and give the file its lasting name.

        Raises OSError if they cannot be written; nothing half-written stays behind.
        """
        if self.kept_as is None or self.written is None:
            return self
        try:
            self.written.result()
            if not self.kept_as.exists() or self.kept_as.stat().st_size != self.size:
                self.path.chmod(0o440)
                self.path.replace(self.kept_as)
        except OSError as error:
            raise _not_kept(error, self.kept_as.parent) from error
        finally:
            self.path.unlink(missing_ok=True)
        return replace(self, path=self.kept_as, kept_as=None, written=None)


_disk = ThreadPoolExecutor(1, "snapshot")


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _not_kept(error: OSError, folder: Path) -> OSError:
    return OSError(error.errno, f"保存交付快照失败（{error.strerror}）", str(error.filename or folder))


def find_deliveries(inbox: Path, unit: str, source: Source) -> list[Path]:
    """The files matching ``inbox/unit/source.path``, oldest first.

    By the natural order of the name (``9月`` before ``10月``), not by modification time: copying, unpacking and
    restoring a backup all reset that time, while units date the names of their exports.
    """
    folder = inbox / unit
    found = [file for file in folder.glob(source.path) if file.is_file() and not _unfinished(file.name)]
    return sorted(found, key=lambda file: delivery_order(file.relative_to(folder).as_posix()))


def find_delivery(inbox: Path, unit: str, source: Source) -> Path | None:
    """The newest file matching ``inbox/unit/source.path``, or None."""
    return next(reversed(find_deliveries(inbox, unit, source)), None)


Order = tuple[tuple[list[str | int], str], tuple[list[str | int], str]]


def delivery_order(name: str) -> Order:
    """What deliveries are sorted by, given a file's path below its unit's folder: its name, then the folders."""
    return _natural(name.rpartition("/")[2]), _natural(name)


def _unfinished(name: str) -> bool:
    return name.startswith((".", "~$")) or name.lower().endswith((".tmp", ".part"))


def _natural(name: str) -> tuple[list[str | int], str]:
    return [int(part) if i % 2 else part for i, part in enumerate(re.split(r"(\d+)", name))], name


def kept_snapshot(file: Path, folder: Path, sha256: str | None = None) -> Snapshot | None:
    """The snapshot that ``folder`` keeps of exactly these bytes, if any; with ``sha256`` only that one will do.

    The file is read only if a snapshot has its size. Raises OSError if it cannot be read.
    """
    before = file.stat()
    kept = folder.glob(f"{sha256 or '*'}{file.suffix.lower()}")
    if not any(k.stat().st_size == before.st_size for k in kept if not k.name.startswith(".")):
        return None
    with file.open("rb") as source:
        found = hashlib.file_digest(source, "sha256").hexdigest()
    path = folder / f"{found}{file.suffix.lower()}"
    if sha256 not in (None, found) or not path.exists() or path.stat().st_size != before.st_size:
        return None
    if _version(before) != _version(file.stat()):
        return None
    return Snapshot(found, path, file.name, before.st_size, before.st_mtime_ns)


def take_snapshot(file: Path, folder: Path) -> Snapshot:
    """Copy ``file`` to ``folder/<sha256><suffix>``, read-only, in one pass; keep what is there already.

    Raises DeliveryRefused (unreadable) if the file changes while it is copied, and OSError if it cannot be
    read or the copy cannot be written; nothing half-written stays behind.
    """
    return begin_snapshot(file, folder).settle()


def begin_snapshot(file: Path, folder: Path) -> Snapshot:
    """As :func:`take_snapshot`, but what was copied goes to disk while the caller works on it, who must settle it.

    Only one at a time may use ``folder``: what a kill has left there is removed.
    """
    try:
        if kept := kept_snapshot(file, folder):
            return kept
    except OSError:
        pass  # the copy below meets the same fault, and says so
    digest = hashlib.sha256()
    temp: Path | None = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for left_by_a_kill in folder.glob(".*"):
            left_by_a_kill.unlink()
        with (
            file.open("rb") as source,
            tempfile.NamedTemporaryFile(dir=folder, prefix=".", delete=False) as copy,
        ):
            temp = Path(copy.name)
            before = os.fstat(source.fileno())
            while chunk := source.read(CHUNK):
                digest.update(chunk)
                copy.write(chunk)
        size = temp.stat().st_size
        if _version(before) != _version(file.stat()) or size != before.st_size:
            raise DeliveryRefused("unreadable", "文件正在写入：复制期间大小或修改时间发生了变化，请上传完成后重试")
    except BaseException as error:
        if temp is not None:
            temp.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise _not_kept(error, folder) from error
        raise
    path = folder / f"{digest.hexdigest()}{file.suffix.lower()}"
    return Snapshot(digest.hexdigest(), temp, file.name, size, before.st_mtime_ns, path, _disk.submit(_sync, temp))


def _version(stat: os.stat_result) -> tuple[int, int, int]:
    return stat.st_ino, stat.st_size, stat.st_mtime_ns
