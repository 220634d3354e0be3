from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pytest

from fudata_pipeline.catalog.model import Source
from fudata_pipeline.sources import DeliveryRefused, Staged, delimited, stage, take_snapshot


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
        with TemporaryDirectory() as work:
            staged = stage(self.con, snapshot, source, self.out, Path(work))
        assert isinstance(staged, Staged)
        return staged

    def streamed(self, file: Path, monkeypatch: pytest.MonkeyPatch, **declared: object) -> list[tuple] | None:
        """The same rows from judging while parsing, where the judge keeps everything; the cells of each read again.

        None for what is never streamed: a text of one column.
        """
        source = Source.model_validate({"path": "*", "format": "csv"} | declared)
        snapshot = take_snapshot(file, self.folder / "snapshots")
        monkeypatch.setattr(delimited, "LONG", 0)
        with TemporaryDirectory() as work:
            keep = "SELECT * EXCLUDE (_malformed, _text) FROM "
            made = stage(self.con, snapshot, source, self.out, Path(work), lambda _: lambda table: keep + table)
            if isinstance(made, Staged):
                return None
            columns = ", ".join(f"c{i}" for i in range(len(made.headers)))
            select = f"SELECT _line, _malformed, _text, {columns} FROM {made.table} ORDER BY _line"
            found = self.con.execute(select).fetchall()
            assert (len(found), sum(row[1] is not None for row in found)) == (made.rows, made.malformed)
            some = f"(SELECT _line FROM {made.table} WHERE _malformed IS NULL)"
            again = self.con.execute(f"FROM {made.cells(self.con, some, Path(work))} ORDER BY _line").fetchall()
            assert again == [(row[0], *row[3:]) for row in found if row[1] is None]
        self.clean()
        return found

    def rows(self, data: bytes | Path, name: str = "a.csv", **declared: object) -> list[tuple]:
        """All staged rows, in the order of the file: ``_line, _malformed, _text``, then the columns."""
        staged = self.stage(data, name, **declared)
        found = duckdb.from_parquet(self.out.as_posix().replace("[", "[[]")).fetchall()
        assert (len(found), sum(row[1] is not None for row in found)) == (staged.rows, staged.malformed)
        assert [row[0] for row in found] == sorted(row[0] for row in found)
        self.clean()
        if declared.get("format", "csv") == "csv":
            with pytest.MonkeyPatch.context() as patch:
                file = data if isinstance(data, Path) else self.folder / name
                assert self.streamed(file, patch, **declared) in (found, None)
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
