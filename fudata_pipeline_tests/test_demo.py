"""The main job end to end on the committed samples, held against the truth that came with them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from fudata_pipeline.demo import QUERIES, run_nights, scoreboard
from fudata_pipeline.nightly import Night, run_night
from fudata_pipeline.project import Project
from fudata_pipeline.settings import Settings

from .conftest import ROOT, SAMPLE_NIGHTS, SAMPLE_SCALE, SAMPLES

Demo = tuple[Project, list[Night]]
TRUTH = json.loads((SAMPLES / "truth.json").read_text("utf-8"))
NIGHTS = sorted(TRUTH["nights"])
FILES = [(n, entry) for n, night in enumerate(NIGHTS) for entry in TRUTH["nights"][night]["files"]]


@pytest.mark.parametrize(("night", "entry"), FILES, ids=[f"{NIGHTS[n]}-{e['file']}" for n, e in FILES])
def test_every_file_becomes_what_the_truth_says(demo: Demo, night: int, entry: dict) -> None:
    _, nights = demo
    item = f"{entry['unit']}.{entry['item']}"
    result = next(r for r in nights[night].results if r.item == item)
    assert result.verdict == entry["verdict"], result.reason
    if entry["verdict"] == "refused_contract":
        assert f"（{entry['rule']}）" in result.reason
        assert Path(entry["file"]).name in result.reason
        return
    assert (result.rows_in, result.rows_accepted, result.rows_quarantined, result.rows_duplicate) == (
        entry["rows"],
        entry["accepted"],
        entry["quarantined"],
        entry["duplicate"],
    )
    found: dict[str, int] = {}
    for rule in result.rules:
        if rule["failed"]:
            found[rule["rule"]] = found.get(rule["rule"], 0) + rule["failed"]
    assert {rule for rule in found if entry["rules"].get(rule, 0) == 0} <= {"resident_id"}  # with id_as_number
    assert {rule: n for rule, n in entry["rules"].items() if found.get(rule, 0) < n} == {}


def test_base_models_hold_the_entities_of_the_truth(demo: Demo) -> None:
    project, nights = demo
    built = [{b.product: b.rows for b in night.built} for night in nights]
    for night, rows in zip(NIGHTS, built, strict=True):
        for table, count in TRUTH["nights"][night]["base"].items():
            product = "block.grid" if table == "grid" else f"base.{table}"
            assert rows[product] == count, (night, table)
    with duckdb.connect(str(project.settings.published_file), read_only=True) as con:
        persons = con.execute("SELECT count(*) FROM base.population").fetchone()
    assert persons == (TRUTH["nights"][NIGHTS[-1]]["base"]["population"],)


def test_everyone_is_placed_or_has_a_reason(demo: Demo) -> None:
    project, _ = demo
    with duckdb.connect(str(project.settings.published_file), read_only=True) as con:
        total, placed, reasoned, counted = con.execute(
            """SELECT count(*), count(grid_code), count(*) FILTER (grid_code IS NULL AND reason IS NOT NULL),
                (SELECT sum(residents) FROM block.population_by_grid) FROM block.population_placement"""
        ).fetchone() or (0, 0, 0, 0)
    assert placed > 0.85 * total
    assert placed + reasoned == total
    assert counted == placed


def test_the_night_again_is_unchanged(tmp_path: Path) -> None:
    copy = Project.open(Settings(home=ROOT, data=tmp_path / "data", scale=SAMPLE_SCALE))
    run_nights(copy, SAMPLE_NIGHTS, quiet=True)
    loads = len(copy.registry.all_loads())
    stat = copy.settings.published_file.stat()
    again = run_night(copy, list(copy.catalog.items))
    assert all(r.repeated or r.missing for r in again.results)
    assert sum(r.repeated for r in again.results) == 13
    assert not any(b.changed for b in again.built)
    assert len(copy.registry.all_loads()) == loads
    assert copy.settings.published_file.stat().st_mtime_ns == stat.st_mtime_ns


def test_two_runs_of_the_same_deliveries_agree(demo: Demo, tmp_path: Path) -> None:
    """Same values whatever the folder and the number of threads (loads differ in their time, so not the whole file)."""
    project, _ = demo
    other = Project.open(Settings(home=ROOT, data=tmp_path / "data", threads=1, scale=SAMPLE_SCALE))
    run_nights(other, SAMPLE_NIGHTS, quiet=True)
    hashes = [{i: load["content_hash"] for i, load in p.registry.current_loads().items()} for p in (project, other)]
    assert hashes[0] == hashes[1]
    with duckdb.connect() as con:
        for n, p in enumerate((project, other)):
            con.execute(f"ATTACH '{p.settings.published_file}' AS f{n} (READ_ONLY)")
        for table in (
            "base.population",
            "base.legal_entity",
            "base.house",
            "base.building",
            "block.population_by_grid",
        ):
            columns = [c[0] for c in con.execute(f"DESCRIBE f0.{table}").fetchall()]
            kept = ", ".join(c for c in columns if c not in ("provenance", "as_of", "valid_from"))
            difference = con.execute(
                f"(SELECT {kept} FROM f0.{table} EXCEPT SELECT {kept} FROM f1.{table}) UNION ALL "
                f"(SELECT {kept} FROM f1.{table} EXCEPT SELECT {kept} FROM f0.{table})"
            ).fetchall()
            assert difference == [], table


def test_scoreboard_counts_every_unit(demo: Demo) -> None:
    project, _ = demo
    rows = scoreboard(project)
    assert [r["unit"] for r in rows] == [u.id for u in project.catalog.units]
    assert sum(r["items_declared"] for r in rows) == 2137
    assert {r["unit"]: r["items_current"] for r in rows if r["items_current"]} == {
        "zsj": 5, "gaj": 1, "mzj": 1, "zjj": 1, "scjg": 2, "swj": 1, "wjj": 1, "clf": 1
    }  # fmt: skip
    assert all(r["rows_in"] == r["rows_accepted"] + r["rows_quarantined"] + r["rows_duplicate"] for r in rows)
    assert all(0 < r["score"] <= 100 for r in rows if r["items_current"])


@pytest.mark.parametrize(("title", "sql"), QUERIES)
def test_the_queries_shown_work(demo: Demo, title: str, sql: str) -> None:
    with duckdb.connect(str(demo[0].settings.published_file), read_only=True) as con:
        assert con.execute(sql).fetchall(), title


def test_the_whole_run_needs_no_network(tmp_path: Path) -> None:
    """In a network namespace of its own, where not even a name can be looked up."""
    unshare = shutil.which("unshare")
    probe = subprocess.run([unshare, "-rn", "true"], capture_output=True, check=False) if unshare else None
    if probe is None or probe.returncode:
        pytest.skip("cannot run: this system does not let a process have a network namespace (unshare -rn)")
    code = (
        "import sys\nfrom fudata_pipeline.cli import app\n"
        "for words in (['synth', '--out', sys.argv[1], '--scale', '0.0004', '--unit', 'fl', '--unit', 'zsj'], ['run', '--json']):\n"
        "    app(words, standalone_mode=False)\n"
    )
    inbox = tmp_path / "district" / "deliveries" / "2022-10-31"
    done = subprocess.run(
        [unshare, "-rn", sys.executable, "-c", code, str(tmp_path / "district")],
        capture_output=True,
        text=True,
        check=False,
        env={"FUDATA_HOME": str(ROOT), "FUDATA_DATA": str(tmp_path / "data"), "FUDATA_INBOX": str(inbox), "FUDATA_SCALE": "0.0004",
             "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout[done.stdout.index("\n{") :])
    assert sum(not r["failed"] and r["rows_in"] > 0 for r in told["items"]) > 80
    assert any(b["product"] == "published" and b["changed"] for b in told["products"])
