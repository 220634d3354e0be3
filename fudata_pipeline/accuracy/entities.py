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
    "population": ("(SELECT *, unnest(list_distinct([resident_id, travel_document])) AS known_by FROM twin.p) x", "known_by", {
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
"""Base table -> its entities in the twin, the column they are found by, and the true value of each attribute."""

FOUND_BY = {"population": "coalesce(b.resident_id, b.exit_entry_doc_no)"}
"""What of an entity is looked up there, where that is not its key alone."""

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
        f"SELECT l.entity_id, l.linked_by, {TRUE_ENTITY[base.table]} AS truth FROM {product_sql(project, f'base.{base.table}_record')} l JOIN ({truths}) t USING (item, line) "
        f"LEFT JOIN twin.h h ON h.house_id = t.house WHERE {TRUE_ENTITY[base.table]} IS NOT NULL"
    )


def _pairs(by: str, rows: str = "n", where: str = "true") -> str:
    """SQL: pairs of rows within each group of ``cells``; of those with an identifier only, for ``rows`` ``named``."""
    return f"(SELECT coalesce(sum(n * (n - 1) // 2), 0) FROM (SELECT sum({rows}) AS n FROM cells WHERE {where} GROUP BY {by}))"


def _rates(together: int, true: int, both: int) -> dict[str, Any]:
    precision = round(both / together, 6) if together else None
    recall = round(both / true, 6) if true else None
    f1 = round(2 * precision * recall / (precision + recall), 6) if precision and recall else None
    return {"precision": precision, "recall": recall, "f1": f1}


def score_linkage(con: DuckDBPyConnection, project: Project, loads: dict[str, Delivered]) -> dict[str, Any]:
    """Pairwise precision, recall and F1 per base model: of all pairs of source rows put together, how many belong together,
    and of all that belong together, how many are.

    ``without_id``: the same of pairs in which a row has no usable identifier. ``automatic``: rows without one that were put
    to an entity by probability: their number, and the share that is at the entity of its true person or firm.
    """
    scores: dict[str, Any] = {}
    for model, tables in MODELS.items():
        sums = dict.fromkeys(
            ("together", "true", "both", "w_together", "w_true", "w_both", "matched", "right", "review"), 0
        )
        bases = [b for b in project.catalog.bases if b.table in tables and product_file(project, f"base.{b.table}")]
        for base in bases:
            rows = _rows_sql(project, base, loads)
            if rows is None:
                continue
            con.execute(f"CREATE OR REPLACE TEMP TABLE linked AS {rows}")
            con.execute("""
                CREATE OR REPLACE TEMP TABLE cells AS
                SELECT entity_id, truth, count(*) AS n, count(*) FILTER (linked_by = 'identifier') AS named FROM linked GROUP BY ALL""")
            found = {}
            for name, by, where in (("together", "entity_id", "entity_id IS NOT NULL"), ("true", "truth", "true"),
                                    ("both", "entity_id, truth", "entity_id IS NOT NULL")):  # fmt: skip
                found[name], named = _one(con, f"SELECT {_pairs(by, where=where)}, {_pairs(by, 'named', where)}")
                found[f"w_{name}"] = found[name] - named
            found["matched"], found["right"] = _one(con, """
                SELECT count(*), count(*) FILTER (l.truth = e.truth) FROM linked l LEFT JOIN (
                    SELECT entity_id, arg_max(truth, (n, -truth)) AS truth FROM (
                        SELECT entity_id, truth, sum(named) AS n FROM cells WHERE named > 0 GROUP BY ALL) GROUP BY entity_id) e USING (entity_id)
                WHERE linked_by = 'match'""")  # fmt: skip
            if base.matching and project.registry.build(f"base.{base.table}_review"):
                (found["review"],) = _one(
                    con, f"SELECT count(*) FROM {product_sql(project, f'base.{base.table}_review')}"
                )
            for name, count in found.items():
                sums[name] += int(count)
        if not sums["true"]:
            scores[model] = NOT_BUILT
            continue
        scores[model] = _rates(sums["together"], sums["true"], sums["both"])
        scores[model]["without_id"] = (
            _rates(sums["w_together"], sums["w_true"], sums["w_both"]) if sums["w_true"] else NOT_BUILT
        )
        scores[model]["automatic"] = {
            "rows": sums["matched"], "precision": round(sums["right"] / sums["matched"], 6) if sums["matched"] else None,
            "review": sums["review"],
        }  # fmt: skip
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
            f"SELECT count(*), count(x.{key}), {counts} FROM {parquet(file)} b LEFT JOIN {source} ON x.{key} = {FOUND_BY.get(base.table, f'b.{identifier(base.key)}')} {place}",
        )
        values = sum(found[2 + 3 * n] for n in range(len(attributes)))
        scores[base.table] = {
            "entities": found[0],
            "unknown_entities": found[0] - found[1],
            "correct": round(sum(found[3 + 3 * n] for n in range(len(attributes))) / values, 6) if values else None,
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
            FROM {parquet(file)} w JOIN {parquet(entities)} b USING (entity_id) JOIN {source} ON x.{key} = {FOUND_BY.get(base.table, f'b.{identifier(base.key)}')}
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
