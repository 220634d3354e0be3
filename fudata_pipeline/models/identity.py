"""Which identifiers mean the same entity, and which id it bears.

An entity is the group of identifiers that are tied together: a weaker one to the stronger it is delivered with (unless it comes
with several), a replaced code to the one that took its place, two that people have judged to be the same. Its id is the hash
of its strongest identifier, and stays what it was when it gets a stronger one later, or is tied to another.

All tables here are small: they hold ties and what differs from the rule, not every entity.
"""

from __future__ import annotations

from pathlib import Path

from duckdb import DuckDBPyConnection

from fudata_pipeline.engine.sql import parquet

AMBIGUOUS = "ambiguous"
"""Table of identifiers that came with several stronger ones and so tie nothing: ``node``, ``others``."""


def tie(con: DuckDBPyConnection, parts: str, replaced: str, same: str, different: str) -> None:
    """Make the tables ``ties`` (``a`` is tied to the stronger ``b``) and ``ambiguous``.

    ``parts``: rows with ``node`` and ``weaker``; the others: tables of pairs ``a, b`` of nodes.
    """
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE said AS
        SELECT DISTINCT a, b FROM (
            SELECT unnest(weaker) AS a, node AS b FROM ({parts}) WHERE weaker IS NOT NULL
            UNION ALL FROM ({replaced})) WHERE a <> b;
        CREATE OR REPLACE TEMP TABLE {AMBIGUOUS} AS
        SELECT a AS node, list(b ORDER BY b) AS others FROM said GROUP BY a HAVING count(*) > 1;
        CREATE OR REPLACE TEMP TABLE ties AS
        SELECT a, b FROM (
            FROM (SELECT a, b FROM said ANTI JOIN {AMBIGUOUS} ON node = a) UNION FROM ({same}))
        ANTI JOIN (SELECT a AS x, b AS y FROM ({different}) UNION ALL SELECT b, a FROM ({different})) ON x = a AND y = b;
        DROP TABLE said""")


def group(con: DuckDBPyConnection) -> None:
    """Make the table ``tied``: ``node``, ``root`` (the strongest of its group), of all nodes that ties name."""
    con.execute("""
        CREATE OR REPLACE TEMP TABLE tied AS
        SELECT node, node AS label FROM (SELECT a AS node FROM ties UNION SELECT b FROM ties)""")
    while True:  # each round halves the length of a chain at least; groups are pairs and triples
        [(changed,)] = con.execute("""
            CREATE OR REPLACE TEMP TABLE lower_ AS
            SELECT node, min(label) AS label FROM (
                SELECT x.node, y.label FROM tied x JOIN ties ON a = x.node JOIN tied y ON y.node = b
                UNION ALL SELECT x.node, y.label FROM tied x JOIN ties ON b = x.node JOIN tied y ON y.node = a
                UNION ALL SELECT x.node, y.label FROM tied x JOIN tied y ON y.node = x.label)
            GROUP BY node;
            UPDATE tied SET label = lower_.label FROM lower_ WHERE lower_.node = tied.node AND lower_.label < tied.label""").fetchall()
        if not changed:
            break
    con.execute("""
        DROP TABLE lower_;
        CREATE OR REPLACE TEMP TABLE tied AS
        SELECT node, coalesce(min(node) FILTER (strong) OVER (PARTITION BY label), label) AS root
        FROM (SELECT *, node NOT IN (SELECT a FROM ties) AS strong FROM tied)""")


def settle(con: DuckDBPyConnection, before: Path | None, known: str, present: str) -> None:
    """Make the tables ``identities`` (``node, entity``: only where the entity is not the node's own number) and ``moves``
    (``kind`` merge or split, ``entity``, ``into``: ids that live on in another, or come back from one).

    ``before``: the identities of the build before; ``known``: table of the entities it had (``entity``); ``present``: table of
    the identifiers that rows have now (``node``): one of them that nothing ties any longer to those that bear its number
    takes it back.
    """
    former = parquet(before) if before else "(SELECT NULL::UBIGINT AS node, NULL::UBIGINT AS entity WHERE false)"
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE members AS
        SELECT node, coalesce(root, node) AS root, coalesce(f.entity, node) AS prior
        FROM (SELECT node FROM tied UNION SELECT node FROM {former} UNION SELECT entity AS node FROM {former} SEMI JOIN ({present}) p ON p.node = entity)
        LEFT JOIN tied USING (node) LEFT JOIN {former} f USING (node);
        CREATE OR REPLACE TEMP TABLE claims AS
        SELECT root, prior, bool_or(node = root) AS by_root FROM members SEMI JOIN ({known}) k ON k.entity = prior GROUP BY ALL;
        -- One id for a group: what its strongest member bore, else the smallest; and no id for two groups.
        CREATE OR REPLACE TEMP TABLE chosen AS
        SELECT root, prior AS entity FROM (FROM claims QUALIFY row_number() OVER (PARTITION BY root ORDER BY by_root DESC, prior) = 1)
        QUALIFY row_number() OVER (PARTITION BY prior ORDER BY by_root DESC, root = prior DESC, root) = 1;
        CREATE OR REPLACE TEMP TABLE bearing AS
        SELECT root, coalesce(c.entity, CASE WHEN root IN (SELECT entity FROM chosen) THEN md5_number_lower(root || ':split') ELSE root END) AS entity
        FROM (SELECT DISTINCT root FROM members) LEFT JOIN chosen c USING (root);
        CREATE OR REPLACE TEMP TABLE identities AS
        SELECT node, entity FROM members JOIN bearing USING (root) WHERE node <> entity ORDER BY node;
        CREATE OR REPLACE TEMP TABLE moves AS
        SELECT DISTINCT 'merge' AS kind, prior AS entity, b.entity AS "into" FROM claims JOIN bearing b USING (root)
        WHERE prior <> b.entity AND prior NOT IN (SELECT entity FROM bearing)
        UNION ALL SELECT DISTINCT 'split', prior, b.entity FROM members m JOIN bearing b USING (root)
        WHERE m.prior <> b.entity AND prior IN (SELECT entity FROM ({known})) AND prior IN (SELECT entity FROM bearing);
        DROP TABLE members; DROP TABLE claims; DROP TABLE chosen; DROP TABLE bearing""")
