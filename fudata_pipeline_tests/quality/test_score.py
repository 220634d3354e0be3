from __future__ import annotations

from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.quality.score import RuleCount, score


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
