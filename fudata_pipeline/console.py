"""What the command line shows: tables, progress, results. Results go to standard output, everything else to error."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from fudata_pipeline.load.corrections import Returned
from fudata_pipeline.load.result import VERDICTS, LoadResult
from fudata_pipeline.nightly import Night

out = Console()
err = Console(stderr=True)
for console in (out, err):
    if not console.is_terminal:
        console.width = 160  # a log or a pipe has no width of its own


def print_json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def show_table(title: str, columns: list[str], rows: list[list[Any]], numeric: int = 99) -> None:
    """Print rows; columns from index ``numeric`` on are right-aligned."""
    grid = Table(title=title, title_justify="left", header_style="bold")
    for number, column in enumerate(columns):
        grid.add_column(column, justify="right" if number >= numeric else "left", overflow="fold")
    for row in rows:
        grid.add_row(*("" if v is None else f"{v:,}" if isinstance(v, int) else str(v) for v in row))
    out.print(grid)


@contextmanager
def progress(total: int) -> Iterator[Callable[[str], None]]:
    """A progress bar on a terminal, silent elsewhere; call it with the name of each step as its work begins."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("", total=total)
        yield lambda name: bar.update(task, advance=1, description=name)


def plain(result: LoadResult) -> dict[str, Any]:
    return {**asdict(result), "verdict_title": VERDICTS[result.verdict], "failed": result.failed}


def show_results(results: list[LoadResult]) -> None:
    """What became of each delivered item, and how many were never delivered."""
    missing = [r for r in results if r.missing]
    results = [one for r in results if not r.missing for one in r.each]
    rows = [
        [
            r.item,
            r.title,
            VERDICTS[r.verdict],
            r.rows_in,
            r.rows_accepted,
            r.rows_quarantined,
            r.rows_duplicate,
            r.score,
        ]
        for r in results
    ]
    columns = ["数据项", "名称", "结论", "交付行", "入库", "隔离", "重复", "得分"]
    show_table("载入", columns, rows, numeric=3)
    for r in results:
        if r.failed:
            err.print(f"[red]✗[/] {r.item}：{r.reason}", highlight=False)
        for warning in r.warnings if not r.repeated else ():
            err.print(f"[yellow]![/] {r.item}：{warning}", highlight=False)
    if len(missing) == 1:
        err.print(f"[yellow]![/] {missing[0].item}：{missing[0].reason}", highlight=False)
    elif missing:
        units = len({r.unit for r in missing})
        err.print(
            f"[dim]·[/] {units} 个单位的 {len(missing):,} 个数据项从未交付（fudata status 可逐项查看）", highlight=False
        )


def show_returned(returned: list[Returned]) -> None:
    """What came back of the quarantine, sheet by sheet."""
    for sheet in returned:
        if sheet.rows:
            out.print(f"[green]✓[/] {sheet.file_name}“{sheet.sheet}”（{sheet.item}）更正 {sheet.rows:,} 行")
        for problem in sheet.problems or (() if sheet.rows else ("没有改动的行",)):
            err.print(f"[yellow]![/] {sheet.file_name}“{sheet.sheet}”（{sheet.item}）：{problem}", highlight=False)


def show_products(night: Night) -> None:
    """What became of each model, block and the publication."""
    for b in night.built:
        count = f"{b.rows:,} 行" if b.product != "published" else f"{b.rows:,} 列入字典"
        out.print(
            f"{'[green]✓[/]' if b.changed else '[dim]·[/]'} {b.title}（{b.product}）{count}{'' if b.changed else '，无变化'}"
        )
    for reason in night.broken:
        err.print(f"[red]✗[/] {reason}", highlight=False)
    for reason in night.skipped:
        err.print(f"[yellow]跳过[/] {reason}", highlight=False)
