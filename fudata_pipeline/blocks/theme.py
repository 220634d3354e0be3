"""Theme tables at grid level, assembled from their declaration in ``catalog/themes/``."""

from __future__ import annotations

from datetime import date

from fudata_pipeline.blocks.place import GRID, placement_name
from fudata_pipeline.catalog.model import Theme
from fudata_pipeline.engine.sql import identifier, literal
from fudata_pipeline.models.product import Built, NothingToBuild, materialize, product_sql
from fudata_pipeline.models.rows import as_of
from fudata_pipeline.project import Project


def _as_of(project: Project, theme: Theme) -> date:
    day = as_of(project, project.catalog.base(theme.subject))
    if day is None:
        raise NothingToBuild(f"{theme.title}：{theme.subject} 还没有任何来源 → 先成功载入其中至少一项")
    return day


def theme_sql(project: Project, theme: Theme) -> str:
    """One row per grid of the district, also where nobody is: a count of zero is a fact."""
    subject = project.catalog.base(theme.subject)
    measures = ", ".join(f"{m.sql} AS {identifier(m.name)}" for m in theme.measures)
    filled = ", ".join(f"coalesce(m.{identifier(m.name)}, 0) AS {identifier(m.name)}" for m in theme.measures)
    return f"""
        WITH placed AS (
            SELECT e.*, p.grid_code, DATE {literal(_as_of(project, theme))} AS as_of
            FROM {product_sql(project, placement_name(subject))} AS p
            JOIN {product_sql(project, f"base.{subject.table}")} AS e USING (entity_id)
            WHERE p.grid_code IS NOT NULL),
        measured AS (SELECT grid_code, {measures} FROM placed GROUP BY grid_code)
        SELECT g.*, DATE {literal(_as_of(project, theme))} AS as_of, {filled}
        FROM {product_sql(project, GRID)} AS g LEFT JOIN measured AS m USING (grid_code)"""


def build_theme(project: Project, theme: Theme) -> Built:
    """Bring one theme table up to date."""
    return materialize(project, f"block.{theme.table}", theme.title, theme_sql(project, theme), "grid_code")
