"""One person, one house: identifiers that mean the same, values that win and lose, what becomes of them by night."""

from __future__ import annotations

import random
from typing import Any

import duckdb
import pytest

from fudata_pipeline.load.item import load_item
from fudata_pipeline.models.base import build_base
from fudata_pipeline.models.identity import group, settle, tie
from fudata_pipeline.models.product import product_sql
from fudata_pipeline.models.state import entity_sql
from fudata_pipeline.project import Project

from ..district import HOUSE_1, HOUSE_2, LI, ZHANG, write_item

PERSON = {"sex": "女", "ethnicity": "汉", "birth_date": "1949-12-31", "education": "小学", "hukou_type": "非户籍", "phone": "13712349876",
          "house_code": HOUSE_1, "building_code": HOUSE_1[:19], "live_from": "2020-01-01", "updated_at": "2022-10-01",
          "resident_id": LI, "person_name": "李四"}  # fmt: skip
"""A resident in full."""
CARD = "810000199003070031"
PERMIT, REISSUED = "H12345678", "H1234567802"


def _load(project: Project, item: str, rows: list[dict[str, str]], number: int = 1) -> None:
    write_item(project, item, rows, number)
    result = load_item(project, project.catalog.items_by_id[item])
    assert result.verdict == "promoted", [r for r in result.rules if r["failed"]]


def _table(project: Project, name: str) -> list[dict[str, Any]]:
    with duckdb.connect() as con:
        relation = con.sql(f"SELECT * FROM {product_sql(project, name)} ORDER BY ALL")
        return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]


def _build(project: Project, table: str = "population") -> list[dict[str, Any]]:
    build_base(project, project.catalog.base(table))
    return _table(project, f"base.{table}")


def _stay(permit: str, number: int = 1) -> dict[str, str]:
    return {
        "record_no": f"GATZS2022000000{number}",
        "person_name": "陈大文",
        "exit_entry_doc_no": permit,
        "live_from": "2022-10-01",
    }


def _card(permit: str) -> dict[str, str]:
    return {
        "certificate_no": "JZZ1",
        "resident_id": CARD,
        "person_name": "陈大文",
        "exit_entry_doc_no": permit,
        "house_code": HOUSE_1,
    }


def test_a_reissued_permit_is_the_same_person(project: Project) -> None:
    _load(project, "gaj.hmt_accommodation", [_stay(PERMIT, 1), _stay(REISSUED, 2), _stay("H87654321", 3)])
    people = _build(project)
    assert sorted(p["source_rows"] for p in people) == [1, 2]


def test_who_gets_a_stronger_identifier_keeps_the_id(project: Project) -> None:
    """Known by a permit first, by a residence card with the permit on it a night later: one person, the same id."""
    _load(project, "gaj.hmt_accommodation", [_stay(PERMIT)])
    (before,) = _build(project)
    assert before["resident_id"] is None
    _load(project, "gaj.hmt_residence_permit", [_card(REISSUED)])
    (after,) = _build(project)
    assert after["entity_id"] == before["entity_id"] and after["resident_id"] == CARD
    assert after["source_items"] == ["gaj.hmt_accommodation", "gaj.hmt_residence_permit"]
    (former,) = _table(project, "base.population_history")
    assert former["entity_id"] == before["entity_id"] and former["valid_to"] == after["valid_from"]


def test_two_that_turn_out_to_be_one_are_merged_and_part_again(project: Project) -> None:
    _load(project, "gaj.hmt_accommodation", [_stay(PERMIT)])
    _load(project, "gaj.hmt_residence_permit", [_card("")])
    apart = {p["resident_id"]: p["entity_id"] for p in _build(project)}
    assert len(apart) == 2
    _load(project, "gaj.hmt_residence_permit", [_card(PERMIT)], 2)
    (one,) = _build(project)
    assert one["entity_id"] == apart[CARD]
    (move,) = _table(project, "base.population_merge")
    assert (move["kind"], move["entity"], move["into"]) == ("merge", apart[None], apart[CARD])
    _load(project, "gaj.hmt_residence_permit", [_card("")], 3)
    again = {p["resident_id"]: p["entity_id"] for p in _build(project)}
    assert again == apart
    assert [m["kind"] for m in _table(project, "base.population_merge")] == ["merge", "split"]


def test_a_permit_delivered_with_two_people_ties_neither(project: Project) -> None:
    other = _card(PERMIT) | {"certificate_no": "JZZ2", "resident_id": "820000198506150022", "person_name": "陈小文"}
    _load(project, "gaj.hmt_residence_permit", [_card(PERMIT), other])
    _load(project, "gaj.hmt_accommodation", [_stay(PERMIT)])
    assert len(_build(project)) == 3


def test_a_replaced_house_code_means_the_new_one(project: Project) -> None:
    old = HOUSE_1[:19] + "700001"
    rental = {
        "contract_no": "ZL1",
        "house_code": old,
        "tenant_name": "张三",
        "tenant_id": ZHANG,
        "rent_from": "2022-01-01",
        "phone": "13712349876",
        "rent_to": "2023-01-01",
        "monthly_rent": "4500",
    }
    _load(
        project,
        "zsj.house",
        [
            {
                "house_code": HOUSE_1,
                "building_code": HOUSE_1[:19],
                "room_no": "101",
                "house_use": "住宅",
                "is_rental": "否",
            }
        ],
    )
    _load(project, "zjj.rental_registration", [rental])
    assert len(_build(project, "house")) == 2
    _load(
        project,
        "zsj.address_code_change",
        [{"record_no": "DZBG1", "old_house_code": old, "house_code": HOUSE_1, "record_date": "2022-05-01"}],
    )
    (house,) = _build(project, "house")
    assert (house["house_code"], house["is_rental"], house["source_rows"]) == (HOUSE_1, True, 2)
    beaten = {(d["attribute"], d["value"], d["item"], d["winner"]) for d in _table(project, "base.house_dispute")}
    assert ("is_rental", "false", "zsj.house", "true") in beaten
    assert ("house_code", old, "zjj.rental_registration", HOUSE_1) in beaten


def test_an_invalid_value_never_wins(project: Project) -> None:
    """The register comes first, but its sex and birth date contradict the number, and its phone is none."""
    person = PERSON | {
        "resident_id": ZHANG,
        "person_name": "张三",
        "sex": "男",
        "birth_date": "1991-01-01",
        "phone": "12345",
    }
    _load(project, "zsj.resident_registration", [person])
    right = {
        "resident_id": ZHANG,
        "person_name": "张三",
        "phone": "13712349876",
        "issued_date": "2022-01-01",
        "certificate_no": "1",
    }
    _load(project, "gaj.residence_permit", [right])
    (found,) = _build(project)
    assert (found["sex"], found["birth_date"], found["phone"]) == (None, None, "13712349876")
    assert found["provenance"]["phone"]["item"] == "gaj.residence_permit"


def test_equals_go_by_recency_then_agreement(project: Project) -> None:
    """Three items declared as equals: the newest row decides; of rows equally new, what more of them say."""
    base = project.catalog.base("population")
    tier = ("zsj.resident_registration", "rlj.unemployment_registration", "kx.science_worker")
    fields = tuple(f.model_copy(update={"prefer": (tier,)}) if f.name == "education" else f for f in base.fields)
    inputs = tuple(i for i in base.inputs if i.item in tier)
    bases = (base.model_copy(update={"fields": fields, "inputs": inputs}),)
    project = Project.of(project.settings, project.catalog.model_copy(update={"bases": bases}))
    row = PERSON | {"registered_date": "2020-01-01", "unemployment_reason": "合同期满", "education": "初中"}
    _load(project, "zsj.resident_registration", [PERSON])
    _load(project, "rlj.unemployment_registration", [row])
    _load(project, "kx.science_worker", [row])
    (two_of_three,) = _build(project)
    assert two_of_three["education"] == "70"
    _load(project, "zsj.resident_registration", [PERSON | {"updated_at": "2022-10-03"}], 2)
    (newest,) = _build(project)
    assert newest["education"] == "80" and newest["provenance"]["education"]["item"] == "zsj.resident_registration"


def test_death_and_move_are_events(project: Project) -> None:
    _load(project, "zsj.resident_registration", [PERSON])
    _build(project)
    _load(project, "gaj.death_cancellation", [{"resident_id": LI, "person_name": "李四", "deceased_date": "2022-10-20"},
                                              {"resident_id": ZHANG, "person_name": "张三", "deceased_date": "2022-10-21"}])  # fmt: skip
    (dead,) = _build(project)  # whom nobody else knows is not made a resident by having died
    assert str(dead["deceased_date"]) == "2022-10-20"
    _load(project, "zsj.resident_registration", [PERSON | {"house_code": HOUSE_2, "live_from": "2022-10-25"}], 2)
    _build(project)
    told = [(e["event"], str(e["day"]), e["before"], e["after"]) for e in _table(project, "base.population_event")]
    assert told == [("died", "2022-10-20", None, "2022-10-20"), ("moved", "2022-10-25", HOUSE_1, HOUSE_2)]
    assert [h["house_code"] for h in _table(project, "base.population_history")] == [HOUSE_1, HOUSE_1]


def test_a_row_without_identifier_goes_to_whom_it_is_about(project: Project) -> None:
    _load(project, "zsj.resident_registration", [PERSON])
    visits = [{"booking_no": f"GH2022100100{n}", "person_name": name, "phone": phone, "booked_at": "2022-10-01 08:00:00",
               "medical_institution": "福田区中医医院"} for n, (name, phone) in enumerate((("李四", "13712349876"), ("李四", "")))]  # fmt: skip
    _load(project, "wjj.hospital_appointment", visits)
    (found,) = _build(project)
    assert found["source_rows"] == 2
    by_line = {
        r["line"]: r for r in _table(project, "base.population_record") if r["item"] == "wjj.hospital_appointment"
    }
    assert (by_line[1]["linked_by"], by_line[1]["entity_id"]) == ("match", found["entity_id"])
    assert by_line[1]["probability"] > 0.99
    assert (by_line[2]["linked_by"], by_line[2]["entity_id"]) == (None, None)  # a common name alone says nothing


def test_nobody_is_put_to_whom_no_register_knows(project: Project) -> None:
    """The dead man is known from his death alone, and is no resident for it: an appointment in his name is nobody's."""
    dead = {
        "resident_id": ZHANG,
        "person_name": "诸葛青云",
        "deceased_date": "2022-10-21",
        "birth_date": "1990-03-07",
        "sex": "女",
    }
    _load(project, "gaj.death_cancellation", [dead])
    visit = {
        "booking_no": "GH20221001001",
        "person_name": "诸葛青云",
        "booked_at": "2022-10-01 08:00:00",
        "medical_institution": "福田区中医医院",
    }
    _load(project, "wjj.hospital_appointment", [visit])
    _load(project, "zsj.resident_registration", [PERSON])
    (found,) = _build(project)
    assert found["resident_id"] == LI
    assert [
        r["linked_by"] for r in _table(project, "base.population_record") if r["item"] == "wjj.hospital_appointment"
    ] == [None]


@pytest.mark.parametrize("seed", range(3))
def test_ids_do_not_depend_on_the_order_of_ties(seed: int) -> None:
    ties = [(11, 1), (12, 11), (13, 2), (14, 2), (15, 1), (15, 3)]
    random.Random(seed).shuffle(ties)
    with duckdb.connect() as con:
        con.execute("CREATE TABLE parts (node UBIGINT, weaker UBIGINT[])")
        con.executemany("INSERT INTO parts VALUES (?, [?])", [(b, a) for a, b in ties])
        nothing = "(SELECT 0::UBIGINT AS a, 0::UBIGINT AS b WHERE false)"
        tie(con, "FROM parts", nothing, nothing, nothing)
        group(con)
        settle(con, None, "SELECT 0::UBIGINT AS entity WHERE false", "SELECT node FROM parts")
        assert con.execute("FROM identities").fetchall() == [(11, 1), (12, 1), (13, 2), (14, 2)]
        assert con.execute("SELECT node, others FROM ambiguous").fetchall() == [(15, [1, 3])]
        assert con.execute(f"SELECT {entity_sql('255::UBIGINT')}").fetchall() == [("00000000000000ff",)]
