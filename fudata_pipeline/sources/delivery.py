"""Deliveries in the inbox: find the newest, keep an immutable snapshot, refuse what cannot be read."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from dataclasses import dataclass
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
    try:
        if kept := kept_snapshot(file, folder):
            return kept
    except OSError:
        pass  # the copy below meets the same fault, and says so
    digest = hashlib.sha256()
    temp: Path | None = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (
            file.open("rb") as source,
            tempfile.NamedTemporaryFile(dir=folder, prefix=".", delete=False) as copy,
        ):
            temp = Path(copy.name)
            before = os.fstat(source.fileno())
            while chunk := source.read(CHUNK):
                digest.update(chunk)
                copy.write(chunk)
            copy.flush()
            os.fsync(copy.fileno())
        size = temp.stat().st_size
        if _version(before) != _version(file.stat()) or size != before.st_size:
            raise DeliveryRefused("unreadable", "文件正在写入：复制期间大小或修改时间发生了变化，请上传完成后重试")
        path = folder / f"{digest.hexdigest()}{file.suffix.lower()}"
        if not path.exists() or path.stat().st_size != size:
            temp.chmod(0o440)
            temp.replace(path)
    except OSError as error:
        raise OSError(error.errno, f"保存交付快照失败（{error.strerror}）", str(error.filename or folder)) from error
    finally:
        if temp is not None:
            temp.unlink(missing_ok=True)
    return Snapshot(digest.hexdigest(), path, file.name, size, before.st_mtime_ns)


def _version(stat: os.stat_result) -> tuple[int, int, int]:
    return stat.st_ino, stat.st_size, stat.st_mtime_ns
