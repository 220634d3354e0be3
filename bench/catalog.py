"""Seconds that the catalog takes: compiled, from its cache, as Dagster definitions, out to a workbook and in again.

python bench/catalog.py    (compiling stands beside the bare parsing of the same YAML files)
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import yaml

from fudata_pipeline.catalog import load_catalog
from fudata_pipeline.catalog.cache import open_catalog
from fudata_pipeline.catalog.workbook.export import export_workbook
from fudata_pipeline.catalog.workbook.importing import import_workbook

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "catalog"
ROUNDS = 5

DEFINITIONS = """
import time
import dagster
started = time.perf_counter()
from fudata_pipeline.orchestration.definitions import defs
defs.get_repository_def()
print(time.perf_counter() - started)
"""


def _best(what: str, work: Callable[[], object], rounds: int = ROUNDS) -> None:
    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    print(f"{what:44} best {min(seconds):6.2f} s   worst {max(seconds):6.2f} s")


def _parse() -> None:
    for path in FOLDER.rglob("*.yaml"):
        yaml.load(path.read_text("utf-8"), Loader=yaml.CBaseLoader)


def _definitions(data: Path) -> None:
    environment = {"FUDATA_HOME": str(ROOT), "FUDATA_DATA": str(data), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", DEFINITIONS], capture_output=True, text=True, check=True, cwd=ROOT, env=environment
    )
    print(f"{'Dagster definitions, after import dagster':44}      {float(done.stdout.split()[-1]):6.2f} s")


def main() -> None:
    catalog = load_catalog(FOLDER)
    print(f"{len(catalog.items):,} items, {sum(len(i.fields) for i in catalog.items):,} columns")
    _best("bare parsing of the YAML", _parse)
    _best("compiled, cold", lambda: load_catalog(FOLDER))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        open_catalog(FOLDER, folder / "cache")
        _best("from the cache", lambda: open_catalog(FOLDER, folder / "cache"))
        for _ in range(3):  # the first compiles
            _definitions(folder / "data")
        book = folder / "catalog.xlsx"
        _best("workbook out", lambda: export_workbook(catalog, catalog.items, book), 1)
        _best("workbook in, written and compiled", lambda: import_workbook(book, catalog, FOLDER, folder / "in"), 1)


if __name__ == "__main__":
    main()
