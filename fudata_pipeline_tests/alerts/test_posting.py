"""A message reaches a real HTTP server in the form each kind of channel asks for, or says why it did not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from email.utils import formatdate
from typing import Any

import pytest

from fudata_pipeline.alerts.messages import notice
from fudata_pipeline.alerts.posting import ATTEMPTS, NotSent, post
from fudata_pipeline.catalog.channels import Channel

from .conftest import NIGHT, OK, Clock, Webhook, channel

BUSY = (200, {}, {"errcode": -1, "errmsg": "system busy"})


def _post(clock: Clock, to: Channel, text: str = "张三<@all>") -> None:
    post(to, notice(to, "福田区", text, NIGHT.date()), clock.pace(to.per_minute))


def test_wecom(webhook: Webhook, clock: Clock) -> None:
    _post(clock, channel("wecom"), "测试")
    (got,) = webhook.received
    assert got.body == {"msgtype": "markdown", "markdown": {"content": "### 福田区数据告警 2022-11-01\n\n测试"}}
    assert got.query == {"access_token": ["t0ken"]}
    assert got.headers["Content-Type"] == "application/json; charset=utf-8"
    assert b"\\u" not in got.raw  # WeCom refuses escaped characters


def test_dingtalk_is_signed(webhook: Webhook, clock: Clock) -> None:
    _post(clock, channel("dingtalk", secret_env="HOOK_SECRET"), "测试")
    (got,) = webhook.received
    title = "福田区数据告警 2022-11-01"
    assert got.body == {"msgtype": "markdown", "markdown": {"title": title, "text": f"### {title}\n\n测试"}}
    assert set(got.query) == {"access_token", "timestamp", "sign"}
    (timestamp,), (sign,) = got.query["timestamp"], got.query["sign"]
    assert abs(time.time() * 1000 - int(timestamp)) < 60_000
    expected = hmac.new(b"SECa1b2c3", f"{timestamp}\nSECa1b2c3".encode(), hashlib.sha256).digest()
    assert base64.b64decode(sign) == expected


def test_dingtalk_without_a_secret_is_not_signed(webhook: Webhook, clock: Clock) -> None:
    _post(clock, channel("dingtalk"))
    assert set(webhook.received[0].query) == {"access_token"}


def test_generic_confirms_with_any_2xx(webhook: Webhook, clock: Clock) -> None:
    webhook.answers = [(204, {}, "")]
    _post(clock, channel("generic"), "测试")
    assert webhook.received[0].body == {
        "title": "福田区数据告警 2022-11-01", "text": "福田区数据告警 2022-11-01\n测试", "lines": [], "more": 0,
    }  # fmt: skip


@pytest.mark.parametrize("answer", [(429, {}, ""), (500, {}, "<html>"), (503, {}, ""), BUSY])
def test_tried_again_with_back_off_and_jitter(webhook: Webhook, clock: Clock, answer: Any) -> None:
    webhook.answers = [answer, answer, answer, OK]
    _post(clock, channel())
    assert len(webhook.received) == 4
    assert [2**n * 0.5 <= s <= 2**n for n, s in enumerate(clock.slept, 1)] == [True] * 3


def test_retry_after_is_honoured(webhook: Webhook, clock: Clock) -> None:
    in_a_minute = formatdate(time.time() + 60, usegmt=True)
    webhook.answers = [(429, {"Retry-After": "7"}, ""), (503, {"Retry-After": in_a_minute}, ""), OK]
    _post(clock, channel())
    assert clock.slept[0] == 7
    assert 55 < clock.slept[1] <= 60


def test_a_channel_that_asks_for_too_long_a_wait_is_left_for_later(webhook: Webhook, clock: Clock) -> None:
    webhook.answers = [(429, {"Retry-After": "600"}, "")]
    with pytest.raises(NotSent, match=r"bureau：服务器答复 HTTP 429 → 下一夜自动补发"):
        _post(clock, channel())
    assert (len(webhook.received), clock.slept) == (1, [])


def test_it_ends_after_some_attempts(webhook: Webhook, clock: Clock) -> None:
    webhook.answers = [(500, {}, "")] * 9
    with pytest.raises(NotSent, match="HTTP 500"):
        _post(clock, channel())
    assert len(webhook.received) == ATTEMPTS


@pytest.mark.parametrize(
    ("kind", "answer", "said"),
    [
        ("wecom", (200, {}, {"errcode": 93000, "errmsg": "invalid webhook url"}), "errcode 93000.*url_env"),
        ("wecom", (200, {}, {"errcode": 45009, "errmsg": "api freq out of limit"}), "errcode 45009.*自动补发"),
        ("dingtalk", (200, {}, {"errcode": 310000, "errmsg": "sign not match"}), "errcode 310000.*secret_env"),
        ("dingtalk", (200, {}, {"errcode": 130101, "errmsg": "send too fast"}), "errcode 130101.*自动补发"),
        ("dingtalk", (200, {}, {"errcode": 12345}), "errcode 12345.*机器人文档"),
        ("wecom", (200, {}, "<html>please log in</html>"), "答复不是机器人的格式.*HOOK_URL"),
        ("wecom", (200, {}, ["ok"]), "答复不是机器人的格式"),
        ("generic", (404, {}, ""), "HTTP 404.*HOOK_URL"),
        ("generic", (302, {"Location": "http://127.0.0.1:9/"}, ""), "HTTP 302.*HOOK_URL"),
    ],
)
def test_a_refusal_is_no_confirmation_and_not_repeated(
    webhook: Webhook, clock: Clock, kind: str, answer: Any, said: str
) -> None:
    webhook.answers = [answer]
    with pytest.raises(NotSent, match=f"告警通道 bureau：.*{said}"):
        _post(clock, channel(kind))
    assert (len(webhook.received), clock.slept) == (1, [])


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("HOOK_URL", None, "告警通道 bureau：没有设置环境变量 HOOK_URL → 设为机器人的 webhook 地址"),
        ("HOOK_URL", "", "告警通道 bureau：没有设置环境变量 HOOK_URL → 设为机器人的 webhook 地址"),
        ("HOOK_URL", "t0ken", "告警通道 bureau：环境变量 HOOK_URL 不是网址 → 写入机器人的完整 webhook 地址"),
        ("HOOK_URL", "http://[t0ken", "告警通道 bureau：地址不能使用.* → 检查环境变量 HOOK_URL"),
        ("HOOK_SECRET", None, "告警通道 bureau：没有设置环境变量 HOOK_SECRET → 设为机器人的加签密钥"),
    ],
)
def test_a_missing_or_wrong_variable_names_channel_and_cure(
    webhook: Webhook, clock: Clock, monkeypatch: pytest.MonkeyPatch, name: str, value: str | None, said: str
) -> None:
    monkeypatch.setenv(name, value) if value is not None else monkeypatch.delenv(name)
    with pytest.raises(NotSent, match=said) as error:
        _post(clock, channel("dingtalk", secret_env="HOOK_SECRET"))
    assert "t0ken" not in str(error.value)
    assert webhook.received == []


def test_nobody_listens(webhook: Webhook, clock: Clock) -> None:
    webhook.server.server_close()
    with pytest.raises(NotSent, match="连接失败") as error:
        _post(clock, channel())
    assert len(clock.slept) == ATTEMPTS - 1
    assert "t0ken" not in str(error.value)
    assert error.value.__cause__ is None


def test_no_more_requests_a_minute_than_declared(webhook: Webhook, clock: Clock) -> None:
    to = channel()
    pace = clock.pace(3)
    times = []
    for _ in range(7):
        post(to, notice(to, "福田区", "测试", NIGHT.date()), pace)
        times.append(clock.seconds)
    assert times == [0, 0, 0, 60, 60, 60, 120]
    assert all(sum(t <= other < t + 60 for other in times) <= 3 for t in times)
