"""Records without a usable identifier, placed at identified entities by match weights (Fellegi and Sunter, by Splink).

Tables, all on the connection that is given. Any value may be NULL, lists may be empty, tables too:

- entities of persons ``(entity UBIGINT, names, phones VARCHAR[], births DATE[], sexes, houses, buildings VARCHAR[])``,
  records ``(record UBIGINT, name, phone VARCHAR, birth_date DATE, sex, house_code, building_code VARCHAR)``;
- entities of firms ``(entity, names, phones, reps, houses, buildings, addresses)``, records ``(record, name, phone, rep,
  house_code, building_code, address)``.

An entity's lists hold every value that any source gave, so an old phone still counts.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from duckdb import DuckDBPyConnection

from fudata_pipeline.engine.sql import identifier
from fudata_pipeline.models import blocking, comparing
from fudata_pipeline.models.learning import learn
from fudata_pipeline.models.match_charts import charts
from fudata_pipeline.models.sides import Kind, compare_rows, entity_rows, features_sql, install, record_rows

__all__ = ["candidates", "charts", "decide", "entity_rows", "frequencies_sql", "record_rows", "train"]

COMPARISONS = {"person": comparing.PERSON, "firm": comparing.FIRM}
BLOCKS = {"person": blocking.PERSON, "firm": blocking.FIRM}
CHUNK = 1_000_000
"""Pairs that are scored at once: what bounds the memory."""


@contextmanager
def _quiet() -> Iterator[None]:
    logger = logging.getLogger("splink")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def train(con: DuckDBPyConnection, kind: Kind, left: str, right: str, *, seed: int) -> dict[str, Any]:
    """Learn the match weights from the data itself; nobody has to say which pairs belong together.

    ``left``, ``right``: rows made by :func:`entity_rows` and :func:`record_rows`.

    Returns:
        A model that JSON can hold: ``kind``, ``entities`` (their number), ``prior``, ``sessions`` (the blocks that
        training went through, with their pairs), ``levels`` (each with m, u and where both come from: ``counted``,
        ``sampled``, ``learned``, ``bounded`` or ``declared``), ``splink`` (Splink's own settings).
    """
    with _quiet():
        compare_rows(con, left, right)
        learned = learn(con, kind, COMPARISONS[kind], seed)
        _drop(con)
    return learned


NAMESAKES = {"person": 1.0, "firm": 0.002}
"""How many others bear a name that one entity here bears: of people's anybody outside may, while two firms must not be
registered under one name in one place (企业名称登记管理规定) [A]."""


def frequencies_sql(kind: Kind, left: str) -> str:
    """A query ``fold, share``: which share of entities bears a name besides the one that is meant, however it is written.

    Part of a model.
    """
    return f"""
        SELECT fold, (count(DISTINCT owner) - 1 + {NAMESAKES[kind]}) / greatest((SELECT count(DISTINCT owner) FROM {left}), {comparing.STRANGERS}) AS share
        FROM {left} WHERE fold IS NOT NULL GROUP BY fold ORDER BY fold"""


def candidates(
    con: DuckDBPyConnection,
    kind: Kind,
    model: dict[str, Any],
    shares: str,
    left: str,
    right: str,
    into: str,
    *,
    floor: float = 0.05,
) -> dict[str, dict[str, int]]:
    """Create the table ``into (record, entity, probability, weight, pattern)``: pairs of at least probability ``floor``.

    ``shares``: what :func:`frequencies_sql` gave when the model was learned; a name that was not there counts as one
    that one entity bears. ``weight`` is the match weight, the prior included: log2 of the odds. ``pattern`` says each comparison's
    level: ``name:exact phone:equal birth:missing …``. An entity known under several names counts with the best of them.
    What a pair gets depends on the model and the two alone, and on no order of rows nor number of threads.

    Returns, for each blocking rule, the pairs it brought, and the keys and distinct records that its guard left out.
    """
    with _quiet():
        install(con)
        compare_rows(con, left, right)
        report = blocking.pair_up(con, BLOCKS[kind], "_left", "_right", "_pairs")
        con.execute(
            "CREATE OR REPLACE TEMP TABLE _scored (l UBIGINT, r UBIGINT, p DOUBLE, weight DOUBLE, pattern VARCHAR)"
        )
        [(pairs,)] = con.execute("SELECT count(*) FROM _pairs").fetchall()
        if pairs:
            _frequencies(con, model, shares)
            chunks = -(-pairs // CHUNK)
            for number in range(chunks):
                _score(con, kind, model, f"hash(r) % {chunks} = {number}", floor)
        con.execute(f"""
            CREATE OR REPLACE TABLE {identifier(into)} AS
            WITH best AS (
                SELECT s.r, e.owner, max(p) AS p, max(weight) AS weight, max_by(pattern, (weight, pattern)) AS pattern
                FROM _scored s JOIN _left e ON e.unique_id = s.l GROUP BY s.r, e.owner)
            SELECT o.record, b.owner AS entity, b.p AS probability, b.weight, b.pattern
            FROM best b JOIN _right_of o ON o.unique_id = b.r ORDER BY record, weight DESC, entity""")
        con.execute("DROP TABLE _scored; DROP TABLE _pairs; DROP TABLE IF EXISTS _tf_name")
        _drop(con)
    return report


def _drop(con: DuckDBPyConnection) -> None:
    con.execute("DROP TABLE _left; DROP TABLE _right; DROP TABLE _right_of")


def _frequencies(con: DuckDBPyConnection, model: dict[str, Any], shares: str) -> None:
    """``_tf_name``: the share of entities that have a name."""
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE _tf_name AS
        SELECT name, coalesce(share, {NAMESAKES[model["kind"]] / max(comparing.STRANGERS, model["entities"])}) AS tf_name
        FROM (SELECT name, fold FROM _left UNION SELECT name, fold FROM _right) LEFT JOIN {shares} USING (fold)
        WHERE fold IS NOT NULL""")


def _score(con: DuckDBPyConnection, kind: Kind, model: dict[str, Any], where: str, floor: float) -> None:
    """Score a part of the pairs with Splink, over the rows that they need only."""
    from splink import DuckDBAPI, Linker

    con.execute(f"CREATE OR REPLACE TEMP TABLE _part AS SELECT l, r FROM _pairs WHERE {where}")
    for side, end in (("_left", "l"), ("_right", "r")):
        rows = f"(SELECT * FROM {side} WHERE unique_id IN (SELECT {end} FROM _part))"
        con.execute(f"CREATE OR REPLACE TEMP TABLE _part{side} AS {features_sql(kind, rows)}")
    con.execute("""
        CREATE OR REPLACE TEMP TABLE _part_pairs AS
        SELECT '0' AS match_key, 'e-__-' || l AS join_key_l, 'r-__-' || r AS join_key_r FROM _part""")
    api = DuckDBAPI(con)
    sides = [
        api.register("_part_left", dataset_display_name="e", table_name="_part_e"),
        api.register("_part_right", dataset_display_name="r", table_name="_part_r"),
    ]
    linker = Linker(sides, model["splink"], log_level=None)
    linker.table_management.register_term_frequency_lookup(api.register("_tf_name"), "name")
    linker.table_management.register_blocked_pairs_for_predict(api.register("_part_pairs"))
    scored = linker.inference.predict(threshold_match_probability=floor)
    words = " || ' ' || ".join(c.pattern() for c in COMPARISONS[kind])
    con.execute(f"""
        INSERT INTO _scored
        SELECT CAST(unique_id_l AS UBIGINT), CAST(unique_id_r AS UBIGINT), match_probability, match_weight, {words}
        FROM {scored.physical_name}""")
    api.delete_tables_created_by_splink_from_db()
    con.execute("DROP TABLE _part; DROP TABLE _part_left; DROP TABLE _part_right; DROP TABLE _part_pairs")


def decide(con: DuckDBPyConnection, table: str, into: str, *, automatic: float, review: float, margin: float) -> None:
    """Create the table ``into (record, entity, outcome, probability, weight, pattern, second, lead)``: a row a record.

    ``linked``: the best entity's probability is at least ``automatic`` and its weight at least ``margin`` (in bits)
    above that of the second best, and never in a tie. ``review``: the best probability is at least ``review``. ``none``:
    otherwise; then ``entity`` is NULL. ``second`` is the second best entity, ``lead`` the distance to its weight. Of equals the
    smaller entity id stands first. Records that have no candidate have no row.

    Raises:
        ValueError: unless 0 < review <= automatic <= 1 and margin >= 0.
    """
    if not (0 < review <= automatic <= 1 and margin >= 0):
        raise ValueError(f"0 < review <= automatic <= 1 and margin >= 0, not {review}, {automatic}, {margin}")
    con.execute(f"""
        CREATE OR REPLACE TABLE {identifier(into)} AS
        WITH placed AS (
            SELECT *, lead(entity) OVER w AS second, weight - lead(weight) OVER w AS distance
            FROM {identifier(table)} WINDOW w AS (PARTITION BY record ORDER BY weight DESC, entity)
            QUALIFY row_number() OVER w = 1),
        judged AS (
            SELECT *, CASE
                WHEN probability >= {automatic}
                    AND (second IS NULL OR distance >= {margin} AND distance > 0) THEN 'linked'
                WHEN probability >= {review} THEN 'review' ELSE 'none' END AS outcome
            FROM placed)
        SELECT record, CASE WHEN outcome <> 'none' THEN entity END AS entity, outcome, probability, weight, pattern, second,
            distance AS lead
        FROM judged ORDER BY record""")
