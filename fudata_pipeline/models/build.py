"""One build of a base table: what is new is read, tied, matched and compared; only entities that it touches are built anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from duckdb import DuckDBPyConnection

from fudata_pipeline.catalog.bases import BaseTable
from fudata_pipeline.engine.sql import identifier, literal, parquet, parquet_files
from fudata_pipeline.lake import files
from fudata_pipeline.models.history import compare
from fudata_pipeline.models.identity import group, settle, tie
from fudata_pipeline.models.judged import judged_now, judgements
from fudata_pipeline.models.placing import Files, Model, Placing
from fudata_pipeline.models.rows import Input, replaced_sql, rows_sql
from fudata_pipeline.models.state import ENTITY, Part, State, entity_sql, folder, joined, write_state
from fudata_pipeline.models.survive import survive
from fudata_pipeline.project import Project
from fudata_pipeline.settings import now


class Build:
    """One build: its temporary tables live on one connection."""

    def __init__(
        self, project: Project, base: BaseTable, inputs: Sequence[Input], con: DuckDBPyConnection, version: str, made: str,
        before: State | None, forgotten: int = 0,
    ) -> None:  # fmt: skip
        self.project, self.base, self.inputs, self.con, self.version, self.made = (
            project,
            base,
            inputs,
            con,
            version,
            made,
        )
        self.folder = folder(project, base)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.former = before
        """The build before, whatever it followed from: ids and history go on."""
        self.before = before if before and before.made == made else None
        """The build before, if what has not changed since can be taken from it."""
        self.forgotten = forgotten
        """How many models people had forgotten by now: one that is older than the last of these is not used again."""
        self.written: list[Path] = []

    def run(self) -> dict[str, int]:
        """Build and write everything; returns the rows of each table by kind (``""``: the entities)."""
        kept = self.before.parts if self.before else {}
        fresh = [i for i in self.inputs if i.item.id not in kept or kept[i.item.id].load_id != i.load["load_id"]]
        parts = {i.item.id: kept[i.item.id] for i in self.inputs if i not in fresh}
        for source in fresh:
            parts[source.item.id] = self._read(source)
        parts = {i.item.id: parts[i.item.id] for i in self.inputs}
        judged = judgements(self.con, self.project.registry.match_judgements(self.base.table))
        state = State(
            self.made, "", parts, self._name("identities"), self._name("dispute"), self._name("matches"),
            judged=judged, forgotten=self.forgotten,
        )  # fmt: skip
        self._tie(state)
        self._name_entities(fresh)
        if self.before:
            self._find_affected(state, fresh)
        state = self._place(state, fresh)
        if self.before:
            self._affect_matched(state, fresh)
            for source in self.inputs:
                if source in fresh:
                    self.con.execute(
                        f"DELETE FROM {source.table} WHERE entity IS NULL OR entity NOT IN (FROM affected)"
                    )
                else:
                    self._load_affected(state, source)
        survive(self.con, self.base, self.inputs)
        return self._write(state)

    def _place(self, state: State, fresh: Sequence[Input]) -> State:
        """Make the table ``matches`` and write it; rows without an identifier bear their entity afterwards."""
        self.con.execute(
            "CREATE OR REPLACE TEMP TABLE matches (record UBIGINT, entity UBIGINT, outcome VARCHAR, probability DOUBLE, "
            "weight DOUBLE, pattern VARCHAR, second UBIGINT, lead DOUBLE)"
        )
        if self.base.matching:
            state = self._match(state, fresh)
        self._copy("FROM matches ORDER BY record", state.matches)
        for source in fresh:
            self.con.execute(
                f"UPDATE {source.table} SET entity = m.entity FROM matches AS m "
                f"WHERE m.record = {source.table}.record AND m.outcome = 'linked'"
            )
        return state

    def _match(self, state: State, fresh: Sequence[Input]) -> State:
        """Match the rows without an identifier, if there are any."""
        names = [self._name(kind) for kind in ("evidence", "profile")]
        before = (
            Files(*(self.folder / n for n in (self.before.evidence, self.before.profile, self.before.matches)))
            if self.before
            else None
        )
        known = (
            Model(self.folder / self.former.model, self.folder / self.former.shares)
            if self.former and self.former.model and self.former.forgotten == self.forgotten
            else None
        )
        placing = Placing(
            self.con,
            self.base,
            before,
            known,
            Model(self.folder / f"model-{self.version}.json", self.folder / self._name("shares")),
        )
        records = placing.gather(fresh, [i.item.id for i in self.inputs if i not in fresh])
        for source in self.inputs if self.before else ():
            if source not in fresh:
                self._load_affected(state, source, matched=False)
        placing.know(self.inputs)
        judged_now(self.con)
        if records:
            placing.place("judged_now", everything=placing.learn(records) or before is None)
        for table, order, name in zip(("evidence", "profile"), ("record", "owner, name"), names, strict=True):
            self._copy(f"FROM {table} ORDER BY {order}", name)
        if placing.model is placing.new_model:
            self.written += [placing.new_model.weights, placing.new_model.shares]
        model, shares = (placing.model.weights.name, placing.model.shares.name) if placing.model else ("", "")
        return replace(state, evidence=names[0], profile=names[1], model=model, shares=shares)

    def _name(self, kind: str) -> str:
        return f"{kind}-{self.version}.parquet"

    def _copy(self, sql: str, name: str, options: str = "") -> int:
        """Write a file of this build; returns its rows."""
        aside = self.folder / f".{name}.tmp"
        [(rows,)] = self.con.execute(
            f"COPY ({sql}) TO {literal(aside)} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1{options})"
        ).fetchall()
        aside.replace(self.folder / name)
        self.written.append(self.folder / name)
        return int(rows)

    def _read(self, source: Input) -> Part:
        """Make the table of an input with all its rows, and its part."""
        self.con.execute(
            f"CREATE OR REPLACE TEMP TABLE {source.table} AS SELECT *, node AS entity FROM ({rows_sql(self.project, source)})"
        )
        name = f"{source.item.id}-{self.version}.parquet"
        rows = self._copy(f"SELECT node, weaker, record, content, load_id, line FROM {source.table}", name)
        return Part(source.load["load_id"], name, rows)

    def _tie(self, state: State) -> None:
        tying = [self.folder / state.parts[i.item.id].file for i in self.inputs if len(self._given(i)) > 1]
        nothing = "(SELECT NULL::UBIGINT AS a, NULL::UBIGINT AS b WHERE false)"
        parts = (
            f"SELECT node, weaker FROM {parquet_files(tying)}"
            if tying
            else "SELECT NULL::UBIGINT AS node, NULL::UBIGINT[] AS weaker WHERE false"
        )
        judged = "(SELECT a, b FROM judged_entities WHERE verdict = '{}')".format
        tie(self.con, parts, replaced_sql(self.project, self.base) or nothing, judged("same"), judged("different"))
        group(self.con)
        known = (
            f"SELECT CAST('0x' || entity_id AS UBIGINT) AS entity FROM {parquet(self._entities())}"
            if self.former
            else "SELECT NULL::UBIGINT AS entity WHERE false"
        )
        present = f"SELECT node FROM {parquet_files([self.folder / part.file for part in state.parts.values()])}"
        settle(self.con, self.folder / self.former.identities if self.former else None, known, present)
        self._copy("FROM identities", state.identities)

    def _given(self, source: Input) -> list[str]:
        return [k.name for k in self.base.identifiers if k.name in source.feed.columns]

    def _entities(self) -> Path:
        """The file of the entities of the build before."""
        build = self.project.registry.build(f"base.{self.base.table}")
        assert build is not None
        return self.folder / f"{build['version']}.parquet"

    def _find_affected(self, state: State, fresh: Sequence[Input]) -> None:
        """Make the table ``affected``: the entities, before or now, of everything that has changed."""
        assert self.before is not None
        was, now_ = parquet(self.folder / self.before.identities), "identities"
        changed = [f"SELECT node FROM ((FROM {was} EXCEPT FROM {now_}) UNION ALL (FROM {now_} EXCEPT FROM {was}))"]
        gone = [part for item, part in self.before.parts.items() if item not in state.parts]
        for source in fresh:
            new = f"SELECT node, content FROM {source.table}"
            old = self.before.parts.get(source.item.id)
            if old is None:
                changed.append(f"SELECT node FROM {source.table}")
                continue
            other = f"SELECT node, content FROM {parquet(self.folder / old.file)}"
            changed.append(f"SELECT node FROM (({new} EXCEPT ALL {other}) UNION ALL ({other} EXCEPT ALL {new}))")
        changed += [f"SELECT node FROM {parquet(self.folder / part.file)}" for part in gone]
        self.con.execute(f"""
            CREATE OR REPLACE TEMP TABLE changed AS SELECT DISTINCT node FROM ({" UNION ALL ".join(changed)}) WHERE node IS NOT NULL;
            CREATE OR REPLACE TEMP TABLE affected AS
            SELECT coalesce(i.entity, node) AS entity FROM changed LEFT JOIN {was} AS i USING (node)
            UNION SELECT coalesce(i.entity, node) FROM changed LEFT JOIN {now_} AS i USING (node);
            DROP TABLE changed""")

    def _affect_matched(self, state: State, fresh: Sequence[Input]) -> None:
        """Add to ``affected`` the entities that have gained, lost or changed rows without an identifier."""
        assert self.before is not None
        was = f"(SELECT record, entity FROM {parquet(self.folder / self.before.matches)} WHERE outcome = 'linked')"
        is_ = "(SELECT record, entity FROM matches WHERE outcome = 'linked')"
        changed = ["SELECT NULL::UBIGINT AS record WHERE false"]
        for source in fresh:
            new = f"SELECT record, content FROM {source.table} WHERE node IS NULL"
            old = self.before.parts.get(source.item.id)
            other = f"SELECT record, content FROM {parquet(self.folder / old.file)} WHERE node IS NULL" if old else ""
            changed.append(
                f"SELECT record FROM (({new} EXCEPT {other}) UNION ALL ({other} EXCEPT {new}))"
                if old
                else f"SELECT record FROM ({new})"
            )
        gone = [part for item, part in self.before.parts.items() if item not in state.parts]
        changed += [f"SELECT record FROM {parquet(self.folder / part.file)} WHERE node IS NULL" for part in gone]
        self.con.execute(f"""
            INSERT INTO affected
            SELECT DISTINCT entity FROM (
                SELECT entity FROM ((FROM {was} EXCEPT FROM {is_}) UNION ALL (FROM {is_} EXCEPT FROM {was}))
                UNION ALL SELECT entity FROM (FROM {was} UNION ALL FROM {is_}) SEMI JOIN ({" UNION ALL ".join(changed)}) USING (record))
            ANTI JOIN affected USING (entity)""")

    def _load_affected(self, state: State, source: Input, *, matched: bool = True) -> None:
        """Read of an input that is as it was only the rows of affected entities."""
        part = parquet(self.folder / state.parts[source.item.id].file)
        matches = (
            "matches"
            if matched
            else "(SELECT NULL::UBIGINT AS record, NULL::UBIGINT AS entity, '' AS outcome WHERE false)"
        )
        self.con.execute(f"""
            CREATE OR REPLACE TEMP TABLE asked_rows AS
            SELECT p.load_id, p.line, {ENTITY} AS entity FROM {joined(part, "identities", matches)} SEMI JOIN affected AS a ON a.entity = {ENTITY};
            CREATE OR REPLACE TEMP TABLE {source.table} AS
            SELECT r.*, a.entity FROM ({rows_sql(self.project, source, "asked_rows")}) AS r JOIN asked_rows AS a USING (load_id, line)""")

    def _name_entities(self, sources: Sequence[Input]) -> None:
        for source in sources:
            self.con.execute(
                f"UPDATE {source.table} SET entity = i.entity FROM identities AS i WHERE i.node = {source.table}.node"
            )

    def _write(self, state: State) -> dict[str, int]:
        attributes = [identifier(f.name) for f in self.base.fields]
        names = ", ".join(literal(i.item.id) for i in self.inputs)
        bits = ", ".join(str(i.number) for i in self.inputs)
        provenance = ", ".join(
            f"{identifier(f.name)}: CASE WHEN {identifier(f.name + '__item')} IS NOT NULL THEN "
            f"{{item: {identifier(f.name + '__item')}, row_hash: {identifier(f.name + '__row')}}} END"
            for f in self.base.fields
        )
        self.con.execute(f"""
            CREATE OR REPLACE TEMP TABLE masks AS
            SELECT sources, list_sort(list_filter(list_transform([{bits}], (b, n) -> CASE WHEN (sources >> b) & 1 = 1 THEN [{names}][n] END),
                x -> x IS NOT NULL)) AS source_items
            FROM (SELECT DISTINCT sources FROM won);
            CREATE OR REPLACE TEMP VIEW new_ AS
            SELECT {entity_sql("entity")} AS entity_id, {", ".join(attributes)}, source_rows, source_items, {{{provenance}}} AS provenance
            FROM won LEFT JOIN masks USING (sources)""")
        at, rows = now(), {}
        if self.former:
            old, affected = parquet(self._entities()), f"(SELECT {entity_sql('entity')} AS entity_id FROM affected)"
            scope = f"SEMI JOIN {affected} USING (entity_id)" if self.before else ""
            compare(self.con, self.base, f"SELECT * FROM {old} {scope}", at)
            kept = f"FROM {old} ANTI JOIN {affected} USING (entity_id) UNION ALL BY NAME" if self.before else ""
            rows[""] = self._copy(f"{kept} FROM entities ORDER BY entity_id", f"{self.version}.parquet")
        else:
            rows[""] = self._copy(
                f"SELECT *, TIMESTAMP {literal(at)} AS valid_from FROM new_", f"{self.version}.parquet"
            )
        beaten = f"SELECT {entity_sql('entity')} AS entity_id, attribute, value, item, content AS row_hash, winner, winner_item FROM beaten"
        if self.before:
            beaten = f"FROM {parquet(self.folder / self.before.dispute)} ANTI JOIN {affected} USING (entity_id) UNION ALL BY NAME {beaten}"
        rows["dispute"] = self._copy(f"FROM ({beaten}) ORDER BY ALL", state.dispute)
        rows["record"] = sum(part.rows for part in state.parts.values())
        if self.base.matching:
            [(rows["review"],)] = self.con.execute("SELECT count(*) FROM matches WHERE outcome = 'review'").fetchall()
        logs = {
            "history": "closed",
            "event": "events",
            "merge": f"(SELECT *, TIMESTAMP {literal(at)} AS seen_at FROM moves)",
        }
        grown: dict[str, list[str]] = {}
        for kind, table in logs.items():
            earlier: list[str] = getattr(self.former, kind) if self.former else []
            [(new,)] = self.con.execute(f"SELECT count(*) FROM {table}").fetchall() if self.former else [(0,)]
            if new:
                self._copy(f"FROM {table}", self._name(kind))
            grown[kind] = [*earlier, *([self._name(kind)] if new else [])]
            if grown[kind]:
                [(rows[kind],)] = self.con.execute(
                    f"SELECT count(*) FROM {parquet_files([self.folder / n for n in grown[kind]])}"
                ).fetchall()
        state = replace(
            state,
            content_hash=self._content_hash(),
            history=grown["history"],
            event=grown["event"],
            merge=grown["merge"],
        )
        self.written.append(write_state(self.project, self.base, self.version, state))
        for file in self.written:
            files.fsync(file)
        files.fsync(self.folder)
        return rows

    def _content_hash(self) -> str:
        """Hash of all entities but of when they came to be, whatever their order."""
        file = parquet(self.folder / f"{self.version}.parquet")
        columns = [
            identifier(c) for (c, *_) in self.con.execute(f"DESCRIBE FROM {file}").fetchall() if c != "valid_from"
        ]
        [(said,)] = self.con.execute(
            f"SELECT printf('%x', coalesce(sum(CAST(hash({', '.join(columns)}) AS HUGEINT)), 0)) FROM {file}"
        ).fetchall()
        return str(said)
