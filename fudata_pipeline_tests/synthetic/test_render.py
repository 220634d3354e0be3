"""Deliveries as units send them: each item in its own form, the same every time, the truth about each line apart."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from python_calamine import CalamineWorkbook

from fudata_pipeline.catalog import Catalog
from fudata_pipeline.load.items import load_items
from fudata_pipeline.project import Project
from fudata_pipeline.settings import Settings
from fudata_pipeline.sources import find_delivery
from fudata_pipeline.synthetic.district import District, NotRendered, OtherDistrict, delivering, profile, render_night
from fudata_pipeline.synthetic.recipe import BadRecipe
from fudata_pipeline.synthetic.render import rows_at
from fudata_pipeline.synthetic.writing import TooManyRows

from ..conftest import ROOT

FORMS = (
    "gaj.hukou_population",
    "mzj.old_age_allowance",
    "zsj.building",
    "zsj.citizen_request",
    "zsj.resident_registration",
)
"""GB18030 text, a workbook with a title, Parquet, JSON lines, UTF-8 text."""


def _render(
    catalog: Catalog, district: District, items: tuple[str, ...], night: int = 0, **options: object
) -> dict[str, Path]:
    chosen = [catalog.items_by_id[i] for i in items]
    done = render_night(Settings(home=ROOT), catalog, district, night, chosen, **options)  # type: ignore[arg-type]
    return {d.item: d.file for d in done if d.file}


def _truth(district: District, item: str, night: int = 0) -> list[dict[str, object]]:
    unit, name = item.split(".")
    return pq.read_table(district.truth(night) / unit / f"{name}.parquet").to_pylist()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> District:
    return District(tmp_path_factory.mktemp("small"), scale=0.002)


def test_each_item_has_the_form_its_unit_uses(catalog: Catalog, small: District) -> None:
    files = _render(catalog, small, FORMS)
    text = files["gaj.hukou_population"].read_bytes().decode("gb18030").splitlines()
    assert text[0].split(",") == ["GMSFHM", "XM", "CYM", "XB", "MZ", "CSRQ", "HYZK", "HJDZ"]
    assert len(text) > 2000
    cells = CalamineWorkbook.from_path(files["mzj.old_age_allowance"]).get_sheet_by_index(0).to_python()
    item = catalog.items_by_id["mzj.old_age_allowance"]
    assert cells[item.source.skip_rows + item.source.header_rows - 1] == [f.headers[0] for f in item.fields]
    assert pq.read_schema(files["zsj.building"]).names == [
        f.headers[0] for f in catalog.items_by_id["zsj.building"].fields
    ]
    assert all(
        isinstance(json.loads(line), dict) for line in files["zsj.citizen_request"].read_text("utf-8").splitlines()
    )
    for name, file in files.items():
        item = catalog.items_by_id[name]
        assert find_delivery(file.parent.parent, item.unit, item.source) == file


def test_the_same_seed_gives_the_same_files_in_one_process_or_several(
    catalog: Catalog, small: District, tmp_path: Path
) -> None:
    files = _render(catalog, small, FORMS)
    again = _render(catalog, replace(small, folder=tmp_path / "again"), FORMS, workers=1)
    for name, file in files.items():
        if file.suffix == ".parquet":
            assert pq.read_table(file) == pq.read_table(again[name])
        else:
            assert file.read_bytes() == again[name].read_bytes(), name
    other = _render(catalog, replace(small, folder=tmp_path / "other", seed=1), FORMS)
    assert all(file.read_bytes() != other[name].read_bytes() for name, file in files.items())


def test_the_truth_knows_every_line_and_what_was_done_to_it(catalog: Catalog, small: District) -> None:
    file = _render(catalog, small, FORMS)["zsj.resident_registration"]
    lines = file.read_text("utf-8").splitlines()
    truth = _truth(small, "zsj.resident_registration")
    assert [t["line"] for t in truth] == list(range(2, len(lines) + 1))
    item = catalog.items_by_id["zsj.resident_registration"]
    position = {f.name: n for n, f in enumerate(item.fields)}
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{small.twin(0)}' AS twin (READ_ONLY)")
        ids = dict(con.execute("SELECT person_id, resident_id FROM twin.p").fetchall())
    for row in truth:
        cells = lines[int(str(row["line"])) - 1].split(",")
        if row["kind"] is None:
            assert cells[position["resident_id"]] == ids[row["person"]]
        if row["kind"] == "wrong_check":
            assert cells[position["resident_id"]][:17] == ids[row["person"]][:17]
            assert cells[position["resident_id"]] != ids[row["person"]]
    kinds = Counter(row["kind"] for row in truth)
    assert kinds[None] > 0.9 * len(truth)
    assert len(kinds) > 8


def test_later_nights_change_add_delete_and_resend(catalog: Catalog, tmp_path: Path) -> None:
    district = District(tmp_path, scale=0.002)
    said = delivering(catalog, district, 1)
    assert 200 < len(said) < 600
    assert {"", "resent", "late"} <= set(said.values())
    item = "zsj.resident_registration"
    before = _render(catalog, district, (item,))[item].read_text("utf-8").splitlines()[1:]
    after = _render(catalog, district, (item,), night=1)[item].read_text("utf-8").splitlines()[1:]
    kept = len(set(before) & set(after))
    assert 0.9 * len(before) < kept < len(before)
    assert [t["line"] for t in _truth(district, item, 1)] == list(range(2, len(after) + 2))


def test_events_come_one_by_one_and_later_ones_bear_a_later_date(catalog: Catalog, small: District) -> None:
    item = "jrj.risk_warning"
    headers = [f.headers[0] for f in catalog.items_by_id[item].fields if f.name in ("uscc", "warned_at")]

    def rows(night: int) -> set[tuple[str, str]]:
        file = _render(
            catalog, replace(small, defects=False, scale=0.05, folder=small.folder / "clean"), (item,), night
        )[item]
        with duckdb.connect() as con:
            source = f"read_csv('{file}', encoding => '{catalog.items_by_id[item].source.encoding}')"
            return set(
                con.execute(
                    f'SELECT "{headers[0]}", CAST(CAST("{headers[1]}" AS DATE) AS VARCHAR) FROM {source}'
                ).fetchall()
            )

    first, second = rows(0), rows(1)
    assert len({day for _, day in first}) > len(first) / 2
    new = {day for _, day in second - first}
    assert max(new) == "2022-11-01" > max(day for _, day in first)


def test_an_interrupted_rendering_goes_on_where_it_stopped(catalog: Catalog, tmp_path: Path) -> None:
    district = District(tmp_path, scale=0.001)
    first = _render(catalog, district, FORMS[:2])
    stamps = {f: f.stat().st_mtime_ns for f in first.values()}
    (district.deliveries(0) / "zsj").mkdir()
    (district.deliveries(0) / "zsj" / ".building20221031.parquet.part").write_bytes(b"cut off by a kill")
    everything = _render(catalog, district, FORMS)
    assert {f: f.stat().st_mtime_ns for f in first.values()} == stamps
    assert len(everything) == len(FORMS)
    assert all(file.exists() for file in everything.values())


def test_districts_are_never_mixed(catalog: Catalog, tmp_path: Path) -> None:
    _render(catalog, District(tmp_path, scale=0.001), FORMS[:1])
    with pytest.raises(OtherDistrict, match="--force"):
        _render(catalog, District(tmp_path, scale=0.002), FORMS[:1])


def test_a_workbook_too_long_for_a_sheet_is_refused(catalog: Catalog, tmp_path: Path) -> None:
    item = catalog.items_by_id["mzj.old_age_allowance"].model_copy(update={"records": 1_100_000_000})
    with pytest.raises(TooManyRows, match=r"mzj.old_age_allowance.*csv"):
        render_night(
            Settings(home=ROOT),
            catalog.model_copy(update={"items": (item,)}),
            District(tmp_path, scale=0.001, defects=False),
            0,
            [item],
        )


def test_a_recipe_that_does_not_fit_names_item_and_cure(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fudata_pipeline.synthetic.columns import Recipes

    found = Recipes.load(catalog)
    wrong = Recipes(found.fields, {**found.items, "gaj.hukou_population": {"columns": {"former_name": {"any": []}}}})
    monkeypatch.setattr(Recipes, "load", lambda _: wrong)
    with pytest.raises(NotRendered, match=r"gaj.hukou_population.*former_name.*配方"):
        _render(catalog, District(tmp_path, scale=0.001), FORMS[:1], workers=1)


@pytest.mark.parametrize(
    ("recipe", "said"),
    [(7, "不是配方"), ({"any": ["甲"], "serial": "x"}, "应恰有"), ({"number": [1, 2], "colour": 3}, "不认识"), ({"of": "zsj.nowhere.x"}, "应为"),
     ({"of": "zsj.resident_registration.resident_id"}, "不能引用"), ({"serial": "A{nn}"}, "应为 n"), ({"days": [1, 2], "after": "nothing"}, "没有列")],
)  # fmt: skip
def test_bad_recipes_say_what_is_wrong(catalog: Catalog, recipe: object, said: str) -> None:
    from fudata_pipeline.synthetic.columns import ItemColumns, Recipes
    from fudata_pipeline.synthetic.twin import FIRST_NIGHT

    item = catalog.items_by_id["gaj.hukou_population"]
    recipes = Recipes({}, {item.id: {"columns": {"birth_date" if "days" in str(recipe) else "former_name": recipe}}})
    with pytest.raises(BadRecipe, match=said):
        _ = ItemColumns(catalog, recipes, item, lambda _: 10, FIRST_NIGHT).sql


def test_items_as_database_tables(catalog: Catalog, tmp_path: Path, postgres: str) -> None:
    url = f"sqlite:///{tmp_path / 'unit.sqlite'}"
    for target, area_type in (
        (url, "typeof"),
        (postgres.replace("postgresql://", "postgresql+psycopg://"), "pg_typeof"),
    ):
        district = District(tmp_path / area_type, scale=0.001)
        _render(catalog, district, ("gaj.hukou_population", "zsj.house"), database=target)
        delivered = len(_truth(district, "gaj.hukou_population"))
        with sa.create_engine(target).connect() as con:
            assert con.execute(sa.text("SELECT count(*) FROM gaj_hukou_population")).scalar() == delivered
            kind = con.execute(sa.text(f'SELECT CAST({area_type}("建筑面积") AS VARCHAR(20)) FROM zsj_house')).scalar()
            assert kind in ("real", "integer", "numeric")


def test_every_item_of_a_clean_district_is_accepted_whole(catalog: Catalog, tmp_path: Path) -> None:
    """The proof of all recipes: rendered without defects, no row of any item breaks any rule."""
    district = District(tmp_path / "district", scale=0.0003, defects=False)
    settings = Settings(home=ROOT, data=tmp_path / "data", scale=0.0003)
    for night, declared in ((0, len(catalog.items)), (1, 100)):
        done = {d.item for d in render_night(Settings(home=ROOT), catalog, district, night, catalog.items) if d.file}
        assert len(done) >= declared
        project = Project.of(settings.model_copy(update={"inbox": district.deliveries(night)}), catalog)
        results = load_items(project, [i for i in catalog.items if i.id in done])
        wrong = {
            r.item: (r.verdict, r.reason, {f"{x['column']}:{x['rule']}": x["failed"] for x in r.rules if x["failed"]})
            for r in results
            if r.verdict not in ("promoted", "unchanged") or any(x["failed"] for x in r.rules) or r.rows_duplicate
        }
        assert wrong == {}
        if night == 0:
            rows = sum(rows_at(i, district.scale) for i in catalog.items)
            assert sum(r.rows_in for r in results) == pytest.approx(rows, rel=0.02)


def test_recipes_are_for_what_the_catalog_declares(catalog: Catalog) -> None:
    from fudata_pipeline.synthetic.columns import Recipes

    recipes = Recipes.load(catalog)
    assert set(recipes.fields) - set(catalog.fields) == set()
    streets = {i.name for i in catalog.items if i.unit.startswith("jd_")}
    assert {i for i in recipes.items if i not in catalog.items_by_id and i.split(".")[1] not in streets} == set()


def test_defects_are_declared_for_every_kind_of_unit() -> None:
    said = profile().declared
    assert set(said["units"].values()) <= set(said)
