"""`fudata bench`: how right the pipeline is, measured against a made-up district."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from fudata_pipeline.accuracy import score_accuracy
from fudata_pipeline.cli.options import AsJson, Items, Units
from fudata_pipeline.cli.synth import row_progress
from fudata_pipeline.console import out, print_json, show_table
from fudata_pipeline.nightly import choose_items
from fudata_pipeline.project import Project
from fudata_pipeline.rehearsal import rehearse
from fudata_pipeline.synthetic.district import District
from fudata_pipeline.synthetic.render import rows_at
from fudata_pipeline.synthetic.twin import FIRST_NIGHT
from fudata_pipeline.synthetic.writing import file_name

bench_app = typer.Typer(
    no_args_is_help=True, help="Measure the pipeline against a made-up district whose truth is known."
)


@bench_app.command("accuracy")
def accuracy(
    district: Annotated[Path, typer.Argument(help="The folder that `fudata synth` wrote, with its truth.")],
    as_json: AsJson = False,
) -> None:
    """Compare what the pipeline made of a district's deliveries with the truth: defects, linkage, survivorship, placement.

    First `fudata synth --out DIR`, take the deliveries in (`FUDATA_INBOX=DIR/deliveries/<date> fudata run`), then score.

    Examples: fudata bench accuracy /data/twin · fudata bench accuracy /data/twin --json
    """
    found = score_accuracy(Project.open(), District.read(district.resolve()))
    if as_json:
        print_json(found)
        return
    show_accuracy(found)


def _share(value: Any) -> str:
    return f"{value:.2%}" if isinstance(value, float) else {"not built": "未建成", None: "—"}.get(value, str(value))


def show_accuracy(found: dict[str, Any]) -> None:
    """The scores as tables."""
    defects = found["defects"]
    columns = ["", "找到", "漏", "误报", "查全", "查准"]

    def rows(part: dict[str, Any]) -> list[list[Any]]:
        return [
            [name, s["found"], s["missed"], s["false_alarms"], _share(s["recall"]), _share(s["precision"])]
            for name, s in part.items()
        ]

    show_table("缺陷（按规则）", ["规则", *columns[1:]], rows(defects["rules"]), numeric=1)
    show_table("缺陷（按单位）", ["单位", *columns[1:]], rows(defects["units"]), numeric=1)
    files = defects["files"]
    out.print(f"整份交付：应拒 {files['found'] + files['missed']}，拒对 {files['found']}，误拒 {files['false_alarms']}")
    out.print(f"缺陷查全 {_share(defects['recall'])}，误报率 {_share(defects['false_alarm_rate'])}")
    show_table(
        "关联（成对的来源行）", ["模型", "查准", "查全", "F1", "无可用标识 F1", "自动归属行", "归属查准", "待人工"],
        [[m, *([_share(s)] * 4 + [0, "", 0] if isinstance(s, str) else [
            _share(s["precision"]), _share(s["recall"]), _share(s["f1"]),
            _share(s["without_id"] if isinstance(s["without_id"], str) else s["without_id"]["f1"]),
            s["automatic"]["rows"], _share(s["automatic"]["precision"]), s["automatic"]["review"]])]
         for m, s in found["linkage"].items()], numeric=1,
    )  # fmt: skip
    show_table(
        "取值（一数一源）", ["表", "属性", "正确", "有值", "缺值"],
        [[table, name, _share(a["correct"]), a["values"], a["missing"]]
         for table, s in found["survivorship"].items() if not isinstance(s, str) for name, a in s["attributes"].items()], numeric=2,
    )  # fmt: skip
    place = found["placement"]
    out.print("落格：" + "，".join(f"{title} {_share(place[name])}" for name, title in (
        ("grid_correct", "网格正确"), ("grid_wrong", "网格错误"), ("unplaced", "未落格"), ("outside_recall", "区外识别"))))  # fmt: skip


@bench_app.command("rehearse")
def rehearse_command(
    target: Annotated[Path, typer.Option("--out", help="Folder for the twin and the truth; deliveries do not stay.")],
    scale: Annotated[float, typer.Option(help="1: the whole district, 1.037 billion rows.", min=0.00001, max=2)] = 1.0,
    unit: Units = None,
    item: Items = None,
    render_only: Annotated[bool, typer.Option(help="Render and delete, without loading.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take a district of any scale through the intake on little disk: unit by unit rendered, loaded, deliveries deleted.

    Then `fudata publish` builds the models and `fudata bench accuracy OUT` scores them. Set FUDATA_SCALE to the same
    scale, and FUDATA_DATA to a folder of its own. Repeat the command to go on after an interruption: what is rendered
    and loaded already is skipped.

    Example: FUDATA_DATA=/data/full FUDATA_SCALE=1 fudata bench rehearse --scale 1 --out /data/twin
    """
    project = Project.open()
    district = District(target.resolve(), scale=scale)
    wanted = {i.id for i in choose_items(project, unit or [], item or [])}
    if not render_only:
        current = project.registry.current_loads()
        wanted = {
            i for i in wanted if not ((loaded := current.get(i)) and loaded["file_name"] == delivery_name(project, i))
        }
    done = []
    total = sum(rows_at(project.catalog.items_by_id[i], scale) for i in wanted)
    with row_progress(total) as step:
        for each in project.catalog.units:
            if any(i.id in wanted for i in project.catalog.items_of(each.id)):
                done.append(rehearse(project, district, each, wanted, load=not render_only, on_item=step))
    if as_json:
        print_json([asdict(d) for d in done])
        return
    show_table(
        "排练", ["单位", "数据项", "行", "载入", "拒收", "生成秒", "载入秒", "交付字节"],
        [list(asdict(d).values()) for d in done], numeric=1,
    )  # fmt: skip
    rows, seconds = sum(d.rows for d in done), sum(d.render_seconds for d in done)
    out.print(f"共 {rows:,} 行，生成 {rows / max(seconds, 0.1):,.0f} 行/秒")


def delivery_name(project: Project, item: str) -> str:
    """The file name of an item's delivery on the first night."""
    return file_name(project.catalog.items_by_id[item], FIRST_NIGHT)
