"""Deliveries whose columns are not the declared ones: refused, or loaded and put to decision, as the item declares."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

from fudata_pipeline.catalog import load_catalog
from fudata_pipeline.catalog.edit import NotEdited, approve_column, ignore_header
from fudata_pipeline.catalog.lint import lint
from fudata_pipeline.catalog.loading import Drift
from fudata_pipeline.load.drift import NotDelivered, drifted, open_header
from fudata_pipeline.load.item import load_item
from fudata_pipeline.load.version import current_rows
from fudata_pipeline.project import Project
from fudata_pipeline.settings import Settings

from ..conftest import FEW_ROWS, ROOT

ITEM = "zsj.grid_division"
GRIDS = "网格编码,网格名称,所属社区编码,网格员,成立日期,备注\n" + "".join(
    f"44030400190100{n},东园0{n},东园社区,王小明,2022-10-0{n},重点\n" for n in range(1, 10)
)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project with a catalog of its own, and one delivery with two columns that nobody declared."""
    shutil.copytree(ROOT / "catalog", tmp_path / "catalog")
    opened = _open(tmp_path)
    file = opened.settings.inbox_dir / "zsj" / "网格划分信息_1.csv"
    file.parent.mkdir(parents=True)
    file.write_text(GRIDS, "utf-8")
    return opened


def _open(home: Path) -> Project:
    settings = Settings(home=home, data=home / "data", scale=FEW_ROWS)
    return Project.of(settings, load_catalog(settings.catalog_dir))


def _with(project: Project, drift: Drift) -> Project:
    items = tuple(i.model_copy(update={"drift": drift}) if i.id == ITEM else i for i in project.catalog.items)
    return Project(project.settings, project.catalog.model_copy(update={"items": items}), project.registry)


def test_what_is_not_declared_is_loaded_without_and_put_to_decision(project: Project) -> None:
    item = project.catalog.items_by_id[ITEM]
    result = load_item(project, item)
    assert result.verdict == "promoted"
    assert [w for w in result.warnings if "未申报" in w] == ["出现目录未申报的列：成立日期", "出现目录未申报的列：备注"]
    assert [(d.header, d.file_name) for d in drifted(project, [item]) if d.header] == [
        ("成立日期", "网格划分信息_1.csv"),
        ("备注", "网格划分信息_1.csv"),
    ]
    assert open_header(project, item, " 备注") == "备注"
    with pytest.raises(NotDelivered, match="待定的有：成立日期、备注"):
        open_header(project, item, "没有的列")


def test_an_approved_column_is_filled_from_the_kept_delivery(project: Project, tmp_path: Path) -> None:
    item = project.catalog.items_by_id[ITEM]
    load_item(project, item)
    before = (tmp_path / "catalog" / "items" / "zsj.yaml").read_text("utf-8")
    file = approve_column(project.settings.catalog_dir, project.catalog, item, "成立日期", "established_date", None)
    after = (tmp_path / "catalog" / file).read_text("utf-8")
    assert len(after.splitlines()) - len(before.splitlines()) in (0, 1)  # nothing else has moved
    changed = set(after.splitlines()) - set(before.splitlines())
    assert len(changed) == 1
    assert "established_date" in changed.pop()
    again = _open(tmp_path)
    (again.settings.inbox_dir / "zsj" / "网格划分信息_1.csv").unlink()  # the kept delivery is enough
    result = load_item(again, again.catalog.items_by_id[ITEM])
    assert (result.verdict, result.repeated) == ("promoted", False)
    load = again.registry.current_load(ITEM)
    assert load is not None
    rows = duckdb.sql(f"SELECT min(established_date), count(*) FROM {current_rows(again, load)}").fetchall()
    assert [(str(a), n) for a, n in rows] == [("2022-10-01", 9)]
    assert [d.header for d in drifted(again, [again.catalog.items_by_id[ITEM]]) if d.header] == ["备注"]


def test_an_ignored_header_is_never_heard_of_again(project: Project, tmp_path: Path) -> None:
    item = project.catalog.items_by_id[ITEM]
    load_item(project, item)
    for header in ("备注", "成立日期"):  # the second is added to the list of the first
        opened = _open(tmp_path)
        ignore_header(opened.settings.catalog_dir, opened.catalog, opened.catalog.items_by_id[ITEM], header)
    again = _open(tmp_path)
    assert again.catalog.items_by_id[ITEM].drift == Drift(ignored=("备注", "成立日期"))
    assert drifted(again, [again.catalog.items_by_id[ITEM]]) == []
    result = load_item(again, again.catalog.items_by_id[ITEM])
    assert (result.verdict, [w for w in result.warnings if "未申报" in w]) == ("promoted", [])


def test_an_item_may_refuse_whatever_differs(project: Project) -> None:
    strict = _with(project, Drift(policy="refuse", ignored=("备注",)))
    result = load_item(strict, strict.catalog.items_by_id[ITEM])
    assert result.verdict == "refused_contract"
    assert "（schema_drift）。多出未申报的列：成立日期 →" in result.reason
    lenient = _with(project, Drift(policy="refuse", ignored=("备注", "成立日期")))
    assert load_item(lenient, lenient.catalog.items_by_id[ITEM]).verdict == "promoted"


def test_what_cannot_be_approved_leaves_the_file_as_it_was(project: Project, tmp_path: Path) -> None:
    item = project.catalog.items_by_id[ITEM]
    file = tmp_path / "catalog" / "items" / "zsj.yaml"
    before = file.read_bytes()
    for field, name, said in (
        ("no_such_field", None, "字典里没有字段"),
        ("grid_code", None, "已有列 grid_code"),
        ("established_date", "Not A Name", "已恢复原文"),
    ):
        with pytest.raises(NotEdited, match=said):
            approve_column(project.settings.catalog_dir, project.catalog, item, "成立日期", field, name)
        assert file.read_bytes() == before


def test_a_declared_header_cannot_be_ignored(project: Project) -> None:
    catalog = _with(project, Drift(ignored=("网格名称",))).catalog
    assert any("忽略的表头 网格名称 是列" in f.message for f in lint(catalog))


@pytest.mark.parametrize("name", ["grid_division", "house", "place_code", "citizen_request"])
def test_a_column_can_be_added_however_the_item_is_laid_out(project: Project, tmp_path: Path, name: str) -> None:
    item = project.catalog.items_by_id[f"zsj.{name}"]
    approve_column(project.settings.catalog_dir, project.catalog, item, "新增日期", "established_date", "newly_added")
    added = _open(tmp_path).catalog.items_by_id[item.id].column("newly_added")
    assert (added.headers, added.optional_column) == (("新增日期",), True)
