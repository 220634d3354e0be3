"""A night touches only what has changed, and ends where building everything anew ends."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

from fudata_pipeline.catalog import Catalog
from fudata_pipeline.load.items import load_items
from fudata_pipeline.models import base as base_module
from fudata_pipeline.models.base import build_base
from fudata_pipeline.models.product import product_sql
from fudata_pipeline.models.state import read_state
from fudata_pipeline.project import Project
from fudata_pipeline.settings import Settings
from fudata_pipeline.synthetic.district import District, delivering, render_night

from ..conftest import ROOT

SCALE = 0.002
NIGHTS = 3
TABLES = ("population", "legal_entity", "house", "building")
BESIDE = ("record", "dispute", "review")


def _content(project: Project, table: str) -> dict[str, list[tuple[object, ...]]]:
    """Everything that a build says, without the times at which it did."""
    found = {}
    with duckdb.connect() as con:
        for kind in ("", *BESIDE):
            name = f"base.{table}{'_' * bool(kind)}{kind}"
            if project.registry.build(name) is None:
                continue
            rows = product_sql(project, name)
            columns = [c for (c, *_) in con.execute(f"DESCRIBE FROM {rows}").fetchall() if c != "valid_from"]
            told = ", ".join(f'"{c}"' for c in columns)
            found[kind] = con.execute(f"SELECT {told} FROM {rows} ORDER BY ALL").fetchall()
    return found


@pytest.fixture(scope="module")
def nights(catalog: Catalog, tmp_path_factory: pytest.TempPathFactory) -> District:
    """Three nights of every item that feeds a base table, defects and all."""
    wanted = {feed.item for base in catalog.bases for feed in base.inputs}
    made = District(tmp_path_factory.mktemp("district"), scale=SCALE)
    for night in range(NIGHTS):
        due = delivering(catalog, made, night)
        render_night(
            Settings(home=ROOT), catalog, made, night, [i for i in catalog.items if i.id in wanted and i.id in due]
        )
    return made


@pytest.fixture(scope="module")
def lived(catalog: Catalog, nights: District, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that has seen one night after the other."""
    project = Project.of(Settings(home=ROOT, data=tmp_path_factory.mktemp("lived"), scale=SCALE), catalog)
    for night in range(NIGHTS):
        shutil.copytree(nights.deliveries(night), project.settings.inbox_dir, dirs_exist_ok=True)
        load_items(project, catalog.items)
        for table in TABLES:
            build_base(project, catalog.base(table))
    return project


@pytest.mark.parametrize("table", TABLES)
def test_nights_end_where_a_full_build_ends(
    lived: Project, table: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(lived.settings.data_dir, tmp_path / "data")
    project = Project.of(Settings(home=ROOT, data=tmp_path / "data", scale=SCALE), lived.catalog)
    by_nights, state = _content(project, table), read_state(project, project.catalog.base(table))
    monkeypatch.setattr(base_module, "CODE", "another version of the code builds everything anew")
    assert build_base(project, project.catalog.base(table)).changed
    anew = read_state(project, project.catalog.base(table))
    assert state and anew and state.content_hash == anew.content_hash
    assert by_nights == _content(project, table)


def test_a_night_reads_only_what_is_new(lived: Project) -> None:
    """Files of items that did not deliver are those of the first night."""
    state = read_state(lived, lived.catalog.base("population"))
    assert state
    versions = {part.file.rsplit("-", 1)[1] for part in state.parts.values()}
    assert len(versions) == NIGHTS
    hukou = state.parts["gaj.hukou_population"]
    assert hukou.file.rsplit("-", 1)[1] != state.parts["zsj.resident_registration"].file.rsplit("-", 1)[1]


def test_history_keeps_every_version(lived: Project) -> None:
    """Versions of an entity follow each other without gap or overlap, and the newest is the current one."""
    with duckdb.connect() as con:
        current = product_sql(lived, "base.population")
        history = product_sql(lived, "base.population_history")
        [(versions, wrong)] = con.execute(f"""
            SELECT count(*), count(*) FILTER (valid_to <> coalesce(next, valid_to)) FROM (
                SELECT h.valid_to, coalesce(lead(h.valid_from) OVER (PARTITION BY entity_id ORDER BY h.valid_from), c.valid_from) AS next
                FROM {history} h LEFT JOIN {current} c USING (entity_id))""").fetchall()
        assert versions > 0 and wrong == 0
        events = dict(
            con.execute(
                f"SELECT event, count(*) FROM {product_sql(lived, 'base.population_event')} GROUP BY event"
            ).fetchall()
        )
    assert events.get("arrived", 0) > 0
