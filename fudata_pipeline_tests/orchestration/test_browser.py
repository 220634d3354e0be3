"""Dagster's UI in a real browser: what the engineer reads the morning after a broken night."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from ..conftest import ROOT, SAMPLE_SCALE, SAMPLES

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="cannot run: no Chromium on this machine (Debian and Ubuntu: apt-get install chromium)"
)

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


RUN = """
import sys
import dagster as dg
from fudata_pipeline.orchestration.definitions import defs, nightly
from fudata_pipeline.orchestration.resource import ProjectResource

instance = dg.DagsterInstance.get()
chosen = None
if sys.argv[1] == "intake":  # what the nightly schedule would ask for
    context = dg.build_schedule_context(instance, resources={"project": ProjectResource()})
    chosen = nightly(context).asset_selection
job = defs.resolve_job_def(sys.argv[1])
done = job.execute_in_process(instance=instance, raise_on_error=False, asset_selection=chosen)
sys.exit(0 if done.success else 1)
"""


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Two sample nights in a Dagster instance of its own, and its web server."""
    home, data = tmp_path_factory.mktemp("dagster"), tmp_path_factory.mktemp("data")
    shutil.copy(ROOT / "dagster_home" / "dagster.yaml", home)
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(home),
        "FUDATA_HOME": str(ROOT),
        "FUDATA_DATA": str(data),
        "FUDATA_SCALE": str(SAMPLE_SCALE),
    }
    for night, green in (("2022-10-31", True), ("2022-11-01", False)):
        shutil.copytree(SAMPLES / night, data / "inbox", dirs_exist_ok=True)
        for job, succeeds in (("intake", green), ("models_and_publish", True)):
            command = [sys.executable, "-c", RUN, job]
            done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, check=False)
            assert (done.returncode == 0) == succeeds, done.stderr[-3000:].decode(errors="replace")
    port = _free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "dagster_webserver", "-w", str(ROOT / "workspace.yaml"), "-p", str(port)],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(f"{address}/server_info")
                break
            except OSError:
                time.sleep(0.5)
        yield address
    finally:
        server.terminate()
        server.wait(30)


@pytest.fixture(scope="module")
def page(ui: str) -> Iterator[Page]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser.new_page(base_url=ui, viewport={"width": 1500, "height": 1600})
        browser.close()


def _text(page: Page, path: str, wait_for: str) -> str:
    page.goto(path)
    page.get_by_text(wait_for).first.wait_for(timeout=60_000)
    page.wait_for_load_state("networkidle")
    return page.inner_text("body")


def test_an_item_shows_its_rows_score_and_reasons(page: Page) -> None:
    text = _text(page, "/assets/item/zsj/house", "违反规则")
    for shown in (
        "政数局《房屋信息》",
        "交付行数",
        "隔离行数",
        "重复行数",
        "得分",
        "house_area",
        "DECIMAL(18,2)",
        "备注",
    ):
        assert shown in text, shown


def test_a_refused_item_shows_the_reason_and_the_cure(page: Page) -> None:
    text = _text(page, "/assets/item/swj/taxpayer?view=checks", "原因")
    assert "纳税人登记_20221101.csv 第" in text
    assert "请重新上传完整文件" in text
    assert "Failed" in text


def test_runs_show_a_red_intake_and_green_models(page: Page) -> None:
    text = _text(page, "/runs", "models_and_publish")
    assert text.count("Failure") >= 1
    assert text.count("Success") >= 3


def test_no_dialog_stands_in_front_of_the_operator(page: Page) -> None:
    text = _text(page, "/asset-groups", "published")
    assert "newsletter" not in text


def test_the_asset_pages_carry_the_whole_catalog(page: Page) -> None:
    """2,137 items: the first page of all assets, the lineage of all groups, and one unit's list, in Chinese."""
    assert "人口基础信息" in _text(page, "/assets", "building")
    groups = _text(page, "/asset-groups", "jd_fubao")
    assert all(unit in groups for unit in ("bb", "gaj", "jd_huaqiangbei"))
    assert "福保街道《福田保税区企业" in _text(
        page, "/locations/fudata_pipeline/asset-groups/jd_fubao/list", "jd_fubao"
    )
