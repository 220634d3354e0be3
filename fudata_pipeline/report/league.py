"""The league table of units for a month."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fudata_pipeline.quality.score import COLUMNS
from fudata_pipeline.report.month import Month, NotReported
from fudata_pipeline.report.standing import History, UnitStanding


@dataclass(frozen=True)
class Place:
    """A unit's place in the league. ``rank``: None without a score; ``change``: of the score since the month before."""

    rank: int | None
    standing: UnitStanding
    change: float | None

    @property
    def plain(self) -> dict[str, Any]:
        """The place as a flat row, for JSON and for the published ``meta.unit_scores``."""
        s = self.standing
        return {
            "month": str(s.month),
            "as_of": s.as_of,
            "unit": s.unit.id,
            "short": s.unit.short,
            "rank": self.rank,
            "score": s.score,
            "grade": s.grade,
            "change": self.change,
            **{column: s.dimensions.get(dimension) for dimension, column in COLUMNS.items()},
            "items_declared": len(s.items),
            "items_never": len(s.never),
            "items_on_time": len(s.on_time),
            "items_late": len(s.late),
            "items_refused": len(s.refused),
            "deliveries": s.sent,
            "rows_in": s.rows("rows_in"),
            "rows_quarantined": s.rows("rows_quarantined"),
            "quarantined_share": None if s.quarantined_share is None else round(s.quarantined_share, 4),
        }


def league(history: History, month: Month) -> list[Place]:
    """Every unit, the best score first.

    Equal scores: fewer refused items, then fewer late ones, then the smaller share in quarantine, then the unit's
    number in the catalog. Units without a score stand last, without a rank.

    Raises:
        NotReported: when nothing was delivered in the month, naming those in which something was.
    """
    if month not in history.months:
        known = "、".join(map(str, history.months[-12:]))
        cure = f"可用的月份：{known}" if known else "先运行 fudata run"
        raise NotReported(f"{month} 没有任何载入，没有可报告的内容 → {cure}")
    standings = sorted((history.standing(unit, month) for unit in history.catalog.units), key=_order)
    return [
        Place(None if s.score is None else number, s, history.change(s.unit, month))
        for number, s in enumerate(standings, 1)
    ]


def _order(s: UnitStanding) -> tuple[bool, float, int, int, float, str]:
    return s.score is None, -(s.score or 0), len(s.refused), len(s.late), s.quarantined_share or 0, s.unit.number
