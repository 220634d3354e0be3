"""`fudata synth`: render a made-up district."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from fudata_pipeline.cli.options import AsJson, Items, Units
from fudata_pipeline.console import err, out, print_json, show_table
from fudata_pipeline.nightly import choose_items
from fudata_pipeline.project import Project
from fudata_pipeline.synthetic.district import District, delivering, render_night
from fudata_pipeline.synthetic.render import Rendered, rows_at


@contextmanager
def row_progress(total: int) -> Iterator[Callable[[Rendered], None]]:
    """Rows rendered, their rate and the time left, on a terminal."""
    columns = (
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,.0f}/{task.total:,.0f} 行"),
        TextColumn("{task.fields[rate]} 行/秒"), TimeElapsedColumn(), TextColumn("剩余"), TimeRemainingColumn(),
    )  # fmt: skip
    started = time.monotonic()
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("", total=max(1, total), rate="-")

        def step(done: Rendered) -> None:
            reached = bar.tasks[task].completed + done.rows
            rate = f"{reached / max(0.001, time.monotonic() - started):,.0f}"
            bar.update(task, completed=reached, description=done.item, rate=rate)

        yield step


def synth(
    target: Annotated[Path, typer.Option("--out", help="Folder to write; keep it apart from the project's data.")],
    scale: Annotated[
        float, typer.Option(help="1: the whole district, 1.037 billion rows; 0.01: ten million.", min=0.00001, max=2)
    ] = 0.01,
    nights: Annotated[
        int, typer.Option(help="Nights to render; from the second on only what changed is delivered.", min=1, max=30)
    ] = 1,
    unit: Units = None,
    item: Items = None,
    seed: Annotated[int, typer.Option(help="Another seed, another district.")] = 2022,
    database: Annotated[
        str | None, typer.Option(help="Deliver tables of this database (SQLAlchemy URL) instead of files.")
    ] = None,
    clean: Annotated[bool, typer.Option("--clean", help="Without any defect.")] = False,
    workers: Annotated[int, typer.Option(help="Processes for items under two million rows.", min=1)] = 2,
    force: Annotated[bool, typer.Option(help="Replace another district in the same folder.")] = False,
    dry_run: Annotated[bool, typer.Option(help="Only say how many rows each unit would deliver.")] = False,
    as_json: AsJson = False,
) -> None:
    """Render a made-up district: deliveries of every item from one coherent twin, with defects, and the truth apart.

    The same seed and scale give the same district. What is there already is not rendered again: repeat the command after
    an interruption. OUT/deliveries/<date>/ holds what units drop into the inbox; OUT/truth/ is for `fudata bench accuracy`.

    Examples: fudata synth --scale 0.01 --out /data/twin · fudata synth --scale 0.001 --nights 2 --unit mzj --out /tmp/mzj ·
    fudata synth --unit gaj --out /tmp/gaj --database sqlite:////tmp/gaj.sqlite
    """
    project = Project.open()
    district = District(target.resolve(), seed, scale, not clean)
    chosen = choose_items(project, unit or [], item or [])
    if dry_run:
        _show_plan(project, district, [i.id for i in chosen], as_json=as_json)
        return
    district.folder.mkdir(parents=True, exist_ok=True)
    district.claim(project.catalog, force=force)
    told = []
    for night in range(nights):
        said = delivering(project.catalog, district, night)
        due = [i for i in chosen if i.id in said]
        started = time.monotonic()
        with row_progress(sum(rows_at(i, scale) for i in due)) as step:
            done = render_night(
                project.settings,
                project.catalog,
                district,
                night,
                due,
                workers=workers,
                database=database,
                on_item=step,
            )
        seconds = time.monotonic() - started
        rows, size = sum(d.rows for d in done), sum(d.file.stat().st_size for d in done if d.file and d.file.exists())
        told.append({"night": district.deliveries(night).name, "items": len(done), "rows": rows, "defects": sum(d.defects for d in done),
                     "bytes": size, "seconds": round(seconds, 1), "folder": str(district.deliveries(night))})  # fmt: skip
    if as_json:
        print_json(told)
        return
    show_table(
        "模拟区", ["夜", "数据项", "行", "缺陷", "字节", "秒", "交付目录"], [list(t.values()) for t in told], numeric=1
    )
    out.print(f"真值（只供评分，流水线读不到）：{district.folder / 'truth'}")


def _show_plan(project: Project, district: District, chosen: list[str], *, as_json: bool) -> None:
    rows: list[dict[str, Any]] = []
    for unit in project.catalog.units:
        items = [i for i in project.catalog.items_of(unit.id) if i.id in set(chosen)]
        if items:
            rows.append(
                {
                    "unit": unit.id,
                    "short": unit.short,
                    "items": len(items),
                    "rows": sum(rows_at(i, district.scale) for i in items),
                }
            )
    if as_json:
        print_json(rows)
        return
    show_table("将要生成", ["单位", "名称", "数据项", "行"], [list(r.values()) for r in rows], numeric=2)
    out.print(f"共 {sum(r['items'] for r in rows):,} 项 {sum(r['rows'] for r in rows):,} 行")
