"""Base models against the twin: are the right records together, and do the right values survive?"""

from __future__ import annotations

from typing import Any

from duckdb import DuckDBPyConnection

from fudata_pipeline.accuracy.deliveries import Delivered
from fudata_pipeline.catalog.bases import BaseTable
from fudata_pipeline.engine.sql import identifier, literal, parquet
from fudata_pipeline.models.product import product_file, product_sql
from fudata_pipeline.project import Project

NOT_BUILT = "not built"

TRUE_ENTITY = {"population": "t.person", "legal_entity": "t.firm", "house": "t.house", "building": "h.building_id"}
"""Base table -> the true entity of a source row."""

TWIN = {
    "population": ("twin.p x", "resident_id", {
        "person_name": "x.name", "former_name": "x.former_name", "sex": "x.sex", "ethnicity": "x.ethnicity", "birth_date": "x.birth_date",
        "marital": "x.marital", "education": "x.education", "hukou_type": "x.hukou_type", "hukou_address": "x.hukou_address", "phone": "x.phone",
        "house_code": "y.house_code", "building_code": "y.building_code", "live_from": "x.live_from",
        "disability_type": "x.disability_type", "disability_level": "x.disability_level"}),
    "legal_entity": ("twin.f x", "uscc", {
        "entity_name": "x.name", "entity_type": "x.entity_type", "industry": "x.industry", "legal_rep_name": "x.legal_rep_name",
        "legal_rep_id": "x.legal_rep_id", "reg_capital": "x.reg_capital", "established_date": "x.established_date", "reg_status": "x.reg_status",
        "reg_address": "x.reg_address", "biz_address": "x.address", "phone": "x.phone", "house_code": "y.house_code", "building_code": "y.building_code"}),
    "house": ("twin.h x", "house_code", {
        "building_code": "x.building_code", "room_no": "x.room_no", "house_area": "x.house_area", "house_use": "x.house_use", "is_rental": "x.is_rental"}),
    "building": ("(SELECT * FROM twin.h WHERE first_house) x", "building_code", {
        "building_name": "x.building_name", "building_address": "x.building_address", "structure": "x.structure",
        "floors_ground": "x.floors_ground", "built_year": "x.built_year", "grid_code": "x.grid_code"}),
}  # fmt: skip
"""Base table -> its entities in the twin, their key, and the true value of each attribute."""

MODELS = {"population": ("population",), "legal_entity": ("legal_entity",), "housing": ("building", "house")}


def _one(con: DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    row = con.execute(sql).fetchone()
    assert row is not None
    return row


def _rows_sql(project: Project, base: BaseTable, loads: dict[str, Delivered]) -> str | None:
    """Source rows with the entity the pipeline gave them and their true one."""
    used = [loads[feed.item] for feed in base.inputs if feed.item in loads]
    if not used:
        return None
    truths = " UNION ALL ".join(
        f"SELECT {literal(d.item)} AS item, line, person, firm, house FROM {parquet(d.truth)}" for d in used
    )
    return (
        f"SELECT l.entity_id, {TRUE_ENTITY[base.table]} AS truth FROM {product_sql(project, f'base.{base.table}_record')} l JOIN ({truths}) t USING (item, line) "
        f"LEFT JOIN twin.h h ON h.house_id = t.house WHERE {TRUE_ENTITY[base.table]} IS NOT NULL"
    )


def _pairs(column: str) -> str:
    return f"(SELECT coalesce(sum(n * (n - 1) // 2), 0) FROM (SELECT sum(n) AS n FROM cells WHERE {column} IS NOT NULL GROUP BY {column}))"


def _f1(precision: float | None, recall: float | None) -> float | None:
    return round(2 * precision * recall / (precision + recall), 6) if precision and recall else None


def score_linkage(con: DuckDBPyConnection, project: Project, loads: dict[str, Delivered]) -> dict[str, Any]:
    """Pairwise precision, recall and F1 per base model: of all pairs of source rows put together, how many belong together,
    and of all that belong together, how many are. ``without_id``: pairs in which a row has no usable identifier."""
    scores: dict[str, Any] = {}
    for model, tables in MODELS.items():
        sums = {"together": 0, "true": 0, "both": 0, "without_true": 0, "without_both": 0, "linked_without": 0}
        bases = [b for b in project.catalog.bases if b.table in tables and product_file(project, f"base.{b.table}")]
        for base in bases:
            rows = _rows_sql(project, base, loads)
            if rows is None:
                continue
            con.execute(
                f"CREATE OR REPLACE TEMP TABLE cells AS SELECT entity_id, truth, count(*) AS n FROM ({rows}) GROUP BY ALL"
            )
            both = "(SELECT coalesce(sum(n * (n - 1) // 2), 0) FROM cells WHERE entity_id IS NOT NULL)"
            without = ("(SELECT coalesce(sum(n * (n - 1) // 2 + n * (whole - n)), 0) FROM (SELECT truth, sum(n) AS whole, "
                       "sum(n) FILTER (entity_id IS NULL) AS n FROM cells GROUP BY truth))")  # fmt: skip
            together, true, right, without_true = _one(
                con, f"SELECT {_pairs('entity_id')}, {_pairs('truth')}, {both}, {without}"
            )
            sums["together"] += together
            sums["true"] += true
            sums["both"] += right
            sums["without_true"] += without_true
        if not sums["true"]:
            scores[model] = NOT_BUILT
            continue
        precision = round(sums["both"] / sums["together"], 6) if sums["together"] else None
        recall = round(sums["both"] / sums["true"], 6)
        scores[model] = {"precision": precision, "recall": recall, "f1": _f1(precision, recall), "without_id": NOT_BUILT,
                         "pairs_without_id": int(sums["without_true"])}  # fmt: skip
    return scores


def score_survivorship(con: DuckDBPyConnection, project: Project) -> dict[str, Any]:
    """Per base table and attribute: of the entities that are in the twin and have a value, how many have the true one."""
    scores: dict[str, Any] = {}
    for base in project.catalog.bases:
        file = product_file(project, f"base.{base.table}")
        if file is None or base.table not in TWIN:
            scores[base.table] = NOT_BUILT
            continue
        source, key, truths = TWIN[base.table]
        place = "LEFT JOIN twin.h y ON y.house_id = x.house_id" if "y." in " ".join(truths.values()) else ""
        attributes = [f.name for f in base.fields if f.name in truths]
        counts = ", ".join(
            f"count(b.{identifier(a)}), count(*) FILTER (b.{identifier(a)} = {truths[a]}), count(*) FILTER (b.{identifier(a)} IS NULL AND {truths[a]} IS NOT NULL)"
            for a in attributes
        )
        found = _one(
            con,
            f"SELECT count(*), count(x.{key}), {counts} FROM {parquet(file)} b LEFT JOIN {source} ON x.{key} = b.{identifier(base.key)} {place}",
        )
        scores[base.table] = {
            "entities": found[0],
            "unknown_entities": found[0] - found[1],
            "attributes": {
                a: {"correct": round(found[3 + 3 * n] / found[2 + 3 * n], 4) if found[2 + 3 * n] else None, "values": found[2 + 3 * n],
                    "missing": found[4 + 3 * n]}
                for n, a in enumerate(attributes)
            },
        }  # fmt: skip
    return scores


def score_placement(con: DuckDBPyConnection, project: Project) -> dict[str, Any]:
    """Entities of the placed base tables: share in the right grid, in a wrong one, and not placed; right houses and buildings."""
    scores: dict[str, Any] = {}
    for base in project.catalog.bases:
        file = product_file(project, f"block.{base.table}_placement")
        entities = product_file(project, f"base.{base.table}")
        if file is None or entities is None or base.table not in TWIN:
            continue
        source, key, _ = TWIN[base.table]
        all_, grid, wrong, unplaced, house, building, houses, buildings = _one(con, f"""
            SELECT count(*), count(*) FILTER (w.grid_code = y.grid_code), count(*) FILTER (w.grid_code <> y.grid_code OR w.grid_code IS NOT NULL AND y.grid_code IS NULL),
                count(*) FILTER (w.grid_code IS NULL), count(*) FILTER (w.house_code = y.house_code), count(*) FILTER (w.building_code = y.building_code),
                count(w.house_code), count(w.building_code)
            FROM {parquet(file)} w JOIN {parquet(entities)} b USING (entity_id) JOIN {source} ON x.{key} = b.{identifier(base.key)}
            LEFT JOIN twin.h y ON y.house_id = x.house_id""")  # fmt: skip
        if all_:
            scores[base.table] = {
                "entities": all_, "grid_correct": round(grid / all_, 4), "grid_wrong": round(wrong / all_, 4), "unplaced": round(unplaced / all_, 4),
                "house_correct": round(house / houses, 4) if houses else None, "building_correct": round(building / buildings, 4) if buildings else None,
            }  # fmt: skip
    if not scores:
        return {"grid_correct": NOT_BUILT, "grid_wrong": NOT_BUILT, "unplaced": NOT_BUILT, "outside_recall": NOT_BUILT}
    total = sum(s["entities"] for s in scores.values())
    overall = {
        n: round(sum(s[n] * s["entities"] for s in scores.values()) / total, 4)
        for n in ("grid_correct", "grid_wrong", "unplaced")
    }
    return overall | {"outside_recall": NOT_BUILT, "tables": scores}
