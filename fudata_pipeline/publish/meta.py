"""The ``meta`` schema of a published file: what each table holds, declared once with Chinese comments."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from duckdb import DuckDBPyConnection

from fudata_pipeline.engine.sql import identifier, literal
from fudata_pipeline.load.corrections import history
from fudata_pipeline.load.result import VERDICTS, rule_counts
from fudata_pipeline.models.checks import check_counts
from fudata_pipeline.project import Project
from fudata_pipeline.quality.score import COLUMNS, grade
from fudata_pipeline.report.league import league
from fudata_pipeline.report.standing import History
from fudata_pipeline.settings import now

_LOAD = [
    ("unit", "VARCHAR", "数源单位编号"),
    ("item", "VARCHAR", "数据项编号"),
    ("load_id", "VARCHAR", "载入批次"),
]

TABLES: dict[str, tuple[str, list[tuple[str, str, str]]]] = {
    "dictionary": (
        "数据字典：本文件中每张表的每一列",
        [
            ("table_schema", "VARCHAR", "模式"),
            ("table_name", "VARCHAR", "表或视图"),
            ("column_name", "VARCHAR", "列"),
            ("title", "VARCHAR", "列的中文名"),
            ("data_type", "VARCHAR", "数据类型"),
            ("unit_of_measure", "VARCHAR", "计量单位"),
            ("standard", "VARCHAR", "所依标准"),
            ("code_set", "VARCHAR", "代码表，见 meta.codes"),
            ("pi_level", "INTEGER", "个人信息级别：1公开 2内部 3个人信息 4敏感个人信息"),
        ],
    ),
    "loads": (
        "历次载入：rows_in = rows_accepted + rows_quarantined + rows_duplicate；时间为北京时间",
        [
            *_LOAD,
            ("loaded_at", "TIMESTAMP", "载入时间（北京时间）"),
            ("file_name", "VARCHAR", "交付文件名"),
            ("sha256", "VARCHAR", "交付文件的 SHA-256"),
            ("contract", "VARCHAR", "当时的目录约定指纹"),
            ("verdict", "VARCHAR", "结论：" + "、".join(f"{k} {v}" for k, v in VERDICTS.items())),
            ("reason", "VARCHAR", "未入库的原因与处理办法"),
            ("rows_in", "BIGINT", "交付行数"),
            ("rows_accepted", "BIGINT", "入库行数"),
            ("rows_quarantined", "BIGINT", "隔离行数"),
            ("rows_duplicate", "BIGINT", "剔除的重复行数"),
            ("rows_current", "BIGINT", "该次载入后数据项的行数；空为没有形成新版本"),
            ("score", "DOUBLE", "GB/T 36344 质量得分，0–100"),
            ("grade", "VARCHAR", "得分的等级"),
            ("score_change", "DOUBLE", "较同一数据项上一次有得分的载入"),
            ("content_hash", "VARCHAR", "入库内容指纹（与行序无关）"),
            ("seconds", "DOUBLE", "用时（秒）"),
            ("is_current", "BOOLEAN", "是否为当前可用版本"),
        ],
    ),
    "quarantine_summary": (
        "历次载入中各规则的违反情况；quarantine 级的行已隔离，warn 与 info 级的行已入库",
        [
            *_LOAD,
            ("column_name", "VARCHAR", "列；空为整行"),
            ("rule", "VARCHAR", "规则编号"),
            ("severity", "VARCHAR", "级别"),
            ("indicator", "VARCHAR", "GB/T 36344 指标"),
            ("checked", "BIGINT", "检查行数"),
            ("failed", "BIGINT", "违反行数"),
            ("wording", "VARCHAR", "问题"),
            ("fixer", "VARCHAR", "应由谁处理"),
            ("cure", "VARCHAR", "处理办法"),
        ],
    ),
    "corrections": (
        "交付后由数源单位更正的行；更正前后的值不在本文件中",
        [
            ("item", "VARCHAR", "数据项编号"),
            ("load_id", "VARCHAR", "更正后的载入批次"),
            ("line", "BIGINT", "交付文件中的行号"),
            ("workbook", "VARCHAR", "更正单文件名"),
            ("received_at", "TIMESTAMP", "收到更正单的时间（北京时间）"),
            ("columns", "VARCHAR[]", "改动的列（表头）"),
            ("reasons", "VARCHAR[]", "原来的问题"),
            ("now", "VARCHAR", "现在的去向"),
        ],
    ),
    "scores": (
        "历次载入的 GB/T 36344 分维度得分",
        [
            *_LOAD,
            ("dimension", "VARCHAR", "维度"),
            ("score", "DOUBLE", "得分，0–100"),
            ("change", "DOUBLE", "较同一数据项上一次有该维度得分的载入"),
        ],
    ),
    "unit_scores": (
        "各单位逐月得分与名次，各数据项权重相同；未满的月份截至发布之日",
        [
            ("month", "VARCHAR", "月份"),
            ("as_of", "DATE", "截至日期"),
            ("unit", "VARCHAR", "数源单位编号"),
            ("rank", "BIGINT", "名次；没有得分的没有名次"),
            ("score", "DOUBLE", "得分，0–100"),
            ("grade", "VARCHAR", "等级"),
            ("change", "DOUBLE", "较上月"),
            *((column, "DOUBLE", f"{dimension}，0–100") for dimension, column in COLUMNS.items()),
            ("items_declared", "BIGINT", "申报的数据项"),
            ("items_never", "BIGINT", "从未交付的数据项，不含暂不可获取的"),
            ("items_on_time", "BIGINT", "按期的数据项"),
            ("items_late", "BIGINT", "迟交的数据项"),
            ("items_refused", "BIGINT", "最近一次交付被拒收的数据项"),
            ("deliveries", "BIGINT", "交付次数"),
            ("rows_in", "BIGINT", "交付行数"),
            ("rows_quarantined", "BIGINT", "隔离行数"),
            ("quarantined_share", "DOUBLE", "隔离行的占比"),
        ],
    ),
    "units": (
        "数源单位",
        [
            ("id", "VARCHAR", "编号"),
            ("name", "VARCHAR", "全称"),
            ("short", "VARCHAR", "简称"),
            ("kind", "VARCHAR", "类别"),
            ("number", "VARCHAR", "目录代码中的单位号"),
            ("uscc", "VARCHAR", "统一社会信用代码"),
            ("block_data", "BOOLEAN", "是否块数据部门"),
        ],
    ),
    "items": (
        "数据项目录",
        [
            ("item", "VARCHAR", "数据项编号"),
            ("unit", "VARCHAR", "数源单位编号"),
            ("code", "VARCHAR", "目录代码"),
            ("title", "VARCHAR", "名称"),
            ("summary", "VARCHAR", "摘要"),
            ("cycle", "VARCHAR", "更新周期"),
            ("share_type", "VARCHAR", "共享类型"),
            ("share_terms", "VARCHAR", "共享条件，或不予共享的依据"),
            ("open", "BOOLEAN", "是否向社会开放"),
            ("classification", "VARCHAR", "数据级别（GB/T 43697）"),
            ("grade", "INTEGER", "个人信息分级，1–4"),
            ("availability", "VARCHAR", "可获取性"),
            ("topics", "VARCHAR[]", "主题库"),
            ("feeds", "VARCHAR[]", "供给的基础库字段"),
            ("records", "BIGINT", "申报的记录总数"),
            ("key", "VARCHAR", "主键列"),
            ("item_view", "VARCHAR", "本文件中的视图；尚无可用版本时不存在"),
        ],
    ),
    "codes": (
        "代码表",
        [
            ("code_set", "VARCHAR", "代码表名"),
            ("code", "VARCHAR", "代码"),
            ("title", "VARCHAR", "名称"),
        ],
    ),
    "precedence": (
        "一数一源：基础库每个属性由哪些数据项提供，次序小者为准；次序相同的取较新的，再取多数一致的",
        [
            ("base_table", "VARCHAR", "基础表"),
            ("attribute", "VARCHAR", "属性"),
            ("rank", "BIGINT", "次序，从 1 起"),
            ("item", "VARCHAR", "数据项编号"),
        ],
    ),
    "model_checks": (
        "基础库检查：每项规则检查与违反的实体数；违反者见 base.check",
        [
            ("base_table", "VARCHAR", "基础表"),
            ("rule", "VARCHAR", "规则编号"),
            ("title", "VARCHAR", "规则名称"),
            ("severity", "VARCHAR", "级别：warn 告警，info 提示"),
            ("indicator", "VARCHAR", "GB/T 36344 指标"),
            ("checked", "BIGINT", "检查的实体数；空为所需的表尚未建成，未检查"),
            ("failed", "BIGINT", "违反的实体数；空为未检查"),
            ("cure", "VARCHAR", "处理办法"),
        ],
    ),
    "builds": (
        "基础库与主题表的当前版本",
        [
            ("product", "VARCHAR", "表"),
            ("title", "VARCHAR", "名称"),
            ("version", "VARCHAR", "版本指纹"),
            ("built_at", "TIMESTAMP", "建成时间（北京时间）"),
            ("rows", "BIGINT", "行数"),
        ],
    ),
    "publication": (
        "本发布文件",
        [
            ("version", "VARCHAR", "版本指纹"),
            ("published_at", "TIMESTAMP", "发布时间（北京时间）"),
            ("district", "VARCHAR", "行政区"),
        ],
    ),
}


_ITEM_ATTRIBUTES = (
    "unit", "code", "title", "summary", "cycle", "open", "classification", "grade", "availability", "records"
)  # fmt: skip


def _loads(project: Project) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    catalog = project.catalog
    current = {load["load_id"] for load in project.registry.current_loads().values()}
    loads, broken, scores = [], [], []
    before: dict[tuple[str, str], float] = {}  # item and dimension, or no dimension for the total -> last score

    def change(item: str, dimension: str, now: float | None) -> float | None:
        if now is None:
            return None
        then, before[item, dimension] = before.get((item, dimension)), now
        return None if then is None else round(now - then, 1)

    for load in project.registry.all_loads():
        moved = change(load["item"], "", load["score"])
        graded = {"grade": grade(catalog.district, load["score"]), "score_change": moved}
        loads.append({**load, **graded, "is_current": load["load_id"] in current})
        where = {name: load[name] for name, _, _ in _LOAD}
        for c in rule_counts(load):
            rule = catalog.rules_by_id.get(c.rule)
            if c.failed and rule:
                broken.append(
                    {
                        **where,
                        "column_name": c.column,
                        "rule": c.rule,
                        "severity": c.severity,
                        "indicator": rule.indicator,
                        "checked": c.checked,
                        "failed": c.failed,
                        "wording": rule.wording_zh,
                        "fixer": rule.fixer,
                        "cure": rule.cure_zh,
                    }
                )
        for dimension, value in load["dimensions"].items():
            moved = change(load["item"], dimension, value)
            scores.append({**where, "dimension": dimension, "score": value, "change": moved})
    return loads, broken, scores


def _corrections(project: Project) -> list[dict[str, Any]]:
    corrected = project.registry.corrected_items()
    found = history(project, [i for i in project.catalog.items if i.id in corrected])
    return [{**vars(c), "columns": list(c.columns), "reasons": list(c.reasons)} for c in found]


def write_meta(
    project: Project,
    con: DuckDBPyConnection,
    version: str,
    dictionary: list[dict[str, Any]],
    builds: list[Any],
) -> None:
    """Create and fill every table of :data:`TABLES` in the connection's default database."""
    catalog = project.catalog
    loads, broken, scores = _loads(project)
    history = History(project, now().date())
    rows: dict[str, list[Any]] = {
        "dictionary": dictionary,
        "loads": loads,
        "quarantine_summary": broken,
        "corrections": _corrections(project),
        "scores": scores,
        "unit_scores": [p.plain for month in history.months for p in league(history, month)],
        "units": [u.model_dump() for u in catalog.units],
        "items": [
            {
                **{n: getattr(i, n) for n in _ITEM_ATTRIBUTES},
                "item": i.id,
                "share_type": i.share.type,
                "share_terms": i.share.condition or i.share.legal_basis,
                "topics": list(i.topics),
                "feeds": [f"{f.table}.{f.attribute}" for f in catalog.feeds(i)],
                "key": ", ".join(i.key),
                "item_view": f"item.{i.view}",
            }
            for i in catalog.items
        ],
        "codes": [
            {"code_set": s.name, "code": c, "title": t} for s in catalog.codes.values() for c, t in s.titles.items()
        ],
        "precedence": [
            {"base_table": f.table, "attribute": f.attribute, "rank": f.rank, "item": i.id}
            for i in catalog.items
            for f in catalog.feeds(i)
        ],
        "model_checks": check_counts(project, con),
        "builds": builds,
        "publication": [{"version": version, "published_at": now(), "district": catalog.district.name}],
    }
    for table, (title, columns) in TABLES.items():
        name = f"meta.{table}"
        con.execute(f"CREATE TABLE {name} ({', '.join(f'{identifier(c)} {kind}' for c, kind, _ in columns)})")
        con.execute(f"COMMENT ON TABLE {name} IS {literal(title)}")
        for column, _, comment in columns:
            con.execute(f"COMMENT ON COLUMN {name}.{identifier(column)} IS {literal(comment)}")
        if rows[table]:
            values = pa.table({c: pa.array([row[c] for row in rows[table]]) for c, _, _ in columns})
            con.register("meta_rows", values)
            con.execute(f"INSERT INTO {name} SELECT * FROM meta_rows")
            con.unregister("meta_rows")
