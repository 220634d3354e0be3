from __future__ import annotations

from datetime import date

import pytest

from fudata_pipeline.catalog.model import Cycle, District
from fudata_pipeline.quality.freshness import allowed_days, day_of, days_late, freshness


def district(**grace: int) -> District:
    return District(name="福田", code="440304", code_prefix="308", score_weights={}, grace_days=grace)


@pytest.mark.parametrize(
    ("cycle", "last", "on", "late"),
    [
        ("daily", date(2022, 10, 31), date(2022, 11, 1), 0),
        ("daily", date(2022, 10, 31), date(2022, 11, 2), 1),
        ("realtime", date(2022, 12, 31), date(2023, 1, 2), 1),  # judged by the day
        ("weekly", date(2022, 10, 31), date(2022, 11, 7), 0),
        ("weekly", date(2022, 10, 31), date(2022, 11, 8), 1),
        ("monthly", date(2022, 1, 31), date(2022, 3, 3), 0),
        ("monthly", date(2022, 1, 31), date(2022, 3, 4), 1),
        ("monthly", date(2024, 1, 31), date(2024, 3, 2), 0),  # February has a day more
        ("monthly", date(2024, 1, 31), date(2024, 3, 3), 1),
        ("quarterly", date(2022, 10, 1), date(2023, 1, 1), 0),
        ("halfyearly", date(2023, 7, 1), date(2023, 12, 31), 0),
        ("yearly", date(2023, 2, 28), date(2024, 2, 29), 0),
        ("yearly", date(2023, 2, 28), date(2024, 3, 1), 1),
        ("yearly", date(2024, 2, 29), date(2025, 3, 1), 0),
        ("monthly", date(2022, 11, 1), date(2022, 10, 1), 0),  # asked of a day before it came
    ],
)
def test_days_late_around_the_ends_of_months_and_leap_years(cycle: Cycle, last: date, on: date, late: int) -> None:
    assert days_late(district(), cycle, last, on) == late


def test_grace_moves_the_day() -> None:
    last, on = date(2022, 1, 31), date(2022, 3, 10)
    assert days_late(district(monthly=7), "monthly", last, on) == 0
    assert days_late(district(monthly=6), "monthly", last, on) == 1
    assert allowed_days(district(monthly=7), "monthly") == 38


def test_no_lateness_without_a_cycle_or_a_delivery() -> None:
    assert days_late(district(), "irregular", date(2000, 1, 1), date(2022, 1, 1)) is None
    assert days_late(district(), "daily", None, date(2022, 1, 1)) is None
    assert freshness(district(), "irregular", date(2000, 1, 1), date(2022, 1, 1)) is None


def test_freshness_halves_at_twice_the_time_allowed() -> None:
    assert freshness(district(), "weekly", date(2022, 10, 1), date(2022, 10, 8)) == 100.0
    assert freshness(district(), "weekly", date(2022, 10, 1), date(2022, 10, 15)) == 50.0


def test_every_cycle_but_irregular_has_days() -> None:
    declared = District(name="", code="", code_prefix="308", score_weights={})
    assert set(declared.cycle_days) == set(declared.grace_days) == {
        "realtime", "daily", "weekly", "monthly", "quarterly", "halfyearly", "yearly"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("房屋信息_20221031.csv", date(2022, 10, 31)),
        ("2022-10-31 房屋.xlsx", date(2022, 10, 31)),
        ("房屋2022年10月31日.csv", date(2022, 10, 31)),
        ("房屋_20221399_20221030.csv", date(2022, 10, 30)),  # the first is no date
        ("房屋_120221031.csv", date(2022, 11, 5)),  # a number
        ("房屋.csv", date(2022, 11, 5)),
    ],
)
def test_the_day_of_a_delivery(name: str, day: date) -> None:
    assert day_of(name, date(2022, 11, 5)) == day
