"""The declared header map: which delivered header fills which column."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from fudata_pipeline.catalog.model import Item
from fudata_pipeline.sources import DeliveryRefused


@dataclass(frozen=True)
class HeaderMap:
    """``columns``: declared column -> delivered header; ``extra``: headers that nobody declared."""

    columns: dict[str, str]
    extra: tuple[str, ...]


def _spelling(header: str) -> str:
    """Headers are compared without case, width and blanks: ``身份证号 `` and ``ＩＤ`` are what units type."""
    return "".join(unicodedata.normalize("NFKC", header).split()).casefold()


def map_headers(item: Item, delivered: tuple[str, ...]) -> HeaderMap:
    """Match delivered headers with the item's declaration.

    Raises:
        DeliveryRefused: ``missing_column`` when a column that must be delivered is not there,
            ``duplicate_header`` when two delivered headers claim one column.
    """
    by_spelling: dict[str, str] = {}
    for field in item.fields:
        for header in field.headers:
            by_spelling[_spelling(header)] = field.name
    columns: dict[str, str] = {}
    extra = []
    for header in delivered:
        column = by_spelling.get(_spelling(header))
        if column is None:
            extra.append(header)
        elif column in columns:
            raise DeliveryRefused("duplicate_header", f"表头“{columns[column]}”与“{header}”都对应 {column}", line=None)
        else:
            columns[column] = header
    if not columns:  # without a header row these are cells, and cells may be personal: not one is quoted
        said = f"收到 {len(delivered)} 列，没有一列与申报的表头相符；文件可能缺少表头行，或分隔符与申报不符"
        raise DeliveryRefused("missing_column", said, line=None)
    missing = [f for f in item.fields if f.name not in columns and not f.optional_column]
    if missing:
        wanted = "、".join(f"{f.name}（{' / '.join(f.headers)}）" for f in missing)
        found = "、".join(delivered[:30]) or "无"
        raise DeliveryRefused("missing_column", f"缺少列：{wanted}；收到的表头：{found}", line=None)
    return HeaderMap(columns, tuple(extra))
