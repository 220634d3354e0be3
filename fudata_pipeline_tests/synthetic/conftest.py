"""One small twin a session, open for queries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from fudata_pipeline.catalog import Catalog
from fudata_pipeline.synthetic.twin import FIRST_NIGHT, build_twin, macros

SCALE = 0.002


@pytest.fixture(scope="session")
def twin_file(catalog: Catalog, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("twin") / "twin.duckdb"
    build_twin(catalog, file, seed=7, scale=SCALE, as_of=FIRST_NIGHT)
    return file


@pytest.fixture(scope="session")
def twin(twin_file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        macros(con)
        con.execute(f"ATTACH '{twin_file}' AS twin (READ_ONLY)")
        yield con
