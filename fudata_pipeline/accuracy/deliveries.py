"""Which delivery each of the pipeline's loads came from, and where its truth is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fudata_pipeline.lake.registry import Row
from fudata_pipeline.load.version import version_dir
from fudata_pipeline.project import Project
from fudata_pipeline.synthetic.district import District


@dataclass(frozen=True)
class Delivered:
    """One load of a rendered delivery. ``expects``: the rule by which the file must be refused, or nothing."""

    item: str
    night: int
    load: Row
    what: str
    expects: str
    truth: Path
    version: Path


def nights_of(district: District) -> list[int]:
    """The nights that were rendered."""
    night, found = 0, []
    while (district.truth(night) / "files.json").exists():
        found.append(night)
        night += 1
    return found


def delivered(project: Project, district: District) -> list[Delivered]:
    """Every load whose file is a delivery of the district, oldest first."""
    by_name: dict[tuple[str, str], tuple[int, dict[str, Any]]] = {}
    for night in nights_of(district):
        for item, told in json.loads((district.truth(night) / "files.json").read_text("utf-8")).items():
            if told["file"]:
                by_name[item, Path(told["file"]).name] = night, told
    found = []
    for load in project.registry.all_loads():
        night, told = by_name.get((load["item"], load["file_name"]), (-1, {}))
        if night >= 0:
            unit, name = load["item"].split(".", 1)
            truth = district.truth(night) / unit / f"{name}.parquet"
            found.append(
                Delivered(load["item"], night, load, told["what"], told["expects"], truth, version_dir(project, load))
            )
    return found


def current(project: Project, found: list[Delivered]) -> dict[str, Delivered]:
    """item -> the delivery that is its current version."""
    ids = {load["load_id"] for load in project.registry.current_loads().values()}
    return {d.item: d for d in found if d.load["load_id"] in ids}
