"""The versions of an item on disk: what each load accepted and set aside, and the rows that are current.

The only place that knows how they lie there; whoever reads them does it through these functions.
"""

from __future__ import annotations

from pathlib import Path

from fudata_pipeline.engine.sql import literal, parquet
from fudata_pipeline.lake import files
from fudata_pipeline.lake.registry import Row
from fudata_pipeline.project import Project

ACCEPTED = "accepted.parquet"
QUARANTINE = "quarantine.parquet"


def version_dir(project: Project, load: Row) -> Path:
    """Folder of what a load accepted and set aside."""
    unit, name = load["item"].split(".", 1)
    return files.item_dir(project.settings, unit, name, "versions") / load["load_id"]


def accepted_rows(folder: Path) -> str:
    """A table of what one load accepted: ``_line`` and the item's typed columns."""
    return parquet(folder / ACCEPTED)


def current_rows(project: Project, load: Row) -> str:
    """A table of the rows of an item, as of its current ``load``: ``_load_id``, ``_line`` and the typed columns."""
    return f"(SELECT {literal(load['load_id'])} AS _load_id, * FROM {accepted_rows(version_dir(project, load))})"
