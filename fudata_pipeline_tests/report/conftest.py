"""A registry with a past: loads written as the loader writes them, on any day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from fudata_pipeline.project import Project
from fudata_pipeline.quality.score import weigh

Record = Callable[..., str]


@pytest.fixture
def record(project: Project) -> Record:
    """``record("gaj.hukou_population", "2022-10-03", verdict=…, rows=(in, accepted, quarantined), dimensions=…)``."""

    def write(
        item: str,
        day: str,
        verdict: str = "promoted",
        *,
        rows: tuple[int, int, int] = (100, 100, 0),
        dimensions: dict[str, float] | None = None,
        **values: Any,
    ) -> str:
        number = len(project.registry.judgements())
        refused = verdict == "refused_contract"
        found = dimensions if dimensions is not None else {"可访问性": 0.0} if refused else {"完整性": 100.0}
        load = {
            "load_id": f"{item}@{number}",
            "unit": item.split(".")[0],
            "item": item,
            "loaded_at": datetime.fromisoformat(day),
            "file_name": f"{number}.csv",
            "sha256": f"{number:064}",
            "contract": "test",
            "verdict": verdict,
            "reason": "交付文件为空（empty_delivery） → 请确认查询条件后重新导出" if refused else "",
            "rows_in": 0 if refused else rows[0],
            "rows_accepted": 0 if refused else rows[1],
            "rows_quarantined": 0 if refused else rows[2],
            "rows_duplicate": 0,
            "score": weigh(project.catalog.district, found),
            "dimensions": found,
            "repeats": [],
            "rules": [],
            "gate": [],
            "warnings": [],
        }
        project.registry.record_load(load | values, promote=verdict == "promoted")
        return str(load["load_id"])

    return write
