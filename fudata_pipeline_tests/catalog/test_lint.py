"""A wrong declaration is named with its file, its place and the cure; nothing compiles around it."""

from __future__ import annotations

from pathlib import Path

import pytest

from fudata_pipeline.catalog import CatalogError, load_catalog
from fudata_pipeline.engine.duckdb import connect
from fudata_pipeline.load.examples import check_all_examples
from fudata_pipeline.models.rows import check_inputs
from fudata_pipeline.settings import Settings

from .conftest import change


def _findings(folder: Path) -> str:
    with pytest.raises(CatalogError) as error:
        load_catalog(folder)
    return str(error.value)


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("items/gaj.yaml", "field: marital", "field: maritall", "引用了未声明的字段 'maritall'"),
        ("items/gaj.yaml", "    cycle: monthly", "    cycle: fortnightly", "[hukou_population cycle]"),
        ("items/gaj.yaml", "  cycle: monthly", "  cycle: fortnightly", "items/gaj.yaml:7 [defaults cycle]"),
        ("items/gaj.yaml", "key: [resident_id]", "key: [residentid]", "未声明的列 residentid"),
        ("items/gaj.yaml", "rule: sex_matches_id", "rule: sex_matches", "行规则 'sex_matches' 未在 rules.csv 声明"),
        ("items/gaj.yaml", "unit: gaj", "unit: gajj", "引用了未声明的单位 'gajj'"),
        (
            "items/gaj.yaml",
            "{conditional: 限基础库建设，经公安分局授权}",
            "{conditional: ''}",
            "有条件共享缺少共享条件",
        ),
        ("items/gaj.yaml", "code: 01/000001", "code: 30803201/000001", "目录代码重复"),
        ("items/gaj.yaml", "headers: [XM, 姓名]", "headers: [XM, XB]", "表头 XB 指向两列"),
        ("fields/person.yaml", "codes: sex", "codes: sexes", "引用了未声明的代码表 'sexes'"),
        (
            "base/population.yaml",
            "- item: gaj.hukou_population",
            "- item: gaj.hukou",
            "[inputs gaj.hukou] 数据项未声明",
        ),
        ("codes/sex.csv", "女性", "男性", "写法 '男性' 已指向代码"),
        ("rules.csv", "type,field,quarantine", "type,field,fatal", "[type severity]"),
        ("rules.csv", "truncated,delivery,block", "truncated,delivery,quarantine", "级别 quarantine 不能用于"),
        ("themes/population_by_grid.yaml", "subject: population", "subject: building", "不是可入格的基础表"),
        ("units.yaml", "id: gaj,", "id: zsj,", "单位编号重复"),
        ("units.yaml", "name: 福田区民政局", "name: 福田区司法局", "单位名称重复"),
        ("items/gaj.yaml", "share: {conditional: 限基础库建设，经公安分局授权}", "share: 有条件", "看不懂的共享属性"),
        ("items/gaj.yaml", "{conditional: 限基础库建设，经公安分局授权}", "{none: ''}", "不予共享缺少法律依据"),
        (
            "items/gaj.yaml",
            "{conditional: 限基础库建设，经公安分局授权}",
            "unconditional",
            "敏感个人信息列无条件共享：resident_id",
        ),
        (
            "items/gaj.yaml",
            "    key: [resident_id]",
            "    open: true\n    key: [resident_id]",
            "含有个人信息列 resident_id",
        ),
        ("items/gaj.yaml", "    key: [resident_id]", "    open_condition: 无\n    key: [resident_id]", "写了开放条件"),
        (
            "items/gaj.yaml",
            "    key: [resident_id]",
            "    classification: core\n    key: [resident_id]",
            "核心数据不得编入",
        ),
        (
            "items/gaj.yaml",
            "topics: [population]",
            "topics: [weather]",
            "主题库 'weather' 未声明",
        ),
        (
            "items/gaj.yaml",
            "    key: [resident_id]",
            "    archetype: nobody\n    key: [resident_id]",
            "未声明的原型 'nobody'",
        ),
        (
            "items/gaj.yaml",
            "    key: [resident_id]",
            "    example: {age: 1}\n    key: [resident_id]",
            "样例的列 'age' 未声明",
        ),
        ("items/gaj.yaml", "    key: [resident_id]", "    key: [sex]\n    key: [resident_id]", "'key' 写了两次"),
        ("items/gaj.yaml", "columns: [sex, resident_id]", "columns: [sex]", "需要 2 列，给了 1 列"),
        ("items/gaj.yaml", "户籍人口的身份、民族、婚姻状况与户籍地址。", "''", "摘要为空"),
        ("items/gaj.yaml", "户籍人口的身份、民族、婚姻状况与户籍地址。", "人" * 501, "超过 500 字"),
        ("items/gaj.yaml", "title: 户籍人口信息", "title: 户籍管理系统", "名称只是系统名"),
        ("items/scjg.yaml", "title: 食品经营许可证", "title: 商事主体 登记（信息）", "数据项标题重复"),
        ("items/scjg.yaml", "食品经营许可*.xls", "商事主体登记*.csv", "也会收下"),
        (
            "archetypes.yaml",
            "archetypes:",
            "archetypes:\n  idle: {title: 闲置, fields: [sex], key: [sex]}",
            "没有任何数据项使用该原型",
        ),
        ("fields/person.yaml", "fields:", "fields:\n  idle_field: {title: 闲置, type: integer}", "使用该字段"),
        (
            "fields/person.yaml",
            "fields:",
            "fields:\n  sex_too: {title: 性别, type: code, codes: sex}",
            "同名同类型（“性别”）",
        ),
        ("fields/person.yaml", "title: 曾用名, type: name", "title: 曾用名, type: nam", "未声明的类型 'nam'"),
        (
            "base/population.yaml",
            "prefer: [zsj.resident_registration, gaj.floating_population, ",
            "prefer: [",
            "优先级没有排到",
        ),
        (
            "base/population.yaml",
            "  - {name: marital}\n",
            "  - {name: marital, prefer: [zsj.house]}\n",
            "zsj.house 不提供该字段",
        ),
        ("items/gaj.yaml", "unit: gaj", "unit: [gaj", "不是有效的 YAML"),
    ],
)
def test_each_mistake_is_named(folder: Path, file: str, old: str, new: str, said: str) -> None:
    change(folder / file, old, new)
    message = _findings(folder)
    assert said in message
    assert "→" in message


def test_all_findings_come_at_once(folder: Path) -> None:
    change(folder / "items/gaj.yaml", "field: marital", "field: maritall")
    change(folder / "items/mzj.yaml", "cycle: monthly", "cycle: never")
    message = _findings(folder)
    assert "catalog/items/gaj.yaml" in message
    assert "catalog/items/mzj.yaml" in message


def test_a_missing_catalog_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"units\.yaml"):
        load_catalog(tmp_path)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("items/gaj.yaml", "cycle: monthly", "cycle: fortnightly"),
        ("items/gaj.yaml", "rule: sex_matches_id", "rule: sex_matches"),
        ("fields/person.yaml", "codes: sex", "codes: sexes"),
        ("rules.csv", "type,field,quarantine", "type,field,fatal"),
        ("codes/sex.csv", "女性", "男性"),
        ("items/gaj.yaml", "unit: gaj", "unit: [gaj"),
    ],
)
def test_each_finding_names_its_line(folder: Path, file: str, old: str, new: str) -> None:
    """The line is the one that was spoilt: an editor can jump to it."""
    lines = (folder / file).read_text("utf-8").splitlines()
    spoilt = next(n for n, line in enumerate(lines, 1) if old in line)
    change(folder / file, old, new)
    with pytest.raises(CatalogError) as error:
        load_catalog(folder)
    first = error.value.findings[0]
    assert first.file == file
    assert first.line is not None
    # A mistake in a block is said of the block's own line, unclosed brackets where they are missed.
    assert abs(first.line - spoilt) <= 2
    assert f"catalog/{file}:{first.line}" in str(first)


def test_a_wrong_base_input_is_found_by_its_sql(folder: Path, tmp_path: Path) -> None:
    change(folder / "base/population.yaml", "former_name: former_name", "former_name: no_such_column")
    catalog = load_catalog(folder)
    with connect(Settings(home=folder.parent, data=tmp_path / "data")) as con:
        (finding,) = check_inputs(con, catalog)
    assert finding.file == "base/population.yaml"
    assert "no_such_column" in finding.message


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("units.yaml", "units: {a: b}\n"),
        ("units.yaml", "units: abc\n"),
        ("units.yaml", "units: [[a]]\n"),
        ("types.yaml", ""),
        ("types.yaml", None),
        ("rules.csv", None),
        ("rules.csv", "a,b\n1,2\n"),
        ("codes/sex.csv", "code\n1\n"),
        ("codes/sex.csv", "code,title,aliases\n1,男\n"),
        ("codes/sex.csv", "code,title,aliases\n1,男,,,\n"),
        ("codes/sex.csv", "code,title,aliases\n1,男,\n1,女,\n"),
        ("codes/sex.csv", "编码,名称\n".encode("gb18030")),
        ("codes/grade.csv", None),
        ("items/gaj.yaml", "unit: [[gaj]]\nitems: {}\n"),
        ("items/gaj.yaml", "unit: gaj\nclasses: abc\nitems: {}\n"),
        ("items/gaj.yaml", "unit: gaj\nitem: {}\n"),
        ("items/gaj.yaml", "unit: gaj\nitems: [a]\n"),
        ("items/gaj.yaml", "unit: gaj\nitems: {a: {title: x, fields: sex}}\n"),
        ("items/gaj.yaml", "unit: gaj\nitems: {a: {title: x, fields: [{name: y}]}}\n"),
        ("items/gaj.yaml", "unit: gaj\nitems: {a: {title: x, fields: [sex, sex]}}\n"),
        ("items/gaj.yaml", "unit: gaj\nitems: {a: {title: x, fields: [{field: sex, headers: []}]}}\n"),
        ("items/gaj.yaml", "unit: gaj\nitems: {a: {title: x, fields: [{field: sex, name: 9 x}]}}\n"),
        ("items/gaj.yaml", "unit: gaj\nitems: {a: {title: x, archetype: licence, omit: [nope]}}\n"),
        ("base/population.yaml", "table: population\nfields: [{prefer: []}]\n"),
        ("fields/person.yaml", "\ttabs: no\n"),
    ],
)
def test_no_declaration_is_so_wrong_that_it_ends_in_a_traceback(
    folder: Path, file: str, text: str | bytes | None
) -> None:
    path = folder / file
    if text is None:
        path.unlink()
    else:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(CatalogError) as error:
        load_catalog(folder)
    assert any(f.file == file for f in error.value.findings), str(error.value)[:2000]
    assert len(error.value.findings) < 200


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("types.yaml", "duckdb: DATE", "duckdb: HUGEINTX", "不支持的 DuckDB 类型"),
        ("types.yaml", "letter: D", "letter: Q", "数据类型 'Q'"),
        ("items/gaj.yaml", "户籍人口_*.csv", "../户籍人口_*.csv", "收件文件夹之外"),
        (
            "items/gaj.yaml",
            "{field: sex, headers: [XB, 性别], required: true}",
            "{field: sex, required: 也许}",
            "fields sex",
        ),
        (
            "items/gaj.yaml",
            "headers: [GMSFHM, 公民身份号码], required: true",
            "headers: [GMSFHM], share: unconditional",
            "无条件共享：resident_id",
        ),
    ],
)
def test_more_mistakes_are_named(folder: Path, file: str, old: str, new: str, said: str) -> None:
    change(folder / file, old, new)
    assert said in _findings(folder)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("base/population.yaml", "usable: is_resident_id(", "usable: is_resident_idx("),
        ("themes/population_by_grid.yaml", "count(*) FILTER (sex = '1')", "count(*) FILTER (sexx = '1')"),
    ],
)
def test_wrong_sql_of_bases_and_themes_is_found(folder: Path, tmp_path: Path, file: str, old: str, new: str) -> None:
    change(folder / file, old, new)
    with connect(Settings(home=folder.parent, data=tmp_path / "data")) as con:
        assert [f.file for f in check_inputs(con, load_catalog(folder))] == [file]


def test_wrong_sql_of_a_type_is_a_finding_of_each_item_that_uses_it(folder: Path, tmp_path: Path) -> None:
    change(folder / "types.yaml", 'parse: "to_boolean({raw})"', 'parse: "to_booleanx({raw})"')
    catalog = load_catalog(folder)
    item = catalog.items_by_id["zsj.house"]
    few = catalog.model_copy(update={"items": (item,)})
    with connect(Settings(home=folder.parent, data=tmp_path / "data")) as con:
        (finding,) = check_all_examples(con, few)
    assert "to_booleanx" in finding.message
