"""Into grid, into block: the grids themselves, and the place of every entity of a placed base table."""

from __future__ import annotations

from importlib.resources import files as resources

from fudata_pipeline.catalog.bases import BaseTable
from fudata_pipeline.catalog.model import Item
from fudata_pipeline.engine.sql import literal
from fudata_pipeline.load.version import current_rows
from fudata_pipeline.models.product import Built, NothingToBuild, materialize, product_sql
from fudata_pipeline.project import Project

GRID = "block.grid"


def placement_name(base: BaseTable) -> str:
    return f"block.{base.table}_placement"


def _statement(name: str, **tables: str) -> str:
    """A statement of ``blocks/sql/`` with its ``{table}`` places filled in."""
    return resources("fudata_pipeline.blocks").joinpath("sql", name).read_text("utf-8").format(**tables)


def _codes_sql(project: Project, name: str) -> str:
    rows = ", ".join(f"({literal(c)}, {literal(t)})" for c, t in project.catalog.codes[name].titles.items())
    return f"(VALUES {rows})"


def build_grid(project: Project, item: Item) -> Built:
    """The grid table from ``item``, which declares the district's grids."""
    load = project.registry.current_loads().get(item.id)
    if load is None:
        raise NothingToBuild(f"网格：{item.id} 还没有可用版本 → 先成功载入该数据项")
    sql = _statement(
        "grid.sql",
        grid_item=current_rows(project, load),
        community=_codes_sql(project, "community"),
        street=_codes_sql(project, "street"),
    )
    return materialize(project, GRID, "网格", sql, "grid_code")


def build_placement(project: Project, base: BaseTable) -> Built:
    """Place every entity of ``base``; one row per entity, placed or with the reason why not."""
    sql = _statement(
        "placement.sql",
        subject=product_sql(project, f"base.{base.table}"),
        house=product_sql(project, "base.house"),
        building=product_sql(project, "base.building"),
        grid=product_sql(project, GRID),
    )
    return materialize(project, placement_name(base), f"{base.title}落格", sql, "entity_id")
