"""What people judge: which row or entity is meant, what becomes of it, and what was judged before."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from duckdb import DuckDBPyConnection

from fudata_pipeline.catalog.bases import BaseTable
from fudata_pipeline.engine.duckdb import connect
from fudata_pipeline.engine.sql import identifier, literal, parquet
from fudata_pipeline.models.identity import group, tie
from fudata_pipeline.models.judged import judgements
from fudata_pipeline.models.review.pairs import NotReviewed, built_state
from fudata_pipeline.models.review.words import VERDICTS
from fudata_pipeline.models.rows import identity_sql, replaced_sql
from fudata_pipeline.models.state import State, entity_sql, folder
from fudata_pipeline.project import Project
from fudata_pipeline.settings import now


@dataclass(frozen=True)
class Judgement:
    """One judgement as it is to be kept. ``subject``: ``row:<record>`` or ``entity:<id>``; ``effect``: what becomes of it."""

    subject: str
    entity: str
    verdict: str
    note: str | None = None
    effect: str = ""


def plan(project: Project, base: BaseTable, subject: str, entity: str, verdict: str, note: str | None) -> Judgement:
    """Say what a judgement would be, and what would become of it in the next build; nothing is kept.

    ``subject``: ``row:`` and the 16 digits of a record, or an entity; an entity is named by its id or by an identifier.

    Raises NotReviewed: before the first build, or for a row, an entity or a verdict that there is not.
    """
    if verdict not in VERDICTS:
        raise NotReviewed(f"没有判断 {verdict!r} → 用 {'、'.join(VERDICTS)}")
    state = built_state(project, base)
    with opened(project, base, state) as con:
        object_node, object_id = _entity(con, project, base, entity)
        if subject.startswith("row:"):
            effect = _effect_on_row(con, base, state, subject[4:], object_id, verdict, project)
            return Judgement(subject.lower(), object_id, verdict, note, effect)
        node, subject_id = _entity(con, project, base, subject.removeprefix("entity:"))
        if node == object_node:
            raise NotReviewed(f"{base.table} 中所给的两者是同一个标识 → 给出两个不同的实体或标识")
        a, b = _hex(node), _hex(object_node)
        before = project.registry.match_judgements(base.table)
        if any(j["subject"] == f"entity:{b}" and j["entity"] == a for j in before):
            a, b = b, a  # of one pair only the newest holds, whichever way round it is given
        new = {
            "seq": 1 + max((j["seq"] for j in before), default=0),
            "subject": f"entity:{a}",
            "entity": b,
            "verdict": verdict,
        }
        others = [j for j in before if (j["subject"], j["entity"]) != (new["subject"], b)]
        then = _one(con, project, base, [*others, new], node, object_node)
        effect = _effect_on_entities(subject_id, object_id, then, verdict)
    return Judgement(f"entity:{a}", b, verdict, note, effect)


def unknown(project: Project, base: BaseTable, judged: Sequence[Judgement]) -> list[Judgement]:
    """The judgements that do not hold already, word for word."""
    told = project.registry.match_judgements(base.table)
    holds = {(j["subject"], j["entity"]): (j["verdict"], j["note"]) for j in told}
    return [j for j in judged if holds.get((j.subject, j.entity)) != (j.verdict, j.note)]


def keep(project: Project, base: BaseTable, judged: Sequence[Judgement], by: str) -> int:
    """Keep judgements, all or none; what holds already word for word is not kept twice. Returns how many are new."""
    new = unknown(project, base, judged)
    if new:
        at = now()
        project.registry.record_match_judgements(
            *(
                {
                    "base_table": base.table,
                    "subject": j.subject,
                    "entity": j.entity,
                    "verdict": j.verdict,
                    "judge": by[:80],
                    "note": j.note[:400] if j.note else None,
                    "judged_at": at,
                }
                for j in new
            )
        )
    return len(new)


@contextmanager
def opened(project: Project, base: BaseTable, state: State) -> Iterator[DuckDBPyConnection]:
    """A connection with the views ``rows_``, of all inputs, and ``identities_`` of the last build."""
    here = folder(project, base)
    with connect(project.settings) as con:
        parts = " UNION ALL ".join(
            f"SELECT node, weaker, record, load_id, line, {literal(item)} AS item FROM {parquet(here / part.file)}"
            for item, part in state.parts.items()
        )
        con.execute(f"""
            CREATE TEMP VIEW rows_ AS {parts};
            CREATE TEMP VIEW identities_ AS FROM {parquet(here / state.identities)};
            CREATE TEMP VIEW matches_ AS FROM {parquet(here / state.matches)}""")
        yield con


def _hex(number: int) -> str:
    return f"{number:016x}"


def _there(con: DuckDBPyConnection, node: int) -> bool:
    [(there,)] = con.execute(
        f"SELECT count(*) > 0 FROM rows_ WHERE node = {node} OR list_contains(weaker, {node})"
    ).fetchall()
    return bool(there)


def _entity(con: DuckDBPyConnection, project: Project, base: BaseTable, given: str) -> tuple[int, str]:
    """The node that is meant, and the id of the entity that it belongs to."""
    given = given.strip()
    if re.fullmatch(r"[0-9a-f]{16}", given.lower()):
        number = int(given, 16)
        [(members,)] = con.execute(f"SELECT min(node) FROM identities_ WHERE entity = {number}").fetchall()
        node = number if _there(con, number) else members
        if node is not None:
            return node, _bears(con, node)
    fields = {f.name: project.catalog.types[f.field.type] for f in base.fields}
    for known in base.identifiers:
        values = ", ".join(
            f"{kind.parse.replace('{raw}', literal(given)) if n == known.name else f'NULL::{kind.duckdb}'} AS {identifier(n)}"
            for n, kind in fields.items()
        )
        [(node,)] = con.execute(f"SELECT {identity_sql(base, known)} FROM (SELECT {values})").fetchall()
        if node is not None and _there(con, node):
            return node, _bears(con, node)
    names = "、".join(f.field.title for f in base.fields if f.name in {k.name for k in base.identifiers})
    raise NotReviewed(
        f"base.{base.table} 中没有所给的实体 → 给出实体编号（16 位）或{names}；核对是否抄错，或其来源是否已载入"
    )


def _bears(con: DuckDBPyConnection, node: int) -> str:
    found = con.execute(f"SELECT entity FROM identities_ WHERE node = {node}").fetchone()
    return _hex(found[0] if found else node)


def _effect_on_row(
    con: DuckDBPyConnection, base: BaseTable, state: State, record: str, entity: str, verdict: str, project: Project
) -> str:
    if not re.fullmatch(r"[0-9a-f]{16}", record.lower()):
        raise NotReviewed("row: 之后应为 16 位的行编号 → 用 fudata match list 查看")
    number = int(record, 16)
    row = con.execute(f"SELECT item, load_id, line FROM rows_ WHERE record = {number}").fetchone()
    if row is None:
        raise NotReviewed(
            f"base.{base.table} 的来源中没有编号为 {record} 的无标识行 → 用 fudata match list 查看，或该行已不再交付"
        )
    load = project.registry.find_load(row[1])
    where = f"{row[0]}（{load['file_name'] if load else row[1]} 第 {row[2]} 行）"
    linked = con.execute(
        f"SELECT {entity_sql('entity')} FROM matches_ WHERE record = {number} AND outcome = 'linked'"
    ).fetchone()
    now_ = f"现归入 {linked[0]}" if linked else "现不归入任何实体"
    then = {
        "same": f"将归入实体 {entity}",
        "different": f"不会归入实体 {entity}，是否归入其他实体重新比较",
        "unsure": "不会自动归入该实体，留待人工判断",
    }[verdict]
    return f"{where}：{now_}；下一次构建{then}"


def _one(con: DuckDBPyConnection, project: Project, base: BaseTable, said: Sequence[Any], a: int, b: int) -> bool:
    """Would two nodes be one entity in a build that follows these judgements? Looks only at what either is tied to now."""
    judgements(con, said)
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE near AS
        WITH held AS (SELECT coalesce(i.entity, n) AS entity FROM (VALUES ({a}::UBIGINT), ({b}::UBIGINT)) v(n) LEFT JOIN identities_ i ON i.node = n)
        SELECT node FROM identities_ SEMI JOIN held USING (entity) UNION SELECT entity FROM held UNION SELECT {a}::UBIGINT UNION SELECT {b}::UBIGINT""")
    rows = "SELECT node, weaker FROM rows_ WHERE weaker IS NOT NULL AND (node IN (FROM near) OR list_has_any(weaker, (SELECT list(node) FROM near)))"
    nothing = "(SELECT NULL::UBIGINT AS a, NULL::UBIGINT AS b WHERE false)"
    judged = "(SELECT a, b FROM judged_entities WHERE verdict = '{}')".format
    tie(con, rows, replaced_sql(project, base) or nothing, judged("same"), judged("different"))
    group(con)
    [(roots,)] = con.execute(
        f"SELECT count(DISTINCT coalesce(root, n)) FROM (VALUES ({a}::UBIGINT), ({b}::UBIGINT)) v(n) LEFT JOIN tied ON node = n"
    ).fetchall()
    return bool(roots == 1)


def _effect_on_entities(a: str, b: str, then: bool, verdict: str) -> str:
    if a == b:
        if not then:
            return f"现同属实体 {a}；下一次构建拆为两个实体"
        still = "，因为还有别的标识把两者连在一起 → 对相连的标识逐一判断" if verdict == "different" else ""
        return f"现同属实体 {a}；下一次构建仍是一个实体{still}"
    return f"现为两个实体 {a} 与 {b}；下一次构建{'并为一个实体' if then else '仍是两个实体'}"
