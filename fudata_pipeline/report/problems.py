"""What is wrong in what a unit sent: rules broken, and by how much each lowers the unit's score."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.catalog.model import Item, Rule
from fudata_pipeline.lake.registry import Row
from fudata_pipeline.load.result import rule_counts
from fudata_pipeline.project import Project
from fudata_pipeline.quality.score import DIMENSIONS, RuleCount, weigh
from fudata_pipeline.report.standing import ItemStanding, UnitStanding

FIXERS = {"unit": "本单位", "grid": "网格（社区）", "bureau": "数据局"}
"""Who has to correct what breaks a rule."""


@dataclass(frozen=True)
class Problem:
    """A rule broken in an item's newest readable delivery. ``gain``: points the unit's score would have more without it."""

    item: Item
    load: Row
    arrived: date
    column: str
    rule: Rule
    checked: int
    failed: int
    gain: float

    @property
    def titles(self) -> str:
        """The titles of the columns; empty for the whole row."""
        known = {f.name: f.title for f in self.item.fields}
        return "、".join(known.get(c, c) for c in self.column.split("+") if c)

    @property
    def quarantines(self) -> bool:
        return self.rule.severity == "quarantine"


@dataclass(frozen=True)
class Notice:
    """Something a load warned of that is no broken rule, such as an undeclared column."""

    item: Item
    text: str


def find_problems(project: Project, standing: UnitStanding) -> tuple[list[Problem], list[Notice]]:
    """The problems of a unit, most failures first, and its notices.

    Of each item the newest delivery up to the day whose rows could be read: it holds what is still to be corrected.
    """
    problems: list[Problem] = []
    notices: list[Notice] = []
    scored = sum(s.score is not None for s in standing.items)
    for s in standing.delivered:
        if s.readable is None:
            continue
        load = project.registry.load(s.readable["load_id"])
        counts = rule_counts(load)
        problems += _problems(project.catalog, s, load, counts, scored)
        notices += [Notice(s.item, text) for text in _notices(project.catalog, load, counts)]
    return sorted(problems, key=lambda p: (-p.failed, p.item.id, p.column, p.rule.rule_id)), notices


def _problems(
    catalog: Catalog, standing: ItemStanding, load: Row, counts: list[RuleCount], scored: int
) -> list[Problem]:
    arrived = next(d for d in reversed(standing.known) if standing.judged(d)["load_id"] == load["load_id"]).arrived_at
    found = []
    for number, count in enumerate(counts):
        rule = catalog.rules_by_id.get(count.rule)
        if rule is None or not count.failed:
            continue
        gain = _gain(catalog, load["dimensions"], counts, number) / scored if scored else 0.0
        found.append(
            Problem(standing.item, load, arrived.date(), count.column, rule, count.checked, count.failed, gain)
        )
    return found


def _gain(catalog: Catalog, dimensions: dict[str, float], counts: list[RuleCount], number: int) -> float:
    """Points the load would have more if nothing had failed in one of its counts."""
    mended = RuleCount(**{**vars(counts[number]), "failed": 0})
    dimension = DIMENSIONS[catalog.rules_by_id[mended.rule].indicator[:2]]
    alike = [c for c in counts if (r := catalog.rules_by_id.get(c.rule)) and DIMENSIONS[r.indicator[:2]] == dimension]
    failed, checked = sum(c.failed for c in alike), sum(c.checked for c in alike)
    if not checked or dimension not in dimensions:
        return 0.0
    now = 100 * (1 - failed / checked)
    then = 100 * (1 - (failed - counts[number].failed) / checked)
    better = {**dimensions, dimension: min(100.0, dimensions[dimension] + then - now)}
    return (weigh(catalog.district, better) or 0.0) - (weigh(catalog.district, dimensions) or 0.0)


def _notices(catalog: Catalog, load: Row, counts: list[RuleCount]) -> list[str]:
    """A load's warnings but for those that only repeat a rule's count."""
    counted = tuple(
        f"：{catalog.rules_by_id[c.rule].wording_zh}（{c.failed} 行）"
        for c in counts
        if c.failed and c.rule in catalog.rules_by_id
    )
    return [w for w in load["warnings"] if not counted or not w.endswith(counted)]
