"""Suites for others to read: as JSON that great-expectations loads by itself, and as pages that open offline."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from fudata_pipeline.catalog import CatalogError, load_catalog
from fudata_pipeline.load.item import load_item
from fudata_pipeline.project import Project
from fudata_pipeline.quality.docs import write_docs
from fudata_pipeline.quality.export import export_suites
from fudata_pipeline.settings import Settings

from ..conftest import FEW_ROWS, ROOT

ITEM = "zsj.grid_division"
GRIDS = "网格编码,网格名称,所属社区编码,网格员\n" + "".join(
    f"44030400190100{n},东园0{n},东园社区,王小明\n" for n in range(1, 10)
)


@pytest.fixture
def loaded(tmp_path: Path) -> Project:
    catalog = load_catalog(ROOT / "catalog")
    project = Project.of(Settings(home=ROOT, data=tmp_path / "data", scale=FEW_ROWS), catalog)
    file = project.settings.inbox_dir / "zsj" / "网格划分信息_1.csv"
    file.parent.mkdir(parents=True)
    file.write_text(GRIDS, "utf-8")
    assert load_item(project, catalog.items_by_id[ITEM]).verdict == "promoted"
    return project


def test_great_expectations_reads_and_runs_an_exported_suite(loaded: Project, tmp_path: Path) -> None:
    import great_expectations as gx

    item = loaded.catalog.items_by_id[ITEM]
    assert export_suites(loaded.catalog, [item], tmp_path / "suites") == 1
    said = json.loads((tmp_path / "suites" / f"{ITEM}.json").read_text("utf-8"))
    standard = [e for e in said["expectations"] if e["type"].endswith(("_null", "_in_set", "_match_set"))]
    assert len(standard) >= 4
    suite = gx.ExpectationSuite(name=said["name"], expectations=standard, meta=said["meta"])
    frame = pd.DataFrame(
        {
            "grid_code": ["440304001901001"],
            "grid_name": ["东园01"],
            "community_code": ["440304001001"],
            "grid_staff": ["王小明"],
            "_outcome": ["accepted"],
        }
    )
    frame = frame.reindex(columns=[*item.columns, "_outcome"], fill_value="x")
    frame["community_code"] = sorted(loaded.catalog.codes["community"].titles)[0]
    context = gx.get_context(mode="ephemeral")
    batch = context.data_sources.add_pandas("p").add_dataframe_asset("a").add_batch_definition_whole_dataframe("b")
    assert batch.get_batch({"dataframe": frame}).validate(suite).success


def test_data_docs_open_offline_and_show_no_value(loaded: Project, tmp_path: Path) -> None:
    item = loaded.catalog.items_by_id[ITEM]
    assert write_docs(loaded, loaded.catalog.items, tmp_path / "docs") == 1
    page = (tmp_path / "docs" / "items" / f"{ITEM}.html").read_text("utf-8")
    index = (tmp_path / "docs" / "index.html").read_text("utf-8")
    assert "网格划分信息" in index
    assert "网格编码" in page
    for text in (page, index):
        assert re.findall(r"""(?:src|href)=["']?(?:https?:)?//[^"' >]*""", text) == []
        assert "<script" not in text
        assert "王小明" not in text
        assert "440304001901" not in text
    assert write_docs(loaded, [item], tmp_path / "docs") == 0  # nothing has been loaded since
    load_item(loaded, item, again=True)
    assert write_docs(loaded, [item], tmp_path / "docs") == 1


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("zsj.no_such.json", "{}", "没有数据项 zsj.no_such"),
        (f"{ITEM}.json", "{", "不是有效的 JSON"),
        (f"{ITEM}.json", "{}", "没有 expectations 列表"),
        (
            f"{ITEM}.json",
            '{"expectations": [{"type": "expect_x", "kwargs": {}, "severity": "fatal"}]}',
            "Input should be",
        ),
        (
            f"{ITEM}.json",
            '{"expectations": [{"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "grid"}}]}',
            "没有列 grid",
        ),
    ],
)
def test_a_wrong_suite_is_found_with_its_file(tmp_path: Path, name: str, content: str, said: str) -> None:
    shutil.copytree(ROOT / "catalog", tmp_path / "catalog")
    (tmp_path / "catalog" / "expectations" / name).write_text(content, "utf-8")
    with pytest.raises(CatalogError) as error:
        load_catalog(tmp_path / "catalog")
    assert any(f.file == f"expectations/{name}" and said in f.message for f in error.value.findings)


def test_what_great_expectations_does_not_know_is_found(tmp_path: Path) -> None:
    from fudata_pipeline.quality.gx import check_suites

    shutil.copytree(ROOT / "catalog", tmp_path / "catalog")
    suite = [
        {"type": "expect_miracles", "kwargs": {}},
        {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "grid_code", "mostly": 7}},
        {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "grid_code"}},
    ]
    (tmp_path / "catalog" / "expectations" / f"{ITEM}.json").write_text(json.dumps({"expectations": suite}), "utf-8")
    findings = check_suites(load_catalog(tmp_path / "catalog"))
    assert [f.path for f in findings] == [("expectations", "0"), ("expectations", "1")]
    assert "expect_miracles" in findings[0].message


def test_a_suite_of_ones_own_is_part_of_the_contract(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "catalog", tmp_path / "catalog")
    before = load_catalog(tmp_path / "catalog")
    suite = [{"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "grid_name"}}]
    (tmp_path / "catalog" / "expectations" / f"{ITEM}.json").write_text(json.dumps({"expectations": suite}), "utf-8")
    after = load_catalog(tmp_path / "catalog")
    item = before.items_by_id[ITEM]
    assert after.contract(item) != before.contract(item)
    assert after.version != before.version
