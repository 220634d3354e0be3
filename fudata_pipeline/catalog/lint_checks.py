"""References and contradictions of checks over several tables, after each is well-formed by itself."""

from __future__ import annotations

from collections.abc import Iterator

from fudata_pipeline.catalog.bases import BaseTable
from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.catalog.finding import Finding
from fudata_pipeline.catalog.places import unknown_tables


def lint_checks(catalog: Catalog, base: BaseTable) -> Iterator[Finding]:
    """Every contradiction of the checks of a base table."""
    file = f"base/{base.table}.yaml"
    names = [c.name for c in base.checks]
    for check in base.checks:
        place = ("checks", check.name)
        if names.count(check.name) > 1:
            yield Finding(file, place, "检查的名称重复", "每项检查一个名称")
        if check.severity not in ("warn", "info"):
            yield Finding(file, place, f"级别 {check.severity} 不能用于模型检查", "用 warn 或 info")
        for table in unknown_tables(catalog, check.sql):
            yield Finding(file, place, f"没有表 {{{table}}}", "写 {base.表名}，表为基础表、关联表或其来源行表")
