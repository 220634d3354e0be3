"""What the link tables left out: ``base.link_left_out`` counts their rows that tell of no link, by item, entity and reason."""

from __future__ import annotations

from fudata_pipeline.engine.sql import literal
from fudata_pipeline.models.links import record_name
from fudata_pipeline.models.product import Built, NothingToBuild, materialize, product_sql
from fudata_pipeline.project import Project

LEFT_OUT, LEFT_OUT_TITLE = "base.link_left_out", "关联表的未关联行"


def build_left_out(project: Project) -> Built:
    """Count what the link tables left out, by item, entity and reason.

    Raises:
        NothingToBuild: before the first build of a link table.
    """
    catalog = project.catalog
    own = [k for k in catalog.links if k.of is None and project.registry.build(record_name(k))]
    if not own:
        raise NothingToBuild("关联表的未关联行：还没有任何关联表 → 先建成其一")
    titles = catalog.codes["link_left_out"].titles
    parts = " UNION ALL ".join(
        f"SELECT {literal(k.table)} AS link, item, left_out_end, left_out FROM {product_sql(project, record_name(k))}"
        for k in own
    )
    sql = f"""
        SELECT link, item, left_out_end, left_out,
            map([{", ".join(map(literal, titles))}], [{", ".join(map(literal, titles.values()))}])[left_out] AS reason, count(*) AS source_rows
        FROM ({parts}) WHERE left_out IS NOT NULL GROUP BY ALL"""
    return materialize(project, LEFT_OUT, LEFT_OUT_TITLE, sql, "link", "item", "left_out_end", "left_out")
