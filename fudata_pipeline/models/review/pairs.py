"""Pairs of a row and an entity that wait for a person: what each of them says, side by side."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from duckdb import DuckDBPyConnection

from fudata_pipeline.catalog.bases import BaseTable, Matching
from fudata_pipeline.engine.duckdb import connect
from fudata_pipeline.engine.sql import identifier, literal
from fudata_pipeline.models.placing import evidence_sql
from fudata_pipeline.models.product import product_sql
from fudata_pipeline.models.review.words import EVIDENCE, in_words
from fudata_pipeline.models.rows import Input, rows_sql
from fudata_pipeline.models.state import State, entity_sql, read_state
from fudata_pipeline.project import Project

MASKS = {
    "name": "mask_name",
    "rep": "mask_name",
    "phone": "mask_phone",
    "birth_date": "mask_date",
    "address": "mask_address",
    "house_code": "mask_card",
    "building_code": "mask_card",
    "key": "mask_card",
}
"""How each value is masked where it must not be read; ``key`` is the base table's identifier."""

Said = dict[str, str | None]
"""Values by the names of :data:`.words.EVIDENCE`; of an entity also ``key``."""


class NotReviewed(Exception):
    """There is nothing to judge as asked, or it cannot be judged so; the message says why, and the cure."""


@dataclass(frozen=True)
class Pair:
    """A row that has no identifier and the entity that it is most probably about, if it is about any.

    ``said``: what the row says; ``best``: what the base table says of the entity; ``other``: of the ``second`` best, from whom the
    best leads by ``lead`` bits. ``unsure``: somebody has looked and could not tell.
    """

    table: str
    record: str
    item: str
    load_id: str
    file_name: str
    line: int
    entity_id: str
    probability: float
    pattern: str | None
    second: str | None
    lead: float | None
    unsure: bool
    said: Said
    best: Said
    other: Said | None

    @property
    def compared(self) -> str:
        return in_words(self.pattern)


@dataclass(frozen=True)
class Waiting:
    """``items``: how many pairs wait, by item; ``pairs``: the first of them; ``answered``: those that were judged since the last
    build, and so wait no longer."""

    table: str
    title: str
    evidence: tuple[str, ...]
    items: dict[str, int]
    answered: int
    pairs: list[Pair]

    @property
    def count(self) -> int:
        return sum(self.items.values())


def reviewed_table(project: Project, name: str) -> BaseTable:
    """The base table of a name, ``population`` or ``base.population``, whatever it declares.

    Raises NotReviewed: when there is none.
    """
    for base in project.catalog.bases:
        if name in (base.table, f"base.{base.table}"):
            return base
    raise NotReviewed(f"没有基础表 {name!r} → 可用：{'、'.join(b.table for b in project.catalog.bases)}")


def matching_of(project: Project, base: BaseTable) -> Matching:
    """How the table's rows are matched. Raises NotReviewed: when they are not."""
    if base.matching is None:
        known = "、".join(b.table for b in project.catalog.bases if b.matching)
        raise NotReviewed(
            f"基础表 {base.table} 没有申报 matching，不靠概率归并 → 可用：{known or '（没有）'}，或在 catalog/base/{base.table}.yaml 中申报"
        )
    return base.matching


def built_state(project: Project, base: BaseTable) -> State:
    """What the table's build left behind. Raises NotReviewed: before the first."""
    state = read_state(project, base)
    if state is None:
        raise NotReviewed(f"基础表 {base.table} 还没有建成 → 先运行 fudata publish")
    return state


def compared(declared: Matching) -> tuple[str, ...]:
    """The evidence that the table compares, in the order in which people read it."""
    return tuple(n for n in EVIDENCE if n in declared.evidence)


def waiting(
    project: Project, base: BaseTable, unit: str | None = None, limit: int | None = None, *, masked: bool = True
) -> Waiting:
    """The pairs that wait, the most probable first, those that somebody was unsure about last.

    ``limit``: how many to show; ``masked`` False gives the values themselves: for those who decide, and for nobody else.

    Raises NotReviewed: for a table that is not matched or not built, or an unknown unit.
    """
    declared, state = matching_of(project, base), built_state(project, base)
    if unit is not None and unit not in project.catalog.units_by_id:
        raise NotReviewed(f"没有单位 {unit!r} → 可用：{'、'.join(project.catalog.units_by_id)}")
    names = compared(declared)
    with _asked(project, base, state, unit, limit) as con:
        counts = con.execute(
            "SELECT item, count(*) FILTER (NOT answered), count(*) FILTER (answered) FROM asked GROUP BY item ORDER BY item"
        ).fetchall()
        _rows(con, project, base, declared, state)
        key = f"CAST({identifier(base.key)} AS VARCHAR) AS key"
        entities = f"(FROM {product_sql(project, f'base.{base.table}')} SEMI JOIN (SELECT entity_id FROM chosen UNION ALL SELECT second FROM chosen) USING (entity_id))"
        told = evidence_sql(base, declared, [f.name for f in base.fields], entities, f"entity_id, {key}")
        con.execute(f"CREATE OR REPLACE TEMP TABLE told AS {told}")
        said, known = _struct(names, masked), _struct(("key", *names), masked)
        found = con.execute(f"""
            SELECT c.* EXCLUDE (answered, place), (SELECT {said} FROM said AS s WHERE s.record = c.record) AS said,
                (SELECT {known} FROM told AS s WHERE s.entity_id = c.entity_id) AS best,
                (SELECT {known} FROM told AS s WHERE s.entity_id = c.second) AS other
            FROM chosen AS c ORDER BY place""")
        columns = [c for c, *_ in found.description or ()]
        rows = [dict(zip(columns, row, strict=True)) for row in found.fetchall()]
    files = {load_id: _file_name(project, load_id) for load_id in {row["load_id"] for row in rows}}
    for row in rows:
        row |= {"table": base.table, "file_name": files[row["load_id"]]}
        row |= {
            side: _read(project, base, row[side]) for side in ("said", "best", "other") if row[side] or side != "other"
        }
    pairs = [Pair(**row) for row in rows]
    items = {item: open_ for item, open_, _ in counts if open_}
    return Waiting(base.table, base.title, names, items, sum(done for *_, done in counts), pairs)


@contextmanager
def _asked(
    project: Project, base: BaseTable, state: State, unit: str | None, limit: int | None
) -> Iterator[DuckDBPyConnection]:
    """A connection with the tables ``asked``, all pairs of the last build, and ``chosen``, those to show."""
    judged = [j for j in project.registry.match_judgements(base.table) if j["subject"].startswith("row:")]
    rows = [(j["seq"] > state.judged, j["subject"][4:], j["entity"], j["verdict"]) for j in judged]
    where = f"WHERE split_part(item, '.', 1) = {literal(unit)}" if unit else ""
    with connect(project.settings) as con:
        con.execute("CREATE TEMP TABLE answers (since BOOLEAN, record VARCHAR, entity_id VARCHAR, verdict VARCHAR)")
        if rows:
            con.executemany("INSERT INTO answers VALUES (?, ?, ?, ?)", rows)
        con.execute(f"""
            CREATE TEMP TABLE asked AS
            SELECT r.*, (record, entity_id) IN (SELECT (record, entity_id) FROM answers WHERE verdict = 'unsure') AS unsure,
                record IN (SELECT record FROM answers WHERE since AND verdict = 'same')
                OR (record, entity_id) IN (SELECT (record, entity_id) FROM answers WHERE since AND verdict = 'different') AS answered
            FROM {product_sql(project, f"base.{base.table}_review")} AS r {where};
            CREATE TEMP TABLE chosen AS
            SELECT *, row_number() OVER (ORDER BY unsure, probability DESC, item, line, record) AS place FROM asked WHERE NOT answered
            QUALIFY place <= {"9e18" if limit is None else limit}""")
        yield con


def _rows(con: DuckDBPyConnection, project: Project, base: BaseTable, declared: Matching, state: State) -> None:
    """Make the table ``said``: what the rows that are asked about say, as of the load that was built from."""
    con.execute("CREATE TEMP TABLE asked_rows AS SELECT load_id, line FROM chosen")
    asked = {item for (item,) in con.execute("SELECT DISTINCT item FROM chosen").fetchall()}
    parts = [evidence_sql(base, declared, [], "(SELECT 1)", "NULL::VARCHAR AS record")]
    for number, feed in enumerate(base.inputs):
        load = project.registry.find_load(state.parts[feed.item].load_id) if feed.item in asked else None
        if load is not None:
            source = Input(number, base, feed, project.catalog.items_by_id[feed.item], load)
            rows = f"({rows_sql(project, source, 'asked_rows')})"
            told = evidence_sql(base, declared, source.attributes, rows, f"{entity_sql('record')} AS record")
            parts.append(
                f"FROM ({told}) SEMI JOIN (SELECT record FROM chosen WHERE item = {literal(feed.item)}) USING (record)"
            )
    con.execute(f"CREATE TEMP TABLE said AS {' UNION ALL '.join(parts)}")


def _struct(names: tuple[str, ...], masked: bool) -> str:
    """The values ``names`` of a row as text, in one."""
    told = ", ".join(
        f"{literal(n)}: {MASKS[n]}(CAST({n} AS VARCHAR))"
        if masked and n in MASKS
        else f"{literal(n)}: CAST({n} AS VARCHAR)"
        for n in names
    )
    return f"{{{told}}}"


def _read(project: Project, base: BaseTable, values: Said | None) -> Said:
    """Values with the titles of codes in their place."""
    codes = {f.name: f.field.codes for f in base.fields if f.field.codes}
    declared = base.matching.evidence if base.matching else {}
    read = dict(values or {})
    for name, value in read.items():
        code = codes.get(declared.get(name, ""))
        if code and value is not None:
            read[name] = project.catalog.codes[code].titles.get(value, value)
    return read


def _file_name(project: Project, load_id: str) -> str:
    load = project.registry.find_load(load_id)
    return str(load["file_name"]) if load else load_id
