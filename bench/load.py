"""How long a whole load takes against a bare DuckDB ``COPY csv TO parquet`` of the same file, in the same run.

    python bench/load.py [--rows 1000000] [--json]

The file is 居住人口登记 (13 columns, made-up people, all rows clean); the load is everything from snapshot to promotion:
hashing, decoding, staging with line numbers, types, 26 checks, duplicate keys, quarantine, great-expectations, registry.
Great-expectations' import is done before the clock starts. Ratios on a noisy machine: run it more than once.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

from fudata_pipeline import standards
from fudata_pipeline.load import item as load_module
from fudata_pipeline.load.item import load_item
from fudata_pipeline.project import Project
from fudata_pipeline.settings import Settings

ROOT = Path(__file__).resolve().parents[1]

PEOPLE = """
    SELECT body || mod_11_2(CAST(body AS BIGINT)) AS 公民身份号码, '张' || chr(CAST(19968 + n % 3000 AS INTEGER)) AS 姓名,
        CASE WHEN (n % 1000) % 2 = 1 THEN '男' ELSE '女' END AS 性别, '汉' AS 民族, strftime(born, '%Y-%m-%d') AS 出生日期,
        '本科' AS 文化程度, '户籍' AS 户籍类型, '139' || lpad(CAST(n AS VARCHAR), 8, '0') AS 联系电话,
        '4403040019010100001' || lpad(CAST(n % 900000 + 100000 AS VARCHAR), 6, '0') AS 房屋编码,
        '4403040019010100001' AS 建筑物编码, '2020-01-01' AS 入住日期, NULL AS 离开日期, '2022-10-01 08:00:00' AS 更新时间
    FROM (
        SELECT n, DATE '1940-01-01' + CAST(n // 1000 AS INTEGER) AS born,
            '440304' || strftime(DATE '1940-01-01' + CAST(n // 1000 AS INTEGER), '%Y%m%d')
                || lpad(CAST(n % 1000 AS VARCHAR), 3, '0') AS body
        FROM range({rows}) AS t(n))
"""


def measure(rows: int) -> dict[str, float]:
    """Seconds of the bare copy and of the whole load, and of the parts of the load; ``ratio`` is load over copy."""
    with tempfile.TemporaryDirectory() as folder:
        project = Project.open(Settings(home=ROOT, data=Path(folder) / "data"))
        item = project.catalog.items_by_id["zsj.resident_registration"]
        inbox = project.settings.inbox_dir / "zsj"
        inbox.mkdir(parents=True)
        file = inbox / "居住人口登记_1.csv"
        with duckdb.connect() as con:
            standards.install(con)
            con.execute(f"COPY ({PEOPLE.format(rows=rows)}) TO '{file}' (HEADER)")
            started = time.perf_counter()
            con.execute(f"COPY (FROM read_csv('{file}')) TO '{folder}/bare.parquet' (COMPRESSION zstd)")
            bare = time.perf_counter() - started
        from fudata_pipeline.quality import gx  # noqa: F401  import great-expectations before the clock starts

        parts: dict[str, float] = {}
        for name in ("take_snapshot", "stage", "split", "validate"):
            setattr(load_module, name, _timed(getattr(load_module, name), name, parts))
        started = time.perf_counter()
        result = load_item(project, item)
        whole = time.perf_counter() - started
    assert (result.verdict, result.rows_accepted) == ("promoted", rows), result
    return {"rows": rows, "bare_copy": bare, "load": whole, "ratio": whole / bare, **parts}


def _timed(function: Callable[..., Any], name: str, parts: dict[str, float]) -> Callable[..., Any]:
    def call(*args: Any, **options: Any) -> Any:
        started = time.perf_counter()
        try:
            return function(*args, **options)
        finally:
            parts[name] = time.perf_counter() - started

    return call


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    figures = {name: round(value, 2) for name, value in measure(options.rows).items()}
    if options.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:15} {value:>12}")


if __name__ == "__main__":
    main()
