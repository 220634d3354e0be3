"""``futian.duckdb``: schemas ``base`` and ``block`` (tables), ``item`` (views over Parquet) and ``meta``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from duckdb import DuckDBPyConnection

from fudata_pipeline.catalog.model import FieldDef, Item
from fudata_pipeline.catalog.schema import TableSchema, column_comment
from fudata_pipeline.engine.sql import identifier, literal
from fudata_pipeline.lake import files
from fudata_pipeline.lake.publication import publication
from fudata_pipeline.lake.registry import Row
from fudata_pipeline.load.version import current_rows
from fudata_pipeline.models.links import declared
from fudata_pipeline.models.product import Built, fingerprint, product_sql
from fudata_pipeline.project import Project
from fudata_pipeline.publish.meta import write_meta
from fudata_pipeline.settings import now

PRODUCT = "published"

SCHEMAS = ("base", "block", "item", "meta")

GENERATED = {
    "entity_id": "实体编号",
    "source_rows": "来源行数",
    "source_items": "来源数据项",
    "provenance": "每个值的来源：数据项；同一数据项有多行时还有行指纹，见同名 _record 表",
    "valid_from": "本版本起始时间（北京时间）",
    "valid_to": "本版本终止时间（北京时间）",
    "row_hash": "来源行的内容指纹",
    "linked_by": "identifier 按标识，match 按概率或人工判断；空为未关联",
    "record": "无可用标识的行的编号",
    "pattern": "各项比对结果",
    "second": "次优实体编号",
    "lead": "与次优实体的匹配权重差",
    "probability": "无可用标识的行属于该实体的概率；空为按标识关联",
    "attribute": "属性",
    "value": "落选的值",
    "winner": "入选的值",
    "winner_item": "入选值的数据项",
    "event": "事件",
    "day": "发生日期，未知则空",
    "before": "变动前",
    "after": "变动后",
    "seen_at": "发现时间（北京时间）",
    "kind": "merge 合并，split 拆分",
    "into": "并入或拆出的实体编号",
    "item": "数据项编号",
    "load_id": "载入批次",
    "line": "交付文件中的行号",
    "community_name": "社区名称",
    "street_code": "街道编码",
    "street_name": "街道名称",
    "method": "落格方法，见 meta.codes 的 placement_method",
    "confidence": "落格置信度，0–1",
    "reason": "原因；落格表中为代码，见 meta.codes 的 placement_reason",
    "as_of": "统计日期",
    "relation": "关系代码，见 meta.codes",
    "relation_title": "关系",
    "from_date": "起始日期，未知则空",
    "to_date": "终止日期；空为至今或未知",
    "left_out": "未成为关联的原因，见 meta.codes 的 link_left_out；空为已关联",
    "left_out_end": "原因所在的实体",
    "link": "关联表",
    "on_list": "在白名单中",
    "registered": "有现行居住登记",
    "last_seen": "最近一次有记录的日期，不含白名单自身",
    "seen_by": "最近一次记录的数据项",
    "units": "掌握其记录的单位",
    "left_date": "离开日期：全部居住期间均已结束时最后的终止日期",
    "house_id": "房屋实体编号",
    "listed_house_id": "白名单所列房屋的实体编号",
    "suggestion": "建议代码，见 meta.codes",
    "suggested": "建议",
    "base_table": "基础表",
    "rule": "规则编号",
    "title": "规则名称",
    "severity": "级别：warn 告警，info 提示",
    "indicator": "GB/T 36344 指标",
    "cure": "处理办法",
    "_line": "交付文件中的行号",
    "_load_id": "载入批次",
}
"""Titles of the columns that the pipeline adds to those of the field dictionary."""


def publish(project: Project, *, force: bool = False) -> Built:
    """Publish the current versions and builds; does nothing when all of it is published already.

    ``rows`` of the result counts the columns that the published dictionary describes.
    """
    target = project.settings.published_file
    with files.locked(project.settings, PRODUCT):
        builds = [b for b in project.registry.all_builds() if b["product"] != PRODUCT]
        version = _version(project, builds)
        before = project.registry.build(PRODUCT)
        if before and before["version"] == version and target.exists() and not force:
            return Built(PRODUCT, "发布文件", before["rows"], False, version)
        dictionary: list[dict[str, Any]] = []
        with publication(project.settings, target) as con:
            for schema in SCHEMAS:
                con.execute(f"CREATE SCHEMA {schema}")
            for build in builds:
                dictionary += _write_table(project, con, build)
            for item_id, load in project.registry.current_loads().items():
                item = project.catalog.items_by_id.get(item_id)
                if item:  # an item may have left the catalog since it was loaded
                    dictionary += _write_view(project, con, item, load)
            write_meta(project, con, version, dictionary, builds)
        project.registry.record_builds(
            {
                "product": PRODUCT,
                "title": "发布文件",
                "version": version,
                "built_at": now(),
                "rows": len(dictionary),
            }
        )
    return Built(PRODUCT, "发布文件", len(dictionary), True, version)


def _version(project: Project, builds: list[Row]) -> str:
    loads = [load["load_id"] for load in project.registry.all_loads()]
    return fingerprint([project.catalog.version, *loads, *(f"{b['product']}={b['version']}" for b in builds)])


def _write_table(project: Project, con: DuckDBPyConnection, build: Row) -> list[dict[str, Any]]:
    schema, table = build["product"].split(".", 1)
    con.execute(f"CREATE TABLE {schema}.{identifier(table)} AS FROM {product_sql(project, build['product'])}")
    theme = next((t for t in project.catalog.themes if f"block.{t.table}" == build["product"]), None)
    described: dict[str, tuple[str, FieldDef | None]] = {n: (f.title, f) for n, f in project.catalog.fields.items()}
    for link in project.catalog.links:
        if table in (link.table, f"{link.table}_record"):
            for end_name, end in declared(project.catalog, link).ends.items():
                described[f"{end_name}_id"] = (end.title, None)
    for m in theme.measures if theme else ():
        described[m.name] = (f"{m.title}（{m.unit}）" if m.unit else m.title, None)
    return _describe(con, "TABLE", schema, table, build["title"], described)


def _write_view(project: Project, con: DuckDBPyConnection, item: Item, load: Row) -> list[dict[str, Any]]:
    name = f"item.{identifier(item.view)}"
    con.execute(f"CREATE VIEW {name} AS SELECT * EXCLUDE (_load_id), _load_id FROM {current_rows(project, load)}")
    schema = TableSchema.of(project.catalog, item)
    described = {c.name: (c.title, c.field) for c in schema.columns}
    return _describe(con, "VIEW", "item", item.view, schema.title, described)


def _describe(
    con: DuckDBPyConnection,
    kind: str,
    schema: str,
    table: str,
    title: str,
    described: Mapping[str, tuple[str, FieldDef | None]],
) -> list[dict[str, Any]]:
    """Comment a table just written and its columns; returns its rows of ``meta.dictionary``.

    ``described``: column -> its title and dictionary field.
    """
    name = f"{schema}.{identifier(table)}"
    con.execute(f"COMMENT ON {kind} {name} IS {literal(title)}")
    rows = []
    for column, data_type, *_ in con.execute(f"DESCRIBE {name}").fetchall():
        column_title, field = described.get(column) or (GENERATED.get(column, column), None)
        comment = column_comment(column_title, field)
        con.execute(f"COMMENT ON COLUMN {name}.{identifier(column)} IS {literal(comment)}")
        rows.append(
            {
                "table_schema": schema,
                "table_name": table,
                "column_name": column,
                "title": column_title,
                "data_type": data_type.split("(", 1)[0] if data_type.startswith("STRUCT") else data_type,
                "unit_of_measure": field.unit if field else None,
                "standard": field.standard if field else None,
                "code_set": field.codes if field else None,
                "pi_level": field.pi if field else None,
            }
        )
    return rows
