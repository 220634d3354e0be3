"""Tables as a report holds them, whatever it is written as: the page and the workbook show the same ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["text", "code", "number", "count", "score", "gain", "share", "change", "date", "grade", "trend"]


@dataclass(frozen=True)
class Column:
    """``width``: characters of the column in a worksheet. A ``trend`` is a tuple of scores, oldest first."""

    title: str
    kind: Kind = "text"
    width: int = 12


@dataclass(frozen=True)
class Table:
    """``sheet``: name of its worksheet; ``nothing``: what to say when it has no rows; ``most``: rows on a page, the
    workbook has all of them."""

    name: str
    sheet: str
    title: str
    note: str
    nothing: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]
    most: int = 200


def shown(value: Any, kind: Kind) -> str:
    """A value as people read it."""
    if value is None or value == "":
        return "—"
    if kind == "number":
        return f"{value:g}"
    if kind == "count":
        return f"{value:,}"
    if kind == "score":
        return f"{value:.1f}"
    if kind == "gain":
        return f"+{value:.2f}" if value >= 0.005 else "<0.01"
    if kind == "share":
        return f"{100 * value:.2f}%"
    if kind == "change":
        return f"{value:+.1f}" if value else "0.0"
    if kind == "trend":
        return " → ".join(f"{v:.1f}" for v in value) or "—"
    return str(value)
