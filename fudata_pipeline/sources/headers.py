"""Names of delivered columns, as clean and as unique as DuckDB needs them."""

from __future__ import annotations

from collections.abc import Iterable

STAGING_COLUMNS = ("_line", "_malformed", "_text")
_EDGES = " \t\r\n\v\f\u3000\u00a0\u200b\ufeff"


def clean(cell: str) -> str:
    """A header cell without white space, full-width spaces and byte order marks at its ends."""
    return cell.strip(_EDGES)


def unique_headers(cells: Iterable[str]) -> tuple[str, ...]:
    """One name per column: empty ones become 列N; what repeats (regardless of case) gets _2, _3 …"""
    taken = set(STAGING_COLUMNS)
    names: list[str] = []
    for number, cell in enumerate(cells, 1):
        base = name = clean(cell) or f"列{number}"
        repeat = 1
        while name.lower() in taken:
            repeat += 1
            name = f"{base}_{repeat}"
        taken.add(name.lower())
        names.append(name)
    return tuple(names)
