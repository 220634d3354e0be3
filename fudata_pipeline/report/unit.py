"""The monthly report of one unit as tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fudata_pipeline.project import Project
from fudata_pipeline.quality.score import DIMENSIONS, grade
from fudata_pipeline.report.actions import Action, next_actions
from fudata_pipeline.report.disputes import Dispute, disputes_table
from fudata_pipeline.report.examples import EACH, MOST, Example, find_examples, without_numbers
from fudata_pipeline.report.league import Place
from fudata_pipeline.report.problems import FIXERS, Notice, Problem, find_problems
from fudata_pipeline.report.sent import late, never, refused, sent
from fudata_pipeline.report.standing import History, UnitStanding
from fudata_pipeline.report.tables import Column, Table
from fudata_pipeline.settings import now

SEVERITIES = {"quarantine": "已隔离，未入库", "warn": "已入库，待核对", "info": "已入库，供参考", "block": "整份拒收"}


@dataclass(frozen=True)
class UnitReport:
    """What a unit is told about a month."""

    district: str
    place: Place
    ranked: int  # units that have a score
    made_at: datetime
    tables: tuple[Table, ...]
    notes: tuple[str, ...]

    @property
    def standing(self) -> UnitStanding:
        return self.place.standing

    @property
    def title(self) -> str:
        return f"{self.standing.unit.name}数据质量月报（{self.standing.month.title}）"


def unit_report(
    project: Project, history: History, place: Place, ranked: int, disputes: Sequence[Dispute] = ()
) -> UnitReport:
    """Everything the registry, the quarantine and the base models tell of a unit's month; ``disputes``: those of the unit."""
    standing = place.standing
    problems, notices = find_problems(project, standing)
    cycles = project.catalog.codes["update_cycle"].titles
    tables = (
        _actions(next_actions(standing, problems)),
        _scores(project, history, place),
        sent(standing, cycles),
        late(project, standing, cycles),
        refused(standing),
        _problems(problems),
        _examples(find_examples(project, problems)),
        disputes_table(disputes),
        _notices(notices),
        never(standing, cycles),
    )
    return UnitReport(project.catalog.district.name, place, ranked, now(), tables, notes(project))


def notes(project: Project) -> tuple[str, ...]:
    """How the numbers come about, for whoever doubts one."""
    district = project.catalog.district
    weights = "、".join(f"{d} {w:g}" for d, w in district.score_weights.items())
    grades = "、".join(f"{name} ≥ {least:g}" if least else f"{name}为其余" for name, least in district.grades.items())
    return (
        f"得分依 GB/T 36344-2018 六个维度，每一维度为“符合的检查数 ÷ 全部检查数 × 100”；权重：{weights}。没有检查到的维度不计。",
        "时效性另按申报的更新周期判断：按期为 100，迟交为“允许天数 ÷ 实际天数 × 100”，与规则得分取低者；首次交付与不定期更新的数据项不判断。",
        "可访问性：交付能读取为 100，整份不符合约定而拒收为 0，该次交付总分亦为 0。系统能否随时访问不在判断之列。",
        "数据项得分为本月各次交付的平均（本月无交付的取最近一次），截止日仍迟交的，时效性按截止日降低；"
        "单位得分为各数据项的平均，每项权重相同，不按行数加权，以免一张大表掩盖多张小表的问题。从未交付的数据项不计分，单独列出。",
        f"等级：{grades}。",
        "迟交从最近一次入库的交付算起，超过周期天数与宽限天数之和即为迟交；内容与上次完全相同的交付也算按期。",
        "权重、等级、天数由 catalog/district.yaml 申报，均为本项目的假设，可由数据主管部门调整。",
    )


def _actions(actions: list[Action]) -> Table:
    rows = [
        (number, a.kind, a.item.title, a.what, a.who, a.cure, a.rows or None, a.gain)
        for number, a in enumerate(actions, 1)
    ]
    return Table(
        "actions",
        "下一步",
        "下一步做什么（按效果排序）",
        "“可提高”为估计：该问题解决后，本单位本月得分会高出的分数。",
        "没有需要处理的事项。",
        (
            Column("序号", "count", 6),
            Column("事项", width=10),
            Column("数据项", width=24),
            Column("问题", width=48),
            Column("由谁处理", width=12),
            Column("处理办法", width=40),
            Column("行数", "count", 10),
            Column("可提高", "gain", 10),
        ),
        tuple(rows),
        most=15,
    )


def _scores(project: Project, history: History, place: Place) -> Table:
    standing, district = place.standing, project.catalog.district
    run = history.trend(standing.unit, standing.month)
    before = history.standing(standing.unit, standing.month.back(1))

    def change(now: float | None, then: float | None) -> float | None:
        return None if now is None or then is None else round(now - then, 1)

    rows = [
        (
            d,
            district.score_weights.get(d),
            (value := standing.dimensions.get(d)),
            grade(district, value),
            before.dimensions.get(d),
            change(value, before.dimensions.get(d)),
            () if value is None else tuple(s.dimensions[d] for s in run if d in s.dimensions),
        )
        for d in DIMENSIONS.values()
    ]
    trend = tuple(s.score for s in run if s.score is not None)
    rows.append(("综合得分", None, standing.score, standing.grade, before.score, place.change, trend))
    return Table(
        "scores",
        "得分",
        "各维度得分与趋势",
        "趋势为最近十二个月，每月一点。",
        "",
        (
            Column("维度", width=12),
            Column("权重", "number", 8),
            Column("得分", "score", 8),
            Column("等级", "grade", 8),
            Column("上月", "score", 8),
            Column("较上月", "change", 8),
            Column("趋势", "trend", 40),
        ),
        tuple(rows),
    )


def _problems(problems: list[Problem]) -> Table:
    rows = [
        (
            p.item.title,
            p.arrived,
            p.titles or "整行",
            p.rule.wording_zh,
            SEVERITIES[p.rule.severity],
            p.failed,
            p.failed / p.checked if p.checked else None,
            FIXERS[p.rule.fixer],
            p.rule.cure_zh,
            p.rule.rule_id,
        )
        for p in problems
    ]
    return Table(
        "problems",
        "问题",
        "哪里有错",
        "按每个数据项最近一次可读取的交付，一行为一项检查；占比为该项检查中不符合的比例。",
        "没有发现问题。",
        (
            Column("数据项", width=24),
            Column("交付日期", "date", 12),
            Column("字段", width=18),
            Column("问题", width=40),
            Column("处置", width=16),
            Column("行数", "count", 10),
            Column("占比", "share", 10),
            Column("由谁处理", width=12),
            Column("处理办法", width=40),
            Column("规则", "code", 18),
        ),
        tuple(rows),
    )


def _examples(examples: list[Example]) -> Table:
    rows = [
        (
            e.problem.item.title,
            e.problem.load["file_name"],
            e.line,
            e.problem.rule.wording_zh,
            e.text,
        )
        for e in examples
    ]
    return Table(
        "examples",
        "样例",
        "错误样例（已遮蔽）",
        f"行数最多的 {MOST} 类隔离问题，每类至多 {EACH} 行。个人信息与无法识别的内容已遮蔽，请按文件与行号在原始数据中查找；"
        "完整清单可请数据局用 fudata quarantine export 导出。",
        "没有隔离的行。",
        (
            Column("数据项", width=24),
            Column("文件", width=30),
            Column("行号", "count", 10),
            Column("问题", width=40),
            Column("交付的内容", width=60),
        ),
        tuple(rows),
    )


def _notices(notices: list[Notice]) -> Table:
    return Table(
        "notices",
        "提示",
        "其他提示",
        "不影响入库，请核对。",
        "没有其他提示。",
        (Column("数据项", width=24), Column("提示", width=80)),
        tuple((n.item.title, without_numbers(n.text)) for n in notices),
    )
