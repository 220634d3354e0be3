"""What a unit is told of values that others' beat: the right numbers, the right unit, and never a value."""

from __future__ import annotations

import duckdb
import openpyxl
import pytest

from fudata_pipeline.load.item import load_item
from fudata_pipeline.models.base import build_base
from fudata_pipeline.models.product import product_sql
from fudata_pipeline.nightly import Night
from fudata_pipeline.project import Project
from fudata_pipeline.report.disputes import disputes_table, find_disputes
from fudata_pipeline.report.standing import History
from fudata_pipeline.report.write import plan_reports, write_reports
from fudata_pipeline.settings import now

from ..district import HOUSE_1, LI, WANG, ZHANG, write_hukou, write_residents

Demo = tuple[Project, list[Night]]


@pytest.fixture
def disputed(project: Project) -> Project:
    """Two units know three people: of two they spell the name differently, of one the marital status is known to one."""
    rows = [(ZHANG, "张三丰", "女", "1990-03-07"), (LI, "李思", "女", "1949-12-31"), (WANG, "赵六", "男", "1880-01-01")]
    write_residents(project.settings.inbox_dir, [
        f"{number},{name},{sex},汉,{birth},本科,户籍,13912349876,{HOUSE_1},,2020-01-01,2022-10-01 08:00:00" for number, name, sex, birth in rows
    ])  # fmt: skip
    write_hukou(project.settings.inbox_dir, [f"{ZHANG},张三,,女,汉,19900307,未婚,福田", f"{LI},李四,,女,汉,19491231,已婚,北京", f"{WANG},赵六,,男,汉,18800101,已婚,上海"])  # fmt: skip
    for item in ("zsj.resident_registration", "gaj.hukou_population"):
        loaded = load_item(project, project.catalog.items_by_id[item])
        assert loaded.verdict == "promoted", loaded.reason
    build_base(project, project.catalog.base("population"))
    return project


def test_a_beaten_name_is_told_to_the_unit_that_gave_it(disputed: Project) -> None:
    found = find_disputes(disputed)
    assert set(found) == {"zsj"}  # the police's names count
    (name,) = found["zsj"]
    assert (name.item.id, name.attribute, name.title) == ("zsj.resident_registration", "person_name", "姓名")
    assert (name.entities, name.rows, name.of, name.winner.id, name.won, name.equal) == (2, 2, 3, "gaj", 2, False)
    assert name.share == pytest.approx(2 / 3)
    ((*_, winner, cure),) = disputes_table(found["zsj"]).rows
    assert winner.endswith("（2）") and name.winner.short in winner
    assert "来源次序" in cure


def test_page_and_workbook_have_the_table_and_no_value(disputed: Project) -> None:
    history = History(disputed, now().date())
    plan = plan_reports(disputed, history, history.months[-1])
    write_reports(disputed, history, plan)
    units = disputed.catalog.units_by_id
    page, workbook = (plan.folder / name for name in plan.names(units["zsj"]))
    text, sheet = page.read_text("utf-8"), openpyxl.load_workbook(workbook)["落选"]
    rows = [[c.value for c in row] for row in sheet.iter_rows()]
    assert rows[0] == ["数据项", "基础库", "字段", "实体数", "占比", "采用谁的值", "处理办法"]
    assert rows[1][2:4] == ["姓名", 2] and len(rows) == 2
    assert "哪些值没有被采用" in text and "66.67%" in text
    for value in ("张三", "李思", "李四", ZHANG, LI):
        assert value not in text + str(rows)
    other, _ = plan.names(units["gaj"])
    assert "没有未被采用的不同值" in (plan.folder / other).read_text("utf-8")


def test_equals_are_told_so(disputed: Project) -> None:
    """In a catalog in which both stand side by side for the name, the newer row decides."""
    base = disputed.catalog.base("population")
    side = (("zsj.resident_registration", "gaj.hukou_population"),)
    fields = tuple(f.model_copy(update={"prefer": side}) if f.name == "person_name" else f for f in base.fields)
    bases = tuple(b.model_copy(update={"fields": fields}) if b.table == "population" else b for b in disputed.catalog.bases)  # fmt: skip
    equal = Project(disputed.settings, disputed.catalog.model_copy(update={"bases": bases}), disputed.registry)
    build_base(equal, equal.catalog.base("population"))
    [(unit, [name])] = find_disputes(equal).items()
    assert (unit, name.equal, name.winner.id) == ("gaj", True, "zsj")  # residents have a time, the register has none
    assert "并列" in name.cure


def test_without_models_nothing_is_disputed(project: Project) -> None:
    assert find_disputes(project) == {}
    assert disputes_table(()).rows == ()


def test_the_sample_nights_are_counted_row_by_row(demo: Demo) -> None:
    project, _ = demo
    wanted: dict[tuple[str, str, str], dict[str, set[str]]] = {}
    for base in project.catalog.bases:
        if project.registry.build(f"base.{base.table}_dispute") is None:
            continue
        rows = duckdb.sql(f"SELECT item, attribute, entity_id, winner_item FROM {product_sql(project, f'base.{base.table}_dispute')}")  # fmt: skip
        for item, attribute, entity, winner in rows.fetchall():
            if item.split(".")[0] != winner.split(".")[0]:
                winners = wanted.setdefault((base.table, item, attribute), {})
                winners.setdefault(winner.split(".")[0], set()).add(entity)
    told = {(d.base.table, d.item.id, d.attribute): d for some in find_disputes(project).values() for d in some}
    assert set(told) == set(wanted) and len(told) > 3
    for key, d in told.items():
        assert d.entities == len(set().union(*wanted[key].values()))
        assert d.won == len(wanted[key][d.winner.id]) == max(map(len, wanted[key].values()))
        assert d.share is not None and 0 < d.share <= 1
