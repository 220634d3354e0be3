"""Runs a suite of great-expectations over a view of a DuckDB connection.

Only this module and :mod:`gx_sql` know great-expectations. Importing it costs seconds, so :mod:`gate` imports it only
when a load is to be judged. No cell value leaves it: results carry counts, and errors only what DuckDB says about
names (see :func:`_error`).

A small load is judged in milliseconds, of which great-expectations' own front door (context, data source, batch,
checkpoint: all of them stored as YAML) would take ten times as many as the queries. So the parts behind it are used,
in the order in which its ``Validator`` uses them: each expectation names its metrics, the graph of all metrics is
resolved in as few statements as the execution engine can make of it, and each expectation judges its metrics.
"""

from __future__ import annotations

import logging
import re
import warnings
from dataclasses import dataclass
from functools import cache
from typing import Any

from duckdb import DuckDBPyConnection
from great_expectations.core.id_dict import IDDict
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.expectations.registry import get_expectation_impl
from great_expectations.validator.metric_configuration import MetricConfiguration
from great_expectations.validator.validation_graph import MetricEdge, ValidationGraph

from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.catalog.expectations import FOLDER
from fudata_pipeline.catalog.finding import Finding
from fudata_pipeline.quality.gx_sql import execution_engine

for chatty in ("great_expectations", "great_expectations.validator"):
    logging.getLogger(chatty).setLevel(logging.CRITICAL + 1)

_COUNTS = {"result_format": {"result_format": "BASIC", "partial_unexpected_count": 0}}
"""What an expectation is to report: counts."""

_METRICS = {"result_format": {"result_format": "BOOLEAN_ONLY"}}
"""What it is to compute. That is the same counts: beyond them, BASIC would fetch values (to report none of them)."""

_VALUES_NEVER_READ = "unexpected_rows_query.table"
"""A metric that fetches the rows which its neighbour ``…row_count`` counts."""


@dataclass(frozen=True)
class Outcome:
    """What became of one expectation. ``error``: why it could not be computed; then ``success`` is false."""

    success: bool
    result: dict[str, Any]
    error: str | None = None


class _Configuration(ExpectationConfiguration):
    """A configuration that keeps the expectation it was taken from."""

    expectation: Any = None

    def to_domain_obj(self) -> Any:
        return self.expectation


@cache
def _kind(name: str) -> type[Any]:
    """The registered expectation of a type, computing its configuration once.

    It is a constant, yet great-expectations derives it some sixty times an expectation, each time from scratch.
    """
    declared = get_expectation_impl(name)

    class Frozen(declared):  # type: ignore[valid-type, misc]
        __slots__ = ("_known",)

        @property
        def configuration(self) -> ExpectationConfiguration:
            try:
                return object.__getattribute__(self, "_known")
            except AttributeError:
                made = super().configuration
                known = _Configuration(type=name, kwargs=made.kwargs, meta=made.meta)
                known.expectation = self
                object.__setattr__(self, "_known", known)
                return known

    return Frozen


class _Keyed(IDDict):
    """Arguments of a metric, which the metrics it rests on share: their id, a hash of their JSON, is taken once."""

    _known: Any = None

    def __setitem__(self, key: Any, value: Any) -> None:
        self._known = None
        super().__setitem__(key, value)

    def to_id(self, id_keys: Any = None, id_ignore_keys: Any = None) -> Any:
        if id_keys is not None or id_ignore_keys is not None:
            return super().to_id(id_keys, id_ignore_keys)
        if self._known is None:
            self._known = super().to_id()
        return self._known


class _Graph(ValidationGraph):
    """A graph of metrics that follows each metric once, however many others depend on it."""

    def __init__(self, engine: Any) -> None:
        super().__init__(execution_engine=engine)
        self._followed: set[Any] = set()

    def build_metric_dependency_graph(
        self, metric_configuration: MetricConfiguration, runtime_configuration: dict[str, Any] | None = None
    ) -> None:
        if metric_configuration.id not in self._followed:
            self._followed.add(metric_configuration.id)
            super().build_metric_dependency_graph(metric_configuration, runtime_configuration)

    def below(self, metrics: list[MetricConfiguration]) -> set[Any]:
        """The ids of these metrics and of all that they rest on."""
        found = {m.id for m in metrics}
        edges: list[MetricEdge] = [e for e in self.edges if e.right is not None]
        while more := {e.right.id for e in edges if e.left.id in found} - found:
            found |= more
        return found


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
    built: dict[int, Any] = {}
    for number, declared in enumerate(suite):
        try:
            built[number] = _kind(declared["type"])(**declared["kwargs"])
        except Exception as error:
            outcomes[number] = _failed(error)
    failure = Outcome(False, {}, "没有得到结果")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            outcomes |= _validate(con, view, built)
    except Exception as error:
        failure = _failed(error)
    return [outcomes.get(number, failure) for number in range(len(suite))]


def _failed(error: Exception) -> Outcome:
    return Outcome(False, {}, _error(f"{type(error).__name__}: {error}"))


def _validate(con: DuckDBPyConnection, view: str, built: dict[int, Expectation]) -> dict[int, Outcome]:
    """The outcome of each expectation by its number; one that cannot be computed does not keep the others from it."""
    engine = execution_engine(con, view)
    graph = _Graph(engine)
    outcomes: dict[int, Outcome] = {}
    needed: dict[int, dict[str, MetricConfiguration]] = {}
    for number, expectation in built.items():
        try:
            wanted = expectation.get_validation_dependencies(engine, _METRICS).metric_configurations
            needed[number] = {
                name: MetricConfiguration(name, _Keyed(m.metric_domain_kwargs), _Keyed(m.metric_value_kwargs))
                for name, m in wanted.items()
                if name != _VALUES_NEVER_READ
            }
            for metric in needed[number].values():
                graph.build_metric_dependency_graph(metric, _METRICS)
        except Exception as error:
            outcomes[number] = _failed(error)
    values, aborted = graph.resolve(runtime_configuration=_METRICS, show_progress_bars=False)
    for number, wanted in needed.items():
        if number in outcomes:
            continue
        if aborted and (broken := graph.below(list(wanted.values())) & aborted.keys()):
            outcomes[number] = Outcome(False, {}, _error(str(aborted[min(broken)]["exception_info"].exception_message)))
            continue
        try:
            known = {_VALUES_NEVER_READ: None, **{name: values[m.id] for name, m in wanted.items()}}
            judged = built[number]._validate(known, _COUNTS, engine)
            outcomes[number] = Outcome(bool(judged["success"]), dict(judged.get("result") or {}))
        except Exception as error:
            outcomes[number] = _failed(error)
    return outcomes


def check_suites(catalog: Catalog) -> list[Finding]:
    """What great-expectations has against hand-written expectations: unknown ones, and arguments they do not take."""
    found = []
    for item, suite in catalog.expectations.items():
        for number, expected in enumerate(suite):
            try:
                _kind(expected.type)(**expected.kwargs)
            except Exception as error:
                said = str(error).splitlines()[-1][:200] if isinstance(error, ValueError) else str(error)[:200]
                place = ("expectations", str(number))
                cure = "名称与参数见 great-expectations 的文档"
                found.append(Finding(f"{FOLDER}/{item}.json", place, f"{expected.type}：{said}", cure))
    return found
