"""`fudata match`: rows that no identifier puts to an entity, for people to decide, and the model that decides the others."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from fudata_pipeline.cli.match_model import AnyTable, By, DryRun, OneTable, chosen_bases, match_model, match_train, user
from fudata_pipeline.cli.options import AsJson
from fudata_pipeline.console import out, print_json, show_table
from fudata_pipeline.project import Project

match_app = typer.Typer(
    no_args_is_help=True, help="Rows without an identifier: what waits for a person, what people judged, the model."
)

OneUnit = Annotated[str | None, typer.Option("--unit", help="Only rows of this unit, e.g. xfj.")]
NEXT = "判断已记下；下一次 fudata publish（或夜间运行）生效"


@match_app.command("list")
def match_list(
    table: AnyTable = None,
    unit: OneUnit = None,
    limit: Annotated[int, typer.Option(min=1, help="Pairs to show of each table.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Pairs of a row and an entity that wait for a person, the most probable first; values are masked.

    Examples: fudata match list · fudata match list population --unit xfj --json
    """
    from fudata_pipeline.models.review.pairs import waiting

    project = Project.open()
    found = [waiting(project, base, unit, limit) for base in chosen_bases(project, table, matched=True)]
    if as_json:
        print_json([{**asdict(w), "count": w.count} for w in found])
        return
    for w in found:
        show_table(
            f"{w.title}（{w.table}）：{w.count:,} 行等待判断" + (f"，{w.answered:,} 行已判断、待构建" if w.answered else ""),
            ["行", "数据项", "文件", "行号", "来源行", "最可能的实体", "其内容", "可能性", "比较结果", "次可能", "领先", ""],
            [
                [p.record, p.item, p.file_name, str(p.line), _told(p.said), p.entity_id, _told(p.best), f"{100 * p.probability:.2f}%",
                 p.compared, p.second, None if p.lead is None else f"{p.lead:.1f}", "曾判不确定" if p.unsure else ""]
                for p in w.pairs
            ],
        )  # fmt: skip
        if len(w.items) > 1:
            show_table("按数据项", ["数据项", "等待判断"], [[item, n] for item, n in w.items.items()], numeric=1)


@match_app.command("export")
def match_export(
    target: Annotated[Path, typer.Argument(help="Workbook to write (.xlsx).")],
    table: Annotated[str | None, typer.Option(help="Base table, e.g. population; default all.")] = None,
    unit: OneUnit = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many pairs of each table; default all.")] = None,
) -> None:
    """Write the pairs that wait as a workbook with a column 判断 (同一, 不同, 不确定), for the people who decide.

    The file holds personal data and is readable by its owner only.
    Example: fudata match export 判断.xlsx --table population --unit xfj --limit 200
    """
    from fudata_pipeline.models.review.pairs import waiting
    from fudata_pipeline.models.review.workbook import export_pairs

    project = Project.open()
    found = [waiting(project, base, unit, limit, masked=False) for base in chosen_bases(project, table, matched=True)]
    rows = export_pairs(found, target)
    out.print(f"已导出 {rows:,} 行到 {target}（含个人信息，仅本人可读）；填好后用 fudata match return 收回")


@match_app.command("return")
def match_return(
    workbook: Annotated[Path, typer.Argument(help="Exported workbook with the column 判断 filled in.")],
    by: By = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Take judgements back from a workbook: all of them, or none if any row is wrong. The same workbook twice adds nothing.

    Example: fudata match return 判断.xlsx --by 李雷 --dry-run
    """
    from fudata_pipeline.models.review.judging import keep, unknown
    from fudata_pipeline.models.review.returned import read_pairs
    from fudata_pipeline.models.review.words import VERDICTS

    project = Project.open()
    back = read_pairs(workbook)
    report, taken = [], 0
    for table, judged in back.judged.items():
        [base] = chosen_bases(project, table, matched=True)
        new = unknown(project, base, judged)
        taken += len(new)
        counts = {verdict: sum(j.verdict == verdict for j in new) for verdict in VERDICTS}
        report.append({"table": table, **counts, "repeated": len(judged) - len(new)})
    if not dry_run:
        for table, judged in back.judged.items():
            keep(project, project.catalog.base(table), judged, by or user())
    if as_json:
        print_json({"recorded": not dry_run, "open": back.open, "tables": report})
        return
    show_table(
        "将记下的判断" if dry_run else "记下的判断",
        ["基础表", *VERDICTS.values(), "与已有判断相同"],
        [list(r.values()) for r in report],
        numeric=1,
    )
    if back.open:
        out.print(f"另有 {back.open:,} 行没有填写判断")
    if taken and not dry_run:
        out.print(NEXT)


@match_app.command("judge")
def match_judge(
    table: OneTable,
    subject: Annotated[str, typer.Argument(help="row:<16 digits>, or an entity: its id or identifier.")],
    entity: Annotated[str, typer.Argument(help="The entity it is compared with: its id or identifier.")],
    verdict: Annotated[str, typer.Argument(help="same, different or unsure.")],
    note: Annotated[str | None, typer.Option(help="Why.")] = None,
    by: By = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Judge one pair: a row and an entity, or two entities that are the same person or firm; `different` undoes that.

    Two entities judged the same are one from the next build on, under the id of the second. The newest judgement of a
    pair holds, also when everything is built anew.

    Examples: fudata match judge population row:18d6aa89b7ed5eac 440304199003071248 same ·
    fudata match judge population H12345678 440524188001010014 different --note 证件号登记有误
    """
    from fudata_pipeline.models.review.judging import keep, plan

    project = Project.open()
    [base] = chosen_bases(project, table)
    judged = plan(project, base, subject, entity, verdict, note)
    new = 0 if dry_run else keep(project, base, [judged], by or user())
    if as_json:
        print_json({"table": base.table, **asdict(judged), "recorded": bool(new)})
        return
    out.print(judged.effect, markup=False)
    out.print("（未记录）" if dry_run else NEXT if new else "已有相同的判断，没有重复记录")


@match_app.command("history")
def match_history(table: AnyTable = None, as_json: AsJson = False) -> None:
    """Every judgement, newest first, and whether it holds; and the entities that became one or came apart.

    Example: fudata match history population --json
    """
    from fudata_pipeline.models.review.past import history, moves
    from fudata_pipeline.models.review.words import VERDICTS

    project = Project.open()
    bases = chosen_bases(project, table)
    judged = [(base.table, j) for base in bases for j in history(project, base)]
    moved = [(base.table, m) for base in bases for m in moves(project, base)]
    if as_json:
        print_json(
            {"judgements": [{"table": t, **asdict(j)} for t, j in judged], "moves": [{"table": t, **asdict(m)} for t, m in moved]}
        )  # fmt: skip
        return
    show_table(
        "判断",
        ["基础表", "对象", "实体", "判断", "判断人", "时间", "备注", "现在"],
        [[t, j.subject, j.entity, VERDICTS[j.verdict], j.judge, j.judged_at, j.note, j.now] for t, j in judged],
    )
    show_table(
        "合并与拆分",
        ["基础表", "变化", "实体", "并入（拆出）", "时间"],
        [[t, "合并" if m.kind == "merge" else "拆分", m.entity, m.into, m.seen_at] for t, m in moved],
    )


match_app.command("model")(match_model)
match_app.command("train")(match_train)


def _told(said: dict[str, str | None]) -> str:
    return " ".join(value for value in said.values() if value)
