"""The commands of ``fudata``. Every listing takes ``--json``; errors name what, where and the cure."""

from __future__ import annotations

import logging
import sys
import traceback
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from fudata_pipeline.accuracy.report import NothingToScore, score_accuracy
from fudata_pipeline.catalog import CatalogError
from fudata_pipeline.catalog.workbook.reading import NotACatalogWorkbook
from fudata_pipeline.cli.alert import alert_app, show_alerts, tell, telling_of_a_crash
from fudata_pipeline.cli.bench import bench_app, show_accuracy
from fudata_pipeline.cli.catalog import catalog_app, show_import, start_project
from fudata_pipeline.cli.drift import drift_app
from fudata_pipeline.cli.match import match_app
from fudata_pipeline.cli.options import FAILED, INTERNAL, WRONG_USE, AsJson, Items, Units, WrongUse
from fudata_pipeline.cli.quality import docs, suite_app
from fudata_pipeline.cli.quarantine import quarantine_app
from fudata_pipeline.cli.report import league, report
from fudata_pipeline.cli.synth import row_progress, synth
from fudata_pipeline.console import (
    err,
    out,
    plain,
    print_json,
    progress,
    show_products,
    show_results,
    show_returned,
    show_table,
)
from fudata_pipeline.load.result import SOURCE_MISSING, VERDICTS
from fudata_pipeline.nightly import UnknownName, choose_items, products, run_night
from fudata_pipeline.project import Project
from fudata_pipeline.settings import Settings
from fudata_pipeline.synthetic.render import rows_at

app = typer.Typer(
    name="fudata",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="District data catalog in, trusted tables out.\n\nExamples:  fudata demo  ·  fudata run --unit gaj  ·  "
    "fudata status  ·  fudata explain base.population 440304199003071248",
)
app.add_typer(catalog_app, name="catalog")
app.add_typer(quarantine_app, name="quarantine")
app.add_typer(drift_app, name="drift")
app.add_typer(match_app, name="match")
app.add_typer(suite_app, name="suite")
app.add_typer(bench_app, name="bench")
app.add_typer(alert_app, name="alert")
app.command()(synth)
app.command()(league)
app.command()(report)
app.command()(docs)


@app.command()
def init(
    catalog: Annotated[
        Path | None, typer.Option(help="Catalog workbook (政务信息资源目录) to start a new district from.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="With --catalog, and needed there: the district's name.")] = None,
    as_json: AsJson = False,
) -> None:
    """Prepare the project folder: check the catalog, make the data folders, an inbox a unit, and the registry.

    With --catalog the declarations are first made from a district's catalog workbook; every doubtful cell is listed.
    Safe to repeat; declarations that are there already are never overwritten.

    Examples: FUDATA_HOME=/srv/futian fudata init · FUDATA_HOME=/srv/nanshan fudata init --catalog 目录.xlsx --name 南山区
    """
    settings = Settings()
    if name and catalog is None:
        raise WrongUse("--name 只与 --catalog 同用")
    if catalog is not None:
        imported = start_project(settings, catalog, name)
        show_import(imported, as_json=as_json)
    project = Project.open()
    for unit in project.catalog.units:
        (project.settings.inbox_dir / unit.id).mkdir(parents=True, exist_ok=True)
    project.settings.lake_dir.mkdir(parents=True, exist_ok=True)
    if as_json:
        return
    out.print(f"已就绪：{project.settings.root}")
    out.print(f"  目录    {len(project.catalog.units)} 个单位，{len(project.catalog.items)} 个数据项")
    out.print(f"  收件    {project.settings.inbox_dir}/<单位>/")
    out.print(f"  发布    {project.settings.published_file}")


@app.command()
def run(
    unit: Units = None,
    item: Items = None,
    since: Annotated[
        datetime | None, typer.Option(help="Only items whose file arrived at or after this (Asia/Shanghai).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Take in deliveries, bring models and blocks up to date, publish, tell the alert channels.

    Unchanged deliveries are recognised by content and cost nothing. Exit code 1 if an item was refused, or one named
    with --item was never delivered; its neighbours, the models and the publication are done all the same, on each
    item's last good version.

    Examples: fudata run · fudata run --unit gaj · fudata run --item zsj.house --since 2022-11-01
    """
    project = Project.open()
    chosen = choose_items(project, unit or [], item or [], since)
    with telling_of_a_crash(project), progress(len(chosen) + len(products(project)) + 1) as step:
        night = run_night(project, chosen, step)
    alerts = tell(project, night.results)
    if as_json:
        print_json(
            {
                "items": [plain(r) for r in night.results],
                "products": [asdict(b) for b in night.built],
                "broken": night.broken,
                "alerts": [asdict(a) for a in alerts],
            }
        )
    else:
        show_returned(night.returned)
        show_results(night.results)
        show_products(night)
        show_alerts(alerts)
    if night.failed or any(r.missing and r.item in (item or []) for r in night.results):
        raise typer.Exit(FAILED)


@app.command()
def status(unit: Units = None, item: Items = None, as_json: AsJson = False) -> None:
    """The last load of every item and the age of its current version.

    Example: fudata status --unit zsj --json
    """

    project = Project.open()
    last = {row["item"]: row for row in project.registry.last_loads()}
    current = project.registry.current_loads()
    rows = []
    for chosen in choose_items(project, unit or [], item or []):
        load, good = last.get(chosen.id), current.get(chosen.id)
        rows.append(
            {
                "unit": chosen.unit,
                "item": chosen.id,
                "title": chosen.title,
                "verdict": load["verdict"] if load else SOURCE_MISSING,
                "reason": load["reason"] if load else "",
                "loaded_at": load["loaded_at"] if load else None,
                "rows_in": load["rows_in"] if load else 0,
                "rows_accepted": load["rows_accepted"] if load else 0,
                "rows_quarantined": load["rows_quarantined"] if load else 0,
                "rows_duplicate": load["rows_duplicate"] if load else 0,
                "score": load["score"] if load else None,
                "current_load_id": good["load_id"] if good else None,
                "current_loaded_at": good["loaded_at"] if good else None,
                "current_rows": good["rows_current"] if good else 0,
            }
        )
    if as_json:
        print_json(rows)
        return
    show_table(
        "各数据项状态",
        ["数据项", "名称", "最近一次", "时间", "当前版本时间", "当前行数", "隔离", "得分"],
        [
            [r["item"], r["title"], VERDICTS[str(r["verdict"])], r["loaded_at"], r["current_loaded_at"], r["current_rows"],
             r["rows_quarantined"], r["score"]]
            for r in rows
        ],
        numeric=5,
    )  # fmt: skip


@app.command()
def explain(
    table: Annotated[str, typer.Argument(help="Base table, e.g. base.population.")],
    entity: Annotated[str, typer.Argument(help="Entity id, or identifier such as a resident id or credit code.")],
    as_json: AsJson = False,
) -> None:
    """Where each value of one entity came from: unit, item, file and line; which values it beat, and by which rule.

    Example: fudata explain base.legal_entity 91440300708461136T
    """
    from fudata_pipeline.publish.explain import explain as walk_back

    found = walk_back(Settings().published_file, table, entity)
    if as_json:
        print_json(asdict(found))
        return
    out.print(f"{found.title} {found.entity_id}（{found.source_rows} 行来源）")
    show_table(
        "",
        ["字段", "值", "单位", "数据项", "文件", "行", "载入时间", "规则", "更正单"],
        [
            [o.title, o.value, o.unit, o.item, o.file_name, o.line, o.loaded_at, o.rule, o.corrected]
            for o in found.origins
        ],
    )
    if any(o.beaten for o in found.origins):
        show_table(
            "落选的不同值",
            ["字段", "落选值", "单位", "数据项", "文件", "行", "次序"],
            [[o.title, b.value, b.unit, b.item, b.file_name, b.line, b.rank] for o in found.origins for b in o.beaten],
        )
    if found.place:
        out.print("落格：" + "，".join(f"{k} {v}" for k, v in found.place.items()))


@app.command()
def publish(
    force: Annotated[bool, typer.Option(help="Write the file again even if nothing changed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Bring models and blocks up to date and publish, without taking in deliveries."""
    night = run_night(Project.open(), [], force=force)
    if as_json:
        print_json([asdict(b) for b in night.built])
    else:
        show_products(night)
    if night.failed:
        raise typer.Exit(FAILED)


@app.command()
def demo(
    district: Annotated[
        Path | None,
        typer.Option(help="Folder for the made-up district and its truth; default .district of the project."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Two nights of a small made-up district, all units and items, through the whole pipeline; scores; queries to try.

    On the second night some deliveries are broken in the ways units break them; the last good versions stay. Its size is
    the catalog's `scale` (or FUDATA_SCALE).
    """
    from fudata_pipeline.demo import render_demo, run_nights, scoreboard, show_scoreboard

    project = Project.open()
    folder = (district or project.settings.root / ".district").resolve()
    with row_progress(2 * sum(rows_at(i, project.catalog.district.scale) for i in project.catalog.items)) as step:
        made = render_demo(project, folder, step)
    nights = run_nights(project, [made.deliveries(n) for n in range(2)], quiet=as_json)
    accuracy = score_accuracy(project, made)
    if as_json:
        print_json(
            {
                "nights": [[plain(r) for r in n.results if not r.missing] for n in nights],
                "scoreboard": scoreboard(project),
                "accuracy": accuracy,
            }
        )
    else:
        show_scoreboard(project)
        show_accuracy(accuracy)


def main() -> None:
    """Entry point: known failures become one line with the cure, never a traceback."""
    log_file = Settings().data_dir / "logs" / "fudata.log"
    from fudata_pipeline.lake.files import Busy
    from fudata_pipeline.lake.publication import NotPublishable
    from fudata_pipeline.load.quarantine import NotExported
    from fudata_pipeline.models.review.pairs import NotReviewed
    from fudata_pipeline.publish.explain import NotExplained
    from fudata_pipeline.report.month import NotReported
    from fudata_pipeline.synthetic.district import NotRendered, OtherDistrict
    from fudata_pipeline.synthetic.recipe import BadRecipe
    from fudata_pipeline.synthetic.writing import TooManyRows

    try:
        log_file.parent.mkdir(parents=True, exist_ok=True)
        logging.basicConfig(filename=log_file, format="%(asctime)s %(levelname)s %(name)s %(message)s")
        app()
    except CatalogError as error:
        err.print("目录有误，请先修正（fudata catalog check）：", style="red")
        for finding in error.findings:
            err.print(f"  {finding}", markup=False)
        sys.exit(WRONG_USE)
    except (
        BadRecipe,
        Busy,
        NotACatalogWorkbook,
        NotExplained,
        NothingToScore,
        NotRendered,
        NotReported,
        NotReviewed,
        OtherDistrict,
        TooManyRows,
        NotExported,
        NotPublishable,
        UnknownName,
        WrongUse,
    ) as error:
        err.print(str(error), style="red", markup=False)
        sys.exit(WRONG_USE)
    except OSError as error:
        err.print(
            f"{error.strerror or error}：{error.filename or ''} → 检查路径、权限与磁盘空间",
            style="red",
            markup=False,
        )
        sys.exit(WRONG_USE)
    except Exception as error:  # a defect of ours: where it happened goes to the log, without values
        logging.error("%s\n%s", type(error).__name__, "".join(traceback.format_tb(error.__traceback__)))
        err.print(f"程序错误（{type(error).__name__}），详见 {log_file} → 请把日志报告给开发者", style="red")
        sys.exit(INTERNAL)
