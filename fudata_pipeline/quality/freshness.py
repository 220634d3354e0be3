"""Freshness against the declared cycle: by when an item was due, and by how many days it is late."""

from __future__ import annotations

from datetime import date

from fudata_pipeline.catalog.model import Cycle, District


def allowed_days(district: District, cycle: Cycle) -> int | None:
    """Days from one delivery to the next before the item is late, grace included; None: it never is."""
    days = district.cycle_days.get(cycle)
    return None if days is None else days + district.grace_days.get(cycle, 0)


def days_late(district: District, cycle: Cycle, last: date | None, on: date) -> int | None:
    """Days by which an item that was last good on ``last`` is late on ``on``; 0 in time.

    None where lateness means nothing: a cycle without days, or an item that never had a good delivery, since from
    when on it was due is not declared.
    """
    allowed = allowed_days(district, cycle)
    if allowed is None or last is None:
        return None
    return max(0, (on - last).days - allowed)


def freshness(district: District, cycle: Cycle, last: date | None, on: date) -> float | None:
    """Freshness as a score: 100 in time, else 100 x days allowed / days taken, so 50 at twice the time allowed [A].

    GB/T 36344 (0502) counts the share of data in time; of one delivery that could only be all or nothing, and a day
    late would be as bad as a year.
    """
    late = days_late(district, cycle, last, on)
    allowed = allowed_days(district, cycle)
    if late is None or allowed is None:
        return None
    return round(100 * allowed / (allowed + late), 1) if late else 100.0
