"""Products: tables built from current versions, stored under the fingerprint of everything they were built from.

The same inputs, declarations and SQL give the same fingerprint, so an unchanged product is recognised without
building it, and a changed one never overwrites its predecessor.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
from duckdb import DuckDBPyConnection

from fudata_pipeline import standards
from fudata_pipeline.catalog.bases import BaseTable
from fudata_pipeline.engine.duckdb import connect
from fudata_pipeline.engine.sql import identifier, literal, parquet
from fudata_pipeline.lake import files
from fudata_pipeline.models.state import KINDS, table_sql
from fudata_pipeline.project import Project
from fudata_pipeline.settings import now


class NothingToBuild(Exception):
    """None of the items that feed a table has a good version yet."""


class BrokenDeclaration(Exception):
    """SQL declared in the catalog does not fit the columns it is written over."""


@dataclass(frozen=True)
class Built:
    """A product after a build: ``rows`` in it, and whether anything had to be done."""

    product: str
    title: str
    rows: int
    changed: bool
    version: str


def product_file(project: Project, product: str) -> Path | None:
    """The Parquet file of a product's current build, or None before its first build."""
    build = project.registry.build(product)
    return _file(project, product, build["version"]) if build else None


def _file(project: Project, product: str, version: str) -> Path:
    return project.settings.lake_dir / "products" / product / f"{version}.parquet"


def product_sql(project: Project, product: str) -> str:
    """SQL table function over a product's current build.

    Raises:
        NothingToBuild: when the product was never built.
    """
    for base in project.catalog.bases:
        kind = product.removeprefix(f"base.{base.table}_")
        if kind in KINDS and project.registry.build(product):
            return table_sql(project, base, kind)
    path = product_file(project, product)
    if path is None:
        raise NothingToBuild(f"{product} 尚未建成 → 先建成它所依赖的数据项")
    return parquet(path)


def base_sql(project: Project, base: BaseTable) -> str:
    """A base table's current build with every attribute in its declared type, also one that no item has given yet.

    Raises:
        NothingToBuild: when it was never built.
    """
    types = project.catalog.types
    casts = ", ".join(
        f"CAST({identifier(f.name)} AS {types[f.field.type].duckdb}) AS {identifier(f.name)}" for f in base.fields
    )
    return f"(SELECT * REPLACE ({casts}) FROM {product_sql(project, f'base.{base.table}')})"


def fingerprint(parts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _count(con: DuckDBPyConnection, path: Path) -> int:
    row = con.execute(f"SELECT count(*) FROM {parquet(path)}").fetchone()
    assert row is not None
    return int(row[0])


def materialize(project: Project, product: str, title: str, sql: str, *key: str) -> Built:
    """Run ``sql`` (ordered by ``key``) into the product's file, unless this very build is already current.

    ``sql`` names its input files, whose names carry their versions: the text itself is what identifies the build.

    Raises:
        BrokenDeclaration: when the catalog's SQL names what is not there; the current build stays.
    """
    version = fingerprint([sql, *key, standards.macro_sql()])
    with files.locked(project.settings, f"product/{product}"):
        current = project.registry.build(product)
        path = _file(project, product, version)
        if current and current["version"] == version and path.exists():
            return Built(product, title, current["rows"], False, version)
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".{path.name}.tmp")
        with connect(project.settings) as con:
            copy = f"COPY ({sql} ORDER BY {', '.join(map(identifier, key))}) TO {literal(aside)} (FORMAT parquet, COMPRESSION zstd)"
            try:
                con.execute(copy)
            except (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException) as error:
                said = str(error).splitlines()[0]  # these speak of names in the SQL, never of values in the data
                cure = "检查 catalog/ 中 base、links、themes 或 white_list.yaml 里该表的 SQL"
                raise BrokenDeclaration(f"{title}（{product}）未更新，沿用上一版：{said} → {cure}") from error
            rows = _count(con, aside)
        files.replace(aside, path)
        project.registry.record_builds(
            {"product": product, "title": title, "version": version, "built_at": now(), "rows": rows}
        )
    return Built(product, title, rows, True, version)
