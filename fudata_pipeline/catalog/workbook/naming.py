"""ASCII names for what a workbook names in Chinese only: units, items, columns."""

from __future__ import annotations

import re

_LONGEST = 40


def ascii_name(text: str) -> str:
    """A snake_case name of English or Chinese text (Chinese by its pinyin); empty if nothing is left.

    What is such a name already stays as it is.
    """
    if re.fullmatch(r"[a-z][a-z0-9_]*", text):
        return text
    if not text.isascii():
        from pypinyin import lazy_pinyin

        text = "_".join(lazy_pinyin(text, errors="default"))
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)
    words = re.findall(r"[a-z0-9]+", text.lower())
    name = ""
    for word in words:
        if len(name) + len(word) >= _LONGEST:
            break
        name = f"{name}_{word}" if name else word
    return f"n_{name}" if name[:1].isdigit() else name


def initials(text: str) -> str:
    """The pinyin initials of a unit's name."""
    from pypinyin import Style, lazy_pinyin

    letters = "".join(lazy_pinyin(text, style=Style.FIRST_LETTER, errors="ignore")).lower()
    return re.sub(r"[^a-z0-9]", "", letters)[:12] or "unit"


class Names:
    """Names that are given out once: a repeated one gets a number."""

    def __init__(self, taken: set[str]) -> None:
        self.taken = taken

    def take(self, name: str) -> str:
        name = name or "unnamed"
        free = name
        number = 2
        while free in self.taken:
            free = f"{name}_{number}"
            number += 1
        self.taken.add(free)
        return free
