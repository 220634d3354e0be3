"""Lines to messages: few, each within its channel's limit, and the last one says how many more lines there are."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from fudata_pipeline.alerts.problems import TITLES
from fudata_pipeline.catalog.channels import Channel
from fudata_pipeline.lake.outbox import Line

_PLAIN = str.maketrans("<>[]`*", "＜＞［］｀＊")
"""What Markdown and the robots give a meaning to: file names and headers come from units, and may mention nobody."""


@dataclass(frozen=True)
class Message:
    """What is posted, and the lines that are told by it (shown, or counted in its ending)."""

    payload: dict[str, Any]
    lines: tuple[Line, ...]

    @property
    def shown(self) -> str:
        """The text that people see."""
        body = self.payload.get("markdown", self.payload)
        return str(body.get("content") or body["text"])


def encoded(payload: dict[str, Any]) -> bytes:
    """The body as it is sent: characters as they are, for WeCom refuses escaped ones (40033)."""
    return json.dumps(payload, ensure_ascii=False).encode()


def compose(channel: Channel, district: str, lines: Sequence[Line], day: date) -> list[Message]:
    """The messages of one night for one channel, the most urgent lines first."""
    order = list(TITLES)
    lines = sorted(lines, key=lambda line: (order.index(line.kind), line.raised_at, line.seq))
    parts: list[list[Line]] = [[]]
    rest: list[Line] = []
    for number, line in enumerate(lines):
        if parts[-1] and not _fits(channel, district, lines, [*parts[-1], line], day):
            if len(parts) == channel.messages:
                rest = lines[number:]
                break
            parts.append([])
        parts[-1].append(line)
    made = []
    for number, part in enumerate(parts, 1):
        left = rest if number == len(parts) else []
        payload = _payload(channel, district, lines, part, left, day, f"（{number}/{len(parts)}）" if parts[1:] else "")
        made.append(Message(payload, (*part, *left)))
    return made


def notice(channel: Channel, district: str, text: str, day: date) -> dict[str, Any]:
    """A message without any line."""
    return _wrapped(channel, _title(district, day), [text], [], 0)


def _title(district: str, day: date) -> str:
    return f"{district}数据告警 {day:%Y-%m-%d}"


def _counts(lines: Sequence[Line]) -> str:
    counts = Counter(line.kind for line in lines)
    return "、".join(f"{title} {counts[kind]}" for kind, title in TITLES.items() if counts[kind])


def _fits(channel: Channel, district: str, every: Sequence[Line], part: list[Line], day: date) -> bool:
    """Whether the lines fit one message even with the longest heading and ending that it may get."""
    payload = _payload(channel, district, every, part, every, day, "（99/99）")
    size = len(payload["markdown"]["content"].encode()) if channel.kind == "wecom" else len(encoded(payload))
    return size <= channel.limit


def _payload(
    channel: Channel, district: str, every: Sequence[Line], part: list[Line], left: Sequence[Line], day: date, of: str
) -> dict[str, Any]:
    head = f"{_counts(every)}{of}"
    ending = [f"另有 {len(left)} 项未列出（{_counts(left)}）→ fudata status 可逐项查看"] if left else []
    return _wrapped(channel, _title(district, day), [head], part, len(left), ending)


def _wrapped(
    channel: Channel, title: str, head: list[str], lines: list[Line], left: int, ending: Sequence[str] = ()
) -> dict[str, Any]:
    """The body that the kind of channel takes. A generic webhook gets the text and the lines as data."""
    told = [f"{line.text}（{line.raised_at:%m-%d %H:%M}）" for line in lines]
    if channel.kind == "generic":
        data = [
            {"unit": e.unit, "subject": e.subject, "kind": e.kind, "raised_at": f"{e.raised_at}", "text": e.text}
            for e in lines
        ]
        return {"title": title, "text": "\n".join([title, *head, *told, *ending]), "lines": data, "more": left}
    listed = ["\n".join(f"- {text.translate(_PLAIN)}" for text in told)] if told else []
    text = "\n\n".join([f"### {title}", *head, *listed, *ending])
    if channel.kind == "wecom":
        return {"msgtype": "markdown", "markdown": {"content": text}}
    return {"msgtype": "markdown", "markdown": {"title": title, "text": text}}
