"""The gate: a staged load is promoted only if it satisfies its item's suite."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from duckdb import DuckDBPyConnection

from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.catalog.model import Item
from fudata_pipeline.engine.duckdb import session
from fudata_pipeline.engine.sql import identifier
from fudata_pipeline.quality.suite import ACCEPTED, OUTCOME, QUARANTINED, Expectation, expectations, percent
from fudata_pipeline.settings import Settings

if TYPE_CHECKING:
    from fudata_pipeline.quality.gx import Outcome

_VIEW = "loaded"


@dataclass(frozen=True)
class Judged:
    """One expectation and what was observed: counts and shares, never a cell value.

    ``counts`` and ``kwargs`` are as great-expectations names them; a set of codes is left out, the catalog has it."""

    type: str
    column: str | None
    title_zh: str
    success: bool
    observed: str
    severity: str = "critical"
    counts: dict[str, int] = field(default_factory=dict)
    kwargs: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class GateVerdict:
    """The verdict on a load; it passes only if every critical expectation was computed and holds."""

    passed: bool
    expectations: tuple[Judged, ...]

    @property
    def failed(self) -> tuple[Judged, ...]:
        return tuple(e for e in self.expectations if not e.success and e.severity == "critical")

    @property
    def warnings(self) -> tuple[str, ...]:
        """What else was not as expected, in Chinese: wanted, then observed."""
        told = [e for e in self.expectations if not e.success and e.severity == "warning"]
        return tuple(f"应{e.title_zh}，实际{e.observed}" for e in told)

    @property
    def reason(self) -> str:
        """What failed, in Chinese: wanted, then observed. Empty when the load passed."""
        return "；".join(f"要求{e.title_zh}，实际{e.observed}" for e in self.failed)


def validate(
    settings: Settings,
    catalog: Catalog,
    item: Item,
    accepted: str,
    quarantined: str,
    last_rows: int | None,
    already: int = 0,
    day: date | None = None,
) -> GateVerdict:
    """Judge a staged load by its item's suite.

    Args:
        accepted: table over the Parquet of the accepted rows: ``_line`` and the item's typed columns.
        quarantined: the same of the rows set aside, with further columns that begin with ``_``.
        last_rows: accepted rows of the current version; None when there is none, or nothing follows from it.
        already: rows that were delivered before and count together with these.
        day: of the delivery, against which it is judged how new the rows are.

    Raises:
        duckdb.Error: when a file cannot be read. An expectation that cannot be computed fails the gate instead.
    """
    from fudata_pipeline.quality import gx  # great-expectations takes seconds to import

    suite = expectations(catalog, item, last_rows, already, day)
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
            observed=_observed(declared, outcome),
            severity=declared["severity"],
            counts=_counts(declared["type"], outcome.result),
            kwargs={name: value for name, value in declared["kwargs"].items() if name != "value_set"},
        )
        for declared, outcome in zip(suite, outcomes, strict=True)
    )
    return GateVerdict(passed=all(j.success or j.severity != "critical" for j in judged), expectations=judged)


_COUNTED = (
    "expect_table_row_count_to_be_between",
    "expect_table_column_count_to_be_between",
    "expect_column_unique_value_count_to_be_between",
    "unexpected_rows_expectation",
)
"""Expectations that observe a number of rows, columns or values. What others observe may be a value of the data."""


def _counts(kind: str, result: dict[str, Any]) -> dict[str, int]:
    wanted = ("element_count", "missing_count", "unexpected_count", *(("observed_value",) if kind in _COUNTED else ()))
    return {name: result[name] for name in wanted if isinstance(result.get(name), int)}


FEW = 20
"""[A] Of fewer rows that join others a share says nothing: the only one of a night may well be wrong."""


def _few(con: DuckDBPyConnection) -> bool:
    [(rows,)] = con.execute(f"SELECT count(*) FROM {_VIEW}").fetchall()
    return bool(rows < FEW)


def _create_view(con: DuckDBPyConnection, accepted: str, quarantined: str) -> None:
    """All delivered rows with their outcome. What would be promoted, the accepted file, decides on the columns."""
    names = con.sql(f"SELECT * FROM {accepted}").columns
    shared = [n for n in con.sql(f"SELECT * FROM {quarantined}").columns if n in names]
    con.execute(f"""
        CREATE TEMP VIEW {_VIEW} AS
        SELECT *, '{ACCEPTED}' AS {OUTCOME} FROM {accepted}
        UNION ALL BY NAME
        SELECT {", ".join(identifier(n) for n in shared)}, '{QUARANTINED}' AS {OUTCOME} FROM {quarantined}""")


def _observed(declared: Expectation, outcome: Outcome) -> str:
    """An outcome in words. Only counts and column names are told."""
    if outcome.error:
        return f"无法计算（{outcome.error}）"
    if not outcome.success and (otherwise := declared["meta"].get("otherwise")):
        return str(otherwise)
    counts = _counts(declared["type"], outcome.result)
    if "unexpected_count" in counts:
        checked = counts["element_count"] - counts.get("missing_count", 0)
        wrong = counts["unexpected_count"]
        if not checked:
            return "没有可检查的值"
        return f"为 {percent(1 - wrong / checked)}（{checked:,} 行中 {wrong:,} 行不符）"
    if "observed_value" in counts:  # rows of the table, or keys that repeat
        return f"为 {counts['observed_value']:,}"
    missing = outcome.result.get("details", {}).get("mismatched", {}).get("missing", [])
    return f"缺少 {'、'.join(missing)}" if missing else "相符" if outcome.success else "不符"
