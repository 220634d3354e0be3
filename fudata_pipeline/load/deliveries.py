"""The deliveries of an item as its loads tell them: when each came, and what became of it.

A load judges a delivery; a replay or a changed declaration judges the same delivery again. A file that brings the last
content once more is a delivery too: the unit did its part, though there was nothing to load.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

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
    runs: list[list[Row]] = []
    newest: dict[str | None, list[Row]] = {}
    for load in loads:
        if not load["sha256"]:  # no file was taken in: a process was lost
            continue
        run = newest.get(load["delivery"])
        if run is None or run[-1]["sha256"] != load["sha256"]:  # else the same content, judged again
            run = newest[load["delivery"]] = []
            runs.append(run)
        run.append(load)
    return sorted((d for run in runs for d in _arrivals(tuple(run))), key=lambda d: d.arrived_at)


def _arrivals(loads: tuple[Row, ...]) -> Iterator[Delivery]:
    yield Delivery(loads[0]["loaded_at"], loads[0]["file_name"], loads)
    for load in loads:
        for name, at in load["repeats"]:
            yield Delivery(datetime.fromisoformat(at), name, loads, repeat=True)


def since_last_good(loads: Iterable[Row], delivery: str, sha256: str, today: date) -> tuple[date | None, date]:
    """For a delivery that is judged today: when the good one before it came, and when it came itself.

    Judged once more, it came when it was first taken in.
    """
    found = deliveries(loads)
    mine = next(
        (d.loads for d in found if (d.loads[-1]["delivery"], d.loads[-1]["sha256"]) == (delivery, sha256)), None
    )
    arrived = mine[0]["loaded_at"].date() if mine else today
    before = [d.arrived_at.date() for d in found if d.loads is not mine and d.good()]
    return max((day for day in before if day <= arrived), default=None), arrived
