"""Values a second that is_resident_id judges, with two threads, beside a bare scan and a bare regular expression.

python bench/resident_id.py [rows, default 5,000,000]
"""

from __future__ import annotations

import sys
import time

import duckdb

from fudata_pipeline import standards

ROUNDS = 5


def main(rows: int) -> None:
    con = duckdb.connect(config={"threads": 2})
    standards.install(con)
    con.execute(f"""
        CREATE TABLE ids AS SELECT b || mod_11_2(CAST(b AS BIGINT)) AS id FROM (
            SELECT printf('440304%04d%02d%02d%03d', 1950 + range % 55, 1 + range % 12, 1 + range % 28, range % 1000) AS b
            FROM range({rows}))""")
    for what, sql in (
        ("bare scan", "id IS NOT NULL"),
        ("bare regular expression", "regexp_matches(id, '^[0-9]{17}[0-9X]$')"),
        ("is_resident_id", "is_resident_id(id)"),
        ("is_uscc (all invalid)", "is_uscc(id)"),
        ("is_phone (all invalid)", "is_phone(id)"),
    ):
        best = min(_seconds(con, f"SELECT count(*) FILTER ({sql}) FROM ids") for _ in range(ROUNDS))
        print(f"{what:26} {rows / best / 1e6:8.1f} M values/s")


def _seconds(con: duckdb.DuckDBPyConnection, sql: str) -> float:
    start = time.perf_counter()
    con.execute(sql).fetchall()
    return time.perf_counter() - start


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5_000_000)
