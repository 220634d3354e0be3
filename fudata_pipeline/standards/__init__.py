"""The field's standards as DuckDB SQL macros: identifiers, dates, text, places, masks.

Each ``.sql`` file is one subject; each macro is documented beside its definition. The same macros are installed on every
connection of the pipeline and inside every published file, so they rest on built-in functions and on each other only.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from duckdb import DuckDBPyConnection

SUBJECTS = ("text", "dates", "resident_id", "travel_documents", "organization", "contact", "place", "licence", "mask")
"""The macro files in the order of their dependencies."""


@cache
def macro_sql() -> str:
    """All macro definitions as one SQL script."""
    folder = files(__name__)
    return "\n".join(folder.joinpath(f"{subject}.sql").read_text("utf-8") for subject in SUBJECTS)


def install(con: DuckDBPyConnection) -> None:
    """Create every macro in the connection's current database and schema."""
    con.execute(macro_sql())
