"""Rendering speed against a bare baseline in the same run: ``python bench/synth.py [--scale 0.05] [item …]``.

Baseline: DuckDB writing as many rows of a number, two hashes and a text to Parquet of the same compression. Narrow event
items are to be rendered at a million rows a second on two cores.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import duckdb

from fudata_pipeline.project import Project
from fudata_pipeline.synthetic.district import District, render_night
from fudata_pipeline.synthetic.render import rows_at

ITEMS = (
    "zsj.smoke_reading",
    "jtj.transit_card_use",
    "jjdd.vehicle_passage",
    "zsj.place_code_scan",
    "cdc.nucleic_acid_result",
    "swj.vat_invoice",
)


def bare(rows: int, folder: Path) -> float:
    """Seconds to write ``rows`` made-up rows of four columns with nothing else to do."""
    with duckdb.connect(str(folder / "bare.duckdb")) as con:
        con.execute("SET enable_progress_bar = false")
        con.execute("CREATE TABLE ticks AS SELECT i AS n FROM range($1) t(i)", [rows])
        started = time.monotonic()
        con.execute(
            f"COPY (SELECT n, hash(n) AS a, hash(n, 1) AS b, 'XX' || CAST(n AS VARCHAR) AS c FROM ticks) "
            f"TO '{folder / 'bare.parquet'}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"
        )
        return time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("items", nargs="*", default=ITEMS)
    parser.add_argument("--scale", type=float, default=0.05)
    asked = parser.parse_args()
    project = Project.open()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        district = District(folder / "district", scale=asked.scale)
        render_night(project.settings, project.catalog, district, 0, project.catalog.items[:1])  # makes the twin
        for item in asked.items:
            rows = rows_at(project.catalog.items_by_id[item], asked.scale)
            started = time.monotonic()
            render_night(project.settings, project.catalog, district, 0, [project.catalog.items_by_id[item]], workers=1)
            seconds, floor = time.monotonic() - started, bare(rows, folder)
            print(
                f"{item:32} {rows:>12,} rows  {rows / seconds:>12,.0f} rows/s  {seconds / floor:5.1f} x bare ({floor:.2f} s)"
            )
            (folder / "bare.duckdb").unlink()


if __name__ == "__main__":
    main()
