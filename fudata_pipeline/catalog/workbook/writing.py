"""Declarations as the YAML files of ``catalog/``: the notation that the reader reads, and nothing it would fill in."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml

from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.catalog.model import Archetype, FieldDef, Item, ItemField, Share, Unit
from fudata_pipeline.catalog.notation import Columns
from fudata_pipeline.catalog.workbook.build import Builder


class _Flow(dict[str, Any]):
    """A mapping to be written on one line."""


class _FlowList(list[Any]):
    """A list to be written on one line."""


class _Dumper(yaml.SafeDumper):
    pass


_Dumper.add_representer(_Flow, lambda d, v: d.represent_mapping("tag:yaml.org,2002:map", v, flow_style=True))
_Dumper.add_representer(_FlowList, lambda d, v: d.represent_sequence("tag:yaml.org,2002:seq", v, flow_style=True))


def _dump(document: dict[str, Any], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    text = yaml.dump(document, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=160)
    target.write_text(text, "utf-8")


def _flow(value: Any) -> Any:
    if isinstance(value, dict):
        return _Flow({k: _flow(v) for k, v in value.items()})
    if isinstance(value, list | tuple):
        return _FlowList(_flow(v) for v in value)
    return value if isinstance(value, bool) else str(value)


def _share(share: Share) -> Any:
    if share.type == "unconditional":
        return share.type
    return _Flow({share.type: share.condition or share.legal_basis or ""})


def _pair(pair: tuple[str, str]) -> Any:
    return pair[0] if pair[0] == pair[1] else _FlowList(pair)


def _entry(column: ItemField, key: tuple[str, ...]) -> Any:
    field = column.field
    body: dict[str, Any] = {"field": field.name}
    if column.name != field.name:
        body["name"] = column.name
    if column.title != field.title:
        body["title"] = column.title
    if column.headers != (column.title,):
        body["headers"] = _flow(column.headers)
    if column.required != (column.name in key):
        body["required"] = column.required
    if column.share:
        body["share"] = _share(column.share)
    body |= {
        n: _flow(v)
        for n in ("optional_column", "min_filled", "open", "extra")
        if (v := getattr(column, n)) not in (None, {}, 0, False) or (n == "open" and v is False)
    }
    return field.name if len(body) == 1 else _Flow(body)


def _item(item: Item, kind: Archetype | None, columns: Columns) -> dict[str, Any]:
    body: dict[str, Any] = {"title": item.title, "code": item.code, "summary": item.summary}
    for name in ("department", "system", "archetype", "cycle", "open_condition", "related", "latest_by"):
        if (value := getattr(item, name)) is not None:
            body[name] = value
    body["share"] = _share(item.share)
    if item.open:
        body["open"] = True
    for name, default in (("classification", "general"), ("availability", "available")):
        if getattr(item, name) != default:
            body[name] = getattr(item, name)
    if item.topics:
        body["topics"] = _flow(item.topics)
    if item.published:
        body["published"] = item.published.isoformat()
    if item.records is not None:
        body["records"] = item.records
    body["key"] = _flow(item.key)
    given = {c.name: c for c in columns.of(kind.fields, item.key)} if kind else {}
    own = [c for c in item.fields if given.get(c.name) != c]
    # The archetype's columns stand first and in its order; anything else is written out in full.
    order = [n for n in given if n in item.columns] + [c.name for c in own if c.name not in given]
    rules = list(item.rules)
    if kind and order == list(item.columns) and rules[: len(kept := _rules_of(kind, item))] == kept:
        body["fields"] = [_entry(c, item.key) for c in own]
        if missing := [n for n in given if n not in item.columns]:
            body["omit"] = _flow(missing)
        rules = rules[len(kept) :]
        if kind.latest_by and item.latest_by is None:
            body.pop("archetype")
    else:
        body.pop("archetype", None)
    if "archetype" not in body:
        body["fields"] = [_entry(c, item.key) for c in item.fields]
        body.pop("omit", None)
        rules = list(item.rules)
    if rules:
        body["rules"] = [_flow(u.model_dump(mode="json", exclude_defaults=True)) for u in rules]
    body["source"] = _flow(item.source.model_dump(mode="json", exclude_defaults=True))
    if item.load.merges:
        body["load"] = _flow({"append": item.load.by}) if item.load.by else item.load.mode
    if drift := item.drift.model_dump(mode="json", exclude_defaults=True):
        body["drift"] = _flow(drift)
    if bounds := item.bounds.model_dump(exclude_defaults=True):
        body["bounds"] = _flow(bounds)
    if item.example:
        body["example"] = _Flow({k: _pair(v) for k, v in item.example.items()})
    if item.examples:
        body["examples"] = [_flow(e.model_dump(mode="json", exclude_defaults=True)) for e in item.examples]
    if item.extra:
        body["extra"] = _flow(item.extra)
    return body


def _rules_of(kind: Archetype, item: Item) -> list[Any]:
    return [u for u in kind.rules if set(item.columns).issuperset(u.columns)]


def _field(field: FieldDef) -> _Flow:
    body: dict[str, Any] = {"title": field.title, "type": field.type}
    for name in ("codes", "unit", "standard", "min", "max"):
        if (value := getattr(field, name)) is not None:
            body[name] = value
    if field.pi != 1:
        body["pi"] = str(field.pi)
    if field.example:
        body["example"] = _pair(field.example)
    return _Flow(body)


def write_declarations(target: Path, known: Catalog, shared: Path, built: Builder) -> None:
    """Write a catalog folder: types, rules, codes and used archetypes as in ``shared``; the rest as built.

    Raises:
        OSError: the folder cannot be written.
    """
    units, items, fields = list(built.units.values()), built.items, built.fields.fields
    target.mkdir(parents=True, exist_ok=True)
    for folder in ("items", "fields", "codes"):  # what an earlier import wrote must not stay beside the new
        shutil.rmtree(target / folder, ignore_errors=True)
    for name in ("types.yaml", "rules.csv"):
        shutil.copyfile(shared / name, target / name)
    shutil.copytree(shared / "codes", target / "codes", dirs_exist_ok=True)
    used = {i.archetype for i in items}
    kinds = {n: k for n, k in known.archetypes.items() if n in used}
    _dump({"archetypes": {n: _archetype(k) for n, k in kinds.items()}}, target / "archetypes.yaml")
    _dump({"units": [_unit(u) for u in units]}, target / "units.yaml")
    needed = {f.field.name for i in items for f in i.fields}
    by_file: dict[str, dict[str, _Flow]] = {}
    for name, field in fields.items():
        if name in needed:
            by_file.setdefault(built.fields.files[name], {})[name] = _field(field)
    for file, declared in by_file.items():
        _dump({"fields": declared}, target / file)
    columns = Columns(known.fields | fields)  # an archetype may speak of fields that every item of it omits
    for unit in units:
        body = {i.name: _item(i, kinds.get(i.archetype or ""), columns) for i in items if i.unit == unit.id}
        if body:
            classes = _Flow(unit.classes)
            _dump(
                {"unit": unit.id, **({"classes": classes} if classes else {}), "items": body},
                target / "items" / f"{unit.id}.yaml",
            )


def _archetype(kind: Archetype) -> dict[str, Any]:
    body: dict[str, Any] = {"title": kind.title, "fields": _flow(list(kind.fields)), "key": _flow(kind.key)}
    if kind.latest_by:
        body["latest_by"] = kind.latest_by
    if kind.rules:
        body["rules"] = [_flow(u.model_dump(mode="json", exclude_defaults=True)) for u in kind.rules]
    return body


def _unit(unit: Unit) -> _Flow:
    body: dict[str, Any] = {n: getattr(unit, n) for n in ("id", "number", "name", "short", "kind", "uscc")}
    if unit.block_data:
        body["block_data"] = True
    return _Flow(body)
