"""The night tells its channels by itself: on the command line, from Dagster, and when it ends in a defect."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fudata_pipeline.alerts.problems import problems
from fudata_pipeline.cli.alert import telling_of_a_crash
from fudata_pipeline.models.product import NothingToBuild
from fudata_pipeline.nightly import products, run_night
from fudata_pipeline.project import Project
from fudata_pipeline.settings import secret

from ..conftest import FEW_ROWS, ROOT
from ..district import write_space
from .conftest import NIGHT, Record, Webhook, hearing

CHANNELS = """\
channels:
  bureau: {kind: wecom, url_env: HOOK_URL}
  duty: {kind: dingtalk, url_env: HOOK_URL, secret_env: HOOK_SECRET}
"""


@pytest.fixture
def home(tmp_path: Path, webhook: Webhook) -> Path:
    """A project folder with channels, in whose inbox one delivery is good and one is broken."""
    catalog = Path(shutil.copytree(ROOT / "catalog", tmp_path / "catalog"))
    (catalog / "alerts.yaml").write_text(CHANNELS, "utf-8")
    write_space(tmp_path / "data" / "inbox")
    (tmp_path / "data" / "inbox" / "zsj" / "房屋信息_2.csv").write_text("房屋编码;建筑物编码\n", "utf-8")
    return tmp_path


def _fudata(home: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    code = "import sys; from fudata_pipeline.cli import main; sys.argv[0] = 'fudata'; main()"
    settings = {"FUDATA_HOME": str(home), "FUDATA_SCALE": str(FEW_ROWS), "COLUMNS": "200"}
    kept = {name: os.environ[name] for name in ("PATH", "HOOK_URL", "HOOK_SECRET", "NO_PROXY") if name in os.environ}
    kept |= {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        capture_output=True,
        text=True,
        check=False,
        env=kept | settings | env,
        cwd=home,
    )


def test_the_run_sends_and_later_commands_repeat_nothing(home: Path, webhook: Webhook) -> None:
    good = home / "data" / "inbox" / "zsj" / "房屋信息_1.csv"
    done = _fudata(home, "run", "--unit", "zsj", "--json")
    assert done.returncode == 1, done.stderr
    report = json.loads(done.stdout)
    assert [(a["channel"], a["messages"], a["told"], a["failure"]) for a in report["alerts"]] == [
        ("bureau", 1, 1, ""), ("duty", 1, 1, ""),
    ]  # fmt: skip
    assert "（zsj.house）不符合约定，已拒收：房屋信息_2.csv" in webhook.told
    assert "sign" in webhook.received[1].query
    again = _fudata(home, "alert", "send")
    assert (again.returncode, "没有待发的告警" in again.stdout) == (0, True), again.stderr
    assert len(webhook.received) == 2
    good.rename(good.with_name("房屋信息_3.csv"))
    mended = _fudata(home, "run", "--item", "zsj.house")
    assert "告警通道 bureau：已发 1 条消息（1 项）" in mended.stderr
    assert "（zsj.house）已恢复" in webhook.received[2].text


def test_a_channel_that_fails_is_reported_and_fails_no_night(home: Path, webhook: Webhook) -> None:
    done = _fudata(home, "run", "--item", "zsj.house", HOOK_URL="")
    assert done.returncode == 1
    assert "告警通道 bureau：没有设置环境变量 HOOK_URL → 设为机器人的 webhook 地址" in done.stderr
    assert "（1 项待发）" in done.stderr
    assert (home / "data" / "published" / "futian.duckdb").exists()
    done = _fudata(home, "run", "--item", "zsj.grid_division", HOOK_URL="")
    assert "没有设置环境变量 HOOK_URL" in done.stderr
    assert done.returncode == 0  # the channels still fail, the night does not
    done = _fudata(home, "alert", "send", "--json", HOOK_URL="")
    assert done.returncode == 1
    assert [r["waiting"] for r in json.loads(done.stdout)] == [1, 1]
    assert webhook.received == []
    done = _fudata(home, "alert", "send", "--json")
    assert done.returncode == 0
    assert [r["told"] for r in json.loads(done.stdout)] == [1, 1]


def test_test_and_preview(home: Path, webhook: Webhook) -> None:
    done = _fudata(home, "alert", "test", "--channel", "duty")
    assert (done.returncode, "告警通道 duty：测试消息已送达" in done.stdout) == (0, True), done.stderr
    assert len(webhook.received) == 1
    webhook.answers = [(200, {}, {"errcode": 310000})]
    done = _fudata(home, "alert", "test", "--json")
    assert done.returncode == 1
    bureau, duty = json.loads(done.stdout)
    assert "errcode 310000" in bureau["failure"]
    assert duty["failure"] == ""
    done = _fudata(home, "alert", "test", "--channel", "nobody")
    assert (done.returncode, "可用：bureau、duty" in done.stderr) == (2, True)
    assert "没有待发的告警" in _fudata(home, "alert", "send", "--dry-run").stdout
    _fudata(home, "run", "--item", "zsj.house", HOOK_URL="")
    shown = _fudata(home, "alert", "send", "--dry-run")
    assert "（zsj.house）不符合约定，已拒收" in shown.stdout
    due = json.loads(_fudata(home, "alert", "send", "--dry-run", "--json").stdout)
    assert [(d["channel"], d["lines"], d["payload"]["msgtype"]) for d in due] == [
        ("bureau", 1, "markdown"), ("duty", 1, "markdown"),
    ]  # fmt: skip
    assert len(webhook.received) == 3
    (home / "catalog" / "alerts.yaml").unlink()
    done = _fudata(home, "alert", "test")
    assert (done.returncode, "catalog/alerts.yaml" in done.stderr) == (2, True)


@pytest.mark.parametrize("words", [("alert",), ("alert", "test"), ("alert", "send")])
def test_help(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = _fudata(tmp_path, *words, "--help")
    assert (done.returncode, "Usage" in done.stdout) == (0, True)
    assert len(words) == 1 or "Example" in done.stdout


def test_a_wrong_declaration_is_a_finding(home: Path) -> None:
    (home / "catalog" / "alerts.yaml").write_text(CHANNELS.replace("wecom", "feishu"), "utf-8")
    done = _fudata(home, "alert", "send")
    assert done.returncode == 2
    said = done.stderr.replace("\n", "")
    assert "catalog/alerts.yaml:2 [bureau kind]" in said
    assert "→" in said


def test_a_night_that_ends_in_a_defect_is_told_too(project: Project, record: Record, webhook: Webhook) -> None:
    record("swj.taxpayer", "internal_error", 0, "程序出错")
    with pytest.raises(ZeroDivisionError), telling_of_a_crash(hearing(project)):
        raise ZeroDivisionError
    assert "（swj.taxpayer）程序错误" in webhook.told


def test_failed_builds_are_recorded_until_they_succeed(project: Project) -> None:
    write_space(project.settings.inbox_dir)
    catalog = project.catalog
    base = catalog.base("building")
    feed = base.inputs[0].model_copy(update={"columns": {**base.inputs[0].columns, "building_name": "nothing"}})
    bases = tuple(b.model_copy(update={"inputs": (feed,)}) if b is base else b for b in catalog.bases)
    spoilt = Project(project.settings, catalog.model_copy(update={"bases": bases}), project.registry)
    published = project.settings.published_file.parent
    published.write_text("a file where the folder belongs")
    with pytest.raises(FileExistsError):
        run_night(spoilt, [catalog.items_by_id["zsj.building"]])
    told = {p.subject: p.text for p in problems(project, NIGHT.date(), {})}
    assert set(told) == {"base.building", "published"}
    assert "未更新，沿用上一版" in told["base.building"]
    assert told["published"] == "published 未更新：程序出错（FileExistsError）→ 请把日志报告给开发者"
    published.unlink()
    run_night(project, [])
    assert problems(project, NIGHT.date(), {}) == []


def test_a_product_without_input_is_no_problem(project: Project) -> None:
    with pytest.raises(NothingToBuild):
        products(project)["base.population"]()
    assert problems(project, NIGHT.date(), {}) == []


def test_a_variable_is_read_by_its_exact_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_a", " x \n")
    assert (secret("HOOK_a"), secret("HOOK_A")) == ("x", None)
