from __future__ import annotations

import pytest

from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.catalog.model import District
from fudata_pipeline.quality.score import ACCESSIBLE, TIMELY, RuleCount, aged, grade, mean, score


def count(rule: str, checked: int, failed: int) -> RuleCount:
    return RuleCount("c", rule, "quarantine", checked, failed)


def test_a_dimension_is_conforming_checks_over_all_checks(catalog: Catalog) -> None:
    result = score(catalog, [count("range", 100, 10), count("resident_id", 300, 10)])
    assert result.dimensions == {"准确性": 95.0}  # 1 - 20/400, not the mean of 90 and 96.7
    assert result.total == 95.0


def test_total_is_weighted_over_the_dimensions_that_were_checked(catalog: Catalog) -> None:
    result = score(catalog, [count("code", 10, 5), count("required", 10, 0), count("range", 0, 0)])
    assert result.dimensions == {"规范性": 50.0, "完整性": 100.0}
    assert result.total == 77.8  # (20*50 + 25*100) / 45


def test_a_dimension_without_weight_is_shown_but_does_not_count(catalog: Catalog) -> None:
    result = score(catalog, [count("required", 10, 1), count("birth_matches_id", 10, 10)])
    assert result.dimensions == {"完整性": 90.0, "一致性": 0.0}
    assert result.total == 90.0
    assert score(catalog, [count("birth_matches_id", 10, 10)]).total is None


def test_nothing_checked_gives_no_score(catalog: Catalog) -> None:
    result = score(catalog, [count("range", 0, 0)])
    assert result.total is None and result.dimensions == {}
    assert score(catalog, []).total is None


def test_a_rule_no_longer_declared_is_left_out(catalog: Catalog) -> None:
    assert score(catalog, [count("retired", 10, 10), count("required", 10, 0)]).total == 100.0


def test_timeliness_is_the_lower_of_rules_and_freshness(catalog: Catalog) -> None:
    late_row = [count("required", 10, 0), count("dates_in_order", 10, 4)]
    assert score(catalog, late_row).dimensions[TIMELY] == 60.0
    assert score(catalog, late_row, timely=50.0).dimensions[TIMELY] == 50.0
    assert score(catalog, late_row, timely=100.0).dimensions[TIMELY] == 60.0
    assert score(catalog, [count("required", 10, 0)], timely=80.0).dimensions == {"完整性": 100.0, TIMELY: 80.0}


def test_what_cannot_be_read_is_worth_nothing(catalog: Catalog) -> None:
    refused = score(catalog, [], timely=100.0, readable=False)
    assert refused.dimensions == {TIMELY: 100.0, ACCESSIBLE: 0.0}
    assert refused.total == 0.0
    assert score(catalog, [count("required", 10, 5)], readable=True).dimensions == {"完整性": 50.0, ACCESSIBLE: 100.0}


@pytest.mark.parametrize(
    ("total", "name"),
    [
        (100.0, "优"),
        (95.0, "优"),
        (94.9, "良"),
        (85.0, "良"),
        (84.9, "中"),
        (70.0, "中"),
        (69.9, "差"),
        (0.0, "差"),
        (None, None),
    ],
)
def test_grades_at_their_thresholds(catalog: Catalog, total: float | None, name: str | None) -> None:
    assert grade(catalog.district, total) == name


@pytest.mark.parametrize("grades", [{"优": 90.0}, {"优": 90.0, "良": 90.0, "差": 0.0}])
def test_grades_leave_no_score_without_one(catalog: Catalog, grades: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="从 0 分起"):
        District(name="", code="", code_prefix="308", score_weights={}, grades=grades)


def test_a_late_item_loses_timeliness_only(catalog: Catalog) -> None:
    assert aged(catalog.district, {"完整性": 90.0}, 50.0) == {"完整性": 90.0, TIMELY: 50.0}
    assert aged(catalog.district, {TIMELY: 40.0}, 50.0) == {TIMELY: 40.0}
    assert (
        aged(catalog.district, {"完整性": 90.0}, 100.0)
        == aged(catalog.district, {"完整性": 90.0}, None)
        == {"完整性": 90.0}
    )
    assert aged(catalog.district, {}, 50.0) == {}


def test_the_mean_counts_each_once() -> None:
    assert mean([90.0, None, 100.0]) == 95.0
    assert mean([None]) is None
