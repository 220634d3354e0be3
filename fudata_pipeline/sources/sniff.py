"""What a file really is, whatever its name says."""

from __future__ import annotations

import zipfile
from pathlib import Path

_MAGIC = {
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "xls",
    b"PAR1": "parquet",
    b"\x1f\x8b": "gzip",
    b"%PDF": "pdf",
    b"Rar!": "rar",
    b"7z\xbc\xaf": "7z",
    b"\x89PNG": "image",
    b"\xff\xd8\xff": "image",
}
_NAMES = {
    "xlsx": "Excel 工作簿（.xlsx）",
    "xls": "旧版 Office 文件（.xls）",
    "zip": "ZIP 压缩包",
    "parquet": "Parquet 文件",
    "gzip": "GZIP 压缩文件",
    "pdf": "PDF 文件",
    "rar": "RAR 压缩包",
    "7z": "7z 压缩包",
    "image": "图片",
    "html": "网页（HTML）",
    "text": "文本文件",
    "binary": "二进制文件",
    "empty": "空文件",
}

_WORKBOOK_PARTS = (b"[Content_Types].xml", b"_rels/", b"docProps/", b"xl/")


def sniff(path: Path) -> str:
    """The kind of a file by its first bytes: a key of ``_NAMES``. A broken workbook is still ``xlsx``.

    ``xls`` is any OLE container, so also an encrypted workbook; ``binary`` has NUL bytes and no UTF-16 mark.
    """
    with path.open("rb") as file:
        head = file.read(8192)
    if not head:
        return "empty"
    if head.startswith(b"PK\x03\x04"):
        names = _members(path)
        first = head[30:].startswith(_WORKBOOK_PARTS)  # all that is left of a truncated archive
        return "xlsx" if (any(n.startswith("xl/") for n in names) if names else first) else "zip"
    for magic, kind in _MAGIC.items():
        if head.startswith(magic):
            return kind
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "text"
    if b"\0" in head:
        return "binary"
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return "html" if start.startswith((b"<!doctype html", b"<html", b"<table")) else "text"


def describe(path: Path, kind: str) -> str:
    """The kind in words; for a ZIP archive with the names of up to three members."""
    names = _members(path) if kind == "zip" else []
    inside = "、".join(names[:3]) + ("等" if len(names) > 3 else "")
    return _NAMES[kind] + (f"，内含 {inside}" if names else "")


def _members(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return []
