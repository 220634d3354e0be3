"""Text that goes into SQL statements, quoted."""

from __future__ import annotations

import re
from pathlib import Path


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def file_literal(path: Path) -> str:
    """A path for a DuckDB reader, with the characters of file patterns taken literally."""
    return literal(re.sub(r"[\[*?]", r"[\g<0>]", str(path)))
