"""`fudata drift`: columns that deliveries bring and nobody declared, and what is decided about them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from fudata_pipeline.cli.options import AsJson, Items, Units, WrongUse
from fudata_pipeline.console import out, print_json, show_table
from fudata_pipeline.nightly import choose_items
from fudata_pipeline.project import Project

drift_app = typer.Typer(
    no_args_is_help=True, help="Columns that were delivered and not declared, or the other way round."
)

ItemId = Annotated[str, typer.Argument(help="Item, e.g. gaj.hukou_population.")]
Header = Annotated[str, typer.Argument(help="The delivered header.")]


@drift_app.command("list")
def drift_list(unit: Units = None, item: Items = None, as_json: AsJson = False) -> None:
    """What the newest deliveries bring undeclared, and which declared columns they lack."""
    from fudata_pipeline.load.drift import drifted

    project = Project.open()
    found = drifted(project, choose_items(project, unit or [], item or []))
    if as_json:
        print_json([asdict(d) for d in found])
        return
    show_table(
        "结构变化",
        ["数据项", "名称", "交付文件", "未申报的表头", "未交付的列", "字典中同名的字段"],
        [[d.item, d.title, d.file_name, d.header, d.column, "、".join(d.fields)] for d in found],
    )


@drift_app.command("approve")
def drift_approve(
    item: ItemId,
    header: Header,
    field: Annotated[str | None, typer.Option(help="Dictionary field; default the only one of that title.")] = None,
    name: Annotated[str | None, typer.Option(help="Column name, where it differs from the field's.")] = None,
) -> None:
    """Declare a delivered column in the item's file under catalog/items/; the next run fills it from kept deliveries.

    Example: fudata drift approve zjj.gas_user 表具厂家 --field manufacturer_name
    """
    from fudata_pipeline.catalog.edit import NotEdited, approve_column, fields_titled
    from fudata_pipeline.load.drift import NotDelivered, open_header

    project = Project.open()
    [chosen] = choose_items(project, [], [item])
    try:
        header = open_header(project, chosen, header)
        known = fields_titled(project.catalog, header)
        if field is None and len(known) != 1:
            said = f"字典里有 {len(known)} 个名为“{header}”的字段{'：' + '、'.join(known) if known else ''}"
            raise WrongUse(f"{said} → 用 --field 指明；没有合适的，先在 catalog/fields/ 中声明")
        file = approve_column(project.settings.catalog_dir, project.catalog, chosen, header, field or known[0], name)
    except (NotEdited, NotDelivered) as error:
        raise WrongUse(str(error)) from None
    out.print(f"已在 catalog/{file} 申报 {item} 的列“{header}”；下一次 fudata run 会从留存的交付中补入该列")


@drift_app.command("ignore")
def drift_ignore(item: ItemId, header: Header) -> None:
    """List a delivered header as of no interest in the item's file under catalog/items/.

    Example: fudata drift ignore zjj.gas_user 备注
    """
    from fudata_pipeline.catalog.edit import NotEdited, ignore_header
    from fudata_pipeline.load.drift import NotDelivered, open_header

    project = Project.open()
    [chosen] = choose_items(project, [], [item])
    try:
        header = open_header(project, chosen, header)
        file = ignore_header(project.settings.catalog_dir, project.catalog, chosen, header)
    except (NotEdited, NotDelivered) as error:
        raise WrongUse(str(error)) from None
    out.print(f"已在 catalog/{file} 把 {item} 的表头“{header}”列为忽略")
