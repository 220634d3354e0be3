"""A webhook server on this machine, projects with channels to it, and a clock that a test moves."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from fudata_pipeline.alerts import Report, send_alerts
from fudata_pipeline.alerts.posting import Pace
from fudata_pipeline.catalog.channels import Channel
from fudata_pipeline.load.result import LoadResult
from fudata_pipeline.project import Project

OK = (200, {}, {"errcode": 0, "errmsg": "ok"})
NIGHT = datetime(2022, 11, 1, 1, 30)


@dataclass
class Received:
    """A request as it came in."""

    query: dict[str, list[str]]
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> dict[str, Any]:
        return dict(json.loads(self.raw.decode("utf-8")))

    @property
    def text(self) -> str:
        body = self.body.get("markdown", self.body)
        return str(body.get("content") or body["text"])


@dataclass
class Webhook:
    """The server: what it received, and what it will answer, first to last; after that it is content."""

    server: ThreadingHTTPServer
    received: list[Received] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str], Any]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/robot/send?access_token=t0ken"

    @property
    def told(self) -> str:
        return "\n".join(r.text for r in self.received)


@pytest.fixture
def webhook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhook]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            hook.received.append(Received(parse_qs(urlsplit(self.path).query), dict(self.headers), raw))
            status, headers, body = hook.answers.pop(0) if hook.answers else OK
            content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    hook = Webhook(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
    thread = threading.Thread(target=hook.server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("HOOK_URL", hook.url)
    monkeypatch.setenv("HOOK_SECRET", "SECa1b2c3")
    yield hook
    hook.server.shutdown()
    hook.server.server_close()
    thread.join()


@dataclass
class Clock:
    """Seconds that pass only when somebody sleeps."""

    seconds: float = 0.0
    slept: list[float] = field(default_factory=list)

    def read(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds

    def pace(self, per_minute: int) -> Pace:
        return Pace(per_minute, self.read, self.sleep)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def channel(kind: str = "wecom", **more: Any) -> Channel:
    return Channel.model_validate({"name": "bureau", "kind": kind, "url_env": "HOOK_URL", **more})


def hearing(project: Project, *channels: Channel) -> Project:
    """The project with these channels declared."""
    return Project(
        project.settings, project.catalog.model_copy(update={"channels": channels or (channel(),)}), project.registry
    )


Send = Callable[..., list[Report]]


@pytest.fixture
def send(clock: Clock) -> Send:
    """Send what is due some hours after the first night: ``send(project, hours)``."""

    def after(project: Project, hours: float = 0, results: tuple[LoadResult, ...] = ()) -> list[Report]:
        return send_alerts(project, results, at=NIGHT + timedelta(hours=hours), pace=clock.pace)

    return after


Record = Callable[..., None]


@pytest.fixture
def record(project: Project) -> Record:
    """Write a load into the registry: ``record("gaj.hukou_population", "promoted", hours)``."""

    def load(item: str, verdict: str, hours: float = 0, reason: str = "", **more: Any) -> None:
        at = NIGHT + timedelta(hours=hours)
        load_id = f"{item}@{at.isoformat()}-{verdict}"
        values = {
            "load_id": load_id,
            "sha256": hashlib.sha256(load_id.encode()).hexdigest(),
            "unit": item.split(".")[0],
            "item": item,
            "loaded_at": at,
            "contract": "",
            "verdict": verdict,
            "reason": reason,
            **{name: [] for name in ("rules", "gate", "warnings", "repeats")},
            "dimensions": {},
        }
        project.registry.record_load({**values, **more}, promote=verdict == "promoted")

    return load
