"""Alert channels are declared in an optional file; a mistake in it is named with file, line and cure."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from fudata_pipeline.catalog import CatalogError, load_catalog
from fudata_pipeline.catalog.channels import Heard

GOOD = """\
channels:
  bureau: {kind: wecom, url_env: FUDATA_ALERT_BUREAU}
  duty:
    kind: dingtalk
    url_env: FUDATA_ALERT_DUTY
    secret_env: FUDATA_ALERT_DUTY_SECRET
    hears: [internal_error, late]
    units: [gaj, mzj]
    quiet: 12
    messages: 1
  ops: {kind: generic, url_env: FUDATA_ALERT_OPS, per_minute: 60, max_bytes: 30000}
"""


def test_no_file_no_channel(folder: Path) -> None:
    assert load_catalog(folder).channels == ()


def test_channels_and_their_defaults(folder: Path) -> None:
    (folder / "alerts.yaml").write_text(GOOD, "utf-8")
    bureau, duty, ops = load_catalog(folder).channels
    assert (bureau.name, bureau.quiet, bureau.per_minute, bureau.messages, bureau.limit) == ("bureau", 24, 20, 3, 4096)
    assert bureau.hears == get_args(Heard)
    assert bureau.hears_of("broken_product", "")
    assert duty.limit == 20000
    assert duty.hears_of("late", "gaj")
    assert not duty.hears_of("late", "zsj")
    assert not duty.hears_of("refused_gate", "gaj")
    assert not duty.hears_of("internal_error", "")
    assert (ops.per_minute, ops.limit) == (60, 30000)


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("kind: wecom", "kind: feishu", 2, "[bureau kind]"),
        ("url_env: FUDATA_ALERT_DUTY\n", "url: http://127.0.0.1/\n", 5, "[duty url]"),
        ("url_env: FUDATA_ALERT_DUTY\n", "url_env: https://127.0.0.1/?key=s3cret\n", 5, "只写变量名"),
        ("secret_env: FUDATA_ALERT_DUTY_SECRET", "secret_env: SEC-s3cret", 6, "只写变量名"),
        ("kind: dingtalk", "kind: generic", 6, "只有 dingtalk 加签"),
        ("late]", "lateness]", 7, "hears"),
        ("[internal_error, late]", "[]", 7, "hears"),
        ("mzj]", "nobody]", 8, "单位 'nobody' 未声明"),
        ("quiet: 12", "quiet: soon", 9, "quiet"),
        ("quiet: 12", "per_minute: 21", 9, "机器人每分钟只收 20 条"),
        ("quiet: 12", "max_bytes: 20001", 9, "不能超过 20000 字节"),
        ("quiet: 12", "max_bytes: 100", 9, "max_bytes"),
        ("channels:", "channel:", 1, "不认识的键 'channel'"),
        ("ops: {", "ops: [", 11, "不是有效的 YAML"),
    ],
)
def test_each_mistake_is_named_with_its_line_and_cure(folder: Path, old: str, new: str, line: int, said: str) -> None:
    assert old in GOOD
    (folder / "alerts.yaml").write_text(GOOD.replace(old, new, 1), "utf-8")
    with pytest.raises(CatalogError) as error:
        load_catalog(folder)
    found = [f for f in error.value.findings if said in str(f)]
    assert found, str(error.value)
    assert str(found[0]).startswith("catalog/alerts.yaml:")
    assert found[0].line is not None
    assert abs(found[0].line - line) <= 1
    assert found[0].cure
    assert "s3cret" not in str(error.value)
