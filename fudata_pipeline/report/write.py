"""Write a month's reports: a page and a workbook a unit, and a page with the league of all."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from fudata_pipeline.catalog.model import Unit
from fudata_pipeline.lake import files
from fudata_pipeline.project import Project
from fudata_pipeline.report.league import Place, league
from fudata_pipeline.report.month import Month, NotReported
from fudata_pipeline.report.standing import History
from fudata_pipeline.settings import now

INDEX = "index.html"
ASIDE = ".report-"


@dataclass(frozen=True)
class Plan:
    """What is to be written to ``folder``: the reports of ``chosen``, and the page of all ``places``.

    ``silent``: units asked for that neither sent anything in the month nor are late: there is nothing to tell them.
    """

    month: Month
    folder: Path
    places: list[Place]
    chosen: list[Place]
    silent: list[Unit]

    def names(self, unit: Unit) -> tuple[str, str]:
        """The file names of a unit's page and workbook."""
        return f"{self.month}-{unit.id}.html", f"{self.month}-{unit.id}.xlsx"

    @property
    def files(self) -> list[Path]:
        names = [name for place in self.chosen for name in self.names(place.standing.unit)]
        return [self.folder / name for name in (*names, INDEX)]


def plan_reports(
    project: Project, history: History, month: Month, units: Collection[str] = (), folder: Path | None = None
) -> Plan:
    """Decide what to write for a month: the reports of these units, or of all.

    Raises:
        NotReported: for an unknown unit, a month without deliveries, or when there is nothing to tell any of the units.
    """
    for unit in units:
        if unit not in project.catalog.units_by_id:
            raise NotReported(f"没有单位 {unit!r}；可用：{'、'.join(project.catalog.units_by_id)}")
    places = league(history, month)
    asked = [p for p in places if not units or p.standing.unit.id in units]
    chosen = [p for p in asked if p.standing.worth_a_report]
    silent = [p.standing.unit for p in asked if not p.standing.worth_a_report]
    if not chosen:
        who = "、".join(u.short for u in silent)
        raise NotReported(
            f"{who}在 {month} 没有交付，也没有迟交的数据项，未写报告 → 换一个月份，或用 fudata status 查看"
        )
    return Plan(month, folder or project.settings.reports_dir / str(month), places, chosen, silent)


def write_reports(
    project: Project, history: History, plan: Plan, on_step: Callable[[str], None] = lambda _: None
) -> list[Path]:
    """Write every file of the plan; each appears whole or not at all.

    ``on_step`` hears the name of each unit as its work begins, then of the page of all: ``len(plan.chosen) + 1`` calls.
    """
    from fudata_pipeline.report.disputes import find_disputes
    from fudata_pipeline.report.excel import write_workbook
    from fudata_pipeline.report.html import environment, index_page, unit_page
    from fudata_pipeline.report.unit import notes, unit_report

    pages, disputes = environment(), find_disputes(project)
    ranked = sum(p.rank is not None for p in plan.places)
    plan.folder.mkdir(parents=True, exist_ok=True)
    with files.locked(project.settings, "reports"):
        for left_by_a_kill in plan.folder.glob(f"{ASIDE}*"):
            shutil.rmtree(left_by_a_kill, ignore_errors=True)
        with TemporaryDirectory(dir=plan.folder, prefix=ASIDE) as aside:
            for place in plan.chosen:
                unit = place.standing.unit
                on_step(unit.short)
                page, workbook = plan.names(unit)
                report = unit_report(project, history, place, ranked, disputes.get(unit.id, ()))
                write_workbook(Path(aside) / workbook, report)
                (Path(aside) / page).write_text(unit_page(pages, report, workbook, INDEX), "utf-8")
                for name in (workbook, page):
                    files.replace(Path(aside) / name, plan.folder / name)
            on_step(INDEX)
            names = {p.standing.unit.id: plan.names(p.standing.unit) for p in plan.places}
            there = {unit: pair for unit, pair in names.items() if all((plan.folder / n).exists() for n in pair)}
            text = index_page(pages, project.catalog.district.name, plan.places, there, notes(project), now())
            (Path(aside) / INDEX).write_text(text, "utf-8")
            files.replace(Path(aside) / INDEX, plan.folder / INDEX)
    return plan.files
