"""A quarantine workbook that the unit has corrected in place: its rows are judged again and keep their history."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import openpyxl
import pytest

from fudata_pipeline.load.corrections import history, take_back
from fudata_pipeline.load.item import load_item
from fudata_pipeline.load.quarantine import export_quarantine, list_quarantine
from fudata_pipeline.load.result import LoadResult
from fudata_pipeline.load.version import QUARANTINE, accepted_rows, version_dir
from fudata_pipeline.load.workbook import NotAWorkbook
from fudata_pipeline.nightly import run_night
from fudata_pipeline.project import Project
from fudata_pipeline.publish import publish
from fudata_pipeline.sources import delimited

from ..conftest import Deliver

ITEM = "zsj.grid_division"
HEADER = "网格编码,网格名称,所属社区编码,网格员\n"
GOOD = "".join(f"4403040019010{n},东园{n},东园社区,王小明\n" for n in range(20, 32))
BAD = (
    "4403040019,东园10,东园社区,李大明\n"  # 14: no grid code
    "440304001901011,东园11,月球社区,赵一\n"  # 15: no community
    "440304001901012,东园12,东园社区,钱二\n"  # 16 and 17: one key, two contents
    "440304001901012,东园13,东园社区,孙三\n"
)
Edit = Callable[[openpyxl.worksheet.worksheet.Worksheet], None]


@pytest.fixture(params=["staged", "streamed"])
def loaded(
    request: pytest.FixtureRequest, project: Project, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> Project:
    if request.param == "streamed":
        monkeypatch.setattr(delimited, "LONG", 1)
    deliver("zsj/网格划分信息_1.csv", HEADER + GOOD + BAD)
    result = _load(project)
    assert (result.verdict, result.rows_accepted, result.rows_quarantined) == ("promoted", 12, 4)
    return project


def _load(project: Project, **options: bool) -> LoadResult:
    return load_item(project, project.catalog.items_by_id[ITEM], **options)


def _edited(project: Project, path: Path, edit: Edit) -> Path:
    """The exported workbook, changed as a person would, saved by another program."""
    export_quarantine(project, [project.catalog.items_by_id[ITEM]], path)
    path.chmod(0o600)
    book = openpyxl.load_workbook(path)
    edit(book.worksheets[0])
    book.save(path)
    return path


def _correct(sheet: openpyxl.worksheet.worksheet.Worksheet) -> None:
    sheet["C2"] = "440304001901010"
    sheet["E3"] = "东园社区"
    sheet["C5"] = "440304001901013"  # the second of the two


def test_corrected_rows_join_the_others_and_the_delivered_ones_stay(loaded: Project, tmp_path: Path) -> None:
    before = loaded.registry.last_load(ITEM)
    [returned] = take_back(loaded, _edited(loaded, tmp_path / "back.xlsx", _correct))
    assert (returned.item, returned.rows, returned.problems) == (ITEM, 3, ())
    result = _load(loaded)
    assert (result.verdict, result.rows_in, result.rows_accepted, result.rows_quarantined) == ("promoted", 16, 16, 0)
    load = loaded.registry.last_load(ITEM)
    assert load is not None
    rows = duckdb.sql(
        f"SELECT _line, grid_code, community_code IS NOT NULL FROM {accepted_rows(version_dir(loaded, load))} "
        "WHERE _line > 13 ORDER BY _line"
    ).fetchall()
    assert rows == [(n, f"4403040019010{n - 4}", True) for n in (14, 15, 16, 17)]
    assert before is not None
    assert (load["sha256"], load["delivery"]) == (before["sha256"], before["delivery"])  # no new delivery
    told = history(loaded, [loaded.catalog.items_by_id[ITEM]])
    assert [(h.line, h.columns, h.workbook, h.now) for h in told] == [
        (14, ("网格编码",), "back.xlsx", "已入库"),
        (15, ("所属社区编码",), "back.xlsx", "已入库"),
        (17, ("网格编码",), "back.xlsx", "已入库"),
    ]
    assert all(h.reasons for h in told)
    assert _load(loaded).verdict == "unchanged"
    publish(loaded)
    with duckdb.connect(str(loaded.settings.published_file), read_only=True) as con:
        published = con.execute("SELECT load_id, line, workbook, columns, now FROM meta.corrections").fetchall()
    assert published[0] == (load["load_id"], 14, "back.xlsx", ["网格编码"], "已入库")
    assert _load(loaded, again=True).rows_accepted == 16  # a replay keeps what was corrected


def test_what_is_still_wrong_stays_in_quarantine_as_it_is_now(loaded: Project, tmp_path: Path) -> None:
    def edit(sheet: openpyxl.worksheet.worksheet.Worksheet) -> None:
        sheet["C2"] = "440304001901099999"
        sheet["D5"] = "东园十三"  # still the same key as line 16

    take_back(loaded, _edited(loaded, tmp_path / "1.xlsx", edit))
    result = _load(loaded)
    assert (result.rows_accepted, result.rows_quarantined) == (12, 4)
    load = loaded.registry.last_load(ITEM)
    assert load is not None
    raw = dict(duckdb.sql(f"SELECT _line, _raw FROM '{version_dir(loaded, load) / QUARANTINE}'").fetchall())
    assert "440304001901099999" in raw[14]
    assert "月球社区" in raw[15]
    assert "东园12" in raw[16]
    assert "东园十三" in raw[17]
    take_back(loaded, _edited(loaded, tmp_path / "2.xlsx", _correct))  # the next try, from a new export
    assert _load(loaded).rows_quarantined == 0
    told = [(h.line, h.workbook, h.now) for h in history(loaded, [loaded.catalog.items_by_id[ITEM]])]
    assert told[:2] == [(14, "1.xlsx", "已入库"), (17, "1.xlsx", "已入库")]
    assert [h[1] for h in told[2:]] == ["2.xlsx"] * 3


def test_a_night_takes_what_units_have_left_in_their_inbox(loaded: Project) -> None:
    folder = loaded.settings.inbox_dir / "zsj" / "corrections"
    folder.mkdir()
    _edited(loaded, folder / "更正.xlsx", _correct)
    (folder / "别的.xlsx").write_bytes(b"no workbook")
    night = run_night(loaded, [loaded.catalog.items_by_id[ITEM]])
    assert [(r.file_name, r.rows) for r in night.returned] == [("别的.xlsx", 0), ("更正.xlsx", 3)]
    assert "不能读取" in night.returned[0].problems[0]
    assert night.results[0].rows_accepted == 16
    assert run_night(loaded, [loaded.catalog.items_by_id[ITEM]]).returned == []


def test_a_dry_run_takes_nothing(loaded: Project, tmp_path: Path) -> None:
    [returned] = take_back(loaded, _edited(loaded, tmp_path / "back.xlsx", _correct), dry_run=True)
    assert returned.rows == 3
    assert _load(loaded).verdict == "unchanged"


def test_the_same_workbook_is_taken_once(loaded: Project, tmp_path: Path) -> None:
    path = _edited(loaded, tmp_path / "back.xlsx", _correct)
    take_back(loaded, path)
    [again] = take_back(loaded, path)
    assert (again.rows, again.problems) == (0, ("这份更正已经收过，没有重复处理",))


def test_an_untouched_workbook_corrects_nothing(loaded: Project, tmp_path: Path) -> None:
    [returned] = take_back(loaded, _edited(loaded, tmp_path / "back.xlsx", lambda sheet: None))
    assert (returned.rows, returned.problems) == (0, ())
    assert _load(loaded).verdict == "unchanged"


def test_lines_that_were_never_in_quarantine_are_said(loaded: Project, tmp_path: Path) -> None:
    def edit(sheet: openpyxl.worksheet.worksheet.Worksheet) -> None:
        _correct(sheet)
        sheet["A2"] = 2  # a row that was accepted
        sheet["A4"] = 17

    [returned] = take_back(loaded, _edited(loaded, tmp_path / "back.xlsx", edit))
    assert returned.rows == 1
    assert "第 2 行的行号不在这次交付的隔离清单里" in returned.problems[0]
    assert "第 5 行的行号与前面的重复" in returned.problems[1]


def test_a_delivery_that_was_replaced_can_no_longer_be_corrected(
    loaded: Project, deliver: Deliver, tmp_path: Path
) -> None:
    path = _edited(loaded, tmp_path / "back.xlsx", _correct)
    deliver("zsj/网格划分信息_2.csv", HEADER + GOOD)
    _load(loaded)
    [returned] = take_back(loaded, path)
    assert returned.rows == 0
    assert "已被新的交付 网格划分信息_2.csv 取代" in returned.problems[0]


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda book: book.remove(book["_fudata"]), "不是本系统导出的隔离清单"),
        (lambda book: book.worksheets[0].delete_cols(1), "表头被改动"),
    ],
)
def test_another_workbook_is_refused(
    loaded: Project, tmp_path: Path, edit: Callable[[openpyxl.Workbook], None], said: str
) -> None:
    path = _edited(loaded, tmp_path / "back.xlsx", _correct)
    book = openpyxl.load_workbook(path)
    edit(book)
    book.save(path)
    with pytest.raises(NotAWorkbook, match=said):
        take_back(loaded, path)


def test_a_header_that_was_renamed_is_said(loaded: Project, tmp_path: Path) -> None:
    def edit(sheet: openpyxl.worksheet.worksheet.Worksheet) -> None:
        _correct(sheet)
        sheet["D1"] = "名称"

    [returned] = take_back(loaded, _edited(loaded, tmp_path / "back.xlsx", edit))
    assert (returned.rows, len(returned.problems)) == (0, 1)
    assert "表头与交付的不同" in returned.problems[0]


def test_a_line_that_could_not_be_parsed_is_corrected_too(project: Project, deliver: Deliver, tmp_path: Path) -> None:
    deliver("zsj/网格划分信息_1.csv", HEADER + GOOD + "440304001901010,东园10,东园社区,李,大明\n")
    assert _load(project).rows_quarantined == 1

    def edit(sheet: openpyxl.worksheet.worksheet.Worksheet) -> None:
        for column, value in zip("CDEF", ("440304001901010", "东园10", "东园社区", "李大明"), strict=True):
            sheet[f"{column}2"] = value

    take_back(project, _edited(project, tmp_path / "back.xlsx", edit))
    assert _load(project).rows_accepted == 13
    assert list_quarantine(project, project.catalog.items) == []
