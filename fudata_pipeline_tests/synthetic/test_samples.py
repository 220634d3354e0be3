"""The committed samples are what the generator makes, they are sound, and the pipeline finds what was put into them."""

from __future__ import annotations

import datetime as dt
import json
import re
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from python_calamine import CalamineError, CalamineWorkbook

from fudata_pipeline.catalog import Catalog
from fudata_pipeline.synthetic.samples.write import write_samples

from ..conftest import SAMPLES

FIRST, SECOND = "2022-10-31", "2022-11-01"


@pytest.fixture(scope="module")
def truth() -> dict[str, Any]:
    return json.loads((SAMPLES / "truth.json").read_text("utf-8"))


def _deliveries(folder: Path) -> list[str]:
    return sorted(f.relative_to(folder).as_posix() for f in folder.glob("2022-*/*/*"))


def _content(file: Path) -> object:
    """Bytes of text; cells of what a library of any version may pack differently."""
    if file.suffix == ".parquet":
        return pq.read_table(file).to_pylist()
    if file.suffix in (".xls", ".xlsx") and file.stat().st_size:
        try:
            book = CalamineWorkbook.from_path(file)
        except CalamineError:
            return "cut off", file.stat().st_size
        return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}
    return file.read_bytes()


def test_committed_samples_are_what_the_generator_writes(tmp_path: Path) -> None:
    write_samples(tmp_path)
    assert _deliveries(tmp_path) == _deliveries(SAMPLES)
    different = [n for n in [*_deliveries(SAMPLES), "truth.json"] if _content(tmp_path / n) != _content(SAMPLES / n)]
    assert different == []


def test_samples_are_small() -> None:
    assert sum(f.stat().st_size for f in SAMPLES.rglob("*") if f.is_file()) < 2_500_000


def test_every_sampled_item_is_delivered_on_the_first_night(catalog: Catalog, truth: dict[str, Any]) -> None:
    """Of the items that have samples: each by exactly one file, and no file by a second item's name pattern."""
    delivered = [f"{f['unit']}.{f['item']}" for f in truth["nights"][FIRST]["files"]]
    assert len(delivered) == len(set(delivered)) == 13
    for unit in {catalog.items_by_id[i].unit for i in delivered}:
        for file in (SAMPLES / FIRST / unit).iterdir():
            takers = [i.id for i in catalog.items_of(unit) if fnmatch(file.name, i.source.path)]
            assert len(takers) == 1, file
            assert takers[0] in delivered


@pytest.mark.parametrize("night", [FIRST, SECOND])
def test_truth_lists_every_file(truth: dict[str, Any], night: str) -> None:
    assert sorted(f["file"] for f in truth["nights"][night]["files"]) == [
        name.removeprefix(f"{night}/") for name in _deliveries(SAMPLES) if name.startswith(night)
    ]


def test_unchanged_means_the_same_bytes() -> None:
    old, new = (SAMPLES / night / "gaj" / f"户籍人口_{night.replace('-', '')}.csv" for night in (FIRST, SECOND))
    assert old.read_bytes() == new.read_bytes()


def test_identifiers_of_the_truth_are_valid(truth: dict[str, Any]) -> None:
    entities = truth["entities"]
    for name, keys in entities.items():
        assert len(keys) == len(set(keys)) == truth["counts"][name]
    assert all(_mod_11_2(number) for number in entities["persons"] + entities["newcomers"])
    assert all(_mod_31(code) for code in entities["firms"])
    assert all(re.fullmatch(r"440304\d{8}[\dT]\d{4}", code) for code in entities["buildings"])
    assert {code[:19] for code in entities["houses"]} == set(entities["buildings"])
    assert all(re.fullmatch(r"440304\d{9}", code) for code in entities["grids"])


def _mod_11_2(number: str) -> bool:
    """ISO 7064 MOD 11-2 by its recursion, and a day that exists."""
    rest = 0
    for c in number:
        rest = (rest * 2 + (10 if c == "X" else int(c))) % 11
    return rest == 1 and dt.datetime.strptime(number[6:14], "%Y%m%d") <= dt.datetime(2022, 11, 1)


def _mod_31(code: str) -> bool:
    """GB 32100 by Horner's rule from the right: the weighted sum with the check character is 0 modulo 31."""
    value = 0
    for c in reversed(code[:17]):
        value = (value * 3 + "0123456789ABCDEFGHJKLMNPQRTUWXY".index(c)) % 31
    return (value + "0123456789ABCDEFGHJKLMNPQRTUWXY".index(code[17])) % 31 == 0
