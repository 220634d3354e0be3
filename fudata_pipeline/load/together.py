"""One expression for many columns: how a small delivery is planned in half the time.

Each mention of a macro costs up to some milliseconds of planning and of compiling regular expressions, which is more
than a few hundred cells take to compute. So where several columns want the same expression, it is written once, over a
list of their cells. Of a large delivery, making the lists would take longer than it saves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

Key = TypeVar("Key")


@dataclass(frozen=True)
class Wanted(Generic[Key]):
    """``sql`` over ``{raw}`` or ``{value}`` or both, to be computed from these columns. ``type``: that of ``value``."""

    key: Key
    sql: str
    raw: str
    value: str = ""
    type: str = ""

    @property
    def alone(self) -> str:
        return self.sql.format(raw=self.raw, value=self.value)

    @property
    def inputs(self) -> tuple[str, ...]:
        return tuple(name for name in ("raw", "value") if f"{{{name}}}" in self.sql)

    @property
    def worth_it(self) -> bool:
        """Something is called; a comparison would not be planned any faster."""
        return "(" in self.sql and bool(self.inputs)


def together(wanted: Iterable[Wanted[Key]], source: str, prefix: str, *, small: bool) -> tuple[str, dict[Key, str]]:
    """A table in place of ``source``, and over it the SQL of each expression by its key.

    Unless ``small`` it is ``source`` itself. ``prefix`` begins the names of the lists.
    """
    wanted = list(wanted)
    found = {w.key: w.alone for w in wanted}
    lists: list[str] = []
    for group in _groups(wanted) if small else ():
        name = f"{prefix}{len(lists)}"
        lists.append(f"{_listed(group)} AS {name}")
        found |= {w.key: f"{name}[{n}]" for n, w in enumerate(group, 1)}
    return (f"(SELECT *, {', '.join(lists)} FROM {source})" if lists else source), found


def _groups(wanted: list[Wanted[Key]]) -> Iterator[list[Wanted[Key]]]:
    """Those that want the same of cells of one type, where there are several."""
    alike: defaultdict[tuple[str, str], list[Wanted[Key]]] = defaultdict(list)
    for w in wanted:
        if w.worth_it:
            alike[w.sql, w.type if "value" in w.inputs else ""].append(w)
    return (group for group in alike.values() if len(group) > 1)


def _listed(group: list[Wanted[Key]]) -> str:
    """The list of the expression's values, in the order of the group."""
    sql, inputs = group[0].sql, group[0].inputs
    if len(inputs) == 1:
        cells = ", ".join(getattr(w, inputs[0]) for w in group)
        return f"list_transform([{cells}], lambda cell: {sql.format(raw='cell', value='cell')})"
    cells = ", ".join(f"{{'raw': {w.raw}, 'value': {w.value}}}" for w in group)
    return f"list_transform([{cells}], lambda cell: {sql.format(raw='cell.raw', value='cell.value')})"
