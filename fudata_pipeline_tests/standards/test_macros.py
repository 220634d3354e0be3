"""Every macro against vectors: the standards' own examples, what units really type, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from fudata_pipeline import standards


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        standards.install(connection)
        yield connection


def _call(con: duckdb.DuckDBPyConnection, macro: str, value: object) -> Any:
    """The macro over a column of a table, as the pipeline uses it, not over a constant that could be folded."""
    row = con.execute(
        f"SELECT {macro}(v) FROM (SELECT CAST($1 AS VARCHAR) AS v FROM range(2)) LIMIT 1", [value]
    ).fetchone()
    assert row is not None
    return row[0]


VALID = {
    "is_resident_id": [
        "11010519491231002X", "440524188001010014", "440304199003071248",
        "810000199003070031", "820000198506150022", "83000019781231001X",
    ],
    "is_uscc": ["91350100M000100Y43", "91110000600037341L", "12320100671322000Q", "91440300708461136T"],
    "is_org_code": ["D2143569X", "D2143569-X", "600037341"],
    "is_electronic_licence": ["1.2.156.3005.2.1110000000001332XW059.91440300708461136T.00000000000000000001.001.A"],
    "is_registration_no": ["110108000000016"],
    "is_permanent_residence_card": ["944840199003070012", "USA110012345678"],
    "is_passport_cn": ["E12345678", "EA1234567", "G12345678"],
    "is_hk_macao_permit": ["H12345678", "M1234567801"],
    "is_taiwan_permit": ["12345678"],
    "is_mobile": ["13912345670", "19900001234"],
    "is_landline": ["0755-82918333", "010-62345678"],
    "is_phone": ["13912345670", "0755-82918333", "0755-82918333-801"],
    "is_house_code": ["4403040010020500001000485", "4403070030030400042000003"],
    "is_building_code": ["4403040070021500007", "44030400401103T0002"],
    "is_grid_code": ["440304010005001"],
    "is_component_code": ["4403040101000001"],
    "is_placeholder": ["测试", " 无 ", "未知", "不详", "NULL", "-", "123456789012345678", "13800138000", "00000000"],
}  # fmt: skip

INVALID = {
    "is_resident_id": [
        "110105194912310021",  # check character
        "440304199002301243",  # 30 February
        "990304199003071248",  # no such province
        "110105491231002",  # old number, not widened
        "11010519491231002x",  # not normalised
        "000000000000000000", "111111111111111111", "123456789012345678", "", "张三",
    ],
    "is_uscc": ["91350100M000100Y44", "91350100I000100Y43", "9135010OM000100Y43", "91350100M000100Y4", ""],
    "is_org_code": ["D21435690", "D2143569", ""],
    "is_electronic_licence": ["1.2.156.3005.2.1110000000001332XW059.91440300708461136T.00000000000000000001.001.0", "1.2.156.3005.2.1110000000001332XW059"],
    "is_registration_no": ["110108000000017", "11010800000001"],
    "is_permanent_residence_card": ["944840199003070013", "US110012345678"],
    "is_passport_cn": ["X12345678", "E1234567"],
    "is_hk_macao_permit": ["C12345678", "H1234567"],
    "is_taiwan_permit": ["1234567"],
    "is_mobile": ["12800138000", "1391234567", "13800138000"],
    "is_landline": ["82918333", "0755-0123"],
    "is_phone": ["12800138000", "82918333x", "13888888888", "13912345670/13912345671"],
    "is_house_code": ["4403040010020500001", "440304001002050000100048A", ""],
    "is_building_code": ["4403040070021500007000101", "1203040070021500007", ""],
    "is_grid_code": ["44030401000500", "440304010005T01"],
    "is_component_code": ["4403040901000001", "44030401010001"],
    "is_placeholder": ["张三", "吴未", "石厦社区", "440304199003071248"],
}  # fmt: skip


@pytest.mark.parametrize(("macro", "value"), [(m, v) for m, values in VALID.items() for v in values])
def test_valid(con: duckdb.DuckDBPyConnection, macro: str, value: str) -> None:
    assert _call(con, macro, value) is True


@pytest.mark.parametrize(("macro", "value"), [(m, v) for m, values in INVALID.items() for v in values])
def test_invalid(con: duckdb.DuckDBPyConnection, macro: str, value: str) -> None:
    assert _call(con, macro, value) is False


GIVES: list[tuple[str, str, Any]] = [
    ("clean_text", "　张 三\t", "张 三"),
    ("clean_text", "１２Ａｂ", "12Ab"),
    ("clean_text", "\ufeff\u200b石厦", "石厦"),
    ("clean_text", "两\n行", "两\n行"),
    ("clean_text", " 　\t ", None),
    ("clean_text", "𠮷野", "𠮷野"),
    ("needs_cleaning", "张 三\x1f男\x1f𠮷野路1号", False),
    ("needs_cleaning", "张三\x1f男 ", True),
    ("needs_cleaning", "张三 \x1f男", True),
    ("needs_cleaning", "张三\x1f\t男", True),
    ("needs_cleaning", "张三\x1f\x1f男", True),
    ("needs_cleaning", "石厦\u3000村", True),
    ("needs_cleaning", "路（北）", True),
    ("needs_cleaning", "", True),
    ("identifier_text", "'11010519491231002x ", "11010519491231002X"),
    ("identifier_text", "4403 0419 9003 0712 48", "440304199003071248"),
    ("identifier_text", '="440304"', "440304"),
    ("resident_id_18", "110105491231002", "11010519491231002X"),
    ("resident_id_18", "１１０１０５１９４９１２３１００２ｘ", "11010519491231002X"),
    ("resident_id_18", "abc", "ABC"),
    ("resident_id_birth_date", "440304199003071248", date(1990, 3, 7)),
    ("resident_id_birth_date", "440304199002301243", None),
    ("resident_id_sex", "440304199003071248", "2"),
    ("resident_id_sex", "440304199003071256", "1"),
    ("resident_id_region", "440304199003071248", "440304"),
    ("mod_37_36", "A12425GABC1234002", "M"),
    ("to_double", "113.98", 113.98),
    ("to_double", "北", None),
    ("uscc_org_code", "91440300708461136T", "708461136"),
    ("uscc_org_code", "91440300708461136X", None),
    ("building_of_house", "4403040010020500001000485", "4403040010020500001"),
    ("to_integer", "1,234", 1234),
    ("to_integer", "18.0", 18),
    ("to_integer", "-3", -3),
    ("to_integer", "12万", None),
    ("to_integer", "1,23", None),
    ("to_integer", "1.2E+05", None),
    ("to_decimal", "８９．５", Decimal("89.50")),
    ("to_decimal", "1,000", Decimal("1000.00")),
    ("to_decimal", "0.30000000000000004", Decimal("0.30")),
    ("to_decimal", "八十", None),
    ("to_boolean", "是", True),
    ("to_boolean", "N", False),
    ("to_boolean", "也许", None),
    ("to_date", "20220101", date(2022, 1, 1)),
    ("to_date", "2022-1-1", date(2022, 1, 1)),
    ("to_date", "2022/1/1", date(2022, 1, 1)),
    ("to_date", "2022.1.1", date(2022, 1, 1)),
    ("to_date", "2022年1月1日", date(2022, 1, 1)),
    ("to_date", "2022-01-01T00:00:00", date(2022, 1, 1)),
    ("to_date", "2022-01-01 13:45:00", date(2022, 1, 1)),
    ("to_date", "44562", date(2022, 1, 1)),
    ("to_date", "２０２２年１月１日", date(2022, 1, 1)),
    ("to_date", "19900230", None),
    ("to_date", "2022-13-01", None),
    ("to_date", "22-1-1", None),
    ("to_date", "明天", None),
    ("to_datetime", "20221001080000", datetime(2022, 10, 1, 8)),
    ("to_datetime", "2022-10-01T08:00:00", datetime(2022, 10, 1, 8)),
    ("to_datetime", "2022/10/1 8:05", datetime(2022, 10, 1, 8, 5)),
    ("to_datetime", "44562.5", datetime(2022, 1, 1, 12)),
    ("to_datetime", "2022-10-01 25:00:00", None),
    ("phone_text", "+86 139-1234-5670", "13912345670"),
    ("phone_text", "075582918333", "0755-82918333"),
    ("phone_text", "(0755)82918333", "0755-82918333"),
    ("phone_text", "电话不详", "电话不详"),
    ("community_of_grid", "440304010005001", "440304010005"),
    ("community_of_grid", "44030401000500", None),
    ("mask_name", "张三丰", "张**"),
    ("mask_name", "欧阳娜娜", "欧阳**"),
    ("mask_name", "丁", "*"),
    ("mask_resident_id", "不是证件", "****"),
    ("mask_phone", "0755-82918333", "0755-****8333"),
    ("mask_passport", "H12345678", "H1****678"),
    ("mask_card", "6222021234561234", "622202******1234"),
    ("mask_address", "深圳市福田区福保街道石厦社区石厦北二街1号", "深圳市福田区福保街道石厦社区****"),
    ("mask_address", "福田区福保街道石厦北二街1号", "福田区福保街道****"),
    ("mask_address", "石厦北二街1号3栋501", "****"),
    ("mask_plate", "粤B12312", "粤B***12"),
    ("mask_date", "1990年3月7日", "1990-03"),
    ("mask_date", "昨天", None),
    ("travel_document_holder", "H12345678", "H12345678"),
    ("travel_document_holder", "M1234567802", "M12345678"),  # the second issue of one permit
    ("travel_document_holder", "12345678", "T12345678"),
    ("travel_document_holder", "1234567801A", "T12345678"),
    ("travel_document_holder", "e12345678", "E12345678"),
    ("mask_resident_id", "440304199003071248", "440304********1248"),
    ("mask_phone", "13812348000", "138****8000"),
]


@pytest.mark.parametrize(("macro", "value", "wanted"), GIVES)
def test_gives(con: duckdb.DuckDBPyConnection, macro: str, value: str, wanted: Any) -> None:
    assert _call(con, macro, value) == wanted


@pytest.mark.parametrize("macro", sorted({*VALID, *(m for m, _, _ in GIVES)}))
def test_null_gives_null(con: duckdb.DuckDBPyConnection, macro: str) -> None:
    assert _call(con, macro, None) is None


def test_macros_need_no_extension(con: duckdb.DuckDBPyConnection) -> None:
    with duckdb.connect(config={"autoload_known_extensions": "false", "autoinstall_known_extensions": "false"}) as bare:
        standards.install(bare)
        assert bare.execute("SELECT is_uscc('91440300708461136T')").fetchone() == (True,)


def test_every_public_macro_has_a_vector() -> None:
    import re

    defined = set(re.findall(r"CREATE OR REPLACE MACRO (\w+)", standards.macro_sql()))
    tested = {*VALID, *(m for m, _, _ in GIVES)}
    parts = {  # pieces of the macros above, met through them
        "clean_unicode",
        "phone_digits", "phone_of_digits", "phone_extension", "phone_home", "phone_of_identifier", "clock_of_chinese", "datetime_of_parts", "datetime_of_clean_text",
        "uscc_value", "uscc_head_sum", "base36", "hybrid_sum", "mod_11_2", "has_birth_date", "plain_number",
        "residue_11", "is_calendar_date",
    }  # fmt: skip
    assert defined - tested - parts == set()


def _is_resident_id(text: str) -> bool:
    """The standard in plain Python: what the macro's arithmetic must come to."""
    provinces = {*range(11, 16), *range(21, 24), *range(31, 38), *range(41, 47), *range(50, 55), *range(61, 66), 71}
    if len(text) != 18 or not (text[:17].isdigit() and text.isascii() and (text[17].isdigit() or text[17] == "X")):
        return False
    if int(text[:2]) not in provinces and text[:6] not in ("810000", "820000", "830000"):
        return False
    try:
        born = date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return False
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    check = "10X98765432"[sum(int(d) * w for d, w in zip(text, weights, strict=False)) % 11]
    return date(1800, 1, 1) <= born <= date.today() and check == text[17]


def test_resident_id_agrees_with_the_standard_in_plain_python(con: duckdb.DuckDBPyConnection) -> None:
    """Random numbers around every border (province, year, month, day, today), each with every last character."""
    import random

    rng = random.Random(11)
    today = date.today()
    ids = []
    for _ in range(4000):
        region = rng.choice(["110105", "440304", "810000", "810001", "990000", f"{rng.randrange(10**6):06d}"])
        year = rng.choice([1799, 1800, 1900, 1999, 2000, today.year, today.year + 1, rng.randrange(1700, 2300)])
        born = rng.choice([f"{year}{rng.randrange(14):02d}{rng.randrange(33):02d}", f"{year}0229", f"{today:%Y%m%d}"])
        ids += [f"{region}{born}{rng.randrange(1000):03d}{last}" for last in "0123456789Xx"]
    ids += [
        "1.1010519491231e17",
        "110105194912310e03",
        "+11010519491231002",
        " 1101051949123100X",
        "1_0105194912310021",
    ]
    ids += [
        "11010519491231002.",
        "110105194912310.21",
        "1101051949123100e2",
        "11010519491231e+03",
        "-11010519491231002",
    ]
    con.execute("CREATE OR REPLACE TEMP TABLE ids AS SELECT unnest($1) AS id", [ids])
    judged = dict(con.execute("SELECT id, is_resident_id(id) FROM ids").fetchall())
    assert {i for i, valid in judged.items() if valid} == {i for i in judged if _is_resident_id(i)}
    assert sum(judged.values()) > 1000
