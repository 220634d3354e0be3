"""An item's delivery from the twin: values in the unit's style, defects put in, the file written, the truth set down."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import sqlalchemy as sa
from duckdb import DuckDBPyConnection

from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.catalog.model import Item, ItemField
from fudata_pipeline.engine.sql import identifier, literal
from fudata_pipeline.synthetic import writing
from fudata_pipeline.synthetic.columns import ItemColumns, Recipes
from fudata_pipeline.synthetic.defects import KINDS, Defect, Place, Profile, alias_sql
from fudata_pipeline.synthetic.rows import EXTRA, Rows
from fudata_pipeline.synthetic.tables import write_table
from fudata_pipeline.synthetic.twin import FIRST_NIGHT

DATE_STYLES = ("%Y-%m-%d", "%Y-%m-%d", "%Y-%m-%d", "%Y/%m/%d", "%Y%m%d")
TYPED = {"parquet"}
"""Formats whose columns have types; others deliver text or cells."""


@dataclass(frozen=True)
class Rendered:
    """What was written for one item: its file (None: a database table), rows, and how many of them bear a defect."""

    item: str
    file: Path | None
    rows: int
    defects: int


def rows_at(item: Item, scale: float) -> int:
    """Rows an item holds at this scale: its declared records in proportion, at least one."""
    return max(1, round((item.records or 50) * scale))


class Renderer:
    """Renders items of one night through ``con``, to which the twin is attached as ``twin``.

    The same seed, scale and night give the same rows in the same order, whatever the number of threads.
    """

    def __init__(
        self,
        con: DuckDBPyConnection,
        catalog: Catalog,
        recipes: Recipes,
        profile: Profile,
        *,
        seed: int,
        scale: float,
        night: int,
        as_of: date,
    ) -> None:
        self.con, self.catalog, self.recipes, self.profile = con, catalog, recipes, profile
        self.database: sa.Engine | None = None
        """Where to deliver tables instead of files."""
        self.seed, self.scale, self.night, self.as_of = seed, scale, night, as_of

    def rows(self, item_id: str) -> int:
        return rows_at(self.catalog.items_by_id[item_id], self.scale)

    def render(self, item: Item, folder: Path, truth: Path | None) -> Rendered:
        """Write the item's delivery below ``folder`` and its truth to the Parquet file ``truth``."""
        wanted = self.rows(item.id)
        columns = ItemColumns(self.catalog, self.recipes, item, self.rows, FIRST_NIGHT, self.seed)
        rows = Rows(self.con, columns, self.profile, wanted, self.night, self.as_of, self._typed(item))
        rows.prepare()
        cells = self._cells(rows)
        order = "" if rows.streamed else "ORDER BY r.pos"
        # A streamed item must be the side that is read through, so that its rows come out in their order.
        self.con.execute(f"SET disabled_optimizers = '{'join_order,build_side_probe_side' if rows.streamed else ''}'")
        headers = {f.headers[0]: cells[f.name] for f in item.fields}
        select = f"SELECT {', '.join(f'{sql} AS {identifier(h)}' for h, sql in headers.items())} {rows.joins} {order}"
        file = None
        if self.database is not None:
            write_table(self.con, select, item, self.catalog, self.database)
        else:
            file = folder / writing.file_name(item, self.as_of)
            file.parent.mkdir(parents=True, exist_ok=True)
            writing.write(self.con, select, item, self.catalog, file)
        damaged = self._truth(rows, order, truth) if truth else 0
        return Rendered(item.id, file, rows.total, damaged)

    def _typed(self, item: Item) -> bool:
        return self.database is not None or item.source.format in TYPED

    def _cells(self, rows: Rows) -> dict[str, str]:
        """Column -> SQL of the delivered cell: the true value in the unit's style, or what the row's defect makes of it."""
        item, values = rows.item, dict(rows.columns.sql)
        if rows.extra.get(3) and item.latest_by:
            values[item.latest_by] = (
                f"CASE WHEN r.extra = 3 THEN {values[item.latest_by]} - INTERVAL 400 DAY ELSE {values[item.latest_by]} END"
            )
        texts = {f.name: self.text(item, f, values[f.name], rows.total) for f in item.fields}
        if rows.extra.get(2):
            for name in ("person_name", "entity_name"):
                if name in texts and name not in item.key:
                    texts[name] = (
                        f"CASE WHEN r.extra = 2 THEN replace({texts[name]}, right({texts[name]}, 1), '') || '华' ELSE {texts[name]} END"
                    )
        damage: dict[str, dict[int, str]] = {}
        for defect in rows.defects:
            field = item.column(defect.column)
            place = Place(item, field, texts[field.name], values[field.name], texts, values)
            kind = KINDS[defect.kind]
            damaged = {field.name: self._damaged(defect.kind, place)}
            damaged |= kind.also(place) if kind.also else {}
            for name, sql in damaged.items():
                damage.setdefault(name, {})[defect.number] = sql
        cells = {}
        for field in item.fields:
            cell = self.catalog.types[field.field.type].duckdb if rows.typed else "VARCHAR"
            sql = f"CAST({texts[field.name]} AS {cell})" if rows.typed else texts[field.name]
            if changes := damage.get(field.name):
                whens = " ".join(f"WHEN {n} THEN CAST({change} AS {cell})" for n, change in changes.items())
                sql = f"CASE WHEN r.dk = 0 THEN {sql} ELSE CASE r.dk {whens} ELSE {sql} END END"
            cells[field.name] = sql
        return cells

    def _damaged(self, kind: str, place: Place) -> str:
        if kind == "code_alias":
            return alias_sql(self.catalog, place.field, place.value) or place.text
        return KINDS[kind].damage(place)

    def text(self, item: Item, field: ItemField, value: str, rows: int) -> str:
        """SQL of a value as the unit writes it. Typed files keep the type; codes go as titles in smaller items."""
        kind = field.field.type
        style = zlib.crc32(f"{item.id}/style".encode())
        if field.field.codes:
            codes = self.catalog.codes[field.field.codes]
            plain = {c: t for c, t in codes.titles.items() if codes.aliases.get(t, c) == c}
            if style % 10 < 6 and len(plain) <= 120 and rows < 5_000_000:
                return f"CASE {value} {' '.join(f'WHEN {literal(c)} THEN {literal(t)}' for c, t in plain.items())} ELSE {value} END"
            return value
        if self._typed(item):
            return value
        if kind == "date":
            return f"strftime({value}, {literal(DATE_STYLES[style % len(DATE_STYLES)] if item.source.format == 'csv' else '%Y-%m-%d')})"
        if kind == "datetime":
            return f"strftime({value}, '%Y-%m-%d %H:%M:%S')"
        if kind == "boolean":
            return f"CASE {value} WHEN true THEN '是' WHEN false THEN '否' END"
        if kind in ("integer", "decimal", "double"):
            return f"CAST({value} AS VARCHAR)"
        return value

    def _truth(self, rows: Rows, order: str, truth: Path) -> int:
        """Set down every row's subjects, and the defect of those that bear one."""
        truth.parent.mkdir(parents=True, exist_ok=True)
        first = 1 if self.database is not None else writing.first_line(rows.item)
        effects = " ".join(f"WHEN {d.number} THEN {effect(rows, d)}" for d in rows.defects)
        bears = f"CASE WHEN r.dk = 0 THEN 0 WHEN CASE r.dk {effects} END THEN r.dk ELSE 0 END" if effects else "0"
        kinds = " ".join(f"WHEN {n} THEN {literal(kind)}" for n, kind in EXTRA.items() if n > 1)
        found = "".join(f", ({d.number}, {literal(d.kind)}, {literal(d.column)})" for d in rows.defects)
        part = truth.with_suffix(".part")
        borne = f"(VALUES (0, NULL, NULL){found}) d(dk, kind, col)"
        self.con.execute(
            f'COPY (SELECT {first} + r.pos AS line, {rows.truth}, CASE r.extra {kinds} ELSE d.kind END AS kind, d.col AS "column", r.extra = 1 AS copy '
            f"{rows.joins} LEFT JOIN {borne} ON d.dk = {bears} {order}) TO {literal(part)} (FORMAT parquet, COMPRESSION zstd)"
        )
        part.replace(truth)
        [(damaged,)] = self.con.execute(
            f"SELECT count(*) FILTER (kind IS NOT NULL OR copy) FROM read_parquet({literal(truth)})"
        ).fetchall()
        return int(damaged)


def effect(rows: Rows, defect: Defect) -> str:
    """SQL of whether a defect changes anything: where there is no value, there is nothing to damage."""
    values = rows.columns.sql
    changed = f"({values[defect.column]}) IS NOT NULL"
    if defect.kind == "stale_place":
        return f"{changed} AND p.old_house_id IS NOT NULL" if "p.old_house_id" in rows.joins else "false"
    if defect.kind in ("dates_reversed", "house_mismatch"):
        rule, position, other = (
            ("dates_in_order", 1, 0) if defect.kind == "dates_reversed" else ("house_in_building", 1, 0)
        )
        pair = next(u.columns for u in rows.item.rules if u.rule == rule and u.columns[position] == defect.column)
        return f"{changed} AND ({values[pair[other]]}) IS NOT NULL"
    if defect.kind == "swapped":
        return f"{changed} AND ({values['person_name']}) IS NOT NULL"
    return (
        "true"
        if defect.kind
        in ("missing", "placeholder", "unknown_code", "bad_date", "bad_number", "out_of_range", "wrong_phone")
        else changed
    )
