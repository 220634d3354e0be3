"""The official catalog workbook: what is exported reads back the same, and a foreign one starts a project."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook

from fudata_pipeline.catalog import Catalog, load_catalog
from fudata_pipeline.catalog.compare import compare
from fudata_pipeline.catalog.workbook.export import NotExportable, export_workbook
from fudata_pipeline.catalog.workbook.importing import Imported, import_workbook
from fudata_pipeline.catalog.workbook.layout import HEADS
from fudata_pipeline.catalog.workbook.naming import ascii_name
from fudata_pipeline.catalog.workbook.reading import NotACatalogWorkbook

from ..conftest import ROOT

CATALOG = ROOT / "catalog"

GROUPS = [
    ("信息资源分类", ["类", "项", "目", "细目"]),
    ("信息资源名称", []),
    ("信息资源代码", []),
    ("信息资源提供方", []),
    ("提供方内部部门", []),
    ("资源提供方代码", []),
    ("信息资源摘要", []),
    ("信息资源格式分类", []),
    ("信息资源格式类型", []),
    ("信息资源大普查", ["数据存储总量（G）", "结构化信息记录总数（万）"]),
    ("信息项信息", ["信息项名称", "数据类型", "数据长度"]),
    ("共享属性", ["共享类型", "共享条件"]),
    ("共享方式", ["共享方式分类", "共享方式类型"]),
    ("开放属性", ["是否向社会开放", "开放条件"]),
    ("更新周期", []),
    ("发布日期", []),
    ("责任科室电话", []),  # a local column
]
TITLES = [t for group, members in GROUPS for t in (members or [group])]

PARK = {
    "类": "部门信息资源", "项": "计划单列市及其下", "目": "城管局", "细目": "公园管理", "信息资源名称": "社区公园名录",
    "信息资源代码": "30800102/000001", "信息资源提供方": "南山区城市管理局", "提供方内部部门": "公园科",
    "资源提供方代码": "11440305FT0000018K", "信息资源摘要": "社区公园的名称、位置与面积。", "信息资源格式分类": "电子表格",
    "信息资源格式类型": "xlsx", "数据存储总量（G）": 1.5, "结构化信息记录总数（万）": 0.0132, "共享类型": "无条件共享",
    "共享条件": None, "共享方式分类": "共享平台", "共享方式类型": "文件", "是否向社会开放": "是", "开放条件": "无条件开放",
    "更新周期": "每季度", "发布日期": "2022-06-30", "责任科室电话": "0755-26543210",
}  # fmt: skip
PARK_FIELDS = [("公园编号", "字符型C", 20), ("公园名称", "字符型C", 100), ("占地面积", "数值型N", None)]


def official(path: Path, *resources: tuple[dict[str, Any], list[tuple[Any, ...]]], merge: bool = True) -> Path:
    """A workbook as districts fill it in: a title line, two header rows, item cells merged over their fields."""
    path.parent.mkdir(parents=True, exist_ok=True)
    book = Workbook()
    sheet = book.active
    sheet.title = "目录"
    sheet.append(["政务信息资源目录"])
    at = 1
    for group, members in GROUPS:
        sheet.cell(2, at, group)
        if members:
            for n, title in enumerate(members):
                sheet.cell(3, at + n, title)
            sheet.merge_cells(start_row=2, start_column=at, end_row=2, end_column=at + len(members) - 1)
        else:
            sheet.merge_cells(start_row=2, start_column=at, end_row=3, end_column=at)
        at += len(members) or 1
    row = 4
    for cells, fields in resources:
        for offset, field in enumerate(fields):
            values = dict(zip(("信息项名称", "数据类型", "数据长度"), field, strict=False))
            for column, title in enumerate(TITLES, 1):
                if title in values:
                    sheet.cell(row + offset, column, values[title])
                elif offset == 0 or not merge:
                    sheet.cell(row + offset, column, cells.get(title))
        if merge and len(fields) > 1:
            for column, title in enumerate(TITLES, 1):
                if title not in ("信息项名称", "数据类型", "数据长度"):
                    sheet.merge_cells(
                        start_row=row, start_column=column, end_row=row + len(fields) - 1, end_column=column
                    )
        row += len(fields)
    book.save(path)
    return path


def take(path: Path, catalog: Catalog, target: Path) -> tuple[Imported, Catalog]:
    imported = import_workbook(path, catalog, CATALOG, target, district="南山区")
    assert imported.findings == []
    return imported, load_catalog(target)


def doubts(imported: Imported) -> str:
    return "\n".join(str(d) for d in imported.doubts)


def test_round_trip_loses_nothing(catalog: Catalog, tmp_path: Path) -> None:
    """Every unit, field and item of the whole catalog, through a workbook and back."""
    export_workbook(catalog, catalog.items, tmp_path / "目录.xlsx")
    imported = import_workbook(tmp_path / "目录.xlsx", catalog, CATALOG, tmp_path / "catalog")
    assert imported.doubts == []
    assert imported.findings == []
    again = load_catalog(tmp_path / "catalog")
    assert [i.id for i in again.items] == [i.id for i in catalog.items]
    kinds = ("unit", "item", "type", "rule", "codes")
    lost = [d for d in compare(catalog, again) if d.kind in kinds and (d.kind != "unit" or catalog.items_of(d.name))]
    assert lost == []
    needed = {f.field.name for i in catalog.items for f in i.fields}
    assert {n: again.fields[n] for n in needed} == {n: catalog.fields[n] for n in needed}


def test_the_template_has_two_header_rows_and_merged_items(catalog: Catalog, tmp_path: Path) -> None:
    item = catalog.items_by_id["gaj.hukou_population"]
    export_workbook(catalog, [item], tmp_path / "a.xlsx")
    sheet = load_workbook(tmp_path / "a.xlsx")["信息资源目录"]
    assert [c.value for c in sheet[1]][:5] == ["信息资源分类", None, None, None, "信息资源名称"]
    assert [c.value for c in sheet[2]][:4] == ["类", "项", "目", "细目"]
    official_order = [h.title for h in HEADS][:34]
    assert official_order[4:7] == ["信息资源名称", "信息资源英文名", "信息资源代码"]
    merged = {str(r) for r in sheet.merged_cells.ranges}
    assert f"E3:E{2 + len(item.fields)}" in merged
    assert sheet["E3"].value == item.title


@pytest.mark.parametrize("merge", [True, False])
def test_a_foreign_workbook_becomes_a_catalog(catalog: Catalog, tmp_path: Path, merge: bool) -> None:
    path = official(tmp_path / "目录.xlsx", (PARK, PARK_FIELDS), merge=merge)
    imported, made = take(path, catalog, tmp_path / "catalog")
    (item,) = made.items
    unit = made.units_by_id[item.unit]
    assert (unit.name, unit.uscc, unit.classes) == ("南山区城市管理局", "11440305FT0000018K", {"02": "公园管理"})
    assert made.district.name == "南山区"
    assert made.district.code == "440305"
    assert (item.title, item.code, item.department) == ("社区公园名录", "30800102/000001", "公园科")
    assert (item.records, item.cycle, item.open, str(item.published)) == (132, "quarterly", True, "2022-06-30")
    assert [(f.title, f.field.type) for f in item.fields] == [
        ("公园编号", made.fields[item.fields[0].field.name].type), ("公园名称", "text"), ("占地面积", "decimal")
    ]  # fmt: skip
    assert item.key == (item.fields[0].name,)
    assert item.extra["责任科室电话"] == "0755-26543210"
    assert "没有标明主键 → 暂以“公园编号”为主键" in doubts(imported)


def test_a_foreign_workbook_comes_out_as_it_went_in(catalog: Catalog, tmp_path: Path) -> None:
    path = official(tmp_path / "目录.xlsx", (PARK, PARK_FIELDS))
    _, made = take(path, catalog, tmp_path / "catalog")
    export_workbook(made, made.items, tmp_path / "again.xlsx")
    sheet = load_workbook(tmp_path / "again.xlsx")["信息资源目录"]
    titles = [sub or top for top, sub in zip(*(([c.value for c in sheet[n]]) for n in (1, 2)), strict=True)]
    row = dict(zip(titles, [c.value for c in sheet[3]], strict=True))
    for title, value in PARK.items():
        if title != "开放条件":
            assert row[title.replace("（", "(").replace("）", ")")] == value, title
    fields = [
        [dict(zip(titles, [c.value for c in sheet[n]], strict=True))[t] for t in ("信息项名称", "数据类型", "数据长度")]
        for n in (3, 4, 5)
    ]
    assert [(f[0], f[1]) for f in fields] == [(f[0], f[1]) for f in PARK_FIELDS]
    assert [str(f[2]) if f[2] else None for f in fields] == ["20", "100", None]


def test_known_titles_get_the_dictionary_and_its_rules(catalog: Catalog, tmp_path: Path) -> None:
    people = PARK | {"信息资源名称": "公园志愿者", "是否向社会开放": "否", "开放条件": None}
    path = official(tmp_path / "目录.xlsx", (people, [("身份证号", "字符型C", 18), ("姓名", "字符型C", 50)]))
    imported, made = take(path, catalog, tmp_path / "catalog")
    (item,) = made.items
    assert [f.field.name for f in item.fields] == ["resident_id", "person_name"]
    assert item.column(item.fields[0].name).headers == ("身份证号",)
    assert item.fields[0].share is not None
    assert item.fields[0].share.type == "conditional"
    assert "无条件共享，却含敏感个人信息“身份证号”" in doubts(imported)


@pytest.mark.parametrize(
    ("changes", "fields", "cell", "said"),
    [
        ({"信息资源名称": "公园管理信息系统"}, None, "E4", "只是系统名"),
        ({"信息资源代码": "3080/1"}, None, "F4", "位数或格式不符"),
        ({"信息资源提供方": None}, None, "G4", "提供方为空"),
        ({"资源提供方代码": "1144030"}, None, "I4", "不是 18 位统一社会信用代码（7 位）"),
        ({"信息资源摘要": None}, None, "J4", "摘要为空"),
        ({"信息资源格式分类": "数据库", "信息资源格式类型": "xlsx"}, None, "L4", "“xlsx”不是格式分类“数据库”的类型"),
        ({"信息资源格式分类": "电子文件", "信息资源格式类型": "pdf", "共享方式类型": "数据库"}, None, "U4", "不能以“数据库”方式共享"),
        ({"数据存储总量（G）": "12G"}, None, "M4", "不是数字"),
        ({"结构化信息记录总数（万）": "约3万"}, None, "N4", "不是数字"),
        ({}, [("公园编号", "字符串型", 20)], None, None),
        ({}, [("公园编号", "VARCHAR2", 20)], "P4", "“VARCHAR2”不在数据类型表中"),
        ({"共享类型": "有条件共享"}, None, "S4", "缺少共享条件"),
        ({"共享类型": "不予共享", "是否向社会开放": "否", "开放条件": None}, None, "S4", "不予共享缺少法律依据"),
        ({"共享类型": "部分共享", "是否向社会开放": "否", "开放条件": None}, None, "R4", "“部分共享”不在共享类型表中"),
        ({"共享条件": "需领导审批"}, None, "S4", "无条件共享不得附加条件"),
        ({"是否向社会开放": "否"}, None, "W4", "不开放却写了开放条件"),
        ({"更新周期": "看情况"}, None, "X4", "“看情况”不在更新周期表中"),
        ({"发布日期": "去年"}, None, "Y4", "“去年”不是日期"),
    ],
)  # fmt: skip
def test_each_filling_error_is_reported_with_its_cell(
    catalog: Catalog, tmp_path: Path, changes: dict[str, Any], fields: Any, cell: str | None, said: str | None
) -> None:
    path = official(tmp_path / "目录.xlsx", (PARK | changes, fields or PARK_FIELDS))
    imported, made = take(path, catalog, tmp_path / "catalog")
    assert len(made.items) == 1
    found = [d for d in imported.doubts if "没有标明主键" not in d.message]
    assert [(d.cell, d.sheet) for d in found][:1] == ([(cell, "目录")] if cell else [])
    assert said is None or said in found[0].message


def test_titles_that_differ_by_punctuation_and_providers_with_two_codes(catalog: Catalog, tmp_path: Path) -> None:
    twice = PARK | {
        "信息资源名称": "社区公园（名录）",
        "信息资源代码": "30800102/000002",
        "资源提供方代码": "11440305FT0000026F",
    }
    path = official(tmp_path / "目录.xlsx", (PARK, PARK_FIELDS), (twice, PARK_FIELDS))
    imported, made = take(path, catalog, tmp_path / "catalog")
    assert len(made.items) == 2
    assert "与“社区公园名录”只差标点" in doubts(imported)
    assert "有多个代码" in doubts(imported)


def test_the_per_field_form_is_read(catalog: Catalog, tmp_path: Path) -> None:
    """One header row, field columns of the newer form, names repeated on every row."""
    book = Workbook()
    book.active.append(
        ["目录名称", "资源提供方", "资源提供方代码", "摘要", "资源代码", "共享类型", "更新周期", "字段名称", "字段英文名称",
         "字段数据类型", "字段是否主键", "字段是否为空", "字段共享类型", "字段共享条件", "对象类型"]
    )  # fmt: skip
    same = ["低保家庭", "南山区民政局", "11440305FT0000018K", "低保家庭与成员。", "308002/000001", "无条件共享", "按月"]
    book.active.append([*same, "家庭编号", "jtbh", "字符型C", "是", "否", None, None, "主键"])
    book.active.append([*same, "保障人数", "bzrs", "整型I", "否", "是", "有条件共享", "限民政业务", None])
    book.save(tmp_path / "归集.xlsx")
    imported, made = take(tmp_path / "归集.xlsx", catalog, tmp_path / "catalog")
    (item,) = made.items
    assert (item.key, item.cycle) == (("jtbh",), "monthly")
    assert [(f.name, f.required) for f in item.fields] == [("jtbh", True), ("bzrs", False)]
    assert item.fields[1].share is not None
    assert item.fields[1].share.condition == "限民政业务"
    assert item.fields[0].extra == {"对象类型": "主键"}
    assert doubts(imported) == ""


@pytest.mark.parametrize(("content", "said"), [(b"not a workbook", "不是可读的工作簿"), (None, "没有目录表头")])
def test_what_is_no_catalog_workbook_is_refused(
    catalog: Catalog, tmp_path: Path, content: bytes | None, said: str
) -> None:
    path = tmp_path / "x.xlsx"
    if content is None:
        Workbook().save(path)
    else:
        path.write_bytes(content)
    with pytest.raises(NotACatalogWorkbook, match=said):
        import_workbook(path, catalog, CATALOG, tmp_path / "catalog")
    assert not (tmp_path / "catalog").exists()


def test_nested_declarations_survive_as_json(catalog: Catalog, tmp_path: Path) -> None:
    item = catalog.items_by_id["gaj.hukou_population"]
    export_workbook(catalog, [item], tmp_path / "a.xlsx")
    sheet = load_workbook(tmp_path / "a.xlsx")["信息资源目录"]
    titles = [sub or top for top, sub in zip(*(([c.value for c in sheet[n]]) for n in (1, 2)), strict=True)]
    row = dict(zip(titles, [c.value for c in sheet[3]], strict=True))
    assert json.loads(row["交付方式"])["encoding"] == "gb18030"
    assert [r["rule"] for r in json.loads(row["行规则"])] == [u.rule for u in item.rules]


@pytest.mark.parametrize("unit", ["zjj", "yjj", "xfdd", "jd_huaqiangbei", "swj"])
def test_one_unit_alone_makes_the_same_round_trip(catalog: Catalog, tmp_path: Path, unit: str) -> None:
    """Archetypes then speak of fields that no other item brings along."""
    export_workbook(catalog, catalog.items_of(unit), tmp_path / "a.xlsx")
    imported = import_workbook(tmp_path / "a.xlsx", catalog, CATALOG, tmp_path / "catalog")
    assert (imported.doubts, imported.findings) == ([], [])
    assert load_catalog(tmp_path / "catalog").items_of(unit) == catalog.items_of(unit)


@pytest.mark.parametrize(
    ("text", "name"),
    [("ld__code", "ld__code"), ("x" * 60, "x" * 60), ("XM", "xm"), ("bedNumber", "bed_number"), ("2021年度", "n_2021_nian_du"),
     ("公园名称", "gong_yuan_ming_cheng"), ("#", "")],
)  # fmt: skip
def test_names_stay_or_become_ascii(text: str, name: str) -> None:
    assert ascii_name(text) == name


def test_what_no_cell_can_hold_is_refused_not_lost(catalog: Catalog, tmp_path: Path) -> None:
    item = catalog.items_by_id["gaj.hukou_population"].model_copy(update={"extra": {"备注": "长" * 40_000}})
    with pytest.raises(NotExportable, match=r"gaj\.hukou_population 的“备注”有 40,000 字"):
        export_workbook(catalog, [item], tmp_path / "a.xlsx")


def _edit(path: Path, edit: Any) -> Path:
    book = load_workbook(path)
    edit(book)
    book.save(path)
    return path


def test_a_second_sheet_with_a_header_is_said_not_dropped(catalog: Catalog, tmp_path: Path) -> None:
    path = official(tmp_path / "目录.xlsx", (PARK, PARK_FIELDS))
    _edit(path, lambda book: setattr(book.copy_worksheet(book["目录"]), "title", "第二张"))
    imported, _ = take(path, catalog, tmp_path / "catalog")
    assert "第二张!A2 该工作表也有目录表头" in doubts(imported)


def test_sheets_that_only_look_like_ours_are_left_alone(catalog: Catalog, tmp_path: Path) -> None:
    def add(book: Any) -> None:
        book.create_sheet("单位").append(["序号", "单位名称"])
        book["单位"].append([1, "教育局"])
        sheet = book.create_sheet("字段字典")
        sheet.append(["name", "title", "type", "given", "file"])
        sheet.append(["evil", "坏字段", "text", "x", "../../outside.yaml"])
        sheet.append(["bad", "坏类型", "nothing", "x", ""])
        book["目录"].merge_cells("A50:C51")

    path = _edit(official(tmp_path / "in" / "目录.xlsx", (PARK, PARK_FIELDS)), add)
    imported, made = take(path, catalog, tmp_path / "catalog")
    assert len(made.items) == 1
    assert "字段字典!A3" in doubts(imported)
    assert not list(tmp_path.rglob("outside.yaml"))


def test_a_remark_under_the_table_is_no_item(catalog: Catalog, tmp_path: Path) -> None:
    def remark(book: Any) -> None:
        book["目录"].cell(8, 1, "注：本表由区数据局统一编制")
        book["目录"].merge_cells(start_row=8, start_column=1, end_row=8, end_column=len(TITLES))

    path = _edit(official(tmp_path / "目录.xlsx", (PARK, PARK_FIELDS)), remark)
    imported, made = take(path, catalog, tmp_path / "catalog")
    assert [i.title for i in made.items] == ["社区公园名录"]
    assert "整行合并的文字" in doubts(imported)


def test_two_local_columns_of_one_title_are_both_kept(catalog: Catalog, tmp_path: Path) -> None:
    def twice(book: Any) -> None:
        at = len(TITLES) + 1
        book["目录"].cell(2, at, "责任科室电话")
        book["目录"].cell(4, at, "0755-11111111")

    path = _edit(official(tmp_path / "目录.xlsx", (PARK, PARK_FIELDS)), twice)
    _, made = take(path, catalog, tmp_path / "catalog")
    (item,) = made.items
    kept = {**item.extra, **item.fields[0].extra}
    assert {kept["责任科室电话"], kept["责任科室电话（2）"]} == {"0755-26543210", "0755-11111111"}


@pytest.mark.parametrize("merge", [True, False])
def test_a_field_named_twice_is_kept_and_said(catalog: Catalog, tmp_path: Path, merge: bool) -> None:
    fields = [("公园编号", "字符型C", 20), ("公园名称", "字符型C", 50), ("公园编号", "字符型C", 20)]
    imported, made = take(official(tmp_path / "目录.xlsx", (PARK, fields), merge=merge), catalog, tmp_path / "catalog")
    (item,) = made.items
    assert [f.title for f in item.fields] == ["公园编号", "公园名称", "公园编号（3）"]
    assert "“公园编号”在该资源中重复" in doubts(imported)


@pytest.mark.parametrize(
    ("said", "date"),
    [("2022-12", None), ("202211", None), ("2022-13-01", None), ("2022年6月3日", "2022-06-03"), ("20220630", "2022-06-30"),
     ("2022/6/3", "2022-06-03")],
)  # fmt: skip
def test_dates_are_read_or_said_never_guessed(catalog: Catalog, tmp_path: Path, said: str, date: str | None) -> None:
    path = official(tmp_path / "目录.xlsx", (PARK | {"发布日期": said}, PARK_FIELDS))
    imported, made = take(path, catalog, tmp_path / "catalog")
    (item,) = made.items
    assert (str(item.published) if item.published else None) == date
    assert ("不是日期" in doubts(imported)) == (date is None)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"信息资源摘要": "社区公园名录"}, "摘要为空或只重复了名称"),
        ({"共享类型": "不予共享", "共享条件": "《测绘法》"}, "不予共享的资源不能向社会开放"),
        ({"信息资源名称": "收入/支出[明细]"}, ""),
    ],
)
def test_ordinary_slips_still_make_a_catalog(
    catalog: Catalog, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    imported, made = take(
        official(tmp_path / "目录.xlsx", (PARK | changes, PARK_FIELDS)), catalog, tmp_path / "catalog"
    )
    assert len(made.items) == 1
    assert said in doubts(imported)


def test_names_that_begin_alike_get_file_names_apart(catalog: Catalog, tmp_path: Path) -> None:
    other = PARK | {"信息资源名称": "社区公园名录_小型", "信息资源代码": "30800102/000002"}
    path = official(tmp_path / "目录.xlsx", (PARK, PARK_FIELDS), (other, PARK_FIELDS))
    _, made = take(path, catalog, tmp_path / "catalog")
    assert len(made.items) == 2


def test_units_of_a_new_district_keep_their_own_numbers(catalog: Catalog, tmp_path: Path) -> None:
    """Futian's unit 001 does not push the new district's unit 001 aside."""
    path = official(tmp_path / "目录.xlsx", (PARK | {"信息资源代码": "30700102/000001"}, PARK_FIELDS))
    _, made = take(path, catalog, tmp_path / "catalog")
    (unit,) = (u for u in made.units if made.items_of(u.id))
    assert unit.number == "001"
    assert made.district.code_prefix == "307"


def test_the_legacy_format_with_merged_cells_is_read(catalog: Catalog, tmp_path: Path) -> None:
    """.xls, as older districts still keep their catalog."""
    import xlwt

    book = xlwt.Workbook()
    sheet = book.add_sheet("目录")
    heads = ["信息资源名称", "信息资源代码", "信息资源提供方", "资源提供方代码", "信息资源摘要", "共享类型", "更新周期"]
    values = [
        "社区公园",
        "30800102/000001",
        "南山区城市管理局",
        "11440305FT0000018K",
        "社区公园的编号与名称。",
        "无条件共享",
        "每年",
    ]
    for at, (head, value) in enumerate(zip(heads, values, strict=True)):
        sheet.write(0, at, head)
        sheet.write_merge(1, 2, at, at, value)
    for at, (head, *cells) in enumerate(
        (("信息项名称", "公园编号", "公园名称"), ("数据类型", "字符型C", "字符型C")), len(heads)
    ):
        for row, cell in enumerate((head, *cells)):
            sheet.write(row, at, cell)
    book.save(str(tmp_path / "目录.xls"))
    _, made = take(tmp_path / "目录.xls", catalog, tmp_path / "catalog")
    (item,) = made.items
    assert [f.title for f in item.fields] == ["公园编号", "公园名称"]
    assert item.cycle == "yearly"
