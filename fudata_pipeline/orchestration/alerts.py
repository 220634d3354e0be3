"""Alerts in Dagster: a job of one step that follows the models and the publication, whatever became of them."""

import dagster as dg

from fudata_pipeline.alerts import send_alerts
from fudata_pipeline.orchestration.resource import ProjectResource


@dg.op(description="把本夜的问题发给各告警通道；发不出的随下一夜补发")
def send_to_channels(context: dg.OpExecutionContext, project: ProjectResource) -> None:
    """A channel that is down is logged and does not make the night red."""
    for report in send_alerts(project.open()):
        if report.failure:
            context.log.warning(f"{report.failure}（{report.waiting} 项待发）")
        else:
            context.log.info(f"告警通道 {report.channel}：已发 {report.messages} 条消息（{report.told} 项）")


@dg.job(
    name="alerts",
    executor_def=dg.in_process_executor,
    description="告警：拒收、程序错误、产物未更新、逾期未交付、已恢复",
)
def alerts_job() -> None:
    send_to_channels()
