"""The Dagster code location: assets, jobs, the nightly schedule, and what starts models, publish and alerts after intake."""

import dagster as dg

from fudata_pipeline.catalog.cache import open_catalog
from fudata_pipeline.orchestration.alerts import alerts_job
from fudata_pipeline.orchestration.intake import item_key, unit_assets
from fudata_pipeline.orchestration.products import product_assets
from fudata_pipeline.orchestration.resource import ProjectResource
from fudata_pipeline.settings import Settings
from fudata_pipeline.sources import find_delivery

CATALOG = open_catalog(Settings().catalog_dir, Settings().cache_dir)

INTAKE = [unit_assets(CATALOG, unit, items) for unit in CATALOG.units if (items := CATALOG.items_of(unit.id))]
PRODUCTS = product_assets(CATALOG)

intake_job = dg.define_asset_job(
    "intake",
    selection=dg.AssetSelection.assets(*(item_key(item) for item in CATALOG.items)),
    executor_def=dg.in_process_executor,  # a process a step would import everything again for every unit
    description="载入各单位交付的数据项；有拒收的数据项时变红，其余照常入库",
)
products_job = dg.define_asset_job(
    "models_and_publish",
    selection=dg.AssetSelection.assets(*PRODUCTS),
    executor_def=dg.in_process_executor,
    description="以各数据项的最新可用版本建基础库、块数据主题表并发布",
)


@dg.schedule(
    name="nightly",
    job=intake_job,
    cron_schedule="0 1 * * *",
    execution_timezone="Asia/Shanghai",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="每夜一点载入收件目录中有交付的数据项",
)
def nightly(project: ProjectResource) -> dg.RunRequest | dg.SkipReason:
    """Only items with a delivery in the inbox: each requested asset costs the event log some 50 ms before work begins."""
    inbox = project.open().settings.inbox_dir
    delivered = [item_key(i) for i in CATALOG.items if find_delivery(inbox, i.unit, i.source)]
    return dg.RunRequest(asset_selection=delivered) if delivered else dg.SkipReason(f"{inbox} 中没有任何交付")


def _after(context: dg.RunStatusSensorContext) -> dg.RunRequest:
    return dg.RunRequest(run_key=context.dagster_run.run_id)


FOLLOWING = [
    dg.run_status_sensor(
        run_status=status,
        name=f"after_{colour}_{name}",
        monitored_jobs=[job],
        request_job=request,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )(_after)
    for name, job, request in (("intake", intake_job, products_job), ("products", products_job, alerts_job))
    for colour, status in (("green", dg.DagsterRunStatus.SUCCESS), ("red", dg.DagsterRunStatus.FAILURE))
]
"""What starts the next job. A job's colour decides what people look at, not whether the models run on the last good
versions, nor whether the night is told of."""


defs = dg.Definitions(
    assets=[*INTAKE, *PRODUCTS],
    jobs=[intake_job, products_job, alerts_job],
    schedules=[nightly],
    sensors=FOLLOWING,
    resources={"project": ProjectResource()},
)
