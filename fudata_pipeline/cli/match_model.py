"""`fudata match model` and `train`: the model that puts rows to entities; and what all of `fudata match` takes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fudata_pipeline.catalog.bases import BaseTable
from fudata_pipeline.cli.options import AsJson, WrongUse
from fudata_pipeline.console import err, out, print_json, show_table
from fudata_pipeline.project import Project

OneTable = Annotated[str, typer.Argument(help="Base table, e.g. population.")]
AnyTable = Annotated[str | None, typer.Argument(help="Base table, e.g. population; default all.")]
By = Annotated[str | None, typer.Option("--by", help="Who judged; default the user of this machine.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]


def match_model(
    table: OneTable,
    target: Annotated[Path | None, typer.Option("--out", help="Write its charts to this .html file.")] = None,
    as_json: AsJson = False,
) -> None:
    """The model in use: when and from how much it was learned, and how much each comparison says.

    Example: fudata match model population --out 模型.html
    """
    from fudata_pipeline.models.review.model import model_in_use
    from fudata_pipeline.models.review.words import COMPARISONS, LEVELS, SOURCES

    if target is not None and target.suffix != ".html":
        raise WrongUse(f"不支持的文件类型 {target.suffix or target.name} → 用 .html")
    project = Project.open()
    [base] = chosen_bases(project, table)
    used = model_in_use(project, base)
    if target is not None:
        from fudata_pipeline.models.match_charts import charts

        target.parent.mkdir(parents=True, exist_ok=True)
        charts(used.learned, target)
    told = {n: used.learned[n] for n in ("kind", "entities", "records", "prior", "sessions")}
    if as_json:
        print_json({"table": base.table, "file": str(used.file), "made_at": used.made_at, **told, "forgotten": used.forgotten, "levels": used.levels})  # fmt: skip
        return
    out.print(f"{base.title}（{base.table}）的匹配模型：{used.file.name}，{used.made_at} 由 {told['entities']:,} 个实体、{told['records']:,} 行无标识的行学得")  # fmt: skip
    show_table(
        "",
        ["比较", "程度", "m（同一时）", "u（不同时）", "m 来自", "u 来自"],
        [[COMPARISONS[x["comparison"]], _level(x["level"], LEVELS, COMPARISONS), f"{x['m']:.6g}", f"{x['u']:.6g}",
          SOURCES[x["m_source"]], SOURCES[x["u_source"]]] for x in used.levels],
        numeric=2,
    )  # fmt: skip
    if used.forgotten:
        out.print("已要求重新学习：下一次构建学习新的模型")
    if target is not None:
        err.print(f"已写 {target}")


def match_train(table: OneTable, by: By = None, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Forget the model: the next build learns another from the data of that day, and decides all rows anew with it.

    From the same data the same model is learned. Judgements hold on. Example: fudata match train population
    """
    from fudata_pipeline.models.review.model import forget, model_in_use

    project = Project.open()
    [base] = chosen_bases(project, table)
    used = model_in_use(project, base) if dry_run else forget(project, base, by or user())
    if as_json:
        print_json({"table": base.table, "file": str(used.file), "forgotten": used.forgotten or not dry_run})
        return
    what = "将放弃" if dry_run else "此前已放弃" if used.forgotten else "已放弃"
    out.print(
        f"{what} {base.table} 的匹配模型 {used.file.name}；下一次 fudata publish（或夜间运行）学习新的模型，并重新比较全部无标识的行"
    )


def chosen_bases(project: Project, table: str | None, *, matched: bool = False) -> list[BaseTable]:
    """The base table of a name; without one all, or those that are matched and built (all that are matched before any is)."""
    from fudata_pipeline.models.review.pairs import reviewed_table

    if table is not None:
        return [reviewed_table(project, table)]
    chosen = [base for base in project.catalog.bases if base.matching or not matched]
    built = [base for base in chosen if project.registry.build(f"base.{base.table}")]
    return built if matched and built else chosen


def _level(label: str, levels: dict[str, str], comparisons: dict[str, str]) -> str:
    """``building (given phone)`` in Chinese."""
    word, _, given = label.rstrip(")").partition(" (given ")
    return levels[word] + (f"（{comparisons[given]}相同时）" if given else "")


def user() -> str:
    from getpass import getuser

    try:
        return getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "—"
