"""Where another unit's value counts in place of a unit's own (一数一源): which attributes, how often, whose value, what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fudata_pipeline.catalog.bases import BaseTable
from fudata_pipeline.catalog.model import Item, Unit
from fudata_pipeline.engine.duckdb import connect
from fudata_pipeline.models.product import product_sql
from fudata_pipeline.models.state import State, read_state
from fudata_pipeline.project import Project
from fudata_pipeline.report.tables import Column, Table


@dataclass(frozen=True)
class Dispute:
    """An attribute of an item in which others' values count. Holds no value.

    ``entities``: how many have another unit's differing value; ``rows``: the item's rows that give theirs; ``of``: its rows that
    feed the table; ``winner``: the unit whose value counts most often, in ``won`` of the entities; ``equal``: it stands beside
    this item in the order of sources, not before it.
    """

    item: Item
    base: BaseTable
    attribute: str
    entities: int
    rows: int
    of: int
    winner: Unit
    won: int
    equal: bool

    @property
    def title(self) -> str:
        return next(f.field.title for f in self.base.fields if f.name == self.attribute)

    @property
    def share(self) -> float | None:
        return self.rows / self.of if self.of else None

    @property
    def cure(self) -> str:
        if self.equal:
            return (
                f"与{self.winner.short}来源并列，以较新的记录为准：核实后更新本单位的记录，或请{self.winner.short}更正"
            )
        return f"按申报的来源次序以{self.winner.short}为准：本单位有误的请改正，{self.winner.short}有误的请其更正；次序不妥的报数据局调整"


def find_disputes(project: Project) -> dict[str, list[Dispute]]:
    """Unit -> its disputes as of the current builds, those of most entities first; units without any are not in it."""
    found: list[Dispute] = []
    for base in project.catalog.bases:
        state = read_state(project, base)
        if state is not None:
            found += _of_table(project, base, state)
    by_unit: dict[str, list[Dispute]] = {}
    for d in sorted(found, key=lambda d: (-d.entities, d.item.id, d.base.table, d.attribute)):
        by_unit.setdefault(d.item.unit, []).append(d)
    return by_unit


def _of_table(project: Project, base: BaseTable, state: State) -> list[Dispute]:
    with connect(project.settings) as con:
        # An entity has one winner of an attribute, so its entities by winners add up.
        rows = con.execute(f"""
            WITH beaten AS (
                SELECT item, attribute, winner_item, count(DISTINCT CAST('0x' || entity_id AS UBIGINT)) AS entities, count(*) AS rows
                FROM {product_sql(project, f"base.{base.table}_dispute")}
                WHERE split_part(item, '.', 1) <> split_part(winner_item, '.', 1) GROUP BY ALL),
            units AS (
                SELECT item, attribute, split_part(winner_item, '.', 1) AS unit, sum(entities) AS won,
                    max_by(winner_item, (entities, winner_item)) AS most
                FROM beaten GROUP BY ALL)
            SELECT b.item, b.attribute, b.entities, b.rows, u.unit, u.won, u.most
            FROM (SELECT item, attribute, sum(entities) AS entities, sum(rows) AS rows FROM beaten GROUP BY ALL) AS b
            JOIN units AS u ON u.item = b.item AND u.attribute = b.attribute
            QUALIFY row_number() OVER (PARTITION BY b.item, b.attribute ORDER BY u.won DESC, u.unit) = 1""").fetchall()
    catalog, parts, fields = (
        project.catalog,
        state.parts,
        {f.name for f in base.fields},
    )  # it may be declared anew since
    return [
        Dispute(catalog.items_by_id[item], base, attribute, int(entities), int(lost), parts[item].rows, catalog.units_by_id[unit],
                int(won), _equal(base, attribute, item, most))
        for item, attribute, entities, lost, unit, won, most in rows
        if attribute in fields and item in catalog.items_by_id and item in parts and unit in catalog.units_by_id
    ]  # fmt: skip


def _equal(base: BaseTable, attribute: str, item: str, winner: str) -> bool:
    """Do two items stand side by side in the order of sources?"""
    [field] = [f for f in base.fields if f.name == attribute]
    return any(item in tier and winner in tier for tier in base.tiers(field))


def disputes_table(disputes: Sequence[Dispute]) -> Table:
    rows = [
        (d.item.title, d.base.title, d.title, d.entities, d.share, f"{d.winner.short}（{d.won:,}）", d.cure)
        for d in disputes
    ]
    return Table(
        "disputes",
        "落选",
        "哪些值没有被采用",
        "基础库中本单位的值与其他单位不同、而采用了其他单位的值的字段，按最近一次构建；占比为本数据项进入该基础库的行中这样的行的比例，"
        "“采用谁的值”括号内为实体数。逐个实体可请数据局用 fudata explain 查看。",
        "没有未被采用的不同值。",
        (
            Column("数据项", width=24),
            Column("基础库", width=16),
            Column("字段", width=18),
            Column("实体数", "count", 10),
            Column("占比", "share", 10),
            Column("采用谁的值", width=20),
            Column("处理办法", width=60),
        ),
        tuple(rows),
    )
