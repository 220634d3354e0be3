"""The registry's table of alerts: what was told to which channel and when, and what still waits to be told.

A line is written before it is sent and marked when the channel has confirmed it: what a channel or a process missed
waits here for the next night, and what was told is known after every restart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Column, DateTime, Index, Integer, String, Table

from fudata_pipeline.lake.registry import Registry, metadata

TEXT = 600
"""Characters that the text of a line may have."""

alerts = Table(
    "alerts",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("channel", String(60), nullable=False),
    Column("subject", String(120), nullable=False),
    Column("unit", String(40), nullable=False),
    Column("kind", String(30), nullable=False),
    Column("cause", String(16), nullable=False),
    Column("text", String(TEXT), nullable=False),
    Column("raised_at", DateTime, nullable=False),
    Column("sent_at", DateTime),
    Index("alerts_by_channel", "channel", "subject"),
)


@dataclass(frozen=True)
class Line:
    """One thing to tell one channel. ``subject`` is an item or a product, ``unit`` the item's (of a product: empty);
    ``cause`` a fingerprint of rule or cause; ``sent_at`` when the channel confirmed it."""

    channel: str
    subject: str
    unit: str
    kind: str
    cause: str
    text: str
    raised_at: datetime
    sent_at: datetime | None = None
    seq: int = 0  # 0 until it is in the registry

    @property
    def problem(self) -> tuple[str, str, str]:
        """What makes two lines the same problem, whatever their counts and texts."""
        return self.subject, self.kind, self.cause


class Outbox:
    """Access to the table; every method is one short transaction."""

    def __init__(self, registry: Registry) -> None:
        self.engine = registry.engine
        alerts.create(self.engine, checkfirst=True)  # a registry may have been made before there were alerts

    def newest(self, channel: str) -> list[Line]:
        """The newest line of every problem that ever was one for the channel, and of every recovery, oldest first."""
        newest = (
            sa.select(sa.func.max(alerts.c.seq))
            .where(alerts.c.channel == channel)
            .group_by(alerts.c.subject, alerts.c.kind, alerts.c.cause)
        )
        return self._lines(alerts.c.seq.in_(newest))

    def waiting(self, channel: str) -> list[Line]:
        """The lines that the channel has not confirmed, oldest first."""
        return self._lines(alerts.c.channel == channel, alerts.c.sent_at.is_(None))

    def _lines(self, *where: sa.ColumnElement[bool]) -> list[Line]:
        with self.engine.connect() as con:
            return [
                Line(**row) for row in con.execute(sa.select(alerts).where(*where).order_by(alerts.c.seq)).mappings()
            ]

    def add(self, lines: Sequence[Line]) -> None:
        rows = [asdict(line) for line in lines]
        for row in rows:
            del row["seq"]
        if rows:
            with self.engine.begin() as con:
                con.execute(alerts.insert(), rows)

    def mark_sent(self, lines: Iterable[Line], sent_at: datetime) -> None:
        with self.engine.begin() as con:
            con.execute(alerts.update().where(alerts.c.seq.in_([line.seq for line in lines])).values(sent_at=sent_at))
