"""The demo: sample nights dropped into the inbox one after another, each followed by the ordinary night's work."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from fudata_pipeline.console import err, out, progress, show_products, show_results, show_table
from fudata_pipeline.load.item import ROW_COUNTS
from fudata_pipeline.nightly import Night, products, run_night
from fudata_pipeline.project import Project

QUERIES = (
    ("人口最多的五个网格", "SELECT grid_name, community_name, residents, elderly FROM block.population_by_grid "
     "ORDER BY residents DESC, grid_code LIMIT 5"),
    ("落格方法与未落格原因", "SELECT coalesce(method, reason) AS outcome, count(*) AS people "
     "FROM block.population_placement GROUP BY ALL ORDER BY people DESC"),
    ("最近一次载入与得分", "SELECT item, verdict, rows_in, rows_accepted, rows_quarantined, rows_duplicate, score "
     "FROM meta.loads QUALIFY row_number() OVER (PARTITION BY item ORDER BY loaded_at DESC, load_id DESC) = 1 ORDER BY score"),
)  # fmt: skip


def sample_nights(samples: Path) -> list[Path]:
    """Folders of ``samples`` that hold one night's deliveries each, by date.

    Raises:
        FileNotFoundError: when there is none.
    """
    nights = sorted(p for p in samples.glob("*") if p.is_dir()) if samples.is_dir() else []
    if not nights:
        raise FileNotFoundError(2, "样例目录中没有任何一夜的交付", str(samples))
    return nights


def run_demo(project: Project, samples: Path, *, quiet: bool = False) -> list[Night]:
    """Deliver and run every sample night in order; with ``quiet`` nothing is printed."""
    nights = []
    for night_dir in sample_nights(samples):
        shutil.copytree(night_dir, project.settings.inbox_dir, dirs_exist_ok=True)
        items = list(project.catalog.items)
        with progress(len(items) + len(products(project)) + 1) as step:
            night = run_night(project, items, step)
        nights.append(night)
        if not quiet:
            out.rule(f"{night_dir.name} 夜间运行")
            show_results(night.results)
            show_products(night)
    return nights


def scoreboard(project: Project) -> list[dict[str, Any]]:
    """Per unit: items with a good version, rows of those versions, and the row-weighted score."""
    rows = []
    current = project.registry.current_loads()
    for unit in project.catalog.units:
        declared = project.catalog.items_of(unit.id)
        loads = [current[i.id] for i in declared if i.id in current]
        scored = [(load["score"], load["rows_in"]) for load in loads if load["score"] is not None]
        weight = sum(n for _, n in scored)
        rows.append(
            {
                "unit": unit.id,
                "short": unit.short,
                "items_declared": len(declared),
                "items_current": len(loads),
                **{c: sum(load[c] for load in loads) for c in ROW_COUNTS},
                "score": round(sum(s * n for s, n in scored) / weight, 1) if weight else None,
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
        f"目录共 {len(every)} 个单位、{declared:,} 个数据项；样例只交付了上列单位的 {sum(r['items_current'] for r in rows)} 项。"
    )
    out.print(f"\n发布文件：{project.settings.published_file}\n可以试试：")
    for title, sql in QUERIES:
        out.print(f"\n[bold]-- {title}[/]\n{sql};", highlight=False)
    err.print("\n第二夜的拒收是样例有意为之：当前可用版本都保持不变。")
