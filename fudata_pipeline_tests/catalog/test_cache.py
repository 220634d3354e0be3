"""The compiled catalog is kept, and never outlives what it was compiled from."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from fudata_pipeline.catalog import CatalogError, cache
from fudata_pipeline.catalog.cache import open_catalog

from .conftest import change


def _kept(tmp_path: Path) -> Path:
    (kept,) = (tmp_path / "cache").glob("*.pickle")
    return kept


def test_second_opening_does_not_compile(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = open_catalog(folder, tmp_path / "cache")
    monkeypatch.setattr(cache, "load_catalog", lambda _: pytest.fail("compiled again"))
    again = open_catalog(folder, tmp_path / "cache")
    assert again == first
    assert [again.contract(i) for i in again.items[:20]] == [first.contract(i) for i in first.items[:20]]


def test_a_changed_declaration_is_compiled_and_the_old_cache_goes(folder: Path, tmp_path: Path) -> None:
    open_catalog(folder, tmp_path / "cache")
    before = _kept(tmp_path)
    change(folder / "district.yaml", "深圳市福田区", "深圳市南山区")
    assert open_catalog(folder, tmp_path / "cache").district.name == "深圳市南山区"
    assert _kept(tmp_path) != before


def test_a_catalog_that_became_wrong_is_refused(folder: Path, tmp_path: Path) -> None:
    open_catalog(folder, tmp_path / "cache")
    change(folder / "items/gaj.yaml", "cycle: monthly", "cycle: never")
    with pytest.raises(CatalogError):
        open_catalog(folder, tmp_path / "cache")


@pytest.mark.parametrize("content", [b"", b"not a pickle", pickle.dumps({"a": 1})])
def test_a_spoilt_cache_costs_time_only(folder: Path, tmp_path: Path, content: bytes) -> None:
    good = open_catalog(folder, tmp_path / "cache")
    _kept(tmp_path).write_bytes(content)
    assert open_catalog(folder, tmp_path / "cache") == good


def test_a_cache_that_others_may_write_is_not_trusted(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    open_catalog(folder, tmp_path / "cache")
    _kept(tmp_path).chmod(0o666)
    compiled = []
    real = cache.load_catalog
    monkeypatch.setattr(cache, "load_catalog", lambda f: compiled.append(f) or real(f))
    open_catalog(folder, tmp_path / "cache")
    assert compiled == [folder]
