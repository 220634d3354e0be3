"""Defects found, missed and falsely alarmed, per rule and per unit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from duckdb import DuckDBPyConnection

from fudata_pipeline.accuracy.deliveries import Delivered
from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.catalog.model import Item
from fudata_pipeline.engine.sql import parquet
from fudata_pipeline.load.version import QUARANTINE
from fudata_pipeline.synthetic.defects import KINDS

Counts = dict[str, int]


def _blank() -> Counts:
    return {"found": 0, "missed": 0, "false_alarms": 0}


def _rates(counts: Counts) -> dict[str, Any]:
    found, missed, false = (counts[name] for name in ("found", "missed", "false_alarms"))
    return counts | {
        "recall": round(found / (found + missed), 4) if found + missed else None,
        "precision": round(found / (found + false), 4) if found + false else None,
    }


def expected_rule(catalog: Catalog, item: Item, kind: str, column: str | None) -> str:
    """The rule that must find a defect; empty for what no rule is meant to find."""
    if kind == "out_of_order":
        return "superseded"
    if kind not in KINDS or column is None:
        return ""
    rules = KINDS[kind].expects
    own = item.column(column).field.type
    return own if own in rules else rules[0] if rules else ""


def score_defects(con: DuckDBPyConnection, catalog: Catalog, loads: Iterable[Delivered]) -> dict[str, Any]:
    """Scores over the loads given.

    Rows that a rule sets aside are compared line by line. Rules that only warn leave no mark on the row, so for those the
    counts are compared: what is reported beyond the true number counts as false alarms.
    """
    rules: dict[str, Counts] = defaultdict(_blank)
    units: dict[str, Counts] = defaultdict(_blank)
    files = _blank()
    clean = 0
    for load in loads:
        item = catalog.items_by_id.get(load.item)
        if item is None:
            continue
        if load.expects or not load.load["rows_in"]:
            hit = load.expects and f"（{load.expects}）" in (load.load["reason"] or "")
            files["found" if hit else "missed" if load.expects else "false_alarms"] += 1
            continue
        if not (load.version / QUARANTINE).exists():
            continue
        clean += _score_load(con, catalog, item, load, rules, units)
    total = _blank()
    for counts in rules.values():
        for name, number in counts.items():
            total[name] += number
    scored = _rates(total)
    return {
        "recall": scored["recall"],
        "precision": scored["precision"],
        "false_alarm_rate": round(total["false_alarms"] / clean, 6) if clean else None,
        "rules": {rule: _rates(counts) for rule, counts in sorted(rules.items())},
        "units": {unit: _rates(counts) for unit, counts in sorted(units.items())},
        "files": _rates(files),
    }


def _score_load(
    con: DuckDBPyConnection,
    catalog: Catalog,
    item: Item,
    load: Delivered,
    rules: dict[str, Counts],
    units: dict[str, Counts],
) -> int:
    """Add one load's counts; returns its rows without any defect."""

    def add(rule: str, what: str, number: int) -> None:
        if number > 0:
            rules[rule][what] += number
            units[item.unit][what] += number

    rows = con.execute(
        f'SELECT t.kind, t."column", q._rules AS broken, t.line IS NOT NULL AS told, coalesce(t.copy, FALSE), count(*) AS n '
        f'FROM (SELECT line, kind, "column", copy FROM {parquet(load.truth)} WHERE kind IS NOT NULL OR copy) t '
        f"FULL JOIN (SELECT _line AS line, list_sort(list_transform(_rules, lambda x: string_split(x, ':')[-1])) AS _rules "
        f"FROM {parquet(load.version / QUARANTINE)}) q USING (line) GROUP BY ALL"
    ).fetchall()
    warned: Counts = defaultdict(int)
    told = copies = 0
    for kind, column, broken, known, copy, number in rows:
        told += number if known else 0
        rule = expected_rule(catalog, item, kind, column) if known else ""
        severity = catalog.rules_by_id[rule].severity if rule else ""
        copies += number if copy and not broken else 0
        if severity == "quarantine":
            add(rule, "found" if rule in (broken or ()) else "missed", number)
        elif severity:
            warned[rule] += number
        if broken and severity != "quarantine":
            add(broken[0], "false_alarms", number)
    add("exact_duplicate", "found", min(copies, load.load["rows_duplicate"]))
    add("exact_duplicate", "missed", copies - load.load["rows_duplicate"])
    add("exact_duplicate", "false_alarms", load.load["rows_duplicate"] - copies)
    reported: Counts = defaultdict(int)
    for rule in load.load["rules"]:
        if catalog.rules_by_id[rule["rule"]].severity in ("warn", "info"):
            reported[rule["rule"]] += rule["failed"]
    for use in item.rules:  # a fault in one of the columns that a rule compares may break that rule too
        beside = sum(
            n
            for kind, column, _, known, _, n in rows
            if known and column in use.columns and expected_rule(catalog, item, kind, column) != use.rule
        )
        reported[use.rule] = max(min(reported[use.rule], warned[use.rule]), reported[use.rule] - beside)
    for name in {*warned, *reported}:
        add(name, "found", min(warned[name], reported[name]))
        add(name, "missed", warned[name] - reported[name])
        add(name, "false_alarms", reported[name] - warned[name])
    return int(load.load["rows_in"]) - told
