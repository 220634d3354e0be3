"""References and contradictions of the list of residents (白名单), after it is well-formed by itself."""

from __future__ import annotations

from collections.abc import Iterator

from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.catalog.finding import Finding

WHITE_LIST = "white_list.yaml"


def lint_white_list(catalog: Catalog) -> Iterator[Finding]:
    """Every contradiction of the list of residents."""
    declared = catalog.white_list
    if declared is None:
        return

    def found(attribute: str, message: str, cure: str = "改正名称") -> Finding:
        return Finding(WHITE_LIST, (attribute,), message, cure)

    bases, links = {b.table: b for b in catalog.bases}, {link.table: link for link in catalog.links}
    if declared.table in bases | links:
        yield found("table", f"表名 {declared.table} 已用", "换一个表名")
    for attribute in ("base", "house_base"):
        if getattr(declared, attribute) not in bases:
            yield found(attribute, f"基础表 {getattr(declared, attribute)} 未声明")
    base, homes, houses = bases.get(declared.base), links.get(declared.homes), bases.get(declared.house_base)
    if base and houses and houses.key not in {f.name for f in base.fields}:
        yield found("house_base", f"基础表 {declared.base} 没有字段 {houses.key}")
    for attribute in ("listed", "registered"):
        if base and getattr(declared, attribute) not in {i.item for i in base.inputs}:
            yield found(attribute, f"{getattr(declared, attribute)} 不是 {declared.base} 的来源")
    if homes is None or homes.of is not None:
        yield found("homes", f"{declared.homes} 不是写有 inputs 的关联表")
    else:
        if declared.listed not in {i.item for i in homes.inputs}:
            yield found("homes", f"{declared.listed} 不是 {declared.homes} 的来源")
        for attribute, wanted in (("person", declared.base), ("house", declared.house_base)):
            end = homes.ends.get(getattr(declared, attribute))
            if end is None or end.base != wanted:
                yield found(attribute, f"{declared.homes} 没有指向 {wanted} 的 {getattr(declared, attribute)}")
    residence = links.get(declared.residence)
    if residence is None or residence.of != declared.homes:
        yield found("residence", f"{declared.residence} 不是取自 {declared.homes} 的关联表")
    if declared.codes not in catalog.codes:
        yield found("codes", f"代码表 {declared.codes} 未声明")
        return
    for suggestion in declared.suggestions:
        if suggestion.code not in catalog.codes[declared.codes].titles:
            yield Finding(
                WHITE_LIST,
                ("suggestions", suggestion.code),
                f"建议 {suggestion.code!r} 不在代码表 {declared.codes} 中",
                "改正代码",
            )
    if declared.suggestions[-1].when.strip().lower() != "true":
        yield found("suggestions", "最后一条建议不是对其余所有人的", '最后一条写 when: "true"')
