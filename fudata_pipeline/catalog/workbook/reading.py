"""The cells of a catalog workbook: header found and named, merged cells filled, rows gathered into resources."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from fudata_pipeline.catalog.workbook.layout import BY_TITLE, HEADS, Head, spelling

_HEADER_WITHIN = 20
"""Rows from the top in which the header must stand."""


class NotACatalogWorkbook(Exception):
    """The file cannot be read as a catalog workbook; the message says why and what to do."""


@dataclass(frozen=True)
class Doubt:
    """A cell that could not be taken at its word: where, what is wrong, and what was done instead."""

    sheet: str
    cell: str
    message: str
    taken: str

    def __str__(self) -> str:
        return f"{self.sheet}!{self.cell} {self.message} → {self.taken}"


@dataclass
class Resource:
    """One catalog entry: its cells by header, and those of each of its fields."""

    row: int
    cells: dict[str, str] = field(default_factory=dict)
    columns: list[dict[str, str]] = field(default_factory=list)
    rows: list[tuple[int, list[str]]] = field(default_factory=list, repr=False)


@dataclass
class Workbook:
    """What a workbook holds. ``places``: header -> column number, 0-based; ``local``: headers the template lacks."""

    sheet: str
    resources: list[Resource]
    places: dict[str, int]
    local: tuple[str, ...]
    tables: dict[str, list[dict[str, str]]]
    doubts: list[Doubt] = field(default_factory=list)

    def cell(self, row: int, title: str) -> str:
        """A1 name of the cell in a row (0-based) under a header."""
        return f"{_letters(self.places.get(title, 0))}{row + 1}"

    def doubt(self, row: int, title: str, message: str, taken: str) -> None:
        self.doubts.append(Doubt(self.sheet, self.cell(row, title), f"[{title}] {message}", taken))


def read_workbook(path: Path) -> Workbook:
    """Read ``path`` (.xlsx, .xls, .et).

    Raises:
        NotACatalogWorkbook: not a workbook, or no sheet has the template's header.
        OSError: the file cannot be opened.
    """
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError

    try:
        with path.open("rb") as stream, CalamineWorkbook.from_filelike(stream) as book:
            sheets = {name: book.get_sheet_by_name(name) for name in book.sheet_names}
            grids = {
                name: [[_text(c) for c in row] for row in sheet.to_python(skip_empty_area=False)]
                for name, sheet in sheets.items()
            }
            merged = {name: list(sheet.merged_cell_ranges or ()) for name, sheet in sheets.items()}
    except PasswordError:
        raise NotACatalogWorkbook(f"{path.name} 设有密码 → 去掉密码后重试") from None
    except CalamineError:
        raise NotACatalogWorkbook(f"{path.name} 不是可读的工作簿 → 用电子表格软件另存为 xlsx 后重试") from None
    found = [(name, at) for name, grid in grids.items() if (at := _header_row(grid)) is not None]
    if not found:
        raise NotACatalogWorkbook(
            f"{path.name} 的 {'、'.join(grids)} 中没有目录表头（信息资源名称、信息资源提供方）→ 使用政务信息资源目录模板"
        )
    name, top = found[0]
    grid = grids[name]
    others = [
        Doubt(n, f"A{at + 1}", "该工作表也有目录表头", "未读入，请另存为单独的工作簿再导入") for n, at in found[1:]
    ]
    starts = _fill(grid, merged[name])
    heads, places, local, deep = _heads(grid, top)
    tables = {n: _table(g) for n, g in grids.items() if n != name}
    book_read = Workbook(name, [], places, local, tables, others)
    _gather(book_read, grid, starts, deep, heads)
    return book_read


def _text(cell: Any) -> str:
    """A cell as text: whole numbers without ".0", dates as ISO text."""
    if isinstance(cell, bool):
        return "是" if cell else "否"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat() if cell.time() == dt.time() else cell.isoformat(" ")
    return str(cell).strip() if cell is not None else ""


def _header_row(grid: list[list[str]]) -> int | None:
    wanted = {"信息资源名称", "资源名称", "目录名称"}
    for number, row in enumerate(grid[:_HEADER_WITHIN]):
        names = {spelling(c) for c in row}
        if names & wanted and any("提供方" in n for n in names):
            return number
    return None


def _fill(grid: list[list[str]], merged: list[Any]) -> dict[tuple[int, int], int]:
    """Give every cell of a merged range its value; returns, for each such cell, the range's first row."""
    starts: dict[tuple[int, int], int] = {}
    for (top, left), (bottom, right) in merged:
        if top >= len(grid) or left >= len(grid[top]):  # cells merged where nothing was ever written
            continue
        value = grid[top][left]
        for row in range(top, bottom + 1):
            for at in range(left, right + 1):
                if row < len(grid) and at < len(grid[row]):
                    grid[row][at] = value
                    starts[row, at] = top
    return starts


def _heads(grid: list[list[str]], top: int) -> tuple[dict[int, Head | str], dict[str, int], tuple[str, ...], int]:
    """Column number -> template column or local title; and the first row below the header."""
    by_spelling = {s: h for h in HEADS for s in h.spellings}
    below = grid[top + 1] if top + 1 < len(grid) else []
    above = grid[top]
    # A second header row is told by what can stand nowhere else: a data cell may well read like some header.
    lower_only = {s for t in ("信息项名称", "类", "项") for s in BY_TITLE[t].spellings}
    uppers = {at for at, c in enumerate(above) if spelling(c) in lower_only}
    lowers = {at for at, c in enumerate(below) if spelling(c) in lower_only}
    two_rows = bool(lowers) and all(at in lowers and below[at] == above[at] for at in uppers)
    heads: dict[int, Head | str] = {}
    for at, title in enumerate(above):
        lower = below[at] if two_rows and at < len(below) else ""
        name = lower or title
        if not name:
            continue
        head = by_spelling.get(spelling(name)) or by_spelling.get(spelling(title))
        if head and head not in heads.values():
            heads[at] = head
            continue
        taken = {h if isinstance(h, str) else h.title for h in heads.values()} | set(BY_TITLE)
        heads[at] = next(n for k in count(1) if (n := name if k == 1 else f"{name}（{k}）") not in taken)
    places = {h.title if isinstance(h, Head) else h: at for at, h in heads.items()}
    local = tuple(h for h in heads.values() if isinstance(h, str))
    return heads, places, local, top + (2 if two_rows else 1)


def _gather(
    book: Workbook, grid: list[list[str]], starts: dict[tuple[int, int], int], first: int, heads: dict[int, Head | str]
) -> None:
    """Rows into resources. A new one begins where the name does: merged over its rows, blank below, or repeated."""
    name_at = book.places["信息资源名称"]
    field_at = book.places.get("信息项名称")
    code_at = book.places.get("信息资源代码")
    identity = [book.places[t] for t in ("信息资源名称", "信息资源提供方", "信息资源代码") if t in book.places]
    before: tuple[str, ...] = ()
    seen: set[str] = set()
    for number in range(first, len(grid)):
        row = grid[number]
        if not any(row):
            continue
        this = tuple(row[at] for at in identity)
        item_name = row[field_at] if field_at is not None else ""
        if field_at is not None and row[name_at] and row[name_at] == item_name and len({c for c in row if c}) == 1:
            # One text over the whole row, merged: a remark under the table.
            doubt = Doubt(book.sheet, f"A{number + 1}", f"整行合并的文字（“{row[name_at][:20]}”）", "视为备注，略过")
            book.doubts.append(doubt)
            continue
        current = book.resources[-1] if book.resources else None
        inside = starts.get((number, name_at), number) < number
        # Without a code, a field that comes again under the same names can only be another entry of the same names.
        repeated = current is not None and this == before and (item_name not in seen or bool(code_at and row[code_at]))
        if not inside and row[name_at] and not repeated:
            current, seen = Resource(number), set()
            book.resources.append(current)
        if current is None or (not row[name_at] and not item_name):
            said = next(c for c in row if c)
            book.doubts.append(
                Doubt(book.sheet, f"A{number + 1}", f"不属于任何信息资源的一行（“{said[:20]}”）", "略过")
            )
            continue
        before = this if row[name_at] else before
        current.rows.append((number, row))
        seen.add(item_name)
    of_fields = _local_of_fields(book, heads)
    for resource in book.resources:
        for number, row in resource.rows:
            _take(book, resource, number, row, heads, of_fields)


def _local_of_fields(book: Workbook, heads: dict[int, Head | str]) -> set[str]:
    """Local columns that differ from row to row within a resource: they belong to its fields."""
    found = set()
    for at, head in heads.items():
        if isinstance(head, str) and any(len({r[at] for _, r in x.rows if at < len(r)}) > 1 for x in book.resources):
            found.add(head)
    return found


def _take(
    book: Workbook, resource: Resource, number: int, row: list[str], heads: dict[int, Head | str], of_fields: set[str]
) -> None:
    column: dict[str, str] = {}
    for at, head in heads.items():
        value = row[at] if at < len(row) else ""
        title = head if isinstance(head, str) else head.title
        if title in of_fields or (isinstance(head, Head) and head.column is not None):
            column[title] = value
        elif not resource.cells.get(title):
            resource.cells[title] = value
        elif value and value != resource.cells[title]:
            book.doubt(number, title, f"与同一资源首行（“{resource.cells[title][:20]}”）不一致", "以首行为准")
    resource.columns.append(column)


def _table(grid: list[list[str]]) -> list[dict[str, str]]:
    if not grid:
        return []
    head = grid[0]
    return [dict(zip(head, row, strict=False)) for row in grid[1:] if any(row)]


def _letters(at: int) -> str:
    name = ""
    at += 1
    while at:
        at, rest = divmod(at - 1, 26)
        name = chr(65 + rest) + name
    return name
