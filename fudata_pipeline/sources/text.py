"""One streaming pass over a delivered text: decode, check, give DuckDB plain UTF-8 with LF line ends."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from fudata_pipeline.sources.delivery import CHUNK, DeliveryRefused
from fudata_pipeline.sources.encoding import utf8_chunks

LINE_LIMIT = 1 << 20
"""Longest line in bytes of UTF-8; what is longer is a lost quote or no text at all."""


@dataclass(frozen=True)
class TextFile:
    """A checked text in UTF-8 with LF line ends and no byte order mark.

    ``lines`` counts physical lines, the last one also without its newline; ``last_line`` is the last that is
    not empty. ``quoted``: there is a double quote somewhere.
    """

    path: Path
    lines: int
    last_line: int
    ends_with_newline: bool
    quoted: bool


def read_text(file: Path, encoding: str, work: Path) -> TextFile:
    """Check a text and make it plain; ``work`` receives a copy only where the file is not plain already.

    CRLF and CR become LF, so that a line number means the same to every tool and mixed line ends can be read.
    Raises DeliveryRefused: empty_delivery, wrong_encoding, nul_byte, line_too_long, truncated.
    """
    check = _Check()
    passed = 0  # bytes seen so far that needed no change
    copy = None
    with file.open("rb") as source:
        marked = encoding == "utf-8" and source.read(3) == codecs.BOM_UTF8
    try:
        if encoding != "utf-8" or marked:
            copy = (work / "text").open("wb")
        for data, changed in _newlines(utf8_chunks(file, encoding)):
            if changed and copy is None:
                copy = (work / "text").open("wb")
                _copy_start(file, copy, passed)
            check.feed(data)
            passed += len(data)
            if copy is not None:
                copy.write(data)
    finally:
        if copy is not None:
            copy.close()
    if not check.filled:
        raise DeliveryRefused("empty_delivery", "文件中没有内容（0 字节或只有空白）")
    lines = check.newlines + (check.tail > 0)
    return TextFile(work / "text" if copy else file, lines, check.last_line, check.tail == 0, check.quoted)


def _newlines(chunks: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Chunks with LF line ends, and whether that changed anything."""
    held = b""
    for chunk in chunks:
        data = held + chunk if held else chunk
        held = b"\r" if chunk and data.endswith(b"\r") else b""
        if held:
            data = data[:-1]
        changed = b"\r" in data
        yield data.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if changed else data, changed


def _copy_start(file: Path, target: BinaryIO, count: int) -> None:
    with file.open("rb") as source:
        while count and (chunk := source.read(min(CHUNK, count))):
            target.write(chunk)
            count -= len(chunk)


class _Check:
    """Running checks on plain chunks; never splits them into lines."""

    def __init__(self) -> None:
        self.newlines = 0
        self.last_line = 0
        self.tail = 0  # bytes since the last newline
        self.filled = False
        self.quoted = False

    def feed(self, data: bytes) -> None:
        nul = data.find(b"\0")
        if nul >= 0:
            line = self.newlines + data.count(b"\n", 0, nul) + 1
            raise DeliveryRefused("nul_byte", f"第 {line} 行含有空字节（NUL）", line)
        self._lengths(data)
        before = self.newlines
        self.newlines += data.count(b"\n")
        text = data.rstrip(b"\n")
        if text:
            self.last_line = before + data.count(b"\n", 0, len(text)) + 1
        self.filled = self.filled or bool(text and not text.isspace())
        self.quoted = self.quoted or b'"' in data

    def _lengths(self, data: bytes) -> None:
        """Leap from newline to newline as far as the limit allows; where there is none, refuse."""
        start = -self.tail
        while len(data) - start > LINE_LIMIT:
            end = data.rfind(b"\n", max(start, 0), start + LINE_LIMIT + 1)
            if end < 0:
                line = self.newlines + data.count(b"\n", 0, max(start, 0)) + 1
                raise DeliveryRefused("line_too_long", f"第 {line} 行超过 {LINE_LIMIT >> 20} MiB", line)
            start = end + 1
        end = data.rfind(b"\n", max(start, 0))
        self.tail = len(data) - (end + 1 if end >= 0 else start)
