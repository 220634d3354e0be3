"""The declared header map: which delivered header fills which column, and what of the delivery's shape is not declared."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from fudata_pipeline.catalog.model import Item
from fudata_pipeline.sources import DeliveryRefused


@dataclass(frozen=True)
class HeaderMap:
    """``columns``: declared column -> delivered header; ``extra``: headers that nobody declared, and of these
    ``ignored`` those that the item lists as of no interest; ``absent``: declared columns that may be missing and are."""

    columns: dict[str, str]
    extra: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()

    @property
    def undeclared(self) -> tuple[str, ...]:
        """Headers on which somebody has to decide."""
        return tuple(h for h in self.extra if h not in self.ignored)


def spelling(header: str) -> str:
    """Headers are compared without case, width and blanks: ``身份证号 `` and ``ＩＤ`` are what units type."""
    return "".join(unicodedata.normalize("NFKC", header).split()).casefold()


def map_headers(item: Item, delivered: tuple[str, ...]) -> HeaderMap:
    """Match delivered headers with the item's declaration.

    Raises:
        DeliveryRefused: ``missing_column`` when a column that must be delivered is not there,
            ``duplicate_header`` when two delivered headers claim one column,
            ``schema_drift`` when the item's drift policy is to refuse whatever differs.
    """
    by_spelling = {spelling(header): field.name for field in item.fields for header in field.headers}
    ignored = {spelling(header) for header in item.drift.ignored}
    columns: dict[str, str] = {}
    extra = []
    for header in delivered:
        column = by_spelling.get(spelling(header))
        if column is None:
            extra.append(header)
        elif column in columns:
            raise DeliveryRefused("duplicate_header", f"表头“{columns[column]}”与“{header}”都对应 {column}", line=None)
        else:
            columns[column] = header
    if not columns:  # without a header row these are cells, and cells may be personal: not one is quoted
        said = f"收到 {len(delivered)} 列，没有一列与申报的表头相符；文件可能缺少表头行，或分隔符与申报不符"
        raise DeliveryRefused("missing_column", said, line=None)
    missing = [f for f in item.fields if f.name not in columns]
    if wanted := [f for f in missing if not f.optional_column]:
        named = "、".join(f"{f.name}（{' / '.join(f.headers)}）" for f in wanted)
        found = "、".join(delivered[:30]) or "无"
        raise DeliveryRefused("missing_column", f"缺少列：{named}；收到的表头：{found}", line=None)
    made = HeaderMap(
        columns,
        tuple(extra),
        tuple(h for h in extra if spelling(h) in ignored),
        tuple(f.name for f in missing),
    )
    if item.drift.policy == "refuse" and (made.undeclared or made.absent):
        said = "；".join(
            f"{what}：{'、'.join(names)}"
            for what, names in (("多出未申报的列", made.undeclared), ("缺少可缺的列", made.absent))
            if names
        )
        raise DeliveryRefused("schema_drift", said, line=None)
    return made
