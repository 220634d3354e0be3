"""What a load comes to: its verdict, its counts, and what is recorded of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from fudata_pipeline.catalog.model import Item
from fudata_pipeline.lake.registry import Arrival, Row
from fudata_pipeline.load.deliveries import PROMOTED
from fudata_pipeline.project import Project
from fudata_pipeline.quality.score import RuleCount
from fudata_pipeline.settings import now

UNCHANGED = "unchanged"
SOURCE_MISSING = "source_missing"
REFUSED_CONTRACT = "refused_contract"
REFUSED_GATE = "refused_gate"
INTERNAL_ERROR = "internal_error"

VERDICTS = {
    PROMOTED: "已入库",
    UNCHANGED: "无变化",
    SOURCE_MISSING: "未交付",
    REFUSED_CONTRACT: "不符合约定，已拒收",
    REFUSED_GATE: "未过质量门，已拒收",
    INTERNAL_ERROR: "程序错误",
}
"""Every verdict of a load, with its Chinese title."""


ROW_COUNTS = ("rows_in", "rows_accepted", "rows_quarantined", "rows_duplicate")
"""The counts that every load balances: the first is the sum of the others."""


@dataclass(frozen=True)
class LoadResult:
    """What became of one item tonight.

    ``repeated``: nothing new arrived, the verdict is the last load's. ``earlier``: where several deliveries were judged,
    what became of those before this one. ``rows_current``: rows of the version that the load made.
    """

    unit: str
    item: str
    title: str
    verdict: str
    reason: str = ""
    load_id: str = ""
    file_name: str = ""
    rows_in: int = 0
    rows_accepted: int = 0
    rows_quarantined: int = 0
    rows_duplicate: int = 0
    rows_current: int | None = None
    changes: dict[str, int] = field(default_factory=dict)
    score: float | None = None
    dimensions: dict[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    rules: tuple[dict[str, Any], ...] = field(default=(), repr=False)
    repeated: bool = False
    earlier: tuple[LoadResult, ...] = ()
    seconds: float = 0.0

    @property
    def missing(self) -> bool:
        """The item was never delivered: no fault of tonight, and no version to fall back on."""
        return self.verdict == SOURCE_MISSING

    @property
    def each(self) -> tuple[LoadResult, ...]:
        """One result for every delivery that was judged, in their order."""
        return (*self.earlier, replace(self, earlier=()))

    @property
    def reasons(self) -> str:
        """Why deliveries failed, each with its cure."""
        return "；".join(one.reason for one in self.each if one.failed)

    @property
    def failed(self) -> bool:
        return self.verdict not in (PROMOTED, UNCHANGED, SOURCE_MISSING) or any(e.failed for e in self.earlier)


def repeated(item: Item, row: Row) -> LoadResult:
    """The load of ``row`` once more, when nothing new arrived."""
    verdict = UNCHANGED if row["verdict"] == PROMOTED else row["verdict"]
    names = ("reason", "load_id", "file_name", "score", "dimensions", "rows_current", *ROW_COUNTS)
    values: dict[str, Any] = {name: row[name] for name in names}
    values |= {"warnings": tuple(row["warnings"]), "rules": tuple(row["rules"]), "changes": row["changes"] or {}}
    return LoadResult(item.unit, item.id, item.title, verdict, **values, repeated=True)


def nothing_new(project: Project, item: Item, last: Row | None) -> LoadResult:
    """The last load once more, or that the item was never delivered."""
    if last is not None:
        return repeated(item, last)
    where = project.settings.inbox_dir / item.unit / item.source.path
    reason = f"收件目录中没有匹配 {where} 的文件 → 请 {item.unit} 交付该数据项"
    return LoadResult(item.unit, item.id, item.title, SOURCE_MISSING, reason)


def new_load_id(project: Project, item: Item, sha256: str | None) -> str:
    """``unit.item@time-hash``; a serial keeps two loads of one second apart."""
    name = f"{item.id}@{now():%Y%m%dT%H%M%S}-{sha256[:8] if sha256 else 'none'}"
    taken = project.registry.load_ids(item.id)
    return name if name not in taken else f"{name}-{len(taken)}"


def record(project: Project, result: LoadResult, extra: dict[str, Any], arrival: Arrival | None = None) -> None:
    """Write a load into the registry; it becomes the current version if it made one."""
    project.registry.record_load(
        {
            "load_id": result.load_id,
            "unit": result.unit,
            "item": result.item,
            "loaded_at": now(),
            "file_name": result.file_name or None,
            "contract": "",
            "verdict": result.verdict,
            "reason": result.reason[:2000],
            **{name: getattr(result, name) for name in (*ROW_COUNTS, "rows_current", "changes")},
            "score": result.score,
            "dimensions": result.dimensions,
            "repeats": [],
            "seconds": round(result.seconds, 3),
            "rules": list(result.rules),
            "gate": [],
            "warnings": list(result.warnings),
            **extra,
        },
        promote=result.rows_current is not None,
        arrival=arrival if result.verdict != INTERNAL_ERROR else None,
    )


def record_lost(project: Project, item: Item, last: Row | None) -> LoadResult:
    """Record that the process loading ``item`` died, unless it had finished: ``last`` was the newest load before.

    The files it was writing are not there for anyone: they go with the next load.
    """
    newest = project.registry.last_load(item.id)
    if newest is not None and (last is None or newest["load_id"] != last["load_id"]):
        return replace(repeated(item, newest), verdict=newest["verdict"], repeated=False)
    reason = f"{item.id} 载入时工作进程意外终止（可能内存不足）→ 请检查内存后重试；交付文件原样保留"
    load_id = new_load_id(project, item, None)
    result = LoadResult(item.unit, item.id, item.title, INTERNAL_ERROR, reason, load_id)
    record(project, result, {})
    return result


def rule_counts(load: Row) -> list[RuleCount]:
    """The rule counts recorded with a load."""
    return [RuleCount(**values) for values in load["rules"]]
