"""`fudata league` and `fudata report`: how units stand, and what each is told once a month."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fudata_pipeline.cli.options import AsJson, Units
from fudata_pipeline.console import err, out, print_json, progress, show_table
from fudata_pipeline.project import Project
from fudata_pipeline.quality.score import DIMENSIONS
from fudata_pipeline.report.league import league as rank_units
from fudata_pipeline.report.month import Month, NotReported
from fudata_pipeline.report.standing import History
from fudata_pipeline.report.tables import shown
from fudata_pipeline.report.write import plan_reports, write_reports
from fudata_pipeline.settings import now


def league(
    month: Annotated[
        str | None, typer.Option(help="YYYY-MM; default the newest month in which anything was delivered.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Units ranked by their score of a month: dimensions, grade, items in time, late and refused, rows, change.

    Equal scores: fewer refused items first, then fewer late ones, then the smaller share in quarantine.

    Examples: fudata league · fudata league --month 2022-10 --json
    """
    history = History(Project.open(), now().date())
    places = rank_units(history, Month.parse(month) if month else _newest(history))
    if as_json:
        print_json([p.plain for p in places])
        return
    scored = [p for p in places if p.rank is not None]
    rows = [
        [p.rank, s.unit.short, shown(s.score, "score"), s.grade, shown(p.change, "change"),
         *(shown(s.dimensions.get(d), "score") for d in DIMENSIONS.values()),
         len(s.on_time), len(s.late), len(s.refused), len(s.never), s.rows("rows_in"), shown(s.quarantined_share, "share")]
        for p in scored for s in [p.standing]
    ]  # fmt: skip
    first = places[0].standing
    show_table(
        f"各单位排名（{first.month.title}，截至 {first.as_of}）",
        ["名次", "单位", "得分", "等级", "较上月", *DIMENSIONS.values(), "按期", "迟交", "拒收", "从未交付", "交付行", "隔离"],
        rows,
        numeric=2,
    )  # fmt: skip
    if left := len(places) - len(scored):
        out.print(f"另有 {left} 个单位还没有得分（从未交付）。")


def report(
    month: Annotated[str, typer.Option(help="YYYY-MM.")],
    unit: Units = None,
    target: Annotated[Path | None, typer.Option("--out", help="Folder to write; default DATA/reports/YYYY-MM.")] = None,
    dry_run: Annotated[bool, typer.Option(help="Only list the files that would be written.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write each unit's report of a month, as a page and a workbook, and a page with all units' ranks.

    What was sent, late and refused; what is wrong, who mends it and how; masked examples; scores with their trend;
    what to do next. Files are complete in themselves and hold no unmasked personal data.

    Examples: fudata report --month 2022-10 · fudata report --month 2022-10 --unit gaj --out /tmp/gaj --dry-run
    """
    project = Project.open()
    history = History(project, now().date())
    plan = plan_reports(project, history, Month.parse(month), unit or [], target.resolve() if target else None)
    if not dry_run:
        with progress(len(plan.chosen) + 1) as step:
            write_reports(project, history, plan, step)
    if as_json:
        print_json(
            {
                "month": month,
                "written": not dry_run,
                "files": [str(f) for f in plan.files],
                "silent": [u.id for u in plan.silent],
            }
        )
        return
    for file in plan.files if dry_run else [plan.files[-1]]:
        out.print(str(file), soft_wrap=True, highlight=False)
    verb = "将写" if dry_run else "已写"
    err.print(f"{verb} {len(plan.chosen)} 个单位的月报，共 {len(plan.files)} 个文件：{plan.folder}", soft_wrap=True)
    if plan.silent and unit:
        err.print(f"本月没有交付也没有迟交，不写报告：{'、'.join(u.short for u in plan.silent)}")


def _newest(history: History) -> Month:
    if not history.months:
        raise NotReported("还没有任何载入 → 先运行 fudata run")
    return history.months[-1]
