"""All scores of one project against one district."""

from __future__ import annotations

from typing import Any

from fudata_pipeline.accuracy.defects import score_defects
from fudata_pipeline.accuracy.deliveries import current, delivered
from fudata_pipeline.accuracy.entities import score_linkage, score_placement, score_survivorship
from fudata_pipeline.engine.duckdb import connect
from fudata_pipeline.engine.sql import literal
from fudata_pipeline.project import Project
from fudata_pipeline.synthetic.district import District


class NothingToScore(Exception):
    """The project has loaded none of the district's deliveries."""


def score_accuracy(project: Project, district: District) -> dict[str, Any]:
    """``defects``, ``linkage``, ``survivorship`` and ``placement``; what the pipeline does not do yet says ``not built``.

    Defects are judged over every load, models against the twin of the last night that was loaded.

    Raises:
        NothingToScore: when no load came from the district.
    """
    loads = delivered(project, district)
    if not loads:
        raise NothingToScore(f"没有一次载入来自 {district.folder} → 先把其中的交付放入收件目录并运行 fudata run")
    night = max(load.night for load in loads)
    with connect(project.settings) as con:
        con.execute(f"ATTACH {literal(district.twin(night))} AS twin (READ_ONLY)")
        return {
            "district": {"scale": district.scale, "seed": district.seed, "nights": night + 1, "loads": len(loads)},
            "defects": score_defects(con, project.catalog, loads),
            "linkage": score_linkage(con, project, current(project, loads)),
            "survivorship": score_survivorship(con, project),
            "placement": score_placement(con, project),
        }
