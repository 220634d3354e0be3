"""A wrong declaration is named with its file, its place and the cure; nothing compiles around it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fudata_pipeline.catalog import CatalogError, load_catalog

from ..conftest import ROOT


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROOT / "catalog", tmp_path / "catalog"))


def _change(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def _findings(folder: Path) -> str:
    with pytest.raises(CatalogError) as error:
        load_catalog(folder)
    return str(error.value)


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("items/gaj.yaml", "field: marital", "field: maritall", "引用了未声明的字段 'maritall'"),
        ("items/gaj.yaml", "cycle: monthly", "cycle: fortnightly", "[hukou_population cycle]"),
        ("items/gaj.yaml", "key: [resident_id]", "key: [residentid]", "未声明的列 residentid"),
        ("items/gaj.yaml", "rule: sex_matches_id", "rule: sex_matches", "行规则 'sex_matches' 未在 rules.csv 声明"),
        ("items/gaj.yaml", "unit: gaj", "unit: gajj", "单位 'gajj' 未声明"),
        ("items/gaj.yaml", "condition: 限基础库建设，经公安分局授权", "condition: ''", "有条件共享缺少共享条件"),
        ("items/gaj.yaml", "308040/000001", "308018/000001", "目录代码重复"),
        ("items/gaj.yaml", "headers: [XM, 姓名]", "headers: [XM, XB]", "表头 XB 指向两列"),
        ("fields/person.yaml", "codes: sex", "codes: sexes", "引用了未声明的代码表 'sexes'"),
        ("base/population.yaml", "prefer: [zsj.resident_registration, wjj.family_doctor]", "prefer: [zsj.x]", "zsj.x"),
        ("codes/sex.csv", "女性", "男性", "写法 '男性' 已指向代码"),
        ("rules.csv", "type,field,quarantine", "type,field,fatal", "[type severity]"),
        ("rules.csv", "type,field,quarantine", "type,field,block", "级别 block 不能用于 field 规则"),
        ("rules.csv", "truncated,delivery,block", "truncated,delivery,quarantine", "级别 quarantine 不能用于"),
        ("themes/population_by_grid.yaml", "subject: population", "subject: building", "不是可入格的基础表"),
        ("units.yaml", "id: gaj,", "id: zsj,", "单位编号重复"),
        ("items/gaj.yaml", "unit: gaj", "unit: [gaj", "不是有效的 YAML"),
    ],
)
def test_each_mistake_is_named(folder: Path, file: str, old: str, new: str, said: str) -> None:
    _change(folder / file, old, new)
    message = _findings(folder)
    assert said in message
    assert "→" in message


def test_all_findings_come_at_once(folder: Path) -> None:
    _change(folder / "items/gaj.yaml", "field: marital", "field: maritall")
    _change(folder / "items/mzj.yaml", "cycle: monthly", "cycle: never")
    message = _findings(folder)
    assert "catalog/items/gaj.yaml" in message
    assert "catalog/items/mzj.yaml" in message


def test_a_missing_catalog_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"units\.yaml"):
        load_catalog(tmp_path)
