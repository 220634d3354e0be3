"""Recipes: how the value of a column is made up, as data that compiles to SQL over the twin.

A recipe is what YAML says for a field (``recipes/fields/``) or for a column of one item (``recipes/items/``):

``[甲, 乙, "{road}路灯不亮"]``            one of these, each as likely; ``{…}`` is filled in (see :data:`PLACEHOLDERS`)
``{weighted: {甲: 5, 乙: 1}}``           one of these, by weight; for a code column: codes or titles
``{number: [1, 50], skew: 2, step: 0.5}`` a number from..to; skew 1 even, 3 mostly small; step 1 or 0.01 by type
``{days: [3, 30], after: filed_date}``   a date so many days after (or before: negative) another column or ``r.day``
``{minutes: [5, 90], after: sent_at}``   the same for a time, after a column or ``r.moment``
``{serial: "JZ{yyyy}{n:6}"}``            an identifier numbered by row; ``{yyyy}`` year of ``r.day``, ``{yymmdd}``
``{of: unit.item.column}``               the value of that column in some row of that item: a reference
``p.name``                               SQL over the row ``r``, its person ``p``, firm ``f`` and place ``h``

``filled: 0.8`` beside any of the mappings leaves the rest of the rows empty; ``any: [...]`` is the mapping form of a list.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.catalog.model import Item, ItemField
from fudata_pipeline.engine.sql import literal

PLACEHOLDERS = {
    "road": "h.road",
    "estate": "h.estate",
    "building": "h.building_name",
    "community": "h.community",
    "street": "h.street",
    "grid": "h.grid_name",
    "address": "h.address",
    "year": "year(r.day)",
    "month": "month(r.day)",
    "day": "day(r.day)",
    "date": "strftime(r.day, '%Y年%-m月%-d日')",
    "n": "r.n + 1",
    "somebody": "made_name(draw(r.k, {salt}))",
    "company": "made_firm(draw(r.k, {salt}))",
    "phone": "made_phone(draw(r.k, {salt}))",
    "staff": "staff_name({unit_number}, draw(r.k, {salt}))",
    "unit": "{unit_short}",
    "unit_name": "{unit_name}",
}
"""What ``{name}`` in a text means. ``{int:1:300}`` is a whole number in that range; anything else is SQL."""

OWN = {
    "resident_id": "p.resident_id",
    "uscc": "f.uscc",
    "org_code": "f.org_code",
    "registration_no": "f.registration_no",
    "travel_document": "p.travel_document",
    "house_code": "h.house_code",
    "building_code": "h.building_code",
    "grid_code": "h.grid_code",
    "phone": "{phone}",
    "component_code": "printf('440304%04d%06d', 101 + r.n % 24, r.n % 1000000)",
    "licence_id": "electronic_licence_id(r.n)",
    "date": "r.day",
    "datetime": "r.moment",
    "boolean": "rnd(r.k, {salt}) < 0.5",
}
"""What a column of these types shows when no recipe says otherwise."""

FORMS = ("any", "weighted", "number", "days", "minutes", "serial", "of", "sql")
OPTIONS = {"number": {"skew", "step"}, "days": {"after"}, "minutes": {"after"}}


class BadRecipe(Exception):
    """A recipe that cannot be understood, with the place and what would be right."""


@dataclass(frozen=True)
class Column:
    """A column whose recipe is compiled: where it stands, and how to find the other columns and items it names."""

    catalog: Catalog
    item: Item
    field: ItemField
    sql_of: Callable[[str], str]
    """SQL of another column of the same item."""
    reference: Callable[[str, int], str]
    """SQL of ``unit.item.column`` for some row of that item, by a salt."""

    @property
    def salt(self) -> int:
        return zlib.crc32(self.field.name.encode()) & 0x7FFFFFFF

    @property
    def where(self) -> str:
        return f"{self.item.id} 的 {self.field.name}"


def compile_recipe(recipe: Any, column: Column) -> str:
    """SQL of the column's true value, in the type the column declares.

    Raises:
        BadRecipe: naming item and column, and what is not understood.
    """
    if isinstance(recipe, str):
        recipe = {"sql": recipe}
    elif isinstance(recipe, list):
        recipe = {"any": recipe}
    elif not isinstance(recipe, Mapping):
        raise BadRecipe(f"{column.where}：{recipe!r} 不是配方（应为列表、SQL 或 {'/'.join(FORMS)}）")
    forms = [f for f in FORMS if f in recipe]
    if len(forms) != 1:
        raise BadRecipe(f"{column.where}：应恰有 {'/'.join(FORMS)} 之一，实有 {list(recipe)}")
    form = forms[0]
    if unknown := set(recipe) - {form, "filled"} - OPTIONS.get(form, set()):
        raise BadRecipe(f"{column.where}：{form} 不认识 {sorted(unknown)}")
    sql = _COMPILERS[form](recipe[form], recipe, column)
    share = recipe.get("filled", 1)
    return sql if share == 1 else f"CASE WHEN rnd(r.k, {column.salt + 1}) < {float(share)} THEN {sql} END"


def default(column: Column) -> Any:
    """The recipe of a column for which none is declared: by type, code list, range or example."""
    field = column.field.field
    if field.codes:
        return {"weighted": dict.fromkeys(column.catalog.codes[field.codes].titles, 1)}
    if field.type in OWN:
        return OWN[field.type]
    shown = column.item.example.get(column.field.name) or column.catalog.shown(field)
    value = shown[1] if shown else column.field.title
    if field.type in ("integer", "decimal", "double"):
        middle = float(value) or 1
        low, high = float(field.min or 0), float(field.max or middle * 3)
        return {"number": [max(low, middle / 5), min(high, middle * 3)], "skew": 1.5}
    if field.type == "serial":
        return {"serial": serial_pattern(value)}
    if field.type == "name" and len(value) <= 3:
        return ["{somebody}"]
    if field.type == "name":
        return ["{company}"]
    return [value.replace("{", "").replace("}", "")]


def serial_pattern(example: str) -> str:
    """``GL202210001`` -> ``GL{yyyy}{n:7}``: the year of the row, and the last run of digits counts the rows."""
    found = list(re.finditer(r"\d+", example))
    if not found:
        return f"{example}{{n:6}}"
    last = found[-1]
    digits = last.group()
    year = "{yyyy}" if len(digits) >= 8 and re.match(r"(19|20)\d\d", digits) else ""
    rest = digits[4:] if year else digits
    return f"{example[: last.start()]}{year}{{n:{max(len(rest), 4)}}}{example[last.end() :]}"


def _pick(count: int, column: Column) -> str:
    return f"CAST(draw(r.k, {column.salt}) % {count} AS INTEGER)"


def _any(values: Any, _: Mapping[str, Any], column: Column) -> str:
    if not isinstance(values, list) or not values:
        raise BadRecipe(f"{column.where}：any 应为非空列表")
    return _choose([(v, 1) for v in values], column)


def _weighted(values: Any, _: Mapping[str, Any], column: Column) -> str:
    if not isinstance(values, Mapping) or not values:
        raise BadRecipe(f"{column.where}：weighted 应为 值: 权重")
    return _choose(list(values.items()), column)


def _choose(values: list[tuple[Any, float]], column: Column) -> str:
    """One of the values, by weight. Constants are picked from a list; texts to be filled in go through CASE."""
    texts = [(_value(v, column), float(w)) for v, w in values if float(w) > 0]
    total = sum(w for _, w in texts)
    even = len({w for _, w in texts}) == 1
    if len(texts) == 1:
        return texts[0][0]
    if even and all(re.fullmatch(r"'(?:[^']|'')*'", t) for t, _ in texts):
        return f"([{', '.join(t for t, _ in texts)}])[1 + {_pick(len(texts), column)}]"
    whens, reached = [], 0.0
    for text, weight in texts[:-1]:
        reached += weight / total
        whens.append(f"WHEN {int(reached * 1_000_000)} > {_pick(1_000_000, column)} THEN {text}")
    return f"CASE {' '.join(whens)} ELSE {texts[-1][0]} END"


def _value(value: Any, column: Column) -> str:
    field = column.field.field
    if field.codes:
        codes = column.catalog.codes[field.codes]
        code = str(value) if str(value) in codes.titles else codes.aliases.get(str(value))
        if code is None:
            raise BadRecipe(f"{column.where}：{value!r} 不在代码表 {field.codes} 中")
        return literal(code)
    if field.type in ("integer", "decimal", "double"):
        return str(float(value) if field.type != "integer" else int(value))
    if field.type == "boolean":
        return "true" if value in (True, "是", 1) else "false"
    return filled_in(str(value), column)


def filled_in(text: str, column: Column) -> str:
    """A text with ``{…}`` as SQL."""
    parts = []
    for n, part in enumerate(re.split(r"\{([^{}]*)\}", text)):
        if n % 2 == 0:
            if part:
                parts.append(literal(part))
        elif part.startswith("int:"):
            low, high = (int(x) for x in part[4:].split(":"))
            parts.append(f"CAST({low} + draw(r.k, {column.salt + n}) % {high - low + 1} AS VARCHAR)")
        else:
            parts.append(f"CAST({_placed(PLACEHOLDERS.get(part, part), column, n)} AS VARCHAR)")
    return " || ".join(parts) or "''"


def _placed(sql: str, column: Column, extra: int = 0) -> str:
    unit = column.catalog.units_by_id[column.item.unit]
    names = {
        "{salt}": str(column.salt + extra),
        "{unit_number}": str(int(unit.number)),
        "{unit_short}": literal(unit.short),
        "{unit_name}": literal(unit.name),
        "{phone}": _phone(column),
    }
    for name, value in names.items():
        sql = sql.replace(name, value)
    return sql


def _phone(column: Column) -> str:
    """The person's, else the firm's, else anybody's."""
    types = {f.field.type for f in column.item.fields}
    names = {f.field.name for f in column.item.fields}
    if "resident_id" in types or "person_name" in names:
        return "p.phone"
    return "f.phone" if "uscc" in types or "entity_name" in names else f"made_phone(draw(r.k, {column.salt}))"


def _number(bounds: Any, recipe: Mapping[str, Any], column: Column) -> str:
    low, high = (float(x) for x in bounds)
    kind = column.field.field.type
    step = float(recipe.get("step", 1 if kind == "integer" else 0.01 if kind == "decimal" else 0.001))
    skew = float(recipe.get("skew", 1))
    share = f"rnd(r.k, {column.salt})" if skew == 1 else f"pow(rnd(r.k, {column.salt}), {skew})"
    sql = f"{low} + floor({share} * {(high - low) / step + (1 if kind == 'integer' else 0)}) * {step}"
    if kind == "integer":
        return f"CAST({sql} AS BIGINT)"
    return f"CAST({sql} AS DECIMAL(18,2))" if kind == "decimal" else f"round({sql}, 6)"


def _base(recipe: Mapping[str, Any], column: Column, own: str) -> str:
    after = str(recipe.get("after", own))
    return after if "." in after or "(" in after else column.sql_of(after)


def _days(bounds: Any, recipe: Mapping[str, Any], column: Column) -> str:
    if isinstance(bounds[0], int):
        offset = f"CAST({bounds[0]} + draw(r.k, {column.salt}) % {bounds[1] - bounds[0] + 1} AS INTEGER)"
        date = f"CAST({_base(recipe, column, 'r.day')} AS DATE) + {offset}"
    else:
        span = f"(DATE '{bounds[1]}' - DATE '{bounds[0]}' + 1)"
        date = f"DATE '{bounds[0]}' + CAST(draw(r.k, {column.salt}) % {span} AS INTEGER)"
    return f"CAST({date} AS DATE)" if column.field.field.type == "date" else f"CAST({date} AS TIMESTAMP)"


def _minutes(bounds: Any, recipe: Mapping[str, Any], column: Column) -> str:
    seconds = f"{int(bounds[0]) * 60} + draw(r.k, {column.salt}) % {max(1, int((bounds[1] - bounds[0]) * 60))}"
    return f"CAST({_base(recipe, column, 'r.moment')} AS TIMESTAMP) + to_seconds(CAST({seconds} AS BIGINT))"


def _serial(pattern: Any, _: Mapping[str, Any], column: Column) -> str:
    return numbered(str(pattern), "r.n", "r.day")


def numbered(pattern: str, n: str, day: str) -> str:
    """A serial by a pattern for the row number ``n`` (counted from 1 in the serial) and date ``day``."""
    parts = []
    for index, part in enumerate(re.split(r"\{([^{}]*)\}", pattern)):
        if index % 2 == 0:
            if part:
                parts.append(literal(part))
        elif match := re.fullmatch(r"n(?::0?(\d+))?", part):
            width = int(match[1] or 1)
            text = f"CAST({n} + 1 AS VARCHAR)"
            parts.append(f"CASE WHEN {n} + 1 < {10**width} THEN lpad({text}, {width}, '0') ELSE {text} END")
        elif part in ("yyyy", "yymmdd", "yyyymm", "yyyymmdd"):
            style = {"yyyy": "%Y", "yymmdd": "%y%m%d", "yyyymm": "%Y%m", "yyyymmdd": "%Y%m%d"}[part]
            parts.append(f"strftime({day}, '{style}')")
        else:
            raise BadRecipe(f"serial {pattern!r}：{{{part}}} 应为 n:位数、yyyy、yyyymm、yyyymmdd 或 yymmdd")
    return " || ".join(parts)


def _of(target: Any, _: Mapping[str, Any], column: Column) -> str:
    return column.reference(str(target), column.salt)


def _sql(sql: Any, _: Mapping[str, Any], column: Column) -> str:
    return f"({_placed(str(sql), column)})"


_COMPILERS: dict[str, Callable[[Any, Mapping[str, Any], Column], str]] = {
    "any": _any,
    "weighted": _weighted,
    "number": _number,
    "days": _days,
    "minutes": _minutes,
    "serial": _serial,
    "of": _of,
    "sql": _sql,
}
