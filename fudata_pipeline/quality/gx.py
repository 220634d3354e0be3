"""The only module that knows great-expectations: runs a suite over a view of a DuckDB connection.

Importing it costs seconds, so :mod:`gate` imports it only when a load is to be judged. No cell value leaves it: results
carry counts, and errors only what DuckDB says about names (see :func:`_error`).
"""

from __future__ import annotations

import itertools
import logging
import re
import threading
import warnings
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import duckdb_engine
import great_expectations as ge
import sqlalchemy as sa
from duckdb import DuckDBPyConnection
from great_expectations.data_context.types import base as config
from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations.expectation import ColumnMapExpectation
from great_expectations.expectations.metrics import ColumnMapMetricProvider, column_condition_partial
from great_expectations.expectations.registry import get_expectation_impl
from sqlalchemy.dialects import registry
from sqlalchemy.pool import StaticPool

logging.getLogger("great_expectations").setLevel(logging.CRITICAL + 1)

_RESULT_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": 0}
_lock = threading.Lock()
_numbers = itertools.count(1)


class _QuoteAll(duckdb_engine.DuckDBIdentifierPreparer):
    """Quotes every name: duckdb-engine leaves some keywords bare that are names of columns, such as ``at``."""

    def quote(self, ident: str, force: Any = None) -> str:
        return self.quote_identifier(ident)


class ReadOnlyDialect(duckdb_engine.Dialect):
    """duckdb-engine without transactions: a rollback on close would drop the result that is still to be read."""

    supports_statement_cache = False
    preparer = _QuoteAll

    def do_begin(self, connection: Any) -> None: ...

    def do_commit(self, connection: Any) -> None: ...

    def do_rollback(self, connection: Any) -> None: ...


registry.register("duckdb.readonly", __name__, ReadOnlyDialect.__name__)


class ColumnValuesSatisfyMacro(ColumnMapMetricProvider):
    condition_metric_name = "column_values.satisfy_macro"
    condition_value_keys = ("macro",)

    @column_condition_partial(engine=SqlAlchemyExecutionEngine)
    def _sqlalchemy(cls, column: Any, macro: str, **kwargs: Any) -> Any:
        return sa.func.coalesce(getattr(sa.func, macro)(column), sa.false())  # no answer is not a yes


class ExpectColumnValuesToSatisfyMacro(ColumnMapExpectation):
    """Every value satisfies a SQL macro of the standards, such as ``is_resident_id``."""

    macro: str
    map_metric: ClassVar[str] = "column_values.satisfy_macro"
    success_keys: ClassVar[tuple[str, ...]] = ("macro", "mostly")
    args_keys: ClassVar[tuple[str, ...]] = ("column", "macro")


@dataclass(frozen=True)
class Outcome:
    """What became of one expectation. ``error``: why it could not be computed; then ``success`` is false."""

    success: bool
    result: dict[str, Any]
    error: str | None = None


@cache
def _context() -> Any:
    """One ephemeral context per process: in memory, without analytics and progress bars."""
    project = config.DataContextConfig(
        store_backend_defaults=config.InMemoryStoreBackendDefaults(),
        progress_bars=config.ProgressBarsConfig(globally=False),
        analytics_enabled=False,
    )
    return ge.get_context(mode="ephemeral", project_config=project)


def _error(message: str) -> str:
    """An exception as text without cell values: DuckDB's first line only where it is about names, else its class."""
    about_names = re.search(r"(Catalog|Binder|Parser) Error: [^\n]*", message)
    if about_names:
        return about_names[0][:200]
    named = re.search(r"\b(\w+(?:Exception|Error))\b", message)
    return named[1] if named else "未知错误"


def run(con: DuckDBPyConnection, view: str, suite: list[dict[str, Any]]) -> list[Outcome]:
    """Validate ``view`` against ``suite``: one outcome per expectation, in its order, whatever goes wrong."""
    outcomes: dict[int, Outcome] = {}
    built = []
    for number, declared in enumerate(suite):
        try:
            kind = get_expectation_impl(declared["type"])
            built.append(kind(**declared["kwargs"], meta={"number": number}))
        except Exception as error:
            outcomes[number] = Outcome(False, {}, _error(type(error).__name__))
    failure = "没有得到结果"
    try:
        for result in _validate(con, view, built):
            outcomes[result.expectation_config.meta["number"]] = _outcome(result)
    except Exception as error:
        failure = _error(f"{type(error).__name__}: {error}")
    return [outcomes.get(number, Outcome(False, {}, failure)) for number in range(len(suite))]


def _validate(con: DuckDBPyConnection, view: str, built: list[Any]) -> list[Any]:
    name = f"load{next(_numbers)}"
    with _lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        context = _context()
        source = context.data_sources.add_sql(
            name=name,
            connection_string="duckdb+readonly:///:memory:",
            kwargs={"creator": lambda: duckdb_engine.ConnectionWrapper(con), "poolclass": StaticPool},
        )
        try:
            batch = source.add_table_asset(view, table_name=view).add_batch_definition_whole_table(view).get_batch()
            suite = ge.ExpectationSuite(name=name, expectations=built)
            return list(batch.validate(suite, result_format=_RESULT_FORMAT).results)
        finally:
            context.data_sources.delete(name)


def _outcome(result: Any) -> Outcome:
    raised = result.exception_info or {}
    entries = [raised] if "raised_exception" in raised else list(raised.values())
    messages = [str(e.get("exception_message")) for e in entries if e.get("raised_exception")]
    if messages:
        return Outcome(False, {}, _error(messages[0]))
    return Outcome(bool(result.success), dict(result.result))
