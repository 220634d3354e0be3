from __future__ import annotations

import datetime as dt
import io
import zipfile

import openpyxl
import pytest
import xlwt

from fudata_pipeline.sources.excel import cell_text, header_names
from fudata_pipeline_tests.sources.conftest import Bench


def xlsx(rows: list[list[object]], title: str = "数据", **merged: str) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.title = title
    for row in rows:
        sheet.append(row)
    for cells in merged.values():
        sheet.merge_cells(cells)
    book.save(data := io.BytesIO())
    return data.getvalue()


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("", None),
        (" 007 ", " 007 "),
        (12.0, "12"),
        (-3, "-3"),
        (0.1, "0.1"),
        (999_999_999_999_999.0, "999999999999999"),
        (1e15, "1E+15"),
        (440304199003071234.0, "4.40304199003071E+17"),
        (True, "TRUE"),
        (dt.date(2022, 1, 2), "2022-01-02"),
        (dt.datetime(2022, 1, 2, 8, 30), "2022-01-02 08:30:00"),
        (dt.time(8, 30), "08:30:00"),
    ],
)
def test_cells(cell: object, text: str | None) -> None:
    assert cell_text(cell) == text


def test_xlsx_rows_keep_their_number(bench: Bench) -> None:
    data = xlsx([["福田区低保名单"], ["姓名", "证件"], ["张三", 440304199003071234], [], ["李四", "007"], [None, ""]])
    assert bench.rows(data, "a.xlsx", format="excel", skip_rows=1) == [
        (3, None, None, "张三", "4.40304199003071E+17"),
        (5, None, None, "李四", "007"),
    ]


def test_xls_rows_keep_their_number(bench: Bench) -> None:
    book = xlwt.Workbook()
    sheet = book.add_sheet("S")
    for column, cell in enumerate(("姓名", "日期")):
        sheet.write(2, column, cell)
    sheet.write(4, 0, "张三")
    sheet.write(4, 1, dt.date(2022, 1, 2), xlwt.easyxf(num_format_str="YYYY-MM-DD"))
    book.save(data := io.BytesIO())
    assert bench.rows(data.getvalue(), "a.xls", format="excel", skip_rows=2) == [(5, None, None, "张三", "2022-01-02")]


def test_merged_two_row_header(bench: Bench) -> None:
    top = ["序号", "户主", None, "配偶", None, "备注"]
    below = [None, "姓名", "证件", "姓名", "证件", None]
    data = xlsx([top, below, [1, "a", "b", "c", "d", "e"]], a="A1:A2", b="B1:C1", c="D1:E1", d="F1:F2")
    headers = ("序号", "户主/姓名", "户主/证件", "配偶/姓名", "配偶/证件", "备注")
    assert bench.stage(data, "a.xlsx", format="excel", header_rows=2).headers == headers
    assert bench.rows(data, "a.xlsx", format="excel", header_rows=2) == [(3, None, None, "1", *"abcde")]
    assert header_names([["a", "A", None]]) == ("a", "A_2", "列3")


def test_more_rows_than_one_batch(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fudata_pipeline.sources.excel.BATCH", 2)
    rows = bench.rows(xlsx([["n"], *([i] for i in range(5))]), "a.xlsx", format="excel")
    assert [row[0] for row in rows] == [2, 3, 4, 5, 6]


def test_refused(bench: Bench) -> None:
    good = xlsx([["a"], *([f"value {i}"] for i in range(500))])

    def rule(data: bytes, name: str = "a.xlsx", **declared: object) -> str:
        return bench.refuse(data, name, format="excel", **declared).rule

    assert "数据" in bench.refuse(good, "a.xlsx", format="excel", sheet="没有").detail
    assert rule(good, sheet="没有") == "wrong_format"
    assert rule(b"") == "empty_delivery"
    assert rule(xlsx([])) == "empty_delivery"
    assert rule(xlsx([["a", "b"]])) == "header_only"
    assert rule(good[: len(good) // 2]) == "unreadable"
    assert rule(good[:-200]) == "unreadable"
    assert rule(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "a.xls") == "unreadable"
    assert rule(b"<html><table><tr><td>a</td></tr></table></html>", "a.xls") == "wrong_format"
    assert rule(b"a,b\n1,2\n") == "wrong_format"
    with zipfile.ZipFile(packed := io.BytesIO(), "w") as archive:
        archive.writestr("a.csv", "a\n1\n")
    assert "a.csv" in bench.refuse(packed.getvalue(), "a.xlsx", format="excel").detail
