from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from fudata_pipeline.catalog.model import Source
from fudata_pipeline.sources import DeliveryRefused, begin_snapshot, delivery, find_delivery, sniff, take_snapshot


def test_newest_is_by_numbers_in_the_name_not_by_time(tmp_path: Path) -> None:
    unit = tmp_path / "civil"
    unit.mkdir()
    for name in (
        "低保2022年10月.csv",
        "低保2022年9月.csv",
        "~$低保2022年11月.csv",
        ".低保2022年12月.csv",
        "低保2023.csv.part",
    ):
        (unit / name).write_text("x")
    os.utime(unit / "低保2022年10月.csv", (0, 0))
    (unit / "低保2022年11月.csv").mkdir()
    assert find_delivery(tmp_path, "civil", Source(path="低保*", format="csv")) == unit / "低保2022年10月.csv"


def test_nothing_delivered(tmp_path: Path) -> None:
    assert find_delivery(tmp_path, "civil", Source(path="*.csv", format="csv")) is None


def test_snapshot_is_kept_once_under_its_hash_and_read_only(tmp_path: Path) -> None:
    file, folder = tmp_path / "A.CSV", tmp_path / "snapshots"
    file.write_bytes(b"a\n1\n")
    first = take_snapshot(file, folder)
    inode = first.path.stat().st_ino
    again = take_snapshot(file.rename(tmp_path / "B.CSV"), folder)
    assert first.path == again.path == folder / f"{first.sha256}.csv"
    assert (again.file_name, again.size, again.path.stat().st_ino) == ("B.CSV", 4, inode)
    assert first.path.stat().st_mode & 0o777 == 0o440
    assert [p.name for p in folder.iterdir()] == [first.path.name]


def test_a_snapshot_of_another_size_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"a\n1\n")
    kept = take_snapshot(tmp_path / "a.csv", tmp_path / "s").path
    kept.unlink()
    kept.write_bytes(b"a")
    assert take_snapshot(tmp_path / "a.csv", tmp_path / "s").path.read_bytes() == b"a\n1\n"


def test_a_file_still_being_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b"a\n1\n")

    version = delivery._version

    def grow(stat: os.stat_result) -> tuple[int, int, int]:
        with file.open("ab") as more:
            more.write(b"2\n")
        return version(stat)

    monkeypatch.setattr(delivery, "_version", grow)
    with pytest.raises(DeliveryRefused, match="正在写入") as caught:
        take_snapshot(file, tmp_path / "s")
    assert caught.value.rule == "unreadable"
    assert not list((tmp_path / "s").iterdir())


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(delivery.os, "fsync", full)
    (tmp_path / "a.csv").write_bytes(b"a\n1\n")
    with pytest.raises(OSError, match="快照") as caught:
        take_snapshot(tmp_path / "a.csv", tmp_path / "s")
    assert caught.value.errno == errno.ENOSPC
    assert not list((tmp_path / "s").iterdir())


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "empty"),
        (b"a,b\n", "text"),
        ("\ufeff名".encode(), "text"),
        ("名".encode("utf-16"), "text"),
        (b"\0\1\2", "binary"),
        (b"%PDF-1.7", "pdf"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"PAR1", "parquet"),
        (b"PK\x03\x04", "zip"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "xls"),
        (b"\n<!DOCTYPE html>", "html"),
    ],
)
def test_sniff(tmp_path: Path, data: bytes, kind: str) -> None:
    (tmp_path / "x").write_bytes(data)
    assert sniff(tmp_path / "x") == kind


def test_a_snapshot_has_its_name_only_when_it_is_on_disk(tmp_path: Path) -> None:
    file, folder = tmp_path / "a.csv", tmp_path / "snapshots"
    file.write_bytes(b"a\n1\n")
    begun = begin_snapshot(file, folder)
    assert [f.name.startswith(".") for f in folder.iterdir()] == [True]
    assert begun.path.read_bytes() == b"a\n1\n"  # it can be worked on meanwhile
    settled = begun.settle()
    assert settled.settle() == settled
    assert [f.name for f in folder.iterdir()] == [f"{begun.sha256}.csv"]
    assert settled.path.read_bytes() == b"a\n1\n"


def test_what_a_kill_left_is_removed_by_the_next_one(tmp_path: Path) -> None:
    file, folder = tmp_path / "a.csv", tmp_path / "snapshots"
    file.write_bytes(b"a\n1\n")
    begin_snapshot(file, folder)  # and never settled
    file.write_bytes(b"a\n2\n")
    settled = take_snapshot(file, folder)
    assert list(folder.iterdir()) == [settled.path]


def test_a_disk_that_fails_later_is_said_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, folder = tmp_path / "a.csv", tmp_path / "snapshots"
    file.write_bytes(b"a\n1\n")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(delivery.os, "fsync", full)
    with pytest.raises(OSError, match="保存交付快照失败"):
        take_snapshot(file, folder)
    assert list(folder.iterdir()) == []
