from __future__ import annotations

import csv
import io
import random
import zipfile

import pytest

from fudata_pipeline.sources import numbering
from fudata_pipeline_tests.sources.conftest import Bench


def test_plain(bench: Bench) -> None:
    assert bench.rows('姓名,证件\n张三,007\n," x "\n'.encode()) == [
        (2, None, None, "张三", "007"),
        (3, None, None, None, " x "),
    ]


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("buffer", [2, 4 << 20])
def test_lines_across_quoted_newlines_blank_lines_and_malformed_records(
    bench: Bench, newline: bytes, buffer: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numbering, "CHUNK", buffer)
    data = b"""title
"a",b,"c

c"
1,2,3

4,5
"x

9,9,9
y",6,7
8,9,10,11,12
  

13,"14"x,15
"p
q","r
s",16
17,18,19


"""
    rows = bench.rows(data.replace(b"\n", newline), skip_rows=1)
    assert [(row[0], row[1], row[2] or row[3]) for row in rows] == [
        (5, None, "1"),
        (7, "MISSING COLUMNS", "4,5"),
        (8, None, "x\n\n9,9,9\ny"),
        (12, "TOO MANY COLUMNS", "8,9,10,11,12"),
        (15, "UNQUOTED VALUE", '13,"14"x,15'),
        (16, None, "p\nq"),
        (19, None, "17"),
    ]
    assert bench.stage(data, skip_rows=1).headers == ("a", "b", "c\n\nc")


def test_lines_agree_with_the_csv_module_on_random_files(bench: Bench) -> None:
    pick = random.Random(7)
    for _ in range(60):
        text = io.StringIO()
        text.write("a,b\n")
        for _ in range(pick.randrange(1, 30)):
            cells = [pick.choice(["1", "", "x\ny", "\n\n", 'q"q', "u,v", "\n", "z\n\n\nz"]) for _ in "ab"]
            extra = ["more"] * (pick.random() < 0.15)
            csv.writer(text, lineterminator="\n").writerow(cells + extra)
            text.write("\n" * pick.choice([0, 0, 0, 1, 3]))
        reader = csv.reader(io.StringIO(text.getvalue()))
        expected, before = [], 0
        for record in reader:
            if record:
                start = before
                expected.append((start + 1, len(record) > 2, record[0] or None))
            before = reader.line_num
        found = [(r[0], r[1] is not None, r[3]) for r in bench.rows(text.getvalue().encode())]
        assert [f[:2] for f in found] == [e[:2] for e in expected[1:]]
        assert [f[2] for f in found if not f[1]] == [e[2] for e in expected[1:] if not e[1]]


def test_headers_are_cleaned_and_unique_and_quoted(bench: Bench) -> None:
    data = '\ufeff 姓名　,"a""b\'c",,ID,id,_line,列3\n1,2,3,4,5,6,7\n'.encode()
    assert bench.stage(data).headers == ("姓名", "a\"b'c", "列3", "ID", "id_2", "_line_2", "列3_2")
    assert bench.rows(data)[0][3:] == tuple("1234567")


def test_quotes_above_the_records(bench: Bench) -> None:
    data = '5" 管\n"开,x\n"a\nb",c\n1,2\n3\n'.encode()
    assert [row[:2] for row in bench.rows(data, skip_rows=2)] == [(5, None), (6, "MISSING COLUMNS")]


def test_only_column(bench: Bench) -> None:
    rows = bench.rows(b'a\n\n1\n"x\n\ny"\n\n2,3\n4\n\n')
    assert [row[:1] + row[2:] for row in rows] == [
        (3, None, "1"),
        (4, None, "x\n\ny"),
        (8, "2,3", None),
        (9, None, "4"),
    ]
    assert [row[0] for row in bench.rows(b"a\n1\n2\n\n")] == [2, 3]


@pytest.mark.parametrize("delimiter", ["\t", ";", "|"])
def test_delimiters(bench: Bench, delimiter: str) -> None:
    assert bench.rows(f"a{delimiter}b\n1{delimiter}2,3".encode(), delimiter=delimiter)[0][3:] == ("1", "2,3")


def test_mixed_line_ends_and_gb18030(bench: Bench) -> None:
    data = '姓名,备注\r\n张三,"x\ny"\r\n李四,z\n王五,㐂\r\n'.encode("gb18030")
    assert [(r[0], r[3]) for r in bench.rows(data, encoding="gb18030")] == [
        (2, "张三"),
        (4, "李四"),
        (5, "王五"),
    ]


@pytest.mark.parametrize(
    ("data", "rule", "line"),
    [
        (b"a,b\n", "header_only", None),
        (b"a,b", "header_only", None),
        (b"", "empty_delivery", None),
        (b"\n\n", "empty_delivery", None),
        (b"a,b,c\n1,2,3\n4,5", "truncated", 3),
        (b'a,b,c\n1,2,3\n4,5,"6', "truncated", 3),
        (b'a,b,c\n1,2,3\n4,5,"6\n7\n8', "truncated", 3),
        (b'a,"b\n1,2\n3,4\n', "header_only", None),
        (b"a,b\n" + b"x" * 10_000_000, "line_too_long", 2),
        (b'a,b,c\n1,2,3\n4,"5,6\n' + b"7,8,9\n" * 5000, "line_too_long", 3),
        (b'a,b,c\n1,2,3\n4,"5,6\n' + b"7,8,9\n" * 100_000, "line_too_long", 3),
        (b"a,b\n1,\xff\n", "wrong_encoding", 2),
    ],
)
def test_refused(bench: Bench, data: bytes, rule: str, line: int | None) -> None:
    refusal = bench.refuse(data)
    assert (refusal.rule, refusal.line) == (rule, line)


def test_lines_swallowed_by_an_open_quote_are_set_aside_one_by_one(bench: Bench) -> None:
    rows = bench.rows(b'a,b,c\n1,2,3\n4,"5,6\n7,8,9\n')
    assert [(r[0], r[2]) for r in rows] == [(2, None), (3, '4,"5,6'), (4, "7,8,9")]


def test_a_complete_last_record_needs_no_newline(bench: Bench) -> None:
    assert [r[0] for r in bench.rows(b"a,b\n1\n3,4")] == [2, 3]


def test_says_what_the_file_really_is(bench: Bench) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in ("一.csv", "二.csv", "三.csv", "四.csv"):
            archive.writestr(name, "x")
    refusal = bench.refuse(packed.getvalue())
    assert refusal.rule == "wrong_format" and "一.csv、二.csv、三.csv等" in refusal.detail
    assert "PDF" in bench.refuse(b"%PDF-1.7 ").detail
    assert "HTML" in bench.refuse(b"<html><table></table></html>").detail
