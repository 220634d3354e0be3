"""The problems of a night, read from the registry: each with a text for people and a fingerprint of its cause."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, get_args

from fudata_pipeline.catalog.channels import Heard
from fudata_pipeline.catalog.model import Item
from fudata_pipeline.lake.registry import Row
from fudata_pipeline.load.arrivals import newest_judgements
from fudata_pipeline.load.deliveries import deliveries
from fudata_pipeline.load.result import INTERNAL_ERROR, REFUSED_GATE, VERDICTS, LoadResult
from fudata_pipeline.project import Project
from fudata_pipeline.quality.freshness import days_late

BROKEN_PRODUCT, LATE, RECOVERED = "broken_product", "late", "recovered"

TITLES = {
    kind: {**VERDICTS, BROKEN_PRODUCT: "产物未能更新", LATE: "逾期未交付", RECOVERED: "已恢复"}[kind]
    for kind in get_args(Heard)
}
"""Every kind of line, the most urgent first, with its Chinese title."""

MOST = 300
"""Characters of a text; a group reads what is wrong, the rest is in `fudata status`."""

_PERSONAL = re.compile(r"\d{11,}[Xx]?|1[3-9]\d[- ]\d{4}[- ]\d{4}")
"""What identity, bank and telephone numbers look like. Reasons hold none; a group chat is no place to find out."""


@dataclass(frozen=True)
class Problem:
    """One problem of an item (of ``unit``) or of a product (``unit`` empty). ``cause`` changes with the rule or cause,
    never with counts, lines or file names: the same problem of another night is recognised by it."""

    subject: str
    unit: str
    kind: str
    cause: str
    text: str


def _fingerprint(cause: str) -> str:
    return hashlib.sha256(cause.encode()).hexdigest()[:16]


def _constant(reason: str) -> str:
    """A reason without what differs from night to night: paths, hashes, numbers."""
    return re.sub(r"/\S+|[0-9a-f]{8,}|[\d.,%]+", "#", reason)


def _said(text: str) -> str:
    """A text on one line, without what looks like a personal number; too long, it loses its middle, not its cure."""
    text = _PERSONAL.sub("＊", " ".join(text.split()))
    problem, arrow, cure = text.rpartition(" → ")
    ending = (arrow + cure)[: MOST // 3] if arrow else ""
    return text if len(text) <= MOST else f"{(problem or text)[: MOST - len(ending) - 1]}…{ending}"


def _named(project: Project, item: Item) -> str:
    return f"{project.catalog.units_by_id[item.unit].short}《{item.title}》"


def _failed_load(project: Project, item: Item, verdict: str, reason: str, file_name: str, gate: list[Any]) -> Problem:
    named = _named(project, item)
    if verdict == REFUSED_GATE:
        cause = str(
            sorted((e["type"], e["column"] or "") for e in gate if not e["success"] and e["severity"] == "critical")
        )
    else:
        cause = _constant(reason.replace(file_name, "") if file_name else reason)
    text = _said(f"{named}（{item.id}）{VERDICTS[verdict]}：{reason.removeprefix(named)}")
    return Problem(item.id, item.unit, verdict, _fingerprint(cause), text)


def last_good(project: Project) -> dict[str, datetime]:
    """When the last good delivery of each item came, one that brought the same content once more included."""
    loads: defaultdict[str, list[Row]] = defaultdict(list)
    for load in project.registry.judgements():
        loads[load["item"]].append(load)
    good = {item: max((d.arrived_at for d in deliveries(own) if d.good()), default=None) for item, own in loads.items()}
    return {item: arrived for item, arrived in good.items() if arrived}


def _late(project: Project, item: Item, arrived: datetime, days: int) -> Problem:
    cycle = project.catalog.codes["update_cycle"].titles[item.cycle]
    text = f"{cycle}更新，最近一次合格的交付在 {arrived:%Y-%m-%d}，已逾期 {days} 天 → 请交付新的数据"
    return Problem(
        item.id,
        item.unit,
        LATE,
        _fingerprint(LATE),
        _said(f"{_named(project, item)}（{item.id}）{TITLES[LATE]}：{text}"),
    )


def problems(
    project: Project, tonight: date, good: Mapping[str, datetime], results: Iterable[LoadResult] = ()
) -> list[Problem]:
    """Everything that is wrong now: items whose newest load failed, late items, products that could not be built.

    ``good``: as :func:`last_good` tells; ``results``: those of the night, for failures that never became a load (another
    process held the item).
    """
    items = project.catalog.items_by_id
    found = [
        _failed_load(
            project, items[row["item"]], row["verdict"], row["reason"] or "", row["file_name"] or "", row["gate"]
        )
        for row in newest_failures(project)
    ]
    found += [
        _failed_load(project, items[r.item], r.verdict, r.reason, r.file_name, [])
        for r in results
        if r.verdict == INTERNAL_ERROR and not r.load_id
    ]
    for name, arrived in good.items():
        if (item := items.get(name)) is not None:
            days = days_late(project.catalog.district, item.cycle, arrived.date(), tonight)
            if days:
                found.append(_late(project, item, arrived, days))
    found += [
        Problem(row["product"], "", BROKEN_PRODUCT, _fingerprint(_constant(row["reason"])), _said(row["reason"]))
        for row in project.registry.broken_builds()
    ]
    return found


def newest_failures(project: Project) -> list[Row]:
    """Of each item the newest load, if it failed; where deliveries add up, the newest delivery that does not stand.

    There a later good delivery does not make up for one that was refused.
    """
    items = project.catalog.items_by_id
    failed = [r for r in project.registry.last_loads() if r["verdict"] in TITLES and r["item"] in items]
    known = {row["item"] for row in failed}
    for name in (n for n, item in items.items() if item.load.merges and n not in known):
        judged = newest_judgements(project.registry.judgements(name))
        refused = [load for load in judged if load["verdict"] in TITLES]
        failed += [project.registry.load(load["load_id"]) for load in refused[-1:]]
    return failed


def well_since(project: Project, at: datetime, good: Mapping[str, datetime]) -> dict[str, datetime]:
    """Since when each item's version or product is good: what was a problem before that has recovered."""
    broken = {row["product"] for row in project.registry.broken_builds()}
    well = {row["product"]: at for row in project.registry.all_builds() if row["product"] not in broken}
    refused = {row["item"] for row in newest_failures(project)}
    for name, load in project.registry.current_loads().items():
        if name in refused and (item := project.catalog.items_by_id.get(name)) and item.load.merges:
            continue
        well[name] = max(load["loaded_at"], good.get(name, datetime.min))
    return well


def recovered(project: Project, subject: str, since: datetime) -> Problem:
    """The good news about an item or product."""
    if (item := project.catalog.items_by_id.get(subject)) is not None:
        text = f"{_named(project, item)}（{subject}）{TITLES[RECOVERED]}：自 {since:%m-%d %H:%M} 起正常"
        return Problem(subject, item.unit, RECOVERED, "", _said(text))
    build = project.registry.build(subject)
    title = build["title"] if build else subject
    return Problem(subject, "", RECOVERED, "", _said(f"{title}（{subject}）{TITLES[RECOVERED]}：已更新"))
