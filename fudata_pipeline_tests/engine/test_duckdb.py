"""The database that a process keeps: nothing of one load reaches the next, and a broken one is replaced."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from fudata_pipeline.engine import duckdb as engine
from fudata_pipeline.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, data=tmp_path / "data", threads=2, memory_limit="800MiB")


def test_what_one_session_leaves_is_not_there_for_the_next(settings: Settings) -> None:
    with engine.session(settings) as con, engine.session(settings) as beside:
        con.execute("CREATE TEMP TABLE checked AS SELECT 1 AS a; CREATE TEMP VIEW loaded AS FROM checked")
        with pytest.raises(duckdb.CatalogException):
            beside.execute("FROM checked")
    with engine.session(settings) as con:
        assert con.execute("SELECT count(*) FROM duckdb_tables()").fetchone() == (0,)
        assert con.execute("SELECT is_resident_id('11010519491231002X'), current_setting('TimeZone')").fetchone() == (
            True,
            "Asia/Shanghai",
        )


def test_a_broken_database_is_replaced(settings: Settings) -> None:
    with engine.session(settings):
        pass
    (kept,) = engine._shared.values()
    kept.close()
    with engine.session(settings) as con:
        assert con.execute("SELECT clean_text(' a ')").fetchone() == ("a",)


def test_databases_do_not_spill_into_each_others_files(settings: Settings) -> None:
    dead = settings.temp_dir / "spill-999999999-1"
    dead.mkdir(parents=True)
    query = "SELECT current_setting('temp_directory')"
    with engine.connect(settings) as one, engine.connect(settings) as other:
        assert one.execute(query).fetchone() != other.execute(query).fetchone()
    assert not dead.exists()


def test_workers_share_cores_and_memory(settings: Settings) -> None:
    with engine.connect(engine.share(settings, 4)) as con:
        assert con.execute("SELECT current_setting('threads'), current_setting('memory_limit')").fetchone() == (
            1,
            "200.0 MiB",
        )
