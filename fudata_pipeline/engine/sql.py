"""Text that goes into SQL statements, quoted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path


def literal(value: object) -> str:
    """A string literal."""
    return "'" + str(value).replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A column or table name, whatever characters it holds."""
    return '"' + name.replace('"', '""') + '"'


def file_literal(path: Path) -> str:
    """A path for a DuckDB reader, with the characters of file patterns taken literally."""
    return literal(re.sub(r"[\[*?]", r"[\g<0>]", str(path)))


def parquet(path: Path) -> str:
    """A Parquet file as a table."""
    return f"read_parquet({file_literal(path)})"


def parquet_files(paths: Sequence[Path], option: str = "") -> str:
    """Parquet files of the same columns as one table; their folders' names say nothing."""
    options = ", ".join(["hive_partitioning = false", *([option] if option else [])])
    return f"read_parquet([{', '.join(map(file_literal, paths))}], {options})"


def repeated_sql(table: str, key: Sequence[str], where: str) -> str:
    """The keys that more than one row of a table has.

    Hashes are counted first: of a hundred million texts DuckDB cannot spill the groups, of as many numbers it can.
    """
    names = ", ".join(map(identifier, key))
    hashes = f"SELECT hash({names}) FROM {table} WHERE {where} GROUP BY ALL HAVING count(*) > 1"
    return f"SELECT {names} FROM {table} WHERE {where} AND hash({names}) IN ({hashes}) GROUP BY ALL HAVING count(*) > 1"
