"""Links between entities (人房企关联): who lives in which house, who works where, which firm is in which building.

``<link>_record`` has every row of the items that tell of a link: ``item, load_id, line``, ``<end>_id`` (the entity; NULL: it is
not in the base table), ``relation``, ``from_date``, ``to_date``, the link's fields, and for a row that tells of no link why it
was ``left_out`` and by which ``left_out_end``. ``<link>`` has the links.
"""

from __future__ import annotations

from collections.abc import Mapping

from duckdb import DuckDBPyConnection

from fudata_pipeline.catalog import Catalog, Finding
from fudata_pipeline.catalog.bases import BaseTable
from fudata_pipeline.catalog.links import Link, LinkInput
from fudata_pipeline.engine.sql import identifier, literal, parquet
from fudata_pipeline.load.version import current_rows
from fudata_pipeline.models.product import Built, NothingToBuild, materialize, product_sql
from fudata_pipeline.models.rows import empty_item, identity_sql, refused, typed_sql
from fudata_pipeline.models.state import entity_sql, folder, read_state
from fudata_pipeline.project import Project

OPEN = "DATE 'infinity'"


def link_name(link: Link) -> str:
    return f"base.{link.table}"


def record_name(link: Link) -> str:
    """The rows that a link table is made of, which may be another's."""
    return f"base.{link.of or link.table}_record"


def declared(catalog: Catalog, link: Link) -> Link:
    """The link that has the ends and inputs: the link itself, or the one that it takes from."""
    return next(k for k in catalog.links if k.table == link.of) if link.of else link


def node_of(catalog: Catalog, base: BaseTable, given: Mapping[str, str], rows: str, name: str) -> str:
    """``rows`` with the node of the entity that ``given`` (base column -> SQL over them) means, as a column ``name``.

    Columns of ``rows`` must begin with ``_``: the base table's names are its own.
    """
    named = [identity_sql(base, k) for k in base.identifiers if k.name in given]
    fields = ", ".join(identifier(f.name) for f in base.fields)
    return (
        f"(SELECT * EXCLUDE ({fields}), coalesce({', '.join(named)}) AS {identifier(name)} "
        f"FROM (SELECT *, {typed_sql(catalog, base, given)} FROM {rows}))"
    )


def entity_join(project: Project, base: BaseTable, node: str, name: str) -> str:
    """A join that finds the entity of a node: ``<name>.entity_id``, NULL where the base table does not have it.

    Raises:
        NothingToBuild: before the first build of the base table.
    """
    state, built = read_state(project, base), product_sql(project, f"base.{base.table}")
    if state is None:
        raise NothingToBuild(f"{base.title}（base.{base.table}）的文件不在 → 先重建该表")
    ids = parquet(folder(project, base) / state.identities)
    by, it = identifier(f"{name}_identity"), identifier(name)
    return (
        f"LEFT JOIN {ids} AS {by} ON {by}.node = {node} "
        f"LEFT JOIN (SELECT entity_id FROM {built}) AS {it} ON {it}.entity_id = {entity_sql(f'coalesce({by}.entity, {node})')}"
    )


def _told_sql(catalog: Catalog, link: Link, feed: LinkInput, rows: str) -> str:
    """What an input's rows tell, in columns that begin with ``_``: nodes of the ends, relation, days, fields."""
    bases = {b.table: b for b in catalog.bases}
    given: dict[str, dict[str, str]] = {}
    columns = [
        f"CAST({feed.relation or 'NULL'} AS VARCHAR) AS _relation",
        f"CAST({feed.from_date or 'NULL'} AS DATE) AS _from",
        f"CAST({feed.to_date or 'NULL'} AS DATE) AS _to",
        *(
            f"CAST({feed.columns[f.name]} AS {catalog.types[f.type].duckdb}) AS {identifier(f'_of_{f.name}')}"
            for f in link.fields
        ),
    ]
    for name in link.ends:
        for column, sql in feed.ends.get(name, {}).items():
            given.setdefault(name, {})[column] = identifier(f"_{name}_{column}")
            columns.append(f"({sql}) AS {given[name][column]}")
    where = f"WHERE {feed.where}" if feed.where else ""
    told = f"(SELECT _load_id, _line, {', '.join(columns)} FROM {rows} {where})"
    for name, columns_of in given.items():
        told = node_of(catalog, bases[link.ends[name].base], columns_of, told, f"_node_{name}")
    nodes = [
        f"{identifier(f'_node_{n}')}" if n in given else f"NULL::UBIGINT AS {identifier(f'_node_{n}')}"
        for n in link.ends
    ]
    kept = ["_relation", "_from", "_to", *(identifier(f"_of_{f.name}") for f in link.fields), *nodes]
    return f"SELECT {literal(feed.item)} AS item, _load_id, _line, {', '.join(kept)} FROM {told}"


def record_sql(project: Project, link: Link) -> str:
    """``<link>_record``, over the current versions of those of its items that have one.

    Raises:
        NothingToBuild: when no item has a good version, or a base table was never built.
    """
    loads, bases = project.registry.current_loads(), {b.table: b for b in project.catalog.bases}
    feeds = [f for f in link.inputs if f.item in loads]
    if not feeds:
        wanted = "、".join(f.item for f in link.inputs)
        raise NothingToBuild(f"{link.title}：{wanted} 都还没有可用版本 → 先成功载入其中至少一项")
    told = " UNION ALL ".join(_told_sql(project.catalog, link, f, current_rows(project, loads[f.item])) for f in feeds)
    joins = " ".join(
        entity_join(project, bases[end.base], f"t.{identifier(f'_node_{name}')}", f"to_{name}")
        for name, end in link.ends.items()
    )
    found = {name: f"to_{name}.entity_id" for name in link.ends}
    reason, by = [], []
    for name, end in link.ends.items():
        if not end.optional:
            node = f"t.{identifier(f'_node_{name}')}"
            reason += [f"WHEN {node} IS NULL THEN 'no_identifier'", f"WHEN {found[name]} IS NULL THEN 'unknown_entity'"]
            by.append(f"WHEN {found[name]} IS NULL THEN {literal(name)}")
    if optional := [name for name, end in link.ends.items() if end.optional]:
        none = f"coalesce({', '.join(found[n] for n in optional)}) IS NULL"
        unsaid = f"coalesce({', '.join(f't._node_{n}' for n in optional)}) IS NULL"
        reason += [f"WHEN {unsaid} THEN 'no_identifier'", f"WHEN {none} THEN 'unknown_entity'"]
        by.append(f"WHEN {none} THEN {literal(', '.join(optional))}")
    reason.append("WHEN _to < _from THEN 'reversed_period'")
    fields = "".join(f", {identifier(f'_of_{f.name}')} AS {identifier(f.name)}" for f in link.fields)
    return f"""
        SELECT t.item, t._load_id AS load_id, t._line AS line, {", ".join(f"{sql} AS {n}_id" for n, sql in found.items())},
            _relation AS relation, _from AS from_date, _to AS to_date{fields},
            CASE {" ".join(reason)} END AS left_out, CASE {" ".join(by)} END AS left_out_end
        FROM ({told}) AS t {joins}"""


def link_sql(catalog: Catalog, link: Link, record: str) -> str:
    """A link table over the rows that tell of it."""
    of = declared(catalog, link)
    related = of.codes is not None and link.of is None
    keys = [f"{name}_id" for name in of.ends] + [identifier(f.name) for f in of.fields] + ["relation"] * related
    key = ", ".join(keys)
    among = f" AND relation IN ({', '.join(map(literal, link.relations))})" if link.of else ""
    titles = catalog.codes[of.codes].titles if of.codes else {}
    title = (
        f", map([{', '.join(map(literal, titles))}], [{', '.join(map(literal, titles.values()))}])[relation] AS relation_title"
        if related
        else ""
    )
    told = "list_sort(list(DISTINCT item)) AS source_items, CAST(sum(n) AS BIGINT) AS source_rows"
    rows = f"""
        SELECT {key}, item, from_date, to_date, count(*) AS n, coalesce(from_date, to_date) AS begins,
            CASE WHEN from_date IS NOT NULL OR to_date IS NOT NULL THEN coalesce(to_date, {OPEN}) END AS ends
        FROM {record} WHERE left_out IS NULL{among} GROUP BY ALL"""
    if not of.dated:
        return f"SELECT {key}{title}, {told} FROM ({rows}) GROUP BY {key}"
    # What bears no day at all stands last and begins no period: it joins the newest, and says nothing of its bounds.
    order = f"PARTITION BY {key} ORDER BY begins NULLS LAST, ends, from_date, item"
    return f"""
        SELECT {key}{title}, min(from_date) AS from_date, nullif(max(ends), {OPEN}) AS to_date, {told}
        FROM (
            SELECT *, sum(starts) OVER ({order} ROWS UNBOUNDED PRECEDING) AS period
            FROM (
                SELECT *, CASE WHEN begins IS NULL OR begins - 1 <=
                    max(ends) OVER ({order} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) THEN 0 ELSE 1 END AS starts
                FROM ({rows})))
        GROUP BY {key}, period"""


def build_link(project: Project, link: Link) -> Built:
    """Bring one link table up to date, and the rows that it is made of.

    Raises:
        NothingToBuild: when no item that tells of it has a good version, or a base table was never built.
        BrokenDeclaration: when the catalog's SQL names what is not there; the current build stays.
    """
    catalog, of = project.catalog, declared(project.catalog, link)
    if link.of is None:
        title = f"{link.title}的来源行"
        materialize(project, record_name(link), title, record_sql(project, link), "item", "load_id", "line")
    sql = link_sql(catalog, link, product_sql(project, record_name(link)))
    keys = [f"{name}_id" for name in of.ends] + [f.name for f in of.fields]
    keys += ["relation"] * (of.codes is not None and link.of is None) + ["from_date"] * of.dated
    return materialize(project, link_name(link), link.title, sql, *keys)


def check_links(con: DuckDBPyConnection, catalog: Catalog) -> list[Finding]:
    """A finding for every input of a link whose SQL does not fit the columns it is written over."""
    found = []
    for link in catalog.links:
        for feed in link.inputs:
            rows = f"(SELECT *, '' AS _load_id, 0 AS _line FROM {empty_item(catalog, catalog.items_by_id[feed.item])})"
            if said := refused(con, _told_sql(catalog, link, feed, rows)):
                cure = "改正 ends、columns、relation、from_date、to_date 或 where 中的列名与类型"
                found.append(Finding(f"links/{link.table}.yaml", ("inputs", feed.item), said, cure))
    return found
