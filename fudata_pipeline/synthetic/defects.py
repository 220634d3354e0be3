"""Defects with truth: what is done to a column's value, where it applies, and which rule must find it.

A row bears at most one defect, so that what the pipeline says about it can be judged. Kinds fall into faults (a rule must
find them), spellings (the value must come out right all the same) and silent ones (sound by every rule, and wrong).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.catalog.model import Item, ItemField
from fudata_pipeline.engine.sql import literal

ID_TYPES = ("resident_id", "uscc")
CODES = ("house_code", "building_code", "grid_code")
DATE_STYLES = ("%Y年%-m月%-d日", "%Y.%-m.%-d", "%Y/%-m/%-d")
ADDRESSES = {"address", "biz_address", "reg_address", "building_address", "facility_address"}


@dataclass(frozen=True)
class Place:
    """Where a defect is put: the column, its value as delivered text (``text``) and its true value (``value``), in SQL."""

    item: Item
    field: ItemField
    text: str
    value: str
    texts: Mapping[str, str]
    """Every column's delivered text."""
    values: Mapping[str, str]


@dataclass(frozen=True)
class Kind:
    """A kind of defect. ``expects``: rules of which at least one must be broken; none: it must pass.

    ``typed``: the damaged value is still of the column's type, so that a typed file can hold it.
    """

    group: str  # fault, spelling, silent
    applies: Callable[[Catalog, Item, ItemField], bool]
    damage: Callable[[Place], str]
    expects: tuple[str, ...] = ()
    typed: bool = False
    also: Callable[[Place], dict[str, str]] | None = None  # other columns that change with it


def _type(*types: str) -> Callable[[Catalog, Item, ItemField], bool]:
    return lambda catalog, item, field: field.field.type in types


def _pair(item: Item, rule: str, name: str, position: int) -> tuple[str, ...] | None:
    """The columns of the item's row rule of which ``name`` is the one at ``position``."""
    return next((u.columns for u in item.rules if u.rule == rule and u.columns[position] == name), None)


def _in_rule(rule: str, position: int) -> Callable[[Catalog, Item, ItemField], bool]:
    return lambda catalog, item, field: _pair(item, rule, field.name, position) is not None


def _other(place: Place, rule: str, position: int, other: int) -> str:
    pair = _pair(place.item, rule, place.field.name, position)
    assert pair is not None
    return place.values[pair[other]]


def _beyond(place: Place) -> str:
    field = place.field.field
    return literal(float(field.max) * 10 + 1) if field.max else literal(float(field.min or 0) - 7)


def _free(item: Item, field: ItemField) -> bool:
    """Not a key column, and in no rule that compares columns: a changed value breaks nothing else."""
    return field.name not in item.key and not any(field.name in use.columns for use in item.rules)


def _bounded(catalog: Catalog, item: Item, field: ItemField) -> bool:
    kind = field.field.type
    return kind in ("integer", "decimal", "double") and bool(field.field.min or field.field.max) and _free(item, field)


KINDS: dict[str, Kind] = {
    "missing": Kind("fault", lambda c, i, f: f.required, lambda p: "NULL", ("required",), typed=True),
    "placeholder": Kind(
        "fault", lambda c, i, f: f.field.type == "name" and _free(i, f),
        lambda p: "(['测试', '无', '未知', '不详'])[1 + CAST(draw(r.k, 901) % 4 AS INTEGER)]", ("placeholder",), typed=True,
    ),
    "wrong_check": Kind(
        "fault", _type(*ID_TYPES),
        lambda p: f"left({p.value}, 17) || CASE right({p.value}, 1) WHEN '3' THEN '4' ELSE '3' END", ID_TYPES, typed=True,
    ),
    "swapped": Kind(
        "fault", lambda c, i, f: f.field.type == "resident_id" and f.name == "resident_id" and "person_name" in i.columns,
        lambda p: p.texts["person_name"], ("resident_id",), typed=True, also=lambda p: {"person_name": p.text},
    ),
    "id_as_number": Kind(
        "fault", lambda c, i, f: f.field.type == "resident_id" and i.source.format in ("csv", "excel"),
        lambda p: f"left({p.value}, 1) || '.' || substr({p.value}, 2, 14) || 'E+17'", ("id_as_number",),
    ),
    "unknown_code": Kind("fault", lambda c, i, f: f.field.codes is not None and _free(i, f), lambda p: "'待核实类'", ("code",), typed=True),
    "bad_date": Kind("fault", lambda c, i, f: f.field.type in ("date", "datetime") and _free(i, f), lambda p: "'2022-13-45'", ("type",)),
    "bad_number": Kind("fault", lambda c, i, f: f.field.type in ("integer", "decimal", "double") and _free(i, f), lambda p: "'约若干'", ("type",)),
    "out_of_range": Kind("fault", _bounded, _beyond, ("range",), typed=True),
    "dates_reversed": Kind(
        "fault", _in_rule("dates_in_order", 1),
        lambda p: f"CASE WHEN {p.value} IS NOT NULL THEN strftime(CAST({_other(p, 'dates_in_order', 1, 0)} AS DATE) - 40, '%Y-%m-%d') END",
        ("dates_in_order",), typed=True,
    ),
    "short_code": Kind("fault", lambda c, i, f: f.field.type in CODES, lambda p: f"left({p.value}, length({p.value}) - 1)", CODES, typed=True),
    "birth_mismatch": Kind(
        "fault", lambda c, i, f: _in_rule("birth_matches_id", 0)(c, i, f) and f.name not in i.key,
        lambda p: f"strftime({p.value} - 31, '%Y-%m-%d')", ("birth_matches_id",), typed=True,
    ),
    "sex_mismatch": Kind(
        "fault", lambda c, i, f: _in_rule("sex_matches_id", 0)(c, i, f) and f.name not in i.key,
        lambda p: f"CASE {p.value} WHEN '1' THEN '2' ELSE '1' END", ("sex_matches_id",), typed=True,
    ),
    "house_mismatch": Kind(
        "fault", lambda c, i, f: _in_rule("house_in_building", 1)(c, i, f) and f.name not in i.key,
        lambda p: f"CASE WHEN {_other(p, 'house_in_building', 1, 0)} IS NOT NULL AND {p.value} IS NOT NULL THEN left({p.value}, 14) || "
                  f"CASE substr({p.value}, 15) WHEN '00099' THEN '00098' ELSE '00099' END ELSE {p.text} END",
        ("house_in_building",), typed=True,
    ),
    "wrong_phone": Kind("fault", lambda c, i, f: f.field.type == "phone" and _free(i, f), lambda p: "'12345'", ("phone",), typed=True),
    "full_width": Kind(
        "spelling", _type("resident_id", "uscc", "phone", "decimal", "integer", "house_code"),
        lambda p: f"translate({p.text}, '0123456789', '０１２３４５６７８９')",
    ),
    "lower_x": Kind("spelling", _type("resident_id"), lambda p: f"lower({p.text})", typed=True),
    "trailing_blank": Kind("spelling", _type("resident_id", "uscc", "phone", "name", "house_code"), lambda p: f"{p.text} || '  '", typed=True),
    "id_15": Kind(
        "spelling", lambda c, i, f: f.field.type == "resident_id",
        lambda p: f"CASE WHEN substr({p.value}, 7, 2) = '19' AND substr({p.value}, 15, 3) < '990' THEN left({p.value}, 6) || substr({p.value}, 9, 9) ELSE {p.text} END",
        typed=True,
    ),
    "date_style": Kind(
        "spelling", _type("date"),
        lambda p: f"CASE draw(r.k, 902) % 3 {' '.join(f'WHEN {n} THEN strftime({p.value}, {literal(style)})' for n, style in enumerate(DATE_STYLES))} END",
    ),
    "code_alias": Kind("spelling", lambda c, i, f: f.field.codes is not None, lambda p: p.text, typed=True),  # see Defects
    "phone_86": Kind("spelling", _type("phone"), lambda p: f"CASE WHEN {p.text} LIKE '1%' THEN '+86 ' || {p.text} ELSE {p.text} END", typed=True),
    "thousands": Kind(
        "spelling", _type("decimal", "integer"),
        lambda p: f"CASE WHEN abs({p.value}) >= 1000 THEN format('{{:,}}', CAST({p.value} AS BIGINT)) || CASE WHEN {p.value} % 1 = 0 THEN '' ELSE right(CAST({p.value} AS VARCHAR), 3) END ELSE {p.text} END",
    ),
    "no_id": Kind(
        "silent", lambda c, i, f: f.field.type == "resident_id" and not f.required and f.name not in i.key, lambda p: "NULL", typed=True
    ),
    "name_typo": Kind(
        "silent", lambda c, i, f: f.field.name == "person_name" and _free(i, f),
        lambda p: f"left({p.value}, 1) || given_char(draw(r.k, 903), '1') || substr({p.value}, 3)", typed=True,
    ),
    "rare_character": Kind(
        "silent", lambda c, i, f: f.field.name == "person_name" and _free(i, f),
        lambda p: f"left({p.value}, 1) || (['𠮷', '㛃', '䶮', '堃', '喆'])[1 + CAST(draw(r.k, 904) % 5 AS INTEGER)]", typed=True,
    ),
    "stale_place": Kind("silent", lambda c, i, f: f.field.type in ("house_code", "building_code"), lambda p: p.text, typed=True),  # see Rows
    "place_alias": Kind(
        "silent", lambda c, i, f: f.field.name in ADDRESSES,
        lambda p: f"replace(translate({p.value}, '嘴厦', '咀下'), '社区', CASE draw(r.k, 905) % 2 WHEN 0 THEN '居委会' ELSE '' END)", typed=True,
    ),
    "short_address": Kind(
        "silent", lambda c, i, f: f.field.name in ADDRESSES,
        lambda p: f"regexp_replace({p.value}, '^深圳市福田区[^街]+街道([^区]+社区)?', CASE draw(r.k, 906) % 3 WHEN 0 THEN '' WHEN 1 THEN '福田' ELSE '福田区' END)",
        typed=True,
    ),
    "reordered_address": Kind(
        "silent", lambda c, i, f: f.field.name in ADDRESSES,
        lambda p: f"regexp_replace({p.value}, '^(深圳市福田区)([^街]+街道[^区]+社区)(.+号)(.+)$', '\\4(\\3)\\1')", typed=True,
    ),
    "wrong_grid": Kind(
        "silent", lambda c, i, f: f.field.type == "grid_code" and f.name not in i.key and "building_code" not in i.key,
        lambda p: f"left({p.value}, 12) || CASE right({p.value}, 3) WHEN '001' THEN '002' ELSE '001' END", typed=True,
    ),
    "code_system": Kind(  # the street part of another code system, facts 2.1
        "silent", lambda c, i, f: f.field.type in ("house_code", "building_code") and f.name not in i.key
        and not any(f.name in u.columns for u in i.rules),
        lambda p: f"left({p.value}, 6) || CASE substr({p.value}, 7, 3) WHEN '011' THEN '009' WHEN '009' THEN '008' WHEN '010' THEN '009' ELSE '010' END || substr({p.value}, 10)",
        typed=True,
    ),
    "conflicting_value": Kind(
        "silent", lambda c, i, f: f.field.name in ("phone", "education", "person_name", "entity_name") and f.name not in i.key,
        lambda p: {
            "phone": "made_phone(draw(r.k, 907))", "education": "CASE draw(r.k, 908) % 3 WHEN 0 THEN '31' WHEN 1 THEN '61' ELSE '21' END",
            "person_name": f"left({p.value}, 1) || given_name(draw(r.k, 909), '2')", "entity_name": f"replace({p.value}, '有限公司', '(深圳)有限公司')",
        }[p.field.field.name], typed=True,
    ),
}  # fmt: skip

ROW_KINDS = ("exact_duplicate", "fuzzy_duplicate", "out_of_order")
"""Defects that are a whole further row."""

SMALL = 20
"""Below this many rows an item bears no faults: one of ten rows refused would be its whole load."""


@dataclass(frozen=True)
class Defect:
    """One kind at one column of an item; rows bear it by its ``number``, ``per_million`` of them."""

    number: int
    kind: str
    column: str
    per_million: float

    @property
    def group(self) -> str:
        return KINDS[self.kind].group


class Profile:
    """The declared recipe of defects: rates by unit."""

    def __init__(self, declared: Mapping[str, Any]) -> None:
        self.declared = declared
        self.files: Mapping[str, float] = declared["files"]
        self.nights: Mapping[str, float] = declared["nights"]

    def rates(self, item: Item) -> Mapping[str, float]:
        """Rows per million by kind for an item of this unit."""
        name = "devices" if item.archetype == "reading" else self.declared["units"].get(item.unit, "spreadsheets")
        rates: Mapping[str, float] = self.declared[name]
        return rates

    def defects(self, catalog: Catalog, item: Item, rows: int, *, typed: bool) -> list[Defect]:
        """What the rows of an item may bear; a kind's rate is shared among the columns it applies to."""
        found: list[Defect] = []
        for kind, rate in self.rates(item).items():
            if (
                kind in ROW_KINDS
                or (KINDS[kind].group == "fault" and rows < SMALL)
                or (typed and not KINDS[kind].typed)
            ):
                continue
            columns = [f for f in item.fields if KINDS[kind].applies(catalog, item, f)]
            for field in columns:
                if not (typed and kind == "out_of_range" and field.field.type == "decimal"):
                    found.append(Defect(len(found) + 1, kind, field.name, rate / len(columns)))
        return found


def alias_sql(catalog: Catalog, field: ItemField, value: str) -> str | None:
    """SQL of a code's value in one of the other spellings its list knows; None if it knows none."""
    codes = catalog.codes[field.field.codes or ""]
    other = {}
    for alias, code in codes.aliases.items():
        if alias not in (code, codes.titles[code]) and code not in other:
            other[code] = alias
    if not other or len(other) > 120:
        return None
    whens = " ".join(f"WHEN {literal(code)} THEN {literal(alias)}" for code, alias in other.items())
    return f"CASE {value} {whens} ELSE {value} END"
