"""A rehearsal leaves versions and truth, and no delivery; done twice it does nothing twice."""

from __future__ import annotations

from pathlib import Path

from fudata_pipeline.catalog import Catalog
from fudata_pipeline.project import Project
from fudata_pipeline.rehearsal import rehearse
from fudata_pipeline.settings import Settings
from fudata_pipeline.synthetic.district import District

from .conftest import ROOT


def test_a_unit_is_rendered_loaded_and_its_deliveries_deleted(catalog: Catalog, tmp_path: Path) -> None:
    district = District(tmp_path / "twin", scale=0.001)
    project = Project.of(Settings(home=ROOT, data=tmp_path / "data", scale=0.001), catalog)
    unit = catalog.units_by_id["fl"]
    wanted = {i.id for i in catalog.items_of("fl")}
    done = rehearse(project, district, unit, wanted)
    assert (done.unit, done.items, done.refused) == ("fl", len(wanted), 0)
    assert done.loaded == done.rows > 0
    assert done.disk > 0
    left = [
        f for folder in (district.deliveries(0), project.settings.inbox_dir) for f in folder.rglob("*") if f.is_file()
    ]
    assert left == []
    assert not list(project.settings.lake_dir.glob("**/snapshots/*/*"))
    assert set(project.registry.current_loads()) == wanted
    assert len(list(district.truth(0).glob("fl/*.parquet"))) == len(wanted)
