"""Every declared item: it compiles, its examples hold, its template is usable."""

from __future__ import annotations

from pathlib import Path

import pytest

from fudata_pipeline.catalog import Catalog, Item, load_catalog
from fudata_pipeline.engine.duckdb import connect
from fudata_pipeline.load.examples import check_examples
from fudata_pipeline.settings import Settings

from ..conftest import ROOT

ITEMS = load_catalog(ROOT / "catalog").items


def test_the_spine_has_twelve_items_of_six_units(catalog: Catalog) -> None:
    assert len(catalog.items) >= 12
    assert len({i.unit for i in catalog.items}) >= 6
    assert {b.model for b in catalog.bases} == {"population", "legal_entity", "housing"}


@pytest.mark.parametrize("item", ITEMS, ids=lambda i: i.id)
def test_examples_hold(catalog: Catalog, item: Item, tmp_path: Path) -> None:
    assert item.examples, f"{item.id} has no example"
    with connect(Settings(home=ROOT, data=tmp_path)) as con:
        assert check_examples(con, catalog, item) == []


def test_a_wrong_example_is_found(catalog: Catalog, tmp_path: Path) -> None:
    item = catalog.items_by_id["gaj.hukou_population"]
    example = item.examples[0]
    lying = example.model_copy(update={"gives": {"sex": "2"}, "breaks": ("required",)})
    with connect(Settings(home=ROOT, data=tmp_path)) as con:
        findings = check_examples(con, catalog, item.model_copy(update={"examples": (lying,)}))
    assert len(findings) == 2
    assert "sex 应得 '2'，实得 '1'" in str(findings[0])
