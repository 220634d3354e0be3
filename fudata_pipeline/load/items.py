"""The items of a night: what has not changed is not touched, small deliveries side by side, large ones one by one."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack

from fudata_pipeline.catalog.model import Item
from fudata_pipeline.load.item import load_item, nothing_to_load
from fudata_pipeline.load.pool import Pool
from fudata_pipeline.load.result import LoadResult, record_lost
from fudata_pipeline.project import Project
from fudata_pipeline.sources import find_delivery

MANY = 60
"""From so many small deliveries on it takes less time to start workers than to load them one after another."""

LARGE = 16 << 20
"""A delivery of so many bytes keeps all cores busy by itself, and may need all of the memory."""

MOST_WORKERS = 8
"""[A] Each takes some 400 MB for its libraries, and the registry takes one load at a time."""


def cores(project: Project) -> int:
    """The cores that loads may use."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return project.settings.threads or available


def load_items(
    project: Project,
    items: list[Item],
    on_item: Callable[[str], None] = lambda _: None,
    *,
    workers: int | None = None,
) -> list[LoadResult]:
    """Load the newest delivery of each item; results in the order of ``items``, the same as from one by one.

    ``on_item`` hears the id of each item as its work begins, in whatever order that is. ``workers``: processes for
    small deliveries, 1 for none but this one; default what the machine and the number of deliveries warrant.
    """
    if workers is None:
        workers = 1 if os.name == "nt" else min(cores(project), MOST_WORKERS)
    later = [i for i in items if _refers(i)]
    if later and len(later) < len(items):  # to what is loaded before
        first = [i for i in items if not _refers(i)]
        done = [
            *load_items(project, first, on_item, workers=workers),
            *load_items(project, later, on_item, workers=workers),
        ]
        found = dict(zip([i.id for i in (*first, *later)], done, strict=True))
        return [found[i.id] for i in items]
    if workers == 1 or len(items) < MANY:
        return [_load(project, item, on_item) for item in items]
    results: dict[int, LoadResult] = {}
    small: list[int] = []
    large: list[int] = []
    last = {row["item"]: row for row in project.registry.last_loads()}
    with ExitStack() as stack:
        pool = None
        for number, item in enumerate(items):
            if result := nothing_to_load(project, item, last.get(item.id)):
                on_item(item.id)
                results[number] = result
                continue
            delivered = find_delivery(project.settings.inbox_dir, item.unit, item.source)
            is_large = delivered is not None and delivered.stat().st_size >= LARGE
            (large if is_large else small).append(number)
            if len(small) == MANY:
                pool = stack.enter_context(Pool(project, workers))  # gets ready while the rest is looked at
        if pool is not None:
            numbers = {items[n].id: n for n in small}
            for item, result in pool.load([items[n] for n in small], lambda item: on_item(item.id)):
                results[numbers[item.id]] = result or record_lost(project, item, last.get(item.id))
            small = [n for n in small if n not in results]
    for number in sorted([*small, *large]):  # now that the workers' memory is free again
        results[number] = _load(project, items[number], on_item)
    return [results[number] for number in range(len(items))]


def _refers(item: Item) -> bool:
    """A rule of the item looks a value up in another item or base model."""
    return any(use.to and use.to.rpartition(".")[0] != item.id for use in item.rules)


def _load(project: Project, item: Item, on_item: Callable[[str], None]) -> LoadResult:
    on_item(item.id)
    return load_item(project, item)
