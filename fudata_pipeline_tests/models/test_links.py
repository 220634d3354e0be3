"""Links between entities: one row for what all units say of a person and a house, and nothing left out silently."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import duckdb
import pytest

from fudata_pipeline.load.item import load_item
from fudata_pipeline.models.product import NothingToBuild, product_sql
from fudata_pipeline.nightly import products
from fudata_pipeline.project import Project

from ..district import BUILDING_1, FIRM, HOUSE_1, HOUSE_2, LI, ZHANG, write_residents, write_space

REGISTER = (
    "公民身份号码,姓名,性别,民族,出生日期,文化程度,户籍类型,联系电话,房屋编码,建筑物编码,入住日期,离开日期,更新时间\n"
)
RENTAL = "zjj.rental_registration"
SPACE = ("zsj.grid_division", "zsj.building", "zsj.house")


def lived(person: str, name: str, house: str, since: str, until: str = "", at: str = "2022-10-01") -> str:
    return f"{person},{name},女,汉,{'1990-03-07' if person == ZHANG else '1949-12-31'},,,13912349876,{house},,{since},{until},{at} 08:00:00"


def write(project: Project, item_id: str, rows: list[dict[str, str]], number: int = 1) -> None:
    """A delivery of an item under its declared headers, in its declared form."""
    item = project.catalog.items_by_id[item_id]
    columns = item.fields
    mark = item.source.delimiter
    lines = [""] * item.source.skip_rows + [mark.join(f.headers[0] for f in columns)]
    lines += [mark.join(row.get(f.name, "") for f in columns) for row in rows]
    assert item.source.format == "csv"
    path = project.settings.inbox_dir / item.unit / item.source.path.replace("*", str(number))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(("\n".join(lines) + "\n").encode(item.source.encoding))


def build(project: Project, *items: str) -> dict[str, bool]:
    """Load items and build every product of the base models; product -> whether it was built anew."""
    for item in items:
        result = load_item(project, project.catalog.items_by_id[item])
        assert result.verdict in ("promoted", "unchanged"), result.reason
    found = {}
    for name, step in products(project).items():
        if name.startswith("base."):
            with suppress(NothingToBuild):
                found[name] = step().changed
    return found


def rows(project: Project, table: str, order: str = "ALL") -> list[dict[str, Any]]:
    with duckdb.connect() as con:
        found = con.execute(f"FROM {product_sql(project, f'base.{table}')} ORDER BY {order}")
        names = [d[0] for d in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def entity(project: Project, table: str, column: str, value: str) -> str:
    (found,) = [r["entity_id"] for r in rows(project, table) if r[column] == value]
    return str(found)


def write_register(project: Project, lines: list[str], number: int = 1) -> None:
    folder = project.settings.inbox_dir / "zsj"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"居住人口登记_{number}.csv").write_text(REGISTER + "\n".join(lines) + "\n", "utf-8")


def rent(number: int, tenant: str, since: str, until: str, house: str = HOUSE_1) -> dict[str, str]:
    return {"contract_no": f"HT{number:06}", "house_code": house, "tenant_name": "张三丰", "tenant_id": tenant,
            "rent_from": since, "rent_to": until}  # fmt: skip


def period(row: dict[str, Any]) -> tuple[str, str]:
    return str(row["from_date"]), str(row["to_date"])


def test_overlapping_and_touching_periods_become_one(project: Project) -> None:
    write_space(project.settings.inbox_dir)
    write_register(project, [lived(ZHANG, "张三丰", HOUSE_2, "2022-06-01")])
    write(project, RENTAL, [rent(1, ZHANG, "2020-01-01", "2020-12-31"), rent(2, ZHANG, "2020-06-01", "2021-05-31"),
                            rent(3, ZHANG, "2021-06-01", "2021-12-31"), rent(4, ZHANG, "2022-03-01", "2022-03-31")])  # fmt: skip
    build(project, *SPACE, "zsj.resident_registration", RENTAL)
    house_1, house_2 = (entity(project, "house", "house_code", h) for h in (HOUSE_1, HOUSE_2))
    renting = [r for r in rows(project, "person_house") if r["relation_title"] == "承租"]
    assert [(*period(r), r["source_rows"], r["house_id"]) for r in renting] == [
        ("2020-01-01", "2021-12-31", 3, house_1), ("2022-03-01", "2022-03-31", 1, house_1),
    ]  # fmt: skip
    homes = {(r["house_id"], *period(r)): r["source_items"] for r in rows(project, "residence")}
    assert homes == {
        (house_1, "2020-01-01", "2021-12-31"): [RENTAL],
        (house_1, "2022-03-01", "2022-03-31"): [RENTAL],
        (house_2, "2022-06-01", "None"): ["zsj.resident_registration"],
    }


def test_two_units_about_one_home_are_one_period(project: Project) -> None:
    """One knows when it began, the other that it ended later; a third bears no day and only joins them."""
    write_space(project.settings.inbox_dir)
    write_register(project, [lived(ZHANG, "张三丰", HOUSE_1, "2020-01-01")])
    write(project, RENTAL, [rent(1, ZHANG, "2019-07-01", "2020-06-30")])
    write(project, "gaj.residence_permit", [{"certificate_no": "JZZ44030400000001", "resident_id": ZHANG, "person_name": "张三丰",
                                             "house_code": HOUSE_1, "issued_date": "2021-01-01"}])  # fmt: skip
    build(project, *SPACE, "zsj.resident_registration", RENTAL, "gaj.residence_permit")
    (home,) = rows(project, "residence")
    assert period(home) == ("2019-07-01", "None")
    assert home["source_items"] == ["gaj.residence_permit", RENTAL, "zsj.resident_registration"]
    assert home["source_rows"] == 3


def test_who_the_base_does_not_know_is_left_out_and_counted(project: Project) -> None:
    write_space(project.settings.inbox_dir)
    write_register(project, [lived(ZHANG, "张三丰", HOUSE_1, "2020-01-01")])
    report = {"person_name": "李四", "live_from": "2021-01-01", "approval_result": "通过"}
    folder = project.settings.inbox_dir / "gaj"
    folder.mkdir()
    item = project.catalog.items_by_id["gaj.residence_self_report"]
    head = {f.name: f.headers[0] for f in item.fields}
    said = [
        {**report, "application_no": "ZZSB202200000001", "resident_id": LI, "house_code": HOUSE_1},
        {**report, "application_no": "ZZSB202200000002", "resident_id": ZHANG, "house_code": ""},
        {**report, "application_no": "ZZSB202200000003", "resident_id": ZHANG, "house_code": f"{BUILDING_1}000999"},
        {
            **report,
            "application_no": "ZZSB202200000004",
            "resident_id": ZHANG,
            "house_code": HOUSE_2,
            "live_from": "2021-01-01",
        },
    ]
    text = "\n".join(json.dumps({h: r.get(k, "") for k, h in head.items()}, ensure_ascii=False) for r in said)
    (folder / item.source.path.replace("*", "1")).write_text(text + "\n", "utf-8")
    build(project, *SPACE, "zsj.resident_registration", item.id)
    assert {r["person_id"] for r in rows(project, "person_house")} == {
        entity(project, "population", "resident_id", ZHANG)
    }
    left = [r for r in rows(project, "link_left_out") if r["item"] == item.id]
    assert {(r["left_out_end"], r["left_out"], r["reason"], r["source_rows"]) for r in left} == {
        ("person", "unknown_entity", "不在基础库中", 1), ("house", "no_identifier", "没有可用的标识", 1),
        ("house", "unknown_entity", "不在基础库中", 1),
    }  # fmt: skip
    every = rows(project, "person_house_record")
    assert len(every) == 5  # each row of each item, linked or not
    assert sum(r["left_out"] is None for r in every) == 2


def test_a_resident_and_his_travel_document_are_one_person(project: Project) -> None:
    write_space(project.settings.inbox_dir)
    number, document = "810000199003070031", "H12345678"
    permit = {"certificate_no": "GATJZ440304000001", "resident_id": number, "exit_entry_doc_no": document,
              "person_name": "陈大文", "birth_date": "1990-03-07", "sex": "男", "house_code": HOUSE_1,
              "issued_date": "2021-01-01"}  # fmt: skip
    write(project, "gaj.hmt_residence_permit", [permit])
    stay = {"record_no": "GATZS20220000001", "person_name": "陈大文", "exit_entry_doc_no": document, "house_code": HOUSE_1,
            "live_from": "2022-01-01", "live_to": "2022-02-01"}  # fmt: skip
    write(project, "gaj.hmt_accommodation", [stay])
    build(project, *SPACE, "gaj.hmt_residence_permit", "gaj.hmt_accommodation")
    (person,) = rows(project, "population")
    links = rows(project, "person_house")
    assert {r["relation_title"] for r in links} == {"登记居住", "暂住"}
    assert {r["person_id"] for r in links} == {person["entity_id"]}


def test_nothing_changed_builds_nothing(project: Project) -> None:
    write_space(project.settings.inbox_dir)
    write_register(project, [lived(ZHANG, "张三丰", HOUSE_1, "2020-01-01")])
    first = build(project, *SPACE, "zsj.resident_registration")
    assert first["base.person_house"] and first["base.residence"]
    assert "base.white_list" not in first  # no list was delivered, so nobody is missing from it
    assert not any(build(project, *SPACE, "zsj.resident_registration").values())
    before = rows(project, "residence")
    write_register(project, [lived(ZHANG, "张三丰", HOUSE_1, "2020-01-01", "2022-09-30")], 2)
    assert build(project, *SPACE, "zsj.resident_registration")["base.residence"]
    assert period(before[0]) == ("2020-01-01", "None")
    assert rows(project, "residence") == []  # he has left, and nobody else knows him: he is not in the base table


def test_households_have_members_and_a_head(project: Project) -> None:
    write_space(project.settings.inbox_dir)
    write_register(project, [lived(ZHANG, "张三丰", HOUSE_1, "2020-01-01"), lived(LI, "李四", HOUSE_1, "2020-01-01")])
    write(project, "gaj.hukou_household", [{"hukou_household_no": "HK440304000001", "head_person_name": "李四",
                                            "head_resident_id": LI, "house_code": HOUSE_1, "updated_at": "2022-10-01"}])  # fmt: skip
    member = {"hukou_household_no": "HK440304000001"}
    write(project, "gaj.household_member", [
        {**member, "resident_id": LI, "person_name": "李四", "hukou_head_relation": "户主"},
        {**member, "resident_id": ZHANG, "person_name": "张三丰", "hukou_head_relation": "子女"},
    ])  # fmt: skip
    build(project, *SPACE, "zsj.resident_registration", "gaj.hukou_household", "gaj.household_member")
    members = {r["person_id"]: r for r in rows(project, "household")}
    head, child = (members[entity(project, "population", "resident_id", p)] for p in (LI, ZHANG))
    assert (head["relation_title"], head["source_rows"]) == ("户主", 2)
    assert (child["relation_title"], child["hukou_household_no"]) == ("子女", "HK440304000001")
    (home,) = [r for r in rows(project, "person_house") if r["relation_title"] == "户籍"]
    assert home["person_id"] == head["person_id"]


def test_people_firms_and_premises(project: Project) -> None:
    write_space(project.settings.inbox_dir)
    write_register(project, [lived(ZHANG, "张三丰", HOUSE_1, "2020-01-01")])
    write(project, "scjg.self_employed", [{"uscc": FIRM, "entity_name": "福田区三丰小吃店", "person_name": "张三丰", "resident_id": ZHANG,
                                           "house_code": HOUSE_2, "reg_status": "存续", "established_date": "2021-05-01"}])  # fmt: skip
    build(project, *SPACE, "zsj.resident_registration", "scjg.self_employed")
    (link,) = rows(project, "person_firm")
    assert (link["relation_title"], *period(link)) == ("经营者", "2021-05-01", "None")
    (place,) = rows(project, "firm_premises")
    assert place["firm_id"] == link["firm_id"] == entity(project, "legal_entity", "uscc", FIRM)
    assert place["house_id"] == entity(project, "house", "house_code", HOUSE_2)
    assert place["building_id"] == entity(project, "building", "building_code", BUILDING_1)


def _listed(person: str, house: str, at: str = "2022-10-01") -> dict[str, str]:
    return {
        "resident_id": person,
        "person_name": "李四" if person == LI else "张三丰",
        "house_code": house,
        "listed_date": "2021-01-01",
        "updated_at": at,
    }


def _suggested(project: Project) -> dict[str, str]:
    people = {r["entity_id"]: r["resident_id"] for r in rows(project, "population")}
    return {people[r["entity_id"]]: r["suggested"] for r in rows(project, "white_list")}


@pytest.fixture
def somebody() -> str:
    """A valid made-up number that no other test uses."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    head = "44030419950815001"
    return head + "10X98765432"[sum(int(d) * w for d, w in zip(head, weights, strict=True)) % 11]


def test_what_the_white_list_should_do(project: Project, somebody: str) -> None:
    """The dead and who moved go, who came is added, who moved within the district is updated; others stay."""
    write_space(project.settings.inbox_dir)
    register = [
        lived(ZHANG, "张三丰", HOUSE_1, "2020-01-01"),
        f"{somebody},赵敏,男,汉,1995-08-15,,,13512345679,{HOUSE_2},,2022-01-01,,2022-10-01 08:00:00",
    ]
    write_register(project, register)
    listed = [_listed(ZHANG, HOUSE_1), _listed(LI, HOUSE_2)]
    write(project, "zsj.resident_white_list", listed)
    death = {"resident_id": LI, "person_name": "李四", "birth_date": "1949-12-31", "deceased_date": "2022-08-01"}
    write(project, "gaj.death_cancellation", [death])
    items = (*SPACE, "zsj.resident_registration", "zsj.resident_white_list", "gaj.death_cancellation")
    build(project, *items)
    assert _suggested(project) == {ZHANG: "保留", LI: "因死亡移出", somebody: "新增未在名单"}
    by_person = {r["suggested"]: r for r in rows(project, "white_list")}
    kept = by_person["保留"]
    assert (kept["on_list"], kept["registered"], str(kept["last_seen"]), kept["seen_by"], kept["units"]) == (
        True, True, "2022-10-01", "zsj.resident_registration", ["zsj"],
    )  # fmt: skip
    assert str(by_person["因死亡移出"]["last_seen"]) == "None"  # the list itself is no evidence

    write_register(project, [lived(ZHANG, "张三丰", HOUSE_2, "2022-09-01", at="2022-10-02"), register[1]], 2)
    build(project, *items)
    assert _suggested(project)[ZHANG] == "更新住址"
    write_register(
        project, [lived(ZHANG, "张三丰", HOUSE_2, "2022-09-01", "2022-09-20", at="2022-10-03"), register[1]], 3
    )
    build(project, *items)
    assert _suggested(project)[ZHANG] == "因离开移出"
    write_register(project, [lived(ZHANG, "张三丰", HOUSE_1, "2020-01-01", at="2020-10-03"), register[1]], 4)
    build(project, *items)
    assert _suggested(project)[ZHANG] == "核实长期无记录"


def test_a_reversed_period_is_left_out(project: Project) -> None:
    """The register sets such rows aside; the same columns of another catalog might not."""
    write_space(project.settings.inbox_dir)
    write_residents(
        project.settings.inbox_dir,
        [f"{ZHANG},张三丰,女,汉,1990-03-07,,,13912349876,{HOUSE_1},,2020-01-01,2022-10-01 08:00:00"],
    )
    catalog = project.catalog
    turned = [
        k.model_copy(update={"inputs": tuple(
            i.model_copy(update={"to_date": "live_from - 1"}) if i.item == "zsj.resident_registration" else i for i in k.inputs
        )}) for k in catalog.links if k.table == "person_house"
    ]  # fmt: skip
    project = Project.of(project.settings, catalog.model_copy(update={"links": tuple(turned), "white_list": None, "bases": tuple(
        b.model_copy(update={"checks": ()}) for b in catalog.bases)}))  # fmt: skip
    build(project, *SPACE, "zsj.resident_registration")
    assert rows(project, "person_house") == []
    assert [(r["left_out_end"], r["reason"]) for r in rows(project, "link_left_out")] == [(None, "止日早于起日")]
