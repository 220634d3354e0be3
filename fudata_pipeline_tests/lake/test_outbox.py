"""The table of alerts, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from fudata_pipeline.lake.outbox import TEXT, Line, Outbox, alerts
from fudata_pipeline.lake.registry import Registry
from fudata_pipeline.settings import Settings

AT = datetime(2022, 11, 1, 1, 30)
LATE = Line("bureau", "swj.taxpayer", "swj", "late", "c0ffee", "逾" * TEXT, AT)


@pytest.fixture(params=["sqlite", "postgresql"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Registry:
    url = request.getfixturevalue("postgres") if request.param == "postgresql" else None
    made = Registry(Settings(home=tmp_path, data=tmp_path, registry_url=url))
    assert made.engine.dialect.name == request.param
    return made


def test_lines_wait_until_they_are_confirmed_and_are_known_after_a_restart(registry: Registry) -> None:
    box = Outbox(registry)
    box.add([])
    box.add([LATE, replace(LATE, channel="duty"), replace(LATE, subject="gaj.x")])
    assert [(line.subject, line.text) for line in box.waiting("bureau")] == [
        ("swj.taxpayer", LATE.text), ("gaj.x", LATE.text),
    ]  # fmt: skip
    box.mark_sent(box.waiting("bureau")[:1], AT + timedelta(minutes=1))
    assert [line.subject for line in box.waiting("bureau")] == ["gaj.x"]
    assert [line.subject for line in box.waiting("duty")] == ["swj.taxpayer"]
    again = replace(LATE, raised_at=AT + timedelta(days=1))
    Outbox(registry).add([again, replace(LATE, kind="recovered", cause="")])
    newest = Outbox(registry).newest("bureau")
    assert [(line.subject, line.kind, line.raised_at, line.sent_at) for line in newest] == [
        ("gaj.x", "late", AT, None), ("swj.taxpayer", "late", AT + timedelta(days=1), None),
        ("swj.taxpayer", "recovered", AT, None),
    ]  # fmt: skip
    alerts.drop(registry.engine)


def test_a_registry_made_before_there_were_alerts_gets_the_table(registry: Registry) -> None:
    alerts.drop(registry.engine)
    assert Outbox(registry).waiting("bureau") == []
    assert sa.inspect(registry.engine).has_table("alerts")
    alerts.drop(registry.engine)


def test_broken_builds_are_kept_until_they_are_mended(registry: Registry) -> None:
    for reason in ("x", "y" * 3000):
        registry.record_broken("base.house", reason, AT)
    (row,) = registry.broken_builds()
    assert (row["product"], row["reason"], row["failed_at"]) == ("base.house", "y" * 2000, AT)
    registry.record_mended("base.house")
    assert registry.broken_builds() == []
