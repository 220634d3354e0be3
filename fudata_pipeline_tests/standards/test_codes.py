"""Code lists: every spelling leads to one code, also after cleaning; lists that refer to each other agree."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from fudata_pipeline import standards

from ..conftest import ROOT

CODES = ROOT / "catalog" / "codes"
LISTS = sorted(CODES.glob("*.csv"))


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _column(name: str, column: str) -> list[str]:
    return [row[column] for row in _rows(CODES / f"{name}.csv")]


def _spellings(path: Path) -> Iterator[tuple[str, str]]:
    for row in _rows(path):
        for spelling in (row["code"], row["title"], *row["aliases"].split("|")):
            if spelling:
                yield spelling.upper(), row["code"]


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        standards.install(connection)
        yield connection


@pytest.mark.parametrize("path", LISTS, ids=lambda p: p.stem)
def test_columns_codes_and_titles(path: Path) -> None:
    rows = _rows(path)
    assert list(rows[0])[:3] == ["code", "title", "aliases"]
    assert all(row["code"] and row["title"] and None not in row for row in rows)
    assert len({row["code"] for row in rows}) == len(rows)


@pytest.mark.parametrize("path", LISTS, ids=lambda p: p.stem)
def test_a_spelling_leads_to_one_code(path: Path) -> None:
    codes: dict[str, set[str]] = {}
    for spelling, code in _spellings(path):
        codes.setdefault(spelling, set()).add(code)
    assert {s: c for s, c in codes.items() if len(c) > 1} == {}


@pytest.mark.parametrize("path", LISTS, ids=lambda p: p.stem)
def test_a_spelling_is_still_known_after_cleaning(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Values are compared after clean_text, which makes （）， half-width: such a title needs the alias."""
    known = dict(_spellings(path))
    lost = []
    for spelling, code in known.items():
        row = con.execute("SELECT upper(clean_text($1))", [spelling]).fetchone()
        assert row is not None
        if known.get(row[0]) != code:
            lost.append(spelling)
    assert lost == []


def test_every_list_is_described() -> None:
    readme = (CODES / "README.md").read_text("utf-8")
    assert [p.stem for p in LISTS if f"| {p.stem} |" not in readme] == []


def test_sizes_of_the_national_lists() -> None:
    assert len(_column("ethnicity", "code")) == 58  # 56, other, foreign descent
    assert sum(len(c) == 1 for c in _column("industry", "code")) == 20
    assert [c[1:] for c in _column("industry", "code") if len(c) == 3] == [f"{n:02d}" for n in range(1, 98)]
    codes = set(_column("industry", "code"))
    assert [sum(len(c) == n for c in codes) for n in (1, 3, 4, 5)] == [20, 97, 473, 1381]
    assert {c[:-1] for c in codes if len(c) > 3} <= codes  # every class has its group, every group its division


def test_ten_streets_and_ninety_two_communities() -> None:
    streets = _column("street", "code")
    assert len(streets) == 10
    assert len(_column("community", "code")) == 92
    assert set(_column("community", "street_code")) == set(streets)
    assert set(_column("area_crosswalk", "area_code")) == {*streets, *_column("community", "code")}


def test_the_grid_list_of_education_maps_to_the_standard() -> None:
    assert set(_column("education_grid", "maps_to")) <= set(_column("education", "code"))


@pytest.mark.parametrize(
    ("name", "spelling", "code"),
    [
        ("ethnicity", "汉", "01"), ("ethnicity", "维吾尔族", "05"), ("education", "大学本科", "20"),
        ("education", "大专", "30"), ("community", "沙咀", "440304005903"), ("community", "荔村", "440304011904"),
        ("community", "莲花一村", "440304009906"), ("street", "福保", "440304010"),
        ("registration_status", "存续(在营、开业、在册)", "1"), ("industry", "餐饮业", "H62"),
        ("certificate_type", "身份证", "111"), ("disability_level", "壹级", "1"), ("marital", "离异", "40"),
    ],
)  # fmt: skip
def test_what_people_write(name: str, spelling: str, code: str) -> None:
    assert dict(_spellings(CODES / f"{name}.csv"))[spelling] == code
