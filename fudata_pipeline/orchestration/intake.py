"""Intake in Dagster: one multi-asset a unit, one asset and one check a data item.

A unit's step loads its selected items one after another, yields the good ones and fails at its end when any was
refused, naming each with its reason and cure. Refused, unchanged and never delivered items yield no materialization;
their last good version, if any, stays what models and publish use.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.catalog.model import Item, Unit
from fudata_pipeline.catalog.schema import TableSchema
from fudata_pipeline.load.corrections import take_returned
from fudata_pipeline.load.deliveries import PROMOTED
from fudata_pipeline.load.item import load_item
from fudata_pipeline.load.result import UNCHANGED, VERDICTS, LoadResult
from fudata_pipeline.orchestration.resource import ProjectResource

CHECK = "quality_gate"


def item_key(item: Item) -> dg.AssetKey:
    return dg.AssetKey(["item", item.unit, item.name])


def _columns(catalog: Catalog, item: Item) -> dg.TableSchema:
    schema = TableSchema.of(catalog, item)
    return dg.TableSchema([dg.TableColumn(c.name, c.duckdb, c.comment) for c in schema.columns])


def item_spec(catalog: Catalog, unit: Unit, item: Item) -> dg.AssetSpec:
    return dg.AssetSpec(
        item_key(item),
        description=f"{unit.short}《{item.title}》\n\n{item.summary}",
        group_name=unit.id,
        kinds={item.source.format, "parquet"},
        skippable=True,
        metadata={
            "目录代码": item.code,
            "更新周期": item.cycle,
            "dagster/column_schema": _columns(catalog, item),
        },
    )


def load_metadata(result: LoadResult) -> dict[str, Any]:
    """What a load may show in Dagster: counts, score and reasons; never a value of the data."""
    rules = [r for r in result.rules if r["failed"]]
    metadata: dict[str, Any] = {
        "结论": VERDICTS[result.verdict],
        "交付行数": result.rows_in,
        "dagster/row_count": result.rows_current or 0,
        "入库行数": result.rows_accepted,
        "隔离行数": result.rows_quarantined,
        "重复行数": result.rows_duplicate,
        "载入批次": result.load_id,
        "交付文件": result.file_name,
    }
    if result.score is not None:
        metadata["得分"] = result.score
    if result.reason:
        metadata["原因"] = result.reason
    if result.warnings:
        metadata["提示"] = dg.MetadataValue.md("\n".join(f"- {w}" for w in result.warnings))
    if rules:
        lines = [f"| {r['column'] or '整行'} | {r['rule']} | {r['severity']} | {r['failed']} |" for r in rules]
        metadata["违反规则"] = dg.MetadataValue.md("\n".join(["|列|规则|级别|行数|", "|-|-|-|-|", *lines]))
    return metadata


def unit_assets(catalog: Catalog, unit: Unit, items: tuple[Item, ...]) -> dg.AssetsDefinition:
    """The multi-asset of one unit."""
    by_key = {item_key(item): item for item in items}

    @dg.multi_asset(
        name=f"intake_{unit.id}",
        specs=[item_spec(catalog, unit, item) for item in items],
        check_specs=[dg.AssetCheckSpec(CHECK, asset=key, description="约定与质量门") for key in by_key],
        can_subset=True,
        op_tags={"unit": unit.id},
        description=f"{unit.name}：交付 → 快照 → 校验 → 入库或隔离 → 质量门",
    )
    def intake_unit(
        context: dg.AssetExecutionContext, project: ProjectResource
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        opened = project.open()
        failed: list[LoadResult] = []
        for sheet in take_returned(opened, [unit.id]):
            said = "；".join(sheet.problems) or f"更正 {sheet.rows} 行"
            context.log.info(f"{sheet.file_name}“{sheet.sheet}”（{sheet.item}）：{said}")
        for key in sorted(context.selected_asset_keys):
            result = load_item(opened, by_key[key])
            if result.verdict == UNCHANGED or result.missing:
                context.log.info(f"{result.item}：{VERDICTS[result.verdict]}（当前版本 {result.load_id or '无'}）")
                context.log_event(dg.AssetObservation(key, metadata={"结论": VERDICTS[result.verdict]}))
                continue
            metadata = load_metadata(result)
            if result.failed:
                failed.append(result)
                context.log.error(f"{result.item}：{result.reasons}")
            if result.verdict == PROMOTED:
                context.log.info(f"{result.item}：入库 {result.rows_accepted} 行，隔离 {result.rows_quarantined} 行")
                yield dg.MaterializeResult(asset_key=key, metadata=metadata)
            yield dg.AssetCheckResult(passed=not result.failed, asset_key=key, check_name=CHECK, metadata=metadata)
        if failed:
            raise dg.Failure(
                description="；".join(f"{r.item}：{r.reasons}" for r in failed),
                metadata={r.item: r.reasons for r in failed},
                allow_retries=False,
            )

    return intake_unit
