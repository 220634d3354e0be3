"""`fudata alert`: what went wrong, to the people in WeCom, DingTalk or behind any webhook."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from fudata_pipeline.catalog.channels import Channel
from fudata_pipeline.cli.options import FAILED, AsJson, WrongUse
from fudata_pipeline.console import err, out, print_json
from fudata_pipeline.load.result import LoadResult
from fudata_pipeline.project import Project

if TYPE_CHECKING:
    from fudata_pipeline.alerts import Report

alert_app = typer.Typer(
    no_args_is_help=True,
    help="Tell people what went wrong, in WeCom, DingTalk or by any webhook. Channels are declared in "
    "catalog/alerts.yaml, their addresses in environment variables; `fudata run` sends by itself.",
)


def tell(project: Project, results: Iterable[LoadResult] = ()) -> list[Report]:
    """Send what is due to the declared channels, if any."""
    if not project.catalog.channels:
        return []
    from fudata_pipeline.alerts import send_alerts  # its HTTP client is for those who have channels

    return send_alerts(project, results)


@contextmanager
def telling_of_a_crash(project: Project) -> Iterator[None]:
    """A night that ends in a defect tells what it came to all the same; the defect goes on its way."""
    try:
        yield
    except Exception:
        with suppress(Exception):  # whose own failure must not hide the defect
            show_alerts(tell(project))
        raise


def show_alerts(reports: list[Report]) -> None:
    """What was told to which channel, and what waits for the next night."""
    for r in reports:
        if r.messages:
            err.print(f"告警通道 {r.channel}：已发 {r.messages} 条消息（{r.told} 项）", highlight=False)
        if r.failure:
            err.print(f"[yellow]![/] {r.failure}（{r.waiting} 项待发）", highlight=False)


def _channels(project: Project, name: str | None = None) -> list[Channel]:
    """The declared channels, or the one of this name.

    Raises:
        WrongUse: there is none.
    """
    channels = [c for c in project.catalog.channels if name in (None, c.name)]
    if not project.catalog.channels:
        raise WrongUse("没有声明告警通道 → 在 catalog/alerts.yaml 中声明（写法见 catalog/README.md）")
    if not channels:
        raise WrongUse(f"没有告警通道 {name!r}；可用：{'、'.join(c.name for c in project.catalog.channels)}")
    return channels


@alert_app.command("test")
def test(
    channel: Annotated[str | None, typer.Option(help="Only this channel; default all.")] = None,
    as_json: AsJson = False,
) -> None:
    """Send a test message to each channel. Exit code 1 if one could not be reached.

    Examples: fudata alert test · fudata alert test --channel bureau --json
    """
    from fudata_pipeline.alerts import send_test

    project = Project.open()
    reports = [send_test(project, c) for c in _channels(project, channel)]
    if as_json:
        print_json([asdict(r) for r in reports])
    for r in reports if not as_json else ():
        if r.failure:
            err.print(f"[red]✗[/] {r.failure}", highlight=False)
        else:
            out.print(f"[green]✓[/] 告警通道 {r.channel}：测试消息已送达", highlight=False)
    if any(r.failure for r in reports):
        raise typer.Exit(FAILED)


@alert_app.command("send")
def send(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the messages; send and record nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send what is due by the registry: problems of the last loads and builds, late items, recoveries, and what a channel
    missed before. Exit code 1 if a channel did not take it; it is kept for the next time.

    Examples: fudata alert send --dry-run · fudata alert send --json
    """
    project = Project.open()
    _channels(project)
    if dry_run:
        _preview(project, as_json=as_json)
        return
    reports = tell(project)
    if as_json:
        print_json([asdict(r) for r in reports])
    else:
        show_alerts(reports)
        if not any(r.messages or r.failure for r in reports):
            out.print("没有待发的告警")
    if any(r.failure for r in reports):
        raise typer.Exit(FAILED)


def _preview(project: Project, *, as_json: bool) -> None:
    from fudata_pipeline.alerts import preview

    due = preview(project)
    if as_json:
        print_json([{"channel": c.name, "lines": len(m.lines), "payload": m.payload} for c, m in due])
        return
    for channel, message in due:
        out.rule(f"{channel.name}（{channel.kind}），{len(message.lines)} 项")
        out.print(message.shown, markup=False, highlight=False, soft_wrap=True)
    if not due:
        out.print("没有待发的告警")
