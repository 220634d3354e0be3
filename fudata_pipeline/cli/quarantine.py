"""`fudata quarantine`: rows that were set aside, as a workbook for the unit, and once more through the rules."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from fudata_pipeline.cli.options import FAILED, AsJson, Items, Units, WrongUse
from fudata_pipeline.console import out, plain, print_json, show_results, show_returned, show_table
from fudata_pipeline.load.result import VERDICTS
from fudata_pipeline.nightly import choose_items
from fudata_pipeline.project import Project

quarantine_app = typer.Typer(no_args_is_help=True, help="Rows that were set aside, and how they come back.")


@quarantine_app.command("list")
def quarantine_list(unit: Units = None, item: Items = None, as_json: AsJson = False) -> None:
    """What is in quarantine, by item, column and rule, with the first lines of each. Shows no values."""
    from fudata_pipeline.load.quarantine import list_quarantine

    project = Project.open()
    found = list_quarantine(project, choose_items(project, unit or [], item or []))
    if as_json:
        print_json([asdict(q) for q in found])
        return
    show_table(
        "隔离",
        ["数据项", "列", "规则", "问题", "行数", "行号（前几行）", "处理办法"],
        [[q.item, q.column, q.rule, q.wording, q.rows, ", ".join(map(str, q.lines)), q.cure] for q in found],
    )


@quarantine_app.command("export")
def quarantine_export(
    target: Annotated[Path, typer.Argument(help="File to write: .xlsx, .csv or .parquet.")],
    unit: Units = None,
    item: Items = None,
) -> None:
    """Write every quarantined row with its line, reasons and delivered cells, for the unit that must correct it.

    The file holds personal data and is readable by its owner only. Example: fudata quarantine export gaj.xlsx --unit gaj
    """
    from fudata_pipeline.load.quarantine import export_quarantine

    project = Project.open()
    rows = export_quarantine(project, choose_items(project, unit or [], item or []), target)
    out.print(f"已导出 {rows:,} 行到 {target}（含个人信息，仅本人可读）")


@quarantine_app.command("return")
def quarantine_return(
    workbook: Annotated[list[Path], typer.Argument(help="Exported workbook that a unit has corrected in place.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say which rows were changed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take corrected rows back and judge their deliveries once more with them; delivered rows are kept as they came.

    Units may as well leave workbooks in <inbox>/<unit>/corrections/: `fudata run` takes them.
    Example: fudata quarantine return gaj.xlsx --dry-run
    """
    from fudata_pipeline.load.corrections import take_back
    from fudata_pipeline.load.item import load_item
    from fudata_pipeline.load.workbook import NotAWorkbook

    project = Project.open()
    try:
        returned = [sheet for path in workbook for sheet in take_back(project, path, dry_run=dry_run)]
    except NotAWorkbook as error:
        raise WrongUse(str(error)) from None
    items = dict.fromkeys(sheet.item for sheet in returned if sheet.rows and not dry_run)
    results = [load_item(project, project.catalog.items_by_id[item]) for item in items]
    if as_json:
        print_json({"sheets": [asdict(s) for s in returned], "items": [plain(r) for r in results]})
    else:
        show_returned(returned)
        if results:
            show_results(results)
    if any(s.problems for s in returned) or any(r.failed for r in results):
        raise typer.Exit(FAILED)


@quarantine_app.command("history")
def quarantine_history(unit: Units = None, item: Items = None, as_json: AsJson = False) -> None:
    """Every corrected row: from which workbook, which columns, why it was set aside, and where it is now. No values."""
    from fudata_pipeline.load.corrections import history

    project = Project.open()
    found = history(project, choose_items(project, unit or [], item or []))
    if as_json:
        print_json([asdict(h) for h in found])
        return
    show_table(
        "更正的行",
        ["数据项", "交付文件", "行号", "更正单", "收到时间", "改动的列", "原来的问题", "现在"],
        [[h.item, h.file_name, h.line, h.workbook, h.received_at, "、".join(h.columns), "；".join(h.reasons), h.now]
         for h in found],
        numeric=3,
    )  # fmt: skip


@quarantine_app.command("replay")
def quarantine_replay(unit: Units = None, item: Items = None, as_json: AsJson = False) -> None:
    """Take kept deliveries through today's rules and codes once more, after a rule, alias or header was mended.

    Then run `fudata run` to bring models and the publication up to date.
    """
    from fudata_pipeline.load.quarantine import replay

    project = Project.open()
    done = list(replay(project, choose_items(project, unit or [], item or [])))
    if as_json:
        print_json([{**plain(r.after), "released": r.released} for r in done])
    else:
        show_table(
            "重放",
            ["数据项", "结论", "原隔离", "现隔离", "放出"],
            [[r.after.item, VERDICTS[r.after.verdict], r.before, r.before - r.released, r.released]
             for r in done],
            numeric=2,
        )  # fmt: skip
    if any(r.after.failed for r in done):
        raise typer.Exit(FAILED)
