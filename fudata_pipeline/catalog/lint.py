"""References and contradictions between declarations, after each one is well-formed by itself."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from fudata_pipeline.catalog.model import BaseTable, Catalog, Item


@dataclass(frozen=True)
class Finding:
    """Something wrong in a declaration: the file below ``catalog/``, the place in it, what, and the cure."""

    file: str
    place: str
    message: str
    cure: str

    def __str__(self) -> str:
        return f"catalog/{self.file} [{self.place}] {self.message} → {self.cure}"


class CatalogError(Exception):
    """The catalog does not compile; ``findings`` holds every reason."""

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__("\n".join(str(f) for f in findings))
        self.findings = findings


def _repeated(names: list[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def _lint_item(catalog: Catalog, item: Item) -> Iterator[Finding]:
    file = f"items/{item.unit}.yaml"

    def found(message: str, cure: str) -> Finding:
        return Finding(file, item.name, message, cure)

    if item.unit not in catalog.units_by_id:
        yield found(f"单位 {item.unit!r} 未声明", "在 catalog/units.yaml 中声明")
    for name in _repeated(list(item.columns)):
        yield found(f"列 {name} 声明了两次", "用 name: 给其中一列另起名")
    for header in _repeated([h for f in item.fields for h in f.headers]):
        yield found(f"表头 {header} 指向两列", "每个表头只属于一列")
    for column in {*item.key, *([item.latest_by] if item.latest_by else [])} - set(item.columns):
        yield found(f"key 或 latest_by 引用了未声明的列 {column}", "改正列名")
    for key in item.key:
        if key in item.columns and not item.column(key).required:
            yield found(f"主键列 {key} 不是必填", "为该列加 required: true")
    for use in item.rules:
        rule = catalog.rules.get(use.rule)
        if rule is None or rule.level != "row" or not rule.violation:
            yield found(f"行规则 {use.rule!r} 未在 rules.csv 声明", "改正规则编号")
            continue
        wanted = len(set(re.findall(r"\{(\d)\}", rule.violation)))
        if len(use.columns) != wanted:
            yield found(f"规则 {use.rule} 需要 {wanted} 列，给了 {len(use.columns)} 列", "按规则的占位符给出列")
        for column in set(use.columns) - set(item.columns):
            yield found(f"规则 {use.rule} 引用了未声明的列 {column}", "改正列名")
    if item.share.type == "conditional" and not item.share.condition:
        yield found("有条件共享缺少共享条件", "填写 share.condition")
    if item.share.type == "none" and not item.share.legal_basis:
        yield found("不予共享缺少法律依据", "填写 share.legal_basis")
    if item.open and max(f.field.pi for f in item.fields) >= 4:
        private = [f.name for f in item.fields if f.field.pi >= 4 and f.required]
        if private:
            yield found(f"向社会开放的数据项含有敏感个人信息列 {private}", "改为不开放，或去掉该列")
    headers = {h for f in item.fields for h in f.headers}
    for number, example in enumerate(item.examples, 1):
        for header in set(example.given) - headers:
            yield found(f"第 {number} 个样例的表头 {header!r} 未声明", "改正表头")
        for column in set(example.gives) - set(item.columns):
            yield found(f"第 {number} 个样例的列 {column!r} 未声明", "改正列名")
        for broken in set(example.breaks) - set(catalog.rules):
            yield found(f"第 {number} 个样例的规则 {broken!r} 未声明", "改正规则编号")


def _lint_base(catalog: Catalog, base: BaseTable) -> Iterator[Finding]:
    file = f"base/{base.table}.yaml"
    names = {f.name for f in base.fields}
    inputs = {i.item for i in base.inputs}
    if base.key not in names:
        yield Finding(file, base.key, "主键不在 fields 中", "补上主键字段")
    for feed in base.inputs:
        if feed.item not in catalog.items_by_id:
            yield Finding(file, feed.item, "数据项未声明", "在 catalog/items/ 中声明，或改正名称")
        if base.key not in feed.columns:
            yield Finding(file, feed.item, f"没有给出主键 {base.key}", "在 columns 中给出主键")
        for name in set(feed.columns) - names:
            yield Finding(file, feed.item, f"字段 {name} 不在本表 fields 中", "改正字段名")
    for field in base.fields:
        for item in set(field.prefer) - inputs:
            yield Finding(file, field.name, f"prefer 中的 {item} 不是本表的输入", "改正数据项名")
        if not any(field.name in feed.columns for feed in base.inputs):
            yield Finding(file, field.name, "没有任何数据项提供该字段", "补上来源，或删去该字段")


def lint(catalog: Catalog) -> list[Finding]:
    """Every contradiction between declarations; empty for a sound catalog."""
    found: list[Finding] = []
    for unit in _repeated([u.id for u in catalog.units]):
        found.append(Finding("units.yaml", unit, "单位编号重复", "每个单位一个编号"))
    for what, values in (
        ("编号", [i.id for i in catalog.items]),
        ("目录代码", [i.code for i in catalog.items]),
    ):
        for value in _repeated(values):
            found.append(Finding("items/", value, f"数据项{what}重复", "改为唯一的值"))
    for key in _repeated([f"{i.unit} {i.title}" for i in catalog.items]):
        found.append(Finding("items/", key, "同一单位内数据项标题重复", "改为可区分的标题"))
    if catalog.district.grid_item not in catalog.items_by_id:
        found.append(Finding("district.yaml", "grid_item", "网格数据项未声明", "改正名称"))
    for name, declared in catalog.rules.items():
        whole = declared.level == "delivery"
        if declared.severity == ("quarantine" if whole else "block"):  # neither would ever take effect
            message = f"级别 {declared.severity} 不能用于 {declared.level} 规则"
            found.append(Finding("rules.csv", name, message, "block 用于 delivery 规则，quarantine 用于其余规则"))
    for name, type_def in catalog.types.items():
        for rule in set(type_def.rules) - set(catalog.rules):
            found.append(Finding("types.yaml", name, f"规则 {rule!r} 未声明", "改正规则编号"))
    for item in catalog.items:
        found += _lint_item(catalog, item)
    for base in catalog.bases:
        found += _lint_base(catalog, base)
    placed = {b.table for b in catalog.bases if b.place}
    for theme in catalog.themes:
        if theme.subject not in placed:
            found.append(
                Finding(f"themes/{theme.table}.yaml", "subject", f"{theme.subject} 不是可入格的基础表", "改正名称")
            )
    return found
