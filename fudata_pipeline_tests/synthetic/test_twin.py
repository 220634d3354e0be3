"""The twin is one coherent city: everybody lives somewhere, every number is sound, and it is always the same."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
import shapely

from fudata_pipeline.catalog import Catalog
from fudata_pipeline.synthetic.twin import FIRMS, FIRST_NIGHT, HOUSES, RESIDENTS, build_twin
from fudata_pipeline.synthetic.twin.space import OUTLINE
from fudata_pipeline.synthetic.twin.tables import FIRM, PERSON, PLACE

from .conftest import SCALE


def _one(con: duckdb.DuckDBPyConnection, sql: str) -> Any:
    row = con.execute(sql).fetchone()
    assert row is not None
    return row[0] if len(row) == 1 else row


def _hashes(file: Path) -> dict[str, Any]:
    with duckdb.connect(str(file), read_only=True) as con:
        tables = ("p", "f", "h", "street", "community", "grid")
        return {t: _one(con, f"SELECT count(*), sum(CAST(hash(x) AS HUGEINT)) FROM {t} x") for t in tables}


@pytest.mark.parametrize(("alias", "columns"), [("p", PERSON), ("f", FIRM), ("h", PLACE)])
def test_tables_have_the_columns_that_recipes_are_written_over(
    twin: duckdb.DuckDBPyConnection, alias: str, columns: dict[str, str]
) -> None:
    assert {name: kind for name, kind, *_ in twin.execute(f"DESCRIBE twin.{alias}").fetchall()} == columns


def test_the_same_seed_gives_the_same_district_whatever_the_threads(
    catalog: Catalog, twin_file: Path, tmp_path: Path
) -> None:
    build_twin(catalog, tmp_path / "one.duckdb", seed=7, scale=SCALE, as_of=FIRST_NIGHT, threads=1)
    build_twin(catalog, tmp_path / "four.duckdb", seed=7, scale=SCALE, as_of=FIRST_NIGHT, threads=4)
    build_twin(catalog, tmp_path / "other.duckdb", seed=8, scale=SCALE, as_of=FIRST_NIGHT)
    assert _hashes(tmp_path / "one.duckdb") == _hashes(tmp_path / "four.duckdb") == _hashes(twin_file)
    assert all(
        a != b
        for a, b in zip(_hashes(tmp_path / "other.duckdb").values(), _hashes(twin_file).values(), strict=True)
        if a[0] > 10
    )


def test_it_is_as_large_as_its_scale_says(twin: duckdb.DuckDBPyConnection) -> None:
    assert _one(twin, "SELECT count(*) FROM twin.h") == round(HOUSES * SCALE)
    assert _one(twin, "SELECT count(*) FROM twin.p WHERE resident") == pytest.approx(RESIDENTS * SCALE, rel=0.03)
    assert _one(twin, "SELECT count(*) FROM twin.f WHERE active") == pytest.approx(FIRMS * SCALE, rel=0.08)
    assert _one(twin, "SELECT count(*) FROM twin.street") == 10
    assert _one(twin, "SELECT count(*) FROM twin.community") == 92


def test_grids_tile_the_district_and_hold_their_buildings(twin: duckdb.DuckDBPyConnection) -> None:
    outline = shapely.Polygon(OUTLINE)
    for table, parent in (("street", None), ("community", "street_code")):
        cells = [shapely.from_wkb(bytes(c)) for (c,) in twin.execute(f"SELECT cell FROM twin.{table}").fetchall()]
        assert sum(c.area for c in cells) == pytest.approx(outline.area, rel=1e-9), parent
        assert shapely.union_all(cells).symmetric_difference(outline).area < outline.area * 1e-9
    parts = twin.execute(
        "SELECT g.cell, c.cell FROM twin.grid g JOIN twin.community c USING (community_code)"
    ).fetchall()
    assert all(shapely.from_wkb(bytes(g)).difference(shapely.from_wkb(bytes(c))).area < 1e-12 for g, c in parts)
    homes = twin.execute(
        "SELECT g.cell, list(h.longitude), list(h.latitude) FROM twin.h h JOIN twin.grid g USING (grid_id) GROUP BY ALL"
    ).fetchall()
    assert len(homes) == _one(twin, "SELECT count(*) FROM twin.grid")
    for cell, xs, ys in homes:
        assert shapely.contains_xy(shapely.buffer(shapely.from_wkb(bytes(cell)), 2e-6), xs, ys).all()


def test_every_number_is_sound_and_nobody_shares_one(twin: duckdb.DuckDBPyConnection) -> None:
    wrong = _one(
        twin,
        """SELECT count(*) FILTER (NOT is_resident_id(resident_id)) + count(*) FILTER (resident_id_birth_date(resident_id) <> birth_date)
            + count(*) FILTER (resident_id_sex(resident_id) <> sex) + count(*) FILTER (NOT is_phone(phone)) + count(*) FILTER (is_placeholder(name))
            + count(resident_id) - count(DISTINCT resident_id) + count(*) - count(DISTINCT travel_document) FROM twin.p""",
    )
    assert wrong == 0
    wrong = _one(
        twin,
        """SELECT count(*) FILTER (NOT is_uscc(uscc)) + count(*) FILTER (NOT is_org_code(org_code)) + count(*) FILTER (NOT is_registration_no(registration_no))
            + count(*) FILTER (NOT is_phone(phone)) + count(*) - count(DISTINCT uscc) FROM twin.f""",
    )
    assert wrong == 0
    wrong = _one(
        twin,
        """SELECT count(*) FILTER (NOT is_house_code(house_code)) + count(*) FILTER (NOT is_grid_code(grid_code)) + count(*) - count(DISTINCT house_code)
            + count(*) FILTER (building_of_house(house_code) <> building_code) + count(*) FILTER (floor > floors_ground) FROM twin.h""",
    )
    assert wrong == 0
    assert _one(twin, "SELECT count(DISTINCT building_id) - count(DISTINCT building_code) FROM twin.h") == 0
    assert _one(twin, "SELECT bool_and(is_electronic_licence(electronic_licence_id(i))) FROM range(50) t(i)") is True


def test_people_live_in_households_in_dwellings(twin: duckdb.DuckDBPyConnection) -> None:
    assert (
        _one(
            twin,
            "SELECT count(*) FROM twin.p LEFT JOIN twin.h USING (house_id) WHERE resident AND house_use IS DISTINCT FROM '1'",
        )
        == 0
    )
    heads = "SELECT household_id, count(*) FILTER (relation = '0') AS heads, count(*) FILTER (relation = '1') AS partners FROM twin.p GROUP BY ALL"
    assert _one(twin, f"SELECT count(*) FROM ({heads}) WHERE heads <> 1 OR partners > 1") == 0
    assert (
        _one(
            twin,
            "SELECT count(*) FROM twin.p WHERE age NOT BETWEEN 0 AND 105 OR live_from < birth_date OR died_on < birth_date",
        )
        == 0
    )
    assert (
        _one(
            twin,
            "SELECT count(*) FROM twin.p WHERE relation = '1' AND sex = (SELECT any_value(h.sex) FROM twin.p h WHERE h.resident_id = p.head_id)",
        )
        == 0
    )
    children, parents = _one(
        twin,
        "SELECT count(*), count(*) FILTER (h.birth_date + 21 * 365 < c.birth_date) FROM twin.p c JOIN twin.p h ON h.resident_id = c.head_id WHERE c.relation = '2'",
    )
    assert children == parents > 100
    assert (
        _one(
            twin,
            "SELECT count(*) FROM twin.f f LEFT JOIN twin.p p ON p.person_id = f.legal_rep WHERE p.resident_id <> f.legal_rep_id OR p.age < 18",
        )
        == 0
    )


def test_random_values_of_one_row_do_not_move_together(twin: duckdb.DuckDBPyConnection) -> None:
    """The engine's hash of two values is the XOR of theirs: without a second hash two salts of one key are one draw."""
    assert abs(_one(twin, "SELECT corr(rnd(draw(i), 43), rnd(draw(i), 84)) FROM range(20000) t(i)")) < 0.03
    assert _one(twin, "SELECT count(DISTINCT made_name(draw(i))) FROM range(20000) t(i)") > 15000


def test_it_looks_like_a_city(twin: duckdb.DuckDBPyConnection) -> None:
    young, adult, old = _one(
        twin,
        "SELECT avg((age < 15)::INT), avg((age BETWEEN 15 AND 59)::INT), avg((age >= 60)::INT) FROM twin.p WHERE resident",
    )
    assert 0.1 < young < 0.2 and 0.6 < adult < 0.85 and 0.04 < old < 0.2
    busiest, quietest = _one(
        twin,
        "SELECT max(n), min(n) FROM (SELECT count(*) AS n FROM twin.p JOIN twin.h USING (house_id) WHERE resident GROUP BY grid_code)",
    )
    assert busiest > 4 * quietest
    assert _one(twin, "SELECT count(DISTINCT left(name, 1)) FROM twin.p") > 80
    assert _one(twin, "SELECT max(floors_ground) FROM twin.h") >= 30
    section = twin.execute("SELECT section FROM twin.f GROUP BY 1 ORDER BY count(*) DESC LIMIT 1").fetchone()
    assert section == ("F",)  # wholesale and retail, as in every city


def test_life_goes_on_from_night_to_night(catalog: Catalog, twin_file: Path, tmp_path: Path) -> None:
    build_twin(catalog, tmp_path / "later.duckdb", seed=7, scale=SCALE, as_of=date(2022, 11, 10))
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{twin_file}' AS old (READ_ONLY)")
        con.execute(f"ATTACH '{tmp_path / 'later.duckdb'}' AS new (READ_ONLY)")
        moved, died, came, everybody = _one(
            con,
            """SELECT count(*) FILTER (o.house_id <> n.house_id), count(*) FILTER (o.died_on IS NULL AND n.died_on IS NOT NULL),
                count(*) FILTER (NOT o.resident AND n.resident), count(*) FROM old.p o JOIN new.p n USING (person_id)""",
        )
        assert 0.01 < moved / everybody < 0.1 and died > 0 and came > 0
        assert _one(con, "SELECT count(*) FROM new.p WHERE birth_date > DATE '2022-10-31'") > 0
        assert (
            _one(
                con,
                "SELECT count(*) FROM old.p JOIN new.p USING (person_id) WHERE old.p.resident_id IS DISTINCT FROM new.p.resident_id",
            )
            == 0
        )
