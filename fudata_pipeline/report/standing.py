"""How each item and unit stood at the end of a month, by the registry alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from itertools import pairwise

from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.catalog.model import District, Item, Unit
from fudata_pipeline.lake.registry import Row
from fudata_pipeline.load.deliveries import Delivery, deliveries
from fudata_pipeline.load.result import REFUSED_CONTRACT, REFUSED_GATE
from fudata_pipeline.project import Project
from fudata_pipeline.quality.freshness import days_late, freshness
from fudata_pipeline.quality.score import DIMENSIONS, aged, grade, mean, weigh
from fudata_pipeline.report.month import Month, midnight_after

TREND = 12
"""Points of a trend: deliveries of an item, months of a unit."""


@dataclass(frozen=True)
class ItemStanding:
    """An item as of a day. ``sent``: the deliveries of the month; ``known``: all up to the day, oldest first.

    Its score is the mean over the month's deliveries (the newest earlier one if there was none), each as it was judged
    last, and lowered by what the item has become late since (:func:`.aged`).
    """

    district: District
    item: Item
    month: Month
    as_of: date
    known: tuple[Delivery, ...]

    @cached_property
    def end(self) -> datetime:
        return midnight_after(self.as_of)

    @cached_property
    def sent(self) -> tuple[Delivery, ...]:
        return tuple(d for d in self.known if Month.of(d.arrived_at.date()) == self.month)

    @property
    def last(self) -> Delivery | None:
        return self.known[-1] if self.known else None

    def judged(self, delivery: Delivery) -> Row:
        load = delivery.judged(self.end)
        assert load is not None, "a delivery is known by its first judgement"
        return load

    @property
    def verdict(self) -> Row | None:
        """The judgement of the newest delivery."""
        return self.judged(self.last) if self.last else None

    @cached_property
    def readable(self) -> Row | None:
        """The judgement of the newest delivery whose rows could be read."""
        return next((load for d in reversed(self.known) if (load := self.judged(d))["rows_in"]), None)

    @property
    def refused(self) -> bool:
        """Was the newest delivery refused?"""
        return self.verdict is not None and self.verdict["verdict"] in (REFUSED_CONTRACT, REFUSED_GATE)

    @cached_property
    def last_good(self) -> date | None:
        return next((d.arrived_at.date() for d in reversed(self.known) if d.good(self.end)), None)

    @property
    def overdue(self) -> int:
        """Days by which the item is late on the day."""
        return days_late(self.district, self.item.cycle, self.last_good, self.as_of) or 0

    @cached_property
    def came_late(self) -> int:
        """The most days by which a good delivery of the month came late."""
        good = [d for d in self.known if d.good(self.end)]
        pairs = [(a.arrived_at.date(), b.arrived_at.date()) for a, b in pairwise(good) if b in self.sent]
        return max((days_late(self.district, self.item.cycle, a, b) or 0 for a, b in pairs), default=0)

    @property
    def late(self) -> int:
        return max(self.overdue, self.came_late)

    @cached_property
    def _scored(self) -> list[dict[str, float]]:
        counted = [self.judged(d) for d in self.sent]
        if not any(load["dimensions"] for load in counted):
            counted = [load for d in self.known if (load := self.judged(d))["dimensions"]][-1:]
        fresh = freshness(self.district, self.item.cycle, self.last_good, self.as_of)
        return [aged(self.district, load["dimensions"], fresh) for load in counted if load["dimensions"]]

    @cached_property
    def dimensions(self) -> dict[str, float]:
        return means(self._scored)

    @cached_property
    def score(self) -> float | None:
        return mean(weigh(self.district, dimensions) for dimensions in self._scored)

    @property
    def trend(self) -> tuple[float, ...]:
        """The scores of the last deliveries, as they were judged."""
        loads = [self.judged(d) for d in self.known if not d.repeat]
        return tuple(load["score"] for load in loads if load["score"] is not None)[-TREND:]


def means(scored: Iterable[dict[str, float]]) -> dict[str, float]:
    """Each dimension's mean over those in which it was judged."""
    kept = list(scored)
    found = {d: mean(s.get(d) for s in kept) for d in DIMENSIONS.values()}
    return {d: value for d, value in found.items() if value is not None}


@dataclass(frozen=True)
class UnitStanding:
    """A unit as of a day: its score is the mean of its items', each counting once (see :func:`.mean`).

    Items never delivered have no score and are counted apart: since when they were due is declared nowhere.
    ``on_time``, ``late`` and ``refused`` count items; an item can be both late and refused.
    """

    unit: Unit
    month: Month
    as_of: date
    items: tuple[ItemStanding, ...]
    district: District

    @cached_property
    def delivered(self) -> list[ItemStanding]:
        """Items that were ever delivered."""
        return [s for s in self.items if s.known]

    @property
    def never(self) -> list[ItemStanding]:
        """Items that can be had by their declaration and never were."""
        return [s for s in self.items if not s.known and s.item.availability != "unavailable"]

    @cached_property
    def late(self) -> list[ItemStanding]:
        """The latest first."""
        return sorted((s for s in self.delivered if s.late), key=lambda s: (-s.late, s.item.id))

    @cached_property
    def refused(self) -> list[ItemStanding]:
        return [s for s in self.delivered if s.refused]

    @property
    def on_time(self) -> list[ItemStanding]:
        return [s for s in self.delivered if not s.late and not s.refused]

    @property
    def sent(self) -> int:
        """Deliveries of the month."""
        return sum(len(s.sent) for s in self.items)

    def rows(self, count: str) -> int:
        """One of the ``ROW_COUNTS`` over the month's deliveries; repeats brought no rows."""
        return sum(s.judged(d)[count] for s in self.items for d in s.sent if not d.repeat)

    @property
    def quarantined_share(self) -> float | None:
        rows = self.rows("rows_in")
        return self.rows("rows_quarantined") / rows if rows else None

    @cached_property
    def score(self) -> float | None:
        return mean(s.score for s in self.items)

    @cached_property
    def dimensions(self) -> dict[str, float]:
        return means(s.dimensions for s in self.items)

    @property
    def grade(self) -> str | None:
        return grade(self.district, self.score)

    @property
    def worth_a_report(self) -> bool:
        """Something was sent in the month, or is late."""
        return bool(self.sent or self.late)


class History:
    """Every delivery of every declared item, read from the registry once."""

    def __init__(self, project: Project, today: date) -> None:
        self.catalog: Catalog = project.catalog
        self.today = today
        loads: dict[str, list[Row]] = {}
        for load in project.registry.judgements():
            loads.setdefault(load["item"], []).append(load)
        self._deliveries = {item: deliveries(rows) for item, rows in loads.items() if item in self.catalog.items_by_id}
        self._known: dict[tuple[str, Month], UnitStanding] = {}

    @cached_property
    def months(self) -> list[Month]:
        """The months in which anything was delivered, oldest first."""
        return sorted({Month.of(d.arrived_at.date()) for found in self._deliveries.values() for d in found})

    def standing(self, unit: Unit, month: Month) -> UnitStanding:
        if (unit.id, month) not in self._known:
            as_of = month.as_of(self.today)
            end = midnight_after(as_of)
            district = self.catalog.district
            items = tuple(
                ItemStanding(
                    district,
                    item,
                    month,
                    as_of,
                    tuple(d for d in self._deliveries.get(item.id, ()) if d.arrived_at < end),
                )
                for item in self.catalog.items_of(unit.id)
            )
            self._known[unit.id, month] = UnitStanding(unit, month, as_of, items, district)
        return self._known[unit.id, month]

    def trend(self, unit: Unit, month: Month) -> list[UnitStanding]:
        """The unit's standing in the months up to this one, from the first in which it has a score."""
        run = [self.standing(unit, month.back(n)) for n in reversed(range(TREND))]
        return [s for s in run if s.score is not None]

    def change(self, unit: Unit, month: Month) -> float | None:
        """The change of a unit's score since the month before; None if it has none in either."""
        now, before = self.standing(unit, month).score, self.standing(unit, month.back(1)).score
        return None if now is None or before is None else round(now - before, 1)
