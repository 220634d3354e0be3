"""The registry: what was loaded, what is current, what was built and published.

SQLAlchemy Core over SQLite (default) or PostgreSQL. Files hold the data; a version counts only when the registry says
it is current, and the registry says so in one transaction after the files are durable.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import JSON, BigInteger, Column, DateTime, Float, Index, Integer, String, Table, UniqueConstraint

from fudata_pipeline.settings import Settings

metadata = sa.MetaData()

loads = Table(
    "loads",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("load_id", String(80), nullable=False, unique=True),
    Column("unit", String(40), nullable=False),
    Column("item", String(120), nullable=False),
    Column("loaded_at", DateTime, nullable=False),
    Column("file_name", String(400)),
    Column("sha256", String(64)),
    Column("contract", String(16), nullable=False),
    Column("verdict", String(30), nullable=False),
    Column("reason", String(2000)),
    Column("rows_in", BigInteger, nullable=False, default=0),
    Column("rows_accepted", BigInteger, nullable=False, default=0),
    Column("rows_quarantined", BigInteger, nullable=False, default=0),
    Column("rows_duplicate", BigInteger, nullable=False, default=0),
    Column("rows_current", BigInteger),  # rows of the item's version that this load made; NULL: it made none
    Column("changes", JSON),  # of an item whose deliveries add up: rows added, replaced, removed, outdated by it
    Column("delivery", String(400)),  # which of the item's deliveries was judged, see load.arrivals
    Column("shape", String(16)),  # fingerprint of its columns and key, see Catalog.shape
    Column("undeclared", JSON),  # headers that nobody declared and the item does not ignore
    Column("absent", JSON),  # declared columns that were not delivered
    Column("corrected", String(16)),  # fingerprint of the corrections that were applied
    Column("score", Float),
    Column("dimensions", JSON, nullable=False),  # GB/T 36344 dimension -> 0..100
    Column("content_hash", String(40)),
    Column("seconds", Float, nullable=False, default=0.0),
    Column("rules", JSON, nullable=False),  # rule counts: [{column, rule, severity, failed, checked}]
    Column("gate", JSON, nullable=False),  # great-expectations verdict, expectation by expectation
    Column("warnings", JSON, nullable=False),
    Column("repeats", JSON, nullable=False),  # [file name, time] of later deliveries of the very same content
    Index("loads_by_item", "item", "seq"),
)

current = Table(
    "current_versions",
    metadata,
    Column("item", String(120), primary_key=True),
    Column("load_id", String(80), nullable=False),
)

arrivals = Table(
    "arrivals",
    metadata,
    Column("item", String(120), primary_key=True),
    Column("file", String(400), primary_key=True),  # below the unit's folder of the inbox
    Column("size", BigInteger, nullable=False),  # bytes
    Column("mtime_ns", BigInteger, nullable=False),
)

corrections = Table(
    "corrections",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("item", String(120), nullable=False),
    Column("sha256", String(64), nullable=False),  # of the delivery whose rows were corrected
    Column("workbook", String(64), nullable=False),  # SHA-256 of the workbook that came back
    Column("file_name", String(400), nullable=False),
    Column("received_at", DateTime, nullable=False),
    Column("rows", BigInteger, nullable=False),
    UniqueConstraint("item", "sha256", "workbook"),
)

match_judgements = Table(
    "match_judgements",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("base_table", String(120), nullable=False),
    Column("subject", String(30), nullable=False),  # row:<record> or entity:<id>, 16 hexadecimal digits
    Column("entity", String(16), nullable=False),  # what it was compared with
    Column("verdict", String(10), nullable=False),  # same, different, unsure
    Column("judge", String(80), nullable=False),
    Column("note", String(400)),
    Column("judged_at", DateTime, nullable=False),
)

forgotten_models = Table(
    "forgotten_models",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("base_table", String(120), nullable=False),
    Column("asked_by", String(80), nullable=False),
    Column("asked_at", DateTime, nullable=False),
)

builds = Table(
    "builds",
    metadata,
    Column("product", String(120), primary_key=True),  # base.population, block.population_by_grid, published
    Column("title", String(200), nullable=False),
    Column("version", String(80), nullable=False),  # fingerprint of inputs, declarations and SQL
    Column("built_at", DateTime, nullable=False),
    Column("rows", BigInteger, nullable=False),
)

broken = Table(
    "broken_builds",
    metadata,
    Column("product", String(120), primary_key=True),  # as in builds; a row only while its newest build failed
    Column("reason", String(2000), nullable=False),
    Column("failed_at", DateTime, nullable=False),
)

JUDGEMENT = [c for c in loads.c if c.name not in ("rules", "gate", "warnings", "changes", "undeclared", "absent")]
"""The columns that say what became of a delivery, without the lists that say why."""

Row = Mapping[str, Any]
"""A row of a table by column name; of a load also one that is about to be written."""


class Arrival(NamedTuple):
    """A file of the inbox as it was when it was read."""

    file: str
    size: int
    mtime_ns: int


class Registry:
    """Typed access to the registry; every method is one short transaction."""

    def __init__(self, settings: Settings) -> None:
        url = sa.make_url(settings.registry)
        if url.get_backend_name() == "sqlite":
            settings.data_dir.mkdir(parents=True, exist_ok=True)
        elif url.drivername == "postgresql":
            url = url.set(drivername="postgresql+psycopg")
        self.engine = sa.create_engine(url, connect_args={"timeout": 60} if "sqlite" in url.drivername else {})
        if url.get_backend_name() == "sqlite":
            with self.engine.connect() as con:
                con.exec_driver_sql("PRAGMA journal_mode=WAL")
        metadata.create_all(self.engine)

    def record_load(self, values: dict[str, Any], *, promote: bool, arrival: Arrival | None = None) -> None:
        """Write one load; with ``promote`` it becomes the item's current version in the same transaction.

        ``arrival``: the file that has thereby been dealt with.
        """
        with self.engine.begin() as con:
            con.execute(loads.insert().values(**values))
            if arrival:
                self._note(con, values["item"], arrival)
            if promote:
                con.execute(current.delete().where(current.c.item == values["item"]))
                con.execute(current.insert().values(item=values["item"], load_id=values["load_id"]))

    def last_load(self, item: str) -> Row | None:
        """The newest load of an item, whatever its verdict."""
        query = sa.select(loads).where(loads.c.item == item).order_by(loads.c.seq.desc()).limit(1)
        with self.engine.connect() as con:
            row = con.execute(query).first()
            return row._asdict() if row else None

    def load_ids(self, item: str) -> set[str]:
        """The ids of every load of an item."""
        with self.engine.connect() as con:
            return set(con.execute(sa.select(loads.c.load_id).where(loads.c.item == item)).scalars())

    def last_loads(self) -> list[Row]:
        """The newest load of every item."""
        newest = sa.select(sa.func.max(loads.c.seq)).group_by(loads.c.item)
        query = sa.select(loads).where(loads.c.seq.in_(newest)).order_by(loads.c.item)
        with self.engine.connect() as con:
            return [row._asdict() for row in con.execute(query)]

    def record_repeat(self, load_id: str, file_name: str, at: datetime) -> None:
        """Note that a file brought the content of this load once more."""
        this = loads.c.load_id == load_id
        with self.engine.begin() as con:
            before = con.execute(sa.select(loads.c.repeats).where(this)).scalar_one()
            con.execute(loads.update().where(this).values(repeats=[*before, [file_name, at.isoformat()]]))

    def arrivals(self, item: str) -> dict[str, tuple[int, int]]:
        """file -> size and mtime_ns, of the item's files that have been dealt with."""
        query = sa.select(arrivals.c.file, arrivals.c.size, arrivals.c.mtime_ns).where(arrivals.c.item == item)
        with self.engine.connect() as con:
            return {file: (size, mtime) for file, size, mtime in con.execute(query)}

    def record_arrival(self, item: str, arrival: Arrival) -> None:
        """Note that a file has been dealt with."""
        with self.engine.begin() as con:
            self._note(con, item, arrival)

    @staticmethod
    def _note(con: sa.Connection, item: str, arrival: Arrival) -> None:
        con.execute(arrivals.delete().where(arrivals.c.item == item, arrivals.c.file == arrival.file))
        con.execute(arrivals.insert().values(item=item, **arrival._asdict()))

    def load(self, load_id: str) -> Row:
        """One load, which must be there."""
        with self.engine.connect() as con:
            return con.execute(sa.select(loads).where(loads.c.load_id == load_id)).one()._asdict()

    def find_load(self, load_id: str) -> Row | None:
        """One load, if there is one of this id."""
        with self.engine.connect() as con:
            row = con.execute(sa.select(loads).where(loads.c.load_id == load_id)).first()
            return row._asdict() if row else None

    def corrections(self, item: str, sha256: str | None = None) -> list[Row]:
        """What was corrected of an item's deliveries (of one), oldest first."""
        query = sa.select(corrections).where(corrections.c.item == item).order_by(corrections.c.seq)
        if sha256:
            query = query.where(corrections.c.sha256 == sha256)
        with self.engine.connect() as con:
            return [row._asdict() for row in con.execute(query)]

    def corrected_items(self) -> set[str]:
        """The items of whose deliveries rows were corrected."""
        with self.engine.connect() as con:
            return set(con.execute(sa.select(corrections.c.item).distinct()).scalars())

    def record_correction(self, values: dict[str, Any]) -> None:
        """Note that a workbook has corrected rows of a delivery."""
        with self.engine.begin() as con:
            con.execute(corrections.insert().values(**values))

    def judgements(self, item: str | None = None) -> list[Row]:
        """Every load (of an item), oldest first, without its rule counts, gate and warnings."""
        query = sa.select(*JUDGEMENT).order_by(loads.c.seq)
        with self.engine.connect() as con:
            return [row._asdict() for row in con.execute(query.where(loads.c.item == item) if item else query)]

    def all_loads(self) -> list[Row]:
        """Every load, oldest first."""
        with self.engine.connect() as con:
            return [row._asdict() for row in con.execute(sa.select(loads).order_by(loads.c.seq))]

    def current_load(self, item: str) -> Row | None:
        """The load that is the current version of an item."""
        query = sa.select(loads).join(current, current.c.load_id == loads.c.load_id).where(current.c.item == item)
        with self.engine.connect() as con:
            row = con.execute(query).first()
            return row._asdict() if row else None

    def current_loads(self) -> dict[str, Row]:
        """item -> the load that is its current version."""
        query = sa.select(loads).join(current, current.c.load_id == loads.c.load_id)
        with self.engine.connect() as con:
            return {row.item: row._asdict() for row in con.execute(query)}

    def build(self, product: str) -> Row | None:
        """The current build of a model, theme or publication."""
        with self.engine.connect() as con:
            row = con.execute(sa.select(builds).where(builds.c.product == product)).first()
            return row._asdict() if row else None

    def all_builds(self) -> list[Row]:
        """The current build of every product."""
        with self.engine.connect() as con:
            return [row._asdict() for row in con.execute(sa.select(builds).order_by(builds.c.product))]

    def broken_builds(self) -> list[Row]:
        """The products whose newest build failed; their current build is an older one."""
        with self.engine.connect() as con:
            return [row._asdict() for row in con.execute(sa.select(broken).order_by(broken.c.product))]

    def record_broken(self, product: str, reason: str, failed_at: datetime) -> None:
        with self.engine.begin() as con:
            con.execute(broken.delete().where(broken.c.product == product))
            con.execute(broken.insert().values(product=product, reason=reason[:2000], failed_at=failed_at))

    def record_mended(self, product: str) -> None:
        with self.engine.begin() as con:
            con.execute(broken.delete().where(broken.c.product == product))

    def record_match_judgements(self, *judged: dict[str, Any]) -> None:
        """Keep what people judged; nothing of it is ever deleted, the newest of a pair holds."""
        with self.engine.begin() as con:
            con.execute(match_judgements.insert(), list(judged))

    def match_judgements(self, base_table: str) -> list[Row]:
        """What holds of a base table: the newest judgement of every pair, oldest first."""
        newest = (
            sa.select(sa.func.max(match_judgements.c.seq))
            .where(match_judgements.c.base_table == base_table)
            .group_by(match_judgements.c.subject, match_judgements.c.entity)
        )
        query = sa.select(match_judgements).where(match_judgements.c.seq.in_(newest)).order_by(match_judgements.c.seq)
        with self.engine.connect() as con:
            return [row._asdict() for row in con.execute(query)]

    def all_match_judgements(self, base_table: str) -> list[Row]:
        """Every judgement of a base table, newest first."""
        query = sa.select(match_judgements).where(match_judgements.c.base_table == base_table)
        with self.engine.connect() as con:
            return [row._asdict() for row in con.execute(query.order_by(match_judgements.c.seq.desc()))]

    def forget_model(self, base_table: str, asked_by: str, asked_at: datetime) -> None:
        """Note that the model in use of a base table shall not be used again."""
        with self.engine.begin() as con:
            con.execute(forgotten_models.insert().values(base_table=base_table, asked_by=asked_by, asked_at=asked_at))

    def models_forgotten(self, base_table: str) -> int:
        """How often a base table's model was to be forgotten."""
        query = sa.select(sa.func.count()).where(forgotten_models.c.base_table == base_table)
        with self.engine.connect() as con:
            return int(con.execute(query).scalar_one())

    def record_builds(self, *built: dict[str, Any]) -> None:
        """Make these the current builds of their products, all at once."""
        with self.engine.begin() as con:
            for values in built:
                con.execute(builds.delete().where(builds.c.product == values["product"]))
                con.execute(builds.insert().values(**values))
