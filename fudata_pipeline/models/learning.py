"""Match weights learned from the data: u from pairs that are known to be different, m by expectation maximisation.

Two identified entities are different, so pairs of entities give u unspoilt by true pairs. For what relatives share, u is
that among entities of one phone or house if it is higher there: surnames, and one character of the given names.
"""

from __future__ import annotations

from statistics import median
from typing import Any

from duckdb import DuckDBPyConnection

from fudata_pipeline.models.comparing import STRANGERS, Comparison, Level
from fudata_pipeline.models.sides import Kind, features_sql

_TRAINING = {
    "person": (("fold", "phone_key"), ("fold", "birth_key"), ("phone_key",), ("fold", "building_key")),
    "firm": (("fold",), ("phone_key",), ("rep_key",)),
}
"""Blocks of expectation maximisation: what one of them holds equal, another lets be learned."""

_SHARED_BY = {"person": ("phones", "houses"), "firm": ("phones", "reps")}
_SAMPLE = 1_500
"""Entities on either side of the random pairs."""
_TRAINED = 40_000
"""Distinct records that training goes through at most."""
_FEW_ENTITIES = 200
_FEW_PAIRS = 10
_FEW_TRAINED = 500
_LARGE = 20
"""Entities that may share a value in training; more of them is no household."""
_ITERATIONS = (25, 4)
"""Of expectation maximisation; where many run a level down to nothing, few."""
_BOUND = 4.0
"""How many times the declared m of a level below the best may be exceeded."""


def learn(con: DuckDBPyConnection, kind: Kind, comparisons: tuple[Comparison, ...], seed: int) -> dict[str, Any]:
    """The model (see ``matching.train``) from ``_left`` and ``_right`` of :func:`.sides.compare_rows`."""
    [(entities,)] = con.execute("SELECT count(DISTINCT owner) FROM _left").fetchall()
    [(records,)] = con.execute("SELECT count(*) FROM _right").fetchall()
    prior = 0.5 / max(entities, STRANGERS)  # about one entity in all, for every second record
    us: dict[str, dict[str, tuple[float, str]]] = {c.word: {} for c in comparisons}
    sessions: dict[str, int] = {}
    ms: dict[str, dict[str, float]] = {c.word: {} for c in comparisons}
    if entities >= _FEW_ENTITIES:
        us = _different(con, kind, comparisons, seed)
    if entities >= _FEW_ENTITIES and records:
        sessions, ms = _maximise(con, kind, comparisons, us, prior, seed)
    levels = [row for c in comparisons for row in _levels(c, us[c.word], ms[c.word])]
    values = {
        c.word: {
            row["sql"]: {"m_probability": row["m"], "u_probability": row["u"]}
            for row in levels
            if row["comparison"] == c.word
        }
        for c in comparisons
    }
    return {
        "kind": kind,
        "seed": seed,
        "entities": entities,
        "prior": prior,
        "sessions": sessions,
        "levels": levels,
        "splink": _settings(comparisons, values, prior, tf=True),
    }


def _settings(
    comparisons: tuple[Comparison, ...],
    values: dict[str, dict[str, dict[str, float]]],
    prior: float,
    *,
    tf: bool,
    iterations: int = 25,
) -> dict[str, Any]:
    return {
        "link_type": "link_only",
        "probability_two_random_records_match": prior,
        "comparisons": [c.settings(values.get(c.word, {}), tf) for c in comparisons],
        "blocking_rules_to_generate_predictions": [],
        "retain_matching_columns": True,  # with them come the levels, for the patterns
        "retain_intermediate_calculation_columns": False,
        "max_iterations": iterations,
        "unique_id_column_name": "unique_id",
        "linker_uid": "fudata",
    }


def _levels(c: Comparison, us: dict[str, tuple[float, str]], ms: dict[str, float]) -> list[dict[str, Any]]:
    """The levels of a comparison with the probabilities that hold, rounded so that no summing order shows."""
    free = [level for level in c.levels if not level.given]
    best = max(free, key=lambda level: level.m)
    m = {level.sql: (level.m, "declared") for level in c.levels}
    ms = _split(c, free, ms)
    for level in free:
        if level.sql in ms and not level.kin:
            held = min(max(ms[level.sql], level.m / _BOUND), min(level.m * _BOUND, 0.95))
            m[level.sql] = (held, "learned" if held == ms[level.sql] else "bounded")
    if ms:
        rest = sum(value for sql, (value, _) in m.items() if sql in {f.sql for f in free} - {best.sql})
        m[best.sql] = (max(1 - rest, 0.05), "learned" if best.sql in ms else "declared")
    for level in c.levels:
        if level.given:
            # Among true pairs the other comparison says nothing of this one: m is that of all the levels it stands for.
            together = sum(m[other.sql][0] for other in _covered(level, free))
            m[level.sql] = (min(together, 0.99), m[best.sql][1])
    rows = []
    for level in c.levels:
        value, source = m[level.sql]
        u, u_source = us.get(level.sql, (level.u, "declared"))
        rows.append(
            {
                "comparison": c.word,
                "level": level.label,
                "m": float(f"{value:.9g}"),
                "u": float(f"{u:.9g}"),
                "m_source": source,
                "u_source": u_source,
                "sql": level.sql,
            }
        )
    return rows


def _covered(level: Level, free: list[Level]) -> list[Level]:
    """The levels that one with a condition stands for: from the best down to the one of its own word."""
    words = [other.word for other in free]
    return free[: words.index(level.word) + 1]


def _split(c: Comparison, free: list[Level], ms: dict[str, float]) -> dict[str, float]:
    """What was learned on a level with a condition goes to the levels that it stands for, in the declared ratio."""
    ms = dict(ms)
    for level in (level for level in c.levels if level.given and level.sql in ms):
        covered = _covered(level, free)
        total = ms.pop(level.sql) + sum(ms.get(other.sql, 0.0) for other in covered)
        declared = sum(other.m for other in covered)
        ms |= {other.sql: total * other.m / declared for other in covered}
    return ms


def _different(
    con: DuckDBPyConnection, kind: Kind, comparisons: tuple[Comparison, ...], seed: int
) -> dict[str, dict[str, tuple[float, str]]]:
    """u of every level that enough pairs of different entities show: counted over all, or from a random sample."""
    _household(con, kind, seed)
    us = _sampled(con, kind, comparisons, seed)
    for c in comparisons:
        together = _shares(con, kind, c, "_household")
        for level in c.levels:
            if level.shared:
                pairs, all_pairs = _sharing(con, level.shared)
                if pairs >= _FEW_PAIRS:
                    us[c.word][level.sql] = (pairs / all_pairs, "counted")
                else:
                    us[c.word].pop(level.sql, None)
            elif level.given:
                us[c.word].pop(level.sql, None)
                given = _shares(con, kind, c, "(FROM _household WHERE shared = 'phones')")
                if level.sql in given:
                    us[c.word][level.sql] = (min(given[level.sql], 0.99), "counted")
            elif level.kin:
                among = together.get(level.sql, 0.0)
                if among > max(level.u, us[c.word].get(level.sql, (0.0, ""))[0]):
                    us[c.word][level.sql] = (among, "counted")
                elif us[c.word].get(level.sql, (0.0, ""))[0] < level.u:
                    us[c.word].pop(level.sql, None)
    con.execute("DROP TABLE _household")
    return us


def _sharing(con: DuckDBPyConnection, column: str) -> tuple[int, float]:
    """Pairs of different entities that share a value, and all pairs of entities that have one."""
    source = (
        "SELECT owner, fold AS v FROM _left" if column == "names" else f"SELECT owner, unnest({column}) AS v FROM _left"
    )
    [(pairs, having)] = con.execute(f"""
        WITH held AS (SELECT DISTINCT owner, v FROM ({source}) WHERE v IS NOT NULL),
        counts AS (SELECT v, count(*) AS n FROM held GROUP BY v)
        SELECT coalesce((SELECT sum(n * (n - 1)) FROM counts), 0)::BIGINT, (SELECT count(DISTINCT owner) FROM held)
    """).fetchall()
    return pairs, max(having * (having - 1), 1)


def _household(con: DuckDBPyConnection, kind: Kind, seed: int) -> None:
    """``_household (a, b, shared)``: pairs of different entities that share a phone, or a house (firms: a representative)."""
    shared = " UNION ALL ".join(
        f"SELECT '{column}' AS shared, unique_id, owner, unnest({column}) AS v FROM _left"
        for column in _SHARED_BY[kind]
    )
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE _household AS
        WITH held AS (SELECT * FROM ({shared})),
        few AS (
            SELECT shared, v FROM held GROUP BY shared, v HAVING count(DISTINCT owner) BETWEEN 2 AND {_LARGE}
            ORDER BY hash(shared, v, {seed}), shared, v LIMIT 20000)
        SELECT DISTINCT a.unique_id AS a, b.unique_id AS b, shared
        FROM held a JOIN few USING (shared, v) JOIN held b USING (shared, v) WHERE a.owner < b.owner""")


def _shares(con: DuckDBPyConnection, kind: Kind, c: Comparison, pairs: str) -> dict[str, float]:
    """The share of given pairs on each level of a comparison; nothing for levels that few of them are on."""
    rows = f"(SELECT * FROM _left WHERE unique_id IN (SELECT a FROM {pairs} UNION SELECT b FROM {pairs}))"
    con.execute(f"CREATE OR REPLACE TEMP TABLE _rows AS {features_sql(kind, rows)}")
    columns = [name for (name, *_) in con.execute("DESCRIBE _rows").fetchall()]
    both = ", ".join(f"l.{name} AS {name}_l, r.{name} AS {name}_r" for name in columns)
    counted = con.execute(f"""
        SELECT level, count(*) FROM (
            SELECT {c.gamma()} AS level FROM (
                SELECT {both} FROM {pairs} p JOIN _rows l ON l.unique_id = p.a JOIN _rows r ON r.unique_id = p.b))
        WHERE level >= 0 GROUP BY level""").fetchall()
    con.execute("DROP TABLE _rows")
    total = sum(n for _, n in counted)
    top = len(c.levels) - 1
    return {c.levels[top - level].sql: n / total for level, n in counted if n >= _FEW_PAIRS}


def _linker(con: DuckDBPyConnection, left: str, right: str, settings: dict[str, Any]) -> tuple[Any, Any]:
    from splink import DuckDBAPI, Linker

    api = DuckDBAPI(con)
    sides = [
        api.register(left, dataset_display_name="e", table_name=f"{left}_e"),
        api.register(right, dataset_display_name="r", table_name=f"{right}_r"),
    ]
    return api, Linker(sides, settings, log_level=None)


def _sampled(
    con: DuckDBPyConnection, kind: Kind, comparisons: tuple[Comparison, ...], seed: int
) -> dict[str, dict[str, tuple[float, str]]]:
    """u by Splink over random pairs of different entities, one side with one value each, as records have."""
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE _picked AS
        SELECT owner, row_number() OVER (ORDER BY hash(owner, {seed}), owner) AS n FROM (SELECT DISTINCT owner FROM _left)
        ORDER BY n LIMIT {2 * _SAMPLE}""")
    for table, half in (("_sample_l", 0), ("_sample_r", 1)):
        rows = f"""(SELECT DISTINCT ON (owner) l.* FROM _left l JOIN _picked USING (owner) WHERE n % 2 = {half}
            ORDER BY owner, name NULLS LAST)"""
        con.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS {features_sql(kind, rows)}")
    settings = _settings(comparisons, {}, 0.01, tf=False)
    api, linker = _linker(con, "_sample_l", "_sample_r", settings)
    linker.training.estimate_u_using_random_sampling(max_pairs=1e9, seed=seed, min_count_per_level=None, num_chunks=1)
    [(pairs,)] = con.execute("SELECT (SELECT count(*) FROM _sample_l) * (SELECT count(*) FROM _sample_r)").fetchall()
    found: dict[str, dict[str, tuple[float, str]]] = {}
    for c, trained in zip(comparisons, linker.misc.save_model_to_json()["comparisons"], strict=True):
        found[c.word] = {
            level["sql_condition"]: (level["u_probability"], "sampled")
            for level in trained["comparison_levels"]
            if isinstance(level.get("u_probability"), float) and level["u_probability"] * pairs >= _FEW_PAIRS
        }
    api.delete_tables_created_by_splink_from_db()
    con.execute("DROP TABLE _sample_l; DROP TABLE _sample_r; DROP TABLE _picked")
    return found


def _maximise(
    con: DuckDBPyConnection,
    kind: Kind,
    comparisons: tuple[Comparison, ...],
    us: dict[str, dict[str, tuple[float, str]]],
    prior: float,
    seed: int,
) -> tuple[dict[str, int], dict[str, dict[str, float]]]:
    """m by expectation maximisation over several blocks, u held; and the pairs that each block had."""
    from splink import block_on

    rules = _TRAINING[kind]
    picked = f"(SELECT * FROM _right ORDER BY hash(name, phones, houses, {seed}) LIMIT {_TRAINED})"
    con.execute(f"CREATE OR REPLACE TEMP TABLE _train_r AS {features_sql(kind, picked)}")
    con.execute(f"CREATE OR REPLACE TEMP TABLE _featured AS {features_sql(kind, '_left')}")
    near = " UNION ".join(
        f"SELECT l.unique_id FROM _featured l SEMI JOIN _train_r USING ({', '.join(rule)})" for rule in rules
    )
    con.execute(f"CREATE OR REPLACE TEMP TABLE _train_l AS SELECT * FROM _featured WHERE unique_id IN ({near})")
    con.execute("DROP TABLE _featured")
    for key in {rule[0] for rule in rules if len(rule) == 1}:
        con.execute(f"""
            UPDATE _train_l SET {key} = NULL WHERE {key} IN (
                SELECT {key} FROM _train_l GROUP BY {key} HAVING count(DISTINCT owner) > {_LARGE})""")
    start = {
        c.word: {
            level.sql: {"m_probability": level.m, "u_probability": us[c.word].get(level.sql, (level.u, ""))[0]}
            for level in c.levels
        }
        for c in comparisons
    }

    def start_at(iterations: int) -> dict[str, Any]:
        return _settings(comparisons, start, prior, tf=False, iterations=iterations)

    sessions: dict[str, int] = {}
    found: dict[str, dict[str, list[float]]] = {c.word: {level.sql: [] for level in c.levels} for c in comparisons}
    for rule in rules:
        on = " AND ".join(f"l.{key} = r.{key}" for key in rule)
        [(pairs,)] = con.execute(f"SELECT count(*) FROM _train_l l JOIN _train_r r ON {on}").fetchall()
        word = "+".join(rule)
        sessions[word] = 0
        if pairs < _FEW_TRAINED:
            continue
        trained = next(filter(None, (_session(con, block_on(*rule), start_at(n)) for n in _ITERATIONS)), None)
        if trained is None:
            continue
        sessions[word] = pairs
        for c, learned in zip(comparisons, trained, strict=True):
            declared = {level.sql: level.m for level in c.levels}
            for level in learned["comparison_levels"]:
                sql, m = level["sql_condition"], level.get("m_probability")
                if isinstance(m, float) and m != declared.get(sql):  # what the block holds equal stays as it was given
                    found[c.word][sql].append(m)
    con.execute("DROP TABLE _train_l; DROP TABLE _train_r")
    return sessions, {word: {sql: median(m) for sql, m in levels.items() if m} for word, levels in found.items()}


def _session(con: DuckDBPyConnection, rule: Any, settings: dict[str, Any]) -> list[dict[str, Any]] | None:
    """Splink's comparisons after one run of expectation maximisation over a block; None if it came to nothing.

    Each has a linker of its own, since one that gives up is left in halves.
    """
    from splink.internals.exceptions import SplinkException

    api, linker = _linker(con, "_train_l", "_train_r", settings)
    try:
        linker.training.estimate_parameters_using_expectation_maximisation(rule, estimate_without_term_frequencies=True)
    except (SplinkException, ValueError):  # no pairs, or a level whose m ran below what a float can hold
        return None
    finally:
        api.delete_tables_created_by_splink_from_db()
    comparisons: list[dict[str, Any]] = linker.misc.save_model_to_json()["comparisons"]
    return comparisons
