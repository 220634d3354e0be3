"""The versions of an item on disk: what each load accepted and set aside, and the rows that are current.

The only place that knows how they lie there; whoever reads them does it through these functions.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fudata_pipeline.engine.sql import literal, parquet, parquet_files
from fudata_pipeline.lake import files
from fudata_pipeline.lake.registry import Row
from fudata_pipeline.project import Project

ACCEPTED = "accepted.parquet"
JUDGED = "judged.parquet"
"""In place of it, of a long delivery: all its rows as they were judged while they were parsed, in its order. Not accepted
are those of ``_set_aside`` and, of ``LEFT_OUT``, those that other rows have decided about."""
LEFT_OUT = "left_out.parquet"
QUARANTINE = "quarantine.parquet"
CURRENT = "current"
"""Folder in that of a load, where the item's deliveries add up: the rows that have been current since."""
MANIFEST = "manifest.json"
"""In it: ``shape``; ``loads``, whose rows are current, in order; ``parts``, the files of them, also those of earlier loads."""


def version_dir(project: Project, load: Row) -> Path:
    """Folder of what a load accepted and set aside."""
    unit, name = load["item"].split(".", 1)
    return files.item_dir(project.settings, unit, name, "versions") / load["load_id"]


def accepted_rows(folder: Path) -> str:
    """A table of what one load accepted: ``_line`` and the item's typed columns."""
    if not (folder / JUDGED).exists():
        return parquet(folder / ACCEPTED)
    left_out = folder / LEFT_OUT
    others = f"WHERE _line NOT IN (SELECT _line FROM {parquet(left_out)})" if left_out.exists() else ""
    return (
        "(FROM (SELECT _head + 1 + file_row_number AS _line, COLUMNS(c -> NOT starts_with(c, '_') AND c <> 'file_row_number') "
        f"FROM {parquet_files([folder / JUDGED], 'file_row_number = true')} WHERE NOT _set_aside) {others})"
    )


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of the version that a load made; None where it is what the load accepted."""
    file = folder / CURRENT / MANIFEST
    return json.loads(file.read_text("utf-8")) if file.exists() else None


def current_rows(project: Project, load: Row) -> str:
    """A table of the rows of an item, as of its current ``load``: ``_load_id``, ``_line`` and the typed columns."""
    folder = version_dir(project, load)
    if manifest := read_manifest(folder):
        return parquet_files([folder.parent / p["load_id"] / CURRENT / p["file"] for p in manifest["parts"]])
    return f"(SELECT {literal(load['load_id'])} AS _load_id, * FROM {accepted_rows(folder)})"
