"""Base models (population, legal entities, housing): link by exact identifier, choose each value, remember its source.

一数一源: for every attribute the declared order of items decides, then the newer row, then the smaller value (so that the
order in which rows arrive can never decide). The winner's item, load and line stay with the value.
"""

from __future__ import annotations

import duckdb
from duckdb import DuckDBPyConnection

from fudata_pipeline.catalog import Catalog, Finding
from fudata_pipeline.catalog.model import BaseField, BaseInput, BaseTable
from fudata_pipeline.catalog.schema import TableSchema
from fudata_pipeline.engine.sql import identifier, literal
from fudata_pipeline.lake.registry import Row
from fudata_pipeline.load.version import current_rows
from fudata_pipeline.models.product import Built, materialize
from fudata_pipeline.project import Project


class NothingToBuild(Exception):
    """None of the items that feed a table has a good version yet."""


def _ranks(base: BaseTable, field: BaseField) -> list[str]:
    """Items in the order in which they may decide this attribute."""
    order = [feed.item for feed in base.inputs]
    return [*field.prefer, *(i for i in order if i not in field.prefer)]


def _columns_sql(catalog: Catalog, base: BaseTable, feed: BaseInput) -> str:
    """The base columns over an item's, each cast to its declared type; NULL where the item does not feed one."""
    columns = []
    for field in base.fields:
        kind = catalog.types[field.field.type].duckdb
        columns.append(f"CAST({feed.columns.get(field.name, 'NULL')} AS {kind}) AS {identifier(field.name)}")
    return ", ".join(columns)


def check_inputs(con: DuckDBPyConnection, catalog: Catalog) -> list[Finding]:
    """A finding for every input, key rule and measure whose SQL does not fit the columns it is written over."""
    found = []
    for base in catalog.bases:
        kinds = {f.name: catalog.types[f.field.type].duckdb for f in base.fields}
        nulls = ", ".join(f"CAST(NULL AS {kind}) AS {identifier(name)}" for name, kind in kinds.items())
        if said := _wrong(con, f"SELECT {base.key_rule or 'true'} FROM (SELECT {nulls})"):
            found.append(Finding(f"base/{base.table}.yaml", ("key_rule",), said, "改正 key_rule"))
        for theme in (t for t in catalog.themes if t.subject == base.table):
            for m in theme.measures:
                if said := _wrong(con, f"SELECT {m.sql} FROM (SELECT {nulls}, CAST(NULL AS DATE) AS as_of)"):
                    path = ("measures", m.name)
                    found.append(Finding(f"themes/{theme.table}.yaml", path, said, "改正该指标的 SQL"))
        for feed in base.inputs:
            schema = TableSchema.of(catalog, catalog.items_by_id[feed.item])
            empty = ", ".join(f"CAST(NULL AS {c.duckdb}) AS {identifier(c.name)}" for c in schema.columns)
            where = f"WHERE {feed.where}" if feed.where else ""
            if said := _wrong(con, f"SELECT {_columns_sql(catalog, base, feed)} FROM (SELECT {empty}) {where}"):
                path = ("inputs", feed.item)
                found.append(Finding(f"base/{base.table}.yaml", path, said, "改正 columns 或 where 中的列名与类型"))
    return found


def _wrong(con: DuckDBPyConnection, sql: str) -> str | None:
    """What the engine says against a statement, in one line; None if it can be run."""
    try:
        con.execute(f"EXPLAIN {sql}")
    except duckdb.Error as error:
        return str(error).splitlines()[0]
    return None


def _input_sql(project: Project, base: BaseTable, feed: BaseInput, load: Row) -> str:
    item = project.catalog.items_by_id[feed.item]
    recency = identifier(item.latest_by) if item.latest_by else "NULL"
    loaded = f"TIMESTAMP {literal(load['loaded_at'])}"
    return f"""
        SELECT {_columns_sql(project.catalog, base, feed)}, {literal(feed.item)} AS _item, _load_id, _line,
            coalesce(CAST({recency} AS TIMESTAMP), {loaded}) AS _as_of
        FROM {current_rows(project, load)} {f"WHERE {feed.where}" if feed.where else ""}"""


def _rows_sql(project: Project, base: BaseTable) -> str:
    """Every row that feeds a base table, from the current versions of its items.

    Raises:
        NothingToBuild: when no input has a good version.
    """
    current = project.registry.current_loads()
    feeds = [feed for feed in base.inputs if feed.item in current]
    if not feeds:
        wanted = "、".join(feed.item for feed in base.inputs)
        raise NothingToBuild(f"{base.title}：{wanted} 都还没有可用版本 → 先成功载入其中至少一项")
    return " UNION ALL BY NAME ".join(_input_sql(project, base, feed, current[feed.item]) for feed in feeds)


def _entity_sql(base: BaseTable) -> str:
    return f"substr(md5({literal(base.table + ':')} || {identifier(base.key)}), 1, 16)"


def _linkable(base: BaseTable) -> str:
    return base.key_rule or f"{identifier(base.key)} IS NOT NULL"


def links_sql(project: Project, base: BaseTable) -> str:
    """Which entity each source row was linked to: ``item, load_id, line, entity_id`` (NULL: to none).

    Raises:
        NothingToBuild: when no input has a good version.
    """
    return f"""
        SELECT _item AS item, _load_id AS load_id, _line AS line,
            CASE WHEN {_linkable(base)} THEN {_entity_sql(base)} END AS entity_id
        FROM ({_rows_sql(project, base)})"""


def base_sql(project: Project, base: BaseTable) -> str:
    """The whole build of one base table as one SQL statement over the current versions of its items.

    Raises:
        NothingToBuild: when no input has a good version.
    """
    rows = _rows_sql(project, base)
    key = identifier(base.key)
    values, sources = [], []
    for field in base.fields:
        if field.name == base.key:
            continue
        name = identifier(field.name)
        rank = " ".join(f"WHEN {literal(item)} THEN {n}" for n, item in enumerate(_ranks(base, field)))
        order = f"row(CASE _item {rank} END, -epoch_us(_as_of), CAST({name} AS VARCHAR), _load_id, _line)"
        winner = f"{{v: {name}, item: _item, load_id: _load_id, line: _line}}"
        values.append(f"min_by({winner}, {order}) FILTER ({name} IS NOT NULL) AS {name}")
        sources.append(
            f"{name}: CASE WHEN {name} IS NOT NULL THEN "
            f"{{item: {name}.item, load_id: {name}.load_id, line: {name}.line}} END"
        )
    chosen = ", ".join(f"{identifier(f.name)}.v AS {identifier(f.name)}" for f in base.fields if f.name != base.key)
    return f"""
        WITH rows AS ({rows}),
        linked AS (SELECT * FROM rows WHERE {_linkable(base)}),
        survived AS (
            SELECT {key}, {", ".join(values)}, count(*) AS source_rows, list_sort(list(DISTINCT _item)) AS source_items
            FROM linked GROUP BY {key})
        SELECT {_entity_sql(base)} AS entity_id, {key}, {chosen},
            source_rows, source_items, {{{", ".join(sources)}}} AS provenance
        FROM survived"""


def build_base(project: Project, base: BaseTable) -> Built:
    """Bring one base table up to date with the current versions of its items."""
    return materialize(project, f"base.{base.table}", base.title, base_sql(project, base), base.key)
