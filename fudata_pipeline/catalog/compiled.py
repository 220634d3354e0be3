"""The compiled catalog: everything declared, resolved and checked, and what follows from it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from pydantic import Field

from fudata_pipeline.catalog.bases import BaseTable, Feed
from fudata_pipeline.catalog.channels import Channel
from fudata_pipeline.catalog.declared import Declared
from fudata_pipeline.catalog.expectations import Expected
from fudata_pipeline.catalog.links import Link
from fudata_pipeline.catalog.model import (
    Archetype,
    CodeSet,
    District,
    Example,
    FieldDef,
    Item,
    Rule,
    RuleUse,
    Theme,
    TypeDef,
    Unit,
)
from fudata_pipeline.catalog.white_list import WhiteList


class Catalog(Declared):
    """Everything declared, resolved and checked."""

    district: District
    units: tuple[Unit, ...]
    types: dict[str, TypeDef]
    rules: dict[str, Rule]
    codes: dict[str, CodeSet]
    fields: dict[str, FieldDef]
    field_files: dict[str, str]  # field -> the file below catalog/ that declares it
    archetypes: dict[str, Archetype]
    items: tuple[Item, ...]
    files: dict[str, str]  # item id -> the file below catalog/ that declares it
    bases: tuple[BaseTable, ...]
    themes: tuple[Theme, ...]
    links: tuple[Link, ...] = ()  # each after the one that it takes from
    white_list: WhiteList | None = None
    channels: tuple[Channel, ...] = ()  # where alerts go
    expectations: dict[str, tuple[Expected, ...]] = Field(default_factory=dict)  # item id -> those that a person wrote
    version: str  # fingerprint of the whole folder the catalog was compiled from

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Catalog:
        """A copy that has not looked anything up yet: pydantic's own would carry over what this one cached."""
        same = {name: getattr(self, name) for name in type(self).model_fields}
        return type(self).model_construct(**(same | dict(update or {})))

    @cached_property
    def units_by_id(self) -> dict[str, Unit]:
        return {u.id: u for u in self.units}

    @cached_property
    def items_by_id(self) -> dict[str, Item]:
        return {i.id: i for i in self.items}

    @cached_property
    def _feeds(self) -> dict[str, list[Feed]]:
        found: dict[str, list[Feed]] = {i.id: [] for i in self.items}
        for base in self.bases:
            for field in base.fields:
                for rank, tier in enumerate(base.tiers(field), 1):
                    for item in (i for i in tier if i in found):
                        found[item].append(Feed(base.table, base.title, field.name, rank))
        return found

    def feeds(self, item: Item) -> tuple[Feed, ...]:
        """What the item feeds: base-model attributes, each with the item's rank in the order of precedence."""
        return tuple(self._feeds[item.id])

    def examples(self, item: Item) -> tuple[Example, ...]:
        """The item's example rows. The first shows every column: the item's own example, else the dictionary's."""
        given: dict[str, str] = {}
        gives: dict[str, str | None] = {}
        for column in item.fields:
            shown = item.example.get(column.name) or self.shown(column.field)
            if shown:
                given[column.headers[0]], gives[column.name] = shown
        return (Example(given=given, gives=gives), *item.examples)

    def shown(self, field: FieldDef) -> tuple[str, str] | None:
        """A field's example: its own, else the first code of its list, else its type's."""
        if field.example or not field.codes:
            return field.example or self.types[field.type].example
        first = next(iter(self.codes[field.codes].titles.items()), None)
        return (first[1], first[0]) if first else None

    def items_of(self, unit: str) -> tuple[Item, ...]:
        return tuple(i for i in self.items if i.unit == unit)

    def base(self, table: str) -> BaseTable:
        return next(b for b in self.bases if b.table == table)

    def rule_of(self, item: Item, use: RuleUse) -> Rule:
        """The rule that a use means: one of rules.csv, or ``unit.item.rule`` where the item differs or has its own.

        Raises KeyError where there is no such rule; the catalog's check finds that.
        """
        if not _differs(use):
            return self.rules[use.rule]
        own = Rule(
            rule_id=use.rule, severity="quarantine", indicator="0401", fixer="unit", level="row", violation="",
            wording_zh="", wording_en="", cure_zh="请核对",
        )  # fmt: skip
        violation = {} if use.sql is None else {"violation": f"NOT ({use.sql})".replace("{", "{{").replace("}", "}}")}
        said = {
            "severity": use.severity,
            "indicator": use.indicator,
            "fixer": use.fixer,
            "wording_zh": use.wording,
            "cure_zh": use.cure,
        }
        changed = {name: value for name, value in said.items() if value is not None}
        rule = own if use.sql is not None else self.rules[use.rule]
        return rule.model_copy(update={"rule_id": f"{item.id}.{use.rule}", **violation, **changed})

    @cached_property
    def rules_by_id(self) -> dict[str, Rule]:
        """Every rule that a load may name: those of rules.csv, and those of items."""
        own = (self.rule_of(i, u) for i in self.items for u in i.rules if _differs(u))
        return self.rules | {rule.rule_id: rule for rule in own}

    @cached_property
    def _rules_fingerprint(self) -> str:
        return " ".join(self.rules[r].fingerprint() for r in sorted(self.rules))

    def contract(self, item: Item) -> str:
        """Fingerprint of all that decides what an item's delivery becomes: its columns, key, source, rules, bounds,
        types and codes. Titles, sharing attributes and the like can change without a load being judged again."""
        types = {f.field.type for f in item.fields}
        codes = {f.field.codes for f in item.fields if f.field.codes}
        parts = [
            item.fingerprint("key", "latest_by", "source", "load", "drift", "fields", "rules", "bounds", "records")
        ]
        parts += [str(self.district.scale)]
        parts += [self.types[t].fingerprint() for t in sorted(types)]
        parts += [self.codes[c].fingerprint() for c in sorted(codes)]
        parts += [self._rules_fingerprint]
        parts += [e.fingerprint() for e in self.expectations.get(item.id, ())]
        return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]

    def shape(self, item: Item) -> str:
        """Fingerprint of what rows of several deliveries must have in common to stand in one table."""
        columns = [f"{f.name} {self.types[f.field.type].duckdb}" for f in item.fields]
        return hashlib.sha256(
            " ".join([*columns, *item.key, str(item.latest_by), str(item.load)]).encode()
        ).hexdigest()[:16]


def _differs(use: RuleUse) -> bool:
    """The use says more than rules.csv does."""
    return any(getattr(use, a) is not None for a in ("sql", "severity", "indicator", "fixer", "wording", "cure"))
