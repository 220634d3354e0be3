"""The registry gives the same answers on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from pathlib import Path

from fudata_pipeline.demo import run_nights
from fudata_pipeline.project import Project
from fudata_pipeline.settings import Settings

from ..conftest import ROOT, SAMPLE_NIGHTS, SAMPLE_SCALE


def test_demo_on_postgresql_gives_the_same_loads(postgres: str, tmp_path: Path) -> None:
    projects = []
    for name, url in (("sqlite", None), ("postgres", postgres)):
        project = Project.open(Settings(home=ROOT, data=tmp_path / name, registry_url=url, scale=SAMPLE_SCALE))
        run_nights(project, SAMPLE_NIGHTS, quiet=True)
        projects.append(project)
    assert projects[1].registry.engine.dialect.name == "postgresql"
    columns = (
        "item",
        "verdict",
        "rows_in",
        "rows_accepted",
        "rows_quarantined",
        "rows_duplicate",
        "score",
        "dimensions",
        "content_hash",
    )
    lite, post = ([tuple(load[c] for c in columns) for load in p.registry.all_loads()] for p in projects)
    assert lite == post
    again = [
        [[name for name, _ in r["repeats"]] for r in p.registry.judgements("gaj.hukou_population")] for p in projects
    ]
    assert again == [[["户籍人口_20221101.csv"]]] * 2
    assert {b["product"]: b["rows"] for b in projects[0].registry.all_builds()} == {
        b["product"]: b["rows"] for b in projects[1].registry.all_builds()
    }
