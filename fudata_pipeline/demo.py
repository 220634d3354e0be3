"""The demo: a small made-up district delivers for two nights, each followed by the ordinary night's work."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from fudata_pipeline.console import err, out, progress, show_products, show_table
from fudata_pipeline.load.result import ROW_COUNTS, UNCHANGED, VERDICTS
from fudata_pipeline.nightly import Night, products, run_night
from fudata_pipeline.project import Project
from fudata_pipeline.quality.score import mean
from fudata_pipeline.synthetic.district import District, delivering, render_night
from fudata_pipeline.synthetic.render import Rendered

NIGHTS = 2
QUERIES = (
    ("人口最多的五个网格", "SELECT grid_name, community_name, residents, elderly FROM block.population_by_grid "
     "ORDER BY residents DESC, grid_code LIMIT 5"),
    ("落格方法与未落格原因", "SELECT coalesce(method, reason) AS outcome, count(*) AS people "
     "FROM block.population_placement GROUP BY ALL ORDER BY people DESC"),
    ("得分最低的十项", "SELECT item, verdict, rows_in, rows_accepted, rows_quarantined, rows_duplicate, score "
     "FROM meta.loads QUALIFY row_number() OVER (PARTITION BY item ORDER BY loaded_at DESC, load_id DESC) = 1 ORDER BY score, item LIMIT 10"),
)  # fmt: skip


def run_nights(project: Project, nights: Iterable[Path], *, quiet: bool = False) -> list[Night]:
    """Drop the deliveries of each folder of ``nights`` into the inbox and do the night's work; with ``quiet`` in silence.

    A folder holds ``<unit>/<file>``. Whatever does not deliver on a night is not asked for.
    """
    done = []
    for folder in nights:
        _deliver(folder, project.settings.inbox_dir)
        items = [i for i in project.catalog.items if (project.settings.inbox_dir / i.unit).is_dir()]
        with progress(len(items) + len(products(project)) + 1) as step:
            night = run_night(project, items, step)
        done.append(night)
        if not quiet:
            out.rule(f"{folder.name} 夜间运行")
            show_night(night)
            show_products(night)
    return done


def _deliver(folder: Path, inbox: Path) -> None:
    """Put every file of a night into the inbox: a link where the file system allows, else a copy."""
    for file in sorted(f for f in folder.rglob("*") if f.is_file() and not f.name.startswith(".")):
        target = inbox / file.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        try:
            target.hardlink_to(file)
        except OSError:
            shutil.copyfile(file, target)


def render_demo(project: Project, folder: Path, on_item: Callable[[Rendered], None] = lambda _: None) -> District:
    """Render the demo's district at the catalog's scale: two nights of deliveries, and the truth beside them."""
    district = District(folder, scale=project.catalog.district.scale)
    for night in range(NIGHTS):
        due = delivering(project.catalog, district, night)
        items = [i for i in project.catalog.items if i.id in due]
        render_night(project.settings, project.catalog, district, night, items, on_item=on_item)
    return district


def show_night(night: Night) -> None:
    """A night in a few lines: how many items came to which verdict, what was refused and why."""
    delivered = [r for r in night.results if not r.missing]
    counts = {
        title: sum(r.verdict == verdict and not r.repeated for r in delivered) for verdict, title in VERDICTS.items()
    }
    counts["无变化"] += sum(r.repeated and not r.failed for r in delivered if r.verdict != UNCHANGED)
    out.print("，".join(f"{title} {n:,} 项" for title, n in counts.items() if n))
    new = [r for r in delivered if not r.repeated]
    out.print(
        "交付 {:,} 行 = 入库 {:,} + 隔离 {:,} + 重复 {:,}".format(
            *(sum(getattr(r, c) for r in new) for c in ROW_COUNTS)
        )
    )
    for r in new:
        if r.failed:
            err.print(f"[red]✗[/] {r.item}：{r.reason}", highlight=False)


def scoreboard(project: Project) -> list[dict[str, Any]]:
    """Per unit: items with a good version, rows of those versions, and their score, each item counting once."""
    rows = []
    current = project.registry.current_loads()
    for unit in project.catalog.units:
        declared = project.catalog.items_of(unit.id)
        loads = [current[i.id] for i in declared if i.id in current]
        rows.append(
            {
                "unit": unit.id,
                "short": unit.short,
                "items_declared": len(declared),
                "items_current": len(loads),
                **{c: sum(load[c] for load in loads) for c in ROW_COUNTS},
                "score": mean(load["score"] for load in loads),
            }
        )
    return rows


def show_scoreboard(project: Project) -> None:
    """The scoreboard, and three queries to try on the published file."""
    every = scoreboard(project)
    rows = [r for r in every if r["items_current"]]
    show_table(
        "记分牌（各单位当前可用版本）",
        ["单位", "可用/申报", "交付行", "入库", "隔离", "重复", "得分"],
        [
            [r["short"], f"{r['items_current']}/{r['items_declared']}", *(r[c] for c in ROW_COUNTS), r["score"]]
            for r in rows
        ],
        numeric=1,
    )
    declared = sum(r["items_declared"] for r in every)
    out.print(
        f"目录 {len(every)} 个单位 {declared:,} 个数据项，有可用版本 {sum(r['items_current'] for r in rows):,} 项。"
    )
    out.print(f"\n发布文件：{project.settings.published_file}\n可以试试：")
    for title, sql in QUERIES:
        out.print(f"\n[bold]-- {title}[/]\n{sql};", highlight=False)
    err.print("\n第二夜的拒收是模拟区有意为之：当前可用版本都保持不变。")
