"""Declarations of base models: what makes an entity, which items feed it, and whose value counts (一数一源)."""

from __future__ import annotations

from functools import cached_property
from typing import Literal, NamedTuple

from pydantic import Field, field_validator

from fudata_pipeline.catalog.declared import Declared
from fudata_pipeline.catalog.model import FieldDef, Severity

MOST_SOURCES = 64
"""Items that may feed one base table: which of them know an entity is kept in one number, a bit an item."""


class Identifier(Declared):
    """An identifier of an entity. ``usable`` is SQL over base columns: only where it is true does the value identify;
    ``sql`` is what of it identifies, where that is not the value itself (the organisation code in a credit code)."""

    name: str
    usable: str | None = None
    sql: str | None = None


class Replaced(Declared):
    """Where codes are announced that took another's place: columns ``old`` and ``new`` of ``item``.

    Whoever still delivers the old code means the entity of the new one.
    """

    item: str
    old: str
    new: str


class BaseInput(Declared):
    """An item that feeds a base table: ``columns`` maps base columns to SQL over the item's columns.

    ``founds`` false: its rows add to entities that others know, and make none of their own.
    """

    item: str
    columns: dict[str, str]
    where: str | None = None
    founds: bool = True


class BaseField(Declared):
    """A base attribute. ``prefer`` lists items by precedence (一数一源) where it differs from input order; items in a list
    of their own are equals, among which the newer row decides, then what more of them say.

    ``valid`` is SQL over base columns: a value for which it is false never wins.
    """

    name: str
    field: FieldDef
    prefer: tuple[tuple[str, ...], ...] = ()
    valid: str | None = None

    @field_validator("prefer", mode="before")
    @classmethod
    def _tiers(cls, prefer: object) -> object:
        return [[tier] if isinstance(tier, str) else tier for tier in prefer] if isinstance(prefer, list) else prefer


class Event(Declared):
    """What befell an entity from one night to the next: SQL ``when`` over its rows ``o`` (before) and ``n`` (after)."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    when: str
    day: str | None = None  # SQL over o and n: the day it happened, where that is known
    detail: tuple[str, ...] = ()  # attributes whose values before and after are told


class Check(Declared):
    """A rule over a model's tables: SQL that selects the ``entity_id`` of what breaks it, over ``{table}`` of base tables."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    sql: str
    severity: Severity = "warn"
    indicator: str = Field(default="0402", pattern=r"^0[1-6]\d\d$")
    cure: str = "请核对"


class Matching(Declared):
    """How rows without a usable identifier are put to entities: by the probability that both are the same (Fellegi-Sunter).

    ``automatic`` and ``review`` are the least probabilities; ``margin`` is by how much of match weight (bits) the best
    entity must lead. ``evidence`` maps what the model compares to base columns.
    """

    kind: Literal["person", "firm"]
    evidence: dict[str, str]
    automatic: float = Field(default=0.99, gt=0, lt=1)
    review: float = Field(default=0.5, gt=0, lt=1)
    margin: float = Field(default=5.0, ge=0)


class BaseTable(Declared):
    """A base-model table: one row per entity, each value from the best-placed item that has it.

    ``identifiers`` stand from the strongest: a row belongs to the entity of its strongest usable one; what a weaker one
    alone means, rows with both say.
    """

    table: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    model: Literal["population", "legal_entity", "housing"]
    title: str
    key: str
    identifiers: tuple[Identifier, ...] = Field(min_length=1)
    replaced: Replaced | None = None
    fields: tuple[BaseField, ...]
    inputs: tuple[BaseInput, ...] = Field(max_length=MOST_SOURCES)
    matching: Matching | None = None
    events: tuple[Event, ...] = ()
    checks: tuple[Check, ...] = ()
    place: bool = False  # carries house_code/building_code and is placed into grids

    @cached_property
    def feeding(self) -> dict[str, tuple[str, ...]]:
        """Attribute -> the items that give it, in the order of the inputs."""
        return {f.name: tuple(i.item for i in self.inputs if f.name in i.columns) for f in self.fields}

    def tiers(self, field: BaseField) -> tuple[tuple[str, ...], ...]:
        """Who decides about an attribute: groups of items, the first group that has a value before all others."""
        return field.prefer or tuple((item,) for item in self.feeding[field.name])


class Feed(NamedTuple):
    """An attribute of a base table that an item feeds; ``rank`` 1 is the preferred source (一数一源)."""

    table: str
    title: str
    attribute: str
    rank: int
