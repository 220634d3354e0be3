"""The examples of every item, run through its own types and rules: the declaration proves itself."""

from __future__ import annotations

import pyarrow as pa
from duckdb import DuckDBPyConnection

from fudata_pipeline.catalog.lint import Finding
from fudata_pipeline.catalog.model import Catalog, Item
from fudata_pipeline.engine.sql import identifier
from fudata_pipeline.load.checks import checked_sql, code_table_sql, compile_checks
from fudata_pipeline.load.headers import map_headers


def _staged(item: Item) -> pa.Table:
    """The given rows as a staged delivery with every declared column (under its first header)."""
    columns: dict[str, list[str | None]] = {}
    for field in item.fields:
        columns[field.headers[0]] = [
            next((example.given[h] for h in field.headers if h in example.given), None) for example in item.examples
        ]
    rows = len(item.examples)
    table = {"_line": pa.array(range(rows), pa.int64()), "_malformed": pa.nulls(rows, pa.string())}
    table |= {header: pa.array(values, pa.string()) for header, values in columns.items()}
    return pa.table(table)


def check_examples(con: DuckDBPyConnection, catalog: Catalog, item: Item) -> list[Finding]:
    """A finding for every example that does not become what its declaration says it becomes."""
    if not item.examples:
        return []
    headers = map_headers(item, tuple(f.headers[0] for f in item.fields))
    checks = compile_checks(catalog, item, headers)
    for codes in {f.field.codes for f in item.fields if f.field.codes}:
        con.execute(code_table_sql(catalog, codes))
    con.register("examples_given", _staged(item))
    values = ", ".join(f"CAST({identifier(c)} AS VARCHAR)" for c in item.columns)
    broken = ", ".join(c.broken for c in checks)
    sql = checked_sql(catalog, item, headers, checks, "examples_given")
    rows = con.execute(f"SELECT {values}, {broken} FROM ({sql}) ORDER BY _line").fetchall()
    con.unregister("examples_given")
    found = []
    for number, (example, row) in enumerate(zip(item.examples, rows, strict=True), 1):
        place = f"{item.name} 第 {number} 个样例"
        got = dict(zip(item.columns, row, strict=False))
        for column, wanted in example.gives.items():
            if got[column] != wanted:
                message = f"{column} 应得 {wanted!r}，实得 {got[column]!r}"
                found.append(Finding(f"items/{item.unit}.yaml", place, message, "改正样例或声明"))
        flags = row[len(item.columns) :]
        violated = {c.rule.rule_id for c, flag in zip(checks, flags, strict=True) if flag}
        violated = {r for r in violated if catalog.rules[r].severity == "quarantine" or r in example.breaks}
        if violated != set(example.breaks):
            message = f"应违反 {sorted(example.breaks)}，实际违反 {sorted(violated)}"
            found.append(Finding(f"items/{item.unit}.yaml", place, message, "改正样例或声明"))
    return found
