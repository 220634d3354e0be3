"""Score of a load by GB/T 36344-2018: the share of checks that conform, per dimension and weighted over all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.catalog.model import District, Severity

TIMELY = "时效性"
ACCESSIBLE = "可访问性"

DIMENSIONS = {
    "01": "规范性",
    "02": "完整性",
    "03": "准确性",
    "04": "一致性",
    "05": TIMELY,
    "06": ACCESSIBLE,
}
"""First two digits of an indicator of the standard -> its dimension."""

COLUMNS = dict(
    zip(
        DIMENSIONS.values(),
        ("normativity", "completeness", "accuracy", "consistency", "timeliness", "accessibility"),
        strict=True,
    )
)
"""Dimension -> its name as a column."""


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


def score(
    catalog: Catalog, counts: Iterable[RuleCount], *, timely: float | None = None, readable: bool | None = None
) -> Score:
    """The score of a load.

    A dimension's value is ``100 * (1 - sum of failed / sum of checked)`` over the counts of its rules: every check of
    every value weighs the same, whatever its severity. A count whose rule is no longer declared is left out, since its
    dimension is unknown. Two dimensions are also of the delivery as a whole, and of two values the lower one holds,
    because neither makes up for the other [A]:

    - 时效性: ``timely``, the freshness of the delivery against its declared cycle (:mod:`.freshness`).
    - 可访问性: 100 if the delivery could be read (``readable``), 0 if it was refused unread. Whether the unit's systems
      can be reached at any hour, which the standard means as well, is not measured [A].

    None for either: not judged.
    """
    checked: defaultdict[str, int] = defaultdict(int)
    failed: defaultdict[str, int] = defaultdict(int)
    for count in counts:
        rule = catalog.rules_by_id.get(count.rule)
        if rule is None or count.checked <= 0:
            continue
        dimension = DIMENSIONS[rule.indicator[:2]]
        checked[dimension] += count.checked
        failed[dimension] += count.failed
    exact = {d: 100 * (1 - failed[d] / checked[d]) for d in DIMENSIONS.values() if checked[d]}
    if timely is not None:
        exact[TIMELY] = min(timely, exact.get(TIMELY, timely))
    if readable is not None:
        exact[ACCESSIBLE] = min(100.0, exact.get(ACCESSIBLE, 100.0)) if readable else 0.0
    total = weigh(catalog.district, exact)
    return Score(
        None if total is None else round(total, 1), {d: round(exact[d], 1) for d in DIMENSIONS.values() if d in exact}
    )


def weigh(district: District, dimensions: Mapping[str, float]) -> float | None:
    """The total of dimensions: their mean by the district's ``score_weights``.

    A dimension without a weight does not enter it. What could not be read is worth nothing, whatever else is known
    about it, when it came for example.
    """
    if dimensions.get(ACCESSIBLE) == 0:
        return 0.0
    weights = {d: district.score_weights.get(d, 0.0) for d in dimensions}
    weight = sum(weights.values())
    return sum(weights[d] * dimensions[d] for d in dimensions) / weight if weight else None


def aged(district: District, dimensions: Mapping[str, float], fresh: float | None) -> dict[str, float]:
    """The dimensions of a load when its item has become late since: 时效性 falls to ``fresh``, today's freshness."""
    if not dimensions or fresh is None or fresh >= dimensions.get(TIMELY, 100.0):
        return dict(dimensions)
    return {**dimensions, TIMELY: fresh}


def mean(values: Iterable[float | None]) -> float | None:
    """The score of several: the plain mean of those that have one, each counting once.

    Of an item over its deliveries, and of a unit over its items. Not by rows: one table of millions would hide that
    thirty small ones are late or wrong, and a unit answers for every item it declared [A].
    """
    known = [v for v in values if v is not None]
    return round(sum(known) / len(known), 1) if known else None


def grade(district: District, total: float | None) -> str | None:
    """The grade of a score: of the district's ``grades`` the one with the greatest least score that it reaches."""
    if total is None:
        return None
    return max((least, name) for name, least in district.grades.items() if total >= least)[1]
