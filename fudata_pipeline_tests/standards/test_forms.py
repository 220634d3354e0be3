"""More forms of what units type, and check characters against many generated numbers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import duckdb
import pytest

from fudata_pipeline import standards


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        standards.install(connection)
        yield connection


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2022年1月1日15时4分5秒", datetime(2022, 1, 1, 15, 4, 5)),
        ("2022/1/1 下午3:04", datetime(2022, 1, 1, 15, 4)),
        ("2022年1月1日下午3点", datetime(2022, 1, 1, 15)),
        ("2022/1/1 上午 12:30:00", datetime(2022, 1, 1, 0, 30)),
        ("20220101 12:00:01", datetime(2022, 1, 1, 12, 0, 1)),
        ("202201011234", datetime(2022, 1, 1, 12, 34)),
        ("2022-10-01T08:00:00.000+08:00", datetime(2022, 10, 1, 8)),
        ("2022-10-01T00:00:00Z", datetime(2022, 10, 1, 8)),
        ("2022-1-1 24:00", datetime(2022, 1, 2)),
        ("44562.99999999", datetime(2022, 1, 2)),
        ("9999-12-31", datetime(9999, 12, 31)),
        ("2022-10-01T00:00:00-05:00", None),
        ("2022-01-01 下午13:00", None),
        ("2022-1-1 12:60", None),
        ("20220101256000", None),
        ("1/31/2022", None),
        ("2022-1", None),
        ("0001-01-01", None),
        ("60001", None),
        ("19999", None),
    ],
)
def test_to_datetime(con: duckdb.DuckDBPyConnection, text: str, wanted: datetime | None) -> None:
    row = con.execute(
        "SELECT to_datetime(v), to_date(v) FROM (SELECT $1 AS v FROM range(2)) LIMIT 1", [text]
    ).fetchone()
    assert row == (wanted, wanted and wanted.date())


@pytest.mark.parametrize(
    ("macro", "text", "wanted"),
    [
        ("phone_text", "0755-8291-8333", "0755-82918333"),
        ("phone_text", "（0755）8291 8333转801", "0755-82918333-801"),
        ("phone_text", "0755-82918333-801", "0755-82918333-801"),
        ("phone_text", "+86 755 8291 8333", "0755-82918333"),
        ("phone_text", "0086-010-62345678", "010-62345678"),
        ("phone_text", "00852 6123 4567", "+85261234567"),
        ("phone_text", "400-812-3456", "4008123456"),
        ("phone_text", "82918333", "82918333"),
        ("phone_text", "13912345670/13912345671", "13912345670/13912345671"),
        ("to_decimal", "114.0579", None),
        ("to_decimal", "99999999999999999", None),
        ("to_integer", "9223372036854775808", None),
        ("to_integer", "１，２３４", 1234),
        ("resident_id_18", "110105180101997", "110105181801019974"),
        ("clean_text", "（粤）Ａ", "(粤)A"),
        ("mask_phone", "82918333", "********"),
        ("mask_address", "石厦北二街89号新港社区健康服务中心301", "****"),
        ("mask_address", "万科小区3栋101", "****"),
        ("mask_plate", "粤BD12345", "粤B****45"),
        ("is_resident_id", "1100000000000E0012", False),
        (
            "is_electronic_licence",
            "1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U",
            True,
        ),
    ],
)
def test_gives(con: duckdb.DuckDBPyConnection, macro: str, text: str, wanted: Any) -> None:
    assert con.execute(f"SELECT {macro}(v) FROM (SELECT $1 AS v FROM range(2)) LIMIT 1", [text]).fetchone() == (wanted,)


def test_the_form_given_is_left_alone(con: duckdb.DuckDBPyConnection) -> None:
    """Cleaning what is clean changes nothing."""
    texts = ["0755-82918333-801", "13912345670", "+85261234567", "11010519491231002X", "两\n行", "(粤)A"]
    for macro in ("clean_text", "phone_text", "resident_id_18"):
        row = con.execute(
            f"SELECT count(*) FROM (SELECT unnest($1) AS v) WHERE {macro}({macro}(v)) IS DISTINCT FROM {macro}(v)",
            [texts],
        ).fetchone()
        assert row == (0,)


SWAPS = {
    "is_resident_id": """SELECT body || mod_11_2(CAST(body AS BIGINT)) AS id FROM (
        SELECT '440304' || strftime(DATE '1950-01-01' + CAST(n * 2 AS INTEGER), '%Y%m%d')
            || lpad(CAST(n * 7 % 1000 AS VARCHAR), 3, '0') AS body FROM range(10000) t(n))""",
    "is_uscc": """SELECT body || c AS id FROM (
            SELECT '91440300MA5' || upper(lpad(to_base(n * 97 + 13, 18), 6, 'G')) AS body FROM range(10000) t(n)),
            (SELECT unnest(string_split('0123456789ABCDEFGHJKLMNPQRTUWXY', '')) AS c)
        WHERE is_uscc(body || c)""",
}
"""Ten thousand valid numbers of each kind."""


@pytest.mark.parametrize("macro", sorted(SWAPS))
def test_a_wrong_character_or_a_swap_is_always_found(con: duckdb.DuckDBPyConnection, macro: str) -> None:
    """At every place a character is replaced by the next digit, and neighbours that differ are swapped."""
    row = con.execute(
        f"""WITH valid AS ({SWAPS[macro]}),
        places AS (SELECT id, p, substr(id, p, 1) AS a, substr(id, p + 1, 1) AS b
                   FROM valid, (SELECT unnest(generate_series(1, 17)) AS p)),
        wrong AS (
            SELECT left(id, p - 1) || CASE WHEN a BETWEEN '0' AND '8' THEN chr(ascii(a) + 1) ELSE '0' END
                || substr(id, p + 1) AS v FROM places
            UNION ALL SELECT left(id, p - 1) || b || a || substr(id, p + 2) FROM places WHERE a <> b)
        SELECT (SELECT count(*) FROM valid), (SELECT count(*) FROM valid WHERE NOT {macro}(id)),
            count(*) FILTER ({macro}(v)) FROM wrong"""
    ).fetchone()
    assert row == (10000, 0, 0)
