"""From the cells of a catalog workbook to declarations: units, dictionary fields, items; each doubtful cell reported."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

from pydantic import ValidationError

from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.catalog.loading import Drift, Loading
from fudata_pipeline.catalog.model import Bounds, Example, Item, ItemField, RuleUse, Share, Source, Unit, file_name
from fudata_pipeline.catalog.workbook.cells import TO_CONFIRM, Cells, is_number, shown
from fudata_pipeline.catalog.workbook.fields import Fields
from fudata_pipeline.catalog.workbook.layout import BY_TITLE, FIELD_SHEET, OTHER, UNIT_SHEET, item_cell, spelling
from fudata_pipeline.catalog.workbook.naming import Names, ascii_name, initials
from fudata_pipeline.catalog.workbook.reading import Doubt, Resource, Workbook

_USCC = re.compile(r"[0-9A-HJ-NPQRTUWXY]{18}")
_CODE = re.compile(r"[123]\d{2}\d{3}\w*/\w+")


class Builder:
    """Builds the declarations of one workbook. ``known`` is the catalog whose types, rules, codes and dictionary are
    spoken; what the workbook adds is in ``units``, ``fields`` and ``items``."""

    def __init__(self, book: Workbook, known: Catalog) -> None:
        self.book = book
        self.known = known
        self.units: dict[str, Unit] = {}
        self.cells = Cells(book, known)
        self.fields = Fields(book, known, self.cells)
        self.items: list[Item] = []
        self._units_by_name = {spelling(u.name): u for u in known.units}
        self._item_names: dict[str, Names] = {}

    def build(self) -> None:
        self._read_tables()
        for resource in self.book.resources:
            self._item(resource)
        self._codes_of_providers()
        self._repeated_titles()

    # what the workbook's own sheets and the known catalog say

    def _read_tables(self) -> None:
        # Foreign workbooks may well have sheets of these names: ours are known by their columns.
        for number, row in enumerate(self._own_table(UNIT_SHEET, {"id", "number", "name", "short", "kind", "uscc"}), 2):
            values = {k: v for k, v in row.items() if v}
            try:
                unit = Unit.model_validate({**values, "classes": json.loads(values.pop("classes", "{}"))})
            except ValueError as error:
                doubt = Doubt(UNIT_SHEET, f"A{number}", str(error).splitlines()[0], "略过，按目录表中的提供方")
                self.book.doubts.append(doubt)
                continue
            self._units_by_name[spelling(unit.name)] = unit
        self.fields.declare(self._own_table(FIELD_SHEET, {"name", "title", "type"}))

    def _own_table(self, sheet: str, columns: set[str]) -> list[dict[str, str]]:
        table = self.book.tables.get(sheet, [])
        return table if table and columns <= table[0].keys() else []

    # one catalog entry

    def _item(self, resource: Resource) -> None:
        cells, book, row = resource.cells, self.book, resource.row
        title = cells.get("信息资源名称", "")
        unit = self._unit(resource)
        code = self._code(resource, unit)
        columns, key = self.fields.columns(resource)
        if not columns:
            book.doubt(row, "信息项名称", f"“{title}”没有信息项", "该资源未写入目录")
            return
        summary = cells.get("信息资源摘要", "")
        if not summary or spelling(summary) == spelling(title):
            book.doubt(row, "信息资源摘要", "摘要为空或只重复了名称", "以名称和信息项代拟")
            summary = f"{title}：{'、'.join(c.title for c in columns[:8])}。"
        if len(summary) > 500:
            book.doubt(row, "信息资源摘要", f"摘要有 {len(summary)} 字，超过 500 字", "只取前 500 字")
            summary = summary[:500]
        if re.fullmatch(r".{0,20}(系统|平台)", title) or spelling(title) == spelling(cells.get("来源信息系统名称", "")):
            book.doubt(row, "信息资源名称", f"名称“{title}”只是系统名", "名称后加“数据”，请按内容改名")
            title = f"{title}数据"
        share = self.cells.share(cells.get("共享类型", ""), cells.get("共享条件", ""), row, ("共享类型", "共享条件"))
        is_open = self.cells.yes(row, "是否向社会开放", cells.get("是否向社会开放", "")) or False
        if is_open and share.type == "none":
            book.doubt(row, "是否向社会开放", "不予共享的资源不能向社会开放", "按不开放")
            is_open = False
        columns = [self._guarded(resource, c, share, is_open) for c in columns]
        condition = cells.get("开放条件", "")
        if condition and not is_open:
            book.doubt(row, "开放条件", f"不开放却写了开放条件“{condition[:20]}”", "略去开放条件")
            condition = ""
        body = {
            "unit": unit.id,
            "name": self._item_name(unit, cells.get("信息资源英文名", ""), title),
            "code": code,
            "title": title,
            "summary": summary,
            "department": cells.get("提供方内部部门") or None,
            "system": cells.get("来源信息系统名称") or None,
            "archetype": self._archetype(row, cells.get("原型", "")),
            "cycle": self.cells.coded(row, "更新周期", "update_cycle", cells.get("更新周期", ""), "irregular"),
            "share": share,
            "open": is_open,
            "open_condition": condition or None,
            "classification": self.cells.coded(
                row, "数据级别", "classification", cells.get("数据级别") or "general", "general"
            ),
            "availability": self.cells.coded(
                row, "可获取性", "availability", cells.get("可获取性") or "available", "available"
            ),
            "topics": self.cells.topics(row, cells.get("主题分类", "")),
            "published": self.cells.date(row, "发布日期", cells.get("发布日期", "")),
            "related": cells.get("关联及类目名称") or None,
            "records": self.cells.records(row, cells.get("结构化信息记录总数(万)", "")),
            "key": key,
            "latest_by": self._latest_by(row, cells.get("取最新依据", ""), columns),
            "source": self._source(resource, unit, title),
            "load": self.cells.json(row, "载入方式", cells, Loading, Loading()),
            "drift": self.cells.json(row, "结构变化", cells, Drift, Drift()),
            "fields": columns,
            "rules": self.cells.json(row, "行规则", cells, list[RuleUse], []),
            "bounds": self.cells.json(row, "体量约束", cells, Bounds, Bounds()),
            "example": self.cells.json(row, "样例", cells, dict[str, tuple[str, str]], {}),
            "examples": self.cells.json(row, "更多样例", cells, list[Example], []),
        }
        try:
            item = Item.model_validate(body)
        except ValidationError as error:
            for e in error.errors():
                book.doubt(row, "信息资源名称", f"{'.'.join(map(str, e['loc']))}：{e['msg']}", "该资源未写入目录")
            return
        self.items.append(item.model_copy(update={"extra": self._extra(resource, item)}))

    def _extra(self, resource: Resource, item: Item) -> dict[str, str]:
        """What the workbook says of the item beyond its attributes: local columns, and official ones not modelled."""
        extra = {t: v for t in self.book.local if (v := resource.cells.get(t))}
        for title, value in resource.cells.items():
            head = BY_TITLE.get(title)
            if head and head.kept and value and value != shown(item_cell(head, self._spoken(), item)):
                if title.startswith(("数据存储总量", "已共享", "已开放")) and not is_number(value):
                    self.book.doubt(
                        resource.row, title, f"“{value}”不是数字（只填数字，不带单位，不清楚填 0）", "按 0 处理"
                    )
                    continue
                extra[title] = value
        self._cascade(resource)
        return extra

    def _spoken(self) -> Catalog:
        """The known catalog with the workbook's units: what an exported cell would say."""
        return self.known.model_copy(update={"units": tuple(self.units.values())})

    def _cascade(self, resource: Resource) -> None:
        """格式分类, 格式类型 and 共享方式类型 must agree."""
        cells, book = resource.cells, self.book
        kind, form, method = (cells.get(t, "") for t in ("信息资源格式分类", "信息资源格式类型", "共享方式类型"))
        if not kind:
            return
        formats = self.known.codes["resource_format"]
        code = formats.aliases.get(kind.upper())
        if code is None:
            book.doubt(resource.row, "信息资源格式分类", f"“{kind}”不在格式分类表中", "原样保留")
            return
        title, allowed = formats.titles[code], formats.extra[code]["formats"].lower().split()
        if form and form != OTHER and allowed and form.lower() not in allowed:
            book.doubt(resource.row, "信息资源格式类型", f"“{form}”不是格式分类“{title}”的类型", "原样保留，请改正其一")
        if title in ("电子文件", "图形图像", "流媒体") and method.startswith(("数据库", "库表")):
            book.doubt(
                resource.row, "共享方式类型", f"格式分类“{title}”不能以“{method}”方式共享", "原样保留，请改正其一"
            )

    def _archetype(self, row: int, name: str) -> str | None:
        if name and name not in self.known.archetypes:
            self.book.doubt(row, "原型", f"“{name}”未在 catalog/archetypes.yaml 声明", "逐列申报")
            return None
        return name or None

    def _latest_by(self, row: int, said: str, columns: list[ItemField]) -> str | None:
        found = next((c.name for c in columns if said and said in (c.name, c.title)), None)
        if said and found is None:
            self.book.doubt(row, "取最新依据", f"“{said}”不是该资源的信息项", "略去")
        return found

    def _item_name(self, unit: Unit, english: str, title: str) -> str:
        names = self._item_names.setdefault(unit.id, Names(set()))
        return names.take(ascii_name(english) or ascii_name(title))

    # the provider

    def _unit(self, resource: Resource) -> Unit:
        cells, row = resource.cells, resource.row
        name = cells.get("信息资源提供方", "")
        uscc = cells.get("资源提供方代码", "").upper()
        if not name:
            self.book.doubt(row, "信息资源提供方", "提供方为空", "归入“未指明单位”")
            name = "未指明单位"
        code = cells.get("信息资源代码", "")
        if uscc and not _USCC.fullmatch(uscc):
            said = f"“{uscc}”不是 18 位统一社会信用代码（{len(uscc)} 位）"
            self.book.doubt(row, "资源提供方代码", said, f"填“{TO_CONFIRM}”")
            uscc = ""
        holder = next((u for u in self.units.values() if u.uscc == uscc and spelling(u.name) != spelling(name)), None)
        if holder:
            self.book.doubt(row, "资源提供方代码", f"“{uscc}”已是“{holder.name}”的代码", f"填“{TO_CONFIRM}”")
            uscc = ""
        found = self._units_by_name.get(spelling(name))
        if found is None:
            named = [self._units_by_name.get(spelling(r.cells.get("信息资源提供方", ""))) for r in self.book.resources]
            others = [*self.units.values(), *(u for u in named if u)]
            taken = {u.id for u in others}
            numbers = {u.number for u in others}
            number = code[3:6] if _CODE.fullmatch(code) and code[3:6] not in numbers else ""
            number = number or next(f"{n:03d}" for n in range(1, 1000) if f"{n:03d}" not in numbers)
            unit_id = Names(taken).take(initials(name))
            found = Unit(
                id=unit_id, number=number, name=name, short=name, kind="未分类", uscc=uscc or f"{TO_CONFIRM}{number}"
            )
            self._units_by_name[spelling(name)] = found
        detail = code.split("/")[0][6:] if _CODE.fullmatch(code) else ""
        classes = {**found.classes}
        if detail and detail not in classes:
            classes[detail] = cells.get("细目") or detail
        unit = found.model_copy(update={"classes": classes})
        self._units_by_name[spelling(name)] = self.units[unit.id] = unit
        return unit

    def _code(self, resource: Resource, unit: Unit) -> str:
        code = resource.cells.get("信息资源代码", "")
        if _CODE.fullmatch(code) and code not in {i.code for i in self.items}:
            return code
        written = Counter(c[:3] for r in self.book.resources if _CODE.fullmatch(c := r.cells.get("信息资源代码", "")))
        prefix = (written.most_common(1)[0][0] if written else self.known.district.code_prefix) + unit.number
        taken = {i.code for i in self.items}
        made = next(c for n in range(1, 10**6) if (c := f"{prefix}/{n:06d}") not in taken)
        why = (
            "信息资源代码为空"
            if not code
            else f"“{code}”已被使用"
            if code in taken
            else f"“{code}”的位数或格式不符（类1项2目3细目/顺序码）"
        )
        self.book.doubt(resource.row, "信息资源代码", why, f"暂编 {made}")
        return made

    def _codes_of_providers(self) -> None:
        seen: dict[str, str] = {}
        for resource in self.book.resources:
            name, code = resource.cells.get("信息资源提供方", ""), resource.cells.get("资源提供方代码", "")
            if name and not code:
                self.book.doubt(resource.row, "资源提供方代码", "提供方代码为空", "沿用该单位已有的代码")
            elif name and seen.setdefault(spelling(name), code) != code:
                said = f"“{name}”有多个代码：{seen[spelling(name)]}、{code}"
                self.book.doubt(resource.row, "资源提供方代码", said, "以首次出现的为准")

    def _repeated_titles(self) -> None:
        seen: dict[tuple[str, str], str] = {}
        for resource in self.book.resources:
            title, name = resource.cells.get("信息资源名称", ""), resource.cells.get("信息资源提供方", "")
            first = seen.setdefault((spelling(name), spelling(title)), title)
            if first is not title:
                self.book.doubt(
                    resource.row, "信息资源名称", f"与“{first}”只差标点、空格或大小写", "名称后加序号，请改名"
                )
        count: Counter[tuple[str, str]] = Counter()
        for number, item in enumerate(self.items):
            count[item.unit, spelling(item.title)] += 1
            nth = count[item.unit, spelling(item.title)]
            if nth > 1:
                title = f"{item.title}（{nth}）"
                source = item.source.model_copy(update={"path": item.source.path.replace(item.title, title, 1)})
                self.items[number] = item.model_copy(update={"title": title, "source": source})

    def _guarded(self, resource: Resource, column: ItemField, share: Share, is_open: bool) -> ItemField:
        """Personal data that the workbook would give away is held back until someone confirms it."""
        update: dict[str, Any] = {}
        row = resource.row
        if column.field.pi >= 4 and (column.share or share).type == "unconditional":
            self.book.doubt(
                row, "共享类型", f"无条件共享，却含敏感个人信息“{column.title}”", "该字段按有条件共享，条件待确认"
            )
            update["share"] = Share(type="conditional", condition=TO_CONFIRM)
        if is_open and column.field.pi >= 3 and column.open is not False:
            self.book.doubt(row, "是否向社会开放", f"向社会开放，却含个人信息“{column.title}”", "该字段不开放")
            update["open"] = False
        return column.model_copy(update=update) if update else column

    def _source(self, resource: Resource, unit: Unit, title: str) -> Source | dict[str, Any]:
        declared = self.cells.json(resource.row, "交付方式", resource.cells, Source, None)
        if declared:
            return declared
        kind = resource.cells.get("信息资源格式类型", "").lower()
        form = "excel" if kind in ("xls", "xlsx", "et") else "csv"
        ending = "xls*" if form == "excel" else "csv"
        name = file_name(title)
        # 学生信息_*.csv would also take the file of 学生信息_小学.
        if any(
            i.unit == unit.id and (i.title.startswith(f"{title}_") or title.startswith(f"{i.title}_"))
            for i in self.items
        ):
            name = f"{name.replace('_', '-')}-{len(self.items) + 1}"
        return {"format": form, "path": f"{name}_*.{ending}"}
