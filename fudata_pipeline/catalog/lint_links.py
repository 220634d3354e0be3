"""References and contradictions of links between entities, after each is well-formed by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fudata_pipeline.catalog.bases import BaseTable
from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.catalog.finding import Finding
from fudata_pipeline.catalog.links import Link, LinkInput

LEFT_OUT = {"no_identifier", "unknown_entity", "reversed_period"}
"""Why a row may tell of no link."""


def lint_links(catalog: Catalog) -> Iterator[Finding]:
    """Every contradiction of the links of a catalog."""
    bases = {b.table: b for b in catalog.bases}
    for link in catalog.links:
        yield from _lint_link(catalog, bases, link)
    if catalog.links:
        said = catalog.codes["link_left_out"].titles if "link_left_out" in catalog.codes else {}
        for reason in sorted(LEFT_OUT - set(said)):
            yield Finding("codes/link_left_out.csv", (reason,), f"缺少代码 {reason}", "补上该行")


def _lint_link(catalog: Catalog, bases: dict[str, BaseTable], link: Link) -> Iterator[Finding]:
    file = f"links/{link.table}.yaml"
    if any(link.table == b or link.table.startswith(f"{b}_") for b in bases):
        yield Finding(file, ("table",), f"表名 {link.table} 与基础表及其附表混淆", "换一个表名")
    if any(link is not other and link.table == f"{other.table}_record" for other in catalog.links):
        yield Finding(file, ("table",), f"表名 {link.table} 与另一关联表的来源行表相同", "换一个表名")
    if link.of is not None:
        parent = next((other for other in catalog.links if other.table == link.of and other.of is None), None)
        if parent is None:
            yield Finding(file, ("of",), f"{link.of} 不是写有 inputs 的关联表", "改正名称")
        listed = catalog.codes.get(parent.codes or "") if parent else None
        for code in link.relations if parent else ():
            if parent and (listed is None or code not in listed.titles):
                yield Finding(file, ("relations",), f"关系 {code!r} 不在代码表 {parent.codes} 中", "改正代码")
        return
    if link.codes is not None and link.codes not in catalog.codes:
        yield Finding(file, ("codes",), f"代码表 {link.codes} 未声明", "在 catalog/codes/ 中声明，或改正名称")
    for name, end in link.ends.items():
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            yield Finding(file, ("ends", name), "名称须为小写英文", "改正名称")
        if end.base not in bases:
            yield Finding(file, ("ends", name), f"基础表 {end.base} 未声明", "改为 catalog/base/ 中的表名")
    for feed in link.inputs:
        yield from _lint_input(catalog, bases, link, feed)


def _lint_input(catalog: Catalog, bases: dict[str, BaseTable], link: Link, feed: LinkInput) -> Iterator[Finding]:
    def found(message: str, cure: str) -> Finding:
        return Finding(f"links/{link.table}.yaml", ("inputs", feed.item), message, cure)

    if feed.item not in catalog.items_by_id:
        yield found("数据项未声明", "在 catalog/items/ 中声明，或改正名称")
    for name, end in link.ends.items():
        columns, base = feed.ends.get(name), bases.get(end.base)
        if columns is None:
            if not end.optional:
                yield found(f"没有给出 {name}", f"在 ends 中给出 {name} 的标识")
            continue
        if base and not {k.name for k in base.identifiers} & set(columns):
            yield found(f"{name} 没有标识", f"给出 {'、'.join(k.name for k in base.identifiers)} 之一")
        for column in set(columns) - {f.name for f in base.fields} if base else ():
            yield found(f"{name} 的字段 {column} 不在基础表 {end.base} 中", "改正字段名")
    if not set(feed.ends) & {n for n, e in link.ends.items() if e.optional} and any(
        e.optional for e in link.ends.values()
    ):
        yield found("没有给出任何一个可选的实体", "在 ends 中至少给出其一")
    for name in set(feed.ends) - set(link.ends):
        yield found(f"{name} 不在本表 ends 中", "改正名称")
    declared = {f.name for f in link.fields}
    for name in sorted(declared ^ set(feed.columns)):
        yield found(f"字段 {name} {'没有给出' if name in declared else '不在本表 fields 中'}", "与 fields 一致")
    if (feed.relation is None) != (link.codes is None):
        yield found("relation 与 codes 须同时给出", "补上其一，或删去另一")
    constant = re.fullmatch(r"'([^']*)'", feed.relation or "")
    if constant and link.codes in catalog.codes and constant[1] not in catalog.codes[link.codes].titles:
        yield found(f"关系 {constant[1]!r} 不在代码表 {link.codes} 中", "改正代码")
