"""An item's columns as SQL over the twin: recipes found, keys made unique, dates kept in order."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from importlib.resources import files
from typing import Any

import yaml

from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.catalog.model import Item
from fudata_pipeline.synthetic.key import Key
from fudata_pipeline.synthetic.recipe import BadRecipe, Column, compile_recipe, default

SPEC = {"person", "firm", "place", "span", "columns"}


@dataclass(frozen=True)
class Recipes:
    """What ``recipes/`` says: per dictionary field, and per item where it differs."""

    fields: Mapping[str, Any]
    items: Mapping[str, Mapping[str, Any]]

    @classmethod
    def load(cls, catalog: Catalog) -> Recipes:
        """The recipes of the package, for the units of this catalog. Those of items and fields that a district does not have
        are left alone: its own get their values by type, codes and example.

        Raises:
            BadRecipe: for an attribute that no recipe has.
        """
        folder = files(__package__) / "recipes"
        fields: dict[str, Any] = {}
        items: dict[str, Any] = {}
        street_offices = [u.id for u in catalog.units if u.id.startswith("jd_")]
        for file in sorted((folder / "fields").iterdir(), key=lambda f: f.name):
            for name, recipe in (_yaml(file) or {}).items():
                fields[name] = recipe
        for file in sorted((folder / "items").iterdir(), key=lambda f: f.name):
            unit = file.name.removesuffix(".yaml")
            units = street_offices if unit == "streets" else [unit]
            for name, spec in (_yaml(file) or {}).items():
                _check_spec(f"{file.name} {name}", spec)
                items.update({f"{u}.{name}": spec for u in units})
        return cls(fields, items)

    def of(self, item: Item) -> Mapping[str, Any]:
        return self.items.get(item.id, {})


def _yaml(file: Any) -> Any:
    return yaml.load(file.read_text("utf-8"), Loader=yaml.CSafeLoader)


def _check_spec(where: str, spec: Any) -> None:
    if not isinstance(spec, Mapping) or (unknown := set(spec) - SPEC):
        raise BadRecipe(
            f"recipes/items/{where}：只认识 {sorted(SPEC)}，实有 {spec if not isinstance(spec, Mapping) else sorted(unknown)}"
        )


@dataclass
class ItemColumns:
    """The columns of one item, compiled. ``rows`` is how many rows items hold at the scale asked for; ``as_of`` the date
    of the first night, up to which records are dated."""

    catalog: Catalog
    recipes: Recipes
    item: Item
    rows: Callable[[str], int]
    as_of: date
    district_seed: int = 0
    chain: tuple[str, ...] = ()  # the items that refer to this one, one after another
    _done: dict[str, str] = field(default_factory=dict)
    _open: list[str] = field(default_factory=list)

    @cached_property
    def spec(self) -> Mapping[str, Any]:
        found = self.recipes.of(self.item)
        if unknown := set(found.get("columns", {})) - set(self.item.columns):
            raise BadRecipe(f"{self.item.id}：没有列 {sorted(unknown)}")
        return found

    @cached_property
    def sql(self) -> dict[str, str]:
        """Column -> SQL of its true value."""
        return {name: self.sql_of(name) for name in self.item.columns}

    @cached_property
    def aliases(self) -> set[str]:
        """Which of ``p``, ``f``, ``h`` the columns and conditions are written over."""
        text = " ".join(self.sql.values())
        return {alias for alias in "pfh" if re.search(rf"\b{alias}\.", text)}

    def sql_of(self, name: str) -> str:
        if name not in self.item.columns:
            raise BadRecipe(f"{self.item.id}：没有列 {name}（after 应指本数据项的列）")
        if name in self._done:
            return self._done[name]
        if name in self._open:
            raise BadRecipe(f"{self.item.id}：列 {' → '.join([*self._open, name])} 互相依赖")
        self._open.append(name)
        sql = self.key.sql(name) or self._ordered(name, compile_recipe(self.recipe(name), self.column(name)))
        self._done[self._open.pop()] = sql
        return sql

    def recipe(self, name: str) -> Any:
        column = self.item.column(name)
        for found in (self.spec.get("columns", {}).get(name), self.recipes.fields.get(column.field.name)):
            if found is not None and not self._is_itself(found, name):
                return found
        return default(self.column(name))

    def _is_itself(self, recipe: Any, name: str) -> bool:
        """A field that refers to its register everywhere is numbered anew in the register itself."""
        return isinstance(recipe, Mapping) and recipe.get("of") == f"{self.item.id}.{name}"

    def column(self, name: str) -> Column:
        return Column(self.catalog, self.item, self.item.column(name), self.sql_of, self.reference)

    def _ordered(self, name: str, sql: str) -> str:
        """Never before the column that the item's rules want it after."""
        for use in self.item.rules:
            if use.rule == "dates_in_order" and use.columns[1] == name:
                kind = self.catalog.types[self.item.column(name).field.type].duckdb
                first = self.sql_of(use.columns[0])
                sql = f"CASE WHEN ({sql}) IS NOT NULL THEN CAST(greatest({sql}, {first}) AS {kind}) END"
        return sql

    def reference(self, target: str, salt: int, number: str = "") -> str:
        item_id, _, name = target.rpartition(".")
        if item_id not in self.catalog.items_by_id:
            raise BadRecipe(f"{self.item.id}：of {target!r} 应为 单位.数据项.列")
        other = self.other(item_id)
        sql = other.sql_of(name)
        if re.search(r"\b[pfh]\.", sql):
            raise BadRecipe(f"{self.item.id}：of {target!r} 指的列取决于人、单位或房屋，不能引用；只能引用编号")
        n = number or f"CAST(draw(r.k, {salt}) % {other.numbers()} AS BIGINT)"
        key = f"draw({other.seed}, {n})"
        sql = re.sub(
            r"\br\.(day|moment)\b",
            lambda m: other.day_sql(key) if m[1] == "day" else f"CAST({other.day_sql(key)} AS TIMESTAMP)",
            sql,
        )
        return re.sub(r"\br\.k\b", key, re.sub(r"\br\.[ne]\b", n, sql))

    def other(self, item_id: str) -> ItemColumns:
        """The columns of another item of the same district."""
        if item_id in self.chain:
            raise BadRecipe(f"{self.item.id}：of 互相引用：{' → '.join((*self.chain, self.item.id, item_id))}")
        item = self.catalog.items_by_id[item_id]
        return ItemColumns(
            self.catalog, self.recipes, item, self.rows, self.as_of, self.district_seed, (*self.chain, self.item.id)
        )

    def numbers(self) -> int:
        """How many different numbers the item's own serials have: one a row, or one a subject where rows share them."""
        rows = max(1, self.rows(self.item.id))
        return (
            max(1, -(-rows // (self.key.per_subject * self.key.periods()))) if self.key.subject == "numbered" else rows
        )

    @property
    def seed(self) -> int:
        return zlib.crc32(f"{self.district_seed}/{self.item.id}".encode())

    def day_sql(self, key: str) -> str:
        """The date of the row with this random key: even over the item's span."""
        span = self.spec.get("span", 365 if self.item.cycle in ("realtime", "daily") else 1460)
        if isinstance(span, int):
            return f"(DATE '{self.as_of}' - CAST(draw({key}, 3) % {span} AS INTEGER))"
        first, last = (date.fromisoformat(str(x)) for x in span)
        last = min(last, self.as_of)
        return f"(DATE '{last}' - CAST(draw({key}, 3) % {(last - first).days + 1} AS INTEGER))"

    @cached_property
    def key(self) -> Key:
        return Key(self)
