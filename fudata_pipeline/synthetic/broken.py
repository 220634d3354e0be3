"""Whole files that go wrong: renamed headers, cut-off files, the wrong encoding, the same file sent again."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

from fudata_pipeline.catalog.model import Item

VERDICTS = {
    "": "", "header_renamed": "missing_column", "truncated": "truncated", "wrong_encoding": "wrong_encoding",
    "mixed_encoding": "wrong_encoding", "resent": "", "late": "",
}  # fmt: skip
"""Kind -> the delivery rule by which the pipeline must refuse the file; empty: it must not refuse it."""


def _required_header(item: Item) -> str | None:
    return next((f.headers[0] for f in item.fields if not f.optional_column), None)


def possible(kind: str, item: Item) -> bool:
    """Whether a delivery of this item can go wrong in this way."""
    text = item.source.format == "csv"
    return {
        "header_renamed": text and item.source.skip_rows == 0,
        "truncated": item.source.format in ("csv", "excel", "parquet"),
        "wrong_encoding": text,
        "mixed_encoding": text,
    }.get(kind, True)


def expected(kind: str, item: Item) -> str:
    """The rule by which the file must be refused."""
    return "unreadable" if kind == "truncated" and item.source.format != "csv" else VERDICTS[kind]


def renamed(name: str, day: date) -> str:
    """The file's name of another day."""
    return re.sub(r"\d{8}", f"{day:%Y%m%d}", name)


def spoil(kind: str, item: Item, file: Path) -> None:
    """Break a well-written file in place."""
    encoding = item.source.encoding
    if kind == "header_renamed":
        header = _required_header(item) or ""
        first, rest = file.read_bytes().decode(encoding).split("\n", 1)
        cells = [f"{c}_新" if c.strip('"\r') == header else c for c in first.split(item.source.delimiter)]
        file.write_bytes("\n".join([item.source.delimiter.join(cells), rest]).encode(encoding))
    elif kind == "truncated":
        content = file.read_bytes()
        cut = content[: max(20, len(content) * 2 // 3)]
        file.write_bytes(cut.rstrip(b"\r\n") if item.source.format == "csv" else cut)
    elif kind == "wrong_encoding":
        file.write_bytes(file.read_bytes().decode(encoding).encode(_another(encoding)))
    elif kind == "mixed_encoding":
        lines = file.read_bytes().split(b"\n")
        lines.insert(len(lines) // 2, "另一系统合并来的一行：编码与全文不同".encode(_another(encoding)))
        file.write_bytes(b"\n".join(lines))


def _another(encoding: str) -> str:
    return "gb18030" if encoding == "utf-8" else "utf-8"
