"""One delivery: staged, checked, split, judged by the gate, and made current if it is good."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from fudata_pipeline.catalog.model import Item
from fudata_pipeline.engine.duckdb import session
from fudata_pipeline.engine.sql import parquet
from fudata_pipeline.lake import files
from fudata_pipeline.load.corrections import corrected_records
from fudata_pipeline.load.deliveries import PROMOTED, since_last_good
from fudata_pipeline.load.headers import map_headers
from fudata_pipeline.load.merge import merge
from fudata_pipeline.load.result import REFUSED_GATE, LoadResult
from fudata_pipeline.load.sets import references, unchecked
from fudata_pipeline.load.split import judge, split
from fudata_pipeline.load.version import QUARANTINE, accepted_rows
from fudata_pipeline.project import Project
from fudata_pipeline.quality.freshness import day_of, freshness
from fudata_pipeline.quality.gate import validate
from fudata_pipeline.quality.score import score
from fudata_pipeline.settings import now
from fudata_pipeline.sources import DeliveryRefused, Snapshot, stage


def refusal_reason(project: Project, item: Item, blank: LoadResult, refusal: DeliveryRefused) -> str:
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


def take_in(
    project: Project, item: Item, snapshot: Snapshot, blank: LoadResult, told: dict[str, Any]
) -> tuple[LoadResult, dict[str, Any]]:
    """Stage, check, split and judge one delivery; the version folder appears only when all of it is written."""
    settings, catalog = project.settings, project.catalog
    merges = item.load.merges
    before = project.registry.current_load(item.id)
    already = (before["rows_current"] or 0) if before and merges else 0
    known = references(project, item)
    previous, arrived = since_last_good(
        project.registry.judgements(item.id), told["delivery"], snapshot.sha256, now().date()
    )
    folder = files.item_dir(settings, item.unit, item.name, "versions") / blank.load_id
    with _scratch(project, item) as scratch, files.new_folder(folder) as out:
        with session(settings) as con:  # closed before the gate opens its own: the memory of one at a time
            staged = stage(
                con, snapshot, item.source, scratch / "staged.parquet", scratch, judge(con, catalog, item), empty=merges
            )
            headers = map_headers(item, staged.headers)
            rows = project.registry.corrections(item.id, snapshot.sha256)
            corrected = corrected_records(con, project, item, rows, staged.headers)
            outcome = split(con, catalog, item, headers, staged, out, scratch, known, corrected)
        last_rows = before["rows_accepted"] if before and not merges else None
        day = day_of(snapshot.file_name, arrived)
        with files.syncing(out):
            tables = accepted_rows(out), parquet(out / QUARANTINE)
            gate = validate(settings, catalog, item, *tables, last_rows, already, day)
    warnings = [f"{catalog.rules['extra_column'].wording_zh}：{header}" for header in headers.undeclared]
    warnings += [f"未核对 {use.to}：所指的数据还没有可用版本" for use in unchecked(item, known)]
    warnings += gate.warnings
    _, most = item.rows_between(catalog.district.scale)
    if outcome.rows_in + already > most:
        with_known = f"（加上已有的 {already:,} 行）" if already else ""
        warnings.append(
            f"交付 {outcome.rows_in:,} 行{with_known}，超过目录申报记录数的 {item.bounds.ceiling:g} 倍（{most:,} 行）"
        )
    for count in outcome.counts:
        if count.failed and count.severity in ("warn", "info"):
            titles = "、".join(item.column(c).title for c in count.column.split("+") if c)
            warnings.append(f"{titles}：{catalog.rules_by_id[count.rule].wording_zh}（{count.failed} 行）")
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
    extra |= {"undeclared": list(headers.undeclared), "absent": list(headers.absent)}
    if result.verdict == PROMOTED:
        result = _current(project, item, result, told)
    return result, extra


def _current(project: Project, item: Item, result: LoadResult, told: dict[str, Any]) -> LoadResult:
    """Make the good delivery current: in place of the last one, or together with those that came before."""
    if not item.load.merges:
        return replace(result, rows_current=result.rows_accepted)
    load = {**told, "item": item.id, "load_id": result.load_id, "verdict": result.verdict, "repeats": []}
    merged = merge(project, item, load | {"rows_accepted": result.rows_accepted, "file_name": result.file_name})
    if merged is None:
        said = "数据项的结构变了，此前的交付还没有都按新结构重新载入；在那之前仍用旧版本"
        return replace(result, warnings=(*result.warnings, said))
    return replace(result, rows_current=merged.rows, changes=merged.changes)
