"""Places for tables in declared SQL: ``{base.population}``, ``{base.person_house}``, ``{base.person_house_record}``.

Only this exact form is a place: every other brace, of a struct or a map, is SQL's own.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from fudata_pipeline.catalog.compiled import Catalog

_PLACE = re.compile(r"\{(base\.[a-z][a-z0-9_]*|as_of)\}")
AS_OF = "as_of"
"""The place of the day that facts are of, as a date."""


def places(sql: str) -> list[str]:
    """The tables that a text has places for, each once, in their order; ``as_of`` is none of them."""
    return [name for name in dict.fromkeys(_PLACE.findall(sql)) if name != AS_OF]


def fill(sql: str, table: Callable[[str], str], as_of: str) -> str:
    """The text with each table's SQL in its place."""
    return _PLACE.sub(lambda m: as_of if m[1] == AS_OF else table(m[1]), sql)


def tables(catalog: Catalog) -> set[str]:
    """The tables that there may be places for."""
    found = {f"base.{b.table}" for b in catalog.bases} | {f"base.{link.table}" for link in catalog.links}
    return found | {f"base.{link.table}_record" for link in catalog.links if link.of is None}


def unknown_tables(catalog: Catalog, sql: str) -> list[str]:
    return [name for name in places(sql) if name not in tables(catalog)]
