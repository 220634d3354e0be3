"""What waits for people reaches them, and what they say comes back: nothing lost, nothing taken that is not sure."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from fudata_pipeline.catalog import Catalog
from fudata_pipeline.catalog.bases import BaseTable
from fudata_pipeline.load.items import load_items
from fudata_pipeline.models import comparing
from fudata_pipeline.models.base import build_base
from fudata_pipeline.models.review import judging, past, words
from fudata_pipeline.models.review.model import forget, model_in_use
from fudata_pipeline.models.review.pairs import NotReviewed, waiting
from fudata_pipeline.models.review.returned import Returned, read_pairs
from fudata_pipeline.models.review.workbook import INDEX, export_pairs
from fudata_pipeline.project import Project
from fudata_pipeline.settings import Settings
from fudata_pipeline.synthetic.district import District, delivering, render_night

from ..conftest import FEW_ROWS, ROOT
from ..district import LI, WANG, ZHANG
from .people import PETITION, PHONE, entity_of, linked, rows_of, settle_in

NAMES = ("王伟", "=王伟", "王卫")


@pytest.fixture(scope="module")
def settled(catalog: Catalog, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Everybody delivered and built; tests must only read it."""
    project = Project.of(Settings(home=ROOT, data=tmp_path_factory.mktemp("settled"), scale=FEW_ROWS), catalog)
    settle_in(project, *NAMES)
    return project


@pytest.fixture
def own(settled: Project, tmp_path: Path) -> Project:
    """The same to write to."""
    shutil.copytree(settled.settings.data_dir, tmp_path / "own")
    return Project.of(Settings(home=ROOT, data=tmp_path / "own", scale=FEW_ROWS), settled.catalog)


def _base(project: Project) -> BaseTable:
    return project.catalog.base("population")


def _export(project: Project, path: Path) -> Path:
    assert export_pairs([waiting(project, _base(project), masked=False)], path) == 3
    return path


def _fill(path: Path, *answers: str, change: Callable[[Any], None] = lambda book: None) -> Path:
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    headers = [c.value for c in sheet[1]]
    for row, answer in enumerate(answers, 2):
        sheet.cell(row, headers.index("判断") + 1).value = answer or None
    change(book)
    book.save(path)
    return path


def _keep(project: Project, back: Returned) -> int:
    return sum(judging.keep(project, project.catalog.base(t), judged, "李雷") for t, judged in back.judged.items())


def test_every_word_of_the_matcher_has_one_for_people() -> None:
    used = {(c.word, level.word) for c in (*comparing.PERSON, *comparing.FIRM) for level in c.levels}
    assert {c for c, _ in used} == set(words.COMPARISONS)
    assert {level for _, level in used} == set(words.LEVELS)
    assert words.in_words("name:exact phone:near birth:missing") == "姓名（名称）完全相同；电话只差一处"
    assert words.in_words(None) == ""


def test_what_waits_is_what_the_build_left_and_shows_no_value(settled: Project) -> None:
    found = waiting(settled, _base(settled))
    wanted = rows_of(settled, "base.population_review", "record, item, line, entity_id, second")
    assert {(p.record, p.item, p.line, p.entity_id, p.second) for p in found.pairs} == set(wanted)
    assert (found.count, found.items, found.answered) == (3, {PETITION: 3}, 0)
    told = str(found)
    assert "王*" in told and "139****9876" in told
    for value in ("王伟", "王卫", PHONE, ZHANG, LI):
        assert value not in told
    first = found.pairs[0]  # the one whose name is the same
    assert first.said["name"] == "王*" and first.best["sex"] == "女" and first.file_name == "信访件登记_1.csv"
    assert [p.probability for p in found.pairs] == sorted((p.probability for p in found.pairs), reverse=True)


def test_limit_and_unit(settled: Project) -> None:
    some = waiting(settled, _base(settled), "xfj", 1)
    assert (some.count, len(some.pairs)) == (3, 1)
    assert waiting(settled, _base(settled), "gaj").count == 0
    with pytest.raises(NotReviewed, match=r"没有单位 'nobody'.*xfj"):
        waiting(settled, _base(settled), "nobody")
    with pytest.raises(NotReviewed, match=r"没有申报 matching.*population"):
        waiting(settled, settled.catalog.base("house"))


def test_before_the_first_build_it_is_said(project: Project) -> None:
    for ask in (waiting, model_in_use):
        with pytest.raises(NotReviewed, match="fudata publish"):
            ask(project, _base(project))
    assert past.history(project, _base(project)) == [] == past.moves(project, _base(project))


def test_the_workbook_says_everything_and_runs_nothing(settled: Project, tmp_path: Path) -> None:
    path = _export(settled, tmp_path / "a.xlsx")
    assert path.stat().st_mode & 0o777 == 0o600 and [p.name for p in tmp_path.iterdir()] == ["a.xlsx"]
    book = openpyxl.load_workbook(path)
    assert book.sheetnames[1:] == ["填写说明", INDEX] and book[INDEX].sheet_state == "hidden"
    sheet = book.worksheets[0]
    rows = [dict(zip([c.value for c in sheet[1]], [c.value for c in row], strict=True)) for row in sheet.iter_rows(min_row=2)]  # fmt: skip
    assert {r["来源行 姓名（名称）"] for r in rows} == set(NAMES)
    assert {r["来源行 电话"] for r in rows} == {PHONE}
    assert {r["最可能 标识"] for r in rows} | {r["次可能 标识"] for r in rows} == {ZHANG, LI}
    assert all(r["最可能 姓名（名称）"] == "王伟" and not r["判断"] for r in rows)
    assert {c.data_type for row in sheet.iter_rows() for c in row} <= {"s", "n"}
    assert {c.data_type for row in sheet.iter_rows() for c in row if c.value is not None} == {"s"}
    [choice] = sheet.data_validations.dataValidation
    assert choice.formula1 == '"同一,不同,不确定"'
    with zipfile.ZipFile(path) as file:
        assert not [n for n in file.namelist() if "<f>" in file.read(n).decode("utf-8", "ignore")]


def test_answers_come_back_once_and_are_applied(own: Project, tmp_path: Path) -> None:
    path = _fill(_export(own, tmp_path / "a.xlsx"), "同一", "不同", "不确定")
    first, second, third = waiting(own, _base(own)).pairs
    back = read_pairs(path)
    assert [(j.subject, j.entity, j.verdict) for j in back.judged["population"]] == [
        (f"row:{first.record}", first.entity_id, "same"),
        (f"row:{second.record}", second.entity_id, "different"),
        (f"row:{third.record}", third.entity_id, "unsure"),
    ]
    assert (_keep(own, back), _keep(own, read_pairs(path)), back.open) == (3, 0, 0)
    left = waiting(own, _base(own))
    assert (left.count, left.answered, [p.unsure for p in left.pairs]) == (1, 2, [True])
    assert {j.now for j in past.history(own, _base(own))} == {"待下一次构建"}
    assert build_base(own, _base(own)).changed
    assert linked(own, PETITION)[first.line - 2] == first.entity_id
    assert second.entity_id not in linked(own, PETITION)[second.line - 2 : second.line - 1]
    assert {j.now for j in past.history(own, _base(own))} == {"有效"}
    assert [p.record for p in waiting(own, _base(own)).pairs if p.unsure] == [third.record]
    again = _keep(own, read_pairs(_fill(path, "不同", "不同", "不确定")))
    assert again == 1  # the one that is judged another way now
    newest, *_, oldest = past.history(own, _base(own))
    assert (newest.verdict, newest.holds, oldest.holds, oldest.now) == ("different", True, False, "已被后来的判断取代")
    assert newest.judge == "李雷"


def _spoil(sheet: str, cell: str, value: str | None) -> Callable[[Any], None]:
    def change(book: Any) -> None:
        book[sheet if sheet in book.sheetnames else book.sheetnames[0]][cell] = value

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_spoil("", "A2", "99"), "第 2 行：序号、数据项或行号被改动"),
        (_spoil("", "A3", "1"), "第 3 行：序号与前面的行重复"),
        (_spoil("", "D2", "77"), "第 2 行：序号、数据项或行号被改动"),
        (_spoil("", "A1", "编号"), "第 1 行的表头被改动（序号）"),
        (_spoil(INDEX, "D2", "0" * 16), "隐藏工作表“_fudata_match”被改动"),
        (lambda book: book.remove(book[INDEX]), "不是本系统导出的判断清单"),
    ],
)
def test_what_was_changed_is_named(settled: Project, tmp_path: Path, change: Callable[[Any], None], said: str) -> None:
    path = _fill(_export(settled, tmp_path / "a.xlsx"), "同一", "", "", change=change)
    with pytest.raises(NotReviewed) as error:
        read_pairs(path)
    assert said in str(error.value) and "→" in str(error.value) and "a.xlsx" in str(error.value)


def test_an_unknown_word_is_named_by_sheet_and_row(settled: Project, tmp_path: Path) -> None:
    path = _fill(_export(settled, tmp_path / "a.xlsx"), "同一", "大概")
    with pytest.raises(NotReviewed, match=r"“人口基础信息”第 3 行.*同一、不同、不确定"):
        read_pairs(path)


def test_rows_may_be_left_out_and_left_open(settled: Project, tmp_path: Path) -> None:
    path = _fill(
        _export(settled, tmp_path / "a.xlsx"), "同一", "", "", change=lambda book: book.worksheets[0].delete_rows(2)
    )
    back = read_pairs(path)
    assert (back.judged, back.open) == ({}, 2)


def test_no_workbook(settled: Project, tmp_path: Path) -> None:
    (tmp_path / "x.xlsx").write_bytes(b"nothing")
    for name in ("x.xlsx", "none.xlsx"):
        with pytest.raises(NotReviewed, match=f"{name} 不能读取"):
            read_pairs(tmp_path / name)
    with pytest.raises(NotReviewed, match=r"不支持的文件类型 \.csv"):
        export_pairs([waiting(settled, _base(settled))], tmp_path / "a.csv")
    with pytest.raises(NotReviewed, match="没有等待判断的行"):
        export_pairs([waiting(settled, _base(settled), "gaj")], tmp_path / "a.xlsx")


def test_entities_are_named_by_any_identifier(settled: Project) -> None:
    wang = entity_of(settled, WANG)
    for given in (WANG, WANG.lower(), f" {WANG} ", wang, wang.upper(), f"entity:{wang}"):
        judged = judging.plan(settled, _base(settled), given, LI, "same", None)
        assert (judged.subject, judged.entity) == (f"entity:{wang}", entity_of(settled, LI))
        assert "并为一个实体" in judged.effect
    apart = judging.plan(settled, _base(settled), "h12345678", WANG, "different", None)
    assert apart.subject != f"entity:{wang}" and "拆为两个实体" in apart.effect
    assert "仍是一个实体" in judging.plan(settled, _base(settled), "H12345678", WANG, "same", None).effect


def test_who_was_merged_is_still_known_and_comes_back(own: Project) -> None:
    zhang, li = entity_of(own, ZHANG), entity_of(own, LI)
    judging.keep(own, _base(own), [judging.plan(own, _base(own), zhang, li, "same", "同一人两个号")], "李雷")
    build_base(own, _base(own))
    assert [(m.kind, m.entity, m.into) for m in past.moves(own, _base(own))] == [("merge", zhang, li)]
    apart = judging.plan(own, _base(own), li, zhang, "different", None)  # the other way round: the same pair
    assert (apart.subject, apart.entity) == (f"entity:{zhang}", li) and "拆为两个实体" in apart.effect
    judging.keep(own, _base(own), [apart], "李雷")
    build_base(own, _base(own))
    assert {entity_of(own, ZHANG), entity_of(own, LI)} == {zhang, li}
    assert ("split", li, zhang) in [(m.kind, m.entity, m.into) for m in past.moves(own, _base(own))]


@pytest.mark.parametrize(
    ("subject", "entity", "verdict", "said"),
    [
        ("row:12", ZHANG, "same", "16 位的行编号"),
        ("row:0123456789abcdef", ZHANG, "same", "没有编号为 0123456789abcdef 的无标识行"),
        ("row:0123456789abcdef", "440304199003071249", "same", "没有所给的实体"),
        ("0123456789abcdef", ZHANG, "same", "没有所给的实体"),
        (ZHANG, "", "same", "没有所给的实体"),
        (ZHANG, "'; DROP TABLE x", "same", "没有所给的实体"),
        (ZHANG, ZHANG, "different", "同一个标识"),
        (ZHANG, LI, "maybe", "没有判断 'maybe'"),
    ],
)
def test_what_cannot_be_judged_is_said(settled: Project, subject: str, entity: str, verdict: str, said: str) -> None:
    with pytest.raises(NotReviewed) as error:
        judging.plan(settled, _base(settled), subject, entity, verdict, None)
    assert said in str(error.value) and "→" in str(error.value)


def test_a_model_is_forgotten_once(own: Project) -> None:
    used = model_in_use(own, _base(own))
    assert (used.learned["entities"], used.learned["records"], used.forgotten) == (3, 3, False)
    assert all(set(level) >= {"m", "u", "m_source", "u_source"} and "sql" not in level for level in used.levels)
    for _ in range(2):
        forget(own, _base(own), "李雷")
    assert own.registry.models_forgotten("population") == 1 and model_in_use(own, _base(own)).forgotten
    build_base(own, _base(own))
    anew = model_in_use(own, _base(own))
    assert not anew.forgotten and anew.file != used.file and anew.levels == used.levels  # the same data: the same model


def test_pairs_of_a_district_go_out_and_come_back(catalog: Catalog, tmp_path: Path) -> None:
    """A rendered night of all that feeds persons: every pair that the build leaves is in the workbook, with both sides."""
    made = District(tmp_path / "district", scale=0.002)
    due = delivering(catalog, made, 0)
    feeding = {feed.item for feed in catalog.base("population").inputs}
    render_night(Settings(home=ROOT), catalog, made, 0, [i for i in catalog.items if i.id in feeding and i.id in due])
    base = catalog.base("population")
    assert base.matching
    strict = base.model_copy(update={"matching": base.matching.model_copy(update={"automatic": 0.9999999})})
    asking = catalog.model_copy(update={"bases": tuple(strict if b is base else b for b in catalog.bases)})
    project = Project.of(Settings(home=ROOT, data=tmp_path / "data", scale=0.002), asking)
    shutil.copytree(made.deliveries(0), project.settings.inbox_dir, dirs_exist_ok=True)
    load_items(project, catalog.items)
    build_base(project, _base(project))
    found = waiting(project, _base(project), masked=False)
    assert found.count == len(found.pairs) == len(rows_of(project, "base.population_review", "record")) > 5
    assert len(found.items) > 1
    for pair in found.pairs:
        assert pair.said["name"] and pair.best["name"] and pair.compared
        assert (pair.other is None) == (pair.second is None)
    export_pairs([found], tmp_path / "a.xlsx")
    path = _fill(tmp_path / "a.xlsx", "同一", "不同")
    assert _keep(project, read_pairs(path)) == 2
    one, other = found.pairs[:2]
    build_base(project, _base(project))
    now_ = dict(rows_of(project, "base.population_record", "(load_id, line), entity_id"))
    where = {p.record: now_[(p.load_id, p.line)] for p in (one, other)}
    assert where[one.record] == one.entity_id and where[other.record] != other.entity_id
