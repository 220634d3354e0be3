"""Example rows of what is wrong, masked: a report goes through many hands, so no value is shown as it was delivered."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass

from duckdb import DuckDBPyConnection

from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.catalog.model import FieldDef, Item
from fudata_pipeline.engine.duckdb import session
from fudata_pipeline.engine.sql import identifier, literal, parquet
from fudata_pipeline.load.headers import map_headers
from fudata_pipeline.load.version import QUARANTINE, version_dir
from fudata_pipeline.project import Project
from fudata_pipeline.report.problems import Problem
from fudata_pipeline.sources import DeliveryRefused

EACH = 3
"""Rows shown of one problem."""

MOST = 40
"""Problems of a unit that are shown with rows: those with the most failures."""

MASKS = {
    "resident_id": "mask_resident_id",
    "phone": "mask_phone",
    "travel_document": "mask_passport",
    "date": "mask_date",
    "datetime": "mask_date",
}
"""Type of a field -> the macro that masks what was delivered in it."""

SHORT = 6
"""Digits of a number that may be shown: fewer than any number of a person or a telephone has."""


@dataclass(frozen=True)
class Example:
    """A row as delivered at ``line`` of the file: the columns that the rule concerns with their masked values."""

    problem: Problem
    line: int
    values: tuple[tuple[str, str], ...]

    @property
    def text(self) -> str:
        if not self.values:
            return "（整行无法按申报的列解析，内容不显示）"
        return "；".join(f"{title}：{value}" for title, value in self.values)


def find_examples(project: Project, problems: list[Problem]) -> list[Example]:
    """Rows in quarantine for each of the greatest problems; rows that were kept in spite of a warning are not shown."""
    by_load: defaultdict[str, list[Problem]] = defaultdict(list)
    for problem in [p for p in problems if p.quarantines][:MOST]:
        by_load[problem.load["load_id"]].append(problem)
    found: list[Example] = []
    with session(project.settings) as con:
        for some in by_load.values():
            path = version_dir(project, some[0].load) / QUARANTINE
            if path.exists():
                found += _of_load(con, project.catalog, str(parquet(path)), some)
    order = {id(p): n for n, p in enumerate(problems)}
    return sorted(found, key=lambda e: (order[id(e.problem)], e.line))


def _of_load(con: DuckDBPyConnection, catalog: Catalog, table: str, problems: list[Problem]) -> list[Example]:
    item = problems[0].item
    there = {row[0] for row in con.execute(f"DESCRIBE FROM {table}").fetchall()}
    shown = [f.name for f in item.fields if f.name in there and _may_show(catalog, f.field)]
    typed = ", ".join(f"{literal(c)}: CAST({identifier(c)} AS VARCHAR)" for c in shown)
    rows = con.execute(
        f"""SELECT broken, min_by({{line: _line, raw: _raw, typed: {f"{{{typed}}}" if typed else "NULL"}}}, _line, {EACH})
        FROM (SELECT *, unnest(_rules) AS broken FROM {table}) GROUP BY broken"""
    ).fetchall()
    by_rule = dict(rows)
    cells: list[tuple[Problem, int, list[tuple[str, str, str]]]] = []  # column, macro or nothing, text
    for problem in problems:
        # Rows of one key break a rule of the whole row: its count names the key, the row does not.
        names = (f"{problem.column}:{problem.rule.rule_id}", f":{problem.rule.rule_id}")
        for row in next((by_rule[n] for n in names if n in by_rule), []):
            cells.append((problem, row["line"], _cells(item, problem.column, json.loads(row["raw"]), row["typed"])))
    masked = _mask(con, {(macro, text) for _, _, some in cells for _, macro, text in some if macro})
    return [
        Example(problem, line, tuple((title, masked[macro, text] if macro else text) for title, macro, text in some))
        for problem, line, some in cells
    ]


def _cells(
    item: Item, columns: str, raw: dict[str, str | None], typed: dict[str, str | None] | None
) -> list[tuple[str, str, str]]:
    try:
        headers = map_headers(item, tuple(raw)).columns
    except DeliveryRefused:  # the item was declared anew since
        headers = {}
    found = []
    for name in filter(None, columns.split("+")):
        field = next((f for f in item.fields if f.name == name), None)
        if field is None:
            continue
        text = raw.get(headers.get(name, ""))
        value = (typed or {}).get(name)
        if text is None or not text.strip():
            found.append((field.title, "", "（空）"))
        elif value is not None and (field.field.codes or _is_date(value) or len(re.sub(r"\D", "", value)) <= SHORT):
            found.append((field.title, "", value))
        else:
            found.append((field.title, mask_of(field.field), text))
    return found


def _may_show(catalog: Catalog, field: FieldDef) -> bool:
    """Is a value of this field that was read as declared nobody's name? Codes of our lists, dates, numbers, yes and no."""
    return field.pi <= 2 and (bool(field.codes) or catalog.types[field.type].duckdb != "VARCHAR")


def _is_date(value: str) -> bool:
    return bool(re.match(r"\d{4}-\d\d-\d\d", value))


def mask_of(field: FieldDef) -> str:
    """The macro for what was delivered in a field.

    A wrong value may be anything, a name in the column of a code for example. So nothing goes without a mask; where
    the field does not say which, only the first character stays.
    """
    if macro := MASKS.get(field.type):
        return macro
    if "address" in field.name:
        return "mask_address"
    if field.name.endswith(("plate_no", "vehicle_no")):
        return "mask_plate"
    if field.type.endswith(("_code", "_no", "_id")) or field.type in ("serial", "uscc"):
        return "mask_card"
    return "mask_name"


def _mask(con: DuckDBPyConnection, wanted: set[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """(macro, text) -> the text masked; what the macro gives nothing for is hidden whole."""
    masked: dict[tuple[str, str], str] = {}
    for macro in sorted({macro for macro, _ in wanted}):
        texts = sorted(text for name, text in wanted if name == macro)
        rows = con.execute(f"SELECT t, {macro}(t) FROM (SELECT unnest(?::VARCHAR[]) AS t)", [texts]).fetchall()
        masked |= {(macro, text): value or "****" for text, value in rows}
    return masked


_NUMBERS = re.compile(r"(?<![0-9A-Za-z])(?:\d{17}[\dXx]|\d{15}|1[3-9]\d{9})(?![0-9A-Za-z])")


def without_numbers(text: str) -> str:
    """A message with whatever looks like the number of a person or a mobile hidden: it may quote a delivery's headers."""
    return _NUMBERS.sub(lambda found: found[0][:3] + "*" * (len(found[0]) - 3), text)
