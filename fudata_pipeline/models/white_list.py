"""The list of residents (白名单) held against the base model: who is on it, who was last seen where, and what to do about it.

``white_list``: a row a person of the base table: ``entity_id, on_list, registered, last_seen, seen_by, units, left_date,
house_id, listed_house_id, suggestion, suggested, reason, as_of``. The list's own rows are no evidence that somebody is
here, and days after the newest load that feeds the base table are none either.
"""

from __future__ import annotations

from duckdb import DuckDBPyConnection

from fudata_pipeline.catalog import Catalog, Finding
from fudata_pipeline.catalog.lint_white_list import WHITE_LIST
from fudata_pipeline.catalog.white_list import WhiteList
from fudata_pipeline.engine.sql import identifier, literal, parquet
from fudata_pipeline.load.version import current_rows
from fudata_pipeline.models.links import entity_join, node_of
from fudata_pipeline.models.product import Built, NothingToBuild, base_sql, materialize, product_sql
from fudata_pipeline.models.rows import as_of, refused
from fudata_pipeline.models.state import ENTITY, entity_sql, folder, joined, read_state
from fudata_pipeline.project import Project

FACTS = {
    "on_list": "BOOLEAN", "registered": "BOOLEAN", "last_seen": "DATE", "seen_by": "VARCHAR", "units": "VARCHAR[]",
    "left_date": "DATE", "house_id": "VARCHAR", "listed_house_id": "VARCHAR", "as_of": "DATE", "unseen": "BOOLEAN",
}  # fmt: skip
"""What suggestions may speak of beside the attributes of the base table."""


def white_list_name(declared: WhiteList) -> str:
    return f"base.{declared.table}"


def _known_sql(project: Project, declared: WhiteList) -> str:
    """Every row that an item has about an entity: ``entity, item, day`` of its watermark."""
    base = project.catalog.base(declared.base)
    state, here = read_state(project, base), folder(project, base)
    if state is None:
        raise NothingToBuild(f"{declared.title}：base.{base.table} 尚未建成 → 先建成该表")
    if declared.listed not in state.parts:  # without a list, everybody would seem to be missing from it
        raise NothingToBuild(f"{declared.title}：{declared.listed} 还没有可用版本 → 先成功载入该数据项")
    loads, items = project.registry.current_loads(), project.catalog.items_by_id
    identities, matches = parquet(here / state.identities), parquet(here / state.matches)
    parts = []
    for item, part in state.parts.items():
        rows, latest = joined(parquet(here / part.file), identities, matches), items[item].latest_by
        day = "NULL::DATE"
        if latest and item in loads and item != declared.listed:
            day = f"CAST(v.{identifier(latest)} AS DATE)"
            rows += (
                f" LEFT JOIN {current_rows(project, loads[item])} AS v ON v._load_id = p.load_id AND v._line = p.line"
            )
        parts.append(f"SELECT {ENTITY} AS entity, {literal(item)} AS item, {day} AS day FROM {rows}")
    return " UNION ALL ".join(parts)


def _suggested(catalog: Catalog, declared: WhiteList, attribute: str) -> str:
    titles = catalog.codes[declared.codes].titles
    whens = []
    for s in declared.suggestions:
        said = {"code": s.code, "title": titles[s.code], "reason": s.reason}[attribute]
        whens.append(f"WHEN {s.when} THEN {literal(said)}")
    return f"CASE {' '.join(whens)} END"


def white_list_sql(project: Project, declared: WhiteList) -> str:
    """The list held against the base table.

    Raises:
        NothingToBuild: when the list has no good version, or the base tables or links that it needs were never built.
    """
    catalog = project.catalog
    base, houses = catalog.base(declared.base), catalog.base(declared.house_base)
    newest = as_of(project, base)
    if newest is None:
        raise NothingToBuild(f"{declared.title}：{base.table} 还没有任何来源 → 先成功载入其中至少一项")
    person, house = f"{declared.person}_id", f"{declared.house}_id"
    homes = product_sql(project, f"base.{declared.homes}_record")
    people = f"(SELECT entity_id AS _entity_id, {identifier(houses.key)} AS _house FROM {base_sql(project, base)})"
    placed = node_of(catalog, houses, {houses.key: "_house"}, people, "_node")
    attributes = ", ".join(f"e.{identifier(f.name)}" for f in base.fields)
    titles = ", ".join(
        f"{_suggested(catalog, declared, a)} AS {n}"
        for a, n in (("code", "suggestion"), ("title", "suggested"), ("reason", "reason"))
    )
    return f"""
        WITH known AS ({_known_sql(project, declared)}),
        day AS (SELECT coalesce(max(day), DATE {literal(newest)}) AS as_of FROM known WHERE day <= DATE {literal(newest)}),
        seen AS (
            SELECT {entity_sql("entity")} AS entity_id, bool_or(item = {literal(declared.listed)}) AS on_list,
                bool_or(item = {literal(declared.registered)}) AS registered,
                max({{day: day, item: item}}) FILTER (day <= as_of) AS seen, list_sort(list(DISTINCT split_part(item, '.', 1))) AS units
            FROM known, day WHERE entity IS NOT NULL GROUP BY entity),
        gone AS (
            SELECT {person} AS entity_id, max(to_date) AS left_date FROM {product_sql(project, f"base.{declared.residence}")}, day
            GROUP BY {person} HAVING bool_and(to_date IS NOT NULL AND to_date <= as_of)),
        listed AS (
            SELECT {person} AS entity_id, min({house}) AS listed_house_id FROM {homes}
            WHERE item = {literal(declared.listed)} AND left_out IS NULL GROUP BY {person}),
        placed AS (
            SELECT t._entity_id AS entity_id, to_house.entity_id AS house_id
            FROM {placed} AS t {entity_join(project, houses, "t._node", "to_house")}),
        facts AS (
            SELECT e.entity_id, {attributes}, coalesce(on_list, false) AS on_list, coalesce(registered, false) AS registered,
                seen.day AS last_seen, seen.item AS seen_by, coalesce(units, []) AS units, left_date, house_id, listed_house_id, as_of,
                coalesce(as_of - seen.day > {declared.unseen_days}, true) AS unseen
            FROM {base_sql(project, base)} AS e CROSS JOIN day LEFT JOIN seen USING (entity_id)
                LEFT JOIN gone USING (entity_id) LEFT JOIN listed USING (entity_id) LEFT JOIN placed USING (entity_id))
        SELECT entity_id, on_list, registered, last_seen, seen_by, units, left_date, house_id, listed_house_id, {titles}, as_of
        FROM facts"""


def build_white_list(project: Project, declared: WhiteList) -> Built:
    """Bring the table up to date.

    Raises:
        NothingToBuild: when the list has no good version, or the base tables or links that it needs were never built.
        BrokenDeclaration: when the catalog's SQL names what is not there; the current build stays.
    """
    sql = white_list_sql(project, declared)
    return materialize(project, white_list_name(declared), declared.title, sql, "entity_id")


def check_white_list(con: DuckDBPyConnection, catalog: Catalog) -> list[Finding]:
    """A finding for every suggestion whose SQL does not fit the columns it is written over."""
    declared = catalog.white_list
    if declared is None:
        return []
    kinds = {f.name: catalog.types[f.field.type].duckdb for f in catalog.base(declared.base).fields} | FACTS
    nulls = ", ".join(f"CAST(NULL AS {kind}) AS {identifier(name)}" for name, kind in kinds.items())
    found = []
    for s in declared.suggestions:
        if said := refused(con, f"SELECT * FROM (SELECT {nulls}) WHERE {s.when}"):
            found.append(Finding(WHITE_LIST, ("suggestions", s.code), said, "改正 when 中的列名与类型"))
    return found
