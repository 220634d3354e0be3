"""great-expectations' side of a DuckDB connection: dialect, execution engine, and the metric of our own expectation."""

from __future__ import annotations

import threading
from functools import cache
from typing import Any, ClassVar

import duckdb_engine
import sqlalchemy as sa
from duckdb import DuckDBPyConnection
from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from great_expectations.execution_engine.sqlalchemy_batch_data import SqlAlchemyBatchData
from great_expectations.expectations.expectation import ColumnMapExpectation
from great_expectations.expectations.metrics import ColumnMapMetricProvider, column_condition_partial
from sqlalchemy.dialects import registry
from sqlalchemy.pool import NullPool

_here = threading.local()
"""``_here.con``: the connection on which this thread validates."""


class _QuoteAll(duckdb_engine.DuckDBIdentifierPreparer):
    """Quotes every name: duckdb-engine leaves some keywords bare that are names of columns, such as ``at``."""

    def quote(self, ident: str, force: Any = None) -> str:
        return self.quote_identifier(ident)


class _SetsAsLists(duckdb_engine.Dialect.statement_compiler):
    """Asks a constant list whether it contains a value: DuckDB compares ``IN`` value by value, or joins, row by row,
    where it asks a function once for each entry of a column's dictionary."""

    def visit_not_in_op_binary(self, binary: Any, operator: Any, **options: Any) -> str:
        values = [self.render_literal_value(v, binary.right.type) for v in binary.right.value]
        return f"NOT list_contains([{', '.join(values)}], {self.process(binary.left, **options)})"


class ReadOnlyDialect(duckdb_engine.Dialect):
    """duckdb-engine without transactions: a rollback on close would drop the result that is still to be read."""

    supports_statement_cache = False
    preparer = _QuoteAll
    statement_compiler = _SetsAsLists

    def do_begin(self, connection: Any) -> None: ...

    def do_commit(self, connection: Any) -> None: ...

    def do_rollback(self, connection: Any) -> None: ...

    def do_close(self, connection: Any) -> None: ...  # it belongs to whoever called for the validation

    def get_columns(self, connection: Any, table_name: str, schema: str | None = None, **_: Any) -> list[Any]:
        """What DuckDB says at once; duckdb-engine asks the emulated ``pg_catalog``, which takes milliseconds."""
        described = connection.exec_driver_sql(f"DESCRIBE {self.identifier_preparer.quote(table_name)}")
        return [{"name": name, "type": sa.types.NullType(), "nullable": True} for name, *_ in described]

    def get_pk_constraint(self, connection: Any, table_name: str, schema: str | None = None, **_: Any) -> Any:
        return {"constrained_columns": [], "name": None}


registry.register("duckdb.readonly", __name__, ReadOnlyDialect.__name__)


@cache
def _engine() -> sa.Engine:
    """One for the process, so that SQLAlchemy sets itself up once; each thread reaches its own connection."""
    return sa.create_engine(
        "duckdb+readonly:///:memory:",
        creator=lambda: duckdb_engine.ConnectionWrapper(_here.con),
        poolclass=NullPool,
    )


def execution_engine(con: DuckDBPyConnection, view: str) -> SqlAlchemyExecutionEngine:
    """An execution engine of great-expectations whose one batch is ``view`` of ``con``, for use in this thread.

    A new one for every validation: it remembers columns and metrics.
    """
    _here.con = con
    made = SqlAlchemyExecutionEngine(engine=_engine())
    table = sa.table(view)
    data = SqlAlchemyBatchData(
        made, selectable=sa.select("*").select_from(table), create_temp_table=False, source_table_name=view
    )
    made.load_batch_data(view, data)
    return made


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
