"""The rows that feed a base table: an item's current version in base columns, with what identifies each row.

Each input becomes a table ``src_<number>``: ``node`` (hash of its strongest usable identifier; NULL: it has none), ``weaker``
(those of its further identifiers), ``record`` (hash of item and key, of rows without a node), ``content`` (hash of all the row
says), ``recency`` (seconds of the item's watermark; NULL: it has none), ``load_id``, ``line``, and the attributes it feeds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import duckdb
from duckdb import DuckDBPyConnection

from fudata_pipeline.catalog import Catalog, Finding
from fudata_pipeline.catalog.bases import BaseInput, BaseTable, Identifier
from fudata_pipeline.catalog.model import Item
from fudata_pipeline.catalog.schema import TableSchema
from fudata_pipeline.engine.sql import identifier, literal
from fudata_pipeline.lake.registry import Row
from fudata_pipeline.load.version import current_rows
from fudata_pipeline.project import Project


@dataclass(frozen=True)
class Input:
    """One input of a base table as of a load of its item. ``number``: its place among the inputs, from 0."""

    number: int
    base: BaseTable
    feed: BaseInput
    item: Item
    load: Row

    @property
    def table(self) -> str:
        return f"src_{self.number}"

    @cached_property
    def attributes(self) -> tuple[str, ...]:
        """The attributes it feeds, in the order of the base table."""
        return tuple(f.name for f in self.base.fields if f.name in self.feed.columns)


def inputs_of(project: Project, base: BaseTable) -> list[Input]:
    """The inputs that have a good version, in the order of the declaration."""
    current = project.registry.current_loads()
    items = project.catalog.items_by_id
    return [
        Input(n, base, feed, items[feed.item], current[feed.item])
        for n, feed in enumerate(base.inputs)
        if feed.item in current
    ]


def as_of(project: Project, base: BaseTable) -> date | None:
    """The day that facts of a base table are of: that of the newest load that feeds it, not today's; None before the first."""
    loaded = [source.load["loaded_at"] for source in inputs_of(project, base)]
    return max(loaded).date() if loaded else None


def empty_item(catalog: Catalog, item: Item) -> str:
    """A table of an item's columns without values: what SQL over it is tried on."""
    columns = TableSchema.of(catalog, item).columns
    return f"(SELECT {', '.join(f'CAST(NULL AS {c.duckdb}) AS {identifier(c.name)}' for c in columns)})"


def node_sql(base: BaseTable, name: str, value: str) -> str:
    """The number of the entity that an identifier's value means: the same in every build and on every machine."""
    return f"md5_number_lower({literal(f'{base.table}:{name}:')} || CAST({value} AS VARCHAR))"


def identity_sql(base: BaseTable, known: Identifier) -> str:
    """The number that an identifier gives its row, over the base columns; NULL where it does not identify."""
    value = known.sql or identifier(known.name)
    usable = f"({known.usable}) AND " if known.usable else ""
    return f"CASE WHEN {usable}{identifier(known.name)} IS NOT NULL THEN {node_sql(base, known.name, value)} END"


def typed_sql(catalog: Catalog, base: BaseTable, given: Mapping[str, str]) -> str:
    """The base columns over others, each of its declared type; NULL where none is given for one."""
    columns = []
    for field in base.fields:
        kind = catalog.types[field.field.type].duckdb
        columns.append(f"CAST({given.get(field.name, 'NULL')} AS {kind}) AS {identifier(field.name)}")
    return ", ".join(columns)


def rows_sql(project: Project, source: Input, only: str = "") -> str:
    """The rows of an input as described above; ``only``: of these ``(load_id, line)`` alone (a table)."""
    base, feed, item = source.base, source.feed, source.item
    given = [k for k in base.identifiers if k.name in feed.columns]
    nodes = [f"({identity_sql(base, k)}) AS _id{n}" for n, k in enumerate(given)]
    ids = [f"_id{n}" for n in range(len(given))]
    node = f"coalesce({', '.join(ids)})" if ids else "CAST(NULL AS UBIGINT)"
    weaker = (
        f"list_filter([{', '.join(ids)}], n -> n IS NOT NULL AND n <> {node})" if len(ids) > 1 else "NULL::UBIGINT[]"
    )
    values = []
    for field in base.fields:
        if field.name in feed.columns:
            name = identifier(field.name)
            values.append(f"CASE WHEN {field.valid} THEN {name} END AS {name}" if field.valid else name)
    names = [identifier(a) for a in source.attributes]
    recency = (
        f"CAST(epoch(CAST({identifier(item.latest_by)} AS TIMESTAMP)) AS BIGINT)" if item.latest_by else "NULL::BIGINT"
    )
    keys = ", ".join(f"{identifier(k)} AS _key{n}" for n, k in enumerate(item.key))
    key = ", ".join(f"CAST(_key{n} AS VARCHAR)" for n in range(len(item.key)))
    where = f"WHERE {feed.where}" if feed.where else ""
    among = f"SEMI JOIN {only} AS o ON (o.load_id = v._load_id AND o.line = v._line)" if only else ""
    return f"""
        SELECT {node} AS node, {weaker} AS weaker,
            CASE WHEN {node} IS NULL THEN md5_number_lower(concat_ws('|', {literal(item.id)}, {key})) END AS record,
            hash({", ".join([*ids, "recency", *names])}) AS content, recency, load_id, line, {", ".join(names)}
        FROM (SELECT {", ".join([*nodes, *values])}, recency, load_id, line, {", ".join(f"_key{n}" for n in range(len(item.key)))}
            FROM (SELECT {typed_sql(project.catalog, base, feed.columns)}, {recency} AS recency, _load_id AS load_id, _line AS line, {keys}
                FROM {current_rows(project, source.load)} AS v {among} {where}))"""


def replaced_sql(project: Project, base: BaseTable) -> str:
    """A table of pairs ``a, b``: an old code's node and that of the newest code that took its place; empty text without any."""
    told = base.replaced
    load = project.registry.current_loads().get(told.item) if told else None
    if told is None or load is None:
        return ""
    item, key = project.catalog.items_by_id[told.item], base.identifiers[0]
    newest = identifier(item.latest_by) if item.latest_by else "_line"
    return f"""(
        SELECT {node_sql(base, key.name, identifier(told.old))} AS a, {node_sql(base, key.name, identifier(told.new))} AS b
        FROM {current_rows(project, load)} WHERE {identifier(told.old)} IS NOT NULL AND {identifier(told.new)} IS NOT NULL
        QUALIFY {newest} = max({newest}) OVER (PARTITION BY {identifier(told.old)}))"""


def check_inputs(con: DuckDBPyConnection, catalog: Catalog) -> list[Finding]:
    """A finding for every input, identifier, check and measure whose SQL does not fit the columns it is written over."""
    found = []
    for base in catalog.bases:
        file = f"base/{base.table}.yaml"
        kinds = {f.name: catalog.types[f.field.type].duckdb for f in base.fields}
        nulls = ", ".join(f"CAST(NULL AS {kind}) AS {identifier(name)}" for name, kind in kinds.items())
        said: dict[tuple[str, ...], str] = {("identifiers", k.name): identity_sql(base, k) for k in base.identifiers}
        said |= {("fields", f.name, "valid"): f.valid for f in base.fields if f.valid}
        if base.matching:
            said |= {("matching", "evidence", n): sql for n, sql in base.matching.evidence.items()}
        for path, sql in said.items():
            if wrong := refused(con, f"SELECT {sql} FROM (SELECT {nulls})"):
                found.append(Finding(file, path, wrong, "改正此处的 SQL"))
        for event in base.events:
            told = ", ".join([event.when, event.day or "NULL", *(f"o.{d}, n.{d}" for d in event.detail)])
            if wrong := refused(
                con, f"SELECT {told} FROM (SELECT '' AS entity_id, {nulls}) o, (SELECT '' AS entity_id, {nulls}) n"
            ):
                found.append(
                    Finding(file, ("events", event.name), wrong, "改正 when、day 或 detail（o 变化前，n 变化后）")
                )
        for theme in (t for t in catalog.themes if t.subject == base.table):
            for m in theme.measures:
                if wrong := refused(con, f"SELECT {m.sql} FROM (SELECT {nulls}, CAST(NULL AS DATE) AS as_of)"):
                    path = ("measures", m.name)
                    found.append(Finding(f"themes/{theme.table}.yaml", path, wrong, "改正该指标的 SQL"))
        for feed in base.inputs:
            empty = empty_item(catalog, catalog.items_by_id[feed.item])
            where = f"WHERE {feed.where}" if feed.where else ""
            if wrong := refused(con, f"SELECT {typed_sql(catalog, base, feed.columns)} FROM {empty} {where}"):
                found.append(Finding(file, ("inputs", feed.item), wrong, "改正 columns 或 where 中的列名与类型"))
    return found


def refused(con: DuckDBPyConnection, sql: str) -> str | None:
    """What the engine says against a statement, in one line; None if it can be run."""
    try:
        con.execute(f"EXPLAIN {sql}")
    except duckdb.Error as error:
        return str(error).splitlines()[0]
    return None
