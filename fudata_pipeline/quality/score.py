"""Score of a load by GB/T 36344-2018: the share of checks that conform, per dimension and weighted over all."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.catalog.model import Severity

DIMENSIONS = {
    "01": "规范性",
    "02": "完整性",
    "03": "准确性",
    "04": "一致性",
    "05": "时效性",
    "06": "可访问性",
}
"""First two digits of an indicator of the standard -> its dimension."""


@dataclass(frozen=True)
class RuleCount:
    """How often a rule was checked in one column (or ``a+b``, or empty for the whole row), and how often it failed."""

    column: str
    rule: str
    severity: Severity
    checked: int
    failed: int


@dataclass(frozen=True)
class Score:
    """``total`` and each of ``dimensions`` (by Chinese name): 0 to 100; None when nothing at all was checked."""

    total: float | None
    dimensions: dict[str, float]


def score(catalog: Catalog, counts: list[RuleCount]) -> Score:
    """The score of a load.

    A dimension's value is ``100 * (1 - sum of failed / sum of checked)`` over the counts of its rules: every check of
    every value weighs the same, whatever its severity. The total is the mean of the dimensions in which anything was
    checked, weighted by the district's ``score_weights``; a dimension without a weight does not enter it. A count whose
    rule is no longer declared is left out, since its dimension is unknown.
    """
    checked: defaultdict[str, int] = defaultdict(int)
    failed: defaultdict[str, int] = defaultdict(int)
    for count in counts:
        rule = catalog.rules.get(count.rule)
        if rule is None or count.checked <= 0:
            continue
        dimension = DIMENSIONS[rule.indicator[:2]]
        checked[dimension] += count.checked
        failed[dimension] += count.failed
    exact = {d: 100 * (1 - failed[d] / checked[d]) for d in DIMENSIONS.values() if checked[d]}
    weights = {d: catalog.district.score_weights.get(d, 0.0) for d in exact}
    weight = sum(weights.values())
    total = sum(weights[d] * exact[d] for d in exact) / weight if weight else None
    return Score(
        total=None if total is None else round(total, 1),
        dimensions={d: round(value, 1) for d, value in exact.items()},
    )
