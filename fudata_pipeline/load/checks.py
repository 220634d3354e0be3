"""Compile an item's declaration to SQL: typed columns, and one bit per rule that a row may break.

All rules of an item are evaluated in one pass. The outcome of rule *n* is bit ``n`` of an integer mask (sixty rules to
a mask), which costs a vectorised CASE per rule instead of a list per row.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
from duckdb import DuckDBPyConnection

from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.catalog.model import FieldDef, Item, Rule
from fudata_pipeline.engine.sql import identifier, literal
from fudata_pipeline.load.headers import HeaderMap

BITS = 60
"""Rules to a mask: a BIGINT holds 63 without the sign."""


@dataclass(frozen=True)
class Check:
    """One rule bound to one place of an item. ``violation`` is SQL over raw ``r_*`` and typed columns."""

    number: int
    column: str
    rule: Rule
    violation: str

    @property
    def broken(self) -> str:
        """SQL: has this row broken the check?"""
        return f"(_mask{self.number // BITS} & {1 << self.number % BITS}) <> 0"


def raw_column(name: str) -> str:
    """Name of the column that holds the cleaned text of ``name``."""
    return identifier(f"r_{name}")


def _range(field: FieldDef, value: str) -> str:
    kind = "DATE" if field.type == "date" else "TIMESTAMP" if field.type == "datetime" else "DECIMAL(38,4)"
    bounds = [(field.min, ">="), (field.max, "<=")]
    return " AND ".join(f"{value} {op} CAST({literal(bound)} AS {kind})" for bound, op in bounds if bound is not None)


def compile_checks(catalog: Catalog, item: Item, headers: HeaderMap) -> tuple[Check, ...]:
    """Every check of the item for a delivery with these headers, in declaration order."""
    found: list[tuple[str, Rule, str]] = [("", catalog.rules["malformed_line"], "_malformed IS NOT NULL")]
    for column in item.fields:
        if column.name not in headers.columns:
            continue
        field = column.field
        raw, value = raw_column(column.name), identifier(column.name)
        rules = [*catalog.types[field.type].rules]
        rules += ["required"] if column.required else []
        rules += ["code"] if field.codes else []
        rules += ["range"] if field.min is not None or field.max is not None else []
        for name in rules:
            rule = catalog.rules[name]
            sql = rule.violation.format(raw=raw, value=value, arg=_range(field, value))
            found.append((column.name, rule, sql))
    for use in item.rules:
        if all(c in headers.columns for c in use.columns):
            rule = catalog.rules[use.rule]
            sql = rule.violation.format(*(identifier(c) for c in use.columns))
            found.append(("+".join(use.columns), rule, sql))
    return tuple(Check(n, column, rule, sql) for n, (column, rule, sql) in enumerate(found))


def code_table(codes: str) -> str:
    """Name of the temporary table that maps spellings of a code set to codes."""
    return identifier(f"codes_{codes}")


def create_code_table(con: DuckDBPyConnection, catalog: Catalog, codes: str) -> None:
    """Create the temporary table of a code set; as Arrow, because a list of thousands is slow to parse as SQL."""
    aliases = catalog.codes[codes].aliases
    rows = pa.table({"alias": pa.array(aliases, pa.string()), "code": pa.array(aliases.values(), pa.string())})
    con.register("code_rows", rows)
    con.execute(f"CREATE OR REPLACE TEMP TABLE {code_table(codes)} AS FROM code_rows")
    con.unregister("code_rows")


def checked_sql(catalog: Catalog, item: Item, headers: HeaderMap, checks: tuple[Check, ...], staging: str) -> str:
    """SELECT over a staged delivery: ``_line``, typed columns (NULL where not delivered) and rule masks."""
    cleaned = [
        f"clean_text({identifier(headers.columns[f.name])}) AS {raw_column(f.name)}"
        if f.name in headers.columns
        else f"CAST(NULL AS VARCHAR) AS {raw_column(f.name)}"
        for f in item.fields
    ]
    typed, joins = [], []
    for f in item.fields:
        definition = catalog.types[f.field.type]
        raw = raw_column(f.name)
        if f.field.codes:
            alias = identifier(f"k_{f.name}")
            joins.append(f"LEFT JOIN {code_table(f.field.codes)} AS {alias} ON {alias}.alias = upper({raw})")
            parsed = f"{alias}.code"
        else:
            parsed = definition.parse.format(raw=raw)
        typed.append(f"CAST({parsed} AS {definition.duckdb}) AS {identifier(f.name)}")
    # Each violation is a column of its own: inside CASE or AND, DuckDB would compute what they share once for each.
    flags = [f"({c.violation}) AS _broken{c.number}" for c in checks]
    masks = []
    for start in range(0, len(checks), BITS):
        bits = " + ".join(
            f"{1 << c.number % BITS} * CAST(coalesce(_broken{c.number}, false) AS BIGINT)"
            for c in checks[start : start + BITS]
        )
        unreadable = 1 if start == 0 else 0  # a malformed row breaks rule 0, and no other can be judged
        masks.append(f"CASE WHEN _malformed IS NULL THEN {bits} ELSE {unreadable} END AS _mask{start // BITS}")
    columns = ", ".join(identifier(c) for c in item.columns)
    return f"""
        WITH cleaned AS (SELECT _line, _malformed, {", ".join(cleaned)} FROM {staging}),
        typed AS (SELECT cleaned.*, {", ".join(typed)} FROM cleaned {" ".join(joins)}),
        flagged AS (SELECT _line, _malformed, {columns}, {", ".join(flags)} FROM typed)
        SELECT _line, {columns}, {", ".join(masks)} FROM flagged"""


def any_broken(checks: tuple[Check, ...], severity: str) -> str:
    """SQL: has the row broken any check of this severity?"""
    tests = []
    for mask in range((len(checks) - 1) // BITS + 1):
        bits = sum(1 << c.number % BITS for c in checks if c.rule.severity == severity and c.number // BITS == mask)
        if bits:
            tests.append(f"(_mask{mask} & {bits}) <> 0")
    return f"({' OR '.join(tests)})" if tests else "false"
