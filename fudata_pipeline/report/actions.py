"""What a unit should do next, in the order of how much it would help."""

from __future__ import annotations

from dataclasses import dataclass

from fudata_pipeline.catalog.model import Item
from fudata_pipeline.quality.score import ACCESSIBLE, TIMELY, weigh
from fudata_pipeline.report.examples import without_numbers
from fudata_pipeline.report.problems import FIXERS, Problem
from fudata_pipeline.report.standing import ItemStanding, UnitStanding

SETTLED = "superseded"
"""The rule of rows that a newer row of the same delivery replaced: nobody has to do anything."""


@dataclass(frozen=True)
class Action:
    """``gain``: points by which the unit's score of the month would have been higher, an estimate."""

    item: Item
    kind: str
    what: str
    who: str
    cure: str
    rows: int
    gain: float


def next_actions(standing: UnitStanding, problems: list[Problem]) -> list[Action]:
    """Everything there is to do, the greatest gain first."""
    scored = sum(s.score is not None for s in standing.items) or 1
    actions = [_deliver_again(s, scored) for s in standing.refused]
    actions += [_deliver(s, scored) for s in standing.late if s.overdue and not s.refused]
    for p in problems:
        if p.rule.rule_id != SETTLED:
            what = f"{p.titles}：{p.rule.wording_zh}" if p.titles else p.rule.wording_zh
            actions.append(Action(p.item, "改错", what, FIXERS[p.rule.fixer], p.rule.cure_zh, p.failed, p.gain))
    return sorted(actions, key=lambda a: (-a.gain, a.item.id, a.what))


def _deliver_again(s: ItemStanding, scored: int) -> Action:
    """After a refusal. The gain is that of refused deliveries being as good as the last readable one, or faultless."""
    verdict = s.verdict
    assert verdict is not None
    reason, _, cure = without_numbers(verdict["reason"]).partition(" → ")
    unread = [load for d in s.sent if (load := s.judged(d))["dimensions"].get(ACCESSIBLE) == 0]
    if verdict["dimensions"].get(ACCESSIBLE) == 0:
        share = len(unread) / len(s.sent) if s.sent else 1.0
        gain = share * ((s.readable["score"] if s.readable else None) or 100.0)
    else:
        gain = 100.0 - (s.score or 0.0)
    return Action(s.item, "重新交付", reason, FIXERS["unit"], cure, verdict["rows_in"], gain / scored)


def _deliver(s: ItemStanding, scored: int) -> Action:
    dimensions = s.dimensions
    gain = (weigh(s.district, {**dimensions, TIMELY: 100.0}) or 0.0) - (weigh(s.district, dimensions) or 0.0)
    return Action(
        s.item, "补交", f"已超过更新周期 {s.overdue} 天", FIXERS["unit"], "请按目录申报的更新周期交付；若周期有变，请申请修改目录", 0, gain / scored
    )  # fmt: skip
