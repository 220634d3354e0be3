from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from fudata_pipeline_tests.sources.conftest import Bench


@pytest.fixture
def delivered(tmp_path: Path) -> Path:
    path = tmp_path / "in.parquet"
    duckdb.sql(
        "SELECT DATE '2022-01-02' AS \"d'\", i AS file_row_number, "
        "TIMESTAMP '2022-01-02 08:00:00' AS \"_line\", "
        "[i] AS l FROM range(3000) t(i)"
    ).write_parquet(str(path))
    return path


def test_cast_to_text(bench: Bench, delivered: Path) -> None:
    rows = bench.rows(delivered, format="parquet")
    assert rows[2] == (3, None, None, "2022-01-02", "2", "2022-01-02 08:00:00", "[2]")
    assert bench.stage(delivered, format="parquet").headers == ("d'", "file_row_number", "_line_2", "l")


def test_broken(bench: Bench, delivered: Path) -> None:
    data = delivered.read_bytes()
    broken = bytearray(data)
    broken[20:400] = b"\xff" * 380
    assert bench.refuse(data[: len(data) // 2], "a.parquet", format="parquet").rule == "unreadable"
    assert bench.refuse(bytes(broken), "a.parquet", format="parquet").rule == "unreadable"
    assert bench.refuse(b"a,b\n", "a.parquet", format="parquet").rule == "wrong_format"
    duckdb.sql("SELECT 1 AS a LIMIT 0").write_parquet(str(delivered))
    assert bench.refuse(delivered, format="parquet").rule == "header_only"
