"""The deliveries of an item as its loads tell them: when each came, and what became of it.

A load judges a delivery; a replay or a changed declaration judges the same delivery again. A file that brings the last
content once more is a delivery too: the unit did its part, though there was nothing to load.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

from fudata_pipeline.lake.registry import Row

PROMOTED = "promoted"
"""The verdict of a load that became the item's current version."""


@dataclass(frozen=True)
class Delivery:
    """One arrival of a file. ``loads``: every load that judged its content, oldest first; ``repeat``: brought nothing new."""

    arrived_at: datetime
    file_name: str
    loads: tuple[Row, ...]
    repeat: bool = False

    def judged(self, before: datetime) -> Row | None:
        """The newest judgement of it from before a moment."""
        return next((load for load in reversed(self.loads) if load["loaded_at"] < before), None)

    def good(self, before: datetime = datetime.max) -> bool:
        """Has it become a current version?"""
        return any(load["verdict"] == PROMOTED for load in self.loads if load["loaded_at"] < before)


def file_names(load: Row) -> set[str]:
    """The names under which the content of a load has come."""
    return {load["file_name"], *(name for name, _ in load["repeats"])}


def deliveries(loads: Iterable[Row]) -> list[Delivery]:
    """The deliveries of one item in the order of their arrival, from its loads, oldest first."""
    found: list[Delivery] = []
    for sha256, run in groupby(loads, key=lambda load: load["sha256"]):
        if sha256:  # without one no file was taken in: a process was lost
            found += sorted(_arrivals(tuple(run)), key=lambda d: d.arrived_at)
    return found


def _arrivals(loads: tuple[Row, ...]) -> Iterator[Delivery]:
    yield Delivery(loads[0]["loaded_at"], loads[0]["file_name"], loads)
    for load in loads:
        for name, at in load["repeats"]:
            yield Delivery(datetime.fromisoformat(at), name, loads, repeat=True)


def since_last_good(loads: Iterable[Row], sha256: str, today: date) -> tuple[date | None, date]:
    """For a delivery that is judged today: when the good one before it came, and when it came itself.

    Judged once more, it came when it was first taken in.
    """
    found = deliveries(loads)
    arrived = today
    if found and found[-1].loads[-1]["sha256"] == sha256:
        arrived = found[-1].loads[0]["loaded_at"].date()
        found = [d for d in found if d.loads is not found[-1].loads]
    return next((d.arrived_at.date() for d in reversed(found) if d.good()), None), arrived
