"""Dagster tells the channels after the models and the publication, whatever became of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import dagster as dg
import pytest

from ..alerts.conftest import Webhook, webhook
from ..conftest import FEW_ROWS, ROOT
from ..district import write_space

__all__ = ["webhook"]


@pytest.fixture(scope="module")
def defs() -> dg.Definitions:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FUDATA_HOME", str(ROOT))
        from fudata_pipeline.orchestration.definitions import defs

        return defs


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, webhook: Webhook) -> Path:
    """The folder of a project with one channel, which Dagster's resource opens."""
    catalog = Path(shutil.copytree(ROOT / "catalog", tmp_path / "catalog"))
    (catalog / "alerts.yaml").write_text("channels:\n  bureau: {kind: wecom, url_env: HOOK_URL}\n", "utf-8")
    monkeypatch.setenv("FUDATA_HOME", str(tmp_path))
    monkeypatch.setenv("FUDATA_SCALE", str(FEW_ROWS))
    return tmp_path


def _run(defs: dg.Definitions, job: str, instance: dg.DagsterInstance, **options: object) -> dg.ExecuteInProcessResult:
    return defs.resolve_job_def(job).execute_in_process(instance=instance, raise_on_error=False, **options)  # type: ignore[arg-type]


def test_a_red_night_is_told_and_a_channel_that_refuses_makes_nothing_red(
    defs: dg.Definitions, home: Path, webhook: Webhook
) -> None:
    write_space(home / "data" / "inbox")
    (home / "data" / "inbox" / "zsj" / "房屋信息_2.csv").write_text("房屋编码;建筑物编码\n", "utf-8")
    base = home / "catalog" / "base" / "building.yaml"
    base.write_text(base.read_text("utf-8").replace("building_name: building_name", "building_name: nothing"), "utf-8")
    keys = [dg.AssetKey(["item", "zsj", name]) for name in ("house", "building", "grid_division")]
    with dg.DagsterInstance.local_temp(str(home)) as instance:
        assert not _run(defs, "intake", instance, asset_selection=keys).success
        assert not _run(defs, "models_and_publish", instance).success
        webhook.answers = [(200, {}, {"errcode": 93000})]
        assert _run(defs, "alerts", instance).success
        assert _run(defs, "alerts", instance).success
    assert len(webhook.received) == 2
    told = webhook.received[1].text
    assert "（zsj.house）不符合约定，已拒收：房屋信息_2.csv" in told
    assert "（base.building）未更新，沿用上一版" in told


@pytest.mark.parametrize("colour", ["green", "red"])
def test_alerts_follow_models_and_publish_whatever_their_colour(defs: dg.Definitions, colour: str) -> None:
    sensor = defs.resolve_sensor_def(f"after_{colour}_products")
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
    assert [t.job_name for t in sensor.targets] == ["alerts"]
