"""The house keeps its shape: imports point one way, dagster stays in one package, modules stay small."""

from __future__ import annotations

import statistics
from pathlib import Path

import grimp
import pytest

from .conftest import ROOT

PACKAGE = ROOT / "fudata_pipeline"

LAYERS = [
    {"settings"},
    {"standards"},
    {"engine"},
    {"catalog"},
    {"sources", "lake"},
    {"project"},
    {"quality"},
    {"load"},
    {"models"},
    {"blocks"},
    {"report"},
    {"publish", "synthetic", "alerts"},
    {"nightly", "accuracy"},
    {"console"},
    {"rehearsal"},
    {"demo"},
    {"cli", "orchestration"},
]
"""From the ground up: a package may import its own layer's ground and what lies below, never above or beside."""

HEAVY = (
    "great_expectations", "pandas", "dagster", "openpyxl", "xlsxwriter", "jinja2", "requests", "splink", "pyspark",
)  # fmt: skip


def _graph() -> grimp.ImportGraph:
    return grimp.build_graph("fudata_pipeline", include_external_packages=True)


def _top(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def test_imports_point_down_only() -> None:
    graph = _graph()
    layer = {name: n for n, names in enumerate(LAYERS) for name in names}
    wrong = []
    for module in graph.modules:
        if not module.startswith("fudata_pipeline."):
            continue
        for target in graph.find_modules_directly_imported_by(module):
            if target.startswith("fudata_pipeline.") and _top(module) != _top(target):
                beside_is_fine = {_top(module), _top(target)} == {"console", "demo"} and _top(module) == "demo"
                if layer[_top(target)] >= layer[_top(module)] and not beside_is_fine:
                    wrong.append(f"{module} -> {target}")
    assert wrong == []


def test_no_cycles_between_modules() -> None:
    graph = _graph()
    cyclic = [
        (a, b)
        for a in graph.modules
        for b in graph.find_modules_directly_imported_by(a)
        if a.startswith("fudata_pipeline.")
        and b.startswith("fudata_pipeline.")
        and not a.startswith(f"{b}.")
        and not b.startswith(f"{a}.")
        and graph.chain_exists(importer=b, imported=a)
    ]
    assert cyclic == []


@pytest.mark.parametrize(("library", "home"), [("dagster", "orchestration"), ("great_expectations", "quality")])
def test_frameworks_stay_in_their_package(library: str, home: str) -> None:
    graph = _graph()
    users = {_top(m) for m in graph.find_modules_that_directly_import(library)} if library in graph.modules else set()
    assert users == {home}


def test_only_the_settings_read_the_environment() -> None:
    readers = [
        p.name
        for p in PACKAGE.rglob("*.py")
        if "os.environ" in p.read_text("utf-8") or "getenv" in p.read_text("utf-8")
    ]
    assert readers == []


def test_no_catch_all_modules_and_small_modules() -> None:
    modules = [p for p in PACKAGE.rglob("*.py") if p.name != "__init__.py"]
    sizes = {str(p.relative_to(PACKAGE)): len(p.read_text("utf-8").splitlines()) for p in modules}
    assert not [p for p in modules if p.stem in ("utils", "helpers", "common", "misc")]
    assert statistics.median(sizes.values()) <= 120, sizes
    assert {name: n for name, n in sizes.items() if n > 350} == {}


def test_importing_the_command_line_loads_no_heavy_library() -> None:
    import subprocess
    import sys

    code = f"import sys, fudata_pipeline.cli; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_no_secret_host_or_machine_path_is_tracked() -> None:
    import re
    import subprocess

    tracked = subprocess.run(["git", "ls-files", "-z"], capture_output=True, text=True, check=True, cwd=ROOT)
    bad = re.compile(r"/(?:root|home)/\w+|files\.pythonhosted|pypi\.org|index-url\s*=|password\s*=\s*['\"]\w")
    found = []
    for name in filter(None, tracked.stdout.split("\0")):
        path = ROOT / name
        readable = path.suffix in (".py", ".md", ".toml", ".lock", ".yaml", ".yml", "") and path.is_file()
        if readable and Path(__file__) != path and bad.search(path.read_text("utf-8", errors="ignore")):
            found.append(name)
    assert found == []


def test_the_truth_is_out_of_the_pipelines_sight() -> None:
    """Only what renders, rehearses and scores made-up districts knows of them: no step of the pipeline itself."""
    graph = _graph()
    knows = {_top(m) for m in graph.modules if graph.find_modules_directly_imported_by(m) & {
        d for d in graph.modules if d.startswith(("fudata_pipeline.synthetic", "fudata_pipeline.accuracy"))
    }}  # fmt: skip
    assert knows == {"synthetic", "accuracy", "rehearsal", "demo", "cli"}
