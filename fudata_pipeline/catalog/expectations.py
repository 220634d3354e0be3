"""Expectations that a person wrote for an item, beside those that follow from its declaration.

``expectations/<unit>.<item>.json`` is a suite as great-expectations writes it, so one can be tried out there and copied:
``{"name": …, "expectations": [{"type": …, "kwargs": {…}, "severity": …, "meta": {"title": …}}]}``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from fudata_pipeline.catalog.declared import Declared
from fudata_pipeline.catalog.finding import Finding
from fudata_pipeline.catalog.model import Item

FOLDER = "expectations"
Severity = Literal["critical", "warning", "info"]
"""critical: a load of which it is not true is refused; warning: it is told with the load; info: it is only recorded."""


class Expected(Declared):
    """One expectation over the table that the gate judges: the item's columns of all delivered rows, and ``_outcome``."""

    type: str = Field(pattern=r"^(expect|unexpected)_[a-z_]+$")
    kwargs: dict[str, Any]
    severity: Severity = "critical"
    meta: dict[str, Any] = Field(default_factory=dict)
    description: str | None = None
    id: str | None = None  # as great-expectations stores it; of no meaning here
    notes: Any = None

    @property
    def plain(self) -> dict[str, Any]:
        title = self.meta.get("title") or self.description or f"{self.type}（{', '.join(_columns(self.kwargs))}）"
        return {
            "type": self.type,
            "kwargs": self.kwargs,
            "meta": {**self.meta, "title": title},
            "severity": self.severity,
        }


def read_expectations(
    folder: Path, items: list[Item], add: Callable[[Finding], None]
) -> dict[str, tuple[Expected, ...]]:
    """item -> its hand-written expectations; what is wrong with a file goes to ``add``."""
    known = {item.id: item for item in items}
    found = {}
    for path in sorted((folder / FOLDER).glob("*.json")):
        file = f"{FOLDER}/{path.name}"
        item = known.get(path.stem)
        if item is None:
            add(Finding(file, (), f"目录里没有数据项 {path.stem}", "文件名改为 单位.数据项.json"))
            continue
        try:
            suite = json.loads(path.read_text("utf-8"))
            found[item.id] = TypeAdapter(tuple[Expected, ...]).validate_python(suite["expectations"])
        except json.JSONDecodeError as error:
            add(Finding(file, (), f"不是有效的 JSON：{error.msg}", "修正语法", error.lineno))
        except (KeyError, TypeError, UnicodeDecodeError):
            add(Finding(file, (), "没有 expectations 列表", "按 great-expectations 的套件格式填写"))
        except ValidationError as error:
            for e in error.errors():
                add(Finding(file, tuple(map(str, e["loc"])), e["msg"], "按 great-expectations 的套件格式填写"))
        else:
            for finding in _strange_columns(file, item, found[item.id]):
                add(finding)
    return found


def _columns(kwargs: dict[str, Any]) -> Iterator[str]:
    for name, value in kwargs.items():
        if name in ("column", "column_A", "column_B"):
            yield str(value)
        elif name == "column_list":
            yield from map(str, value)


def _strange_columns(file: str, item: Item, suite: tuple[Expected, ...]) -> Iterator[Finding]:
    for number, expected in enumerate(suite):
        for column in _columns(expected.kwargs):
            if column not in (*item.columns, "_outcome", "_line"):
                place = ("expectations", str(number), "kwargs")
                yield Finding(file, place, f"{item.id} 没有列 {column}", f"改为 {'、'.join(item.columns[:8])} 等列之一")
