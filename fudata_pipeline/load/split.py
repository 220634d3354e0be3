"""Split one staged delivery into accepted rows, quarantined rows and dropped duplicates, and prove that none is lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
from duckdb import DuckDBPyConnection

from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.catalog.model import Item
from fudata_pipeline.engine.sql import identifier, literal, parquet, repeated_sql
from fudata_pipeline.load.checks import (
    BITS,
    Check,
    any_broken,
    checked_sql,
    compile_checks,
    create_code_table,
    reasons_sql,
)
from fudata_pipeline.load.headers import HeaderMap, map_headers
from fudata_pipeline.load.sets import SETS, judge_sets
from fudata_pipeline.load.version import ACCEPTED, JUDGED, LEFT_OUT, QUARANTINE, accepted_rows
from fudata_pipeline.quality.score import RuleCount
from fudata_pipeline.sources import Judge, Staged, Streamed

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
    """Decide among rows of one key: copies are dropped; the greatest ``latest_by`` wins; else none is chosen.

    By groups, not by windows: a placeholder as the key of thousands of rows would make one window of all of them.
    """
    key = ", ".join(identifier(k) for k in item.key)
    content = ", ".join(identifier(c) for c in item.columns)
    latest = identifier(item.latest_by) if item.latest_by else "NULL"
    return f"""
        CREATE OR REPLACE TEMP TABLE fates AS
        WITH repeated AS ({repeated_sql("checked", item.key, "NOT _set_aside")}),
        rivals AS MATERIALIZED (
            SELECT _line, {content} FROM checked SEMI JOIN repeated USING ({key}) WHERE NOT _set_aside),
        firsts AS MATERIALIZED (
            SELECT min(_line) AS _line, {key}, any_value({latest}) AS _latest FROM rivals GROUP BY {content}),
        newest AS (
            SELECT {key}, max(_latest) AS _newest, count(*) FILTER (_latest IS NOT DISTINCT FROM _top) AS _count
            FROM firsts JOIN (SELECT {key}, max(_latest) AS _top FROM firsts GROUP BY ALL) USING ({key}) GROUP BY {key})
        SELECT _line, CASE WHEN _count > 1 THEN 'unique_key' WHEN _latest IS DISTINCT FROM _newest THEN 'superseded'
            ELSE 'accepted' END AS fate
        FROM firsts JOIN newest USING ({key})
        UNION ALL SELECT _line, 'duplicate' FROM rivals ANTI JOIN firsts USING (_line)"""


def judge(con: DuckDBPyConnection, catalog: Catalog, item: Item) -> Judge:
    """How a long text of ``item`` is judged while ``con`` parses it: typed columns and rule masks, and of rows that are
    to be set aside the delivered cells, ``_raw``."""

    def of(delivered: tuple[str, ...]) -> Callable[[str], str]:
        headers = map_headers(item, delivered)
        checks = compile_checks(catalog, item, headers)
        _create_codes(con, catalog, item, small=False)
        cells = {header: f"#{n}" for n, header in enumerate(delivered)}  # names that no declared column has
        named = ", ".join(f"c{n} AS {identifier(cell)}" for n, cell in enumerate(cells.values()))
        carried = tuple(identifier(cell) for cell in cells.values())
        placed = HeaderMap({name: cells[header] for name, header in headers.columns.items()}, ())
        raw = _json({h: identifier(cells[h]) for h in (*headers.columns.values(), *headers.extra)})
        aside = any_broken(checks)

        def select(text: str) -> str:
            table = f"(SELECT _line, _malformed, {named} FROM {text})"
            sql = checked_sql(catalog, item, placed, checks, table, carried=carried)
            return (
                f"SELECT * EXCLUDE ({', '.join(carried)}), CASE WHEN _set_aside THEN {raw} END AS _raw "
                f"FROM (SELECT *, {aside} AS _set_aside FROM ({sql}))"
            )

        return select

    return of


def _json(cells: dict[str, str]) -> str:
    """SQL of the delivered cells by header, as JSON."""
    return f"CAST(to_json({{{', '.join(f'{literal(h)}: {sql}' for h, sql in cells.items())}}}) AS VARCHAR)"


def _create_codes(con: DuckDBPyConnection, catalog: Catalog, item: Item, *, small: bool) -> None:
    for codes in {f.field.codes for f in item.fields if f.field.codes}:
        create_code_table(con, catalog, codes, small=small)


def split(
    con: DuckDBPyConnection,
    catalog: Catalog,
    item: Item,
    headers: HeaderMap,
    staged: Staged | Streamed,
    out: Path,
    work: Path,
    known: Mapping[str, str] | None = None,
    corrected: str = "",
) -> Split:
    """Write what was accepted (see :func:`.version.accepted_rows`) and ``out/quarantine.parquet`` from the delivery;
    ``work`` is a scratch folder on the same file system. ``known``: see :func:`.sets.references`. ``corrected``: a table of records in place of those of their lines.

    Accepted: ``_line`` and the typed columns. Quarantine: the same, and ``_rules``, ``_reasons`` (lists), ``_raw``
    (JSON of the delivered cells by header) and ``_text`` (the raw line where it could not be parsed).

    Raises:
        NotConserved: if any row of the delivery is in none or in more than one of the three outcomes.
    """
    checks = compile_checks(catalog, item, headers)
    _create_checked(con, catalog, item, headers, checks, staged, corrected)
    if later := judge_sets(con, catalog, item, checks, known or {}):
        _add_later(con, checks)
    con.execute(_fates_sql(item))
    fates = dict(con.execute("SELECT fate, count(*) FROM fates GROUP BY fate").fetchall())
    tally = _tally(con, item, checks)
    names, reasons = reasons_sql(catalog, checks)
    aside = f"_set_aside OR fate IN ({_SET_ASIDE})" if tally.aside or fates else "false"
    masks = ", ".join(f"_mask{n}" for n in range((len(checks) - 1) // BITS + 1))
    delivered, join = _delivered(con, headers, staged, work, corrected)
    # What is said of a row follows from its masks and fate, and rows differ little in these.
    con.execute(f"""
        COPY (WITH aside AS MATERIALIZED (
                SELECT c.*, coalesce(fate, '') AS fate FROM checked c LEFT JOIN fates f USING (_line) WHERE {aside}),
              said AS (SELECT *, {names} AS _rules, {reasons} AS _reasons FROM (SELECT DISTINCT {masks}, fate FROM aside))
              SELECT a._line, s._rules, s._reasons, {delivered}, {", ".join(f"a.{identifier(x)}" for x in item.columns)}
              FROM aside a JOIN said s USING ({masks}, fate) {join}
              ORDER BY a._line)
        TO {literal(out / QUARANTINE)} (FORMAT parquet, COMPRESSION zstd)""")
    judged = staged.records if isinstance(staged, Streamed) and not corrected else None
    _write_accepted(con, item, judged, later, fates, out)
    return _account(con, catalog, item, checks, staged.rows, fates, tally, out)


def _write_accepted(
    con: DuckDBPyConnection, item: Item, judged: Path | None, later: bool, fates: dict[str, int], out: Path
) -> None:
    """Write what :func:`.version.accepted_rows` reads. ``judged``: a file of all rows, which need not be written anew;
    ``later``: more has been set aside since."""
    decided = "_line IN (SELECT _line FROM fates WHERE fate <> 'accepted')" if fates else "false"
    if judged is None:
        columns = ", ".join(identifier(c) for c in item.columns)
        rows = f"SELECT _line, {columns} FROM checked WHERE NOT (_set_aside OR {decided})"
        con.execute(f"COPY ({rows}) TO {literal(out / ACCEPTED)} (FORMAT parquet, COMPRESSION zstd)")
        return
    parts = ["SELECT _line FROM fates WHERE fate <> 'accepted'"] if fates else []
    parts += ["SELECT _line FROM checked WHERE _set_aside"] if later else []
    if parts:
        con.execute(f"COPY ({' UNION '.join(parts)}) TO {literal(out / LEFT_OUT)} (FORMAT parquet, COMPRESSION zstd)")
    judged.rename(out / JUDGED)


_SET_ASIDE = "'unique_key', 'superseded'"
"""The fates of rows that break no rule by themselves and go to quarantine all the same."""


def _create_checked(
    con: DuckDBPyConnection,
    catalog: Catalog,
    item: Item,
    headers: HeaderMap,
    checks: tuple[Check, ...],
    staged: Staged | Streamed,
    corrected: str,
) -> None:
    """Make the table ``checked``: ``_line``, typed columns, ``_mask0 …``, ``_set_aside`` of every delivered row."""
    if isinstance(staged, Streamed):  # only what could not be parsed has not been judged yet
        count = (len(checks) - 1) // BITS + 1
        masks = ", ".join(f"coalesce(_mask{n}, {int(n == 0)}) AS _mask{n}" for n in range(count))
        source = f"SELECT * REPLACE ({masks}, coalesce(_set_aside, true) AS _set_aside) FROM {staged.table}"
        if corrected:
            cells = ", ".join(f"{identifier(h)} AS c{n}" for n, h in enumerate(staged.headers))
            again = judge(con, catalog, item)(staged.headers)(f"(SELECT _line, _malformed, {cells} FROM {corrected})")
            con.execute(
                f"CREATE OR REPLACE TEMP TABLE judged_again AS SELECT *, NULL::VARCHAR AS _malformed, NULL::VARCHAR AS _text FROM ({again})"
            )
            source = f"({source} {_but(corrected)}) UNION ALL BY NAME FROM judged_again"
    else:
        small = staged.rows <= SMALL
        _create_codes(con, catalog, item, small=small)
        judged = checked_sql(catalog, item, headers, checks, _records(staged, corrected), small=small)
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE judged AS SELECT *, {any_broken(checks)} AS _set_aside FROM ({judged})"
        )
        source = "FROM judged"
    con.execute(f"CREATE OR REPLACE TEMP VIEW judged_alone AS {source}")
    con.execute("CREATE OR REPLACE TEMP VIEW checked AS FROM judged_alone")


def _add_later(con: DuckDBPyConnection, checks: tuple[Check, ...]) -> None:
    """Let ``checked`` tell also which rules the rows of ``later`` break."""
    masks = ", ".join(f"_mask{n} | coalesce(_later{n}, 0) AS _mask{n}" for n in range((len(checks) - 1) // BITS + 1))
    con.execute(
        f"CREATE OR REPLACE TEMP VIEW with_later AS SELECT j.* REPLACE ({masks}) "
        f"FROM judged_alone j LEFT JOIN {SETS} USING (_line)"
    )
    con.execute(
        f"CREATE OR REPLACE TEMP VIEW checked AS SELECT * REPLACE ({any_broken(checks)} AS _set_aside) FROM with_later"
    )


def _but(corrected: str) -> str:
    """Of records as they were delivered, those that stand."""
    return f"WHERE _line NOT IN (SELECT _line FROM {corrected})" if corrected else ""


def _records(staged: Staged, corrected: str) -> str:
    """The table of staged records, corrections in their places."""
    if not corrected:
        return parquet(staged.path)
    return f"(FROM {parquet(staged.path)} {_but(corrected)} UNION ALL BY NAME FROM {corrected})"


def _delivered(
    con: DuckDBPyConnection, headers: HeaderMap, staged: Staged | Streamed, work: Path, corrected: str
) -> tuple[str, str]:
    """SQL of the delivered cells and of the raw text of a row ``a`` of ``checked`` that goes to quarantine, and the join
    that they take."""
    names = (*headers.columns.values(), *headers.extra)
    raw = _json({h: identifier(h) for h in names})
    if isinstance(staged, Staged):
        table = f"(SELECT _line, {raw} AS _raw, _text FROM {_records(staged, corrected)})"
        return "d._raw, d._text", f"JOIN {table} d USING (_line)"
    blank = _json(dict.fromkeys(names, "CAST(NULL AS VARCHAR)"))
    cells = f"coalesce(a._raw, {blank}) AS _raw, a._text"
    # What was set aside when it was judged by itself has its cells along; of others they are read again.
    beaten = (
        f"(SELECT _line FROM fates WHERE fate IN ({_SET_ASIDE}) "
        "UNION ALL SELECT _line FROM checked WHERE _set_aside AND _raw IS NULL AND _malformed IS NULL)"
    )
    parts = []
    if corrected:
        beaten = f"(FROM {beaten} {_but(corrected)})"
        parts.append(f"SELECT _line, {raw} AS _raw FROM {corrected}")
    if con.execute(f"SELECT EXISTS (FROM {beaten})").fetchall()[0][0]:
        parts.append(f"SELECT _line, {raw} AS _raw FROM {staged.cells(con, beaten, work)}")
    if not parts:
        return cells, ""
    join = f"LEFT JOIN ({' UNION ALL '.join(parts)}) d USING (_line)"
    return f"coalesce(a._raw, d._raw, {blank}) AS _raw, a._text", join


@dataclass(frozen=True)
class _Tally:
    """Counts of rows: set aside by a rule, having broken each check, and filled in each column."""

    aside: int
    broken: dict[int, int]
    filled: dict[str, int]


def _tally(con: DuckDBPyConnection, item: Item, checks: tuple[Check, ...]) -> _Tally:
    """Count once over all rows; then each check that any row has broken, over those that have broken any."""
    masks = [f"_mask{n}" for n in range((len(checks) - 1) // BITS + 1)]
    wanted = [f"coalesce(bit_or({m}), 0)" for m in masks] + [f"count({identifier(c)})" for c in item.columns]
    aside, *rest = _one(con, f"SELECT count(*) FILTER (_set_aside), {', '.join(wanted)} FROM checked")
    some = [c for c in checks if rest[c.number // BITS] >> c.number % BITS & 1]
    counts: tuple[int, ...] = ()
    if some:
        any_mask = " OR ".join(f"{m} <> 0" for m in masks)
        each = ", ".join(f"count(*) FILTER ({c.broken})" for c in some)
        counts = _one(con, f"SELECT {each} FROM checked WHERE {any_mask}")
    broken = {c.number: 0 for c in checks} | {c.number: n for c, n in zip(some, counts, strict=True)}
    return _Tally(aside, broken, dict(zip(item.columns, rest[len(masks) :], strict=True)))


def _account(
    con: DuckDBPyConnection,
    catalog: Catalog,
    item: Item,
    checks: tuple[Check, ...],
    rows_in: int,
    fates: dict[str, int],
    tally: _Tally,
    out: Path,
) -> Split:
    """Count every outcome from what was written, and compare with what was delivered."""
    content = ", ".join(identifier(c) for c in item.columns)
    accepted, digest = _one(
        con,
        f"SELECT count(*), printf('%x', coalesce(sum(CAST(hash({content}) AS HUGEINT)), 0)) FROM {accepted_rows(out)}",
    )
    quarantined = pq.read_metadata(out / QUARANTINE).num_rows
    duplicate = fates.get("duplicate", 0)
    if rows_in != accepted + quarantined + duplicate:
        raise NotConserved(
            f"{item.id}：交付 {rows_in} 行 ≠ 入库 {accepted} + 隔离 {quarantined} + 重复 {duplicate}；这是程序缺陷，请报告"
        )
    counts = []
    for check in checks:
        failed = tally.broken[check.number]
        unread = failed if check.rule.rule_id in ("type", "code") else 0  # the typed value of these is NULL
        whole = check.rule.rule_id in ("required", "malformed_line") or check.column not in tally.filled
        checked = rows_in if whole else tally.filled[check.column] + unread
        counts.append(RuleCount(check.column, check.rule.rule_id, check.rule.severity, checked, failed))
    for fate in ("unique_key", "superseded"):
        rule = catalog.rules[fate]
        counts.append(RuleCount("+".join(item.key), fate, rule.severity, rows_in, fates.get(fate, 0)))
    return Split(rows_in, accepted, quarantined, duplicate, tuple(counts), digest)
