"""The twin: the whole made-up district as tables, a function of seed, scale and date alone.

:func:`build_twin` writes one DuckDB file with the tables ``p`` (people), ``f`` (legal entities), ``h`` (housing units with
their building, grid, community and street) and what they stand on. Everything random is a hash of seed, entity and salt,
so neither the number of threads nor the order of work can change a value.
"""

from __future__ import annotations

from datetime import date
from importlib.resources import files
from pathlib import Path

import duckdb

from fudata_pipeline import standards
from fudata_pipeline.catalog.compiled import Catalog

RESIDENTS, HOUSES, FIRMS = 1_946_000, 839_000, 121_000
"""At scale 1: the figures of the district's 2022 report."""

ARRIVING = 1.035
"""Households that move in during the nights after the first stand among the residents before they arrive."""

FIRST_NIGHT = date(2022, 10, 31)
STEPS = ("place", "people", "firms")


def macros(con: duckdb.DuckDBPyConnection) -> None:
    """Install the standards' macros and those that make up names and numbers, for this connection."""
    standards.install(con)
    con.execute(_script("random"))


def _script(name: str) -> str:
    return (files(__package__) / f"{name}.sql").read_text("utf-8")


def build_twin(
    catalog: Catalog, file: Path, *, seed: int, scale: float, as_of: date, threads: int | None = None
) -> None:
    """Write the twin at ``scale`` (1: the whole district) as it stands on ``as_of`` to the DuckDB ``file``."""
    from fudata_pipeline.synthetic.twin.space import make_space  # shapely and numpy: only when a district is made

    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    part.unlink(missing_ok=True)
    with duckdb.connect(str(part), config={"threads": str(threads)} if threads else {}) as con:
        con.execute("SET enable_progress_bar = false")
        macros(con)
        for name, value in (("seed", seed), ("residents", max(200, round(RESIDENTS * scale * ARRIVING))),
                            ("houses", max(90, round(HOUSES * scale))), ("firms", max(30, round(FIRMS * scale)))):  # fmt: skip
            con.execute(f"SET VARIABLE {name} = {value}")
        con.execute(f"SET VARIABLE as_of = '{as_of}'")
        industry = catalog.codes["industry"]
        for name, table in make_space(catalog, seed, scale).items():
            con.register("made", table)
            con.execute(f"CREATE TABLE {name} AS FROM made")
            con.unregister("made")
        con.execute("CREATE TABLE industry (code VARCHAR, section VARCHAR)")
        con.executemany(
            "INSERT INTO industry VALUES (?, ?)", [(c, c[0]) for c in industry.titles if len(c) == 5] or [("F", "F")]
        )
        con.execute(
            "CREATE TABLE ticks AS SELECT i AS n FROM range($1) t(i)",
            [max(1000, max(round((i.records or 0) * scale * 1.1) for i in catalog.items) + 1)],
        )
        for step in STEPS:
            con.execute(_script(step))
    part.replace(file)
