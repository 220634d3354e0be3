"""A night of many items: workers change how long it takes and nothing else, and one that dies costs one item."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from fudata_pipeline.catalog import Catalog, Item
from fudata_pipeline.load import items as items_module
from fudata_pipeline.load import pool as pool_module
from fudata_pipeline.load.items import load_items
from fudata_pipeline.load.result import LoadResult
from fudata_pipeline.load.version import version_dir
from fudata_pipeline.project import Project
from fudata_pipeline.settings import Settings

from ..conftest import FEW_ROWS, ROOT
from ..district import write_hukou, write_residents, write_space

VERDICTS = {
    "gaj.hukou_population": "refused_contract",
    "zsj.building": "promoted",
    "zsj.house": "promoted",
    "zsj.grid_division": "promoted",
    "zsj.resident_registration": "refused_gate",
    "zsj.citizen_request": "source_missing",
}


def _project(catalog: Catalog, data: Path, inbox: Path) -> Project:
    return Project.of(Settings(home=ROOT, data=data, inbox=inbox, scale=FEW_ROWS), catalog)


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """Good, partly bad and refused deliveries."""
    write_space(tmp_path / "inbox")
    write_residents(
        tmp_path / "inbox",
        [
            "440304199003071248,张三,女,汉,1990-03-07,本科,户籍,,,,2020-01-01,2022-10-01",
            "44030419900307124X,李四,女,汉,1990-03-07,本科,户籍,,,,2020-01-01,2022-10-01",
            "11010519491231002X,王五,女,汉,1949-12-31,本科,户籍,,,,2020-01-01,2022-10-01",
            "440524188001010014,赵六,男,汉,1880-01-01,本科,户籍,,,,2020-01-01,2022-10-01",
        ],
    )
    write_hukou(tmp_path / "inbox", ["440304199003071248,张三,,2,01,1990-03-07,,福田"])
    (tmp_path / "inbox" / "gaj" / "户籍人口_2.csv").write_bytes(b"")
    return tmp_path / "inbox"


def _items(catalog: Catalog) -> list[Item]:
    return [catalog.items_by_id[item] for item in VERDICTS]


def _told(result: LoadResult) -> tuple[object, ...]:
    return result.item, result.verdict, result.reason, result.rows_in, result.score, result.warnings, result.rules


def test_workers_give_the_same_results_as_one_load_after_another(
    catalog: Catalog, inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(items_module, "MANY", 1)
    one, two = _project(catalog, tmp_path / "one", inbox), _project(catalog, tmp_path / "two", inbox)
    begun: list[str] = []
    serial = load_items(one, _items(catalog), workers=1)
    parallel = load_items(two, _items(catalog), begun.append, workers=2)
    assert [_told(r) for r in parallel] == [_told(r) for r in serial]
    assert {r.item: r.verdict for r in parallel} == VERDICTS
    assert sorted(begun) == sorted(item.id for item in _items(catalog))
    for item in _items(catalog):
        loads = [p.registry.last_load(item.id) for p in (one, two)]
        if loads[0] is None or loads[1] is None:
            assert loads == [None, None]
            continue
        same = ("verdict", "sha256", "contract", "content_hash", "rules", "gate", "warnings", "reason")
        assert [loads[0][c] for c in same] == [loads[1][c] for c in same]
        if loads[0]["verdict"] == "promoted":
            for file in ("accepted.parquet", "quarantine.parquet"):
                a, b = (version_dir(p, x) / file for p, x in zip((one, two), loads, strict=True))
                assert duckdb.sql(f"FROM '{a}'").fetchall() == duckdb.sql(f"FROM '{b}'").fetchall()

    def no_workers(*_: object) -> None:
        raise AssertionError("nothing has changed")

    monkeypatch.setattr(items_module, "Pool", no_workers)
    again = load_items(two, _items(catalog), workers=2)
    assert [r.verdict for r in again] == ["refused_contract", *["unchanged"] * 3, "refused_gate", "source_missing"]
    assert all(r.repeated for r in again[:5])


def test_a_worker_that_dies_costs_the_item_it_had_in_hand(
    catalog: Catalog, inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(items_module, "MANY", 1)
    project = _project(catalog, tmp_path / "data", inbox)
    (good,) = load_items(project, [catalog.items_by_id["zsj.house"]])
    houses = inbox / "zsj" / "房屋信息_1.csv"
    houses.write_text(houses.read_text("utf-8").replace("住宅", "办公"), "utf-8")
    started: list[pool_module._Worker] = []

    class Known(pool_module._Worker):
        def __init__(self, payload: bytes) -> None:
            super().__init__(payload)
            started.append(self)

    def kill(item: str) -> None:
        if item == "zsj.house":
            for worker in started:
                worker.process.kill()
                worker.process.wait()

    monkeypatch.setattr(pool_module, "_Worker", Known)
    results = {r.item: r for r in load_items(project, _items(catalog), kill, workers=2)}
    lost = results["zsj.house"]
    assert (lost.verdict, lost.failed) == ("internal_error", True)
    assert "工作进程意外终止" in lost.reason
    last = project.registry.last_load("zsj.house")
    assert last is not None and (last["verdict"], last["load_id"]) == ("internal_error", lost.load_id)
    assert project.registry.current_loads()["zsj.house"]["load_id"] == good.load_id
    others = {r.item for r in results.values() if r.verdict != VERDICTS[r.item]} - {"zsj.house"}
    assert len(others) <= 1  # the other worker was killed too, with what it had in hand
    assert results["zsj.resident_registration"].verdict == "refused_gate"  # it came after: a new worker took it
    next_night = load_items(project, _items(catalog), workers=1)
    assert [r.verdict for r in next_night if r.failed] == ["refused_contract", "refused_gate"]


def test_ctrl_c_ends_the_workers(
    catalog: Catalog, inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(items_module, "MANY", 1)
    started: list[pool_module._Worker] = []
    honest = pool_module._Worker.load

    def load(self: pool_module._Worker, item: Item) -> None:
        started.append(self)
        honest(self, item)
        raise KeyboardInterrupt

    monkeypatch.setattr(pool_module._Worker, "load", load)
    with pytest.raises(KeyboardInterrupt):
        load_items(_project(catalog, tmp_path / "data", inbox), _items(catalog), workers=2)
    assert len(started) == 1
    assert started[0].process.returncode in (-15, 0)  # by the signal, or by itself if it was done before that


def test_when_no_worker_starts_the_items_are_loaded_here(
    catalog: Catalog, inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(items_module, "MANY", 1)
    monkeypatch.setattr(pool_module.sys, "executable", "/bin/false")
    begun: list[str] = []
    project = _project(catalog, tmp_path / "data", inbox)
    results = load_items(project, _items(catalog), begun.append, workers=2)
    assert {r.item: r.verdict for r in results} == VERDICTS
    assert len(begun) == len(results)
