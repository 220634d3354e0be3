"""Into grid, into block: every entity is placed with its method, or keeps the reason why not."""

from __future__ import annotations

from collections.abc import Callable

import duckdb
import pytest

from fudata_pipeline.models.product import product_file
from fudata_pipeline.nightly import run_night
from fudata_pipeline.project import Project

from ..district import BUILDING_1, BUILDING_2, GRID_1, GRID_2, HOUSE_1, HOUSE_3, LI, WANG, ZHANG, write_residents
from ..district import write_space as _write_space


def _resident(resident_id: str, sex: str, birth: str, house: str = "", building: str = "") -> str:
    return f"{resident_id},张小满,{sex},汉,{birth},,,13512345679,{house},{building},2020-01-01,2022-10-01"


@pytest.fixture
def night(project: Project) -> Callable[[list[str]], Project]:
    def run(rows: list[str]) -> Project:
        _write_space(project.settings.inbox_dir)
        write_residents(project.settings.inbox_dir, rows)
        done = run_night(project, list(project.catalog.items_of("zsj")))
        assert [r.item for r in done.results if r.failed] == []
        return project

    return run


def _query(project: Project, product: str, columns: str) -> list[tuple]:
    return duckdb.sql(f"SELECT {columns} FROM '{product_file(project, product)}' ORDER BY ALL").fetchall()


@pytest.mark.parametrize(
    ("house", "building", "grid", "method", "reason"),
    [
        (HOUSE_1, "", GRID_1, "house_code", None),
        (HOUSE_1, BUILDING_1, GRID_1, "house_code", None),
        ("", BUILDING_2, GRID_2, "building_code", None),
        (f"{BUILDING_1}009999", "", GRID_1, "building_of_house", None),  # building known, house not
        ("", "", None, None, "no_code"),
        ("", "4403040019010100009", None, None, "unknown_code"),
        (HOUSE_1, BUILDING_2, None, None, "contradictory"),
    ],
)
def test_each_way_into_a_grid(
    night: Callable[[list[str]], Project],
    house: str,
    building: str,
    grid: str | None,
    method: str | None,
    reason: str | None,
) -> None:
    project = night([_resident(ZHANG, "女", "1990-03-07", house, building)])
    placed = _query(project, "block.population_placement", "grid_code, method, reason, confidence IS NULL")
    assert placed == [(grid, method, reason, grid is None)]
    assert len(project.catalog.codes["placement_reason"].titles) == 4
    assert reason is None or reason in project.catalog.codes["placement_reason"].titles


def test_population_by_grid_counts_the_placed_and_keeps_empty_grids(night: Callable[[list[str]], Project]) -> None:
    rows = [
        _resident(ZHANG, "女", "1990-03-07", HOUSE_1),
        _resident(LI, "女", "1949-12-31", HOUSE_1),
        _resident(WANG, "男", "1880-01-01"),  # no code: counted nowhere
    ]
    project = night(rows)
    counted = _query(
        project,
        "block.population_by_grid",
        "grid_code, community_name, street_name, residents, male, female, elderly, households",
    )
    assert counted == [
        (GRID_1, "东园社区", "南园街道", 2, 0, 2, 1, 1),
        (GRID_2, "东园社区", "南园街道", 0, 0, 0, 0, 0),
    ]
    placed = _query(project, "block.population_placement", "grid_code IS NOT NULL")
    assert [p for (p,) in placed].count(True) == sum(row[3] for row in counted)
    assert len(placed) == 3


def test_only_what_depends_on_a_change_is_built_again(night: Callable[[list[str]], Project]) -> None:
    project = night([_resident(ZHANG, "女", "1990-03-07", HOUSE_1)])
    assert not any(b.changed for b in run_night(project, list(project.catalog.items_of("zsj"))).built)
    write_residents(project.settings.inbox_dir, [_resident(ZHANG, "女", "1990-03-07", HOUSE_3)], "居住人口登记_2.csv")
    again = run_night(project, list(project.catalog.items_of("zsj")))
    assert {r.item: r.verdict for r in again.results if r.verdict == "promoted"} == {
        "zsj.resident_registration": "promoted"
    }
    assert {b.product for b in again.built if b.changed} == {
        "base.population",
        "base.person_house",
        "base.residence",
        "base.link_left_out",
        "base.check",
        "block.population_placement",
        "block.population_by_grid",
        "published",
    }
