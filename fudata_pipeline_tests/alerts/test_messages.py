"""Hundreds of problems become few messages within the channel's limit that say how many more there are."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fudata_pipeline.alerts.messages import Message, compose, encoded
from fudata_pipeline.catalog.channels import MOST_BYTES, Channel
from fudata_pipeline.lake.outbox import Line

from .conftest import NIGHT, channel

REASON = "交付文件不完整（末行被截断）（truncated）。末条记录（第 10 行）不完整 → 请重新上传完整文件"


def _line(number: int, kind: str = "refused_contract", text: str = REASON) -> Line:
    raised = NIGHT + timedelta(minutes=number)
    return Line(
        "bureau", f"swj.item_{number}", "swj", kind, "c", f"税务局《第 {number} 项》{text}", raised, seq=number + 1
    )


def _compose(to: Channel, lines: list[Line]) -> list[Message]:
    return compose(to, "深圳市福田区", lines, NIGHT.date())


@pytest.mark.parametrize("kind", ["wecom", "dingtalk", "generic"])
def test_one_message_for_a_quiet_night(kind: str) -> None:
    lines = [_line(2, "recovered", "已恢复"), _line(0), _line(1, "internal_error")]
    (message,) = _compose(channel(kind), lines)
    assert message.lines == (lines[2], lines[1], lines[0])  # the most urgent first
    assert "程序错误 1、不符合约定，已拒收 1、已恢复 1" in message.shown
    assert "第 0 项》交付文件不完整" in message.shown
    assert "未列出" not in message.shown


@pytest.mark.parametrize("kind", ["wecom", "dingtalk", "generic"])
@pytest.mark.parametrize("most", [1, 3])
def test_hundreds_of_problems_are_few_messages(kind: str, most: int) -> None:
    lines = [_line(n) for n in range(700)] + [_line(800, "late"), _line(801, "recovered")]
    messages = _compose(channel(kind, messages=most), lines)
    assert len(messages) == most
    for message in messages:
        size = len(message.shown.encode()) if kind == "wecom" else len(encoded(message.payload))
        assert MOST_BYTES[kind] // 2 < size <= MOST_BYTES[kind]
        assert "不符合约定，已拒收 700、逾期未交付 1、已恢复 1" in message.shown
    assert [line for m in messages for line in m.lines] == lines  # whoever reads the last one knows of all
    shown = sum(m.shown.count("税务局《第") for m in messages)
    assert (
        f"另有 {702 - shown} 项未列出（不符合约定，已拒收 {700 - shown}、逾期未交付 1、已恢复 1）" in messages[-1].shown
    )
    assert "未列出" not in "".join(m.shown for m in messages[:-1])
    if most == 3:
        assert ["（1/3）" in messages[0].shown, "（3/3）" in messages[2].shown] == [True, True]


def test_a_channel_may_be_told_in_shorter_messages() -> None:
    (message,) = _compose(channel("generic", messages=1, max_bytes=3072), [_line(n) for n in range(50)])
    assert len(encoded(message.payload)) <= 3072
    assert message.payload["more"] == 50 - len(message.payload["lines"]) > 0
    assert message.payload["lines"][0] == {
        "unit": "swj", "subject": "swj.item_0", "kind": "refused_contract", "raised_at": "2022-11-01 01:30:00",
        "text": f"税务局《第 0 项》{REASON}",
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["wecom", "dingtalk"])
def test_what_units_write_formats_nothing_and_mentions_nobody(kind: str) -> None:
    (message,) = _compose(channel(kind), [_line(0, text="<@all> [点我](http://127.0.0.1) `x` **x**_20221101.csv")])
    assert "＜@all＞ ［点我］(http://127.0.0.1) ｀x｀ ＊＊x＊＊_20221101.csv" in message.shown
