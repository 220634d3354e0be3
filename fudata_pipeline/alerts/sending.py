"""Tell each channel what is new in a night: raised once, repeated only after its quiet hours, and when it is over."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fudata_pipeline.alerts.messages import Message, compose, notice
from fudata_pipeline.alerts.posting import NotSent, Pace, post
from fudata_pipeline.alerts.problems import RECOVERED, Problem, last_good, problems, recovered, well_since
from fudata_pipeline.catalog.channels import Channel
from fudata_pipeline.lake.files import Busy, locked
from fudata_pipeline.lake.outbox import Line, Outbox
from fudata_pipeline.load.result import LoadResult
from fudata_pipeline.project import Project
from fudata_pipeline.settings import now

MakePace = Callable[[int], Pace]


@dataclass(frozen=True)
class Report:
    """What became of one channel's alerts. ``waiting`` lines are kept for the next night; ``failure`` says why."""

    channel: str
    messages: int = 0
    told: int = 0
    waiting: int = 0
    failure: str = ""


def to_raise(
    channel: Channel, found: Sequence[Problem], told: Sequence[Line], well: Mapping[str, datetime], at: datetime
) -> list[Problem | str]:
    """The problems that the channel has to be told now, and the items and products of whose recovery it has to hear.

    ``told``: the newest line of every problem and recovery so far; ``well``: since when what is good is good.
    """
    over = {line.subject: line.seq for line in told if line.kind == RECOVERED}
    open_lines = {line.problem: line for line in told if line.seq > over.get(line.subject, 0)}

    def due(problem: Problem) -> bool:
        last = open_lines.get((problem.subject, problem.kind, problem.cause))
        if last is None or last.sent_at is None:
            return last is None  # what still waits is not raised twice
        return at - last.sent_at >= timedelta(hours=channel.quiet)

    new: list[Problem | str] = [p for p in found if channel.hears_of(p.kind, p.unit) and due(p)]
    if RECOVERED in channel.hears:
        newest = {line.subject: line for line in open_lines.values()}
        troubled = {p.subject for p in found}
        new += [s for s, line in newest.items() if s not in troubled and line.raised_at <= well.get(s, datetime.min)]
    return new


def _raised(
    project: Project, outbox: Outbox, at: datetime, results: Iterable[LoadResult] = ()
) -> list[tuple[Channel, list[Line]]]:
    """What each channel has to be told in addition to what it was told, or still waits to be."""
    good = last_good(project)
    found, well = problems(project, at.date(), good, results), well_since(project, at, good)
    raised = []
    for channel in project.catalog.channels:
        new = [
            recovered(project, n, well[n]) if isinstance(n, str) else n
            for n in to_raise(channel, found, outbox.newest(channel.name), well, at)
        ]
        raised.append((channel, [Line(channel.name, p.subject, p.unit, p.kind, p.cause, p.text, at) for p in new]))
    return raised


def preview(project: Project) -> list[tuple[Channel, Message]]:
    """The messages that :func:`send_alerts` would send now. Writes and sends nothing."""
    at, outbox = now(), Outbox(project.registry)
    made = []
    for channel, new in _raised(project, outbox, at):
        if lines := [*outbox.waiting(channel.name), *new]:
            made += [(channel, m) for m in compose(channel, project.catalog.district.name, lines, at.date())]
    return made


def send_alerts(
    project: Project, results: Iterable[LoadResult] = (), *, at: datetime | None = None, pace: MakePace = Pace
) -> list[Report]:
    """Raise what is new, and send each channel what it has not confirmed yet; a channel that fails stops nobody.

    ``results``: those of the night, if it was this process that ran it.
    """
    channels = project.catalog.channels
    if not channels:
        return []
    at = at or now()
    outbox = Outbox(project.registry)
    try:
        with locked(project.settings, "alerts"):  # two senders would tell everything twice
            for _, lines in _raised(project, outbox, at, results):
                outbox.add(lines)
            return [_send(project, channel, outbox, at, pace(channel.per_minute)) for channel in channels]
    except Busy as busy:
        return [Report(c.name, waiting=len(outbox.waiting(c.name)), failure=str(busy)) for c in channels]


def _send(project: Project, channel: Channel, outbox: Outbox, at: datetime, pace: Pace) -> Report:
    waiting = outbox.waiting(channel.name)
    messages = compose(channel, project.catalog.district.name, waiting, at.date()) if waiting else []
    told = 0
    for number, message in enumerate(messages):
        try:
            post(channel, message.payload, pace)
        except NotSent as failure:
            return Report(channel.name, number, told, len(waiting) - told, str(failure))
        outbox.mark_sent(message.lines, at)
        told += len(message.lines)
    return Report(channel.name, len(messages), told)


def send_test(project: Project, channel: Channel) -> Report:
    """Send a message that says only that the channel works."""
    text = f"测试消息：告警通道 {channel.name} 可以使用"
    try:
        post(channel, notice(channel, project.catalog.district.name, text, now().date()), Pace(channel.per_minute))
    except NotSent as failure:
        return Report(channel.name, failure=str(failure))
    return Report(channel.name, messages=1)
