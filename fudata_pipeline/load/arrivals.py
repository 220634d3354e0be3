"""What of an item is to be judged: new files of the inbox, and deliveries that must be judged once more.

A delivery is one file of the inbox. Where the declared path has a ``*``, files have names of their own, and new content
under a known name corrects the delivery of that name. Where it has none, each new content is a delivery of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fudata_pipeline.catalog.model import Item
from fudata_pipeline.lake.registry import Row
from fudata_pipeline.load.corrections import fingerprint
from fudata_pipeline.load.deliveries import PROMOTED, file_names
from fudata_pipeline.load.result import INTERNAL_ERROR
from fudata_pipeline.project import Project
from fudata_pipeline.sources import delivery_order, find_deliveries
from fudata_pipeline.sources.delivery import Order


@dataclass(frozen=True)
class Arrived:
    """A file to be judged, and ``name``, its path below its unit's folder."""

    file: Path
    name: str


@dataclass(frozen=True)
class Again:
    """A delivery to be judged once more; ``load``: its newest judgement."""

    load: Row


def order(load: Row) -> Order:
    """What an item's deliveries are sorted by. Content that came again under other names stands where it came last."""
    return max(delivery_order(name) for name in (load["delivery"] or "", *(name for name, _ in load["repeats"])))


def newest_judgements(loads: Iterable[Row]) -> list[Row]:
    """The newest judgement of each delivery, in the order of deliveries. ``loads``: oldest first."""
    found = {load["delivery"]: load for load in loads if load["sha256"] and load["delivery"]}
    return sorted(found.values(), key=order)


def standing(loads: Iterable[Row]) -> list[Row]:
    """Of each delivery the newest judgement that was good, in the order of deliveries: together they are current."""
    return newest_judgements([load for load in loads if load["verdict"] == PROMOTED])


def delivery_of(item: Item, arrived: Arrived, sha256: str, loads: list[Row]) -> str:
    """The name of the delivery that a file is; ``loads``: newest judgements, in order."""
    if any(c in item.source.path for c in "*?["):
        return arrived.name
    if not loads:
        return f"{arrived.name}#1"
    last = str(loads[-1]["delivery"])
    return last if loads[-1]["sha256"] == sha256 else f"{arrived.name}#{int(last.rpartition('#')[2]) + 1}"


def new_files(project: Project, item: Item) -> list[Arrived]:
    """The files of the inbox that have changed since they were dealt with, oldest first.

    Of an item whose deliveries replace each other those older than the current version say nothing any more.
    """
    folder = project.settings.inbox_dir / item.unit
    known = project.registry.arrivals(item.id)
    found = []
    for file in find_deliveries(project.settings.inbox_dir, item.unit, item.source):
        name, stat = file.relative_to(folder).as_posix(), file.stat()
        if known.get(name) != (stat.st_size, stat.st_mtime_ns):
            found.append(Arrived(file, name))
    if found and not item.load.merges:
        current = project.registry.current_load(item.id)
        if current is not None:
            since = max(delivery_order(name)[0] for name in file_names(current))
            found = [f for f in found if delivery_order(f.name)[0] >= since]
    return found


def judgements(project: Project, item: Item, last: Row | None) -> list[Row]:
    """The newest judgements that still count, in the order of deliveries; ``last``: the newest load of all."""
    if item.load.merges or (last is not None and not last["sha256"]):  # a process was lost: what came before it counts
        found = newest_judgements(project.registry.judgements(item.id))
        return found if item.load.merges else found[-1:]
    return [last] if last is not None else []


def wrong(load: Row) -> bool:
    """Something was wrong with the delivery, and may be right by today's declarations."""
    return bool(load["rows_quarantined"]) or load["verdict"] != PROMOTED


def to_judge(
    project: Project, item: Item, last: Row | None, contract: str, *, again: bool = False
) -> list[Arrived | Again]:
    """What is to be judged now, in its order; with ``again`` instead the deliveries that something was wrong with."""
    loads = judgements(project, item, last)
    if again:
        some = [load for load in loads if wrong(load)]
        return [Again(load) for load in (some if item.load.merges and some else loads[-1:])]
    arrived = new_files(project, item)
    if arrived and not item.load.merges:
        return list(arrived)
    shape, names = project.catalog.shape(item), {a.name for a in arrived}
    corrected: dict[str, list[Row]] = {}
    for row in project.registry.corrections(item.id):
        corrected.setdefault(row["sha256"], []).append(row)
    newest = max((load["seq"] for load in loads), default=None)
    stale = [
        Again(load)
        for load in loads
        if load["delivery"] not in names
        and (
            load["verdict"] == INTERNAL_ERROR
            or load["shape"] != shape
            or load["corrected"] != fingerprint(corrected.get(load["sha256"], ()))
            or (load["seq"] == newest and load["contract"] != contract)
        )
    ]
    return [*stale, *arrived]
