"""Schema drift: what deliveries bring that is not declared, and what is declared and does not come."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from fudata_pipeline.catalog.edit import fields_titled
from fudata_pipeline.catalog.model import Item
from fudata_pipeline.load.headers import spelling
from fudata_pipeline.project import Project


@dataclass(frozen=True)
class Drifted:
    """A difference between an item's declaration and its newest delivery.

    ``header``: one that nobody declared, with dictionary fields of that title as ``fields``; or ``column``: a declared
    one that was not delivered.
    """

    item: str
    title: str
    file_name: str
    loaded_at: datetime
    header: str = ""
    column: str = ""
    fields: tuple[str, ...] = ()


def drifted(project: Project, items: Iterable[Item]) -> list[Drifted]:
    """What is open of the items' newest deliveries; what has been declared or ignored since is settled."""
    wanted = {item.id: item for item in items}
    found = []
    for load in project.registry.last_loads():
        item = wanted.get(load["item"])
        if item is None:
            continue
        said = (item.id, item.title, load["file_name"] or "", load["loaded_at"])
        settled = {spelling(h) for f in item.fields for h in f.headers} | {spelling(h) for h in item.drift.ignored}
        found += [
            Drifted(*said, header=header, fields=tuple(fields_titled(project.catalog, header)))
            for header in load["undeclared"] or ()
            if spelling(header) not in settled
        ]
        found += [Drifted(*said, column=name) for name in load["absent"] or () if name in item.columns]
    return found


def open_header(project: Project, item: Item, header: str) -> str:
    """The header as it was delivered, if somebody has to decide on it.

    Raises NotDelivered: naming those that are open.
    """
    headers = [d.header for d in drifted(project, [item]) if d.header]
    for delivered in headers:
        if spelling(delivered) == spelling(header):
            return delivered
    raise NotDelivered(f"{item.id} 最近的交付里没有待定的表头 {header!r} → 待定的有：{'、'.join(headers) or '无'}")


class NotDelivered(Exception):
    """No open header of this name; the message names those that are."""
