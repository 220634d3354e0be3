"""Wrong links, checks and white lists are named with their file, their place and the cure."""

from __future__ import annotations

from pathlib import Path

import pytest

from fudata_pipeline.catalog import CatalogError, load_catalog
from fudata_pipeline.catalog.places import fill, places
from fudata_pipeline.engine.duckdb import connect
from fudata_pipeline.models.checks import check_checks
from fudata_pipeline.models.links import check_links
from fudata_pipeline.models.white_list import check_white_list
from fudata_pipeline.settings import Settings

from .conftest import change

HOUSE, FIRM, FAMILY, WHITE = (
    "links/person_house.yaml",
    "links/firm_premises.yaml",
    "links/household.yaml",
    "white_list.yaml",
)


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (HOUSE, "item: gaj.residence_permit,", "item: gaj.permit,", "[inputs gaj.permit] 数据项未声明"),
        (HOUSE, "table: person_house", "table: person_home", "文件名与表名 person_home 不同"),
        (HOUSE, "base: population", "base: people", "基础表 people 未声明"),
        (HOUSE, "codes: person_house_relation", "codes: relations", "代码表 relations 未声明"),
        (HOUSE, "relation: \"'1'\"", "relation: \"'11'\"", "关系 '11' 不在代码表 person_house_relation 中"),
        (HOUSE, "person: {resident_id: resident_id}", "person: {sex: resident_id}", "person 没有标识"),
        (HOUSE, "person: {resident_id: resident_id}", "man: {resident_id: resident_id}", "没有给出 person"),
        (HOUSE, "house: {house_code: house_code}", "house: {house_no: house_code, house_code: house_code}", "字段 house_no 不在基础表 house 中"),
        (HOUSE, "from_date: live_from, to", "since: live_from, to", "Extra inputs are not permitted"),
        (FIRM, "{firm: {uscc: uscc}, building: {building_code: building_code}}", "{firm: {uscc: uscc}}", "没有给出任何一个可选的实体"),
        (FAMILY, "fields: [hukou_household_no]", "fields: [hukou_no]", "引用了未声明的字段 'hukou_no'"),
        (FAMILY, "columns: {hukou_household_no: hukou_household_no}", "columns: {}", "字段 hukou_household_no 没有给出"),
        ("links/residence.yaml", "of: person_house", "of: person_home", "person_home 不是写有 inputs 的关联表"),
        ("links/residence.yaml", '["1", "2", "6"]', '["1", "66"]', "关系 '66' 不在代码表"),
        ("links/residence.yaml", "title: 居住期间", "title: 居住期间\ncodes: sex", "写了 of"),
        (WHITE, "registered: zsj.resident_registration", "registered: zsj.house", "zsj.house 不是 population 的来源"),
        (WHITE, "homes: person_house", "homes: residence", "residence 不是写有 inputs 的关联表"),
        (WHITE, "code: keep", "code: stay", "建议 'stay' 不在代码表 white_list_suggestion 中"),
        (WHITE, 'when: "true"', "when: registered", "最后一条建议不是对其余所有人的"),
        (WHITE, "unseen_days: 365", "unseen_days: 0", "[unseen_days]"),
        ("codes/link_left_out.csv", "reversed_period", "turned", "缺少代码 reversed_period"),
        ("base/population.yaml", "{base.house} AS h USING", "{base.home} AS h USING", "没有表 {base.home}"),
        ("base/population.yaml", 'indicator: "0301"', "severity: quarantine", "级别 quarantine 不能用于模型检查"),
        ("base/population.yaml", "name: age_plausible", "name: one_head", "检查的名称重复"),
    ],
)  # fmt: skip
def test_wrong_declarations_are_named(folder: Path, file: str, old: str, new: str, said: str) -> None:
    change(folder / file, old, new)
    with pytest.raises(CatalogError) as error:
        load_catalog(folder)
    assert said in str(error.value)
    assert f"catalog/{file}" in str(error.value) and " → " in str(error.value)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (HOUSE, "from_date: live_from", "from_date: lived_from"),
        (HOUSE, "where: approval_result = '1'", "where: approved = '1'"),
        (FIRM, "building_of_house(house_code)", "building_of_home(house_code)"),
        (FAMILY, "relation: hukou_head_relation", "relation: head_relation"),
        (WHITE, "when: on_list AND unseen", "when: on_list AND unseen_for > 1"),
        ("base/house.yaml", "HAVING count(*) > 50", "HAVING counted > 50"),
        ("base/population.yaml", "birth_date > {as_of}", "birth_day > {as_of}"),
        ("base/legal_entity.yaml", "SELECT f.entity_id FROM", "SELECT f.uscc FROM"),
    ],
)
def test_sql_that_does_not_bind_is_found(folder: Path, tmp_path: Path, file: str, old: str, new: str) -> None:
    change(folder / file, old, new)
    catalog = load_catalog(folder)
    with connect(Settings(home=folder.parent, data=tmp_path / "data")) as con:
        found = [f for check in (check_links, check_white_list, check_checks) for f in check(con, catalog)]
    assert {f.file for f in found} == {file}
    assert all(f.cure for f in found)


def test_only_the_exact_form_is_a_place() -> None:
    sql = "SELECT {'a': 1}, map {'base.x': 2} FROM {base.house} WHERE day < {as_of} AND x = '{base.House}'"
    assert places(sql) == ["base.house"]
    assert fill(sql, str.upper, "DATE '2022-10-31'") == (
        "SELECT {'a': 1}, map {'base.x': 2} FROM BASE.HOUSE WHERE day < DATE '2022-10-31' AND x = '{base.House}'"
    )
