"""References and contradictions between declarations, after each one is well-formed by itself."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from pathlib import PurePosixPath

from fudata_pipeline.catalog.bases import BaseTable
from fudata_pipeline.catalog.channels import MOST_BYTES, ROBOT_PER_MINUTE, Channel
from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.catalog.finding import Finding
from fudata_pipeline.catalog.lint_checks import lint_checks
from fudata_pipeline.catalog.lint_links import lint_links
from fudata_pipeline.catalog.lint_white_list import lint_white_list
from fudata_pipeline.catalog.model import CodeSet, Item, RuleUse, Share

SPOKEN = {
    "availability", "boolean", "catalog_class", "classification", "data_type", "grade", "resource_format", "share_channel",
    "share_method", "share_type", "topic", "update_cycle",
}  # fmt: skip
"""Code lists that pages and workbooks speak."""

STORED = r"VARCHAR|BIGINT|DOUBLE|DATE|TIMESTAMP|BOOLEAN|DECIMAL\(\d+,\d+\)"
"""Types that every form of a schema knows."""


def _repeated(names: list[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def _spelling(title: str) -> str:
    """A title without what does not tell titles apart: width, case, blanks and punctuation."""
    return "".join(c for c in unicodedata.normalize("NFKC", title).casefold() if c.isalnum())


def _lint_item(catalog: Catalog, item: Item) -> Iterator[Finding]:
    file = catalog.files[item.id]

    def found(message: str, cure: str, *path: str) -> Finding:
        return Finding(file, ("items", item.name, *path), message, cure)

    yield from _lint_columns(item, found)
    for use in item.rules:
        yield from _lint_rule(catalog, item, use, found)
    yield from _lint_loading(item, found)
    yield from _lint_sharing(catalog, item, found)
    headers = {h for f in item.fields for h in f.headers}
    for name in set(item.example) - set(item.columns):
        yield found(f"样例的列 {name!r} 未声明", "改正列名", "example", name)
    for number, example in enumerate(item.examples):
        place = ("examples", str(number))
        for header in set(example.given) - headers:
            yield found(f"第 {number + 1} 个样例的表头 {header!r} 未声明", "改正表头", *place)
        for name in set(example.gives) - set(item.columns):
            yield found(f"第 {number + 1} 个样例的列 {name!r} 未声明", "改正列名", *place)
        for broken in set(example.breaks) - set(catalog.rules_by_id):
            yield found(f"第 {number + 1} 个样例的规则 {broken!r} 未声明", "改正规则编号", *place)
    for column in item.fields:
        if column.required and column.name not in item.example and not catalog.shown(column.field):
            cure = f"在 catalog/fields/ 为 {column.field.name} 写 example，或在本数据项的 example 中给出"
            yield found(f"列 {column.name} 没有样例", cure, "fields", column.name)


def _lint_rule(catalog: Catalog, item: Item, use: RuleUse, found: Callable[..., Finding]) -> Iterator[Finding]:
    place = ("rules", use.rule)
    rule = catalog.rules.get(use.rule)
    for name in set(use.columns) - set(item.columns):
        yield found(f"规则 {use.rule} 引用了未声明的列 {name}", "改正列名", *place)
    if use.sql is not None:
        if rule is not None:
            yield found(f"规则 {use.rule} 已在 rules.csv 声明，不能再写 sql", "换一个规则名，或删去 sql", *place)
        if not use.wording:
            yield found(f"自有规则 {use.rule} 没有 wording", "写一句说明什么不对的中文", *place)
        if use.to:
            yield found(f"自有规则 {use.rule} 不能有 to", "删去 to，或改用规则 reference", *place)
        return
    if rule is None or rule.level not in ("row", "set") or (rule.level == "row" and not rule.violation):
        yield found(f"行规则 {use.rule!r} 未在 rules.csv 声明", "改正规则编号，或用 sql 写自有规则", *place)
        return
    wanted = len(set(re.findall(r"\{(\d)\}", rule.violation))) if rule.level == "row" else 1
    if len(use.columns) != wanted and not (use.rule == "unique" and use.columns):
        message = f"规则 {use.rule} 需要 {wanted} 列，给了 {len(use.columns)} 列"
        yield found(message, "按规则的占位符给出列", *place)
    if (use.to is not None) != (use.rule == "reference"):
        yield found(f"规则 {use.rule} 的 to 有误", "reference 须写 to，其余规则不写", *place)
    if use.to is not None and not _is_column(catalog, use.to):
        cure = "写成 单位.数据项.列，或 base.表.列"
        yield found(f"规则 reference 所指的 {use.to!r} 未声明", cure, *place)


def _is_column(catalog: Catalog, target: str) -> bool:
    owner, _, column = target.rpartition(".")
    unit = owner.partition(".")[0]
    if owner in catalog.items_by_id:
        return column in catalog.items_by_id[owner].columns
    if unit != "base" and unit not in catalog.units_by_id:
        return target.count(".") == 2  # the catalog of some units only
    return any(owner == f"base.{b.table}" and any(f.name == column for f in b.fields) for b in catalog.bases)


def _lint_columns(item: Item, found: Callable[..., Finding]) -> Iterator[Finding]:
    if not item.fields:
        yield found("没有声明任何列", "给出 archetype 或 fields")
        return
    if not item.key:
        yield found("没有主键", "给出 key", "key")
    headers: dict[str, str] = {}
    for column in item.fields:
        for header in column.headers:
            if not _spelling(header):
                yield found(f"列 {column.name} 的表头为空", "写上单位实际使用的表头", "fields", column.name)
            if headers.setdefault(_spelling(header), column.name) != column.name:
                message = f"表头 {header} 指向两列（{headers[_spelling(header)]}、{column.name}）"
                yield found(message, "每个表头只属于一列", "fields", column.name)
    for place, names in (("key", item.key), ("latest_by", (item.latest_by,) if item.latest_by else ())):
        for name in [n for n in names if n not in item.columns]:
            yield found(f"{place} 引用了未声明的列 {name}", "改正列名", place)
    for name in _repeated(list(item.key)):
        yield found(f"key 中的 {name} 写了两次", "删去一个", "key")
    path = PurePosixPath(item.source.path)
    if path.is_absolute() or ".." in path.parts or "\n" in item.source.path:
        yield found(f"交付文件名 {item.source.path!r} 指向收件文件夹之外", "只写该单位收件文件夹内的文件名", "source")
    for key in item.key:
        if key in item.columns and not item.column(key).required:
            yield found(f"主键列 {key} 不是必填", "为该列加 required: true", "fields", key)


def _lint_loading(item: Item, found: Callable[..., Finding]) -> Iterator[Finding]:
    by = item.load.by
    column = next((c for c in item.fields if c.name == by), None)
    if by and column is None:
        yield found(f"load 引用了未声明的列 {by}", "改正列名", "load")
    elif column and column.field.type not in ("date", "datetime"):
        yield found(f"按日追加的列 {by} 不是日期或时间", "换成日期或时间列", "load")
    elif column and not column.required:
        yield found(f"按日追加的列 {by} 不是必填", "为该列加 required: true", "fields", column.name)
    declared = {_spelling(h): c.name for c in item.fields for h in c.headers}
    for header in item.drift.ignored:
        if name := declared.get(_spelling(header)):
            yield found(f"忽略的表头 {header} 是列 {name} 的表头", "从 ignored 中删去", "drift")


def _lint_sharing(catalog: Catalog, item: Item, found: Callable[..., Finding]) -> Iterator[Finding]:
    """Sharing, opening and grading: facts 1.3, 1.6 and GB/T 43697."""
    if not item.summary.strip() or item.summary == item.title:
        yield found("摘要为空或只重复了名称", "写明内容与主要字段", "summary")
    if len(item.summary) > 500:
        yield found(f"摘要有 {len(item.summary)} 字，超过 500 字", "删减", "summary")
    if re.fullmatch(r".{0,20}(系统|平台)", item.title):
        yield found("名称只是系统名", "按数据内容命名", "title")
    if item.system and _spelling(item.system) == _spelling(item.title):
        yield found("名称与来源系统同名", "按数据内容命名", "title")
    shares: list[tuple[Share, tuple[str, ...]]] = [(item.share, ("share",))]
    shares += [(f.share, ("fields", f.name)) for f in item.fields if f.share]
    for share, path in shares:
        if share.type == "conditional" and not (share.condition or "").strip():
            yield found("有条件共享缺少共享条件", "填写 {conditional: 条件}", *path)
        if share.type == "none" and not (share.legal_basis or "").strip():
            yield found("不予共享缺少法律依据", "填写 {none: 法律、行政法规或国务院依据}", *path)
    private = [f.name for f in item.fields if f.field.pi >= 4 and (f.share or item.share).type == "unconditional"]
    if private:
        message = f"敏感个人信息列无条件共享：{'、'.join(private)}"
        yield found(message, "改为有条件共享，或为这些列声明 share", "share")
    if item.classification == "core":
        yield found("核心数据不得编入共享目录", "移出目录", "classification")
    if item.open:
        private = [f.name for f in item.fields if f.field.pi >= 3 and f.open is not False]
        if private:
            message = f"向社会开放的数据项含有个人信息列 {'、'.join(private)}"
            yield found(message, "改为不开放，或为这些列声明 open: false", "open")
        if item.share.type == "none":
            yield found("不予共享的数据项不能向社会开放", "改正 share 或 open", "open")
    elif item.open_condition:
        yield found("不开放的数据项写了开放条件", "删去 open_condition，或声明 open: true", "open_condition")
    for topic in set(item.topics) - set(catalog.codes["topic"].titles if "topic" in catalog.codes else ()):
        yield found(f"主题库 {topic!r} 未声明", "在 catalog/codes/topic.csv 中声明，或改正名称", "topics")
    unit = catalog.units_by_id[item.unit]
    detail = item.code.split("/")[0][6:]
    if unit.classes and detail and detail not in unit.classes:
        yield found(f"目录代码的细目 {detail!r} 未声明", "在本文件 classes 中声明，或改正代码", "code")


def _lint_base(catalog: Catalog, base: BaseTable) -> Iterator[Finding]:
    file = f"base/{base.table}.yaml"
    names = {f.name for f in base.fields}
    inputs = [i.item for i in base.inputs]
    if base.key not in names:
        yield Finding(file, ("key",), f"主键 {base.key} 不在 fields 中", "补上主键字段")
    for name in _repeated([f.name for f in base.fields]):
        yield Finding(file, ("fields", name), f"字段 {name} 列了两次", "删去一个")
    for item in _repeated(inputs):
        yield Finding(file, ("inputs", item), "数据项列了两次", "合并为一条")
    for feed in base.inputs:
        if feed.item not in catalog.items_by_id:
            yield Finding(file, ("inputs", feed.item), "数据项未声明", "在 catalog/items/ 中声明，或改正名称")
        known = [k.name for k in base.identifiers]
        if not base.matching and not set(known) & set(feed.columns):
            yield Finding(file, ("inputs", feed.item), f"没有给出标识 {'、'.join(known)}", "在 columns 中给出其一")
        for name in set(feed.columns) - names:
            yield Finding(file, ("inputs", feed.item), f"字段 {name} 不在本表 fields 中", "改正字段名")
    for known_by in base.identifiers:
        if known_by.name not in names:
            yield Finding(file, ("identifiers", known_by.name), f"标识 {known_by.name} 不在 fields 中", "补上该字段")
    if base.replaced and base.replaced.item in catalog.items_by_id:
        columns = catalog.items_by_id[base.replaced.item].columns
        for name in (base.replaced.old, base.replaced.new):
            if name not in columns:
                yield Finding(file, ("replaced",), f"{base.replaced.item} 没有列 {name}", "改正列名")
    elif base.replaced:
        yield Finding(file, ("replaced", "item"), f"数据项 {base.replaced.item} 未声明", "改正名称")
    for field in base.fields:
        feeding = {feed.item for feed in base.inputs if field.name in feed.columns}
        ranked = [item for tier in field.prefer for item in tier]
        for item in _repeated(ranked):
            yield Finding(file, ("fields", field.name), f"prefer 中 {item} 列了两次", "删去一个")
        for item in ranked:
            if item not in feeding:
                message = f"prefer 中的 {item} 不提供该字段"
                yield Finding(file, ("fields", field.name), message, "改正数据项名，或在 inputs 中给出")
        if field.prefer and (missed := sorted(feeding - set(ranked))):
            message = f"优先级没有排到 {'、'.join(missed)}"
            yield Finding(file, ("fields", field.name), message, "在 prefer 中排入全部来源，或删去 prefer")
        if not feeding:
            yield Finding(file, ("fields", field.name), "没有任何数据项提供该字段", "补上来源，或删去该字段")


def _lint_items_together(catalog: Catalog) -> Iterator[Finding]:
    for attribute, title in (("id", "编号"), ("code", "目录代码")):
        for value in _repeated([getattr(i, attribute) for i in catalog.items]):
            twice = [i for i in catalog.items if getattr(i, attribute) == value]
            for item in twice[1:]:
                message = f"数据项{title}重复：{value}（{twice[0].id}）"
                yield Finding(catalog.files[item.id], ("items", item.name, "code"), message, "改为唯一的值")
    for unit in catalog.units:
        titles: dict[str, Item] = {}
        items = catalog.items_of(unit.id)
        for item in items:
            first = titles.setdefault(_spelling(item.title), item)
            if first is not item:
                message = f"同一单位内数据项标题重复：“{item.title}”与 {first.name} 的“{first.title}”"
                yield Finding(catalog.files[item.id], ("items", item.name, "title"), message, "改为可区分的标题")
        yield from _lint_file_names(catalog, items)
    for attribute, title in (("name", "单位名称"), ("number", "单位编号 number"), ("uscc", "统一社会信用代码")):
        for value in _repeated([getattr(u, attribute) for u in catalog.units]):
            yield Finding("units.yaml", ("units", value), f"{title}重复：{value}", "每个单位各不相同")


def _lint_file_names(catalog: Catalog, items: tuple[Item, ...]) -> Iterator[Finding]:
    """Two items whose patterns catch one file would take each other's deliveries."""
    names = sorted((item.source.path.replace("*", "").replace("?", ""), item.id) for item in items)
    for item in items:
        path = item.source.path
        literal = re.split(r"[*?\[]", path)[0]
        at = bisect_left(names, (literal, ""))
        while at < len(names) and names[at][0].startswith(literal):
            name, other = names[at]
            at += 1
            if other != item.id and fnmatch(name, path):
                message = f"交付文件名 {path} 也会收下 {other} 的文件"
                yield Finding(catalog.files[item.id], ("items", item.name, "source"), message, "改为不重叠的文件名")


def _lint_dictionary(catalog: Catalog) -> Iterator[Finding]:
    used = {f.field.name for i in catalog.items for f in i.fields}
    used |= {f.field.name for b in catalog.bases for f in b.fields} | {f.name for k in catalog.links for f in k.fields}
    files = catalog.field_files
    titles: dict[tuple[str, str], str] = {}
    for name, field in catalog.fields.items():
        if name not in used:
            yield Finding(files[name], ("fields", name), "没有任何数据项或基础表使用该字段", "使用它，或删去")
        first = titles.setdefault((field.title, field.type), name)
        if first != name:
            message = f"与 {first} 同名同类型（“{field.title}”）"
            yield Finding(files[name], ("fields", name), message, "合用一个字段，或改为可区分的标题")
    kinds = {i.archetype for i in catalog.items}
    for name in set(catalog.archetypes) - kinds:
        yield Finding("archetypes.yaml", ("archetypes", name), "没有任何数据项使用该原型", "使用它，或删去")
    for name, declared in catalog.rules.items():
        whole = declared.level == "delivery"
        if whole and declared.severity == "quarantine":  # there is no row to set aside
            message = f"级别 {declared.severity} 不能用于 {declared.level} 规则"
            yield Finding("rules.csv", (name,), message, "delivery 规则用 block、warn 或 info")
    for name in SPOKEN - set(catalog.codes):
        yield Finding(f"codes/{name}.csv", (), "缺少代码表", "补上该文件")
    for name, type_def in catalog.types.items():
        if type_def.letter not in catalog.codes.get("data_type", CodeSet(name="", titles={}, aliases={})).titles:
            message = f"数据类型 {type_def.letter!r} 不在代码表 data_type 中"
            yield Finding("types.yaml", ("types", name, "letter"), message, "改正字母")
        if not re.fullmatch(STORED, type_def.duckdb):
            message = f"不支持的 DuckDB 类型 {type_def.duckdb!r}"
            yield Finding("types.yaml", ("types", name, "duckdb"), message, f"用 {STORED.replace('|', '、')}")
        for rule in set(type_def.rules) - set(catalog.rules):
            yield Finding("types.yaml", ("types", name, "rules"), f"规则 {rule!r} 未声明", "改正规则编号")


def _lint_channel(catalog: Catalog, channel: Channel) -> Iterator[Finding]:
    def found(message: str, cure: str, attribute: str) -> Finding:
        return Finding("alerts.yaml", ("channels", channel.name, attribute), message, cure)

    for attribute in ("url_env", "secret_env"):
        value = getattr(channel, attribute)
        if value is not None and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):  # not quoted: it may be the secret
            cure = "把地址或密钥放进环境变量，这里只写变量名，例如 FUDATA_ALERT_URL"
            yield found("应为环境变量名，不能直接写地址或密钥", cure, attribute)
    if channel.secret_env and channel.kind != "dingtalk":
        yield found(f"{channel.kind} 没有加签密钥", "删去 secret_env；只有 dingtalk 加签", "secret_env")
    for unit in channel.units:
        if unit not in catalog.units_by_id:
            yield found(f"单位 {unit!r} 未声明", "改为 catalog/units.yaml 中的单位编号", "units")
    if channel.kind != "generic" and channel.per_minute > ROBOT_PER_MINUTE:
        yield found(f"机器人每分钟只收 {ROBOT_PER_MINUTE} 条", f"改为不超过 {ROBOT_PER_MINUTE}", "per_minute")
    if channel.kind != "generic" and channel.limit > MOST_BYTES[channel.kind]:
        most = MOST_BYTES[channel.kind]
        yield found(f"{channel.kind} 的消息不能超过 {most} 字节", f"改为不超过 {most}，或删去", "max_bytes")


def lint(catalog: Catalog) -> list[Finding]:
    """Every contradiction between declarations; empty for a sound catalog."""
    found = [*_lint_items_together(catalog), *_lint_dictionary(catalog)]
    if catalog.district.grid_item and catalog.district.grid_item not in catalog.items_by_id:
        found.append(Finding("district.yaml", ("grid_item",), "网格数据项未声明", "改正名称"))
    for item in catalog.items:
        found += _lint_item(catalog, item)
    for base in catalog.bases:
        found += [*_lint_base(catalog, base), *lint_checks(catalog, base)]
    found += [*lint_links(catalog), *lint_white_list(catalog)]
    for channel in catalog.channels:
        found += _lint_channel(catalog, channel)
    placed = {b.table for b in catalog.bases if b.place}
    for theme in catalog.themes:
        if theme.subject not in placed:
            file, message = f"themes/{theme.table}.yaml", f"{theme.subject} 不是可入格的基础表"
            found.append(Finding(file, ("subject",), message, "改正名称"))
    if placed and not catalog.district.grid_item:
        found.append(Finding("district.yaml", (), "有可入格的基础表，却没有申报网格数据项", "填写 grid_item"))
    return found
