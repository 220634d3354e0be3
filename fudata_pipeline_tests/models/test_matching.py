"""Records placed at entities: what a clerk may get wrong is found, and nobody is taken for somebody else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import duckdb
import pytest
from duckdb import DuckDBPyConnection

from fudata_pipeline.models import matching

HOUSE = "4403040049070100001000001"
NEXT_DOOR = "4403040049070100001000002"
FAR = "4403040099050200034000009"
SURNAMES = "王李张刘陈杨黄赵吴周"
GIVEN = ("建国", "秀英", "志强", "丽娟", "明", "桂兰", "海燕", "晓东", "玉梅", "浩然")
SETTLED = {"automatic": 0.99, "review": 0.5, "margin": 4.0}

Person = tuple[int, list[str], list[str], list[str], list[str], list[str]]
"""Entity, names, phones, births, sexes, houses."""

TOWN: list[Person] = [
    (n, [SURNAMES[n % 10] + GIVEN[n // 10 % 10]], [f"139{n:08d}"], [f"{1950 + n % 60}-{n % 12 + 1:02d}-{n % 28 + 1:02d}"],
     [str(n % 2 + 1)], [f"44030400{n // 1000 % 10}0{n % 97:02d}0000{n % 89:03d}{n:06d}"])
    for n in range(1000, 1300)
]  # fmt: skip


@pytest.fixture
def con() -> Iterator[DuckDBPyConnection]:
    with duckdb.connect() as con:
        yield con


def _load(con: DuckDBPyConnection, people: list[Person], records: list[tuple[Any, ...]]) -> None:
    """Records: record, name, phone, birth, sex, house."""
    con.execute("""
        CREATE OR REPLACE TABLE entities (entity UBIGINT, names VARCHAR[], phones VARCHAR[], births DATE[],
            sexes VARCHAR[], houses VARCHAR[], buildings VARCHAR[]);
        CREATE OR REPLACE TABLE records (record UBIGINT, name VARCHAR, phone VARCHAR, birth_date DATE, sex VARCHAR,
            house_code VARCHAR, building_code VARCHAR)""")
    if people:
        con.executemany("INSERT INTO entities VALUES (?, ?, ?, ?::DATE[], ?, ?, NULL)", people)
    if records:
        con.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, NULL)", records)


def _train(
    con: DuckDBPyConnection, kind: Literal["person", "firm"], entities: str, records: str, seed: int
) -> dict[str, Any]:
    """Both sides made comparable, the model, and the shares of names."""
    matching.entity_rows(con, kind, entities, "left_rows")
    matching.record_rows(con, kind, records, "right_rows")
    con.execute(f"CREATE OR REPLACE TEMP TABLE shares AS {matching.frequencies_sql(kind, 'left_rows')}")
    return matching.train(con, kind, "left_rows", "right_rows", seed=seed)


def _place(
    con: DuckDBPyConnection, people: list[Person], *records: tuple[Any, ...]
) -> dict[int, tuple[str, int | None]]:
    _load(con, [*TOWN, *people], list(records))
    model = _train(con, "person", "entities", "records", seed=1)
    matching.candidates(con, "person", model, "shares", "left_rows", "right_rows", "pairs")
    matching.decide(con, "pairs", "placed", **SETTLED)
    found = con.execute("SELECT record, outcome, entity FROM placed").fetchall()
    return {n: ("none", None) for n, *_ in records} | {record: (outcome, entity) for record, outcome, entity in found}


ZHANG: Person = (1, ["张晓薇"], ["13811112222", "13700001111"], ["1988-03-07"], ["2"], [HOUSE])


@pytest.mark.parametrize(
    ("name", "phone", "birth", "sex", "house"),
    [
        ("张晓薇", "13811112222", None, None, None),
        ("张晓薇", "13700001111", None, None, None),  # the old number
        ("張曉薇", "13811112222", None, None, None),
        ("张 晓薇", "13811112222", None, None, None),
        ("张小薇", "13811112222", "1988-03-07", "2", None),  # a homophone
        ("张晓威", "13811112222", "1988-03-07", None, None),  # another homophone
        ("张晓", "13811112222", "1988-03-07", None, None),  # a character lost
        ("薇晓张", "13811112222", "1988-03-07", None, None),
        ("张晓薇", "13811112223", None, None, HOUSE),  # a wrong digit
        ("张晓薇", "13811121222", None, None, HOUSE),  # two digits changed round
        ("张晓薇", "13811112222", "1988-07-03", "2", None),  # day and month changed round
        ("张晓薇", None, "1988-03-07", "2", None),
        ("张晓薇", None, None, None, HOUSE),
    ],
)
def test_what_is_written_wrong_is_found(
    con: DuckDBPyConnection, name: str, phone: str, birth: str, sex: str, house: str
) -> None:
    assert _place(con, [ZHANG], (7, name, phone, birth, sex, house)) == {7: ("linked", 1)}


def test_a_family_with_one_phone_is_not_mixed_up(con: DuckDBPyConnection) -> None:
    family: list[Person] = [
        (1, ["何建平"], ["13811112222"], ["1980-05-01"], ["1"], [HOUSE]),
        (2, ["何梓涵"], ["13811112222"], ["2015-09-12"], ["2"], [HOUSE]),
    ]
    placed = _place(
        con,
        family,
        (1, "何建平", "13811112222", None, None, None),
        (2, "何梓涵", "13811112222", None, None, HOUSE),
        (3, "何梓萱", "13811112222", "2018-01-20", "2", HOUSE),  # a sister whom nobody has registered yet
        (4, "何建平", "13811112222", "1980-05-01", "1", HOUSE),
        (5, "吕秀兰", "13811112222", None, None, HOUSE),  # the grandmother
    )
    assert placed[1] == placed[4] == ("linked", 1)
    assert placed[2] == ("linked", 2)
    assert placed[3][0] != "linked" and placed[5][0] != "linked"


def test_two_of_the_same_name_in_one_house_are_never_linked(con: DuckDBPyConnection) -> None:
    both: list[Person] = [
        (1, ["王伟"], ["13811112222"], ["1980-05-01"], ["1"], [HOUSE]),
        (2, ["王伟"], ["13811112222"], ["1980-05-01"], ["1"], [HOUSE]),
    ]
    placed = _place(
        con, both, (1, "王伟", "13811112222", None, None, HOUSE), (2, "王伟", None, "1980-05-01", "1", HOUSE)
    )
    assert {outcome for outcome, _ in placed.values()} == {"review"}
    apart: list[Person] = [both[0], (2, ["王伟"], ["13899998888"], ["1951-12-30"], ["1"], [HOUSE])]
    placed = _place(con, apart, (1, "王伟", None, None, None, HOUSE), (2, "王伟", "13899998888", None, None, HOUSE))
    assert placed[1][0] == "review" and placed[2] == ("linked", 2)


def test_a_name_alone_links_nobody(con: DuckDBPyConnection) -> None:
    placed = _place(con, [ZHANG], (1, TOWN[0][1][0], None, None, None, None), (2, "张晓薇", None, None, None, None))
    assert placed[1] == ("none", None)
    assert placed[2][0] in ("none", "review")


def test_nothing_to_go_by(con: DuckDBPyConnection) -> None:
    nothing: list[Person] = [(1, [], [], [], [], []), (2, None, None, None, None, None)]  # type: ignore[list-item]
    placed = _place(
        con, nothing, (1, None, None, None, None, None), (2, "", "", None, "", ""), (3, "张三", None, None, None, None)
    )
    assert set(placed.values()) == {("none", None)}


@pytest.mark.parametrize(
    ("people", "records"), [([], []), ([ZHANG], []), ([], [(1, "张晓薇", "13811112222", None, None, None)])]
)
def test_empty_tables(con: DuckDBPyConnection, people: list[Person], records: list[tuple[Any, ...]]) -> None:
    _load(con, people, records)
    model = _train(con, "person", "entities", "records", seed=1)
    assert {level["m_source"] for level in model["levels"]} == {"declared"}
    matching.candidates(con, "person", model, "shares", "left_rows", "right_rows", "pairs")
    matching.decide(con, "pairs", "placed", **SETTLED)
    assert con.execute("SELECT count(*) FROM placed").fetchall() == [(0,)]


def _all(threads: int, order: str) -> tuple[dict[str, Any], list[Any], list[Any]]:
    with duckdb.connect(config={"threads": threads}) as con:
        records = [(n, p[1][0], p[2][0], p[3][0], None, p[5][0]) for n, p in enumerate(TOWN)] * 2
        records += [(1000 + n, p[1][0], p[2][0], None, None, None) for n, p in enumerate(TOWN)]
        _load(con, TOWN, records)
        con.execute(
            f"CREATE TABLE e AS FROM entities ORDER BY {order}; CREATE TABLE r AS FROM records ORDER BY {order}"
        )
        model = _train(con, "person", "e", "r", seed=3)
        report = matching.candidates(con, "person", model, "shares", "left_rows", "right_rows", "pairs")
        matching.decide(con, "pairs", "placed", **SETTLED)
        assert report["name+phone"]["pairs"] > 0
        return model, con.execute("FROM pairs").fetchall(), con.execute("FROM placed").fetchall()


def test_neither_order_nor_threads_matter() -> None:
    model, pairs, placed = _all(1, "1")
    assert len(pairs) > 300
    assert _all(2, "hash(#1, 5)") == (model, pairs, placed)
    assert {level["u_source"] for level in model["levels"]} > {"declared", "sampled"}
    assert json.loads(json.dumps(model)) == model


def test_a_phone_of_everybody_does_not_block(con: DuckDBPyConnection) -> None:
    people: list[Person] = [
        (n, [name + "文博"], ["4008888888"], [], [], [])
        for n, name in enumerate("赵钱孙李周吴郑冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹")
    ]
    _load(con, people, [(1, "赵武", "4008888888", None, None, None), (2, "钱文博", "4008888888", None, None, None)])
    model = _train(con, "person", "entities", "records", seed=1)
    report = matching.candidates(con, "person", model, "shares", "left_rows", "right_rows", "pairs", floor=1e-9)
    assert (report["phone"]["left_out_keys"], report["phone"]["left_out_records"]) == (1, 2)
    assert con.execute("SELECT DISTINCT record, entity FROM pairs").fetchall() == [(2, 1)]
    [(pattern,)] = con.execute("SELECT pattern FROM pairs").fetchall()
    assert pattern == "name:exact phone:equal birth:missing sex:missing place:missing"


def test_decisions(con: DuckDBPyConnection) -> None:
    con.execute("""CREATE TABLE pairs AS SELECT *, 'x' AS pattern FROM (VALUES
        (1::UBIGINT, 10::UBIGINT, 0.999, 10.0), (1, 11, 0.9, 3.2), (2, 10, 0.999, 10.0), (2, 11, 0.99, 7.0),
        (3, 11, 0.999, 10.0), (3, 10, 0.999, 10.0), (4, 10, 0.7, 1.2), (5, 10, 0.2, -2.0)) t(record, entity, probability, weight)""")
    matching.decide(con, "pairs", "placed", automatic=0.99, review=0.5, margin=4)
    found = con.execute("SELECT record, outcome, entity, second FROM placed").fetchall()
    assert found == [
        (1, "linked", 10, 11),
        (2, "review", 10, 11),
        (3, "review", 10, 11),
        (4, "review", 10, None),
        (5, "none", None, None),
    ]
    matching.decide(con, "pairs", "placed", automatic=0.99, review=0.5, margin=0)
    assert con.execute("SELECT outcome FROM placed WHERE record IN (2, 3) ORDER BY record").fetchall() == [
        ("linked",),
        ("review",),
    ]
    with pytest.raises(ValueError, match="review <= automatic"):
        matching.decide(con, "pairs", "placed", automatic=0.5, review=0.9, margin=4)


FIRMS = [
    (1, ["深圳市泰讯科技有限公司"], ["0755-86709272"], ["孔霞雪"], [HOUSE], ["深圳市福田区益田路1号"]),
    (2, ["深圳市泰讯科技有限公司福田分公司"], ["0755-86709272"], ["孔霞雪"], [NEXT_DOOR], ["深圳市福田区益田路2号"]),
    (3, ["深圳市福田区万睿商行"], [], ["梁毅凯"], [FAR], []),
]


@pytest.mark.parametrize(
    ("record", "placed"),
    [
        (("深圳市泰讯科技有限公司", None, "孔霞雪", None, None), ("linked", 1)),
        (("泰讯科技（深圳）有限公司", "0755-86709272", "孔霞雪", HOUSE, None), ("linked", 1)),
        (("深圳市泰訊科技有限公司", None, "孔霞雪", None, "深圳市福田区 益田路1号"), ("linked", 1)),
        (("深圳市泰讯科技有限公司福田分公司", "0755-86709272", None, None, None), ("linked", 2)),
        (("深圳市福田区万睿商行", None, "梁毅凯", FAR, None), ("linked", 3)),
        (("深圳市福田区万瑞商行", None, "梁毅凯", FAR, None), ("linked", 3)),
        (("深圳市泰讯科技有限公司南山分公司", None, "孔霞雪", None, None), None),  # a branch that is not among them
        (("深圳市华宇贸易有限公司", "0755-86709272", "孔霞雪", HOUSE, None), None),  # another firm of the same owner
        ((None, None, None, None, None), None),
    ],
)
def test_firms(con: DuckDBPyConnection, record: tuple[Any, ...], placed: tuple[str, int] | None) -> None:
    con.execute("""
        CREATE TABLE entities (entity UBIGINT, names VARCHAR[], phones VARCHAR[], reps VARCHAR[], houses VARCHAR[],
            buildings VARCHAR[], addresses VARCHAR[]);
        CREATE TABLE records (record UBIGINT, name VARCHAR, phone VARCHAR, rep VARCHAR, house_code VARCHAR,
            building_code VARCHAR, address VARCHAR)""")
    others = [
        (1000 + n, [f"深圳市{a}{b}贸易有限公司"], [f"0755-8{n:07d}"], [c + a + b], [], [])
        for n, (a, b, c) in enumerate((a, b, c) for a in "宏泰盛瑞鑫" for b in "达源通利丰" for c in "王李张刘陈杨黄赵")
    ]
    con.executemany("INSERT INTO entities VALUES (?, ?, ?, ?, ?, NULL, ?)", [*FIRMS, *others])
    con.execute("INSERT INTO records VALUES (1, ?, ?, ?, ?, NULL, ?)", record)
    model = _train(con, "firm", "entities", "records", seed=1)
    matching.candidates(con, "firm", model, "shares", "left_rows", "right_rows", "pairs")
    matching.decide(con, "pairs", "placed", **SETTLED)
    found = con.execute("SELECT outcome, entity FROM placed").fetchall()
    if placed:
        assert found == [placed]
    else:
        assert not found or found[0][0] != "linked"


def test_charts_open_offline(con: DuckDBPyConnection, tmp_path: Path) -> None:
    _load(con, [ZHANG], [])
    matching.charts(_train(con, "person", "entities", "records", seed=1), tmp_path / "weights.html")
    page = (tmp_path / "weights.html").read_text("utf-8")
    assert not re.search(r"<(script|link|img)[^>]*(src|href)=|&lt;script[^&]*src=", page)
    assert "one_off" in page and "vega" in page
