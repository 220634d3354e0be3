"""Rules over several tables: each is broken by the district that breaks it, and by no other."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from fudata_pipeline.catalog.bases import Check
from fudata_pipeline.models.checks import build_checks, check_counts
from fudata_pipeline.models.product import BrokenDeclaration
from fudata_pipeline.nightly import publication
from fudata_pipeline.project import Project

from ..district import BUILDING_1, FIRM, HOUSE_1, HOUSE_2, LI, WANG, ZHANG, write_space
from .test_links import SPACE, build, entity, lived, rows, write, write_register

REGISTER = "zsj.resident_registration"


def _broken(project: Project) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for row in rows(project, "check"):
        found.setdefault(row["rule"], set()).add(row["entity_id"])
    return found


def _person(project: Project, number: str) -> str:
    return entity(project, "population", "resident_id", number)


@pytest.fixture
def space(project: Project) -> Project:
    write_space(project.settings.inbox_dir)
    return project


def test_a_sound_district_breaks_nothing(space: Project) -> None:
    write_register(space, [lived(ZHANG, "张三丰", HOUSE_1, "2020-01-01")])
    write(space, "gaj.hukou_household", [_household(1, ZHANG, "张三丰")])
    write(space, "scjg.self_employed", [_firm(HOUSE_1) | {"house_code": ""}])
    build(space, *SPACE, REGISTER, "gaj.hukou_household", "scjg.self_employed")
    assert rows(space, "check") == []
    with duckdb.connect() as con:
        counts = {c["rule"]: (c["checked"], c["failed"]) for c in check_counts(space, con)}
    assert len(counts) == sum(len(b.checks) for b in space.catalog.bases)
    assert set(counts.values()) == {(1, 0), (3, 0)}  # a person and a firm, three houses


def _household(number: int, head: str, name: str) -> dict[str, str]:
    return {"hukou_household_no": f"HK44030400000{number}", "head_person_name": name, "head_resident_id": head,
            "house_code": HOUSE_1, "updated_at": "2022-10-01"}  # fmt: skip


def _firm(house: str) -> dict[str, str]:
    return {"uscc": FIRM, "entity_name": "福田区三丰小吃店", "person_name": "张三丰", "resident_id": ZHANG, "house_code": house,
            "reg_status": "存续", "established_date": "2021-05-01"}  # fmt: skip


def test_codes_that_lead_nowhere(space: Project) -> None:
    """A house nobody declared, a house in a building nobody declared; a check without its tables says that it did not run."""
    nowhere = f"{BUILDING_1}000999"
    write_register(space, [lived(ZHANG, "张三丰", nowhere, "2020-01-01"), lived(LI, "李四", HOUSE_1, "2020-01-01")])
    folder = space.settings.inbox_dir / "zsj"
    other = "4403040019010300003"
    with (folder / "房屋信息_1.csv").open("a", encoding="utf-8") as file:
        file.write(f"{other}000101;{other};101;80;住宅;否\n")
    build(space, *SPACE, REGISTER)
    assert _broken(space) == {
        "house_known": {_person(space, ZHANG)},
        "building_known": {entity(space, "house", "house_code", f"{other}000101")},
    }
    with duckdb.connect() as con:
        counts = {c["rule"]: (c["checked"], c["failed"]) for c in check_counts(space, con)}
    assert counts["house_known"] == (2, 1)
    assert counts["one_head"] == counts["premises_residential"] == (None, None)


def test_nobody_is_older_than_120(space: Project) -> None:
    old = f"{WANG},王五,男,汉,1880-01-01,,,13912349876,{HOUSE_1},,2020-01-01,,2022-10-01 08:00:00"
    write_register(space, [old, lived(ZHANG, "张三丰", HOUSE_1, "2020-01-01")])
    build(space, *SPACE, REGISTER)
    assert _broken(space) == {"age_plausible": {_person(space, WANG)}}


def test_a_household_has_one_head(space: Project) -> None:
    write_register(space, [lived(ZHANG, "张三丰", HOUSE_1, "2020-01-01"), lived(LI, "李四", HOUSE_1, "2020-01-01")])
    write(space, "gaj.hukou_household", [_household(1, ZHANG, "张三丰")])
    member = {"hukou_household_no": "HK440304000001", "resident_id": LI, "person_name": "李四"}
    write(space, "gaj.household_member", [member | {"hukou_head_relation": "户主"}])
    items = (*SPACE, REGISTER, "gaj.hukou_household", "gaj.household_member")
    build(space, *items)
    assert _broken(space) == {"one_head": {_person(space, ZHANG), _person(space, LI)}}
    write(space, "gaj.household_member", [member | {"hukou_head_relation": "父母"}], 2)
    build(space, *items)
    assert _broken(space) == {}
    write(space, "gaj.household_member", [member | {"hukou_head_relation": "父母", "hukou_household_no": "HK440304000002"}], 3)  # fmt: skip
    build(space, *items)
    assert _broken(space) == {"one_head": {_person(space, LI)}}  # a household of which nobody is the head


def test_the_dead_do_not_live_anywhere(space: Project) -> None:
    write_register(space, [lived(ZHANG, "张三丰", HOUSE_1, "2020-01-01"), lived(LI, "李四", HOUSE_2, "2020-01-01")])
    death = {"resident_id": LI, "person_name": "李四", "birth_date": "1949-12-31", "deceased_date": "2022-08-01"}
    write(space, "gaj.death_cancellation", [death])
    build(space, *SPACE, REGISTER, "gaj.death_cancellation")
    assert _broken(space) == {"deceased_living": {_person(space, LI)}}


def test_a_crowded_house(space: Project) -> None:
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    lines = []
    for n in range(51):
        head = f"44030419900307{100 + 2 * n:03}"
        number = head + "10X98765432"[sum(int(d) * w for d, w in zip(head, weights, strict=True)) % 11]
        lines.append(f"{number},张{'甲乙丙丁戊己庚'[n % 7]},女,汉,1990-03-07,,,1391234{n:04},{HOUSE_1},,2020-01-01,,2022-10-01")  # fmt: skip
    write_register(space, lines)
    build(space, *SPACE, REGISTER)
    assert _broken(space) == {"crowded": {entity(space, "house", "house_code", HOUSE_1)}}
    write_register(space, lines[:50], 2)
    build(space, *SPACE, REGISTER)
    assert _broken(space) == {}


def test_an_owner_who_lives_in_what_he_lets(space: Project) -> None:
    write_register(space, [lived(ZHANG, "张三丰", HOUSE_1, "2020-01-01")])
    filing = {"filing_no": "CZW20220000001", "house_code": HOUSE_1, "owner_name": "张三丰", "landlord_id": ZHANG,
              "phone": "13912349876", "filed_date": "2021-01-01", "updated_at": "2022-10-01"}  # fmt: skip
    write(space, "gaj.rental_house_filing", [filing])
    build(space, *SPACE, REGISTER, "gaj.rental_house_filing")
    assert _broken(space) == {"rental_owner_lives_in": {entity(space, "house", "house_code", HOUSE_1)}}


def test_a_firm_in_a_home(space: Project) -> None:
    write_register(space, [lived(ZHANG, "张三丰", HOUSE_1, "2020-01-01")])
    write(space, "scjg.self_employed", [_firm(HOUSE_2)])
    build(space, *SPACE, REGISTER, "scjg.self_employed")
    (found,) = rows(space, "check")
    assert (found["rule"], found["severity"]) == ("premises_residential", "info")
    assert found["entity_id"] == entity(space, "legal_entity", "uscc", FIRM)


def test_the_published_file_tells_of_checks_and_links(space: Project) -> None:
    write_register(space, [lived(ZHANG, "张三丰", f"{BUILDING_1}000999", "2020-01-01")])
    build(space, *SPACE, REGISTER)
    publication(space)
    with duckdb.connect(str(space.settings.published_file), read_only=True) as con:
        told = con.execute("SELECT rule, checked, failed FROM meta.model_checks WHERE failed > 0").fetchall()
        assert told == [("house_known", 1, 1)]
        assert con.execute("SELECT count(*) FROM base.check").fetchall() == [(1,)]
        builds = {p for (p,) in con.execute("SELECT product FROM meta.builds").fetchall()}
        assert {"base.person_house", "base.person_house_record", "base.residence", "base.link_left_out"} <= builds
        [(comment,)] = con.execute(
            "SELECT comment FROM duckdb_columns() WHERE table_name = 'person_house' AND column_name = 'person_id'"
        ).fetchall()
        assert comment == "人员实体编号"


def test_a_check_that_does_not_fit_keeps_what_was_built(space: Project) -> None:
    write_register(space, [lived(ZHANG, "张三丰", f"{BUILDING_1}000999", "2020-01-01")])
    build(space, *SPACE, REGISTER)
    before = rows(space, "check")
    wrong = Check(name="wrong", title="错", sql="SELECT no_such FROM {base.population}")
    catalog = space.catalog

    def with_wrong(base: Any) -> Any:
        return base.model_copy(update={"checks": (wrong,)}) if base.table == "population" else base

    other = Project.of(space.settings, catalog.model_copy(update={"bases": tuple(map(with_wrong, catalog.bases))}))
    with pytest.raises(BrokenDeclaration, match="no_such"):
        build_checks(other)
    assert rows(space, "check") == before
