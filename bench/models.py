"""Base models at scale: ``python bench/models.py DIR [--scale 1] [--changed 0.01]``.

Renders and loads what feeds the base tables into DIR (kept, so that a second run starts at the models), then builds all of
them from nothing, again with nothing changed, and after a night in which a share of the rows of the daily items is new.
Baseline in the same run: DuckDB counting the distinct people of the very same rows.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import time
from pathlib import Path

import duckdb

from fudata_pipeline.load.version import current_rows
from fudata_pipeline.models.base import build_base
from fudata_pipeline.models.state import read_state
from fudata_pipeline.project import Project
from fudata_pipeline.rehearsal import rehearse
from fudata_pipeline.settings import Settings
from fudata_pipeline.synthetic.district import District


def prepare(project: Project, folder: Path, scale: float) -> None:
    """The first night of every item that feeds a base table, loaded."""
    wanted = {feed.item for base in project.catalog.bases for feed in base.inputs}
    wanted |= {base.replaced.item for base in project.catalog.bases if base.replaced}
    missing = wanted - set(project.registry.current_loads())
    district = District(folder / "district", scale=scale)
    district.folder.mkdir(parents=True, exist_ok=True)
    district.claim(project.catalog, force=True)
    for unit in project.catalog.units:
        if any(i.id in missing for i in project.catalog.items_of(unit.id)):
            done = rehearse(project, district, unit, missing)
            print(
                f"{unit.id}: {done.rows:,} rows rendered in {done.render_seconds} s, loaded in {done.load_seconds} s",
                flush=True,
            )


def build(project: Project, what: str, only: str | None) -> None:
    for base in project.catalog.bases:
        if only and base.table != only:
            continue
        started = time.monotonic()
        built = build_base(project, base)
        state = read_state(project, base)
        assert state is not None
        rows = sum(part.rows for part in state.parts.values())
        print(
            f"{what:10} {base.table:14} {rows:>12,} rows -> {built.rows:>10,} entities  {time.monotonic() - started:6.1f} s  "
            f"content {state.content_hash[:12]}",
            flush=True,
        )


def bare(project: Project, only: str | None) -> None:
    for base in project.catalog.bases:
        if only and base.table != only:
            continue
        loads = project.registry.current_loads()
        key = base.identifiers[0].name
        rows = " UNION ALL ".join(
            f"SELECT {feed.columns[key]} AS k FROM {current_rows(project, loads[feed.item])}"
            for feed in base.inputs
            if feed.item in loads and key in feed.columns
        )
        started = time.monotonic()
        with duckdb.connect() as con:
            con.execute("SET enable_progress_bar = false")
            con.execute(f"SELECT count(DISTINCT k) FROM ({rows})").fetchall()
        print(
            f"bare       {base.table:14} distinct identifiers counted in {time.monotonic() - started:.1f} s", flush=True
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--table", help="only this base table")
    asked = parser.parse_args()
    project = Project.open(Settings(data=asked.folder / "data", scale=asked.scale))
    prepare(project, asked.folder, asked.scale)
    for base in project.catalog.bases:
        shutil.rmtree(project.settings.lake_dir / "products" / f"base.{base.table}", ignore_errors=True)
    bare(project, asked.table)
    build(project, "full", asked.table)
    build(project, "unchanged", asked.table)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")


if __name__ == "__main__":
    main()
