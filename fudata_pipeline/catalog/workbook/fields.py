"""Columns of a catalog workbook: each a field of the dictionary, found by name or title, or new."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.catalog.model import FieldDef, ItemField
from fudata_pipeline.catalog.workbook.cells import Cells, shown
from fudata_pipeline.catalog.workbook.layout import BY_TITLE, FIELD_SHEET, Head, column_cell, spelling
from fudata_pipeline.catalog.workbook.naming import Names, ascii_name
from fudata_pipeline.catalog.workbook.reading import Doubt, Resource, Workbook

_TYPES = {"C": "text", "N": "decimal", "Y": "decimal", "D": "date", "T": "datetime", "L": "boolean", "M": "text",
          "G": "text", "B": "double", "I": "integer", "F": "double"}  # fmt: skip
"""Type of a field that only the workbook knows, by its data type there."""

IMPORTED = "fields/imported.yaml"


class Fields:
    """The dictionary that a workbook needs: ``fields`` by name, and ``files``, where each is to be declared."""

    def __init__(self, book: Workbook, known: Catalog, cells: Cells) -> None:
        self.book = book
        self.known = known
        self.cells = cells
        self.fields: dict[str, FieldDef] = {}
        self.files: dict[str, str] = {}
        self._names = Names({*known.fields})
        self._by_header = self._dictionary_by_header()

    def declare(self, rows: list[dict[str, str]]) -> None:
        """Take the fields of the workbook's own dictionary sheet."""
        for number, row in enumerate(rows, 2):
            values: dict[str, Any] = {k: v for k, v in row.items() if v and k not in ("given", "gives", "file")}
            if row.get("given"):
                values["example"] = (row["given"], row.get("gives") or row["given"])
            try:
                declared = FieldDef.model_validate(values)
                if declared.type not in self.known.types or declared.codes not in (None, *self.known.codes):
                    raise ValueError(f"类型 {declared.type} 或代码表 {declared.codes} 未声明")
            except ValueError as error:
                said = str(error).splitlines()[0]
                self.book.doubts.append(Doubt(FIELD_SHEET, f"A{number}", said, "略过，按目录表的标题与数据类型"))
                continue
            self.fields[declared.name] = declared
            file = row.get("file", "")
            self.files[declared.name] = file if re.fullmatch(r"fields/[\w-]+\.yaml", file) else IMPORTED

    def _dictionary_by_header(self) -> dict[str, FieldDef]:
        """Dictionary fields by every title and header they are known under; the most used meaning of a header wins."""
        votes: dict[str, Counter[str]] = {}
        for item in self.known.items:
            for column in item.fields:
                for header in (column.title, *column.headers):
                    votes.setdefault(spelling(header), Counter())[column.field.name] += 1
        found = {s: self.known.fields[v.most_common(1)[0][0]] for s, v in votes.items()}
        return found | {spelling(f.title): f for f in reversed(self.known.fields.values())}

    def columns(self, resource: Resource) -> tuple[list[ItemField], tuple[str, ...]]:
        columns: list[ItemField] = []
        key: list[str] = []
        names = Names(set())
        titles: set[str] = set()
        for (row, _), cells in zip(resource.rows, resource.columns, strict=True):
            title = cells.get("信息项名称", "")
            if not title:
                continue
            if spelling(title) in titles:
                self.book.doubt(row, "信息项名称", f"“{title}”在该资源中重复", f"改作“{title}（{len(titles) + 1}）”")
                title = f"{title}（{len(titles) + 1}）"
            titles.add(spelling(title))
            definition = self._field(row, cells)
            name = names.take(ascii_name(cells.get("信息项英文名", "")) or definition.name)
            is_key = self.cells.yes(row, "字段是否主键", cells.get("字段是否主键", "")) or False
            nullable = self.cells.yes(row, "字段是否为空", cells.get("字段是否为空", ""))
            share = cells.get("字段共享类型", "")
            headers = self.cells.json(row, "交付表头", cells, list[str], [title])
            column = ItemField(
                name=name,
                title=title,
                field=definition,
                headers=tuple(headers),
                required=is_key or nullable is False,
                optional_column=bool(self.cells.yes(row, "整列可缺", cells.get("整列可缺", ""))),
                min_filled=self.cells.share_of_rows(row, "最低填写率", cells.get("最低填写率", "")),
                share=self.cells.share(share, cells.get("字段共享条件", ""), row, ("字段共享类型", "字段共享条件"))
                if share
                else None,
                open=self.cells.yes(row, "字段是否向社会开放", cells.get("字段是否向社会开放", "")),
            )
            columns.append(column.model_copy(update={"extra": self._field_extra(cells, column)}))
            key += [name] if is_key else []
        listed = self._listed_key(resource, columns)
        if columns and not listed and not key:
            guess = next((c for c in columns if re.search(r"(编号|号码|代码|证号|单号|ID|序号)$", c.title)), columns[0])
            self.book.doubt(resource.row, "信息资源名称", "没有标明主键", f"暂以“{guess.title}”为主键")
            key = [guess.name]
        final = listed or tuple(key)
        return [c.model_copy(update={"required": True}) if c.name in final else c for c in columns], final

    def _listed_key(self, resource: Resource, columns: list[ItemField]) -> tuple[str, ...]:
        """The key as 主键 lists it, by names or titles of columns."""
        said = [k.strip() for k in re.split(r"[,，、]", resource.cells.get("主键", "")) if k.strip()]
        found = [next((c.name for c in columns if k in (c.name, c.title)), None) for k in said]
        if said and None in found:
            self.book.doubt(resource.row, "主键", f"“{'、'.join(said)[:20]}”不是该资源的信息项", "略去")
            return ()
        return tuple(k for k in found if k)

    def _field(self, row: int, cells: dict[str, str]) -> FieldDef:
        """The dictionary field of a column: named by the workbook, or known by title, or new."""
        title = cells["信息项名称"]
        named = cells.get("字典字段", "")
        if named and (known := self.fields.get(named) or self.known.fields.get(named)):
            return self._use(known)
        letter = self.cells.letter(row, cells.get("数据类型", ""))
        known_by = self._by_header.get(spelling(title))
        if known_by and (letter is None or self._fits(known_by, letter)):
            return self._use(known_by)
        kind = _TYPES[letter or "C"]
        same = next((f for f in self.fields.values() if f.title == title and f.type == kind), None)
        if same:
            return same
        name = self._names.take(ascii_name(cells.get("信息项英文名", "")) or ascii_name(title))
        example = (title, title) if kind == "text" else None
        declared = FieldDef(name=name, title=title, type=kind, example=example, pi=2)
        self.files[name] = IMPORTED
        self.fields[name] = declared
        return declared

    def _use(self, known: FieldDef) -> FieldDef:
        self.files.setdefault(known.name, self.known.field_files.get(known.name, IMPORTED))
        return self.fields.setdefault(known.name, known)

    def _fits(self, known: FieldDef, letter: str) -> bool:
        """Text in the workbook can be any dictionary type; other data types must be the dictionary's own kind."""
        return letter in ("C", "M") or _TYPES[letter] == known.type or self.known.types[known.type].letter == letter

    def _field_extra(self, cells: dict[str, str], column: ItemField) -> dict[str, str]:
        extra = {t: v for t in self.book.local if (v := cells.get(t))}
        for title, value in cells.items():
            head = BY_TITLE.get(title)
            if head and head.kept and value and value != shown(self._column_cell(head, column)):
                extra[title] = value
        return extra

    def _column_cell(self, head: Head, column: ItemField) -> Any:
        return column_cell(head, self.known, self.known.items[0], column) if self.known.items else None
