"""The examples of every item, run through its own types and rules: the declaration proves itself."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import duckdb
import pyarrow as pa
from duckdb import DuckDBPyConnection

from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.catalog.finding import Finding
from fudata_pipeline.catalog.model import Example, Item
from fudata_pipeline.engine.sql import identifier
from fudata_pipeline.load.checks import checked_sql, compile_checks, create_code_table
from fudata_pipeline.load.headers import map_headers
from fudata_pipeline.sources import DeliveryRefused

_WRONG = (duckdb.Error, DeliveryRefused, IndexError, KeyError)
"""What SQL and placeholders of the declarations end in when they do not fit."""


def _staged(item: Item, examples: tuple[Example, ...]) -> pa.Table:
    """The given rows as a staged delivery with every declared column (under its first header)."""
    columns: dict[str, list[str | None]] = {}
    for field in item.fields:
        columns[field.headers[0]] = [
            next((example.given[h] for h in field.headers if h in example.given), None) for example in examples
        ]
    rows = len(examples)
    table = {"_line": pa.array(range(rows), pa.int64()), "_malformed": pa.nulls(rows, pa.string())}
    table |= {header: pa.array(values, pa.string()) for header, values in columns.items()}
    return pa.table(table)


def check_all_examples(
    con: DuckDBPyConnection, catalog: Catalog, on_item: Callable[[str], None] = lambda _: None
) -> list[Finding]:
    """The findings of every item's examples.

    Nearly all of the time goes into planning some 2,000 statements over a few rows, so each core plans its own.
    """

    def check(item: Item) -> list[Finding]:
        on_item(item.id)
        try:
            with con.cursor() as own:  # its temporary tables are its own
                return check_examples(own, catalog, item)
        except _WRONG as error:
            message = f"类型或规则的 SQL 不成立：{str(error).splitlines()[0]}"
            return [Finding(catalog.files[item.id], ("items", item.name), message, "改正 types.yaml 或 rules.csv")]

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return [finding for found in pool.map(check, catalog.items) for finding in found]


def check_examples(con: DuckDBPyConnection, catalog: Catalog, item: Item) -> list[Finding]:
    """A finding for every example that does not become what its declaration says it becomes."""
    examples = catalog.examples(item)
    headers = map_headers(item, tuple(f.headers[0] for f in item.fields))
    checks = compile_checks(catalog, item, headers)
    for codes in {f.field.codes for f in item.fields if f.field.codes}:
        create_code_table(con, catalog, codes)
    con.register("examples_given", _staged(item, examples))
    values = ", ".join(f"CAST({identifier(c)} AS VARCHAR)" for c in item.columns)
    broken = ", ".join(c.broken for c in checks)
    sql = checked_sql(catalog, item, headers, checks, "examples_given", small=True)
    rows = con.execute(f"SELECT {values}, {broken} FROM ({sql}) ORDER BY _line").fetchall()
    con.unregister("examples_given")
    found = []
    for number, (example, row) in enumerate(zip(examples, rows, strict=True)):
        place = ("items", item.name, *(("examples", str(number - 1)) if number else ("example",)))
        got = dict(zip(item.columns, row, strict=False))
        for column, wanted in example.gives.items():
            if got[column] != wanted:
                message = f"{column} 应得 {wanted!r}，实得 {got[column]!r}"
                found.append(Finding(catalog.files[item.id], place, message, "改正样例或声明"))
        flags = row[len(item.columns) :]
        violated = {c.rule.rule_id for c, flag in zip(checks, flags, strict=True) if flag}
        violated = {r for r in violated if catalog.rules_by_id[r].severity == "quarantine" or r in example.breaks}
        if violated != set(example.breaks):
            message = f"应违反 {sorted(example.breaks)}，实际违反 {sorted(violated)}"
            found.append(Finding(catalog.files[item.id], place, message, "改正样例或声明"))
    return found
