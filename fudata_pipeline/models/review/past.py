"""What was judged before and whether it holds, and which entities became one or came apart."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fudata_pipeline.catalog.bases import BaseTable
from fudata_pipeline.engine.duckdb import connect
from fudata_pipeline.models.product import product_sql
from fudata_pipeline.models.review.judging import opened
from fudata_pipeline.models.review.pairs import built_state
from fudata_pipeline.models.state import entity_sql
from fudata_pipeline.project import Project


@dataclass(frozen=True)
class Judged:
    """A judgement that was kept. ``holds``: is it the newest of its pair; ``now``: what has become of it, in Chinese."""

    subject: str
    entity: str
    verdict: str
    judge: str
    note: str | None
    judged_at: datetime
    holds: bool
    now: str


def history(project: Project, base: BaseTable) -> list[Judged]:
    """Every judgement of a base table, newest first."""
    told = project.registry.all_match_judgements(base.table)
    if not told:
        return []
    state, newest = built_state(project, base), {j["seq"] for j in project.registry.match_judgements(base.table)}
    numbers = {int(word, 16) for j in told for word in (j["subject"].partition(":")[2], j["entity"])}
    with opened(project, base, state) as con:
        con.execute("CREATE TEMP TABLE named (n UBIGINT)")
        con.executemany("INSERT INTO named VALUES (?)", [(n,) for n in sorted(numbers)])
        there = {
            n
            for (n,) in con.execute(f"""
                SELECT n FROM named WHERE n IN (SELECT record FROM rows_) OR n IN (SELECT node FROM rows_)
                    OR n IN (SELECT unnest(weaker) FROM rows_) OR {entity_sql("n")} IN (SELECT entity_id FROM {product_sql(project, f"base.{base.table}")})
            """).fetchall()
        }

    def become(j: Any) -> str:
        if j["seq"] not in newest:
            return "已被后来的判断取代"
        if j["seq"] > state.judged:
            return "待下一次构建"
        kind, _, number = j["subject"].partition(":")
        if int(number, 16) not in there:
            return "该行已不在当前数据中" if kind == "row" else "该标识已不在当前数据中"
        return "有效" if int(j["entity"], 16) in there else "对方已不在当前数据中"

    return [
        Judged(j["subject"], j["entity"], j["verdict"], j["judge"], j["note"], j["judged_at"], j["seq"] in newest, become(j))
        for j in told
    ]  # fmt: skip


@dataclass(frozen=True)
class Move:
    """Two entities that became one (``merge``: ``entity`` lives on in ``into``), or one that became two (``split``)."""

    kind: str
    entity: str
    into: str
    seen_at: datetime


def moves(project: Project, base: BaseTable) -> list[Move]:
    """The merges and splits of a base table, newest first."""
    product = f"base.{base.table}_merge"
    if project.registry.build(product) is None:
        return []
    with connect(project.settings) as con:
        found = con.execute(
            f'SELECT kind, entity, "into", seen_at FROM {product_sql(project, product)} ORDER BY seen_at DESC, kind, entity'
        ).fetchall()
    return [Move(*row) for row in found]
