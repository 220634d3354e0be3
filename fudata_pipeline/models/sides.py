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


def entity_rows(con: DuckDBPyConnection, kind: Kind, entities: str, into: str) -> None:
    """Create the temporary table ``into``: a row for every name of every entity (``owner``), with the name in its forms and a
    list for each other value."""
    install(con)
    lists = _LISTS[kind]
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE _named AS
        SELECT entity, unnest(coalesce(values_of(names), [NULL])) AS name FROM {entities}""")
    _forms(con, kind, "_named")
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE {into} AS
        SELECT n.entity AS owner, n.name, {_NAMED[kind]}, {", ".join(f"values_of(e.{many}) AS {many}" for many in lists)}
        FROM _named n JOIN {entities} e USING (entity) LEFT JOIN _forms f ON f.name = n.name;
        DROP TABLE _named""")
    _finish(con, kind, into)


def record_rows(con: DuckDBPyConnection, kind: Kind, records: str, into: str) -> None:
    """Create the temporary table ``into``: a row a record, in the columns of :func:`entity_rows` but with ``record``."""
    install(con)
    _forms(con, kind, records)
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE {into} AS
        SELECT d.record, d.name, {_NAMED[kind]}, {", ".join(f"values_of([d.{one}]) AS {many}" for many, one in _LISTS[kind].items())}
        FROM {records} d LEFT JOIN _forms f ON f.name = d.name""")
    _finish(con, kind, into)


def compare_rows(con: DuckDBPyConnection, left: str, right: str) -> None:
    """Create what comparisons read: ``_left`` and ``_right`` with a ``unique_id``, and ``_right_of (record, unique_id)``.

    ``left`` and ``right``: rows as :func:`entity_rows` and :func:`record_rows` make them, tables or queries in brackets.
    Records of the same evidence are one row of ``_right``.
    """
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE _left AS SELECT CAST(row_number() OVER () - 1 AS UBIGINT) AS unique_id, * FROM {left};
        CREATE OR REPLACE TEMP TABLE _all AS SELECT hash(*COLUMNS(* EXCLUDE record)) AS unique_id, * FROM {right};
        CREATE OR REPLACE TEMP TABLE _right_of AS SELECT record, unique_id FROM _all;
        CREATE OR REPLACE TEMP TABLE _right AS
        SELECT DISTINCT ON (unique_id) unique_id, CAST(NULL AS UBIGINT) AS owner, * EXCLUDE (unique_id, record) FROM _all;
        DROP TABLE _all""")


def _forms(con: DuckDBPyConnection, kind: Kind, names_of: str) -> None:
    forms = names.parse_firms if kind == "firm" else names.fold_names
    forms(con, f"(SELECT name FROM {names_of})", "_forms")


def _finish(con: DuckDBPyConnection, kind: Kind, rows: str) -> None:
    """Fold the other names of firms, and add the building that a house code names."""
    con.execute("DROP TABLE _forms")
    if kind == "firm":
        _fold_others(con, rows)
    con.execute(f"""
        UPDATE {rows} SET buildings = list_distinct(list_transform(houses, lambda h: left(h, {_HOUSE_OF_BUILDING})))
        WHERE buildings IS NULL AND houses IS NOT NULL""")


def _fold_others(con: DuckDBPyConnection, rows: str) -> None:
    """Representatives and addresses of firms are folded as names are; ``rep_pinyins`` is added."""
    for many in ("reps", "addresses"):
        fold = names.fold_names if many == "reps" else names.fold_texts
        fold(con, f"(SELECT unnest({many}) AS name FROM {rows})", "_others")
        con.execute(f"""
            CREATE OR REPLACE TEMP TABLE _numbered AS SELECT row_number() OVER () AS _n, * FROM {rows};
            CREATE OR REPLACE TEMP TABLE _folded AS
            SELECT _n, values_of(list(fold)) AS folds{", values_of(list(pinyin)) AS pinyins" if many == "reps" else ""}
            FROM (SELECT _n, unnest({many}) AS name FROM _numbered) JOIN _others USING (name) GROUP BY _n""")
        spelled = ", f.pinyins AS rep_pinyins" if many == "reps" else ""
        con.execute(f"""
            CREATE OR REPLACE TEMP TABLE {rows} AS
            SELECT s.* EXCLUDE (_n) REPLACE (f.folds AS {many}){spelled} FROM _numbered s LEFT JOIN _folded f USING (_n);
            DROP TABLE _numbered; DROP TABLE _folded; DROP TABLE _others""")


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
