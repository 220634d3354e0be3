"""A rehearsal at any scale on little disk: item by item rendered, taken in, and its delivery deleted again.

What stays is what a real district would leave: the accepted and quarantined versions, the models, the published file, and
the truth.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fudata_pipeline.catalog.model import Unit
from fudata_pipeline.lake import files
from fudata_pipeline.load.items import load_items
from fudata_pipeline.project import Project
from fudata_pipeline.synthetic.district import District, render_night
from fudata_pipeline.synthetic.render import Rendered, rows_at
from fudata_pipeline.synthetic.rows import STREAMED


@dataclass(frozen=True)
class Rehearsed:
    """One unit done. Seconds of rendering and of loading; ``disk`` is the most its deliveries held at once, in bytes."""

    unit: str
    items: int
    rows: int
    loaded: int
    refused: int
    render_seconds: float
    load_seconds: float
    disk: int


def rehearse(
    project: Project,
    district: District,
    unit: Unit,
    wanted: set[str],
    *,
    night: int = 0,
    load: bool = True,
    on_item: Callable[[Rendered], None] = lambda _: None,
) -> Rehearsed:
    """Render, take in and delete a night of a unit's items: large ones singly, the others together."""
    items = [i for i in project.catalog.items_of(unit.id) if i.id in wanted]
    large = [i for i in items if rows_at(i, district.scale) >= STREAMED]
    small = [i for i in items if rows_at(i, district.scale) < STREAMED]
    rows = loaded = refused = disk = 0
    rendering = loading = 0.0
    for batch in [[i] for i in large] + ([small] if small else []):
        started = time.monotonic()
        done = render_night(project.settings, project.catalog, district, night, batch, on_item=on_item)
        rendering += time.monotonic() - started
        rows += sum(d.rows for d in done)
        disk = max(disk, sum(d.file.stat().st_size for d in done if d.file and d.file.exists()))
        if load:
            started = time.monotonic()
            inbox = project.settings.inbox_dir / unit.id
            inbox.mkdir(parents=True, exist_ok=True)
            delivered = [Path(shutil.move(d.file, inbox / d.file.name)) for d in done if d.file]
            results = load_items(project, batch)
            loading += time.monotonic() - started
            loaded += sum(r.rows_in for r in results)
            refused += sum(r.failed for r in results)
            for file in delivered:
                file.unlink()
            for item in batch:
                shutil.rmtree(files.item_dir(project.settings, item.unit, item.name, "snapshots"), ignore_errors=True)
        else:
            for d in done:
                if d.file:
                    d.file.unlink(missing_ok=True)
    return Rehearsed(unit.id, len(items), rows, loaded, refused, round(rendering, 1), round(loading, 1), disk)
