"""The compiled catalog: frozen models of everything declared under ``catalog/``.

One declaration per fact: a column's title, type, unit, standard, personal-information (PI) level and rules are
declared once and every schema, check, comment and page derives from these objects.
"""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Severity = Literal["block", "quarantine", "warn", "info"]
"""block: refuse the whole load; quarantine: set the row aside; warn, info: keep the row, count and report it."""


class Declared(BaseModel):
    """Base of all declarations: immutable, and an unknown or misspelt attribute is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def fingerprint(self) -> str:
        """Hash of the declaration: changes when, and only when, something declared changes."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


class Unit(Declared):
    """A unit (数源单位) that shares data items."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    name: str
    short: str
    kind: str


class TypeDef(Declared):
    """A declared type: how text becomes a value of a DuckDB type, and which rule tells a wrong one.

    ``parse`` is SQL with ``{raw}`` (cleaned text, NULL if blank); it gives NULL for what it cannot read.
    """

    title: str
    duckdb: str
    parse: str
    rules: tuple[str, ...] = ()
    identifier: bool = False


class Rule(Declared):
    """A row rule. ``violation`` is SQL over ``{raw}``, ``{value}`` and ``{arg}``; true means violated."""

    rule_id: str
    severity: Severity
    indicator: str = Field(pattern=r"^0[1-6]\d\d$")  # GB/T 36344-2018 indicator
    fixer: Literal["unit", "bureau", "grid"]
    level: Literal["field", "row", "delivery"]
    violation: str
    wording_zh: str
    wording_en: str
    cure_zh: str


class FieldDef(Declared):
    """An entry of the field dictionary: the one declaration of a field, whoever delivers it."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    type: str
    codes: str | None = None
    unit: str | None = None
    standard: str | None = None
    pi: Literal[1, 2, 3, 4] = 1  # 1 public, 2 internal, 3 personal, 4 sensitive personal (after GB/T 43697)
    min: str | None = None
    max: str | None = None


class CodeSet(Declared):
    """A code list; ``aliases`` maps every accepted spelling (code, title, alias) to the code."""

    name: str
    titles: dict[str, str]
    aliases: dict[str, str]


class Source(Declared):
    """How an item is delivered. ``path`` is a file pattern below ``<inbox>/<unit>/``."""

    kind: Literal["file"] = "file"
    path: str
    format: Literal["csv", "excel", "jsonl", "parquet"]
    encoding: Literal["utf-8", "gb18030", "utf-16"] = "utf-8"
    delimiter: str = ","
    sheet: str | None = None  # excel: sheet name; default the first sheet
    skip_rows: int = 0  # lines above the header, such as a title row
    header_rows: int = 1  # excel: rows the header spans


class ItemField(Declared):
    """A column of an item: a dictionary field, the headers it may arrive under, and what is demanded of it."""

    name: str
    field: FieldDef
    headers: tuple[str, ...]
    required: bool = False  # the value must be there
    optional_column: bool = False  # the whole column may be missing from a delivery
    min_filled: float = 0.0  # share of rows in which it must be filled for the load to pass


class RuleUse(Declared):
    """A row-level rule used by an item, bound to its columns."""

    rule: str
    columns: tuple[str, ...] = ()


class Share(Declared):
    """Sharing attributes (共享属性) of the national catalog guide: type 1, 2 or 3 with condition or basis."""

    type: Literal["unconditional", "conditional", "none"]
    condition: str | None = None
    legal_basis: str | None = None


class Bounds(Declared):
    """What a whole load must satisfy for promotion: row counts and the share of quarantined rows."""

    min_rows: int = 1
    max_rows: int = 10_000_000_000
    max_quarantine: float = 0.3


class Example(Declared):
    """One delivered row and what it must become: values by column, or the rules it must break."""

    given: dict[str, str]
    gives: dict[str, str | None] = Field(default_factory=dict)
    breaks: tuple[str, ...] = ()


class Item(Declared):
    """A data item (数据项): one table that a unit shares."""

    unit: str
    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    code: str = Field(pattern=r"^[123]\d{2}\d{3}\w*/\w+$")  # catalog code of the 2017 guide, see facts 1.4
    title: str
    summary: str
    cycle: Literal["realtime", "daily", "weekly", "monthly", "quarterly", "halfyearly", "yearly", "irregular"]
    share: Share
    open: bool = False
    key: tuple[str, ...]
    latest_by: str | None = None  # among rows of one key the greatest wins; without it none is chosen
    source: Source
    fields: tuple[ItemField, ...]
    rules: tuple[RuleUse, ...] = ()
    bounds: Bounds = Bounds()
    examples: tuple[Example, ...] = ()

    @property
    def id(self) -> str:
        """``unit.name``: the item's name in the CLI, in messages and in provenance."""
        return f"{self.unit}.{self.name}"

    @property
    def view(self) -> str:
        """Name of the item's view in the published file's ``item`` schema."""
        return f"{self.unit}_{self.name}"

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(f.name for f in self.fields)

    def column(self, name: str) -> ItemField:
        return next(f for f in self.fields if f.name == name)


class BaseInput(Declared):
    """An item that feeds a base table: ``columns`` maps base columns to SQL over the item's columns."""

    item: str
    columns: dict[str, str]
    where: str | None = None


class BaseField(Declared):
    """A base attribute; ``prefer`` lists items by precedence (一数一源) where it differs from input order."""

    name: str
    field: FieldDef
    prefer: tuple[str, ...] = ()


class BaseTable(Declared):
    """A base-model table: one row per entity, each value from the best-placed item that has it."""

    table: str
    model: Literal["population", "legal_entity", "housing"]
    title: str
    key: str
    key_rule: str | None = None  # SQL over the key: only rows for which it is true can be linked
    fields: tuple[BaseField, ...]
    inputs: tuple[BaseInput, ...]
    place: bool = False  # carries house_code/building_code and is placed into grids


class Measure(Declared):
    """A measure of a theme table: SQL aggregate over the placed entities."""

    name: str
    title: str
    sql: str
    unit: str | None = None


class Theme(Declared):
    """A theme table at grid level: measures of one placed base table, one row per grid."""

    table: str
    title: str
    subject: str
    measures: tuple[Measure, ...]


class District(Declared):
    """The district: names, code prefixes and the reference items that describe its space."""

    name: str
    code: str
    grid_item: str
    score_weights: dict[str, float]  # GB/T 36344 dimension -> weight


class Catalog(Declared):
    """Everything declared, resolved and checked."""

    district: District
    units: tuple[Unit, ...]
    types: dict[str, TypeDef]
    rules: dict[str, Rule]
    codes: dict[str, CodeSet]
    fields: dict[str, FieldDef]
    items: tuple[Item, ...]
    bases: tuple[BaseTable, ...]
    themes: tuple[Theme, ...]

    @cached_property
    def units_by_id(self) -> dict[str, Unit]:
        return {u.id: u for u in self.units}

    @cached_property
    def items_by_id(self) -> dict[str, Item]:
        return {i.id: i for i in self.items}

    def items_of(self, unit: str) -> tuple[Item, ...]:
        return tuple(i for i in self.items if i.unit == unit)

    def base(self, table: str) -> BaseTable:
        return next(b for b in self.bases if b.table == table)

    def contract(self, item: Item) -> str:
        """Fingerprint of all that decides what an item's delivery becomes: item, types, rules and codes."""
        types = {f.field.type for f in item.fields}
        codes = {f.field.codes for f in item.fields if f.field.codes}
        parts = [item.fingerprint()]
        parts += [self.types[t].fingerprint() for t in sorted(types)]
        parts += [self.codes[c].fingerprint() for c in sorted(codes)]
        parts += [self.rules[r].fingerprint() for r in sorted(self.rules)]
        return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]
