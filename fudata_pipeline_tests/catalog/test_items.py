"""Every declared item: what the annual report counts, the examples, the attributes that a catalog entry must have."""

from __future__ import annotations

from pathlib import Path

import pytest

from fudata_pipeline.catalog import Catalog
from fudata_pipeline.engine.duckdb import connect
from fudata_pipeline.load.examples import check_examples
from fudata_pipeline.settings import Settings

from ..conftest import ROOT

UNITS = [f"{n:03d}" for n in range(1, 68)]


def test_the_catalog_is_the_size_of_the_annual_report(catalog: Catalog) -> None:
    """67 units, 2,137 data items, 1.037 billion rows; 340 million of them epidemic records; 14 block-data units."""
    assert len(catalog.units) == 67
    assert len(catalog.items) == 2137
    assert sum(i.records or 0 for i in catalog.items) == 1_037_000_000
    assert sum(i.records or 0 for i in catalog.items if "epidemic" in i.topics) == 340_000_000
    block = {u.id for u in catalog.units if u.block_data}
    assert len(block) == 14
    placed = [i for i in catalog.items if "block_data" in i.topics]
    assert {i.unit for i in placed} == block
    assert {b.model for b in catalog.bases} == {"population", "legal_entity", "housing"}


def test_every_item_says_what_a_catalog_entry_must_say(catalog: Catalog) -> None:
    for item in catalog.items:
        assert item.records is not None, item.id
        assert item.published, item.id
        assert 10 <= len(item.summary) <= 500, item.id
        assert catalog.examples(item)[0].given, item.id


def test_every_unit_has_a_sound_credit_code_and_its_own_classes(catalog: Catalog, tmp_path: Path) -> None:
    with connect(Settings(home=ROOT, data=tmp_path)) as con:
        codes = [u.uscc for u in catalog.units]
        assert con.execute("SELECT bool_and(is_uscc(c)) FROM (SELECT unnest($1) AS c)", [codes]).fetchone() == (True,)
    for unit in catalog.units:
        used = {i.code.split("/")[0][6:] for i in catalog.items_of(unit.id)}
        assert used == set(unit.classes), unit.id
        assert {i.code[:6] for i in catalog.items_of(unit.id)} == {f"308{unit.number}"}


def test_block_data_items_can_be_placed(catalog: Catalog) -> None:
    """Each carries a code or an address that leads to a place."""
    places = {"house_code", "building_code", "grid_code"}
    lost = [
        item.id
        for item in catalog.items
        if "block_data" in item.topics
        and not any(
            f.field.type in places or "address" in f.field.name or "community" in f.field.name for f in item.fields
        )
    ]
    assert lost == []


@pytest.mark.parametrize("number", UNITS)
def test_examples_hold(catalog: Catalog, number: str, tmp_path: Path) -> None:
    unit = next(u for u in catalog.units if u.number == number)
    with connect(Settings(home=ROOT, data=tmp_path)) as con:
        found = [f for item in catalog.items_of(unit.id) for f in check_examples(con, catalog, item)]
    assert [str(f) for f in found] == []


def test_a_wrong_example_is_found(catalog: Catalog, tmp_path: Path) -> None:
    item = catalog.items_by_id["gaj.hukou_population"]
    example = item.examples[0]
    lying = example.model_copy(update={"gives": {"sex": "2"}, "breaks": ("required",)})
    with connect(Settings(home=ROOT, data=tmp_path)) as con:
        findings = check_examples(con, catalog, item.model_copy(update={"examples": (lying,)}))
    assert len(findings) == 2
    assert "sex 应得 '2'，实得 '1'" in str(findings[0])
