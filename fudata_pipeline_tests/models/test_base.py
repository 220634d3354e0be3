"""Base models: one row per entity, each value from the item that may decide it, with its source."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import duckdb
import pytest

from fudata_pipeline.load.item import load_item
from fudata_pipeline.models.base import build_base
from fudata_pipeline.models.product import NothingToBuild, product_file
from fudata_pipeline.project import Project
from fudata_pipeline.settings import Settings

from ..conftest import FEW_ROWS, ROOT
from ..district import HOUSE_1, HOUSE_2, LI, WANG, ZHANG, write_hukou, write_residents

RESIDENTS = [
    f"{ZHANG},张三丰,女,汉,1990-03-07,本科,户籍,13912349876,{HOUSE_1},,2020-01-01,2022-10-01 08:00:00",
    f"{LI},李四,女,汉,1949-12-31,小学,非户籍,,{HOUSE_2},,2021-01-01,2022-10-01 08:00:00",
]
HUKOU = [f"{ZHANG},张三,,女,汉,19900307,未婚,福田", "110105491231002,李四,,女,汉,19491231,已婚,北京"]


def _build(project: Project, *items: str, table: str = "population") -> list[dict[str, Any]]:
    for item in items:
        assert load_item(project, project.catalog.items_by_id[item]).verdict in ("promoted", "unchanged")
    build_base(project, project.catalog.base(table))
    path = product_file(project, f"base.{table}")
    relation = duckdb.sql(f"FROM '{path}'")
    return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]


def test_one_person_from_two_units(project: Project) -> None:
    write_residents(project.settings.inbox_dir, RESIDENTS)
    write_hukou(project.settings.inbox_dir, HUKOU)
    people = {p["resident_id"]: p for p in _build(project, "zsj.resident_registration", "gaj.hukou_population")}
    assert set(people) == {ZHANG, LI}  # the 15-digit number of 1949 is the same person
    zhang = people[ZHANG]
    assert (zhang["person_name"], zhang["education"], zhang["marital"]) == ("张三", "20", "10")
    assert zhang["source_items"] == ["gaj.hukou_population", "zsj.resident_registration"]
    assert zhang["provenance"]["person_name"]["item"] == "gaj.hukou_population"
    assert zhang["provenance"]["phone"]["item"] == "zsj.resident_registration"
    assert zhang["provenance"]["former_name"] is None


def test_a_missing_value_never_beats_one_that_is_there(project: Project) -> None:
    write_residents(project.settings.inbox_dir, RESIDENTS)
    write_hukou(project.settings.inbox_dir, [f"{ZHANG},张三,,女,,19900307,,", f"{LI},李四,,女,,19491231,,"])
    people = {p["resident_id"]: p for p in _build(project, "zsj.resident_registration", "gaj.hukou_population")}
    assert people[ZHANG]["ethnicity"] == "01"
    assert people[ZHANG]["provenance"]["ethnicity"]["item"] == "zsj.resident_registration"


def test_who_left_is_not_a_source(project: Project) -> None:
    left = f"{WANG},赵六,男,汉,1880-01-01,,,13512345679,{HOUSE_2},,2020-01-01,2021-01-01,2022-10-01"
    folder = project.settings.inbox_dir / "zsj"
    folder.mkdir(parents=True)
    head = "公民身份号码,姓名,性别,民族,出生日期,文化程度,户籍类型,联系电话,房屋编码,建筑物编码,入住日期,离开日期,更新时间\n"
    rows = [r.replace(",2022-10-01 08", ",,2022-10-01 08") for r in RESIDENTS]
    (folder / "居住人口登记_1.csv").write_text(head + "\n".join([*rows, left]) + "\n", "utf-8")
    assert {p["resident_id"] for p in _build(project, "zsj.resident_registration")} == {ZHANG, LI}


def test_row_order_and_threads_do_not_change_the_values(tmp_path: Path) -> None:
    """One person signed in two hundred times under seven names, all equally recent: the first line must not decide."""
    head = "身份证号\t姓名\t联系电话\t现住楼栋\t社康中心\t签约医生\t签约日期\n"
    rows = [
        f"{ZHANG}\t张{'甲乙丙丁戊己庚'[n % 7]}\t1351234{n:04}\t\t石厦社康\t\t{2000 + n // 12}-{n % 12 + 1}-1"
        for n in range(200)
    ]
    seen = set()
    for seed, threads in ((1, 1), (2, 2), (3, 2)):
        random.Random(seed).shuffle(rows)
        project = Project.open(Settings(home=ROOT, data=tmp_path / f"{seed}", threads=threads, scale=FEW_ROWS))
        folder = project.settings.inbox_dir / "wjj"
        folder.mkdir(parents=True)
        (folder / "家庭医生签约_1.tsv").write_text(head + "\n".join(rows) + "\n", "utf-8")
        (person,) = _build(project, "wjj.family_doctor")
        assert person["source_rows"] == 200
        seen.add((person["person_name"], person["phone"]))
    assert len(seen) == 1


def test_unchanged_inputs_build_nothing(project: Project) -> None:
    write_residents(project.settings.inbox_dir, RESIDENTS)
    _build(project, "zsj.resident_registration")
    again = build_base(project, project.catalog.base("population"))
    assert (again.changed, again.rows) == (False, 2)


def test_without_any_input_the_reason_is_said(project: Project) -> None:
    with pytest.raises(NothingToBuild, match=r"scjg\.market_entity"):
        build_base(project, project.catalog.base("legal_entity"))
