"""What is planned together for a small delivery becomes what it becomes in a large one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from duckdb import DuckDBPyConnection

from fudata_pipeline.catalog import Catalog, Item
from fudata_pipeline.engine.duckdb import session
from fudata_pipeline.load.checks import checked_sql, compile_checks, create_code_table
from fudata_pipeline.load.headers import map_headers
from fudata_pipeline.settings import Settings

from ..conftest import ROOT

CELLS = (
    "",
    " ",
    "是",
    "2022年3月7日 8:05",
    "2022-13-01",
    "１,２３４.5",
    "1.2E+17",
    "440304199003071248",
    "测试",
    "x'{y}",
    "　13612345678",
    "13612345678",
    "4403040019010100001 ",
    "440304001901010000",
    "2022-03-07",
    "2022-3-7",
    " 022-03-07",
    "2022-02-30",
    "2022-03-07 08:05:00",
    "9999-12-31",
    "0999-12-31",
    "-12.50",
    "12345678901234567890",
    "ABC\x1f",
    "\x0b12",
    "FT2022E0001",
    "12E4",
    "深圳市福田区　沙嘴",
    "（深圳）",
    "H12345678",
    "91440300708461136T",
    "440304001901001",
    "4403040019010100001000101",
    "440304199003071249",
    "440304900307124",
)
ITEMS = ("zsj.resident_registration", "zsj.citizen_request", "scjg.market_entity", "zjj.rental_registration")


@pytest.fixture
def con(tmp_path: Path) -> Iterator[DuckDBPyConnection]:
    with session(Settings(home=ROOT, data=tmp_path)) as connection:
        yield connection


def _stage(con: DuckDBPyConnection, item: Item, headers: tuple[str, ...]) -> None:
    """Rows in which every column meets every cell."""
    cells = ", ".join("'" + c.replace("'", "''") + "'" for c in CELLS)
    columns = ", ".join(f'[{cells}][(n + {k}) % {len(CELLS)} + 1] AS "{h}"' for k, h in enumerate(headers))
    con.execute(
        "CREATE OR REPLACE TEMP TABLE staged AS SELECT n AS _line, CASE WHEN n = 3 THEN 'MISSING COLUMNS' END "
        f"AS _malformed, {columns} FROM range({len(CELLS)}) AS t(n)"
    )


@pytest.mark.parametrize("name", ITEMS)
def test_small_and_large_deliveries_are_judged_alike(con: DuckDBPyConnection, catalog: Catalog, name: str) -> None:
    item = catalog.items_by_id[name]
    optional = [f for f in item.fields if f.optional_column][:1]
    delivered = tuple(f.headers[0] for f in item.fields if f not in optional)
    headers = map_headers(item, delivered)
    checks = compile_checks(catalog, item, headers)
    for codes in {f.field.codes for f in item.fields if f.field.codes}:
        create_code_table(con, catalog, codes, small=False)
    _stage(con, item, delivered)
    large, small = (checked_sql(catalog, item, headers, checks, "staged", small=s) for s in (False, True))
    assert len(re.findall(r"clean_text\(", small)) < len(re.findall(r"clean_text\(", large))
    rows = con.execute(f"FROM ({large}) ORDER BY _line").fetchall()
    assert con.execute(f"FROM ({small}) ORDER BY _line").fetchall() == rows
    assert len({row[-1] for row in rows}) > 3  # the rows break different rules
