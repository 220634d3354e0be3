"""Names made comparable: what a clerk writes differently is the same, what differs stays apart."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest
from duckdb import DuckDBPyConnection

from fudata_pipeline.engine.sql import literal
from fudata_pipeline.models import names


@pytest.fixture
def con() -> Iterator[DuckDBPyConnection]:
    with duckdb.connect() as con:
        names.install(con)
        yield con


def _fold(con: DuckDBPyConnection, *given: str | None) -> dict[str, tuple[str | None, ...]]:
    con.execute("CREATE OR REPLACE TEMP TABLE given AS SELECT unnest(?::VARCHAR[]) AS name", [list(given)])
    names.fold_names(con, "given", "folded")
    return {row[0]: row[1:] for row in con.execute("SELECT name, fold, pinyin, bag FROM folded").fetchall()}


def _parse(con: DuckDBPyConnection, name: str) -> tuple[str, ...]:
    names.parse_firms(con, f"(SELECT {literal(name)} AS name)", "firms")
    [parts] = con.execute("SELECT region, brand, trade, form, branch FROM firms").fetchall()
    return parts


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("王偉", "王伟"),
        ("歐陽娜娜", "欧阳娜娜"),
        ("阿不都·艾山", "阿不都・艾山"),
        ("阿不都.艾山", "阿不都艾山"),
        ("王　伟", "王伟"),
        ("ｗｅｉ", "WEI"),
        ("李峯", "李峰"),
        ("深圳市泰讯（福田）有限公司", "深圳市泰讯(福田)有限公司"),
    ],
)
def test_the_same_name_written_differently(con: DuckDBPyConnection, one: str, other: str) -> None:
    folded = _fold(con, one, other)
    assert folded[one] == folded[other]


def test_homophones_share_their_pinyin_only(con: DuckDBPyConnection) -> None:
    folded = _fold(con, "张薇", "章微", "李乾坤", "李前坤")
    assert folded["张薇"] == ("张薇", "ZHANG WEI", "".join(sorted("张薇")))
    assert folded["张薇"][1] == folded["章微"][1] and folded["张薇"][0] != folded["章微"][0]
    assert folded["李乾坤"][1] == folded["李前坤"][1]


def test_reordered_names_share_their_bag(con: DuckDBPyConnection) -> None:
    folded = _fold(con, "买买提艾山", "艾山买买提", "艾山买提提")
    assert folded["买买提艾山"][2] == folded["艾山买买提"][2] != folded["艾山买提提"][2]


def test_nothing_is_left_of_blanks_and_dots(con: DuckDBPyConnection) -> None:
    assert _fold(con, " · ", "", None) == {" · ": (None, None, None)}
    assert _fold(con) == {}


def test_characters_outside_the_basic_plane_stay(con: DuckDBPyConnection) -> None:
    assert _fold(con, "𠮷田")["𠮷田"][0] == "𠮷田"


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("王建国", "王建军", True),
        ("王小伟", "王伟", True),
        ("王伟", "王伟明", True),
        ("王伟", "王军", False),
        ("王建国", "王国建", False),
        ("王建国", "王建国", False),
        ("王", "王伟", False),
    ],
)
def test_one_character_off(con: DuckDBPyConnection, a: str, b: str, same: bool) -> None:
    con.execute("CREATE OR REPLACE TEMP TABLE pair (a VARCHAR, b VARCHAR)")
    con.execute("INSERT INTO pair VALUES (?, ?)", [a, b])
    assert con.execute("SELECT one_off(a, b), one_off(b, a) FROM pair").fetchone() == (same, same)


def test_surnames(con: DuckDBPyConnection) -> None:
    got = con.execute("SELECT surname(n) FROM (VALUES ('欧阳娜娜'), ('欧阳'), ('王伟'), ('王')) t(n)").fetchall()
    assert [s for (s,) in got] == ["欧阳", "欧", "王", None]


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("深圳市泰讯物业管理有限公司", ("深圳市", "泰讯", "物业管理", "有限公司", "")),
        ("深圳市福田区万睿汽车美容店", ("深圳市福田区", "万睿", "汽车美容", "店", "")),
        ("广东省深圳市华为技术有限公司", ("广东省深圳市", "华为", "技术", "有限公司", "")),
        ("腾讯科技（深圳）有限公司", ("深圳", "腾讯", "科技", "有限公司", "")),
        ("(深圳)腾讯科技有限公司", ("深圳", "腾讯", "科技", "有限公司", "")),
        ("深圳市永尔琪科技有限公司福田一分公司", ("深圳市", "永尔琪", "科技", "有限公司", "福田一分公司")),
        ("平安银行股份有限公司深圳分行", ("", "平安银行", "", "股份有限公司", "深圳分行")),
        ("深圳市宏云贸易合伙企业（有限合伙）", ("深圳市", "宏云", "贸易", "合伙企业(有限合伙)", "")),
        ("深圳市福田区源腾商行", ("深圳市福田区", "源腾", "", "商行", "")),
        ("深圳市福田区好又多超市", ("深圳市福田区", "好又多", "", "超市", "")),
        ("深圳市都市丽人服装有限公司", ("深圳市", "都市丽人", "服装", "有限公司", "")),
        ("深圳市科技有限公司", ("深圳市", "科技", "", "有限公司", "")),
        ("泰讯", ("", "泰讯", "", "", "")),
    ],
)
def test_firm_names_taken_apart(con: DuckDBPyConnection, name: str, parts: tuple[str, ...]) -> None:
    assert _parse(con, name) == parts
