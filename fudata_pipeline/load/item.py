"""One item's load, from the inbox to a promoted version: the only way in, for the CLI and for Dagster alike."""

from __future__ import annotations

import errno
import hashlib
import logging
import shutil
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from fudata_pipeline import standards
from fudata_pipeline.catalog.model import Item
from fudata_pipeline.engine.duckdb import session
from fudata_pipeline.lake import files
from fudata_pipeline.lake.registry import Row
from fudata_pipeline.load.deliveries import PROMOTED, file_names, since_last_good
from fudata_pipeline.load.headers import map_headers
from fudata_pipeline.load.sets import references, unchecked
from fudata_pipeline.load.split import judge, split
from fudata_pipeline.load.version import ACCEPTED, QUARANTINE
from fudata_pipeline.project import Project
from fudata_pipeline.quality.freshness import freshness
from fudata_pipeline.quality.gate import validate
from fudata_pipeline.quality.score import RuleCount, score
from fudata_pipeline.settings import now
from fudata_pipeline.sources import DeliveryRefused, Snapshot, find_delivery, kept_snapshot, stage, take_snapshot

log = logging.getLogger(__name__)

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
    """What became of one item tonight. ``repeated``: nothing new arrived, the verdict is the last load's."""

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
    score: float | None = None
    dimensions: dict[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    rules: tuple[dict[str, Any], ...] = field(default=(), repr=False)
    repeated: bool = False
    seconds: float = 0.0

    @property
    def missing(self) -> bool:
        """The item was never delivered: no fault of tonight, and no version to fall back on."""
        return self.verdict == SOURCE_MISSING

    @property
    def failed(self) -> bool:
        return self.verdict not in (PROMOTED, UNCHANGED, SOURCE_MISSING)


def _snapshot_dir(project: Project, item: Item) -> Path:
    return files.item_dir(project.settings, item.unit, item.name, "snapshots")


def _repeated(item: Item, row: Row) -> LoadResult:
    """The last load once more, when nothing new arrived."""
    verdict = UNCHANGED if row["verdict"] == PROMOTED else row["verdict"]
    values: dict[str, Any] = {
        name: row[name] for name in ("reason", "load_id", "file_name", "score", "dimensions", *ROW_COUNTS)
    }
    values |= {"warnings": tuple(row["warnings"]), "rules": tuple(row["rules"])}
    return LoadResult(item.unit, item.id, item.title, verdict, **values, repeated=True)


def _arrival(project: Project, item: Item, last: Row | None, *, again: bool) -> Snapshot | None:
    """The delivery to load: the newest in the inbox, or with ``again`` the one loaded last."""
    folder = _snapshot_dir(project, item)
    if again:
        if last is None or not last["sha256"]:
            return None
        kept = next(folder.glob(f"{last['sha256']}*"), None)
        return Snapshot(last["sha256"], kept, last["file_name"], kept.stat().st_size) if kept else None
    delivered = find_delivery(project.settings.inbox_dir, item.unit, item.source)
    return take_snapshot(delivered, folder) if delivered else None


def load_item(project: Project, item: Item, *, again: bool = False) -> LoadResult:
    """Load the newest delivery of ``item``; never raises for bad data, a missing file or a defect of ours.

    With ``again`` the last loaded delivery is taken through today's rules and codes once more (replay). The item's
    last good version stays current unless the verdict is ``promoted``.
    """
    started = time.monotonic()
    try:
        with files.locked(project.settings, f"item/{item.id}"):
            result = _load(project, item, again=again)
    except files.Busy as busy:
        result = LoadResult(item.unit, item.id, item.title, INTERNAL_ERROR, str(busy))
    return replace(result, seconds=round(time.monotonic() - started, 3))


def nothing_to_load(project: Project, item: Item, last: Row | None) -> LoadResult | None:
    """What :func:`load_item` would say, if that is that there is nothing to load; else None. Writes nothing.

    ``last``: the newest load of the item. Whatever is doubtful, faults included, is left to :func:`load_item`.
    """
    started = time.monotonic()
    try:
        delivered = find_delivery(project.settings.inbox_dir, item.unit, item.source)
        if delivered is None:
            result = _nothing_new(project, item, last)
        else:
            judged = last is not None and last["sha256"] and last["verdict"] != INTERNAL_ERROR
            if last is None or not judged or last["contract"] != _contract(project, item):
                return None
            if delivered.name not in file_names(last):
                return None
            if not kept_snapshot(delivered, _snapshot_dir(project, item), last["sha256"]):
                return None
            result = _repeated(item, last)
    except Exception:
        return None
    return replace(result, seconds=round(time.monotonic() - started, 3))


def record_lost(project: Project, item: Item, last: Row | None) -> LoadResult:
    """Record that the process loading ``item`` died, unless it had finished: ``last`` was the newest load before.

    The files it was writing are not there for anyone: they go with the next load.
    """
    newest = project.registry.last_load(item.id)
    if newest is not None and (last is None or newest["load_id"] != last["load_id"]):
        return replace(_repeated(item, newest), verdict=newest["verdict"], repeated=False)
    reason = f"{item.id} 载入时工作进程意外终止（可能内存不足）→ 请检查内存后重试；交付文件原样保留"
    load_id = _new_load_id(project, item, None)
    result = LoadResult(item.unit, item.id, item.title, INTERNAL_ERROR, reason, load_id)
    _record(project, result, {}, None, "", 0.0)
    return result


def _load(project: Project, item: Item, *, again: bool) -> LoadResult:
    contract = ""
    last = project.registry.last_load(item.id)
    snapshot: Snapshot | None = None
    blank = LoadResult(item.unit, item.id, item.title, INTERNAL_ERROR)
    started = time.monotonic()
    try:
        snapshot = _arrival(project, item, last, again=again)
        if snapshot is None:
            return _nothing_new(project, item, last)
        contract = _contract(project, item)
        same = last is not None and (last["sha256"], last["contract"]) == (snapshot.sha256, contract)
        if last is not None and same and not again and last["verdict"] != INTERNAL_ERROR:
            if snapshot.file_name not in file_names(last):
                project.registry.record_repeat(last["load_id"], snapshot.file_name, now())
            return _repeated(item, last)
        blank = replace(blank, load_id=_new_load_id(project, item, snapshot), file_name=snapshot.file_name)
        result, extra = _take_in(project, item, snapshot, blank)
    except DeliveryRefused as refusal:
        reason = _refusal(project, item, blank, refusal)
        judged = score(project.catalog, [], readable=False)
        result = replace(
            blank, verdict=REFUSED_CONTRACT, reason=reason, score=judged.total, dimensions=judged.dimensions
        )
        extra = {}
    except OSError as error:
        full = error.errno == errno.ENOSPC
        cure = "磁盘已满，请清理后重试；交付文件原样保留" if full else "请检查文件与目录权限后重试"
        reason = f"{error.strerror or error}（{error.filename or '-'}）→ {cure}"
        result, extra = replace(blank, reason=reason), {}
    except Exception as error:
        # Only where it happened: messages of the engine quote values, and values may be personal data.
        frames = "".join(traceback.format_tb(error.__traceback__))
        log.error("load of %s failed: %s\n%s", item.id, type(error).__name__, frames)
        reason = f"{item.id} 载入时程序出错（{type(error).__name__}）→ 请把日志报告给开发者"
        result, extra = replace(blank, reason=reason), {}
    if not result.load_id:
        result = replace(result, load_id=_new_load_id(project, item, snapshot))
    _record(project, result, extra, snapshot, contract, time.monotonic() - started)
    return result


def _contract(project: Project, item: Item) -> str:
    """Fingerprint of all that decides what a delivery becomes: declarations, rules, codes and the macros."""
    return hashlib.sha256(f"{project.catalog.contract(item)} {standards.macro_sql()}".encode()).hexdigest()[:16]


def _nothing_new(project: Project, item: Item, last: Row | None) -> LoadResult:
    if last is not None:
        return _repeated(item, last)
    where = project.settings.inbox_dir / item.unit / item.source.path
    return LoadResult(
        item.unit,
        item.id,
        item.title,
        SOURCE_MISSING,
        f"收件目录中没有匹配 {where} 的文件 → 请 {item.unit} 交付该数据项",
    )


def _new_load_id(project: Project, item: Item, snapshot: Snapshot | None) -> str:
    """``unit.item@time-hash``; a serial keeps two loads of one second apart."""
    name = f"{item.id}@{now():%Y%m%dT%H%M%S}-{snapshot.sha256[:8] if snapshot else 'none'}"
    taken = project.registry.load_ids(item.id)
    return name if name not in taken else f"{name}-{len(taken)}"


def _refusal(project: Project, item: Item, blank: LoadResult, refusal: DeliveryRefused) -> str:
    rule = project.catalog.rules[refusal.rule]
    unit = project.catalog.units_by_id[item.unit]
    line = f" 第 {refusal.line} 行" if refusal.line else ""
    return (
        f"{unit.short}《{item.title}》{blank.file_name}{line}："
        f"{rule.wording_zh}（{rule.rule_id}）。{refusal.detail} → {rule.cure_zh}"
    )


@contextmanager
def _scratch(project: Project, item: Item) -> Iterator[Path]:
    """The folder of one load's text staging while it runs (under the item's lock, so what is there was left by a kill).

    Staging is not kept: the snapshot can always make it again.
    """
    folder = files.item_dir(project.settings, item.unit, item.name, "staging")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _take_in(project: Project, item: Item, snapshot: Snapshot, blank: LoadResult) -> tuple[LoadResult, dict[str, Any]]:
    """Stage, check, split and judge one delivery; the version folder appears only when all of it is written."""
    settings, catalog = project.settings, project.catalog
    before = project.registry.current_load(item.id)
    known = references(project, item)
    folder = files.item_dir(settings, item.unit, item.name, "versions") / blank.load_id
    with _scratch(project, item) as scratch, files.new_folder(folder) as out:
        with session(settings) as con:  # closed before the gate opens its own: the memory of one at a time
            staged = stage(con, snapshot, item.source, scratch / "staged.parquet", scratch, judge(con, catalog, item))
            headers = map_headers(item, staged.headers)
            outcome = split(con, catalog, item, headers, staged, out, scratch, known)
        last_rows = before["rows_accepted"] if before else None
        gate = validate(settings, catalog, item, out / ACCEPTED, out / QUARANTINE, last_rows)
    warnings = [f"{catalog.rules['extra_column'].wording_zh}：{header}" for header in headers.extra]
    warnings += [f"未核对 {use.to}：所指的数据还没有可用版本" for use in unchecked(item, known)]
    _, most = item.rows_between(catalog.district.scale)
    if outcome.rows_in > most:
        warnings.append(f"交付 {outcome.rows_in:,} 行，超过目录申报记录数的 {item.bounds.ceiling:g} 倍（{most:,} 行）")
    for count in outcome.counts:
        if count.failed and count.severity in ("warn", "info"):
            titles = "、".join(item.column(c).title for c in count.column.split("+") if c)
            warnings.append(f"{titles}：{catalog.rules_by_id[count.rule].wording_zh}（{count.failed} 行）")
    previous, arrived = since_last_good(project.registry.judgements(item.id), snapshot.sha256, now().date())
    timely = freshness(catalog.district, item.cycle, previous, arrived)
    judged = score(catalog, outcome.counts, timely=timely, readable=True)
    blocking = [c for c in outcome.counts if c.failed and c.severity == "block"]
    reasons = [
        f"{catalog.rules_by_id[c.rule].wording_zh}（{c.failed:,} 行），该规则不容许任何一行违反" for c in blocking
    ]
    reasons += [] if gate.passed else [gate.reason]
    result = replace(
        blank,
        verdict=REFUSED_GATE if reasons else PROMOTED,
        reason=f"{'；'.join(reasons)} → 请按隔离清单修正后重新交付" if reasons else "",
        rows_in=outcome.rows_in,
        rows_accepted=outcome.accepted,
        rows_quarantined=outcome.quarantined,
        rows_duplicate=outcome.duplicate,
        score=judged.total,
        dimensions=judged.dimensions,
        warnings=tuple(warnings),
        rules=tuple(asdict(c) for c in outcome.counts),
    )
    extra = {"content_hash": outcome.content_hash, "gate": [asdict(e) for e in gate.expectations]}
    return result, extra


def _record(
    project: Project,
    result: LoadResult,
    extra: dict[str, Any],
    snapshot: Snapshot | None,
    contract: str,
    seconds: float,
) -> None:
    project.registry.record_load(
        {
            "load_id": result.load_id,
            "unit": result.unit,
            "item": result.item,
            "loaded_at": now(),
            "file_name": result.file_name or None,
            "sha256": snapshot.sha256 if snapshot else None,
            "contract": contract,
            "verdict": result.verdict,
            "reason": result.reason[:2000],
            **{name: getattr(result, name) for name in ROW_COUNTS},
            "score": result.score,
            "dimensions": result.dimensions,
            "repeats": [],
            "content_hash": extra.get("content_hash"),
            "seconds": round(seconds, 3),
            "rules": list(result.rules),
            "gate": extra.get("gate", []),
            "warnings": list(result.warnings),
        },
        promote=result.verdict == PROMOTED,
    )


def rule_counts(load: Row) -> list[RuleCount]:
    """The rule counts recorded with a load."""
    return [RuleCount(**values) for values in load["rules"]]
