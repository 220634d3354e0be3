"""Columns of the catalog workbook, in order, and how an item shows in each: the one description of the template.

Columns of 2017 stand first, then what the newer per-field form (归集) adds, then this project's own, which carry what
the official columns have no place for, so that a workbook written here reads back without loss.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.catalog.model import Item, ItemField, Share

Cell = str | int | float | None

LOCAL = "本地扩展"
SIZES = "信息资源大普查"
OTHER = "其他"

SHEET = "信息资源目录"
FIELD_SHEET = "字段字典"
UNIT_SHEET = "单位"

ITEM_EXTRA = (
    "数据存储总量(G)",
    "已共享的数据存储量(G)",
    "已共享结构化记录数(万)",
    "已开放的数据存储量(G)",
    "已开放结构化记录数(万)",
)
"""Size columns that no attribute stands for: 0 where unknown, as the guide demands."""


@dataclass(frozen=True)
class Head:
    """One column. ``kept``: what a workbook says there, where it differs from what the item itself gives, stays with
    the item as an extra; other columns are read into attributes. ``aliases`` are titles of other editions."""

    title: str
    group: str = ""
    aliases: tuple[str, ...] = ()
    item: Callable[[Catalog, Item], Cell] | None = None
    column: Callable[[Catalog, Item, ItemField], Cell] | None = None
    kept: bool = False
    spellings: frozenset[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "spellings", frozenset(spelling(t) for t in (self.title, *self.aliases)))


def spelling(title: str) -> str:
    """A header without what hands vary in: width, brackets, blanks, stars of obligation."""
    return "".join(c for c in unicodedata.normalize("NFKC", title).casefold() if c.isalnum())


def plain(value: Any) -> str:
    """A nested declaration in one cell, as JSON."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _code_part(catalog: Catalog, code: str) -> str:
    return catalog.codes["catalog_class"].titles.get(code, code)


def _detail(catalog: Catalog, item: Item) -> str:
    detail = item.code.split("/")[0][6:]
    return catalog.units_by_id[item.unit].classes.get(detail, detail)


FORMATS = {
    "csv": ("2", OTHER, "csv"),
    "excel": ("2", "xlsx", ""),
    "jsonl": ("6", OTHER, "json"),
    "parquet": ("6", OTHER, "parquet"),
}
"""Delivery format -> 格式分类 code, 格式类型, 其他类型资源格式描述."""


def _format(catalog: Catalog, item: Item) -> tuple[str, str, str]:
    code, kind, other = FORMATS[item.source.format]
    return catalog.codes["resource_format"].titles[code], kind, other


def shared(catalog: Catalog, share: Share) -> tuple[str, str]:
    """共享类型, and 共享条件 or the legal basis of not sharing."""
    return catalog.codes["share_type"].titles[share.type], share.condition or share.legal_basis or ""


def _yes(value: bool | None) -> str:
    return "" if value is None else "是" if value else "否"


def _data_type(catalog: Catalog, column: ItemField) -> str:
    letter = catalog.types[column.field.type].letter
    return catalog.codes["data_type"].titles[letter] + letter


def _length(catalog: Catalog, column: ItemField) -> Cell:
    kind = catalog.types[column.field.type]
    if kind.letter != "C":
        return None
    if column.field.codes:
        return max(len(c) for c in catalog.codes[column.field.codes].titles)
    return kind.length


def _rules(item: Item) -> str:
    return plain([u.model_dump(mode="json", exclude_defaults=True) for u in item.rules]) if item.rules else ""


def _some(value: Any, default: Any) -> str:
    return "" if value == default else plain(value)


HEADS: tuple[Head, ...] = (
    Head("类", "信息资源分类", item=lambda c, i: _code_part(c, i.code[:1]), kept=True),
    Head("项", "信息资源分类", item=lambda c, i: _code_part(c, i.code[:3]), kept=True),
    Head("目", "信息资源分类", item=lambda c, i: c.units_by_id[i.unit].short, kept=True),
    Head("细目", "信息资源分类", item=_detail),
    Head("信息资源名称", aliases=("资源名称", "目录名称"), item=lambda c, i: i.title),
    Head("信息资源英文名", aliases=("信息资源英文名称",), item=lambda c, i: i.name),
    Head("信息资源代码", aliases=("资源代码",), item=lambda c, i: i.code),
    Head("信息资源提供方", aliases=("资源提供方", "提供方"), item=lambda c, i: c.units_by_id[i.unit].name),
    Head("提供方内部部门", aliases=("内部部门",), item=lambda c, i: i.department),
    Head("资源提供方代码", aliases=("信息资源提供方代码", "提供方代码"), item=lambda c, i: c.units_by_id[i.unit].uscc),
    Head("信息资源摘要", aliases=("资源摘要", "摘要"), item=lambda c, i: i.summary),
    Head("来源信息系统名称", aliases=("所属系统", "来源系统"), item=lambda c, i: i.system),
    Head("信息资源格式分类", aliases=("格式分类",), item=lambda c, i: _format(c, i)[0], kept=True),
    Head("信息资源格式类型", aliases=("格式类型",), item=lambda c, i: _format(c, i)[1], kept=True),
    Head("其他类型资源格式描述", item=lambda c, i: _format(c, i)[2], kept=True),
    Head("数据存储总量(G)", SIZES, item=lambda c, i: 0, kept=True),
    Head("结构化信息记录总数(万)", SIZES, item=lambda c, i: (i.records or 0) / 10000),
    Head("已共享的数据存储量(G)", SIZES, item=lambda c, i: 0, kept=True),
    Head("已共享结构化记录数(万)", SIZES, item=lambda c, i: 0, kept=True),
    Head("已开放的数据存储量(G)", SIZES, item=lambda c, i: 0, kept=True),
    Head("已开放结构化记录数(万)", SIZES, item=lambda c, i: 0, kept=True),
    Head("信息项名称", "信息项信息", ("字段名称",), column=lambda c, i, f: f.title),
    Head("信息项英文名", "信息项信息", ("字段英文名称", "信息项英文名称"), column=lambda c, i, f: f.name),
    Head("数据类型", "信息项信息", ("字段数据类型",), column=lambda c, i, f: _data_type(c, f)),
    Head("数据长度", "信息项信息", ("字段数据长度",), column=lambda c, i, f: _length(c, f), kept=True),
    Head("共享类型", "共享属性", item=lambda c, i: shared(c, i.share)[0]),
    Head("共享条件", "共享属性", ("共享条件或依据",), item=lambda c, i: shared(c, i.share)[1]),
    Head("共享方式分类", "共享方式", item=lambda c, i: c.codes["share_channel"].titles["platform"], kept=True),
    Head("共享方式类型", "共享方式", item=lambda c, i: c.codes["share_method"].titles[i.source.kind], kept=True),
    Head("是否向社会开放", "开放属性", item=lambda c, i: _yes(i.open)),
    Head("开放条件", "开放属性", item=lambda c, i: i.open_condition),
    Head("更新周期", item=lambda c, i: c.codes["update_cycle"].titles[i.cycle]),
    Head("发布日期", item=lambda c, i: i.published.isoformat() if i.published else None),
    Head("关联及类目名称", aliases=("关联资源代码",), item=lambda c, i: i.related),
    Head("主题分类", "归集", item=lambda c, i: "、".join(c.codes["topic"].titles[t] for t in i.topics)),
    Head("字段是否字典项", "归集", column=lambda c, i, f: _yes(bool(f.field.codes)), kept=True),
    Head("字段是否主键", "归集", ("是否主键",), column=lambda c, i, f: _yes(f.name in i.key)),
    Head("字段是否为空", "归集", ("是否为空", "是否可空"), column=lambda c, i, f: _yes(not f.required)),
    Head("字段共享类型", "归集", column=lambda c, i, f: shared(c, f.share)[0] if f.share else ""),
    Head("字段共享条件", "归集", column=lambda c, i, f: shared(c, f.share)[1] if f.share else ""),
    Head("字段是否向社会开放", "归集", column=lambda c, i, f: _yes(f.open)),
    Head("原型", LOCAL, item=lambda c, i: i.archetype),
    Head("可获取性", LOCAL, item=lambda c, i: c.codes["availability"].titles[i.availability]),
    Head("数据级别", LOCAL, item=lambda c, i: c.codes["classification"].titles[i.classification]),
    Head("主键", LOCAL, item=lambda c, i: ", ".join(i.key)),
    Head("取最新依据", LOCAL, item=lambda c, i: i.latest_by),
    Head("交付方式", LOCAL, item=lambda c, i: plain(i.source.model_dump(mode="json", exclude_defaults=True))),
    Head("载入方式", LOCAL, item=lambda c, i: _some(i.load.model_dump(exclude_defaults=True), {})),
    Head("结构变化", LOCAL, item=lambda c, i: _some(i.drift.model_dump(mode="json", exclude_defaults=True), {})),
    Head("行规则", LOCAL, item=lambda c, i: _rules(i)),
    Head("体量约束", LOCAL, item=lambda c, i: _some(i.bounds.model_dump(exclude_defaults=True), {})),
    Head("样例", LOCAL, item=lambda c, i: _some({k: list(v) for k, v in i.example.items()}, {})),
    Head("更多样例", LOCAL, item=lambda c, i: _some([e.model_dump(mode="json", exclude_defaults=True) for e in i.examples], [])),
    Head("字典字段", LOCAL, column=lambda c, i, f: f.field.name),
    Head("交付表头", LOCAL, column=lambda c, i, f: plain(f.headers) if f.headers != (f.title,) else ""),
    Head("整列可缺", LOCAL, column=lambda c, i, f: _yes(f.optional_column or None)),
    Head("最低填写率", LOCAL, column=lambda c, i, f: f.min_filled or None),
)  # fmt: skip

BY_TITLE = {h.title: h for h in HEADS}


def item_cell(head: Head, catalog: Catalog, item: Item) -> Cell:
    assert head.item is not None
    return _number_or_text(head.title, item.extra[head.title]) if head.title in item.extra else head.item(catalog, item)


def column_cell(head: Head, catalog: Catalog, item: Item, column: ItemField) -> Cell:
    assert head.column is not None
    return column.extra[head.title] if head.title in column.extra else head.column(catalog, item, column)


def _number_or_text(title: str, text: str) -> Cell:
    """Sizes are numbers, and come back as they were written; everything else is text."""
    if title not in ITEM_EXTRA or not re.fullmatch(r"\d+(\.\d+)?", text):
        return text
    return float(text)
