"""Survivorship (一数一源): which value of an entity's rows counts, and which it beat.

For every attribute the declared order of source items decides; among equals the newer row, then the value that more of their
rows give, then the smaller value. So neither the order of rows nor the number of threads can decide.

Over tables ``src_<n>`` (:mod:`.rows`) with a column ``entity``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from duckdb import DuckDBPyConnection

from fudata_pipeline.catalog.bases import BaseField, BaseTable
from fudata_pipeline.engine.sql import identifier, literal
from fudata_pipeline.models.rows import Input

AT_ONCE = 600_000
"""Entities whose sources are joined at once: what bounds the memory."""
FEW = 10
"""Sources of fewer rows than a tenth of the entities are put together first: a join costs by entities, not by rows."""


@dataclass(frozen=True)
class Source:
    """Items that decide together about some attributes; mostly one item about all that it alone has the say of.

    ``ranks``: attribute -> SQL over a row ``s`` of ``table`` of who gives it: its place in the attribute's order (see
    :func:`order`). ``repeats``: its ``<attribute>__row`` say which of several rows of the item it is.
    """

    table: str
    ranks: Mapping[str, str]
    rows: int = 0
    repeats: bool = False


def order(base: BaseTable, field: BaseField) -> list[str]:
    """The items that may decide an attribute, by precedence; equals stand beside each other."""
    return [item for tier in base.tiers(field) for item in tier]


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
    [(entities,)] = con.execute("SELECT count(*) FROM spine").fetchall()
    kinds = _kinds(con, base, inputs)
    sources = _sources(con, base, inputs)
    few = [s for s in sources if s.rows * FEW < entities]
    if len(few) > 1:
        sources = [s for s in sources if s not in few] + [_together(con, few, kinds)]
    ranges = 1 << max(0, math.ceil(math.log2(max(1, entities) / AT_ONCE)))
    for n in range(ranges):
        _choose(con, base, sources, kinds, n, ranges)
    _beaten(con, base, inputs, kinds)


def _kinds(con: DuckDBPyConnection, base: BaseTable, inputs: Sequence[Input]) -> dict[str, str]:
    """Attribute -> its type in the engine; VARCHAR for one that no input gives."""
    found = dict.fromkeys((f.name for f in base.fields), "VARCHAR")
    for source in inputs:
        found |= {
            c: kind for c, kind, *_ in con.execute(f"DESCRIBE {source.table}").fetchall() if c in source.attributes
        }
    return found


def _rank(attribute: str) -> str:
    return identifier(f"{attribute}__rank")


def _item(attribute: str) -> str:
    return identifier(f"{attribute}__item")


def _row(attribute: str) -> str:
    return identifier(f"{attribute}__row")


def _sources(con: DuckDBPyConnection, base: BaseTable, inputs: Sequence[Input]) -> list[Source]:
    """Make the sources' tables or views, each with one row an entity."""
    here = {source.item.id: source for source in inputs}
    alone: dict[str, dict[str, str]] = {}
    found = []
    for field in base.fields:
        places = {item: n for n, item in enumerate(order(base, field))}
        for n, tier in enumerate(base.tiers(field)):
            members = [here[item] for item in tier if item in here]
            if len(members) == 1:
                alone.setdefault(members[0].item.id, {})[field.name] = f"{places[members[0].item.id]}::UTINYINT"
            elif members:
                whens = " ".join(f"WHEN {m.number} THEN {places[m.item.id]}" for m in members)
                rank = f"(CASE s.member {whens} END)::UTINYINT"
                found.append(_reduce(con, f"tier_{field.name}_{n}", members, {field.name: rank}))
    return [_reduce(con, f"one_{here[i].number}", [here[i]], ranks) for i, ranks in alone.items()] + found


def _reduce(con: DuckDBPyConnection, table: str, members: Sequence[Input], ranks: Mapping[str, str]) -> Source:
    """Make a source: the rows of its members, of entities that have several the best value of each attribute."""
    names = [identifier(a) for a in ranks]
    rows = " UNION ALL ".join(
        f"SELECT entity, {m.number} AS member, recency, content, {', '.join(names)} FROM {m.table} WHERE entity IS NOT NULL"
        for m in members
    )
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE again AS SELECT entity FROM ({rows}) GROUP BY entity HAVING count(*) > 1"
    )
    [(repeated,)] = con.execute("SELECT count(*) FROM again").fetchall()
    if not repeated:
        con.execute(f"CREATE OR REPLACE TEMP VIEW {table} AS SELECT entity, member, {', '.join(names)} FROM ({rows})")
    else:
        whole = ", ".join(f"{n}, NULL::UBIGINT AS {_row(a)}" for n, a in zip(names, ranks, strict=True))
        con.execute(f"CREATE OR REPLACE TEMP TABLE several AS SELECT * FROM ({rows}) SEMI JOIN again USING (entity)")
        picked, joins = [], []
        for n, (name, attribute) in enumerate(zip(names, ranks, strict=True)):
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
        member = "p0.best.member" if len(members) > 1 else str(members[0].number)
        con.execute(f"""
            CREATE OR REPLACE TEMP TABLE {table} AS
            SELECT entity, member, {whole} FROM ({rows}) ANTI JOIN again USING (entity)
            UNION ALL SELECT entity, {member}, {", ".join(picked)} FROM again {" ".join(joins)};
            DROP TABLE several""")
    [(size,)] = con.execute(f"SELECT count(*) FROM {table}").fetchall()
    return Source(table, ranks, int(size), bool(repeated))


def _together(con: DuckDBPyConnection, few: Sequence[Source], kinds: Mapping[str, str]) -> Source:
    """One source out of several: of each attribute the value of the first in its order."""
    attributes = sorted({a for source in few for a in source.ranks})
    parts = []
    for source in few:
        columns = []
        for a in attributes:
            name, given = identifier(a), source.ranks.get(a)
            row = f"s.{_row(a)}" if given and source.repeats else "NULL::UBIGINT"
            value, rank = (
                (f"s.{name}", f"CASE WHEN s.{name} IS NOT NULL THEN {given} END")
                if given
                else (f"NULL::{kinds[a]}", "NULL::UTINYINT")
            )
            columns.append(f"{value} AS {name}, {rank} AS {_rank(a)}, {row} AS {_row(a)}")
        parts.append(f"SELECT s.entity, {', '.join(columns)} FROM {source.table} AS s")
    best = ", ".join(
        f"arg_min({identifier(a)}, {_rank(a)}) AS {identifier(a)}, min({_rank(a)}) AS {_rank(a)}, "
        f"arg_min_null({_row(a)}, {_rank(a)}) AS {_row(a)}"
        for a in attributes
    )
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE few AS SELECT entity, {best} FROM ({' UNION ALL '.join(parts)}) GROUP BY entity"
    )
    return Source("few", {a: f"s.{_rank(a)}" for a in attributes}, repeats=True)


def _choose(
    con: DuckDBPyConnection, base: BaseTable, sources: Sequence[Source], kinds: Mapping[str, str], n: int, ranges: int
) -> None:
    """Make ``won``, or add to it the ``n``-th of so many ranges of entities: source after source is joined, and where it
    stands before what is there, its value is taken."""
    bits = ranges.bit_length() - 1
    among = f"WHERE entity >> {64 - bits} = {n}" if bits else ""
    names = [f.name for f in base.fields]
    columns = ", ".join(
        f"NULL::{kinds[a]} AS {identifier(a)}, NULL::UTINYINT AS {_rank(a)}, NULL::UBIGINT AS {_row(a)}" for a in names
    )
    sql = f"SELECT entity, source_rows, sources, {columns} FROM spine {among}"
    for source in sources:
        columns = ""
        for a in names:
            name, rank = identifier(a), source.ranks.get(a)
            if rank is None:
                columns += f", p.{name}, p.{_rank(a)}, p.{_row(a)}"
                continue
            better = f"s.{name} IS NOT NULL AND coalesce(p.{_rank(a)}, 255) > {rank}"
            row = f"s.{_row(a)}" if source.repeats else "NULL"
            for new, column in ((f"s.{name}", name), (rank, _rank(a)), (row, _row(a))):
                columns += f", CASE WHEN {better} THEN {new} ELSE p.{column} END AS {column}"
        sql = f"SELECT p.entity, p.source_rows, p.sources{columns} FROM ({sql}) AS p LEFT JOIN (FROM {source.table} {among}) AS s ON s.entity = p.entity"
    told = ""
    for field in base.fields:
        items = ", ".join(map(literal, order(base, field)))
        told += (
            f", {identifier(field.name)}, [{items}][{_rank(field.name)} + 1] AS {_item(field.name)}, {_row(field.name)}"
        )
    into = "INSERT INTO won" if n else "CREATE OR REPLACE TEMP TABLE won AS"
    con.execute(f"{into} SELECT entity, source_rows, sources{told} FROM ({sql})")


def _beaten(con: DuckDBPyConnection, base: BaseTable, inputs: Sequence[Input], kinds: Mapping[str, str]) -> None:
    """Every value of a row that differs from its entity's."""
    attributes = [f.name for f in base.fields]
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
