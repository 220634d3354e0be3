"""One item's load, from the inbox to a promoted version: the only way in, for the CLI and for Dagster alike."""

from __future__ import annotations

import errno
import hashlib
import logging
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from fudata_pipeline import standards
from fudata_pipeline.catalog.model import Item
from fudata_pipeline.lake import files
from fudata_pipeline.lake.registry import Arrival, Row
from fudata_pipeline.load.arrivals import Again, Arrived, delivery_of, judgements, order, to_judge
from fudata_pipeline.load.corrections import fingerprint
from fudata_pipeline.load.deliveries import file_names
from fudata_pipeline.load.delivery import refusal_reason, take_in
from fudata_pipeline.load.result import (
    INTERNAL_ERROR,
    REFUSED_CONTRACT,
    LoadResult,
    new_load_id,
    nothing_new,
    record,
    repeated,
)
from fudata_pipeline.project import Project
from fudata_pipeline.quality.score import score
from fudata_pipeline.settings import now
from fudata_pipeline.sources import DeliveryRefused, Snapshot, begin_snapshot, delivery_order

log = logging.getLogger(__name__)


def load_item(project: Project, item: Item, *, again: bool = False) -> LoadResult:
    """Load what has been delivered of ``item``; never raises for bad data, a missing file or a defect of ours.

    With ``again`` what was judged before is taken through today's rules and codes once more (replay): the last delivery,
    or where deliveries add up, those with rows in quarantine or refused. The item's last good version stays current
    unless the verdict is ``promoted``.
    """
    started = time.monotonic()
    project = replace(project, settings=project.settings.for_loads)
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
        if to_judge(project, item, last, _contract(project, item)):
            return None
        result = nothing_new(project, item, last)
    except Exception:
        return None
    return replace(result, seconds=round(time.monotonic() - started, 3))


def _load(project: Project, item: Item, *, again: bool) -> LoadResult:
    """Judge whatever of the item is to be judged, in its order; what fails by our fault ends it."""
    results: list[LoadResult] = []
    last = project.registry.last_load(item.id)
    try:
        contract = _contract(project, item)
        todo = to_judge(project, item, last, contract, again=again)
    except Exception as error:
        return _failed(project, item, error)
    for one in todo:
        results.append(_judge(project, item, one, contract))
        if results[-1].verdict == INTERNAL_ERROR:
            break
    if not results:
        return nothing_new(project, item, last)
    return replace(results[-1], earlier=tuple(results[:-1]))


def _judge(project: Project, item: Item, one: Arrived | Again, contract: str) -> LoadResult:
    """Judge one delivery and record what became of it."""
    started = time.monotonic()
    blank = LoadResult(item.unit, item.id, item.title, INTERNAL_ERROR)
    told: dict[str, Any] = {"contract": contract, "shape": project.catalog.shape(item)}
    arrival = None
    try:
        with _taken(project, item, one) as (snapshot, arrival):
            loads = judgements(project, item, project.registry.last_load(item.id))
            told |= {"sha256": snapshot.sha256}
            told |= {"corrected": fingerprint(project.registry.corrections(item.id, snapshot.sha256))}
            told |= {
                "delivery": one.load["delivery"]
                if isinstance(one, Again)
                else delivery_of(item, one, snapshot.sha256, loads)
            }
            if arrival and (known := _known(project, item, told, loads, arrival, snapshot.file_name)):
                return known
            blank = replace(blank, load_id=new_load_id(project, item, snapshot.sha256), file_name=snapshot.file_name)
            result, extra = take_in(project, item, snapshot, blank, told)
            told |= extra
    except DeliveryRefused as refusal:
        reason = refusal_reason(project, item, blank, refusal)
        judged = score(project.catalog, [], readable=False)
        result = replace(
            blank, verdict=REFUSED_CONTRACT, reason=reason, score=judged.total, dimensions=judged.dimensions
        )
    except Exception as error:
        result = replace(blank, reason=_failure(item, error))
    if not result.load_id:
        result = replace(result, load_id=new_load_id(project, item, told.get("sha256")))
    result = replace(result, seconds=time.monotonic() - started)
    record(project, result, told, arrival)
    return result


def _failed(project: Project, item: Item, error: Exception) -> LoadResult:
    """Record that not even what there is to judge could be found out."""
    load_id = new_load_id(project, item, None)
    result = LoadResult(item.unit, item.id, item.title, INTERNAL_ERROR, _failure(item, error), load_id)
    record(project, result, {})
    return result


def _failure(item: Item, error: Exception) -> str:
    """Why a load failed by our fault, in Chinese, with the cure."""
    if isinstance(error, OSError):
        full = error.errno == errno.ENOSPC
        cure = "磁盘已满，请清理后重试；交付文件原样保留" if full else "请检查文件与目录权限后重试"
        return f"{error.strerror or error}（{error.filename or '-'}）→ {cure}"
    # Only where it happened: messages of the engine quote values, and values may be personal data.
    frames = "".join(traceback.format_tb(error.__traceback__))
    log.error("load of %s failed: %s\n%s", item.id, type(error).__name__, frames)
    return f"{item.id} 载入时程序出错（{type(error).__name__}）→ 请把日志报告给开发者"


@contextmanager
def _taken(project: Project, item: Item, one: Arrived | Again) -> Iterator[tuple[Snapshot, Arrival | None]]:
    """The bytes of a delivery, and the file that brought them now; the bytes are on disk when the block is done."""
    folder = files.item_dir(project.settings, item.unit, item.name, "snapshots")
    if isinstance(one, Arrived):
        snapshot = begin_snapshot(one.file, folder)
        try:
            yield snapshot, Arrival(one.name, snapshot.size, snapshot.mtime_ns)
        finally:
            snapshot.settle()
        return
    sha256 = one.load["sha256"]
    kept = next(folder.glob(f"{sha256}*"), None)
    if kept is None:
        raise FileNotFoundError(errno.ENOENT, "留存的交付快照不见了", str(folder / sha256))
    yield Snapshot(sha256, kept, one.load["file_name"], kept.stat().st_size), None


def _known(
    project: Project, item: Item, told: dict[str, Any], loads: list[Row], arrival: Arrival, file_name: str
) -> LoadResult | None:
    """What became of a file's content before, if it was judged as it would be now; the file is noted."""
    before = [x for x in loads if order(x) <= max(delivery_order(told["delivery"]), delivery_order(arrival.file))]
    own = [x for x in loads if x["delivery"] == told["delivery"]]
    for load in (*own, *before[-1:]):
        same = all(load[name] == told[name] for name in ("sha256", "contract", "shape", "corrected"))
        if same and load["verdict"] != INTERNAL_ERROR:
            if file_name not in file_names(load):
                project.registry.record_repeat(load["load_id"], file_name, now())
            project.registry.record_arrival(item.id, arrival)
            return repeated(item, project.registry.load(load["load_id"]))
        if load in own:  # its content is new, whatever stood before it
            return None
    return None


def _contract(project: Project, item: Item) -> str:
    """Fingerprint of all that decides what a delivery becomes: declarations, rules, codes and the macros."""
    return hashlib.sha256(f"{project.catalog.contract(item)} {standards.macro_sql()}".encode()).hexdigest()[:16]
