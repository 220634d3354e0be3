"""A problem is told once, again after the quiet hours, and when it is over; what a channel missed comes later."""

from __future__ import annotations

from datetime import timedelta

import pytest
from filelock import FileLock

from fudata_pipeline.alerts import Report, preview, send_test
from fudata_pipeline.alerts.messages import compose
from fudata_pipeline.lake import files
from fudata_pipeline.lake.outbox import Outbox
from fudata_pipeline.load.result import LoadResult
from fudata_pipeline.project import Project
from fudata_pipeline.quality.freshness import allowed_days

from .conftest import NIGHT, Clock, Record, Send, Webhook, channel, hearing

ITEM = "swj.taxpayer"
CUT_OFF = (
    "税务局《纳税人登记信息》t_{}.csv 第 {} 行：交付文件不完整（truncated）。末条记录（第 {} 行）不完整 → 请重新上传"
)


def _cut_off(record: Record, hours: float, line: int, item: str = ITEM) -> None:
    record(item, "refused_contract", hours, CUT_OFF.format(line, line, line), file_name=f"t_{line}.csv")


def test_without_a_channel_nothing_is_sent(project: Project, send: Send, record: Record) -> None:
    _cut_off(record, 0, 10)
    assert send(project) == []


def test_told_once_within_the_quiet_hours_and_again_after_them(
    project: Project, send: Send, record: Record, webhook: Webhook
) -> None:
    project = hearing(project)
    _cut_off(record, 0, 10)
    assert send(project) == [Report("bureau", messages=1, told=1)]
    assert "t_10.csv 第 10 行：交付文件不完整" in webhook.told
    _cut_off(record, 12, 11)  # another delivery, another line, the same problem
    assert send(project, 12) == [Report("bureau")]
    assert send(project, 23.9) == [Report("bureau")]
    assert send(project, 24) == [Report("bureau", messages=1, told=1)]
    assert "t_11.csv 第 11 行" in webhook.received[1].text
    assert send(project, 36) == [Report("bureau")]
    assert len(webhook.received) == 2


def test_dedup_survives_a_restart(project: Project, send: Send, record: Record, webhook: Webhook) -> None:
    _cut_off(record, 0, 10)
    send(hearing(project))
    again = Project.of(project.settings, project.catalog)
    assert again.registry.engine is not project.registry.engine
    assert send(hearing(again), 1) == [Report("bureau")]


def test_another_cause_is_another_problem(project: Project, send: Send, record: Record, webhook: Webhook) -> None:
    project = hearing(project)
    _cut_off(record, 0, 10)
    send(project)
    record(
        ITEM,
        "refused_contract",
        1,
        "税务局《纳税人登记信息》t_1.csv：缺少目录申报的必备列（missing_column）。缺少列：a → 补齐",
    )
    assert send(project, 1)[0].told == 1
    gate = [{"type": "expect_row_count", "column": None, "success": False, "severity": "critical"}]
    record(ITEM, "refused_gate", 2, "要求行数不低于 50，实际为 10 → 请重新交付", gate=gate)
    assert send(project, 2)[0].told == 1
    record(ITEM, "refused_gate", 3, "要求行数不低于 51，实际为 9 → 请重新交付", gate=gate)
    assert send(project, 3)[0].told == 0
    record(ITEM, "internal_error", 4, f"{ITEM} 载入时程序出错（KeyError）→ 请把日志报告给开发者")
    assert send(project, 4)[0].told == 1
    record(ITEM, "internal_error", 5, f"{ITEM} 载入时程序出错（ValueError）→ 请把日志报告给开发者")
    assert send(project, 5)[0].told == 1


def test_recovery_is_told_once_and_a_relapse_at_once(
    project: Project, send: Send, record: Record, webhook: Webhook
) -> None:
    project = hearing(project)
    _cut_off(record, 0, 10)
    send(project)
    record(ITEM, "promoted", 5)
    assert send(project, 5)[0].told == 1
    assert "税务局《纳税人登记信息》（swj.taxpayer）已恢复：自 11-01 06:30 起正常" in webhook.received[1].text
    assert send(project, 6) == [Report("bureau")]
    _cut_off(record, 7, 12)  # within the quiet hours of the first, but people believe that all is well
    assert send(project, 7)[0].told == 1
    assert len(webhook.received) == 3


def test_an_item_that_nobody_heard_of_does_not_recover(
    project: Project, send: Send, record: Record, webhook: Webhook
) -> None:
    record(ITEM, "promoted", 0)
    _cut_off(record, 1, 10)
    project = hearing(
        project, channel(units=["gaj"]), channel("generic", name="ops", hears=["internal_error", "recovered"])
    )
    send(project, 1)
    record(ITEM, "promoted", 2)
    assert send(project, 2) == [Report("bureau"), Report("ops")]
    assert webhook.received == []


def test_an_item_that_another_process_holds(project: Project, send: Send, record: Record, webhook: Webhook) -> None:
    project = hearing(project)
    record(ITEM, "promoted", -1)
    held = LoadResult("swj", ITEM, "纳税人登记信息", "internal_error", "item/swj.taxpayer 正被另一个进程处理")
    assert send(project, 0, (held,))[0].told == 1
    assert send(project, 1) == [Report("bureau")]  # the load before it is no recovery
    record(ITEM, "promoted", 2)
    assert send(project, 2)[0].told == 1
    assert "已恢复" in webhook.received[1].text


def test_late_by_its_cycle_and_well_again(project: Project, send: Send, record: Record, webhook: Webhook) -> None:
    item = project.catalog.items_by_id[ITEM]
    assert item.cycle == "monthly"
    project = hearing(project)
    record(ITEM, "promoted", 0)
    last = allowed_days(project.catalog.district, item.cycle) or 0
    assert send(project, last * 24) == [Report("bureau")]
    assert send(project, (last + 1) * 24)[0].told == 1
    assert "逾期未交付：每月更新，最近一次合格的交付在 2022-11-01，已逾期 1 天" in webhook.told
    assert send(project, (last + 1) * 24 + 23) == [Report("bureau")]
    assert send(project, (last + 2) * 24)[0].told == 1
    record(ITEM, "promoted", (last + 2) * 24 + 1)
    assert send(project, (last + 2) * 24 + 1)[0].told == 1
    assert "已恢复" in webhook.received[-1].text


def test_the_same_content_once_more_is_in_time(project: Project, send: Send, record: Record, webhook: Webhook) -> None:
    """The unit did its part, though there was nothing to load; a late one is well again by it."""
    project = hearing(project)
    record(ITEM, "promoted", 0)
    (load,) = project.registry.last_loads()
    project.registry.record_repeat(load["load_id"], "t_2.csv", NIGHT + timedelta(days=30))
    assert send(project, 60 * 24) == [Report("bureau")]
    assert send(project, 90 * 24)[0].told == 1
    project.registry.record_repeat(load["load_id"], "t_3.csv", NIGHT + timedelta(days=91))
    assert send(project, 91 * 24)[0].told == 1
    assert "（swj.taxpayer）已恢复：自 01-31 01:30 起正常" in webhook.received[1].text


def test_a_product_that_could_not_be_built(project: Project, send: Send, webhook: Webhook) -> None:
    project = hearing(project)
    build = {"product": "base.house", "title": "房屋", "version": "1", "built_at": NIGHT, "rows": 1}
    project.registry.record_builds(build)
    project.registry.record_broken("base.house", "房屋（base.house）未更新，沿用上一版：x → 检查 SQL", NIGHT)
    assert send(project)[0].told == 1
    assert "产物未能更新 1" in webhook.told
    assert "房屋（base.house）未更新，沿用上一版：x → 检查 SQL" in webhook.told
    project.registry.record_broken("base.house", "房屋（base.house）未更新，沿用上一版：x → 检查 SQL", NIGHT)
    assert send(project, 1) == [Report("bureau")]
    project.registry.record_mended("base.house")
    assert send(project, 2)[0].told == 1
    assert "房屋（base.house）已恢复" in webhook.received[1].text


def test_each_channel_hears_what_it_asked_for(project: Project, send: Send, record: Record, webhook: Webhook) -> None:
    mine = channel("generic", name="mine", units=["gaj"])
    urgent = channel("generic", name="urgent", hears=["internal_error"])
    _cut_off(record, 0, 10)
    record("gaj.hukou_population", "internal_error", 0, "程序出错")
    project.registry.record_broken("base.house", "x", NIGHT)
    send(hearing(project, channel("generic"), mine, urgent))
    told = [{line["subject"] for line in r.body["lines"]} for r in webhook.received]
    assert told == [{ITEM, "gaj.hukou_population", "base.house"}, {"gaj.hukou_population"}, {"gaj.hukou_population"}]


def test_a_server_that_is_down_gets_it_the_next_night(
    project: Project, send: Send, record: Record, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    up = channel("generic", name="up")
    down = channel("dingtalk", name="down", url_env="DOWN_URL")
    project = hearing(project, down, up)
    monkeypatch.setenv("DOWN_URL", "http://127.0.0.1:9/robot/send?access_token=t0ken")
    _cut_off(record, 0, 10)
    report, other = send(project)
    assert (report.messages, report.told, report.waiting) == (0, 0, 1)
    assert report.failure.startswith("告警通道 down：连接失败")
    assert "t0ken" not in report.failure
    assert other == Report("up", messages=1, told=1)
    record(ITEM, "promoted", 20)
    monkeypatch.setenv("DOWN_URL", webhook.url)
    assert send(project, 24) == [Report("down", messages=1, told=2), Report("up", messages=1, told=1)]
    late = webhook.received[1].text
    assert late.index("交付文件不完整") < late.index("（swj.taxpayer）已恢复")
    assert "（11-01 01:30）" in late
    assert send(project, 25) == [Report("down"), Report("up")]


def test_an_errcode_in_a_200_is_not_sent_either(project: Project, send: Send, record: Record, webhook: Webhook) -> None:
    project = hearing(project)
    _cut_off(record, 0, 10)
    webhook.answers = [(200, {}, {"errcode": 45009, "errmsg": "api freq out of limit"})]
    (report,) = send(project)
    assert (report.told, report.waiting) == (0, 1)
    assert "errcode 45009" in report.failure
    assert send(project, 1) == [Report("bureau", messages=1, told=1)]


def test_what_was_confirmed_before_a_failure_is_not_told_again(
    project: Project, send: Send, record: Record, webhook: Webhook
) -> None:
    project = hearing(project)
    for item in project.catalog.items[:60]:
        _cut_off(record, 0, 10, item.id)
    webhook.answers = [(200, {}, {"errcode": 0}), (200, {}, {"errcode": 93000})]
    (report,) = send(project)
    assert report.messages == 1
    assert 0 < report.told < 60
    assert report.waiting == 60 - report.told
    (again,) = send(project, 1)
    assert again.told == report.waiting
    assert send(project, 2) == [Report("bureau")]


def test_a_long_night_is_paced(project: Project, send: Send, record: Record, webhook: Webhook, clock: Clock) -> None:
    project = hearing(project, channel(per_minute=2, messages=5))
    for item in project.catalog.items[:400]:
        _cut_off(record, 0, 10, item.id)
    (report,) = send(project)
    assert (report.messages, report.told, len(webhook.received)) == (5, 400, 5)
    assert clock.slept == [60, 60]
    assert "项未列出" in webhook.received[-1].text


def test_another_sender_at_work_is_said_and_keeps_the_lines(
    project: Project, send: Send, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "LOCK_SECONDS", 0.2)
    _cut_off(record, 0, 10)
    locks = project.settings.data_dir / "locks"
    locks.mkdir(parents=True)
    with FileLock(locks / "alerts.lock"):
        (report,) = send(hearing(project))
    assert "另一个进程" in report.failure


def test_a_preview_shows_the_messages_and_raises_nothing(project: Project, record: Record, webhook: Webhook) -> None:
    project = hearing(project)
    _cut_off(record, 0, 10)
    for _ in range(2):
        ((to, message),) = preview(project)
        assert to.name == "bureau"
        assert "交付文件不完整" in message.shown
    assert Outbox(project.registry).newest("bureau") == []
    assert webhook.received == []


def test_the_test_message(project: Project, webhook: Webhook) -> None:
    assert send_test(project, channel()) == Report("bureau", messages=1)
    assert "测试消息：告警通道 bureau 可以使用" in webhook.told
    webhook.answers = [(200, {}, {"errcode": 93000})]
    assert "errcode 93000" in send_test(project, channel()).failure


def test_an_item_that_is_no_longer_declared_is_nobodys_problem(
    project: Project, send: Send, record: Record, webhook: Webhook
) -> None:
    record("swj.gone", "refused_contract", 0, "x")
    record("swj.gone", "promoted", -9999)
    assert send(hearing(project)) == [Report("bureau")]


def test_many_lines_are_composed_quickly(project: Project, send: Send, record: Record) -> None:
    """Every item of the district at once: one message, in a moment."""
    import time

    from .test_messages import _line

    lines = [_line(n) for n in range(2137)]
    started = time.monotonic()
    compose(channel("dingtalk"), "福田区", lines, NIGHT.date())
    assert time.monotonic() - started < 5


def test_a_refused_part_is_told_until_it_is_made_good_whatever_came_after_it(
    project: Project, send: Send, record: Record, webhook: Webhook
) -> None:
    project = hearing(project)
    item = "zsj.citizen_request"  # whose deliveries add up
    for number, verdict in ((1, "promoted"), (2, "refused_contract"), (3, "promoted")):
        reason = CUT_OFF.format(number, 9, 9) if verdict != "promoted" else ""
        name = f"民意工单{number}.jsonl"
        record(item, verdict, number / 10, reason, file_name=name, delivery=name)
    assert send(project, 1) == [Report("bureau", messages=1, told=1)]
    assert "t_2.csv" in webhook.told
    assert send(project, 2) == [Report("bureau")]
    record(item, "promoted", 3, file_name="民意工单2.jsonl", delivery="民意工单2.jsonl")
    assert send(project, 4) == [Report("bureau", messages=1, told=1)]
    assert "已恢复" in webhook.received[-1].text
