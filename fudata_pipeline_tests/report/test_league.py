"""Standing of items and units in a month, and the league."""

from __future__ import annotations

from datetime import date

import pytest

from fudata_pipeline.project import Project
from fudata_pipeline.report.league import Place, league
from fudata_pipeline.report.month import Month, NotReported
from fudata_pipeline.report.standing import History, ItemStanding

from .conftest import Record

OCTOBER = Month(2022, 10)
MONTHLY, WEEKLY, DAILY = "gaj.hukou_population", "scjg.food_licence", "scjg.market_entity"
LATER = date(2023, 6, 1)


def _item(project: Project, item: str, month: Month = OCTOBER, today: date = LATER) -> ItemStanding:
    declared = project.catalog.items_by_id[item]
    unit = project.catalog.units_by_id[declared.unit]
    standing = History(project, today).standing(unit, month)
    return next(s for s in standing.items if s.item is declared)


def _league(project: Project, month: Month = OCTOBER, today: date = LATER) -> list[Place]:
    return league(History(project, today), month)


def test_the_cycles_these_tests_rest_on(project: Project) -> None:
    assert [project.catalog.items_by_id[i].cycle for i in (MONTHLY, WEEKLY, DAILY)] == ["monthly", "weekly", "daily"]


def test_months() -> None:
    assert Month.parse("2024-02").last == date(2024, 2, 29)
    assert str(Month(2022, 1).back(1)) == "2021-12" and Month(2022, 1).back(13) == Month(2020, 12)
    assert Month(2022, 12).back(-1) == Month(2023, 1)
    assert OCTOBER.as_of(date(2022, 10, 9)) == date(2022, 10, 9)
    for wrong in ("2022", "2022-13", "2022-1", "10-2022", "二〇二二"):
        with pytest.raises(NotReported, match="YYYY-MM"):
            Month.parse(wrong)


def test_an_items_score_is_the_mean_of_its_deliveries_of_the_month(project: Project, record: Record) -> None:
    record(WEEKLY, "2022-09-28", dimensions={"完整性": 10.0})
    record(WEEKLY, "2022-10-05", dimensions={"完整性": 90.0})
    record(WEEKLY, "2022-10-26", "refused_contract")
    record(WEEKLY, "2022-10-30", dimensions={"完整性": 100.0, "准确性": 80.0})
    s = _item(project, WEEKLY)
    assert (len(s.sent), s.score) == (3, 60.0)  # (90 + 0 + 90) / 3
    assert s.dimensions == {"完整性": 95.0, "准确性": 80.0, "可访问性": 0.0}
    assert s.trend == (10.0, 90.0, 0.0, 90.0)


def test_without_a_delivery_the_last_one_counts_less_what_is_late(project: Project, record: Record) -> None:
    record(MONTHLY, "2022-07-01", dimensions={"完整性": 100.0, "时效性": 100.0})
    on_time = _item(project, MONTHLY, Month(2022, 7))
    assert (on_time.late, on_time.score) == (0, 100.0)
    s = _item(project, MONTHLY, Month(2022, 9))
    assert (s.sent, s.overdue) == ((), 91 - 38)  # 1 July to 30 September
    assert s.dimensions["时效性"] == round(100 * 38 / 91, 1)
    assert s.score == round((25 * 100 + 10 * s.dimensions["时效性"]) / 35, 1)


def test_while_a_month_runs_it_is_judged_as_of_today(project: Project, record: Record) -> None:
    record(DAILY, "2022-10-10")
    assert _item(project, DAILY, today=date(2022, 10, 12)).late == 0
    assert _item(project, DAILY, today=date(2022, 10, 14)).late == 2
    assert _item(project, DAILY).late == 31 - 10 - 2


def test_late_and_brought_later_is_told_from_still_late(project: Project, record: Record) -> None:
    record(WEEKLY, "2022-10-01")
    record(WEEKLY, "2022-10-15", "refused_contract")  # stops no clock
    record(WEEKLY, "2022-10-28")
    s = _item(project, WEEKLY)
    assert (s.came_late, s.overdue, s.late) == (27 - 9, 0, 18)


def test_what_happens_after_a_month_changes_nothing_in_it(project: Project, record: Record) -> None:
    record(WEEKLY, "2022-10-26", rows=(100, 90, 10))
    before = _league(project)[0].plain
    record(WEEKLY, "2022-11-02", "refused_contract")
    assert _league(project)[0].plain == before


def test_a_replay_counts_as_the_newest_judgement_not_as_a_delivery(project: Project, record: Record) -> None:
    record(WEEKLY, "2022-10-26", rows=(100, 90, 10), dimensions={"完整性": 80.0}, sha256="a" * 64)
    record(WEEKLY, "2022-10-27", rows=(100, 100, 0), dimensions={"完整性": 90.0}, sha256="a" * 64)
    s = _item(project, WEEKLY)
    assert (len(s.sent), s.score, s.last_good) == (1, 90.0, date(2022, 10, 26))
    assert _league(project)[0].plain["rows_quarantined"] == 0


def test_the_same_content_again_keeps_an_item_in_time(project: Project, record: Record) -> None:
    record(WEEKLY, "2022-10-01", repeats=[["again.csv", "2022-10-27T01:00:00"]])
    s = _item(project, WEEKLY)
    assert (len(s.sent), s.overdue, s.came_late) == (2, 0, 26 - 9)
    assert _league(project)[0].plain["rows_in"] == 100


def test_order_and_how_ties_are_broken(project: Project, record: Record) -> None:
    def unit(item: str, quarantined: int, value: float = 90.0, day: str = "2022-10-30") -> None:
        record(item, day, rows=(100, 100 - quarantined, quarantined), dimensions={"完整性": value})

    items = project.catalog.items
    first = {u.id: next(i for i in items if i.unit == u.id and i.cycle == "irregular") for u in project.catalog.units
             if any(i.unit == u.id and i.cycle == "irregular" for i in items)}  # fmt: skip
    a, b, c, d, *_ = first.values()  # in the order of the units
    unit(a.id, 5)
    unit(b.id, 3)
    unit(c.id, 3)
    unit(d.id, 50, 91.0)
    ranked = [(p.rank, p.standing.unit.id) for p in _league(project) if p.rank]
    assert ranked == [(1, d.unit), (2, b.unit), (3, c.unit), (4, a.unit)]
    # The same score with a refused item, then with a late one: before what is in quarantine.
    record(b.id, "2022-10-31", "refused_gate", dimensions={"完整性": 90.0})
    assert [p.standing.unit.id for p in _league(project)][:4] == [d.unit, c.unit, a.unit, b.unit]


def test_units_without_a_score_stand_last_and_unranked(project: Project, record: Record) -> None:
    record(WEEKLY, "2022-10-30")
    places = _league(project)
    assert [p.rank for p in places] == [1] + [None] * (len(project.catalog.units) - 1)
    assert [p.standing.unit.number for p in places[1:]] == sorted(
        u.number for u in project.catalog.units if u.id != "scjg"
    )


def test_a_unit_whose_every_delivery_was_refused(project: Project, record: Record) -> None:
    record(WEEKLY, "2022-10-30", "refused_contract")
    (place, *_) = _league(project)
    assert place.plain["score"] == 0.0 and place.plain["grade"] == "差"
    assert (place.plain["items_refused"], place.plain["items_on_time"], place.plain["items_late"]) == (1, 0, 0)
    assert (place.plain["rows_in"], place.plain["quarantined_share"]) == (0, None)
    assert place.plain["accessibility"] == 0.0


def test_change_since_the_month_before(project: Project, record: Record) -> None:
    record(WEEKLY, "2022-09-30", dimensions={"完整性": 90.0})
    record(WEEKLY, "2022-10-07", dimensions={"完整性": 95.0})
    record(WEEKLY, "2022-10-30", dimensions={"完整性": 96.0})
    assert _league(project)[0].change == 5.5
    assert _league(project, Month(2022, 9))[0].change is None
    trend = History(project, LATER).trend(project.catalog.units_by_id["scjg"], OCTOBER)
    assert [(str(s.month), s.score) for s in trend] == [("2022-09", 90.0), ("2022-10", 95.5)]


def test_a_defect_of_ours_costs_a_unit_nothing(project: Project, record: Record) -> None:
    record(WEEKLY, "2022-10-30")
    record(WEEKLY, "2022-10-31", "internal_error", dimensions={}, rows=(0, 0, 0))
    s = _item(project, WEEKLY)
    assert (s.score, s.refused, s.late) == (100.0, False, 0)


def test_an_empty_month_says_which_are_not(project: Project, record: Record) -> None:
    with pytest.raises(NotReported, match="先运行 fudata run"):
        _league(project)
    record(WEEKLY, "2022-09-30")
    with pytest.raises(NotReported, match=r"2022-10 没有任何载入.*2022-09"):
        _league(project)
