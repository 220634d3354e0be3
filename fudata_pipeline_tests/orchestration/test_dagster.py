"""What the data engineer sees in Dagster: the assets, a red intake that names its items, models that run all the same."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from fudata_pipeline.catalog import Catalog
from fudata_pipeline.orchestration.resource import ProjectResource

from ..conftest import ROOT, SAMPLE_SCALE, SAMPLES

os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "yes")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the Dagster resource opens its project over."""
    monkeypatch.setenv("FUDATA_HOME", str(ROOT))
    monkeypatch.setenv("FUDATA_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("FUDATA_SCALE", str(SAMPLE_SCALE))
    return tmp_path / "data"


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as local:
        yield local


@pytest.fixture(scope="module")
def defs() -> dg.Definitions:
    os.environ["FUDATA_HOME"] = str(ROOT)
    from fudata_pipeline.orchestration.definitions import defs

    return defs


DELIVERED = [
    dg.AssetKey(["item", *name.split("/")])
    for name in (
        "clf/disability_certificate", "gaj/hukou_population", "mzj/old_age_allowance", "scjg/market_entity",
        "scjg/food_licence", "swj/taxpayer", "wjj/family_doctor", "zjj/rental_registration", "zsj/grid_division",
        "zsj/resident_registration", "zsj/building", "zsj/house", "zsj/citizen_request",
    )
]  # fmt: skip
"""The items of the sample nights."""


def _deliver(data: Path, night: str) -> None:
    shutil.copytree(SAMPLES / night, data / "inbox", dirs_exist_ok=True)


def _run(defs: dg.Definitions, job: str, instance: dg.DagsterInstance, **options: object) -> dg.ExecuteInProcessResult:
    return defs.resolve_job_def(job).execute_in_process(instance=instance, raise_on_error=False, **options)  # type: ignore[arg-type]


def _materialized(result: dg.ExecuteInProcessResult) -> set[str]:
    return {e.asset_key.to_user_string() for e in result.get_asset_materialization_events() if e.asset_key}


def test_asset_keys(defs: dg.Definitions, catalog: Catalog) -> None:
    keys = {key.to_user_string() for key in defs.resolve_all_asset_keys()}
    items = {f"item/{i.unit}/{i.name}" for i in catalog.items}
    assert len(items) == 2137
    assert {k for k in keys if k.startswith("item/")} == items
    assert keys - items == {
        "base/population", "base/legal_entity", "base/building", "base/house", "base/person_house", "base/person_firm",
        "base/firm_premises", "base/household", "base/residence", "base/link_left_out", "base/white_list", "base/check", "block/grid",
        "block/population_placement", "block/legal_entity_placement", "block/population_by_grid", "published/futian",
    }  # fmt: skip


def test_one_multi_asset_a_unit_and_one_check_an_item(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    items = {k for k in graph.get_all_asset_keys() if k.path[0] == "item"}
    assert len({graph.get(k).assets_def.op.name for k in items}) == 67
    assert {k.asset_key for k in graph.asset_check_keys} == items
    assert len(graph.asset_check_keys) == len(items)


def test_nightly_schedule_at_one_in_shanghai_asks_for_what_was_delivered(
    defs: dg.Definitions, data: Path, instance: dg.DagsterInstance
) -> None:
    schedule = defs.resolve_schedule_def("nightly")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 1 * * *", "Asia/Shanghai")
    assert schedule.job_name == "intake"

    def tick() -> object:
        context = dg.build_schedule_context(instance, resources={"project": ProjectResource()})
        return schedule(context)

    skipped = tick()
    assert isinstance(skipped, dg.SkipReason)
    assert "没有任何交付" in str(skipped.skip_message)
    _deliver(data, "2022-10-31")
    requested = tick()
    assert isinstance(requested, dg.RunRequest)
    assert len(requested.asset_selection or ()) == 13


def test_items_never_delivered_do_not_turn_a_unit_red(
    defs: dg.Definitions, data: Path, instance: dg.DagsterInstance
) -> None:
    _deliver(data, "2022-10-31")
    unit = [k for k in defs.resolve_all_asset_keys() if k.path[:2] == ["item", "clf"]]
    assert len(unit) > 10
    result = _run(defs, "intake", instance, asset_selection=unit)
    assert result.success
    assert _materialized(result) == {"item/clf/disability_certificate"}


def test_workspace_names_this_code_location() -> None:
    import yaml

    workspace = yaml.safe_load((ROOT / "workspace.yaml").read_text("utf-8"))
    assert workspace["load_from"][0]["python_module"]["module_name"] == "fudata_pipeline.orchestration.definitions"


def test_a_subset_runs_alone(defs: dg.Definitions, data: Path, instance: dg.DagsterInstance) -> None:
    _deliver(data, "2022-10-31")
    result = _run(defs, "intake", instance, asset_selection=[dg.AssetKey(["item", "zsj", "house"])])
    assert result.success
    assert _materialized(result) == {"item/zsj/house"}


def test_two_nights(defs: dg.Definitions, data: Path, instance: dg.DagsterInstance) -> None:
    """A green night, then a broken one: its neighbours land, intake is red and says why, models still run."""
    _deliver(data, "2022-10-31")
    first = _run(defs, "intake", instance, asset_selection=DELIVERED)
    assert first.success
    assert len(_materialized(first)) == 13
    assert all(e.passed for e in first.get_asset_check_evaluations())
    event = next(
        e for e in first.get_asset_materialization_events() if e.asset_key == dg.AssetKey(["item", "zsj", "house"])
    )
    shown = {k: v.value for k, v in event.step_materialization_data.materialization.metadata.items()}
    assert shown["交付行数"] == shown["dagster/row_count"] + shown["隔离行数"] + shown["重复行数"]
    assert 0 < shown["得分"] <= 100
    assert "house_code" in shown["违反规则"]
    models = _run(defs, "models_and_publish", instance)
    assert models.success
    assert (data / "published" / "futian.duckdb").exists()

    _deliver(data, "2022-11-01")
    second = _run(defs, "intake", instance, asset_selection=DELIVERED)
    assert not second.success
    assert _materialized(second) == {"item/zsj/resident_registration", "item/zsj/house", "item/zsj/citizen_request"}
    failed = {e.asset_key.to_user_string() for e in second.get_asset_check_evaluations() if not e.passed}
    assert failed == {
        "item/clf/disability_certificate", "item/mzj/old_age_allowance", "item/scjg/food_licence",
        "item/swj/taxpayer", "item/wjj/family_doctor", "item/zjj/rental_registration",
    }  # fmt: skip
    failures = {
        e.node_name: e.step_failure_data.user_failure_data.description
        for e in second.filter_events(lambda e: e.is_step_failure)
    }
    assert set(failures) == {"intake_clf", "intake_mzj", "intake_scjg", "intake_swj", "intake_wjj", "intake_zjj"}
    assert "swj.taxpayer：税务局《纳税人登记信息》纳税人登记_20221101.csv 第" in failures["intake_swj"]
    assert "→ 请重新上传完整文件" in failures["intake_swj"]
    assert _run(defs, "models_and_publish", instance).success


def test_nothing_personal_in_the_event_log(defs: dg.Definitions, data: Path, instance: dg.DagsterInstance) -> None:
    import duckdb

    _deliver(data, "2022-10-31")
    _deliver(data, "2022-11-01")
    result = _run(defs, "intake", instance, asset_selection=DELIVERED)
    _run(defs, "models_and_publish", instance)
    log = "\n".join(
        e.to_json() if hasattr(e, "to_json") else str(e) for e in instance.all_logs(result.run_id)
    ) + "".join(str(e) for e in result.all_events)
    with duckdb.connect(str(data / "published" / "futian.duckdb"), read_only=True) as con:
        personal = con.execute(
            "SELECT resident_id FROM base.population UNION SELECT person_name FROM base.population "
            "WHERE length(person_name) >= 3 UNION SELECT phone FROM base.population WHERE phone IS NOT NULL"
        ).fetchall()
    assert len(personal) > 500
    assert [value for (value,) in personal if value in log] == []


@pytest.mark.parametrize(
    ("sensor", "status"),
    [("after_green_intake", dg.DagsterRunStatus.SUCCESS), ("after_red_intake", dg.DagsterRunStatus.FAILURE)],
)
def test_models_follow_intake_whatever_its_colour(
    defs: dg.Definitions, data: Path, instance: dg.DagsterInstance, sensor: str, status: dg.DagsterRunStatus
) -> None:
    _deliver(data, "2022-10-31" if status == dg.DagsterRunStatus.SUCCESS else "2022-11-01")  # the second is broken
    run = _run(defs, "intake", instance, asset_selection=DELIVERED)
    assert (run.success, run.dagster_run.status) == (status == dg.DagsterRunStatus.SUCCESS, status)
    definition = defs.resolve_sensor_def(sensor)
    assert definition.default_status == dg.DefaultSensorStatus.RUNNING
    assert [t.job_name for t in definition.targets] == ["models_and_publish"]
    event = run.get_run_success_event() if run.success else run.get_run_failure_event()
    context = dg.build_run_status_sensor_context(
        sensor_name=sensor, dagster_instance=instance, dagster_run=run.dagster_run, dagster_event=event
    )
    request = definition(context)
    assert isinstance(request, dg.RunRequest)
    assert request.run_key == run.run_id
