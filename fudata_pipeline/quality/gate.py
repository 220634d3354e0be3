"""The gate: a staged load is promoted only if it satisfies its item's suite."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from duckdb import DuckDBPyConnection

from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.catalog.model import Item
from fudata_pipeline.engine.duckdb import session
from fudata_pipeline.engine.sql import identifier, parquet
from fudata_pipeline.quality.suite import ACCEPTED, OUTCOME, QUARANTINED, expectations, percent
from fudata_pipeline.settings import Settings

_VIEW = "loaded"


@dataclass(frozen=True)
class Judged:
    """One expectation and what was observed: counts and shares, never a cell value."""

    type: str
    column: str | None
    title_zh: str
    success: bool
    observed: str


@dataclass(frozen=True)
class GateVerdict:
    """The verdict on a load; it passes only if every expectation was computed and holds."""

    passed: bool
    expectations: tuple[Judged, ...]

    @property
    def failed(self) -> tuple[Judged, ...]:
        return tuple(e for e in self.expectations if not e.success)

    @property
    def reason(self) -> str:
        """What failed, in Chinese: wanted, then observed. Empty when the load passed."""
        return "；".join(f"要求{e.title_zh}，实际{e.observed}" for e in self.failed)


def validate(
    settings: Settings,
    catalog: Catalog,
    item: Item,
    accepted: Path,
    quarantined: Path,
    last_rows: int | None,
    already: int = 0,
) -> GateVerdict:
    """Judge a staged load by its item's suite.

    Args:
        accepted: Parquet of the accepted rows: ``_line`` and the item's typed columns.
        quarantined: Parquet of the rows set aside: the same, and further columns that begin with ``_``.
        last_rows: accepted rows of the current version; None when there is none, or nothing follows from it.
        already: rows that were delivered before and count together with these.

    Raises:
        duckdb.Error: when a file cannot be read. An expectation that cannot be computed fails the gate instead.
    """
    from fudata_pipeline.quality import gx  # great-expectations takes seconds to import

    suite = expectations(catalog, item, last_rows, already)
    with session(settings) as con:
        _create_view(con, accepted, quarantined)
        if already and _few(con):
            suite = [e for e in suite if "mostly" not in e["kwargs"]]
        outcomes = gx.run(con, _VIEW, suite)
    judged = tuple(
        Judged(
            type=declared["type"],
            column=declared["kwargs"].get("column"),
            title_zh=declared["meta"]["title"],
            success=outcome.success,
            observed=f"无法计算（{outcome.error}）" if outcome.error else _observed(outcome.result),
        )
        for declared, outcome in zip(suite, outcomes, strict=True)
    )
    return GateVerdict(passed=all(j.success for j in judged), expectations=judged)


FEW = 20
"""[A] Of fewer rows that join others a share says nothing: the only one of a night may well be wrong."""


def _few(con: DuckDBPyConnection) -> bool:
    [(rows,)] = con.execute(f"SELECT count(*) FROM {_VIEW}").fetchall()
    return bool(rows < FEW)


def _create_view(con: DuckDBPyConnection, accepted: Path, quarantined: Path) -> None:
    """All delivered rows with their outcome. What would be promoted, the accepted file, decides on the columns."""
    names = con.sql(f"SELECT * FROM {parquet(accepted)}").columns
    shared = [n for n in con.sql(f"SELECT * FROM {parquet(quarantined)}").columns if n in names]
    con.execute(f"""
        CREATE TEMP VIEW {_VIEW} AS
        SELECT *, '{ACCEPTED}' AS {OUTCOME} FROM {parquet(accepted)}
        UNION ALL BY NAME
        SELECT {", ".join(identifier(n) for n in shared)}, '{QUARANTINED}' AS {OUTCOME} FROM {parquet(quarantined)}""")


def _observed(result: dict[str, Any]) -> str:
    """A result in words. Only counts and column names are read from it."""
    if "unexpected_count" in result:
        checked = result["element_count"] - (result.get("missing_count") or 0)
        wrong = result["unexpected_count"] or 0
        if not checked:
            return "没有可检查的值"
        return f"为 {percent(1 - wrong / checked)}（{checked:,} 行中 {wrong:,} 行不符）"
    observed = result.get("observed_value")  # rows of the table, or keys that repeat
    if isinstance(observed, int):
        return f"为 {observed:,}"
    missing = result.get("details", {}).get("mismatched", {}).get("missing", [])
    return f"缺少 {'、'.join(missing)}" if missing else "齐全"
