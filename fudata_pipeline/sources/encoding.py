"""Decoding a delivered text strictly in its declared encoding, or saying which encoding it is really in."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from pathlib import Path

from fudata_pipeline.sources.delivery import CHUNK, DeliveryRefused

_UTF8_CJK = re.compile(rb"[\xe0-\xef]")  # lead byte of U+0800..U+FFFF: in UTF-8, what all Chinese text is made of
_BOMS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


def utf8_chunks(file: Path, encoding: str) -> Iterator[bytes]:
    """The text of ``file`` as UTF-8 without a byte order mark, in chunks that may split a character.

    Raises DeliveryRefused: wrong_encoding, with the line; truncated if the file ends inside a character.
    """
    with file.open("rb") as source:
        head = source.read(4096)
        bom, marked = next(((b, c) for b, c in _BOMS.items() if head.startswith(b)), (b"", ""))
        if encoding == "gb18030" and marked == "utf-8":
            raise _wrong(encoding, "utf-8", 1)
        if encoding == "utf-16" and not marked.startswith("utf-16"):
            if b"\0" not in head:
                raise _wrong(encoding, _other(file, encoding), 1)
            marked = "utf-16-le"
        codec = marked if encoding == "utf-16" else encoding
        skip = len(bom) if codec == marked else 0
        source.seek(skip)
        decoder = codecs.getincrementaldecoder(codec)()
        doubt = _Utf8Doubt(encoding == "gb18030")
        chunk = b"?"
        while chunk:
            at = source.tell() - len(decoder.getstate()[0])
            chunk = source.read(CHUNK)
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                line = _line_at(file, codec, at + error.start)
                if not chunk:
                    raise DeliveryRefused("truncated", f"文件在第 {line} 行的一个字符中间结束", line) from None
                raise _wrong(encoding, _other(file, encoding), line) from None
            doubt.feed(chunk, at)
            yield chunk if codec == "utf-8" else text.encode()
    if doubt.first_cjk is not None:
        raise _wrong(encoding, "utf-8", _line_at(file, "utf-8", doubt.first_cjk))


class _Utf8Doubt:
    """Whether bytes declared GB18030 are UTF-8, which GB18030 mostly reads too, silently as other characters.

    ``first_cjk``: offset of the first Chinese character while the bytes fed are valid UTF-8, else None.
    """

    def __init__(self, active: bool) -> None:
        self.decoder = codecs.getincrementaldecoder("utf-8")() if active else None
        self.first_cjk: int | None = None

    def feed(self, chunk: bytes, at: int) -> None:
        if self.decoder is None:
            return
        try:
            self.decoder.decode(chunk)
        except UnicodeDecodeError:
            self.decoder = self.first_cjk = None
            return
        if self.first_cjk is None and (found := _UTF8_CJK.search(chunk)):
            self.first_cjk = at + found.start()


def _wrong(declared: str, other: str | None, line: int) -> DeliveryRefused:
    really = f"文件可按 {other} 解码" if other else "也不是 utf-8、gb18030 或带标记的 utf-16"
    return DeliveryRefused("wrong_encoding", f"申报的编码是 {declared}，第 {line} 行与之不符；{really}", line)


def _other(file: Path, declared: str) -> str | None:
    """The first other encoding in which the whole file can be read."""
    with file.open("rb") as source:
        marked = source.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    candidates = ["utf-16"] if marked else ["utf-8", "gb18030"]
    return next((c for c in candidates if c != declared and _decodes(file, c)), None)


def _decodes(file: Path, codec: str) -> bool:
    decoder = codecs.getincrementaldecoder(codec)()
    with file.open("rb") as source:
        try:
            while chunk := source.read(CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _line_at(file: Path, codec: str, offset: int) -> int:
    """The 1-based line of a byte offset up to which the file decodes."""
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(codec)(), translate=True)
    line = 1
    with file.open("rb") as source:
        while chunk := source.read(min(CHUNK, offset - source.tell())):
            line += decoder.decode(chunk).count("\n")
    return line
