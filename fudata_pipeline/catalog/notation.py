"""The notation of items: archetypes and defaults filled in, columns resolved in the field dictionary."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from fudata_pipeline.catalog.loading import Loading
from fudata_pipeline.catalog.model import Archetype, FieldDef, Item, ItemField, Share, Unit, file_name


class Mistake(Exception):
    """A declaration that cannot be understood; ``path`` leads to the place inside it."""

    def __init__(self, message: str, cure: str, *path: str) -> None:
        super().__init__(message)
        self.cure = cure
        self.path = path


class Misfit(Exception):
    """A part of a declaration that does not fit its model; ``path`` leads to the part."""

    def __init__(self, error: ValidationError, *path: str) -> None:
        super().__init__(str(error))
        self.error = error
        self.path = path


def known(table: dict[str, Any], name: str, what: str, where: str) -> Any:
    if name not in table:
        raise Mistake(f"引用了未声明的{what} {name!r}", f"在 {where} 中声明，或改正名称")
    return table[name]


def _share(declared: Any) -> Any:
    """``unconditional``, or one of ``{conditional: condition}`` and ``{none: legal basis}``, as a :class:`Share`."""
    if declared == "unconditional":
        return Share(type="unconditional")
    if isinstance(declared, dict) and list(declared) == ["conditional"]:
        return Share(type="conditional", condition=declared["conditional"])
    if isinstance(declared, dict) and list(declared) == ["none"]:
        return Share(type="none", legal_basis=declared["none"])
    raise Mistake(
        f"看不懂的共享属性 {declared!r}", "写 unconditional、{conditional: 条件} 或 {none: 法律依据}", "share"
    )


def _load(declared: Any) -> Any:
    """``snapshot``, ``upsert`` or ``{append: column of the day}``, as a :class:`Loading`."""
    if declared in ("snapshot", "upsert"):
        return Loading(mode=declared)
    if isinstance(declared, dict) and list(declared) == ["append"] and isinstance(declared["append"], str):
        return Loading(mode="append", by=declared["append"])
    raise Mistake(f"看不懂的载入方式 {declared!r}", "写 snapshot、upsert 或 {append: 日期列}", "load")


_ENDINGS = {"csv": "csv", "excel": "xls*", "jsonl": "jsonl", "parquet": "parquet"}


def column_name(entry: str | dict[str, Any]) -> str:
    """The column that an entry of ``fields`` declares."""
    return entry if isinstance(entry, str) else entry.get("name") or entry["field"]


class Columns:
    """Columns from their notation. Most columns are a dictionary field as it stands: each such is made once."""

    def __init__(self, fields: dict[str, FieldDef]) -> None:
        self.fields = fields
        self.plain: dict[tuple[str, bool], ItemField] = {}

    def of(self, entries: Iterable[str | dict[str, Any]], key: tuple[str, ...]) -> list[ItemField]:
        """The columns in order; a later entry of a name stands in the place of an earlier one, which is not resolved."""
        named = {column_name(e): e for e in entries}
        return [self._plain(e, e in key) if isinstance(e, str) else self._own(e, key) for e in named.values()]

    def _plain(self, name: str, required: bool) -> ItemField:
        column = self.plain.get((name, required))
        if column is None:
            field = known(self.fields, name, "字段", "catalog/fields/")
            column = ItemField(name=name, title=field.title, field=field, headers=(field.title,), required=required)
            self.plain[name, required] = column
        return column

    def _own(self, entry: dict[str, Any], key: tuple[str, ...]) -> ItemField:
        body = dict(entry)
        field = known(self.fields, body.pop("field", None), "字段", "catalog/fields/")
        name = body.setdefault("name", field.name)
        title = body.setdefault("title", field.title)
        body.setdefault("headers", (title,))
        body.setdefault("required", name in key)
        if "share" in body:
            body["share"] = _share(body["share"])
        try:
            return ItemField.model_validate({**body, "field": field})
        except ValidationError as error:
            raise Misfit(error, "fields", field.name) from None


def pair(shown: Any) -> tuple[str, str]:
    """An example: delivered text and the value it becomes, or one text for both."""
    given, gives = shown if isinstance(shown, list) else (shown, shown)
    return given, gives


class Items:
    """Items of the files under ``items/``, each with its unit's defaults and its archetype filled in."""

    def __init__(
        self, district: dict[str, Any], units: dict[str, Unit], fields: dict[str, FieldDef], kinds: dict[str, Archetype]
    ) -> None:
        self.prefix = district.get("code_prefix", "")
        self.units = units
        self.kinds = kinds
        self.columns = Columns(fields)

    def item(self, unit: str, name: str, declared: dict[str, Any], defaults: dict[str, Any]) -> Item:
        body = {**defaults, **declared}
        kind = None
        if body.get("archetype"):
            kind = known(self.kinds, body["archetype"], "原型", "catalog/archetypes.yaml")
        own = body.pop("fields", [])
        if not isinstance(own, list) or not all(
            isinstance(e, str) or (isinstance(e, dict) and "field" in e) for e in own
        ):
            raise Mistake("fields 应为字段名或 {field: 字段名, …} 的列表", "参照同目录其他声明", "fields")
        for twice in [name for name, times in Counter(map(column_name, own)).items() if times > 1]:
            raise Mistake(f"列 {twice} 声明了两次", "用 name: 给其中一列另起名", "fields", twice)
        entries = [*(kind.fields if kind else ()), *own]
        omitted = body.pop("omit", ())
        for unknown in [o for o in omitted if not kind or o not in map(column_name, kind.fields)]:
            raise Mistake(f"omit 中的 {unknown} 不是原型的列", "改正列名，或删去", "omit")
        entries = [e for e in entries if column_name(e) not in omitted]
        body["key"] = tuple(body.get("key") or (kind.key if kind else ()))
        if kind:
            body.setdefault("latest_by", kind.latest_by)
        body["fields"] = tuple(self.columns.of(entries, body["key"]))
        if kind:
            columns = {c.name for c in body["fields"]}
            body["rules"] = (*(u for u in kind.rules if columns.issuperset(u.columns)), *body.get("rules", ()))
        source = {**defaults.get("source", {}), **declared.get("source", {})}
        source.setdefault(
            "path", f"{file_name(str(body.get('title')))}_*.{_ENDINGS.get(source.get('format', ''), '*')}"
        )
        body["source"] = source
        body["share"] = _share(body.get("share"))
        if "load" in body:
            body["load"] = _load(body["load"])
        body["example"] = {column: pair(shown) for column, shown in body.get("example", {}).items()}
        code = str(body.get("code", ""))
        if re.fullmatch(r"\d{2}/\d{6}", code):
            body["code"] = self.prefix + known(self.units, unit, "单位", "catalog/units.yaml").number + code
        return Item.model_validate({"unit": unit, "name": name, **body})
