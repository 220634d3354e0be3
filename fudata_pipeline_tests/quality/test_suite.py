from __future__ import annotations

import json
import subprocess
import sys

import pytest

from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.catalog.model import Item
from fudata_pipeline.quality.suite import expectations, identifier_macro


def by_column(suite: list[dict], column: str) -> list[dict]:
    return [e for e in suite if e["kwargs"].get("column") == column]


def test_a_suite_is_plain_json_with_a_chinese_title_for_each(catalog: Catalog, item: Item) -> None:
    suite = expectations(catalog, item, last_rows=1000)
    assert json.loads(json.dumps(suite)) == suite
    titles = [e["meta"]["title"] for e in suite]
    assert len(set(titles)) == len(titles)
    assert "入库行数不低于当前版本（1,000 行）的 50%" in titles
    assert "“性别”(sex)在代码表 sex 内的值不低于 60%" in titles


def test_volume_against_the_last_load_only_when_there_is_one(catalog: Catalog, item: Item) -> None:
    with_last, without = (expectations(catalog, item, last) for last in (7, None))
    assert len(with_last) == len(without) + 1
    (added,) = [e for e in with_last if e not in without]
    assert added["kwargs"]["min_value"] == 4  # not below half of 7


def test_bounds_are_numbers_or_iso_dates(catalog: Catalog, item: Item) -> None:
    suite = expectations(catalog, item, None)
    (at,) = by_column(suite, "at")
    assert at["kwargs"] == {"column": "at", "mostly": 0.6, "min_value": 0, "max_value": None}
    month = by_column(suite, "month")[-1]["kwargs"]
    assert (month["min_value"], month["max_value"]) == ("2000-01-01", "2100-01-01")


def test_a_rule_that_only_warns_makes_no_expectation(catalog: Catalog, item: Item) -> None:
    assert identifier_macro(catalog, "resident_id") == "is_resident_id"
    assert identifier_macro(catalog, "phone") is None
    assert [e["kwargs"]["mostly"] for e in by_column(expectations(catalog, item, None), "phone")] == [0.5]
    code = catalog.rules["code"].model_copy(update={"severity": "warn"})
    lenient = catalog.model_copy(update={"rules": catalog.rules | {"code": code}})
    assert by_column(expectations(lenient, item, None), "sex") == []


@pytest.mark.parametrize("module", ["suite", "gate", "score"])
def test_great_expectations_is_imported_only_when_a_load_is_judged(module: str) -> None:
    code = f"import sys, fudata_pipeline.quality.{module}; sys.exit('great_expectations' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
