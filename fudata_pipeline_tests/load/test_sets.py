"""Rules of an item's own, and rules that other rows decide: what the unit is told, and what becomes of the rows."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from fudata_pipeline.catalog import Catalog
from fudata_pipeline.catalog.lint import lint
from fudata_pipeline.catalog.model import RuleUse
from fudata_pipeline.load.deliveries import PROMOTED
from fudata_pipeline.load.item import load_item
from fudata_pipeline.load.result import REFUSED_GATE, LoadResult
from fudata_pipeline.project import Project
from fudata_pipeline.settings import Settings
from fudata_pipeline.sources import delimited

from ..conftest import FEW_ROWS, ROOT

ITEM = "zsj.house"
BUILDING = "4403040019010100001"


def _with_rules(catalog: Catalog, *rules: dict[str, object]) -> Catalog:
    uses = tuple(RuleUse.model_validate(r) for r in rules)
    bounds = {"max_quarantine": 0.9}
    items = tuple(
        i.model_copy(update={"rules": uses, "bounds": i.bounds.model_copy(update=bounds)}) if i.id == ITEM else i
        for i in catalog.items
    )
    return catalog.model_copy(update={"items": items})


def _project(catalog: Catalog, folder: Path) -> Project:
    return Project.of(Settings(home=ROOT, data=folder / "data", scale=FEW_ROWS), catalog)


def _deliver(project: Project, *rows: tuple[str, str, str]) -> None:
    """Houses: number, room, area."""
    file = project.settings.inbox_dir / "zsj" / "房屋信息1.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = (
        f"{BUILDING if n < 'x' else '4403040019010199999'}{n.strip('x'):>06};{BUILDING};{room};{area};1;是"
        for n, room, area in rows
    )
    file.write_text("\n".join(["房屋编码;建筑物编码;房号;建筑面积;房屋用途;是否出租", *lines, ""]), "utf-8")


def _load(project: Project, *, again: bool = False) -> tuple[LoadResult, list[tuple[int, list[str], list[str]]]]:
    result = load_item(project, project.catalog.items_by_id[ITEM], again=again)
    folder = project.settings.lake_dir / "versions" / "zsj" / "house" / result.load_id
    with duckdb.connect() as con:
        query = f"SELECT _line, _rules, _reasons FROM '{folder / 'quarantine.parquet'}' ORDER BY _line"
        return result, con.execute(query).fetchall()


@pytest.fixture(params=["staged", "streamed"])
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "streamed":
        monkeypatch.setattr(delimited, "LONG", 0)


@pytest.mark.usefixtures("_way")
def test_an_expression_of_the_items_own(catalog: Catalog, tmp_path: Path) -> None:
    rule = {"rule": "area_of_a_home", "sql": "house_area < 500", "columns": ["house_area"], "wording": "面积大于住宅"}
    project = _project(_with_rules(catalog, rule), tmp_path)
    _deliver(project, ("1", "101", "90"), ("2", "102", "900"), ("3", "103", ""))
    result, aside = _load(project)
    assert (result.verdict, result.rows_accepted) == (PROMOTED, 2)
    assert aside == [(3, ["house_area:zsj.house.area_of_a_home"], ["house_area：面积大于住宅"])]
    [count] = [r for r in result.rules if r["rule"] == "zsj.house.area_of_a_home"]
    assert (count["checked"], count["failed"]) == (2, 1)


@pytest.mark.usefixtures("_way")
def test_a_rule_may_warn_or_block(catalog: Catalog, tmp_path: Path) -> None:
    rule = {"rule": "area_of_a_home", "sql": "house_area < 500", "wording": "面积大于住宅"}
    warned = _project(_with_rules(catalog, {**rule, "severity": "warn"}), tmp_path / "warn")
    _deliver(warned, ("1", "101", "90"), ("2", "102", "900"))
    result, aside = _load(warned)
    assert (result.verdict, result.rows_accepted, aside) == (PROMOTED, 2, [])
    assert any("面积大于住宅（1 行）" in w for w in result.warnings)

    blocked = _project(_with_rules(catalog, {**rule, "severity": "block"}), tmp_path / "block")
    _deliver(blocked, ("1", "101", "90"))
    assert _load(blocked)[0].verdict == PROMOTED
    good = blocked.registry.current_load(ITEM)
    _deliver(blocked, ("1", "101", "90"), ("2", "102", "900"))
    result, aside = _load(blocked)
    assert result.verdict == REFUSED_GATE and "不容许任何一行违反" in result.reason
    assert [line for line, *_ in aside] == [3]
    now = blocked.registry.current_load(ITEM)
    assert good is not None and now is not None and now["load_id"] == good["load_id"]


@pytest.mark.usefixtures("_way")
def test_what_must_be_unique(catalog: Catalog, tmp_path: Path) -> None:
    project = _project(_with_rules(catalog, {"rule": "unique", "columns": ["building_code", "room_no"]}), tmp_path)
    _deliver(
        project,
        ("1", "101", "90"),
        ("2", "102", "80"),
        ("3", "101", "70"),
        ("4", "", "1"),
        ("5", "", "2"),
        ("2", "102", "80"),
    )
    result, aside = _load(project)
    assert [(line, rules) for line, rules, _ in aside] == [
        (2, ["building_code+room_no:unique"]),
        (4, ["building_code+room_no:unique"]),
    ]
    assert (result.rows_accepted, result.rows_duplicate) == (3, 1)  # a copy is no repetition, nor is what is not there


@pytest.mark.usefixtures("_way")
def test_what_must_be_found_elsewhere(catalog: Catalog, tmp_path: Path) -> None:
    rule = {"rule": "reference", "columns": ["building_code"], "to": "zsj.building.building_code"}
    project = _project(_with_rules(catalog, rule), tmp_path)
    _deliver(project, ("1", "101", "90"), ("2", "102", "80"))
    result, aside = _load(project)
    assert (result.verdict, aside) == (PROMOTED, [])
    assert any("未核对 zsj.building.building_code" in w for w in result.warnings)

    buildings = project.settings.inbox_dir / "zsj" / "building1.parquet"
    columns = [f.headers[0] for f in catalog.items_by_id["zsj.building"].fields]
    for code, expected in (("4403040019010100002", [2, 3]), (BUILDING, [])):
        values = {"ld_code": code, "wg_code": "440304001901001"}
        cells = ", ".join(f"'{values.get(c, '')}' AS \"{c}\"" for c in columns)
        duckdb.sql(f"COPY (SELECT {cells}) TO '{buildings}' (FORMAT parquet)")
        assert load_item(project, project.catalog.items_by_id["zsj.building"]).verdict == PROMOTED
        result, aside = _load(project, again=True)
        assert [line for line, *_ in aside] == expected
        assert not any("未核对" in w for w in result.warnings)
        if expected:
            assert aside[0][1:] == (["building_code:reference"], ["building_code：所指的记录不存在"])


def test_a_reference_within_the_item(catalog: Catalog, tmp_path: Path) -> None:
    rule = {"rule": "reference", "columns": ["room_no"], "to": "zsj.house.house_code", "severity": "info"}
    project = _project(_with_rules(catalog, rule), tmp_path)
    _deliver(project, ("1", f"{BUILDING}000001", "90"), ("2", "102", "80"))
    result, _ = _load(project)
    [count] = [r for r in result.rules if r["rule"] == "zsj.house.reference"]
    assert (count["severity"], count["failed"]) == ("info", 1)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"rule": "mine", "sql": "true"}, "没有 wording"),
        ({"rule": "dates_in_order", "sql": "true", "wording": "x"}, "不能再写 sql"),
        ({"rule": "mine", "sql": "true", "wording": "x", "columns": ["nowhere"]}, "未声明的列 nowhere"),
        ({"rule": "reference", "columns": ["room_no"]}, "to 有误"),
        ({"rule": "reference", "columns": ["room_no"], "to": "zsj.house.nowhere"}, "未声明"),
        ({"rule": "reference", "columns": ["room_no"], "to": "base.nothing.at_all"}, "未声明"),
        ({"rule": "unique"}, "需要 1 列"),
        ({"rule": "nothing", "columns": ["room_no"]}, "未在 rules.csv 声明"),
    ],
)
def test_a_wrong_declaration_is_found(catalog: Catalog, rule: dict[str, object], said: str) -> None:
    findings = [f for f in lint(_with_rules(catalog, rule)) if "house" in f.path]
    assert any(said in f.message for f in findings), findings
    assert all(f.cure for f in findings)
