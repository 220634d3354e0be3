"""What people have judged, as tables of a build: which rows and entities are about the same person or firm, and which are not."""

from __future__ import annotations

from collections.abc import Sequence

from duckdb import DuckDBPyConnection

from fudata_pipeline.lake.registry import Row


def judgements(con: DuckDBPyConnection, said: Sequence[Row]) -> int:
    """Make the tables ``judged`` of rows (``seq, record, entity, verdict``) and ``judged_entities`` (``a, b, verdict``).

    ``said``: what holds, of :meth:`.Registry.match_judgements`. Returns the number of the newest; 0 without any.
    """
    con.execute(
        "CREATE OR REPLACE TEMP TABLE verdicts (seq BIGINT, kind VARCHAR, subject VARCHAR, entity VARCHAR, verdict VARCHAR)"
    )
    rows = [(j["seq"], *j["subject"].split(":"), j["entity"], j["verdict"]) for j in said]
    if rows:
        con.executemany("INSERT INTO verdicts VALUES (?, ?, ?, ?, ?)", rows)
    number = "CAST('0x' || {} AS UBIGINT)".format
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE judged AS
        SELECT seq, {number("subject")} AS record, {number("entity")} AS entity, verdict FROM verdicts WHERE kind = 'row';
        CREATE OR REPLACE TEMP VIEW judged_entities AS
        SELECT {number("subject")} AS a, {number("entity")} AS b, verdict FROM verdicts WHERE kind = 'entity'""")
    return max((int(j["seq"]) for j in said), default=0)


def judged_now(con: DuckDBPyConnection) -> None:
    """Make the table ``judged_now (record, entity, verdict)``: ``judged`` by the entities of today, of ``identities`` and ``profile``.

    An entity that was merged into another is that other one. Of one row's ``same`` the newest holds; one with an entity that
    is no more is ``gone``, and the row is decided like any other.
    """
    con.execute("""
        CREATE OR REPLACE TEMP TABLE judged_now AS
        SELECT record, entity, CASE WHEN verdict = 'same' AND (entity NOT IN (SELECT owner FROM profile)
            OR seq < max(seq) FILTER (verdict = 'same') OVER (PARTITION BY record)) THEN 'gone' ELSE verdict END AS verdict
        FROM (
            SELECT seq, record, coalesce(i.entity, j.entity) AS entity, verdict
            FROM judged AS j LEFT JOIN identities AS i ON i.node = j.entity
            QUALIFY row_number() OVER (PARTITION BY record, coalesce(i.entity, j.entity) ORDER BY seq DESC) = 1)""")
