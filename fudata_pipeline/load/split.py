"""Split one staged delivery into accepted rows, quarantined rows and dropped duplicates, and prove that none is lost."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
from duckdb import DuckDBPyConnection

from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.catalog.model import Item
from fudata_pipeline.engine.sql import identifier, literal, parquet
from fudata_pipeline.load.checks import BITS, Check, any_broken, checked_sql, compile_checks, create_code_table
from fudata_pipeline.load.headers import HeaderMap
from fudata_pipeline.quality.score import RuleCount
from fudata_pipeline.sources import Staged

ACCEPTED = "accepted.parquet"
QUARANTINE = "quarantine.parquet"

SMALL = 10_000
"""Up to so many rows a statement takes longer to plan than to run."""


class NotConserved(Exception):
    """Rows in are not accepted + quarantined + duplicates: a defect of the pipeline, never of the data."""


@dataclass(frozen=True)
class Split:
    """What became of a delivery's rows. All counts are rows."""

    rows_in: int
    accepted: int
    quarantined: int
    duplicate: int
    counts: tuple[RuleCount, ...]
    content_hash: str


def _one(con: DuckDBPyConnection, sql: str) -> tuple:
    row = con.execute(sql).fetchone()
    assert row is not None
    return row


def _fates_sql(item: Item) -> str:
    """Decide among rows of one key: copies are dropped; the greatest ``latest_by`` wins; else none is chosen."""
    key = ", ".join(identifier(k) for k in item.key)
    content = ", ".join(identifier(c) for c in item.columns)
    newest_first = f"ORDER BY {identifier(item.latest_by)} DESC NULLS LAST" if item.latest_by else ""
    return f"""
        CREATE TEMP TABLE fates AS
        WITH repeated AS (SELECT {key} FROM checked WHERE NOT _set_aside GROUP BY ALL HAVING count(*) > 1),
        placed AS (
            SELECT _line, {key},
                row_number() OVER (PARTITION BY {content} ORDER BY _line) AS copy,
                dense_rank() OVER (PARTITION BY {key} {newest_first}) AS recency
            FROM checked SEMI JOIN repeated USING ({key}) WHERE NOT _set_aside),
        judged AS (
            SELECT *, count(*) FILTER (copy = 1 AND recency = 1) OVER (PARTITION BY {key}) AS newest FROM placed)
        SELECT _line, CASE WHEN copy > 1 THEN 'duplicate' WHEN newest > 1 THEN 'unique_key'
            WHEN recency > 1 THEN 'superseded' ELSE 'accepted' END AS fate
        FROM judged"""


def _reasons_sql(catalog: Catalog, checks: tuple[Check, ...]) -> tuple[str, str]:
    """SQL lists of the quarantining rules a row broke, as ``column:rule`` and as Chinese reasons.

    The lists of all names are constants, from which the bits of the masks choose: a CASE for each rule would be slower
    to plan and to run.
    """
    fates = ("unique_key", "superseded")
    names = [f"{c.column}:{c.rule.rule_id}" for c in checks]
    reasons = [(f"{c.column}：" if c.column else "") + c.rule.wording_zh for c in checks]
    fate_names = {fate: f":{fate}" for fate in fates}
    fate_reasons = {fate: catalog.rules[fate].wording_zh for fate in fates}
    return _chosen(checks, names, fate_names), _chosen(checks, reasons, fate_reasons)


def _chosen(checks: tuple[Check, ...], said: list[str], fates: dict[str, str]) -> str:
    parts = []
    for start in range(0, len(checks), BITS):
        some = range(start, min(start + BITS, len(checks)))
        texts = ", ".join(literal(said[n]) if checks[n].rule.severity == "quarantine" else "NULL" for n in some)
        chosen = f"(_mask{start // BITS} >> (i - 1)) & 1 = 1"
        parts.append(f"list_filter([{texts}]::VARCHAR[], lambda x, i: x IS NOT NULL AND {chosen})")
    cases = " ".join(f"WHEN {literal(fate)} THEN [{literal(text)}]" for fate, text in fates.items())
    return f"list_concat({', '.join(parts)}, CASE fate {cases} ELSE [] END)"


def split(
    con: DuckDBPyConnection, catalog: Catalog, item: Item, headers: HeaderMap, staged: Staged, out: Path
) -> Split:
    """Write ``out/accepted.parquet`` and ``out/quarantine.parquet`` from the staged delivery.

    Accepted: ``_line`` and the typed columns. Quarantine: the same, and ``_rules``, ``_reasons`` (lists), ``_raw``
    (JSON of the delivered cells by header) and ``_text`` (the raw line where it could not be parsed).

    Raises:
        NotConserved: if any row of the delivery is in none or in more than one of the three outcomes.
    """
    checks = compile_checks(catalog, item, headers)
    for codes in {f.field.codes for f in item.fields if f.field.codes}:
        create_code_table(con, catalog, codes)
    con.execute("DROP TABLE IF EXISTS checked; DROP TABLE IF EXISTS fates")
    source = parquet(staged.path)
    con.execute(f"""
        CREATE TEMP TABLE checked AS SELECT *, {any_broken(checks, "quarantine")} AS _set_aside
        FROM ({checked_sql(catalog, item, headers, checks, source, small=staged.rows <= SMALL)})""")
    con.execute(_fates_sql(item))

    columns = ", ".join(identifier(c) for c in item.columns)
    con.execute(f"""
        COPY (SELECT _line, {columns} FROM checked
              WHERE NOT _set_aside AND _line NOT IN (SELECT _line FROM fates WHERE fate <> 'accepted'))
        TO {literal(out / ACCEPTED)} (FORMAT parquet, COMPRESSION zstd)""")
    names, reasons = _reasons_sql(catalog, checks)
    delivered = ", ".join(f"{literal(h)}: s.{identifier(h)}" for h in (*headers.columns.values(), *headers.extra))
    con.execute(f"""
        COPY (SELECT c._line, {names} AS _rules, {reasons} AS _reasons,
                CAST(to_json({{{delivered}}}) AS VARCHAR) AS _raw, s._text, {", ".join(f"c.{identifier(x)}" for x in item.columns)}
              FROM checked c LEFT JOIN fates f USING (_line) JOIN {source} s ON s._line = c._line
              WHERE _set_aside OR fate IN ('unique_key', 'superseded') ORDER BY c._line)
        TO {literal(out / QUARANTINE)} (FORMAT parquet, COMPRESSION zstd)""")
    return _account(con, catalog, item, checks, staged.path, out)


def _account(
    con: DuckDBPyConnection, catalog: Catalog, item: Item, checks: tuple[Check, ...], staging: Path, out: Path
) -> Split:
    """Count every outcome from what was written, and compare with what was delivered."""
    rows_in, quarantined = (pq.read_metadata(path).num_rows for path in (staging, out / QUARANTINE))
    content = ", ".join(identifier(c) for c in item.columns)
    accepted, digest = _one(
        con,
        f"SELECT count(*), printf('%x', coalesce(sum(CAST(hash({content}) AS HUGEINT)), 0)) "
        f"FROM {parquet(out / ACCEPTED)}",
    )
    fates = dict(con.execute("SELECT fate, count(*) FROM fates GROUP BY fate").fetchall())
    duplicate = fates.get("duplicate", 0)
    if rows_in != accepted + quarantined + duplicate:
        raise NotConserved(
            f"{item.id}：交付 {rows_in} 行 ≠ 入库 {accepted} + 隔离 {quarantined} + 重复 {duplicate}；这是程序缺陷，请报告"
        )
    tallies = [f"count(*) FILTER ({c.broken})" for c in checks] + [f"count({identifier(c)})" for c in item.columns]
    tallied = _one(con, f"SELECT {', '.join(tallies)} FROM checked")
    broken, filled_by = tallied[: len(checks)], dict(zip(item.columns, tallied[len(checks) :], strict=True))
    counts = []
    for check, failed in zip(checks, broken, strict=True):
        unread = failed if check.rule.rule_id in ("type", "code") else 0  # the typed value of these is NULL
        whole = check.rule.rule_id in ("required", "malformed_line") or "+" in check.column
        checked = rows_in if whole else filled_by[check.column] + unread
        counts.append(RuleCount(check.column, check.rule.rule_id, check.rule.severity, checked, failed))
    for fate in ("unique_key", "superseded"):
        rule = catalog.rules[fate]
        counts.append(RuleCount("+".join(item.key), fate, rule.severity, rows_in, fates.get(fate, 0)))
    return Split(rows_in, accepted, quarantined, duplicate, tuple(counts), digest)
