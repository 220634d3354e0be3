"""Rows of a delivery, what was done to them, and what must become of them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

QUARANTINED = {
    "id_as_number": "id_as_number", "id_wrong_check": "resident_id", "id_no_such_day": "resident_id",
    "id_placeholder": "resident_id", "uscc_wrong_check": "uscc", "name_placeholder": "placeholder",
    "unknown_code": "code", "missing_required": "required", "total_row": "required", "bad_date": "type",
    "bad_number": "type", "out_of_range": "range", "dates_reversed": "dates_in_order",
    "house_code_short": "house_code", "building_code_short": "building_code", "grid_code_short": "grid_code",
    "too_few_columns": "malformed_line", "too_many_columns": "malformed_line", "invalid_json": "malformed_line",
    "key_conflict": "unique_key", "superseded": "superseded",
}  # fmt: skip
"""Defects that set a row aside, and the rule that must find each. A damaged row carries exactly one of them."""

WARNED = {
    "phone_wrong": "phone", "birth_mismatch": "birth_matches_id", "sex_mismatch": "sex_matches_id",
    "house_mismatch": "house_in_building",
}  # fmt: skip
"""Defects that the row survives, and the rule that must count each."""

DUPLICATE = "duplicate_row"
"""An exact copy: dropped, not quarantined. Every other kind is a spelling that must be read correctly."""


@dataclass
class Row:
    """One record. ``cells`` by header; ``entities``: base table -> key, which it brings there if accepted."""

    cells: dict[str, Any]
    entities: dict[str, str] = field(default_factory=dict)
    kinds: list[str] = field(default_factory=list)
    line: list[Any] | str | None = None  # what is written instead of the cells, where the line is malformed

    @property
    def fate(self) -> str:
        if DUPLICATE in self.kinds:
            return "duplicate"
        return "quarantined" if QUARANTINED.keys() & set(self.kinds) else "accepted"


Change = Callable[[Row], None]
Test = Callable[[Row], bool]


class Sheet:
    """The rows of one delivery while they are being spoilt."""

    def __init__(self, rng: Random, headers: list[str], rows: list[Row]) -> None:
        self.rng = rng
        self.headers = headers
        self.rows = rows
        self._damaged: set[int] = set()

    def _pick(self, count: int, test: Test | None) -> list[Row]:
        whole = [
            r for r in self.rows if id(r) not in self._damaged and r.fate == "accepted" and (test is None or test(r))
        ]
        assert len(whole) >= count, (count, len(whole))
        return self.rng.sample(whole, count)

    def damage(self, kind: str, count: int, change: Change, test: Test | None = None) -> None:
        """Spoil ``count`` rows that are whole so far; each damaged row stays with this one damage."""
        for row in self._pick(count, test):
            change(row)
            row.kinds.append(kind)
            self._damaged.add(id(row))

    def spell(self, kind: str, count: int, change: Change, test: Test | None = None) -> None:
        """Write something in ``count`` undamaged rows differently, without changing what it says."""
        for row in self._pick(count, test):
            change(row)
            row.kinds.append(kind)

    def repeat(self, count: int) -> None:
        """Exact copies of rows, somewhere below them."""
        for row in self._pick(count, None):
            self._damaged.add(id(row))
            self._insert(Row(dict(row.cells), dict(row.entities), [DUPLICATE]), row)

    def conflict(self, count: int, change: Change) -> None:
        """Second versions of rows between which nothing decides: both sides are set aside."""
        for row in self._pick(count, None):
            other = Row(dict(row.cells), dict(row.entities), ["key_conflict"])
            change(other)
            row.kinds.append("key_conflict")
            self._damaged.add(id(row))
            self._insert(other, row)

    def older(self, count: int, change: Change) -> None:
        """Older versions of rows, which ``latest_by`` passes over."""
        for row in self._pick(count, None):
            other = Row(dict(row.cells), dict(row.entities), ["superseded"])
            change(other)
            self._damaged.add(id(row))
            self._insert(other, row)

    def _insert(self, row: Row, after: Row) -> None:
        self._damaged.add(id(row))
        at = next(i for i, r in enumerate(self.rows) if r is after)
        self.rows.insert(self.rng.randrange(at + 1, len(self.rows) + 1), row)

    def short_lines(self, count: int, cut: int) -> None:
        def change(row: Row) -> None:
            row.line = [row.cells[h] for h in self.headers][:-cut]

        self.damage("too_few_columns", count, change)

    def long_lines(self, count: int) -> None:
        """A comma inside a value that nobody quoted."""

        def change(row: Row) -> None:
            row.line = [*(row.cells[h] for h in self.headers), "另见备注"]

        self.damage("too_many_columns", count, change)

    def copy(self) -> Sheet:
        """For the next night, in which whole rows may be changed further."""
        other = Sheet(self.rng, list(self.headers), copy.deepcopy(self.rows))
        other._damaged = {id(new) for old, new in zip(self.rows, other.rows, strict=True) if id(old) in self._damaged}
        return other


def put(header: str, value: Any) -> Change:
    """A change that sets one cell, to a value or to a function of the old one."""

    def change(row: Row) -> None:
        row.cells[header] = value(row.cells[header]) if callable(value) else value

    return change


def filled(header: str) -> Test:
    return lambda row: row.cells.get(header) not in (None, "")
