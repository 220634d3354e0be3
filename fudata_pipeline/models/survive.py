"""Survivorship (一数一源): which value of an entity's rows counts, and which it beat.

For every attribute the declared order of source items decides; among equals the newer row, then the value that more of their
rows give, then the smaller value. So neither the order of rows nor the number of threads can decide.

Over tables ``src_<n>`` (:mod:`.rows`) with a column ``entity``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from duckdb import DuckDBPyConnection

from fudata_pipeline.catalog.bases import BaseTable
from fudata_pipeline.engine.sql import identifier, literal
from fudata_pipeline.models.rows import Input


@dataclass(frozen=True)
class Source:
    """Items that decide together about some attributes; mostly one item about all that it alone has the say of."""

    table: str
    members: tuple[Input, ...]
    attributes: tuple[str, ...]

    def item_sql(self) -> str:
        """The name of the item that a row of the reduced table came from."""
        if len(self.members) == 1:
            return literal(self.members[0].item.id)
        whens = " ".join(f"WHEN {m.number} THEN {literal(m.item.id)}" for m in self.members)
        return f"CASE {self.table}.member {whens} END"


def _sources(base: BaseTable, inputs: Sequence[Input]) -> list[Source]:
    here = {source.item.id: source for source in inputs}
    alone: dict[str, list[str]] = {}
    found = []
    for field in base.fields:
        for n, tier in enumerate(base.tiers(field)):
            members = tuple(here[item] for item in tier if item in here)
            if len(members) == 1:
                alone.setdefault(members[0].item.id, []).append(field.name)
            elif members:
                found.append(Source(f"tier_{field.name}_{n}", members, (field.name,)))
    return [Source(f"one_{here[i].number}", (here[i],), tuple(names)) for i, names in alone.items()] + found


def survive(con: DuckDBPyConnection, base: BaseTable, inputs: Sequence[Input]) -> None:
    """Make the temporary tables ``won`` and ``beaten``.

    ``won``, in the order of ``entity``: a row an entity that a founding input knows, with ``source_rows``, ``sources`` (a bit an
    input), each attribute, and of each ``<attribute>__item`` and ``<attribute>__row`` (``content`` of its row where several
    rows of the item speak of the entity). ``beaten``: ``entity, attribute, value, item, content, winner, winner_item``.
    """
    founding = " UNION ALL ".join(
        f"SELECT entity FROM {i.table} WHERE entity IS NOT NULL" for i in inputs if i.feed.founds
    )
    every = " UNION ALL ".join(
        f"SELECT entity, {1 << i.number}::UBIGINT AS bit FROM {i.table} WHERE entity IS NOT NULL" for i in inputs
    )
    known = (
        ""
        if all(i.feed.founds for i in inputs)
        else f"SEMI JOIN (SELECT DISTINCT entity FROM ({founding or 'SELECT NULL::UBIGINT AS entity'})) USING (entity)"
    )
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE spine AS
        SELECT entity, count(*) AS source_rows, bit_or(bit) AS sources FROM ({every}) {known} GROUP BY entity ORDER BY entity""")
    sources = _sources(base, inputs)
    for source in sources:
        _reduce(con, source)
    columns = []
    for field in base.fields:
        name = identifier(field.name)
        told = [
            s
            for tier in base.tiers(field)
            for s in sources
            if field.name in s.attributes and s.members[0].item.id in tier
        ]
        if not told:
            columns.append(f"NULL AS {name}, NULL::VARCHAR AS {_item(field.name)}, NULL::UBIGINT AS {_row(field.name)}")
            continue
        whens = [(f"{s.table}.{name} IS NOT NULL", s) for s in told]
        item = " ".join(f"WHEN {has} THEN {s.item_sql()}" for has, s in whens)
        row = " ".join(f"WHEN {has} THEN {s.table}.{_row(field.name)}" for has, s in whens)
        value = ", ".join(f"{s.table}.{name}" for s in told)
        columns.append(
            f"coalesce({value}) AS {name}, CASE {item} END AS {_item(field.name)}, CASE {row} END AS {_row(field.name)}"
        )
    joins = " ".join(f"LEFT JOIN {s.table} ON {s.table}.entity = spine.entity" for s in sources)
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE won AS SELECT spine.entity, source_rows, sources, {', '.join(columns)} FROM spine {joins}"
    )
    for source in sources:
        con.execute(
            f"DROP VIEW IF EXISTS {source.table}"
            if source.table in _views(con)
            else f"DROP TABLE IF EXISTS {source.table}"
        )
    _beaten(con, base, inputs)


def _views(con: DuckDBPyConnection) -> set[str]:
    return {name for (name,) in con.execute("SELECT view_name FROM duckdb_views() WHERE temporary").fetchall()}


def _item(attribute: str) -> str:
    return identifier(f"{attribute}__item")


def _row(attribute: str) -> str:
    return identifier(f"{attribute}__row")


def _reduce(con: DuckDBPyConnection, source: Source) -> None:
    """Make the source's table or view with one row an entity: its attributes, their ``__row``, and ``member``."""
    many = len(source.members) > 1
    names = [identifier(a) for a in source.attributes]
    rows = " UNION ALL ".join(
        f"SELECT entity, {m.number} AS member, recency, content, {', '.join(names)} FROM {m.table} WHERE entity IS NOT NULL"
        for m in source.members
    )
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE again AS SELECT entity FROM ({rows}) GROUP BY entity HAVING count(*) > 1"
    )
    [(repeated,)] = con.execute("SELECT count(*) FROM again").fetchall()
    whole = ", ".join(f"{n}, NULL::UBIGINT AS {_row(a)}" for n, a in zip(names, source.attributes, strict=True))
    if not repeated:
        con.execute(f"CREATE OR REPLACE TEMP VIEW {source.table} AS SELECT entity, member, {whole} FROM ({rows})")
        return
    con.execute(f"CREATE OR REPLACE TEMP TABLE several AS SELECT * FROM ({rows}) SEMI JOIN again USING (entity)")
    picked, joins = [], []
    for n, (name, attribute) in enumerate(zip(names, source.attributes, strict=True)):
        joins.append(f"""
            LEFT JOIN (
                SELECT entity, arg_min({{'v': {name}, 'content': content, 'member': member}}, (-newest, -rows, CAST({name} AS VARCHAR))) AS best
                FROM (
                    SELECT entity, {name}, coalesce(max(recency), -9e15::BIGINT) AS newest, count(*) AS rows,
                        arg_min({{'content': content, 'member': member}}, (-coalesce(recency, -9e15::BIGINT), member, content)) AS spot,
                        spot['content'] AS content, spot['member'] AS member
                    FROM several WHERE {name} IS NOT NULL GROUP BY entity, {name})
                GROUP BY entity) AS p{n} USING (entity)""")
        picked.append(f"p{n}.best.v AS {name}, p{n}.best.content AS {_row(attribute)}")
    member = "p0.best.member" if many else str(source.members[0].number)
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE {source.table} AS
        SELECT entity, member, {whole} FROM ({rows}) ANTI JOIN again USING (entity)
        UNION ALL SELECT entity, {member}, {", ".join(picked)} FROM again {" ".join(joins)}""")
    con.execute("DROP TABLE several; DROP TABLE again")


def _beaten(con: DuckDBPyConnection, base: BaseTable, inputs: Sequence[Input]) -> None:
    """Every value of a row that differs from its entity's."""
    attributes = [f.name for f in base.fields]
    kinds = dict(con.execute("SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = 'won'").fetchall())
    rows = []
    for source in inputs:
        columns = ", ".join(
            identifier(a) if a in source.attributes else f"NULL::{kinds[a]} AS {identifier(a)}" for a in attributes
        )
        rows.append(f"SELECT entity, {source.number}::UTINYINT AS number, content, {columns} FROM {source.table}")
    differ = {a: f"r.{identifier(a)} <> w.{identifier(a)}" for a in attributes}
    told = ", ".join(
        f"CASE WHEN r.{identifier(a)} <> w.{identifier(a)} THEN {{'attribute': {literal(a)}, 'value': CAST(r.{identifier(a)} AS VARCHAR), "
        f"'winner': CAST(w.{identifier(a)} AS VARCHAR), 'winner_item': w.{_item(a)}}} END"
        for a in attributes
    )
    names = ", ".join(literal(i.item.id) for i in inputs)
    numbers = ", ".join(str(i.number) for i in inputs)
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE beaten AS
        SELECT entity, d.attribute AS attribute, d.value AS value, item, content, d.winner AS winner, d.winner_item AS winner_item
        FROM (
            SELECT r.entity, map([{numbers}], [{names}])[r.number] AS item, r.content, unnest(list_filter([{told}], x -> x IS NOT NULL)) AS d
            FROM ({" UNION ALL ".join(rows)}) AS r JOIN won AS w ON w.entity = r.entity
            WHERE {" OR ".join(differ.values())})""")
