"""What becomes of entities from night to night: versions with the time they held (SCD2), and events.

The current version of an entity stands in the base table with ``valid_from``; earlier ones in ``<table>_history`` with
``valid_from`` and ``valid_to``. Times are those of the builds that saw the change (Asia/Shanghai).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from duckdb import DuckDBPyConnection

from fudata_pipeline.catalog.bases import BaseTable
from fudata_pipeline.engine.sql import identifier, literal


def compare(con: DuckDBPyConnection, base: BaseTable, former: str, at: datetime) -> None:
    """Make the tables ``entities`` (``new_`` with ``valid_from``), ``closed`` (versions that ended) and ``events``.

    ``new_``: the entities as built; ``former``: a query of the same ones, and of those that are no more, as they stood before.
    """
    con.execute(f"CREATE OR REPLACE TEMP TABLE old_ AS {former}")
    there = {c for (c, *_) in con.execute("DESCRIBE old_").fetchall()}
    names = [f.name for f in base.fields]
    common = [identifier(n) for n in names if n in there]
    time = f"TIMESTAMP {literal(at)}"
    same = f"hash({', '.join(f'o.{c}' for c in common)}) = hash({', '.join(f'n.{c}' for c in common)})"
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE entities AS
        SELECT n.*, CASE WHEN {same} THEN o.valid_from ELSE {time} END AS valid_from
        FROM new_ AS n LEFT JOIN old_ AS o ON o.entity_id = n.entity_id;
        CREATE OR REPLACE TEMP TABLE closed AS
        SELECT o.entity_id, {", ".join(f"o.{c}" for c in common)}, o.valid_from, {time} AS valid_to
        FROM old_ AS o LEFT JOIN new_ AS n ON n.entity_id = o.entity_id WHERE n.entity_id IS NULL OR NOT ({same})
        ORDER BY o.entity_id""")
    _events(con, base, [n for n in names if n not in there], same, time)


def _events(con: DuckDBPyConnection, base: BaseTable, absent: Sequence[str], same: str, time: str) -> None:
    """Events among the entities that have changed; an attribute that the table did not have before was NULL."""
    parts = ["SELECT NULL::VARCHAR AS entity_id, NULL::VARCHAR AS event, NULL::DATE AS day, NULL::VARCHAR AS attribute, "
             "NULL::VARCHAR AS before, NULL::VARCHAR AS after WHERE false"]  # fmt: skip
    for event in base.events:
        told = event.detail or (base.key,)
        for attribute in told:
            name = identifier(attribute)
            parts.append(
                f"SELECT coalesce(n.entity_id, o.entity_id), {literal(event.name)}, CAST({event.day or 'NULL'} AS DATE), "
                f"{literal(attribute)}, CAST(o.{name} AS VARCHAR), CAST(n.{name} AS VARCHAR) FROM both_ WHERE {event.when}"
            )
    nulls = "".join(f", NULL AS {identifier(a)}" for a in absent)
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE both_ AS
        SELECT o, n FROM (SELECT *{nulls} FROM old_) AS o FULL JOIN new_ AS n ON n.entity_id = o.entity_id
        WHERE n.entity_id IS NULL OR o.entity_id IS NULL OR NOT ({same});
        CREATE OR REPLACE TEMP TABLE events AS
        SELECT *, {time} AS seen_at FROM ({" UNION ALL ".join(parts)}) ORDER BY entity_id, event, attribute""")
