"""Scores against known truth: what is right counts as right, what is spoilt afterwards lowers the score, nothing peeks."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

from fudata_pipeline.accuracy import score_accuracy
from fudata_pipeline.accuracy.report import NothingToScore
from fudata_pipeline.catalog import Catalog
from fudata_pipeline.demo import run_nights
from fudata_pipeline.load.version import version_dir
from fudata_pipeline.models.state import folder, read_state
from fudata_pipeline.project import Project
from fudata_pipeline.settings import Settings
from fudata_pipeline.synthetic.district import District, delivering, render_night

from ..conftest import ROOT

SCALE = 0.002
UNITS = ("zsj", "gaj", "scjg", "mzj", "clf", "ghzr")
MORE = {
    "zsj.grid_division",
    "zsj.citizen_request",
    "zsj.smoke_reading",
    "mzj.minimum_living_household",
    "mzj.elder_care_home",
    "scjg.food_inspection",
}
Scored = tuple[Project, District, dict[str, Any]]


def _project(catalog: Catalog, data: Path) -> Project:
    return Project.of(Settings(home=ROOT, data=data, scale=SCALE), catalog)


@pytest.fixture(scope="module")
def district(catalog: Catalog, tmp_path_factory: pytest.TempPathFactory) -> District:
    """Two nights of what six units deliver for the base models, and some more; defects and all."""
    wanted = {feed.item for base in catalog.bases for feed in base.inputs} | MORE
    broken = {
        i
        for i, what in delivering(catalog, District(ROOT, scale=SCALE), 1).items()
        if what not in ("", "resent", "late")
    }
    made = District(tmp_path_factory.mktemp("district"), scale=SCALE)
    for night in range(2):
        due = delivering(catalog, made, night)
        chosen = [i for i in catalog.items if i.id in due and ((i.unit in UNITS and i.id in wanted) or i.id in broken)]
        render_night(Settings(home=ROOT), catalog, made, night, chosen)
    return made


@pytest.fixture(scope="module")
def scored(catalog: Catalog, district: District, tmp_path_factory: pytest.TempPathFactory) -> Scored:
    project = _project(catalog, tmp_path_factory.mktemp("scored"))
    run_nights(project, [district.deliveries(0), district.deliveries(1)], quiet=True)
    return project, district, score_accuracy(project, district)


def test_every_defect_that_a_rule_can_find_is_found_and_nothing_else(scored: Scored) -> None:
    defects = scored[2]["defects"]
    wrong = {rule: s for rule, s in defects["rules"].items() if s["missed"] or s["false_alarms"]}
    assert wrong == {}
    assert defects["recall"] == 1 and defects["false_alarm_rate"] == 0
    assert {
        "required",
        "resident_id",
        "uscc",
        "code",
        "type",
        "placeholder",
        "superseded",
        "exact_duplicate",
        "phone",
    } <= set(defects["rules"])
    assert set(UNITS) - {"clf"} <= set(defects["units"])


def test_broken_files_are_refused_by_the_rule_they_break(scored: Scored) -> None:
    files = scored[2]["defects"]["files"]
    told = json.loads((scored[1].truth(1) / "files.json").read_text("utf-8"))
    assert files["found"] == sum(bool(t["expects"]) for t in told.values()) > 0
    assert (files["missed"], files["false_alarms"]) == (0, 0)


def test_records_of_one_entity_are_together(scored: Scored) -> None:
    linkage = scored[2]["linkage"]
    for model in ("population", "legal_entity", "housing"):
        assert linkage[model]["precision"] > 0.99, model
        assert linkage[model]["recall"] > 0.97, model
    people = linkage["population"]
    assert people["without_id"]["f1"] >= 0.95
    assert people["automatic"]["rows"] > 100 and people["automatic"]["precision"] >= 0.999
    assert linkage["housing"]["without_id"] == "not built"


def test_rows_at_the_wrong_person_lower_the_score(scored: Scored, tmp_path: Path) -> None:
    project, district, before = scored
    shutil.copytree(project.settings.data_dir, tmp_path / "data")
    spoilt = _project(project.catalog, tmp_path / "data")
    base = spoilt.catalog.base("population")
    state = read_state(spoilt, base)
    assert state
    file = folder(spoilt, base) / state.matches
    with duckdb.connect() as con:
        con.execute(f"CREATE TABLE m AS FROM read_parquet('{file}')")
        con.execute(
            "UPDATE m SET entity = (SELECT max(entity) FROM m) WHERE record IN (SELECT record FROM m ORDER BY record LIMIT 50)"
        )
        con.execute(f"COPY m TO '{file}' (FORMAT parquet)")
    after, was = (s["linkage"]["population"] for s in (score_accuracy(spoilt, district), before))
    assert after["automatic"]["precision"] < was["automatic"]["precision"]
    assert after["without_id"]["f1"] < was["without_id"]["f1"]
    assert after["precision"] < was["precision"]


def test_the_right_values_survive(scored: Scored) -> None:
    correct = {
        t: {a: s["correct"] for a, s in table["attributes"].items()} for t, table in scored[2]["survivorship"].items()
    }
    for attribute in ("sex", "birth_date", "ethnicity"):
        assert correct["population"][attribute] > 0.98, attribute
    assert correct["population"]["person_name"] > 0.95
    assert correct["legal_entity"]["entity_name"] > 0.95
    assert correct["house"]["room_no"] > 0.95
    assert correct["building"]["grid_code"] > 0.9


def test_people_end_in_their_grid(scored: Scored) -> None:
    place = scored[2]["placement"]
    assert place["grid_correct"] + place["grid_wrong"] + place["unplaced"] == pytest.approx(1, abs=0.001)
    assert place["grid_correct"] > 0.7
    assert place["outside_recall"] == "not built"


def test_a_pipeline_that_misses_defects_scores_lower(scored: Scored, tmp_path: Path) -> None:
    """The score can fail: rows taken out of quarantine count as missed, rows put in as false alarms."""
    project, district, before = scored
    copy = tmp_path / "data"
    shutil.copytree(project.settings.data_dir, copy)
    spoilt = _project(project.catalog, copy)
    load = spoilt.registry.current_loads()["zsj.resident_registration"]
    file = version_dir(spoilt, load) / "quarantine.parquet"
    with duckdb.connect() as con:
        con.execute(f"CREATE TABLE q AS FROM read_parquet('{file}')")
        con.execute(
            "DELETE FROM q WHERE _line = (SELECT min(_line) FROM q WHERE list_contains(_rules, 'resident_id:resident_id'))"
        )
        con.execute(
            "INSERT INTO q (_line, _rules) SELECT max(_line) + 1, ['resident_id:resident_id'] FROM q WHERE FALSE"
        )
        file.chmod(0o644)
        con.execute(f"COPY q TO '{file}' (FORMAT parquet)")
    after = score_accuracy(spoilt, district)["defects"]
    assert before["defects"]["rules"]["resident_id"]["missed"] == 0
    assert after["rules"]["resident_id"]["missed"] == 1
    assert after["recall"] < 1


def test_the_pipeline_never_sees_the_truth(
    catalog: Catalog, district: District, scored: Scored, tmp_path: Path
) -> None:
    """Where no truth is to be seen, the very same versions come out."""
    bare = tmp_path / "deliveries"
    shutil.copytree(district.folder / "deliveries", bare)
    project = _project(catalog, tmp_path / "data")
    run_nights(project, sorted(bare.iterdir()), quiet=True)
    hashes = [{i: load["content_hash"] for i, load in p.registry.current_loads().items()} for p in (project, scored[0])]
    assert hashes[0] == hashes[1]
    assert not district.note.is_relative_to(scored[0].settings.data_dir)


def test_a_project_without_deliveries_of_the_district_cannot_be_scored(
    catalog: Catalog, district: District, tmp_path: Path
) -> None:
    with pytest.raises(NothingToScore, match="fudata run"):
        score_accuracy(_project(catalog, tmp_path), district)
