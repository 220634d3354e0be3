"""The expectation suite of an item, derived from the catalog alone, as plain data that can be exported as JSON.

The table judged holds the declared columns of all delivered rows, ``_line``, and ``_outcome`` (accepted or
quarantined). Expectations over values cover accepted and quarantined rows alike and tolerate the share that the item's
``max_quarantine`` tolerates. A rule that only warns never refuses a load, so it makes no expectation.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.catalog.expectations import Severity
from fudata_pipeline.catalog.model import Item, ItemField
from fudata_pipeline.catalog.schema import Column, TableSchema
from fudata_pipeline.engine.sql import identifier, repeated_sql
from fudata_pipeline.quality.freshness import newest_row_since

OUTCOME = "_outcome"
ACCEPTED = "accepted"
QUARANTINED = "quarantined"

MIN_SHARE_OF_LAST = 0.5
"""[A] A load with fewer accepted rows than this share of the current version's is taken for an incomplete delivery."""

Expectation = dict[str, Any]


def _expect(kind: str, title: str, *, severity: Severity = "critical", **kwargs: Any) -> Expectation:
    return {"type": kind, "kwargs": kwargs, "meta": {"title": title}, "severity": severity}


def percent(share: float) -> str:
    return f"{share * 100:.6g}%"


def expectations(
    catalog: Catalog, item: Item, last_rows: int | None, already: int = 0, day: date | None = None
) -> list[Expectation]:
    """Everything a load of ``item`` must satisfy; ``last_rows``: accepted rows of the current version, if any, and
    ``already``: rows that count together with those of the load; ``day``: of the delivery.

    Each is ``{"type": great-expectations' name, "kwargs": {…}, "meta": {"title": Chinese sentence}, "severity": …}``.
    What is ``critical`` refuses the load; a ``warning`` is told with it.
    """
    tolerated = round(1 - item.bounds.max_quarantine, 6)
    found = [*_whole_table(catalog, item, last_rows, already, tolerated), *_key(item, tolerated)]
    for column in TableSchema.of(catalog, item).columns:
        found += _column(catalog, column, tolerated)
    if day and (since := newest_row_since(catalog.district, item, day)):
        found.append(_new_enough(item, *since))
    return [*found, *(e.plain for e in catalog.expectations.get(item.id, ()))]


def _new_enough(item: Item, column: str, since: date) -> Expectation:
    """Events and changes that a delivery brings must be new; of a register nothing may have changed for long."""
    name = identifier(column)
    made = _expect(
        "unexpected_rows_expectation",
        f"最新的{_named(item.column(column))}不早于 {since}",
        severity="warning" if item.load.merges else "info",
        unexpected_rows_query=(
            f"SELECT 1 AS stale FROM (SELECT max({name}) AS newest FROM {{batch}} WHERE {OUTCOME} = '{ACCEPTED}') "
            f"WHERE newest < DATE '{since}'"
        ),
    )
    made["meta"]["otherwise"] = "最新的更早"
    return made


def _whole_table(
    catalog: Catalog, item: Item, last_rows: int | None, already: int, tolerated: float
) -> Iterator[Expectation]:
    low, _ = item.rows_between(catalog.district.scale)
    low = max(0, low - already)
    yield _expect(
        "expect_table_columns_to_match_set",
        f"申报的 {len(item.columns)} 列齐全",
        column_set=list(item.columns),
        exact_match=False,
    )
    count = "expect_table_row_count_to_be_between"
    together = f"（加上已有的 {already:,} 行）" if already else ""
    yield _expect(count, f"交付行数{together}不少于 {low + already:,}", min_value=low)
    if last_rows is not None:
        yield _expect(
            count,
            f"入库行数不低于当前版本（{last_rows:,} 行）的 {percent(MIN_SHARE_OF_LAST)}",
            min_value=math.ceil(last_rows * MIN_SHARE_OF_LAST),
            row_condition={"type": "comparison", "column": {"name": OUTCOME}, "operator": "==", "parameter": ACCEPTED},
        )
    yield _expect(
        "expect_column_values_to_be_in_set",
        f"入库行占比不低于 {percent(tolerated)}",
        column=OUTCOME,
        value_set=[ACCEPTED],
        mostly=tolerated,
    )


def _key(item: Item, tolerated: float) -> Iterator[Expectation]:
    for name in item.key:
        yield _expect(
            "expect_column_values_to_not_be_null",
            f"主键{_named(item.column(name))}非空的行不低于 {percent(tolerated)}",
            column=name,
            mostly=tolerated,
        )
    if not item.key:
        return
    repeated = repeated_sql("{batch}", item.key, f"{OUTCOME} = '{ACCEPTED}'")
    yield _expect(
        "unexpected_rows_expectation",
        f"入库行中重复的主键 {'+'.join(item.key)} 为 0",
        # A constant is selected, so that no key value can reach a result.
        unexpected_rows_query=f"SELECT 1 AS repeated FROM ({repeated})",
    )


def _named(column: Column | ItemField) -> str:
    return f"“{column.title}”({column.name})"


def _column(catalog: Catalog, column: Column, tolerated: float) -> Iterator[Expectation]:
    field, named = column.field, _named(column)
    enough = f"的值不低于 {percent(tolerated)}"
    if column.min_filled > 0:
        yield _expect(
            "expect_column_values_to_not_be_null",
            f"{named}的填写率不低于 {percent(column.min_filled)}",
            column=column.name,
            mostly=column.min_filled,
        )
    if column.codes and _refuses(catalog, "code"):
        yield _expect(
            "expect_column_values_to_be_in_set",
            f"{named}在代码表 {field.codes} 内{enough}",
            column=column.name,
            value_set=sorted(column.codes.titles),
            mostly=tolerated,
        )
    if macro := identifier_macro(catalog, field.type):
        yield _expect(
            "expect_column_values_to_satisfy_macro",
            f"{named}通过 {macro} 校验{enough}",
            column=column.name,
            macro=macro,
            mostly=tolerated,
        )
    bounds = field if field.min or field.max else catalog.types[field.type]
    if (bounds.min or bounds.max) and (bounds is not field or _refuses(catalog, "range")):
        yield _expect(
            "expect_column_values_to_be_between",
            f"{named}在 {bounds.min or '不限'} 至 {bounds.max or '不限'} 之间{enough}",
            column=column.name,
            min_value=_bound(field.type, bounds.min),
            max_value=_bound(field.type, bounds.max),
            mostly=tolerated,
        )


def _refuses(catalog: Catalog, rule: str) -> bool:
    return catalog.rules[rule].severity in ("block", "quarantine")


def identifier_macro(catalog: Catalog, type_name: str) -> str | None:
    """The macro ``is_…`` that tells a valid identifier, where one of the type's quarantining rules uses it."""
    for rule in catalog.types[type_name].rules:
        used = re.search(r"NOT (is_\w+)\(\{value\}\)$", catalog.rules[rule].violation)
        if used and _refuses(catalog, rule):
            return used[1]
    return None


def _bound(type_name: str, value: str | None) -> int | float | str | None:
    """A number for number types; a date or time stays ISO text, which JSON can carry and DuckDB casts."""
    if value is None or type_name in ("date", "datetime"):
        return value
    number = float(value)
    return int(number) if number.is_integer() else number
