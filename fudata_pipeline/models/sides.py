"""The two sides of a comparison: entities and records brought into the same columns, once for each distinct evidence."""

from __future__ import annotations

from importlib.resources import files
from typing import Literal

from duckdb import DuckDBPyConnection

from fudata_pipeline.models import names

Kind = Literal["person", "firm"]

_LISTS = {
    "person": {
        "phones": "phone",
        "births": "birth_date",
        "sexes": "sex",
        "houses": "house_code",
        "buildings": "building_code",
    },
    "firm": {
        "phones": "phone",
        "reps": "rep",
        "houses": "house_code",
        "buildings": "building_code",
        "addresses": "address",
    },
}
"""The list columns of entities, and the columns of records that hold the one value."""

_NAMED = {"person": "fold, pinyin, bag", "firm": "fold, pinyin, bag, brand, trade, branch"}
_HOUSE_OF_BUILDING = 19
"""A house code begins with the 19 digits of its building."""


def install(con: DuckDBPyConnection) -> None:
    """Create the macros of comparisons for this connection."""
    names.install(con)
    con.execute(files(__package__).joinpath("matching.sql").read_text("utf-8"))


def prepare(con: DuckDBPyConnection, kind: Kind, entities: str, records: str) -> None:
    """Create the temporary tables ``_left``, ``_right`` and ``_right_of``.

    ``_left``: a row for every name of every entity (``owner``), ``_right``: a row for every distinct evidence of records,
    both with ``unique_id``, the name in its forms and a list column for each other value. ``_right_of (record,
    unique_id)`` says which records have which evidence.
    """
    install(con)
    lists = _LISTS[kind]
    evidence = ", ".join(["name", *lists.values()])
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE _distinct AS
        SELECT row_number() OVER () - 1 AS unique_id, {evidence} FROM (SELECT DISTINCT {evidence} FROM {records})""")
    same = " AND ".join(f"d.{c} IS NOT DISTINCT FROM r.{c}" for c in ["name", *lists.values()])
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE _right_of AS
        SELECT r.record, d.unique_id FROM {records} r JOIN _distinct d ON {same}""")
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE _named AS
        SELECT entity, unnest(coalesce(values_of(names), [NULL])) AS name FROM {entities}""")
    forms = names.parse_firms if kind == "firm" else names.fold_names
    forms(con, "(SELECT name FROM _named UNION SELECT name FROM _distinct)", "_forms")
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE _left AS
        SELECT CAST(row_number() OVER () - 1 AS UBIGINT) AS unique_id, n.entity AS owner, n.name, {_NAMED[kind]},
            {", ".join(f"values_of(e.{many}) AS {many}" for many in lists)}
        FROM _named n JOIN {entities} e USING (entity) LEFT JOIN _forms f ON f.name = n.name""")
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE _right AS
        SELECT CAST(d.unique_id AS UBIGINT) AS unique_id, CAST(NULL AS UBIGINT) AS owner, d.name, {_NAMED[kind]},
            {", ".join(f"values_of([d.{one}]) AS {many}" for many, one in lists.items())}
        FROM _distinct d LEFT JOIN _forms f ON f.name = d.name""")
    if kind == "firm":
        _fold_others(con)
    for side in ("_left", "_right"):
        con.execute(f"""
            UPDATE {side} SET buildings = list_distinct(list_transform(houses, lambda h: left(h, {_HOUSE_OF_BUILDING})))
            WHERE buildings IS NULL AND houses IS NOT NULL""")
    con.execute("DROP TABLE _named; DROP TABLE _distinct; DROP TABLE _forms")


def _fold_others(con: DuckDBPyConnection) -> None:
    """Representatives and addresses of firms are folded as names are; ``rep_pinyins`` is added."""
    sides = ("_left", "_right")
    for many in ("reps", "addresses"):
        values = " UNION ALL ".join(f"SELECT unnest({many}) AS name FROM {side}" for side in sides)
        names.fold_names(con, f"({values})", "_others")
        for side in sides:
            con.execute(f"""
                CREATE OR REPLACE TEMP TABLE _folded AS
                SELECT unique_id, values_of(list(fold)) AS folds, values_of(list(pinyin)) AS pinyins
                FROM (SELECT unique_id, unnest({many}) AS name FROM {side}) JOIN _others USING (name) GROUP BY unique_id""")
            spelled = ", f.pinyins AS rep_pinyins" if many == "reps" else ""
            con.execute(f"""
                CREATE OR REPLACE TEMP TABLE {side} AS
                SELECT s.* REPLACE (f.folds AS {many}){spelled} FROM {side} s LEFT JOIN _folded f USING (unique_id)""")


def features_sql(kind: Kind, side: str) -> str:
    """A side with the columns that comparisons read, as a query; computed only for rows that are compared."""
    common = """unique_id, owner, name, fold, pinyin, bag, phones, phones[1] AS phone_key, houses, buildings,
        list_distinct(list_transform(buildings, lambda b: left(b, 12))) AS communities"""
    if kind == "person":
        return f"""
            SELECT {common}, surname(fold) AS surname, CASE WHEN length(fold) - length(surname(fold)) > 1
                    THEN substr(fold, length(surname(fold)) + 1) END AS given,
                list_transform(births, lambda d: strftime(d, '%Y%m%d')) AS births,
                list_transform(births, lambda d: strftime(d, '%Y%d%m')) AS swapped,
                list_distinct(list_transform(births, lambda d: year(d))) AS years,
                strftime(births[1], '%Y%m%d') AS birth_key, sexes, sexes[1] AS sex_key, buildings[1] AS building_key
            FROM {side}"""
    return f"""
        SELECT {common}, brand, trade, branch, reps, reps[1] AS rep_key, rep_pinyins, addresses,
            list_concat(buildings, addresses) AS places, buildings[1] AS building_key,
            addresses[1] AS address_key
        FROM {side}"""
