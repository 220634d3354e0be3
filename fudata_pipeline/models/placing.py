"""Rows without a usable identifier, put to the entities they are about (:mod:`.matching`).

Kept from build to build: the evidence of every such row, that of every entity, the model, and what was decided. Scored are rows
that are new or have changed, and those that share a block with an entity whose evidence has; a pair's score depends on nothing
else, so the decisions are those of scoring everything anew. What people have judged always holds.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from duckdb import DuckDBPyConnection

from fudata_pipeline.catalog.bases import BaseTable, Matching
from fudata_pipeline.engine.sql import identifier, literal, parquet
from fudata_pipeline.models import blocking, comparing, learning, matching, names, sides
from fudata_pipeline.models.rows import Input

SEED = 20221031
OUTGROWN = 2.0
"""By how much entities or rows must have multiplied since a model was learned for another to be learned."""
ENOUGH = 200
"""Fewer of them say nothing about that."""

_SINGLES = {
    "person": {"name": "VARCHAR", "phone": "VARCHAR", "birth_date": "DATE", "sex": "VARCHAR", "house_code": "VARCHAR",
               "building_code": "VARCHAR"},
    "firm": {"name": "VARCHAR", "phone": "VARCHAR", "rep": "VARCHAR", "house_code": "VARCHAR", "building_code": "VARCHAR",
             "address": "VARCHAR"},
}  # fmt: skip
_MANY = {"name": "names", "phone": "phones", "birth_date": "births", "sex": "sexes", "house_code": "houses",
         "building_code": "buildings", "rep": "reps", "address": "addresses"}  # fmt: skip


@cache
def code() -> str:
    """Fingerprint of what a model and its scores follow from."""
    import hashlib

    parts = [Path(str(m.__file__)).read_bytes() for m in (blocking, comparing, learning, matching, names, sides)]
    parts += [file.read_bytes() for file in sorted(Path(__file__).parent.glob("*.sql"))]
    return hashlib.sha256(b"\n".join(parts)).hexdigest()[:12]


def evidence_sql(base: BaseTable, declared: Matching, attributes: Sequence[str], rows: str, rest: str) -> str:
    """What the model compares, of ``rows`` (a table) that have these base attributes; ``rest``: further columns to select."""
    others = ", ".join(f"NULL AS {identifier(f.name)}" for f in base.fields if f.name not in attributes)
    told = ", ".join(
        f"CAST({declared.evidence.get(n, 'NULL')} AS {kind}) AS {n}" for n, kind in _SINGLES[declared.kind].items()
    )
    return f"SELECT {rest}, {told} FROM (SELECT *{', ' if others else ''}{others} FROM {rows})"


@dataclass(frozen=True)
class Files:
    """Files of one build: what rows without identifier say, what is known of entities, and what was decided."""

    evidence: Path
    profile: Path
    matches: Path


@dataclass(frozen=True)
class Model:
    """A model on disk: its weights (JSON), and the shares of names that it goes by."""

    weights: Path
    shares: Path


@dataclass
class Placing:
    """One build's work. ``before``: the files of the build whose decisions still hold where nothing has changed; None: every
    row is scored. ``model``: the one in use, if it need not be learned anew."""

    con: DuckDBPyConnection
    base: BaseTable
    before: Files | None
    model: Model | None
    new_model: Model

    @property
    def declared(self) -> Matching:
        assert self.base.matching is not None
        return self.base.matching

    def _evidence(self, source: Input, rest: str) -> str:
        """What the model compares, of rows of an input, in SQL; ``rest``: further columns to select."""
        return evidence_sql(self.base, self.declared, source.attributes, source.table, rest)

    def gather(self, fresh: Sequence[Input], kept: Sequence[str]) -> int:
        """Make the table ``evidence``: of the rows without identifier of fresh inputs, and of the items ``kept`` as before.

        Returns the number of rows.
        """
        asked = [
            f"{self._evidence(s, f'record, {literal(s.item.id)} AS item')} WHERE node IS NULL AND record IS NOT NULL"
            for s in fresh
        ]
        nothing = ", ".join(f"NULL::{kind} AS {n}" for n, kind in _SINGLES[self.declared.kind].items())
        asked.append(f"SELECT NULL::UBIGINT AS record, '' AS item, {nothing} WHERE false")
        self.con.execute(
            f"CREATE OR REPLACE TEMP TABLE asking AS FROM ({' UNION ALL '.join(asked)}) WHERE name IS NOT NULL"
        )
        matching.record_rows(self.con, self.declared.kind, "asking", "evidence_new")
        former = (
            f"UNION ALL BY NAME FROM {parquet(self.before.evidence)} WHERE item IN ({', '.join(map(literal, kept))})"
            if self.before and kept
            else ""
        )
        self.con.execute(f"""
            CREATE OR REPLACE TEMP TABLE evidence AS
            SELECT a.item, e.* FROM evidence_new AS e JOIN (SELECT record, item FROM asking) AS a USING (record) {former};
            DROP TABLE asking; DROP TABLE evidence_new""")
        [(rows,)] = self.con.execute("SELECT count(*) FROM evidence").fetchall()
        return int(rows)

    def know(self, inputs: Sequence[Input]) -> None:
        """Make the table ``profile``: all that rows with an identifier say of each entity that a founding input knows; with
        ``before`` only that of the entities in ``affected`` is gathered anew."""
        singles = _SINGLES[self.declared.kind]
        among = "SEMI JOIN affected USING (entity)" if self.before else ""
        rows = " UNION ALL ".join(
            f"{self._evidence(s, f'entity, {s.feed.founds} AS founds')} WHERE entity IS NOT NULL" for s in inputs
        )
        lists = ", ".join(f"list_sort(list(DISTINCT {n}) FILTER ({n} IS NOT NULL)) AS {_MANY[n]}" for n in singles)
        self.con.execute(
            f"CREATE OR REPLACE TEMP TABLE known AS SELECT entity, {lists} FROM ({rows}) {among} GROUP BY entity HAVING bool_or(founds)"
        )
        matching.entity_rows(self.con, self.declared.kind, "known", "profile_new")
        former = (
            f"UNION ALL BY NAME FROM {parquet(self.before.profile)} ANTI JOIN affected ON owner = entity"
            if self.before
            else ""
        )
        self.con.execute(f"""
            CREATE OR REPLACE TEMP TABLE profile AS FROM profile_new {former};
            DROP TABLE known""")

    def learn(self, records: int) -> bool:
        """Take over the model, or learn one; True where it is another than before, and so every row must be scored."""
        [(entities,)] = self.con.execute("SELECT count(DISTINCT owner) FROM profile").fetchall()
        if self.model:
            said = json.loads(self.model.weights.read_text("utf-8"))
            grown = max(entities / max(ENOUGH, said["entities"]), records / max(ENOUGH, said["records"]))
            if said["code"] == code() and grown <= OUTGROWN:
                self.learned = said
                return False
        self.model = self.new_model
        self.learned = matching.train(
            self.con, self.declared.kind, "profile", "(SELECT * EXCLUDE (item) FROM evidence)", seed=SEED
        )
        self.learned |= {"code": code(), "records": records}
        self.model.weights.write_text(f"{json.dumps(self.learned, ensure_ascii=False, indent=1)}\n", "utf-8")
        self.con.execute(
            f"COPY ({matching.frequencies_sql(self.declared.kind, 'profile')}) TO {literal(self.model.shares)} (FORMAT parquet)"
        )
        return True

    def place(self, judged: str, *, everything: bool) -> None:
        """Make the table ``matches (record, entity, outcome, probability, weight, pattern, second, lead)``.

        ``judged``: table of what people said: ``record, entity, verdict``.
        """
        assert self.model is not None
        kind, floor = self.declared.kind, min(0.05, self.declared.review)
        right = "(SELECT * EXCLUDE (item) FROM evidence)"
        if not everything:
            self._find_asked(judged)
            right = "(SELECT * EXCLUDE (item) FROM evidence SEMI JOIN asked USING (record))"
        matching.candidates(
            self.con, kind, self.learned, parquet(self.model.shares), "profile", right, "pairs", floor=floor
        )
        self.con.execute(
            f"DELETE FROM pairs USING {judged} AS j WHERE j.record = pairs.record AND j.entity = pairs.entity AND j.verdict = 'different'"
        )
        matching.decide(
            self.con,
            "pairs",
            "decided",
            automatic=self.declared.automatic,
            review=self.declared.review,
            margin=self.declared.margin,
        )
        kept = ""
        if not everything:
            assert self.before is not None
            kept = f"UNION ALL BY NAME FROM {parquet(self.before.matches)} ANTI JOIN asked USING (record) SEMI JOIN evidence USING (record)"
        self.con.execute(f"""
            CREATE OR REPLACE TEMP TABLE matches AS
            SELECT d.* REPLACE (
                CASE WHEN s.record IS NOT NULL THEN 'linked' WHEN u.record IS NOT NULL AND outcome = 'linked' THEN 'review' ELSE outcome END AS outcome,
                coalesce(s.entity, d.entity) AS entity, CASE WHEN s.record IS NOT NULL THEN 1.0 ELSE probability END AS probability)
            FROM (FROM decided UNION ALL BY NAME SELECT DISTINCT record, NULL::UBIGINT AS entity, 'none' AS outcome FROM {judged} j
                SEMI JOIN evidence USING (record) WHERE verdict = 'same' AND record NOT IN (SELECT record FROM decided)) AS d
            LEFT JOIN (SELECT record, min(entity) AS entity FROM {judged} WHERE verdict = 'same' GROUP BY record) AS s ON s.record = d.record
            LEFT JOIN (SELECT DISTINCT record, entity FROM {judged} WHERE verdict = 'unsure') AS u ON u.record = d.record AND u.entity = d.entity
            WHERE outcome <> 'none' OR s.record IS NOT NULL {kept};
            DROP TABLE pairs; DROP TABLE decided""")

    def _find_asked(self, judged: str) -> None:
        """Make the table ``asked``: the records whose decision may be another than before."""
        assert self.before is not None
        blocks = matching.BLOCKS[self.declared.kind]
        changed = f"(FROM profile_new UNION ALL BY NAME FROM {parquet(self.before.profile)} SEMI JOIN affected ON owner = entity)"
        self.con.execute(
            f"CREATE OR REPLACE TEMP TABLE touched_left AS SELECT row_number() OVER () AS unique_id, * FROM {changed}"
        )
        shared = []
        for block in blocks:
            keys = blocking.keys_sql("touched_left", block)
            asked = blocking.keys_sql("(SELECT record AS unique_id, 0 AS owner, * FROM evidence)", block)
            shared.append(f"SELECT unique_id AS record FROM ({asked}) SEMI JOIN ({keys}) k USING (key)")
        self.con.execute(f"""
            CREATE OR REPLACE TEMP TABLE asked AS
            SELECT record FROM (SELECT record, hash(*COLUMNS(* EXCLUDE (record, item))) AS said FROM evidence
                EXCEPT SELECT record, hash(*COLUMNS(* EXCLUDE (record, item))) FROM {parquet(self.before.evidence)})
            UNION {" UNION ".join(shared)}
            UNION SELECT record FROM {judged};
            DROP TABLE touched_left""")
