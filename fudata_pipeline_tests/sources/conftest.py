from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from fudata_pipeline.catalog.model import Source
from fudata_pipeline.sources import DeliveryRefused, Staged, stage, take_snapshot


class Bench:
    """Deliver bytes and look at what staging makes of them. Its folder has a name that is nasty for SQL."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "it's [1]"
        self.con = duckdb.connect()
        self.con.execute("SET autoinstall_known_extensions = false; SET autoload_known_extensions = false")
        self.con.execute("CREATE TABLE records AS SELECT 1 AS c0; SET preserve_insertion_order = false")
        self.out = self.folder / "lake" / "staged.parquet"

    def stage(self, data: bytes | Path, name: str = "a.csv", **declared: object) -> Staged:
        file = data if isinstance(data, Path) else self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(data, bytes):
            file.write_bytes(data)
        source = Source.model_validate({"path": "*", "format": "csv"} | declared)
        snapshot = take_snapshot(file, self.folder / "snapshots")
        return stage(self.con, snapshot, source, self.out, self.folder / "tmp")

    def rows(self, data: bytes | Path, name: str = "a.csv", **declared: object) -> list[tuple]:
        """All staged rows, in the order of the file: ``_line, _malformed, _text``, then the columns."""
        staged = self.stage(data, name, **declared)
        found = duckdb.from_parquet(self.out.as_posix().replace("[", "[[]")).fetchall()
        assert (len(found), sum(row[1] is not None for row in found)) == (staged.rows, staged.malformed)
        assert [row[0] for row in found] == sorted(row[0] for row in found)
        self.clean()
        return found

    def refuse(self, data: bytes | Path, name: str = "a.csv", **declared: object) -> DeliveryRefused:
        self.out.unlink(missing_ok=True)
        with pytest.raises(DeliveryRefused) as caught:
            self.stage(data, name, **declared)
        assert not self.out.exists()
        self.clean()
        return caught.value

    def clean(self) -> None:
        """No scratch file and no table is left behind, and the connection is set as it was."""
        assert not list((self.folder / "tmp").glob("*")) if (self.folder / "tmp").exists() else True
        assert not list(self.out.parent.glob(".*"))
        assert self.con.execute("SELECT table_name FROM duckdb_tables()").fetchall() == [("records",)]
        assert self.con.execute("SELECT current_setting('preserve_insertion_order')").fetchall() == [(False,)]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)
