"""The quarantine: what is in it, as a workbook for the unit that has to correct it, and once more through the rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from fudata_pipeline.catalog.model import Item
from fudata_pipeline.engine.duckdb import connect
from fudata_pipeline.engine.sql import literal, parquet
from fudata_pipeline.lake.registry import Row
from fudata_pipeline.load.arrivals import judgements, newest_judgements, wrong
from fudata_pipeline.load.item import load_item
from fudata_pipeline.load.result import LoadResult
from fudata_pipeline.load.version import QUARANTINE, version_dir
from fudata_pipeline.load.workbook import TooManyRows, write_workbook
from fudata_pipeline.project import Project


class NotExported(Exception):
    """The export cannot be written as asked."""


@dataclass(frozen=True)
class Quarantined:
    """One rule that set rows of an item's newest readable load aside. ``lines``: the first few, as delivered."""

    unit: str
    item: str
    title: str
    file_name: str
    column: str
    rule: str
    rows: int
    lines: tuple[int, ...]
    wording: str
    cure: str


def open_loads(project: Project, items: Iterable[Item]) -> Iterator[tuple[Item, Row]]:
    """Items with rows in quarantine, and the load they stand in: the newest one whose rows could be read; where
    deliveries add up, the newest judgement of each."""
    current = project.registry.current_loads()
    for item in items:
        if item.load.merges:
            standing = newest_judgements(project.registry.judgements(item.id))
            yield from ((item, load) for load in standing if load["rows_quarantined"])
            continue
        last = project.registry.last_load(item.id)
        load = last if last and last["rows_in"] else current.get(item.id)
        if load and load["rows_quarantined"]:
            yield item, load


def list_quarantine(project: Project, items: Iterable[Item]) -> list[Quarantined]:
    """What is in quarantine by item, column and rule. Tells lines and reasons, never values."""
    found = []
    with connect(project.settings) as con:
        for item, load in open_loads(project, items):
            rows = con.execute(
                f"""SELECT split_part(broken, ':', 1), split_part(broken, ':', 2), count(*), min(_line, 5)
                FROM (SELECT _line, unnest(_rules) AS broken
                      FROM {parquet(version_dir(project, load) / QUARANTINE)})
                GROUP BY ALL ORDER BY 3 DESC, 1, 2"""
            ).fetchall()
            for column, rule_id, count, lines in rows:
                rule = project.catalog.rules_by_id.get(rule_id)
                found.append(
                    Quarantined(
                        item.unit,
                        item.id,
                        item.title,
                        load["file_name"],
                        column,
                        rule_id,
                        count,
                        tuple(sorted(lines)),
                        rule.wording_zh if rule else "（规则已不再申报）",
                        rule.cure_zh if rule else "请重放",
                    )
                )
    return found


def export_quarantine(project: Project, items: Iterable[Item], target: Path) -> int:
    """Write every quarantined row of ``items`` with its file, line, reasons and delivered cells; returns the rows.

    ``.xlsx`` (a sheet an item), ``.csv`` or ``.parquet``. The file holds personal data: its mode is 0600.

    Raises:
        NotExported: for another suffix, or more rows than a worksheet holds.
    """
    kept = list(open_loads(project, items))
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=target.parent, prefix=".export-") as private:  # mode 0700 while it is written
        aside = Path(private) / target.name
        if target.suffix == ".xlsx":
            if not kept:
                raise NotExported("所选数据项没有隔离的行")
            try:
                write_workbook(project, kept, aside)
            except TooManyRows as error:
                raise NotExported(str(error)) from None
        elif target.suffix in (".csv", ".parquet"):
            _write_table(project, kept, aside, target.suffix)
        else:
            raise NotExported(f"不支持的文件类型 {target.suffix or target.name} → 用 .xlsx、.csv 或 .parquet")
        aside.chmod(0o600)
        aside.replace(target)
    return sum(load["rows_quarantined"] for _, load in kept)


def _rows_sql(project: Project, item: Item, load: Row) -> str:
    return f"""SELECT {literal(item.unit)} AS unit, {literal(item.id)} AS item, {literal(load["file_name"])} AS file_name,
        {literal(load["sha256"])} AS sha256, {literal(load["load_id"])} AS load_id, _line AS line,
        array_to_string(_rules, '; ') AS rules, array_to_string(_reasons, '；') AS reasons,
        _raw AS raw, _text AS text FROM {parquet(version_dir(project, load) / QUARANTINE)}"""


def _write_table(project: Project, kept: list[tuple[Item, Row]], path: Path, suffix: str) -> None:
    if not kept:
        raise NotExported("所选数据项没有隔离的行")
    union = " UNION ALL ".join(_rows_sql(project, item, load) for item, load in kept)
    options = "FORMAT csv, HEADER" if suffix == ".csv" else "FORMAT parquet, COMPRESSION zstd"
    with connect(project.settings) as con:
        con.execute(f"COPY ({union} ORDER BY item, line) TO {literal(path)} ({options})")


@dataclass(frozen=True)
class Replayed:
    """An item before and after what was judged of it went through today's rules and codes once more.

    ``before``: rows in quarantine then."""

    before: int
    after: LoadResult

    @property
    def released(self) -> int:
        """Rows that left the quarantine."""
        return self.before - sum(one.rows_quarantined for one in self.after.each)


def replay(project: Project, items: Iterable[Item]) -> Iterator[Replayed]:
    """Take kept deliveries with quarantined rows, or that were refused, through today's declarations."""
    for item in items:
        last = project.registry.last_load(item.id)
        stood = [load for load in judgements(project, item, last) if wrong(load)]
        if stood:
            yield Replayed(sum(load["rows_quarantined"] for load in stood), load_item(project, item, again=True))
