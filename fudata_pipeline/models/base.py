"""Base models (population, legal entities, housing): one row an entity, each value with its source, kept up to date.

A build reads what is new of its inputs, ties identifiers (:mod:`.identity`), puts rows without one to entities
(:mod:`.matching`), lets values survive (:mod:`.survive`), and writes down what has changed (:mod:`.history`). Only entities of
which a row, an identifier or a match has changed are built anew; the result is that of a build of all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import duckdb
from duckdb import DuckDBPyConnection

from fudata_pipeline import standards
from fudata_pipeline.catalog.bases import BaseTable
from fudata_pipeline.engine.duckdb import connect
from fudata_pipeline.engine.sql import identifier, literal, parquet, parquet_files
from fudata_pipeline.lake import files
from fudata_pipeline.load.version import current_rows
from fudata_pipeline.models.history import compare
from fudata_pipeline.models.identity import group, settle, tie
from fudata_pipeline.models.product import BrokenDeclaration, Built, NothingToBuild, fingerprint
from fudata_pipeline.models.rows import Input, inputs_of, node_sql, rows_sql
from fudata_pipeline.models.state import KINDS, Part, State, entity_sql, folder, read_state, write_state
from fudata_pipeline.models.survive import survive
from fudata_pipeline.project import Project
from fudata_pipeline.settings import now

CODE = fingerprint([f.read_text("utf-8") for f in sorted(Path(__file__).parent.glob("*.py"))])
"""A build follows from its code too: another version builds everything anew."""


def build_base(project: Project, base: BaseTable) -> Built:
    """Bring one base table, and the tables beside it, up to date with the current versions of its items.

    Raises:
        NothingToBuild: when no input has a good version.
        BrokenDeclaration: when the catalog's SQL names what is not there; the current build stays.
    """
    inputs = inputs_of(project, base)
    if not inputs:
        wanted = "、".join(feed.item for feed in base.inputs)
        raise NothingToBuild(f"{base.title}：{wanted} 都还没有可用版本 → 先成功载入其中至少一项")
    product = f"base.{base.table}"
    made = fingerprint([base.fingerprint(), _types(project, base), standards.macro_sql(), duckdb.__version__, CODE])
    announced = project.registry.current_loads().get(base.replaced.item) if base.replaced else None
    version = fingerprint(
        [made, *(f"{i.item.id}={i.load['load_id']}" for i in inputs), announced["load_id"] if announced else ""]
    )
    with files.locked(project.settings, f"product/{product}"):
        current, before = project.registry.build(product), read_state(project, base)
        if current and current["version"] == version and before:
            return Built(product, base.title, current["rows"], False, version)
        with connect(project.settings) as con:
            try:
                rows = _Build(project, base, inputs, con, version, made, before).run()
            except (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException) as error:
                said = str(error).splitlines()[0]  # these speak of names in the SQL, never of values in the data
                cure = f"检查 catalog/base/{base.table}.yaml 中的 SQL"
                raise BrokenDeclaration(f"{base.title}（{product}）未更新，沿用上一版：{said} → {cure}") from error
        tables = {f"_{kind}": f"{base.title}{said}" for kind, said in KINDS.items() if kind in rows} | {"": base.title}
        project.registry.record_builds(
            *(
                {
                    "product": product + ending,
                    "title": title,
                    "version": version,
                    "built_at": now(),
                    "rows": rows[ending[1:]],
                }
                for ending, title in tables.items()
            )
        )
    return Built(product, base.title, rows[""], True, version)


def _types(project: Project, base: BaseTable) -> str:
    return " ".join(f"{f.name} {project.catalog.types[f.field.type].duckdb}" for f in base.fields)


class _Build:
    """One build: its temporary tables live on one connection."""

    def __init__(
        self, project: Project, base: BaseTable, inputs: Sequence[Input], con: DuckDBPyConnection, version: str, made: str,
        before: State | None,
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
        self.written: list[Path] = []

    def run(self) -> dict[str, int]:
        """Build and write everything; returns the rows of each table by kind (``""``: the entities)."""
        kept = self.before.parts if self.before else {}
        fresh = [i for i in self.inputs if i.item.id not in kept or kept[i.item.id].load_id != i.load["load_id"]]
        parts = {i.item.id: kept[i.item.id] for i in self.inputs if i not in fresh}
        for source in fresh:
            parts[source.item.id] = self._read(source)
        parts = {i.item.id: parts[i.item.id] for i in self.inputs}
        state = State(self.made, "", parts, self._name("identities"), self._name("dispute"))
        self._tie(state)
        if self.before:
            self._find_affected(state, fresh)
            for source in self.inputs:
                self._keep_affected(state, source, fresh=source in fresh)
        self._name_entities(fresh)
        survive(self.con, self.base, self.inputs)
        return self._write(state)

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
        tie(self.con, parts, self._replaced() or nothing, nothing, nothing)
        group(self.con)
        known = (
            f"SELECT CAST('0x' || entity_id AS UBIGINT) AS entity FROM {parquet(self._entities())}"
            if self.former
            else "SELECT NULL::UBIGINT AS entity WHERE false"
        )
        settle(self.con, self.folder / self.former.identities if self.former else None, known)
        self._copy("FROM identities", state.identities)

    def _given(self, source: Input) -> list[str]:
        return [k.name for k in self.base.identifiers if k.name in source.feed.columns]

    def _replaced(self) -> str:
        """Pairs of an old code's node and that of the newest code that took its place."""
        told = self.base.replaced
        load = self.project.registry.current_loads().get(told.item) if told else None
        if told is None or load is None:
            return ""
        item, key = self.project.catalog.items_by_id[told.item], self.base.identifiers[0]
        newest = identifier(item.latest_by) if item.latest_by else "_line"
        return f"""(
            SELECT {node_sql(self.base, key.name, identifier(told.old))} AS a, {node_sql(self.base, key.name, identifier(told.new))} AS b
            FROM {current_rows(self.project, load)} WHERE {identifier(told.old)} IS NOT NULL AND {identifier(told.new)} IS NOT NULL
            QUALIFY {newest} = max({newest}) OVER (PARTITION BY {identifier(told.old)}))"""

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

    def _keep_affected(self, state: State, source: Input, *, fresh: bool) -> None:
        """Of an input only the rows of affected entities: dropped from what has been read, or read now."""
        if fresh:
            self.con.execute(f"""
                DELETE FROM {source.table} WHERE node IS NOT NULL
                    AND coalesce((SELECT any_value(i.entity) FROM identities i WHERE i.node = {source.table}.node), node) NOT IN (FROM affected)""")
            return
        part = state.parts[source.item.id]
        self.con.execute(f"""
            CREATE OR REPLACE TEMP TABLE asked AS
            SELECT p.load_id, p.line FROM {parquet(self.folder / part.file)} AS p LEFT JOIN identities AS i ON i.node = p.node
            SEMI JOIN affected AS a ON a.entity = coalesce(i.entity, p.node);
            CREATE OR REPLACE TEMP TABLE {source.table} AS SELECT *, node AS entity FROM ({rows_sql(self.project, source, "asked")})""")

    def _name_entities(self, fresh: Sequence[Input]) -> None:
        for source in self.inputs:
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
        write_state(self.project, self.base, self.version, state)
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
