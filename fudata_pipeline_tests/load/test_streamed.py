"""A long text, judged while it is parsed, becomes what it would have become by way of staging."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

from fudata_pipeline.catalog import Catalog
from fudata_pipeline.engine.sql import parquet
from fudata_pipeline.load.item import load_item
from fudata_pipeline.load.result import LoadResult
from fudata_pipeline.load.version import QUARANTINE, accepted_rows
from fudata_pipeline.project import Project
from fudata_pipeline.settings import Settings
from fudata_pipeline.sources import delimited, find_delivery
from fudata_pipeline.synthetic.district import District, render_night

from ..conftest import FEW_ROWS, ROOT, SAMPLE_NIGHTS, Deliver

KEPT = ("verdict", "rows_in", "rows_accepted", "rows_quarantined", "rows_duplicate", "score", "warnings", "rules")


def _load(project: Project, item: str) -> tuple[LoadResult, list[tuple], list[tuple]]:
    result = load_item(project, project.catalog.items_by_id[item])
    unit, name = item.split(".")
    folder = project.settings.data_dir / "lake" / "versions" / unit / name / result.load_id
    with duckdb.connect() as con:
        tables = (accepted_rows(folder), parquet(folder / QUARANTINE)) if folder.exists() else ()
        accepted, aside = [con.execute(f"FROM {table} ORDER BY _line").fetchall() for table in tables] or ([], [])
    return result, accepted, aside


def _both_ways(catalog: Catalog, inbox: Path, folder: Path, item: str, patch: pytest.MonkeyPatch) -> LoadResult:
    found = []
    for name, long in (("staged", 1 << 40), ("streamed", 0)):
        patch.setattr(delimited, "LONG", long)
        settings = Settings(home=ROOT, data=folder / name, inbox=inbox, scale=FEW_ROWS)
        found.append(_load(Project.of(settings, catalog), item))
    (staged, *rows), (streamed, *same) = found
    assert [getattr(streamed, k) for k in KEPT] == [getattr(staged, k) for k in KEPT]
    assert same == rows
    return streamed


def test_sample_deliveries_with_every_defect(catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Real defects, both encodings; rows with broken rules, copies, key conflicts and lines that cannot be parsed."""
    seen = 0
    for item in catalog.items:
        inbox = SAMPLE_NIGHTS[0]
        if item.source.format == "csv" and find_delivery(inbox, item.unit, item.source):
            result = _both_ways(catalog, inbox, tmp_path / item.id, item.id, monkeypatch)
            seen += bool(result.rows_quarantined and result.rows_duplicate)
            shutil.rmtree(tmp_path / item.id)
    assert seen > 3


@pytest.mark.parametrize("item", ["gaj.hukou_population", "zsj.resident_registration", "scjg.market_entity"])
def test_a_rendered_delivery(catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, item: str) -> None:
    district = District(tmp_path / "district", scale=0.003)
    render_night(Settings(home=ROOT), catalog, district, 0, [catalog.items_by_id[item]])
    result = _both_ways(catalog, district.deliveries(0), tmp_path, item, monkeypatch)
    assert result.rows_in > 1000 and result.rows_quarantined and result.rows_duplicate


def test_quotes_blank_lines_key_conflicts_and_extra_columns(
    project: Project, deliver: Deliver, catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = catalog.items_by_id["zsj.house"]
    given = catalog.examples(item)[0].given
    shown = {f.headers[0]: next((given[h] for h in f.headers if h in given), "") for f in item.fields}
    headers = [*shown, "多出的列"]

    def row(number: int, **changed: str) -> str:
        cells = shown | {"多出的列": "a;b\n\nc" if number % 3 == 0 else "x"} | changed
        return ";".join(f'"{c}"' if ";" in c else c for c in (cells[h] for h in headers))

    key, room = (item.column(name).headers[0] for name in ("house_code", "room_no"))
    code = shown[key]
    rows = [row(n, **{key: f"{code[:-3]}{n:03d}"}) for n in range(300)]
    rows[10] = row(10, **{key: f"{code[:-3]}007"}) + ";more"  # not to be parsed
    rows[20] = row(20, **{key: f"{code[:-3]}019", room: "9"})  # the key of its neighbour, other content
    rows[30] = "\n\n" + row(30, **{key: ""})  # after blank lines, without its key
    rows[40] = rows[39]
    if item.source.format != "csv":
        pytest.fail(f"{item.id} is no longer delivered as text")
    text = ";".join(headers) + "\n" + "\n".join(rows) + "\n"
    name = item.source.path.replace("*", "1")
    deliver(f"zsj/{name}", text.encode(item.source.encoding))
    result = _both_ways(catalog, project.settings.inbox_dir, tmp_path / "both", item.id, monkeypatch)
    assert result.rows_in == 300, result.reason
    assert (result.rows_quarantined, result.rows_duplicate) == (4, 1)
