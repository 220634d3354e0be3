"""The sections of a report about deliveries: what came, what was late, what was refused, what never came."""

from __future__ import annotations

from fudata_pipeline.load.result import ROW_COUNTS, VERDICTS
from fudata_pipeline.project import Project
from fudata_pipeline.quality.freshness import allowed_days
from fudata_pipeline.report.examples import without_numbers
from fudata_pipeline.report.standing import ItemStanding, UnitStanding
from fudata_pipeline.report.tables import Column, Table


def _named(s: ItemStanding) -> tuple[str, str]:
    return s.item.title, s.item.id


def sent(standing: UnitStanding, cycles: dict[str, str]) -> Table:
    rows = []
    for s in standing.delivered:
        last, verdict = s.last, s.verdict
        assert last is not None and verdict is not None
        fresh = [s.judged(d) for d in s.sent if not d.repeat]
        rows.append(
            (
                *_named(s),
                cycles[s.item.cycle],
                len(s.sent),
                last.arrived_at.date(),
                VERDICTS[verdict["verdict"]],
                *(sum(load[c] for load in fresh) for c in ROW_COUNTS),
                s.score,
                s.trend,
            )
        )
    return Table(
        "sent",
        "交付",
        "交付了什么",
        "次数与行数为本月合计；内容与上次完全相同的交付计入次数，不再计行。趋势为最近十二次交付的得分。",
        "本单位还没有交付过数据项。",
        (
            Column("数据项", width=24),
            Column("编号", "code", 24),
            Column("更新周期", width=10),
            Column("本月次数", "count", 10),
            Column("最近交付", "date", 12),
            Column("结论", width=20),
            Column("交付行", "count", 12),
            Column("入库", "count", 12),
            Column("隔离", "count", 10),
            Column("重复", "count", 10),
            Column("得分", "score", 8),
            Column("趋势", "trend", 40),
        ),
        tuple(rows),
    )


def late(project: Project, standing: UnitStanding, cycles: dict[str, str]) -> Table:
    rows = [
        (
            *_named(s),
            cycles[s.item.cycle],
            allowed_days(project.catalog.district, s.item.cycle),
            s.last_good,
            s.late,
            "仍未交付" if s.overdue else "已补交",
        )
        for s in standing.late
    ]
    return Table(
        "late",
        "迟交",
        "哪些迟了",
        f"截至 {standing.as_of}。允许天数为申报的更新周期加宽限。",
        "没有迟交的数据项。",
        (
            Column("数据项", width=24),
            Column("编号", "code", 24),
            Column("更新周期", width=10),
            Column("允许天数", "count", 10),
            Column("最近入库的交付", "date", 16),
            Column("迟交天数", "count", 10),
            Column("状态", width=12),
        ),
        tuple(rows),
    )


def refused(standing: UnitStanding) -> Table:
    rows = []
    for s in standing.delivered:
        for d in s.known if s.refused else s.sent:
            if d not in s.sent and d is not s.last:
                continue
            load = s.judged(d)
            if load["verdict"].startswith("refused"):
                reason, _, cure = without_numbers(load["reason"]).partition(" → ")
                settled = s.last is not d and not s.refused
                rows.append(
                    (
                        *_named(s),
                        d.arrived_at.date(),
                        d.file_name,
                        VERDICTS[load["verdict"]],
                        reason,
                        cure,
                        "已重新交付" if settled else "待重新交付",
                    )
                )
    return Table(
        "refused",
        "拒收",
        "拒收的交付",
        "拒收不影响已入库的版本：上一个合格版本继续使用。",
        "没有拒收的交付。",
        (
            Column("数据项", width=24),
            Column("编号", "code", 24),
            Column("交付日期", "date", 12),
            Column("文件", width=30),
            Column("结论", width=20),
            Column("原因", width=60),
            Column("处理办法", width=40),
            Column("状态", width=12),
        ),
        tuple(rows),
    )


def never(standing: UnitStanding, cycles: dict[str, str]) -> Table:
    return Table(
        "never",
        "从未交付",
        "目录已申报而从未交付的数据项",
        "不计入得分。目录中标明暂不可获取的不在此列。",
        "申报的数据项都交付过。",
        (Column("数据项", width=30), Column("编号", "code", 30), Column("更新周期", width=10)),
        tuple((*_named(s), cycles[s.item.cycle]) for s in standing.never),
    )
