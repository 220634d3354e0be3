"""Deliveries as database tables, for units that share by 库表: any database that SQLAlchemy reaches."""

from __future__ import annotations

import sqlalchemy as sa
from duckdb import DuckDBPyConnection

from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.catalog.model import Item

BATCH = 5_000

TYPES: dict[str, type[sa.types.TypeEngine] | sa.types.TypeEngine] = {
    "VARCHAR": sa.Text(), "BIGINT": sa.BigInteger(), "DECIMAL(18,2)": sa.Numeric(18, 2), "DOUBLE": sa.Double(), "DATE": sa.Date(),
    "TIMESTAMP": sa.DateTime(), "BOOLEAN": sa.Boolean(),
}  # fmt: skip


def table_of(item: Item, catalog: Catalog) -> sa.Table:
    """The table of a unit's system that an item is read from: its view's name, a column a header, with Chinese comments."""
    columns = [
        sa.Column(
            f.headers[0], sa.Text() if f.field.codes else TYPES[catalog.types[f.field.type].duckdb], comment=f.title
        )
        for f in item.fields
    ]
    return sa.Table(item.view, sa.MetaData(), *columns, comment=item.title)


def write_table(con: DuckDBPyConnection, select: str, item: Item, catalog: Catalog, database: sa.Engine) -> None:
    """Make the item's table anew and fill it from ``select``, in one transaction: whole or not at all."""
    table = table_of(item, catalog)
    names = [c.name for c in table.columns]
    result = con.execute(select)
    with database.begin() as target:
        table.drop(target, checkfirst=True)
        table.create(target)
        while batch := result.fetchmany(BATCH):
            target.execute(table.insert(), [dict(zip(names, row, strict=True)) for row in batch])
