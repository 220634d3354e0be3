"""The model that a base table's rows are matched by: what it knows, and how it is forgotten."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from fudata_pipeline.catalog.bases import BaseTable
from fudata_pipeline.models.review.pairs import NotReviewed, built_state, matching_of
from fudata_pipeline.models.state import folder
from fudata_pipeline.project import Project
from fudata_pipeline.settings import TIMEZONE, now


@dataclass(frozen=True)
class InUse:
    """``learned``: the model as ``matching.train`` made it; ``forgotten``: the next build learns another."""

    file: Path
    made_at: datetime
    learned: dict[str, Any]
    forgotten: bool

    @property
    def levels(self) -> list[dict[str, Any]]:
        return [{k: v for k, v in level.items() if k != "sql"} for level in self.learned["levels"]]


def model_in_use(project: Project, base: BaseTable) -> InUse:
    """Raises NotReviewed: for a table that is not matched or not built, or while none of its rows lacks an identifier."""
    matching_of(project, base)
    state = built_state(project, base)
    if not state.model:
        raise NotReviewed(
            f"基础表 {base.table} 还没有匹配模型：没有缺少标识的行 → 载入这样的数据项后运行 fudata publish"
        )
    file = folder(project, base) / state.model
    made_at = datetime.fromtimestamp(file.stat().st_mtime, TIMEZONE).replace(tzinfo=None, microsecond=0)
    forgotten = project.registry.models_forgotten(base.table) != state.forgotten
    return InUse(file, made_at, json.loads(file.read_text("utf-8")), forgotten)


def forget(project: Project, base: BaseTable, by: str) -> InUse:
    """Have the next build learn another model and decide all rows with it; judgements hold on. Returns the one that is given up.

    Once is enough: a model that is forgotten already is not forgotten twice. Raises NotReviewed: as :func:`model_in_use`.
    """
    used = model_in_use(project, base)
    if not used.forgotten:
        project.registry.forget_model(base.table, by[:80], now())
    return used
