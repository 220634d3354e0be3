"""Post a message to a channel until it confirms: paced, with back-off and jitter, and as long as waiting makes sense.

The HTTP library's own retries are not used: they cannot see an ``errcode`` in a body, and they log the address, which is
a secret.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

import requests

from fudata_pipeline.alerts.messages import encoded
from fudata_pipeline.catalog.channels import Channel
from fudata_pipeline.settings import secret

ATTEMPTS = 4
"""[A] WeCom asks for no more than three repetitions."""

LONGEST_WAIT = 120.0
"""Seconds to wait for a channel at most; asked for more, the message is left to the next night."""

TIMEOUT = (5.0, 15.0)
"""Seconds to connect, and to wait for an answer."""

BUSY = -1
"""``errcode`` of a robot that is busy: the only one that a repetition helps against."""

CURES = {
    93000: "检查 url_env 中的 webhook 地址",
    40058: "消息过长：调小 max_bytes",
    45009: "发送过快：稍后自动补发",
    300001: "检查 url_env 中的 access_token",
    300005: "检查 url_env 中的 access_token",
    310000: "检查 secret_env 的加签密钥，以及机器人的自定义关键词（可用“数据告警”）与 IP 段",
    130101: "发送过快：稍后自动补发",
    460101: "消息过长：调小 max_bytes",
}
"""What helps against an ``errcode`` of WeCom or DingTalk."""


class NotSent(Exception):
    """The channel did not confirm; the message names it and the cure, never its address."""

    def __init__(
        self, channel: Channel, said: str, cure: str, *, again: bool = False, after: float | None = None
    ) -> None:
        super().__init__(f"告警通道 {channel.name}：{said} → {cure}")
        self.again = again  # whether to try again tonight
        self.after = after  # seconds that the channel asks to wait


@dataclass
class Pace:
    """At most ``per_minute`` requests within any minute: further ones wait."""

    per_minute: int
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _made: deque[float] = field(default_factory=deque, repr=False)

    def wait(self) -> None:
        while len(self._made) >= self.per_minute:
            if (left := self._made[0] + 60 - self.clock()) <= 0:
                self._made.popleft()
            else:
                self.sleep(left)
        self._made.append(self.clock())


def post(channel: Channel, payload: dict[str, Any], pace: Pace) -> None:
    """Send one message; return when the channel has confirmed it.

    Raises:
        NotSent: it has not, and trying on tonight would not help.
    """
    url = _variable(channel, "url_env")
    if not url.startswith(("http://", "https://")):
        raise NotSent(channel, f"环境变量 {channel.url_env} 不是网址", "写入机器人的完整 webhook 地址")
    key = _variable(channel, "secret_env") if channel.secret_env else None
    for attempt in range(1, ATTEMPTS + 1):
        pace.wait()
        try:
            _post_once(channel, url, key, encoded(payload))
        except NotSent as failure:
            backoff = 2**attempt * random.uniform(0.5, 1)
            wait = backoff if failure.after is None else failure.after
            if not failure.again or attempt == ATTEMPTS or wait > LONGEST_WAIT:
                raise
            pace.sleep(wait)
        else:
            return


def _variable(channel: Channel, attribute: str) -> str:
    name = getattr(channel, attribute)
    if value := secret(name):
        return value
    what = "机器人的 webhook 地址" if attribute == "url_env" else "机器人的加签密钥"
    raise NotSent(channel, f"没有设置环境变量 {name}", f"设为{what}，再运行 fudata alert send")


def signature(key: str, timestamp: int) -> str:
    """DingTalk's signature (加签) of a request made at ``timestamp`` in milliseconds, before URL encoding."""
    digest = hmac.new(key.encode(), f"{timestamp}\n{key}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def _post_once(channel: Channel, url: str, key: str | None, body: bytes) -> None:
    params: dict[str, str] = {}
    if key:
        timestamp = round(time.time() * 1000)  # of this attempt: DingTalk takes none that is an hour old
        params = {"timestamp": str(timestamp), "sign": signature(key, timestamp)}
    headers = {"Content-Type": "application/json; charset=utf-8"}
    try:
        response = requests.post(url, params=params, data=body, headers=headers, timeout=TIMEOUT, allow_redirects=False)
    except requests.exceptions.SSLError:
        raise NotSent(channel, "不能建立安全连接", "检查服务器证书与本机时间") from None
    except (requests.ConnectionError, requests.Timeout) as error:
        raise NotSent(
            channel, f"连接失败（{type(error).__name__}）", "检查网络与地址；下一夜自动补发", again=True
        ) from None
    except requests.RequestException as error:  # its message holds the address
        raise NotSent(channel, f"地址不能使用（{type(error).__name__}）", f"检查环境变量 {channel.url_env}") from None
    _judge(channel, response)


def _judge(channel: Channel, response: requests.Response) -> None:
    """Return if the answer confirms the message. Robots answer 200 with an ``errcode`` when they refuse it."""
    status = response.status_code
    if status == 429 or status >= 500:
        after = _retry_after(response.headers.get("Retry-After"))
        raise NotSent(channel, f"服务器答复 HTTP {status}", "下一夜自动补发", again=True, after=after)
    if not 200 <= status < 300:
        raise NotSent(channel, f"服务器答复 HTTP {status}", f"检查环境变量 {channel.url_env} 中的地址")
    if channel.kind == "generic":
        return
    try:
        code = int(response.json()["errcode"])
    except (ValueError, KeyError, TypeError):
        raise NotSent(channel, "答复不是机器人的格式", f"检查环境变量 {channel.url_env} 与网络代理") from None
    if code:
        cure = CURES.get(code, "按机器人文档的错误码处理")
        raise NotSent(channel, f"机器人拒收（errcode {code}）", cure, again=code == BUSY)


def _retry_after(value: str | None) -> float | None:
    """Seconds that the header asks to wait: it holds them, or a date."""
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None
