"""What differs between two versions of a catalog, and what a catalog holds in numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.catalog.declared import Declared


@dataclass(frozen=True)
class Difference:
    """One change: ``kind`` of declaration, its ``name``, ``change`` (added, removed, changed), and for a change the
    attribute with its value before and after."""

    kind: str
    name: str
    change: str
    attribute: str = ""
    before: Any = None
    after: Any = None


def compare(before: Catalog, after: Catalog) -> list[Difference]:
    """Every difference, by kind of declaration and name."""
    found: list[Difference] = []
    for kind, old, new in (
        ("unit", before.units_by_id, after.units_by_id),
        ("item", before.items_by_id, after.items_by_id),
        ("field", before.fields, after.fields),
        ("type", before.types, after.types),
        ("rule", before.rules, after.rules),
        ("codes", before.codes, after.codes),
        ("archetype", before.archetypes, after.archetypes),
        ("base", {b.table: b for b in before.bases}, {b.table: b for b in after.bases}),
        ("link", {k.table: k for k in before.links}, {k.table: k for k in after.links}),
        ("white_list", {w.table: w for w in (before.white_list,) if w}, {w.table: w for w in (after.white_list,) if w}),
        ("theme", {t.table: t for t in before.themes}, {t.table: t for t in after.themes}),
        ("channel", {c.name: c for c in before.channels}, {c.name: c for c in after.channels}),
    ):
        found += _declarations(kind, old, new)
    if before.district != after.district:
        found += _attributes("district", after.district.code, before.district, after.district)
    return found


def _declarations(kind: str, old: Mapping[str, Declared], new: Mapping[str, Declared]) -> Iterator[Difference]:
    for name in sorted(old.keys() | new.keys()):
        if name not in new:
            yield Difference(kind, name, "removed")
        elif name not in old:
            yield Difference(kind, name, "added")
        elif old[name] != new[name]:
            yield from _attributes(kind, name, old[name], new[name])


def _attributes(kind: str, name: str, old: Declared, new: Declared) -> Iterator[Difference]:
    before, after = old.model_dump(mode="json"), new.model_dump(mode="json")
    if kind == "codes":  # code by code: two whole lists side by side say nothing
        before, after = _by_code(before), _by_code(after)
    if kind == "item":  # column by column; that a dictionary field changed is said once, under the field
        for declared in (before, after):
            columns = declared["fields"]
            declared["fields"] = [column["name"] for column in columns]  # that they come in another order is a change
            declared |= {f"fields.{c['name']}": {**c, "field": c["field"]["name"]} for c in columns}
    for attribute in sorted(before.keys() | after.keys()):
        if before.get(attribute) != after.get(attribute):
            yield Difference(kind, name, "changed", attribute, before.get(attribute), after.get(attribute))


def _by_code(codes: dict[str, Any]) -> dict[str, Any]:
    spellings: dict[str, list[str]] = {code: [] for code in codes["titles"]}
    for spelling, code in codes["aliases"].items():
        spellings[code].append(spelling)
    return {f"code {c}": {"title": t, "spellings": sorted(spellings[c])} for c, t in codes["titles"].items()}


def stats(catalog: Catalog) -> dict[str, Any]:
    """The catalog in numbers; counts of items by their attributes use codes as keys."""
    items = catalog.items
    return {
        "units": len(catalog.units),
        "items": len(items),
        "records": sum(i.records or 0 for i in items),
        "columns": sum(len(i.fields) for i in items),
        "fields": len(catalog.fields),
        "types": len(catalog.types),
        "rules": len(catalog.rules),
        "code_lists": len(catalog.codes),
        "archetypes": len(catalog.archetypes),
        "base_tables": len(catalog.bases),
        "items_feeding_base": sum(bool(catalog.feeds(i)) for i in items),
        "open_items": sum(i.open for i in items),
        "by_share_type": _count(i.share.type for i in items),
        "by_cycle": _count(i.cycle for i in items),
        "by_availability": _count(i.availability for i in items),
        "by_classification": _count(i.classification for i in items),
        "by_grade": _count(str(i.grade) for i in items),
        "by_format": _count(i.source.format for i in items),
        "by_topic": _count(t for i in items for t in i.topics),
        "by_archetype": _count(i.archetype or "-" for i in items),
        "by_unit": {u.id: len(catalog.items_of(u.id)) for u in catalog.units},
    }


def _count(values: Iterator[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items(), key=lambda x: (-x[1], x[0])))
