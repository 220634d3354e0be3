"""Freshness against the declared cycle: by when an item was due, and by how many days it is late."""

from __future__ import annotations

import re
from datetime import date, timedelta

from fudata_pipeline.catalog.model import Cycle, District, Item


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


def day_of(file_name: str, arrived: date) -> date:
    """The day a delivery is of: that in its file name (``_20221031``, ``2022-10-31``, ``2022年10月31日``), else the day it
    arrived."""
    for year, month, day in re.findall(r"(?<!\d)(20\d\d)[-._年]?(\d\d)[-._月]?(\d\d)(?!\d)", file_name):
        try:
            return date(int(year), int(month), int(day))
        except ValueError:  # digits that are no date
            continue
    return arrived


def newest_row_since(district: District, item: Item, day: date) -> tuple[str, date] | None:
    """The column that tells how new the rows are, and the day since which a delivery of ``day`` must have any.

    None where the item declares no such column (a date as ``latest_by``, or the day of an appended row) or is never late.
    A delivery may hold what has changed since the one before it, so a whole cycle and its grace may lie between.
    """
    column = next((f for f in item.fields if f.name in (item.latest_by, item.load.by)), None)
    allowed = allowed_days(district, item.cycle)
    if column is None or allowed is None or column.field.type not in ("date", "datetime"):
        return None
    return column.name, day - timedelta(days=allowed)
