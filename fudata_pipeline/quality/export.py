"""Suites as JSON files that great-expectations reads by itself."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.catalog.model import Item
from fudata_pipeline.quality.suite import expectations

OWN = "expect_column_values_to_satisfy_macro"
NOTE = (
    "表为一次交付的全部行：数据项的列，以及 _outcome（accepted 或 quarantined）。"
    f"{OWN} 是本项目的期望：先 import fudata_pipeline.quality.gx，并在 DuckDB 连接上装好标准宏。"
)


def suite_json(catalog: Catalog, item: Item) -> dict[str, Any]:
    """The suite of an item as ``great_expectations.ExpectationSuite(**…)`` takes it: what depends on an earlier load or on
    the day is not in it."""
    return {"name": item.id, "expectations": expectations(catalog, item, None), "meta": {"notes": NOTE}}


def export_suites(catalog: Catalog, items: Iterable[Item], folder: Path) -> int:
    """Write ``<unit>.<item>.json`` for each item; returns how many."""
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for item in items:
        text = json.dumps(suite_json(catalog, item), ensure_ascii=False, indent=2)
        (folder / f"{item.id}.json").write_text(f"{text}\n", "utf-8")
        count += 1
    return count
