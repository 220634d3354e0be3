"""Frozen models of everything declared under ``catalog/``.

One declaration per fact: a column's title, type, unit, standard, personal-information (PI) level and rules are
declared once and every schema, check, comment and page derives from these objects.
"""

from __future__ import annotations

import math
import re
from datetime import date
from typing import Any, Literal

from pydantic import Field, field_validator

from fudata_pipeline.catalog.declared import Declared
from fudata_pipeline.catalog.loading import Drift, Loading

Severity = Literal["block", "quarantine", "warn", "info"]
"""block: refuse the whole load; quarantine: set the row aside; warn, info: keep the row, count and report it."""

Cycle = Literal["realtime", "daily", "weekly", "monthly", "quarterly", "halfyearly", "yearly", "irregular"]
"""更新周期: how often an item is delivered."""


def file_name(title: str) -> str:
    """A title as part of a file name: without what file systems and file patterns give a meaning to."""
    return re.sub(r'[\\/:*?"<>|\[\]\s]+', "-", title).strip("-.") or "未命名"


class Unit(Declared):
    """A unit (数源单位) that shares data items.

    ``number`` is its place (目) in catalog codes, ``uscc`` its unified social credit code (GB 32100), and ``classes``
    its own subdivision (细目): two digits -> title.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    number: str = Field(pattern=r"^\d{3}$")
    name: str
    short: str
    kind: str
    uscc: str
    block_data: bool = False  # one of the departments whose records are placed into grids (块数据)
    classes: dict[str, str] = Field(default_factory=dict)


class TypeDef(Declared):
    """A declared type: how text becomes a value of a DuckDB type, and which rule tells a wrong one.

    ``parse`` is SQL with ``{raw}`` (cleaned text, NULL if blank); it gives NULL for what it cannot read. ``plain`` is SQL
    too: text of which it is true, as most is, needs no cleaning, is cast as it is, and breaks none of ``rules``. It only
    saves time: whatever it is not true of takes the long way to the same result.
    """

    title: str
    duckdb: str
    parse: str
    plain: str | None = None
    letter: str  # data type of the catalog template, see catalog/codes/data_type.csv
    length: int | None = None  # characters, for the template's 数据长度
    rules: tuple[str, ...] = ()
    min: str | None = None  # for fields that have no bounds of their own: what most values must lie between
    max: str | None = None
    identifier: bool = False
    example: tuple[str, str] | None = None  # delivered text, and the value as text


class Rule(Declared):
    """A row rule. ``violation`` is SQL over ``{raw}``, ``{value}`` and ``{arg}``; true means violated.

    Level ``set``: whether a row breaks it depends on other rows, see :mod:`fudata_pipeline.load.sets`.
    """

    rule_id: str
    severity: Severity
    indicator: str = Field(pattern=r"^0[1-6]\d\d$")  # GB/T 36344-2018 indicator
    fixer: Literal["unit", "bureau", "grid"]
    level: Literal["field", "row", "set", "delivery"]
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
    pi: int = Field(default=1, ge=1, le=4)  # 1 public, 2 internal, 3 personal, 4 sensitive personal (after GB/T 43697)
    min: str | None = None
    max: str | None = None
    example: tuple[str, str] | None = None  # delivered text, and the value as text


class CodeSet(Declared):
    """A code list; ``aliases`` maps every accepted spelling (code, title, alias) to the code."""

    name: str
    titles: dict[str, str]
    aliases: dict[str, str]
    extra: dict[str, dict[str, str]] = Field(default_factory=dict)  # code -> the list's own further columns


class Source(Declared):
    """How an item is delivered. ``path`` is a file pattern below ``<inbox>/<unit>/``; default ``<title>_*.<ending>``."""

    kind: Literal["file"] = "file"
    path: str
    format: Literal["csv", "excel", "jsonl", "parquet"]
    encoding: Literal["utf-8", "gb18030", "utf-16"] = "utf-8"
    delimiter: str = ","
    sheet: str | None = None  # excel: sheet name; default the first sheet
    skip_rows: int = 0  # lines above the header, such as a title row
    header_rows: int = 1  # excel: rows the header spans


class Share(Declared):
    """Sharing attributes (共享属性) of the national catalog guide: type 1, 2 or 3 with condition or basis."""

    type: Literal["unconditional", "conditional", "none"]
    condition: str | None = None
    legal_basis: str | None = None


class ItemField(Declared):
    """A column of an item: a dictionary field, the headers it may arrive under, and what is demanded of it.

    ``name`` and ``title`` are the field's own unless the item uses it in a role (rent_from, 起租日期).
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    field: FieldDef
    headers: tuple[str, ...] = Field(min_length=1)
    required: bool = False  # the value must be there
    optional_column: bool = False  # the whole column may be missing from a delivery
    min_filled: float = 0.0  # share of rows in which it must be filled for the load to pass
    share: Share | None = None  # where it differs from the item's: the field's own attribute wins
    open: bool | None = None
    extra: dict[str, str] = Field(default_factory=dict)  # local columns of an imported catalog workbook


class RuleUse(Declared):
    """A rule used by an item: one of rules.csv of level row or set, bound to its columns, or one of the item's own.

    The item's own has ``sql``, an expression over typed columns that must not be false, and a ``wording``. ``to``, of
    rule ``reference``: ``unit.item.column`` or ``base.table.column``, where each value must be found.
    """

    rule: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    columns: tuple[str, ...] = ()
    sql: str | None = None
    to: str | None = None
    severity: Severity | None = None
    indicator: str | None = Field(default=None, pattern=r"^0[1-6]\d\d$")
    fixer: Literal["unit", "bureau", "grid"] | None = None
    wording: str | None = None
    cure: str | None = None


class Bounds(Declared):
    """What a whole load must satisfy for promotion: rows as a share of the declared records, and quarantined rows."""

    floor: float = 0.5
    ceiling: float = 2.0
    max_quarantine: float = 0.3


class Example(Declared):
    """One delivered row and what it must become: values by column, or the rules it must break."""

    given: dict[str, str]
    gives: dict[str, str | None] = Field(default_factory=dict)
    breaks: tuple[str, ...] = ()


class Archetype(Declared):
    """A kind of table that many units keep (a licence register, a benefit paid out): fields, key and rules to share.

    ``fields`` and ``rules`` are in the notation of an item's.
    """

    name: str
    title: str
    fields: tuple[str | dict[str, Any], ...]
    key: tuple[str, ...]
    latest_by: str | None = None
    rules: tuple[RuleUse, ...] = ()


class Item(Declared):
    """A data item (数据项): one table that a unit shares.

    ``example`` is what the item's first example row shows in its own columns (delivered text and value); the other
    columns of that row come from the dictionary (:meth:`.Catalog.examples`). ``examples`` are further rows.
    """

    unit: str
    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    code: str = Field(pattern=r"^[123]\d{2}\d{3}\w*/\w+$")  # catalog code of the 2017 guide, see facts 1.4
    title: str
    summary: str
    department: str | None = None  # 提供方内部部门
    system: str | None = None  # 来源信息系统名称
    archetype: str | None = None
    cycle: Cycle
    share: Share
    open: bool = False
    open_condition: str | None = None
    classification: Literal["general", "important", "core"] = "general"  # GB/T 43697-2024; core is never shared
    availability: Literal["available", "limited", "unavailable"] = "available"
    topics: tuple[str, ...] = ()  # theme bases (主题库) it belongs to, see catalog/codes/topic.csv
    published: date | None = None
    related: str | None = None  # 关联及类目名称
    records: int | None = Field(default=None, ge=1)  # 结构化信息记录总数, of the whole district
    key: tuple[str, ...]
    latest_by: str | None = (
        None  # the watermark: of rows of one key the greatest wins; without it none in a delivery does
    )
    source: Source
    load: Loading = Loading()
    drift: Drift = Drift()
    fields: tuple[ItemField, ...]
    rules: tuple[RuleUse, ...] = ()
    bounds: Bounds = Bounds()
    example: dict[str, tuple[str, str]] = Field(default_factory=dict)
    examples: tuple[Example, ...] = ()
    extra: dict[str, str] = Field(default_factory=dict)  # local columns of an imported catalog workbook

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

    @property
    def grade(self) -> int:
        """Grade 1..4 of the item (数据分级): that of its most personal field."""
        return max(f.field.pi for f in self.fields)

    def column(self, name: str) -> ItemField:
        return next(f for f in self.fields if f.name == name)

    def rows_between(self, scale: float) -> tuple[int, int]:
        """Fewest rows a load may have, and most before it is called unusual, when deliveries hold ``scale`` of the
        declared records. Small tables vary too much for a ceiling under 1,000 rows [A]; a sample varies by chance, and
        three standard deviations of its size are allowed for."""
        records = (self.records or 0) * scale
        fewest = records if scale >= 1 else max(0.0, records - 3 * math.sqrt(records))
        ceiling = max(1000, math.ceil(records * self.bounds.ceiling)) if self.records else 10_000_000_000
        return max(1, math.floor(fewest * self.bounds.floor)), ceiling


class Measure(Declared):
    """A measure of a theme table: SQL aggregate over the placed entities."""

    name: str
    title: str
    sql: str
    unit: str | None = None


class Theme(Declared):
    """A theme table at grid level: measures of one placed base table, one row per grid."""

    table: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    subject: str
    measures: tuple[Measure, ...]


class District(Declared):
    """The district: names, code prefixes and the reference items that describe its space."""

    name: str
    code: str
    code_prefix: str = Field(pattern=r"^[123]\d{2}$")  # 类 and 项 of the catalog codes of the district's units
    grid_item: str | None = None
    scale: float = Field(default=1.0, gt=0)  # share of the declared records that deliveries hold; 1: the real thing
    score_weights: dict[str, float]  # GB/T 36344 dimension -> weight
    grades: dict[str, float] = Field({"优": 95, "良": 85, "中": 70, "差": 0})  # grade -> least score; all [A]
    cycle_days: dict[Cycle, int] = Field({  # days from one delivery to the next; a cycle without days is never late
        "realtime": 1, "daily": 1, "weekly": 7, "monthly": 31, "quarterly": 92, "halfyearly": 183, "yearly": 366
    })  # fmt: skip
    grace_days: dict[Cycle, int] = Field({  # on top of them, before an item counts as late
        "realtime": 1, "daily": 1, "weekly": 2, "monthly": 7, "quarterly": 8, "halfyearly": 17, "yearly": 34
    })  # fmt: skip

    @field_validator("grades")
    @classmethod
    def _every_score_has_a_grade(cls, grades: dict[str, float]) -> dict[str, float]:
        if 0 not in grades.values() or len(set(grades.values())) < len(grades):
            raise ValueError("各等级的最低分须互不相同，最末一级从 0 分起")
        return grades
