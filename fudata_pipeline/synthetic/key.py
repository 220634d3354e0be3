"""Keys: how the rows of an item get keys of which no two are the same, whatever the number of rows.

The row number is read like a number of several digits. Columns with few values (codes, kinds, step numbers) are the fast
digits, the subject (person, firm, house, numbered device …) is the next, and the period (month, year, time) the slowest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, Protocol

from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.catalog.model import Item, ItemField
from fudata_pipeline.engine.sql import literal
from fudata_pipeline.synthetic.recipe import Column, default, numbered

SUBJECTS = {"resident_id": "p", "travel_document": "p", "uscc": "f", "org_code": "f", "registration_no": "f",
            "house_code": "h", "building_code": "b", "grid_code": "g"}  # fmt: skip
"""Types that identify a subject: person, firm, housing unit, building, grid."""

OWN_NUMBER = ("component_code", "licence_id")
STEP_MINUTES = 10
KEYED = "draw(r.e, 77)"
"""The random key of a subject, the same for all its rows."""
PERIODS = {"datetime": 144, "date": 24, "year": 3}
"""Periods that an item with numbered subjects is spread over: a day of readings, two years of months, three years."""


class Columns(Protocol):
    """What a key has to know of the columns it is made of."""

    catalog: Catalog
    item: Item
    as_of: date

    def recipe(self, name: str) -> Any: ...

    def column(self, name: str) -> Column: ...

    def reference(self, target: str, salt: int, number: str = "") -> str: ...

    def day_sql(self, key: str) -> str: ...


class Key:
    """Roles of an item's key columns.

    ``subject``: p, f, h, b, g (rows take eligible ones in turn), ``numbered`` (as many as needed) or None.
    ``per_subject``: rows each subject has in a period. ``periodic``: a column tells periods apart.
    """

    def __init__(self, columns: Columns) -> None:
        self.columns = columns
        self.subject: str | None = None
        self.reference: str | None = None  # item.column that numbers the subjects
        self.period: ItemField | None = None
        self.per_subject = 1
        self._sql: dict[str, str] = {}
        self._assign([columns.item.column(name) for name in columns.item.key])

    def sql(self, name: str) -> str | None:
        return self._sql.get(name)

    @property
    def unlimited(self) -> bool:
        """Whether the key can tell any number of rows apart."""
        return self.subject in (None, "numbered") or self.period is not None

    def day_sql(self) -> str | None:
        """The date of a row, where its period says it."""
        if self.period is None or self.period.field.type not in ("date", "datetime"):
            return None
        return f"CAST({self._sql[self.period.name]} AS DATE)"

    def _assign(self, keys: list[ItemField]) -> None:
        serials = [c for c in keys if c.field.type == "serial" or self._is_numbered(c)]
        if any(c.field.type in OWN_NUMBER for c in keys) or (len(keys) == 1 and serials and not self._of(serials[0])):
            return  # numbered by row
        if len(serials) > 1 and not self._of(serials[-1]):
            self._sql[serials[0].name] = self._numbered(serials[0], "r.n // 50")
            return  # the second number is numbered by row
        subject = next((c for c in keys if c.field.type in SUBJECTS), None)
        if subject and serials and not self._of(serials[0]):
            return
        if subject is not None:
            self.subject = SUBJECTS[subject.field.type]
        elif serials:
            self.subject, subject = "numbered", serials[0]
            self.reference = self._of(subject)
            self._sql[subject.name] = (
                self.columns.reference(self.reference, 0, "r.e") if self.reference else self._numbered(subject, "r.e")
            )
        rest = [c for c in keys if c is not subject and c.field.type not in SUBJECTS]
        if (
            self.subject == "numbered"
            and not self.reference
            and all(c.field.type in ("text", "name", "code") and not _is_year(c) for c in rest)
        ):
            self.subject = None  # numbered by row, the number alone tells rows apart
            del self._sql[keys[keys.index(subject)].name]  # type: ignore[arg-type]
            return
        self.period = next((c for c in rest if c.field.type in ("date", "datetime")), None) or next(
            (c for c in rest if _is_year(c)), None
        )
        free = [
            c
            for c in rest
            if c is not self.period and c.field.type != "serial" and not (self.subject and c.field.type == "name")
        ]
        for n, column in enumerate(free):
            last = n == len(free) - 1 and self.subject is None and self.period is None
            self._digit(column, last=last)
        if self.period is not None:
            self._sql[self.period.name] = self._period_sql(self.period)

    def _is_numbered(self, column: ItemField) -> bool:
        recipe = self.columns.recipe(column.name) if column.field.type in ("text", "name") else None
        return isinstance(recipe, Mapping) and ("serial" in recipe or "of" in recipe)

    def _of(self, column: ItemField) -> str | None:
        recipe = self.columns.recipe(column.name)
        return str(recipe["of"]) if isinstance(recipe, Mapping) and "of" in recipe else None

    def _numbered(self, column: ItemField, n: str) -> str:
        recipe = self.columns.recipe(column.name)
        pattern = recipe.get("serial") if isinstance(recipe, Mapping) else None
        if pattern is None:
            pattern = default(self.columns.column(column.name))["serial"]
        return numbered(pattern, n, f"DATE '{self.columns.as_of}'")

    def _digit(self, column: ItemField, *, last: bool) -> None:
        """A column with few values; the ``last`` of a key without subject or period is told apart by a number."""
        values = self._values(column)
        digit = f"(r.n // {self.per_subject}) % {len(values)}"
        sql = f"([{', '.join(values)}])[1 + CAST({digit} AS INTEGER)]"
        rest = f"(r.n // {self.per_subject * len(values)})"
        if last and column.field.type in ("text", "name"):
            sql = f"{sql} || CASE WHEN {rest} > 0 THEN CAST({rest} + 1 AS VARCHAR) || '号' ELSE '' END"
        elif last and column.field.type in ("integer", "decimal"):
            sql = "r.n + 1"
        self._sql[column.name] = sql
        self.per_subject *= len(values)

    def _values(self, column: ItemField) -> list[str]:
        field, recipe = column.field, self.columns.recipe(column.name)
        if isinstance(recipe, Mapping):
            recipe = recipe.get("any") or list(recipe.get("weighted", ())) or recipe
        if field.codes:
            codes = self.columns.catalog.codes[field.codes]
            chosen: list[Any] = recipe if isinstance(recipe, list) else list(codes.titles)
            return [literal(c if str(c) in codes.titles else codes.aliases[str(c)]) for c in dict.fromkeys(chosen)]
        if field.type in ("integer", "decimal", "double"):
            low = int(recipe["number"][0]) if isinstance(recipe, Mapping) and "number" in recipe else 1
            high = int(recipe["number"][1]) if isinstance(recipe, Mapping) and "number" in recipe else 5
            return [str(v) for v in range(low, min(high, low + 59) + 1)]
        if field.type == "boolean":
            return ["true", "false"]
        plain = [str(v) for v in recipe if "{" not in str(v)] if isinstance(recipe, list) else []
        shown = self.columns.catalog.shown(field)
        return [literal(v) for v in dict.fromkeys(plain)] or [literal(shown[1] if shown else column.title)]

    def _period_sql(self, column: ItemField) -> str:
        as_of = self.columns.as_of
        # What comes in after the first night has a negative cycle, and so the date of a later night.
        later = f"DATE '{as_of}' - CAST(r.cycle AS INTEGER)"
        # People, firms and houses have their events one by one; devices and grids report all at once.
        own = (
            f"CASE WHEN r.cycle < 0 THEN {later} ELSE {self.columns.day_sql(KEYED)} - CAST(r.cycle AS INTEGER) END"
            if self.subject in ("p", "f", "h")
            else None
        )
        if column.field.type == "datetime":
            if own:
                return f"CAST({own} AS TIMESTAMP) + to_minutes(CAST(480 + draw({KEYED}, 5) % 600 AS BIGINT))"
            return f"TIMESTAMP '{as_of} 23:50:00' - to_minutes(r.cycle * {STEP_MINUTES})"
        if column.field.type == "date":
            if "month" in column.name or "月" in column.title:
                return f"CAST(date_trunc('month', DATE '{as_of}') - to_months(CAST(r.cycle AS INTEGER)) AS DATE)"
            return own or later
        if column.field.type == "integer":
            return f"{as_of.year} - r.cycle"
        return self._period_text(column)

    def _period_text(self, column: ItemField) -> str:
        shown = self.columns.item.example.get(column.name) or self.columns.catalog.shown(column.field)
        month = f"(DATE '{self.columns.as_of}' - to_months(CAST(r.cycle AS INTEGER)))"
        year = f"CAST({self.columns.as_of.year} - r.cycle AS VARCHAR)"
        if shown and re.search(r"季", shown[1]):
            quarter = f"(DATE '{self.columns.as_of}' - to_months(CAST(3 * r.cycle AS INTEGER)))"
            return f"strftime({quarter}, '%Y年第') || CAST(quarter({quarter}) AS VARCHAR) || '季度'"
        if shown and re.search(r"月|-\d\d$", shown[1]):
            return f"strftime({month}, '{'%Y年%-m月' if '月' in shown[1] else '%Y-%m'}')"
        return f"{year} || '年'" if shown and "年" in shown[1] else year

    def periods(self) -> int:
        """How many periods numbered subjects are spread over."""
        kind = self.period.field.type if self.period else ""
        return PERIODS.get(kind, PERIODS["year"]) if self.period else 1


def _is_year(column: ItemField) -> bool:
    if column.field.type == "integer":
        return bool(re.search(r"year|年", column.name + column.title))
    return column.field.type in ("text", "code") and bool(
        re.search(r"period|_month|_year|时段|期间|月份|年度|年份|统计期", column.name + column.title)
    )
