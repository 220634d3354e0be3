"""Base models at scale: ``python bench/models.py DIR [--scale 1] [--table population] [--json]``.

Renders and loads into DIR what feeds the base tables (kept, so that another run starts at the models), then builds them: without
matching, with it, after a night in which about 1 % of the rows of the daily items are others, and in full after that night, which
must come out the same. Bounds at scale 1: 90 s without matching, 600 s and 8 GB with it, 60 s for the night.

Baseline in the same run: DuckDB counting the distinct identifiers of the very same rows. Every build runs in a process of its
own, so that its memory is its own.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import duckdb

from fudata_pipeline.load.version import current_rows
from fudata_pipeline.models import base as models
from fudata_pipeline.models.state import folder, read_state
from fudata_pipeline.project import Project
from fudata_pipeline.rehearsal import rehearse
from fudata_pipeline.settings import Settings
from fudata_pipeline.synthetic.district import District, delivering


def prepare(project: Project, target: Path, scale: float, night: int) -> None:
    """A night of every item that feeds a base table, loaded."""
    wanted = {feed.item for base in project.catalog.bases for feed in base.inputs}
    wanted |= {base.replaced.item for base in project.catalog.bases if base.replaced}
    district = District(target / "district", scale=scale)
    district.folder.mkdir(parents=True, exist_ok=True)
    district.claim(project.catalog, force=True)
    loaded = set(project.registry.current_loads())
    due = wanted & set(delivering(project.catalog, district, night)) if night else wanted - loaded
    for unit in project.catalog.units:
        if any(i.id in due for i in project.catalog.items_of(unit.id)):
            done = rehearse(project, district, unit, due, night=night)
            print(
                f"night {night} {unit.id}: {done.rows:,} rows in {done.render_seconds} s, loaded in {done.load_seconds} s, "
                f"{done.refused} refused", file=sys.stderr, flush=True,
            )  # fmt: skip


def build(project: Project, table: str, how: str) -> dict[str, Any]:
    """Build one base table: ``plain`` and ``full`` from nothing, ``night`` what is new, ``anew`` all of it once more."""
    base = project.catalog.base(table)
    if how == "plain":
        base = base.model_copy(update={"matching": None})
    if how in ("plain", "full"):
        shutil.rmtree(folder(project, base), ignore_errors=True)
    if how == "anew":
        models.CODE = "anew"
    before = read_state(project, base)
    started = time.monotonic()
    built = models.build_base(project, base)
    seconds = time.monotonic() - started
    state = read_state(project, base)
    assert state is not None
    read = [p for item, p in state.parts.items() if before is None or before.parts.get(item) != p]
    return {
        "rows": sum(p.rows for p in state.parts.values()), "rows_read": sum(p.rows for p in read), "entities": built.rows,
        "seconds": round(seconds, 1), "memory_gb": peak_gb(),
        "content": state.content_hash,
    }  # fmt: skip


def peak_gb() -> float:
    """The most memory this process has held (VmHWM; what getrusage tells begins with the parent's)."""
    status = Path("/proc/self/status").read_text("utf-8")
    return round(int(status.split("VmHWM:")[1].split()[0]) / 1e6, 2)


def bare(project: Project, table: str) -> float:
    """Seconds to count the distinct identifiers of the rows that feed a table."""
    base, loads = project.catalog.base(table), project.registry.current_loads()
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
    return round(time.monotonic() - started, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--table", help="only this base table")
    parser.add_argument("--no-night", action="store_true", help="only the builds from nothing")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    project = Project.open(Settings(data=asked.folder / "data", scale=asked.scale))
    if asked.one:
        print(json.dumps(build(project, *asked.one)))
        return
    found: list[dict[str, Any]] = []

    def run(table: str, how: str) -> None:
        command = [sys.executable, __file__, str(asked.folder), "--scale", str(asked.scale), "--one", table, how]
        said = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
        found.append(
            {"table": table, "build": how, **said, "ratio": round(said["seconds"] / max(0.1, bare(project, table)), 1)}
        )
        if not asked.json:
            print(
                "  ".join(f"{k} {v:,}" if isinstance(v, int) else f"{k} {v}" for k, v in found[-1].items()), flush=True
            )

    tables = [b.table for b in project.catalog.bases if asked.table in (None, b.table)]
    prepare(project, asked.folder, asked.scale, 0)
    for table in tables:
        run(table, "plain")
        run(table, "full")
    if not asked.no_night:
        prepare(project, asked.folder, asked.scale, 1)
        for table in tables:
            run(table, "night")
            run(table, "anew")
            if len({f["content"] for f in found if f["table"] == table and f["build"] in ("night", "anew")}) > 1:
                sys.exit(f"{table}: a night ends elsewhere than a full build")
    if asked.json:
        print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
