"""The quarantine as its users meet it: listed without values, exported whole, released by a replay."""

from __future__ import annotations

import stat
from pathlib import Path

import duckdb
import openpyxl
import pytest

from fudata_pipeline.load.item import load_item
from fudata_pipeline.load.quarantine import NotExported, export_quarantine, list_quarantine, replay
from fudata_pipeline.project import Project

from ..conftest import Deliver

GRIDS = "网格编码,网格名称,所属社区编码,网格员\n"
GOOD = "".join(f"44030400190100{n},东园0{n},东园社区,王小明\n" for n in range(1, 10))
BAD = "4403040019,东园10,东园社区,李大明\n440304001901011,东园11,月球社区,\n"


@pytest.fixture
def loaded(project: Project, deliver: Deliver) -> Project:
    deliver("zsj/网格划分信息_1.csv", GRIDS + GOOD + BAD)
    result = load_item(project, project.catalog.items_by_id["zsj.grid_division"])
    assert (result.rows_accepted, result.rows_quarantined) == (9, 2)
    return project


def test_list_tells_lines_and_reasons_but_no_value(loaded: Project) -> None:
    found = list_quarantine(loaded, loaded.catalog.items)
    assert {(q.column, q.rule, q.rows, q.lines) for q in found} == {
        ("grid_code", "grid_code", 1, (11,)),
        ("community_code", "code", 1, (12,)),
    }
    assert all(q.wording and q.cure for q in found)
    assert "李大明" not in str(found)
    assert "月球" not in str(found)


def test_workbook_holds_every_row_with_its_cells(loaded: Project, tmp_path: Path) -> None:
    target = tmp_path / "out" / "zsj.xlsx"
    assert export_quarantine(loaded, loaded.catalog.items, target) == 2
    sheet = openpyxl.load_workbook(target).worksheets[0]
    rows = list(sheet.iter_rows(values_only=True))
    assert rows[0] == ("行号", "问题", "网格编码", "网格名称", "所属社区编码", "网格员", "原始行")
    assert rows[1][0] == 11
    assert rows[1][2:6] == ("4403040019", "东园10", "东园社区", "李大明")
    assert "代码不在代码表中" in rows[2][1]
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_no_cell_of_the_workbook_is_a_formula(project: Project, deliver: Deliver, tmp_path: Path) -> None:
    evil = "=cmd|' /C calc'!A0"
    deliver(
        "zsj/网格划分信息_1.csv",
        GRIDS.replace("网格员", f"网格员,{evil}")
        + GOOD.replace("王小明", "王小明,")
        + f"4403,{evil},东园社区,,{evil}\n",
    )
    load_item(project, project.catalog.items_by_id["zsj.grid_division"])
    export_quarantine(project, project.catalog.items, tmp_path / "zsj.xlsx")
    cells = [c for row in openpyxl.load_workbook(tmp_path / "zsj.xlsx").worksheets[0].iter_rows() for c in row]
    assert [c.value for c in cells if c.data_type == "f"] == []
    assert [c.value for c in cells].count(evil) == 3


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_tables_hold_every_row(loaded: Project, tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"zsj{suffix}"
    assert export_quarantine(loaded, loaded.catalog.items, target) == 2
    rows = duckdb.sql(f"SELECT item, line, rules FROM '{target}' ORDER BY line").fetchall()
    assert rows == [
        ("zsj.grid_division", 11, "grid_code:grid_code"),
        ("zsj.grid_division", 12, "community_code:code"),
    ]
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_export_refuses_what_it_cannot_write_and_leaves_nothing(loaded: Project, tmp_path: Path) -> None:
    with pytest.raises(NotExported, match=r"\.xlsx、\.csv 或 \.parquet"):
        export_quarantine(loaded, loaded.catalog.items, tmp_path / "zsj.docx")
    with pytest.raises(NotExported, match="没有隔离的行"):
        export_quarantine(loaded, loaded.catalog.items_of("gaj"), tmp_path / "gaj.xlsx")
    assert not [p for p in tmp_path.iterdir() if p.suffix in (".docx", ".xlsx", ".tmp")]


def test_replay_releases_what_a_new_alias_explains(loaded: Project) -> None:
    community = loaded.catalog.codes["community"]
    aliases = {**community.aliases, "月球社区": "440304001901"}
    codes = {**loaded.catalog.codes, "community": community.model_copy(update={"aliases": aliases})}
    mended = Project(loaded.settings, loaded.catalog.model_copy(update={"codes": codes}), loaded.registry)
    (done,) = replay(mended, mended.catalog.items)
    assert (done.released, done.after.rows_accepted, done.after.verdict) == (1, 10, "promoted")
    assert list_quarantine(mended, mended.catalog.items)[0].rule == "grid_code"
