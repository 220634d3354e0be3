"""The monthly reports of the sample nights: right, complete, and without anybody's data."""

from __future__ import annotations

import html
import json
import re
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest

from fudata_pipeline.load.item import load_item
from fudata_pipeline.load.version import version_dir
from fudata_pipeline.nightly import Night
from fudata_pipeline.project import Project
from fudata_pipeline.report.examples import mask_of, without_numbers
from fudata_pipeline.report.league import league
from fudata_pipeline.report.month import Month, NotReported
from fudata_pipeline.report.problems import find_problems
from fudata_pipeline.report.sparkline import sparkline
from fudata_pipeline.report.standing import History
from fudata_pipeline.report.tables import Table, shown
from fudata_pipeline.report.unit import unit_report
from fudata_pipeline.report.write import Plan, plan_reports, write_reports
from fudata_pipeline.settings import now

from ..conftest import SAMPLES, Deliver
from .conftest import Record

Demo = tuple[Project, list[Night]]
Written = tuple[Project, Plan]
TRUTH = json.loads((SAMPLES / "truth.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def written(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Written:
    project, _ = demo
    history = History(project, now().date())
    plan = plan_reports(project, history, history.months[-1], folder=tmp_path_factory.mktemp("reports"))
    write_reports(project, history, plan)
    return project, plan


def _tables(project: Project, unit: str) -> dict[str, Table]:
    history = History(project, now().date())
    place = next(p for p in league(history, history.months[-1]) if p.standing.unit.id == unit)
    return {t.name: t for t in unit_report(project, history, place, 1).tables}


UNITS = ("zsj", "gaj", "mzj", "zjj", "scjg", "swj", "wjj", "clf")


def test_every_unit_that_delivered_has_a_page_and_a_workbook(written: Written) -> None:
    _, plan = written
    assert {p.standing.unit.id for p in plan.chosen} == set(UNITS)
    assert sorted(plan.folder.iterdir()) == sorted(plan.files)
    index = (plan.folder / "index.html").read_text("utf-8")
    for file in plan.files[:-1]:
        assert f'href="{file.name}"' in index


@pytest.mark.parametrize("unit", UNITS)
def test_what_was_sent_is_what_the_registry_says(demo: Demo, unit: str) -> None:
    project, nights = demo
    delivered: Counter[str] = Counter()
    rows: dict[str, list[int]] = {}
    for result in (r for night in nights for r in night.results if r.unit == unit and r.load_id):
        if result.repeated and result.verdict == "unchanged" and result.item != "gaj.hukou_population":
            continue  # nothing arrived; 户籍人口 came again under a new name
        delivered[result.item] += 1
        if not result.repeated:
            counts = (result.rows_in, result.rows_accepted, result.rows_quarantined, result.rows_duplicate)
            rows[result.item] = [a + b for a, b in zip(rows.get(result.item, [0] * 4), counts, strict=True)]
    told = {row[1]: row for row in _tables(project, unit)["sent"].rows}
    assert {item: row[3] for item, row in told.items()} == dict(delivered)
    assert {item: list(row[6:10]) for item, row in told.items()} == rows


@pytest.mark.parametrize("unit", UNITS)
def test_what_is_wrong_is_what_registry_and_quarantine_say(demo: Demo, unit: str) -> None:
    project, _ = demo
    wanted: Counter[tuple[Any, ...]] = Counter()
    current = project.registry.current_loads()
    for item in project.catalog.items_of(unit):
        if item.id not in current:
            continue
        load = current[item.id]  # of the sample nights the newest readable one of every item
        path = version_dir(project, load) / "quarantine.parquet"
        found = duckdb.sql(f"SELECT r, count(*) FROM (SELECT unnest(_rules) AS r FROM '{path}') GROUP BY r").fetchall()
        for name, count in found:
            wanted[item.title, name.partition(":")[2]] += count
        for rule in load["rules"]:
            if rule["failed"] and rule["severity"] == "warn":
                wanted[item.title, rule["rule"]] += rule["failed"]
    told: Counter[tuple[Any, ...]] = Counter()
    for row in _tables(project, unit)["problems"].rows:
        told[row[0], row[9]] += row[5]
        rule = project.catalog.rules[row[9]]
        assert (row[3], row[8]) == (rule.wording_zh, rule.cure_zh) and 0 < row[6] <= 1
    assert told == wanted


def test_refused_deliveries_with_reason_and_cure(demo: Demo) -> None:
    project, nights = demo
    refused = [r for r in nights[-1].results if r.verdict == "refused_contract"]
    assert len(refused) == 6
    for result in refused:
        tables = _tables(project, result.unit)
        (row,) = [row for row in tables["refused"].rows if row[1] == result.item]
        assert row[3] == result.file_name and f"{row[5]} → {row[6]}" == result.reason and row[7] == "待重新交付"
        assert tables["actions"].rows[0][1:3] == ("重新交付", result.title)  # nothing helps more
    assert _tables(project, "gaj")["refused"].rows == ()


def test_actions_stand_in_the_order_of_their_effect(demo: Demo) -> None:
    for unit in UNITS:
        table = _tables(demo[0], unit)["actions"]
        gains = [row[7] for row in table.rows]
        assert gains == sorted(gains, reverse=True) and gains[-1] >= 0
        assert "无需处理" not in str(table.rows)


def test_mending_everything_gives_what_is_missing(demo: Demo) -> None:
    project, _ = demo
    history = History(project, now().date())
    standing = history.standing(project.catalog.units_by_id["gaj"], history.months[-1])
    problems, _ = find_problems(project, standing)
    assert problems and standing.score is not None
    assert sum(p.gain for p in problems) == pytest.approx(100 - standing.score, abs=0.06)


def _personal(project: Project) -> set[str]:
    """Every resident number, person's name and phone that the sample nights delivered, as delivered and as read."""
    found: set[str] = set(TRUTH["entities"]["persons"])
    for load in project.registry.all_loads():
        if not load["rows_in"]:
            continue
        item = project.catalog.items_by_id[load["item"]]
        fields = [f for f in item.fields if f.field.type in ("resident_id", "phone", "travel_document")
                  or (f.field.type == "name" and f.field.pi >= 2) or f.name == "bank_account"]  # fmt: skip
        folder = version_dir(project, load)
        for field in fields:
            for file in ("accepted", "quarantine"):
                values = duckdb.sql(f"SELECT DISTINCT \"{field.name}\" FROM '{folder / file}.parquet'").fetchall()
                found |= {str(value) for (value,) in values if value is not None}
        for (raw,) in duckdb.sql(f"SELECT _raw FROM '{folder / 'quarantine.parquet'}'").fetchall():
            for field in fields:
                found |= {str(v).strip() for h, v in json.loads(raw).items() if v and h.strip() in field.headers}
    placeholders = {"测试", "不详", "未知"}
    return {v for v in found - placeholders if len(v) > (6 if v.isdigit() else 1)}  # 12345 is nobody's number


def test_nobodys_number_name_or_phone_is_in_any_file(written: Written) -> None:
    project, plan = written
    personal = _personal(project)
    assert len(personal) > 2000
    for file in plan.files:
        texts = [file.read_text("utf-8")] if file.suffix == ".html" else []
        if file.suffix == ".xlsx":
            with zipfile.ZipFile(file) as book:
                texts = [book.read(name).decode("utf-8") for name in book.namelist()]
        plain = html.unescape(" ".join(texts))
        assert {value for value in personal if value in plain} == set(), file.name
        # nor one that nobody thought of: 18 digits, or the 11 of a mobile
        assert re.findall(r"(?<![0-9A-Za-z.#])(?:\d{17}[\dXx]|1[3-9]\d{9})(?![0-9A-Za-z])", plain) == []


def test_example_rows_are_there_masked_with_their_line(demo: Demo) -> None:
    project, _ = demo
    rows = _tables(project, "gaj")["examples"].rows
    assert rows
    load = project.registry.current_load("gaj.hukou_population")
    assert load is not None
    path = version_dir(project, load) / "quarantine.parquet"
    lines = {line for (line,) in duckdb.sql(f"SELECT _line FROM '{path}'").fetchall()}
    assert {row[2] for row in rows} <= lines
    shown_ids = [row[4] for row in rows if row[4].startswith("公民身份号码")]
    assert any(re.search(r"\d{6}\*{8}\d{3}[\dX]", text) for text in shown_ids)


def test_masks_by_field(demo: Demo) -> None:
    fields = demo[0].catalog.fields
    wanted = {"resident_id": "mask_resident_id", "phone": "mask_phone", "person_name": "mask_name", "plate_no": "mask_plate",
              "hukou_address": "mask_address", "passport_number": "mask_passport", "bank_account": "mask_card",
              "birth_date": "mask_date", "uscc": "mask_card", "house_code": "mask_card", "sex": "mask_name", "remark": "mask_name"}  # fmt: skip
    assert {name: mask_of(fields[name]) for name in wanted} == wanted


def test_swapped_columns_show_nobody(project: Project, deliver: Deliver) -> None:
    """A name in the column of a code, a number in that of a name: each is masked whatever the column says."""
    deliver(
        "zsj/居住人口登记_1.csv",
        "公民身份号码,姓名,性别,民族,出生日期,文化程度,户籍类型,联系电话,房屋编码,建筑物编码,入住日期,更新时间\n"
        "440304199003071248,张小小,女,汉,1990-03-07,本科,户籍,,,,2020-01-01,2022-10-01\n"
        "李大明,11010519491231002X,王五六,赵七八,13512345679,钱九十,孙十一,周十二,吴十三,郑十四,陈十五,冯十六\n",
    )
    load_item(project, project.catalog.items_by_id["zsj.resident_registration"])
    tables = _tables(project, "zsj")
    text = str([table.rows for table in tables.values()])
    assert tables["examples"].rows
    for value in ("李大明", "11010519491231002X", "王五六", "赵七八", "13512345679", "钱九十", "孙十一", "冯十六"):
        assert value not in text
    assert "性别：王**" in text


def test_numbers_are_hidden_in_quoted_messages() -> None:
    assert (
        without_numbers("收到的表头：440304199003071248、13512345679") == "收到的表头：440***************、135********"
    )
    assert without_numbers("户籍人口_20221031120000.csv 第 164 行") == "户籍人口_20221031120000.csv 第 164 行"


EVIL = "=cmd|' /C calc'!A0"


def test_a_formula_in_a_header_stays_text(project: Project, deliver: Deliver, tmp_path: Path) -> None:
    grids = "".join(f"44030400190100{n},东园0{n},东园社区,王小明,x\n" for n in range(1, 10))
    deliver("zsj/网格划分信息_1.csv", f"网格编码,网格名称,所属社区编码,网格员,{EVIL}<b>\n{grids}4403,东园10,=1+1,,\n")
    assert load_item(project, project.catalog.items_by_id["zsj.grid_division"]).warnings
    evil = project.catalog.items_by_id["zsj.grid_division"].model_copy(update={"title": EVIL})
    items = tuple(evil if i.id == evil.id else i for i in project.catalog.items)
    renamed = Project(project.settings, project.catalog.model_copy(update={"items": items}), project.registry)
    history = History(renamed, now().date())
    plan = plan_reports(renamed, history, history.months[-1], ["zsj"], tmp_path)
    page, workbook, _ = write_reports(renamed, history, plan)
    with zipfile.ZipFile(workbook) as book:
        sheets = [book.read(n).decode() for n in book.namelist() if n.startswith("xl/worksheets/")]
        assert "quotePrefix" in book.read("xl/styles.xml").decode()
    assert not any("<f>" in sheet for sheet in sheets)
    cells = [
        c.value
        for sheet in openpyxl.load_workbook(workbook)
        for row in sheet.iter_rows()
        for c in row
        if c.data_type == "f"
    ]
    assert cells == []
    values = [c.value for sheet in openpyxl.load_workbook(workbook) for row in sheet.iter_rows() for c in row]
    assert EVIL in values and any(EVIL in str(v) and "<b>" in str(v) for v in values)
    text = page.read_text("utf-8")
    assert "<b>" not in text and "&lt;b&gt;" in text


def test_pages_stand_alone_and_can_be_heard_and_printed(written: Written) -> None:
    _, plan = written
    for file in (f for f in plan.files if f.suffix == ".html"):
        text = file.read_text("utf-8")
        assert '<html lang="zh-CN">' in text and text.count("<h1>") == 1
        assert text.count("<table") == text.count("<caption>") > 0
        assert text.count("<th scope=") == len(re.findall(r"<th\b", text))
        assert not re.search(r"https?://|<script|<link|@import|url\(", text)
        assert "@media print" in text and "{{" not in text and "None" not in text
        ids = re.findall(r' id="(\w+)"', text)
        assert len(ids) == len(set(ids))


def test_workbooks_are_ready_to_be_read(written: Written) -> None:
    _, plan = written
    book = openpyxl.load_workbook(plan.folder / plan.names(plan.chosen[0].standing.unit)[1])
    assert book.sheetnames == [
        "概况",
        "下一步",
        "得分",
        "交付",
        "迟交",
        "拒收",
        "问题",
        "样例",
        "落选",
        "提示",
        "从未交付",
    ]
    for sheet in book.worksheets[1:]:
        assert sheet.freeze_panes == "B2"
        assert all(d.width >= 6 for d in sheet.column_dimensions.values())
    problems = book["问题"]
    header = [c.value for c in problems[1]]
    assert problems.cell(2, header.index("行数") + 1).data_type == "n"
    assert problems.cell(2, header.index("交付日期") + 1).is_date


def test_a_late_item_with_its_cycle_and_days(project: Project, record: Record, tmp_path: Path) -> None:
    record("scjg.food_licence", "2022-09-30")
    record("scjg.market_entity", "2022-10-29")
    record("scjg.market_entity", "2022-10-31")
    today = Month(2022, 10).last
    history = History(project, today)
    (place, *_) = league(history, Month(2022, 10))
    tables = {t.name: t for t in unit_report(project, history, place, 1).tables}
    (row,) = tables["late"].rows
    assert row[1:] == ("scjg.food_licence", "每周", 9, Month(2022, 9).last, 31 - 9, "仍未交付")
    assert [r[1] for r in tables["actions"].rows] == ["补交"]
    assert tables["scores"].rows[-1][2:] == (
        place.standing.score,
        "良",
        100.0,
        place.change,
        (100.0, place.standing.score),
    )


def test_a_unit_that_stopped_delivering_still_gets_a_report(project: Project, record: Record) -> None:
    record("scjg.food_licence", "2022-08-01")
    record("gaj.hukou_population", "2022-10-10")
    history = History(project, Month(2022, 10).last)
    plan = plan_reports(project, history, Month(2022, 10))
    assert [p.standing.unit.id for p in plan.chosen] == ["gaj", "scjg"]
    assert plan.folder == project.settings.reports_dir / "2022-10"
    assert not plan.folder.exists()  # a plan writes nothing


def test_nothing_to_tell_is_said_and_nothing_written(project: Project, record: Record, tmp_path: Path) -> None:
    record("gaj.hukou_population", "2022-10-10")
    history = History(project, Month(2022, 10).last)
    with pytest.raises(NotReported, match=r"没有单位 'nobody'；可用：.*gaj"):
        plan_reports(project, history, Month(2022, 10), ["nobody"], tmp_path / "out")
    with pytest.raises(NotReported, match="市监局在 2022-10 没有交付"):
        plan_reports(project, history, Month(2022, 10), ["scjg"], tmp_path / "out")
    with pytest.raises(NotReported, match=r"2022-09 没有任何载入.*2022-10"):
        plan_reports(project, history, Month(2022, 9), [], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_a_kill_left_is_removed_and_earlier_reports_stay(project: Project, record: Record, tmp_path: Path) -> None:
    out = tmp_path / "out"
    record("gaj.hukou_population", "2022-10-10")
    record("scjg.food_licence", "2022-10-30")
    history = History(project, Month(2022, 10).last)
    steps: list[str] = []
    write_reports(project, history, plan_reports(project, history, Month(2022, 10), ["gaj"], out))
    (out / ".report-killed").mkdir()
    write_reports(project, history, plan_reports(project, history, Month(2022, 10), ["scjg"], out), steps.append)
    assert steps == ["市监局", "index.html"]
    index = (out / "index.html").read_text("utf-8")
    assert {f.name for f in out.iterdir()} == {
        "index.html", "2022-10-gaj.html", "2022-10-gaj.xlsx", "2022-10-scjg.html", "2022-10-scjg.xlsx"
    }  # fmt: skip
    assert 'href="2022-10-gaj.html"' in index and 'href="2022-10-scjg.html"' in index


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [(None, "count", "—"), (0, "count", "0"), (1234, "count", "1,234"), (0.05126, "share", "5.13%"), (-0.04, "change", "-0.0"),
     (1.25, "change", "+1.2"), (0.001, "gain", "<0.01"), (24.824, "gain", "+24.82"), ((98.0, 99.5), "trend", "98.0 → 99.5")],
)  # fmt: skip
def test_values_as_people_read_them(value: Any, kind: Any, text: str) -> None:
    assert shown(value, kind) == text


def test_a_trend_fills_its_height_only_if_it_moved() -> None:
    assert sparkline([50.0]).points == ((60.0, 4.0),)
    flat = sparkline([99.9, 100.0]).points
    assert abs(flat[0][1] - flat[1][1]) < 1
    steep = sparkline([0.0, 100.0])
    assert steep.points == ((4.0, 24.0), (116.0, 4.0)) and steep.said == "0.0、100.0"
