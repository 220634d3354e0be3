from __future__ import annotations

import json
import logging
from dataclasses import asdict
from datetime import date

import pytest

from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.catalog.expectations import Expected
from fudata_pipeline.catalog.loading import Loading
from fudata_pipeline.catalog.model import Bounds, Item, TypeDef
from fudata_pipeline.quality.gate import GateVerdict
from fudata_pipeline_tests.quality.conftest import IDS, SOUND, Judge, Row

A, B, C = SOUND


def failing(verdict: GateVerdict) -> list[tuple[str, str | None]]:
    assert verdict.passed is (not verdict.failed)
    return [(e.type, e.column) for e in verdict.failed]


def changed(row: Row, **at: object) -> Row:
    names = ("resident_id", "month", "sex", "phone", "at")
    return tuple(at.get(name, value) for name, value in zip(names, row, strict=True))


def test_a_sound_load_passes(judge: Judge) -> None:
    verdict = judge(SOUND, last_rows=3)
    assert verdict.passed, verdict.reason
    assert verdict.reason == ""
    assert len(verdict.expectations) == 12


BETWEEN = "expect_column_values_to_be_between"
IN_SET = "expect_column_values_to_be_in_set"
NOT_NULL = "expect_column_values_to_not_be_null"
ROW_COUNT = "expect_table_row_count_to_be_between"
UNIQUE = "unexpected_rows_expectation"


@pytest.mark.parametrize(
    ("rows", "failed"),
    [
        ([A], [(ROW_COUNT, None)]),
        ([(f"{i}", *A[1:]) for i in range(7)], [("expect_column_values_to_satisfy_macro", "resident_id")]),
        ([A, A, B], [(UNIQUE, None)]),
        ([A, changed(B, month=None), changed(C, month=None)], [(NOT_NULL, "month")]),
        ([A, changed(B, phone=None), changed(C, phone=None)], [(NOT_NULL, "phone")]),
        ([A, changed(B, sex="3"), changed(C, sex="3")], [(IN_SET, "sex")]),
        ([A, changed(B, month="1999-12-31"), changed(C, month="2100-01-02")], [(BETWEEN, "month")]),
        ([A, changed(B, at=-1), changed(C, at=-2)], [(BETWEEN, "at")]),
    ],
)  # fmt: skip
def test_each_expectation_can_fail(judge: Judge, rows: list[Row], failed: list[tuple[str, str | None]]) -> None:
    assert failing(judge(rows)) == failed


def test_one_key_column_may_repeat_and_only_accepted_rows_count(judge: Judge) -> None:
    assert judge([A, B, changed(A, month="2022-11-01")], [A]).passed


def test_bounds_of_row_count_are_inclusive(judge: Judge) -> None:
    assert judge([A, B]).passed
    assert judge([*SOUND, *(changed(r, month="2022-11-01") for r in SOUND)]).passed


def test_too_many_rows_set_aside(judge: Judge) -> None:
    wrong = changed(C, sex=None)
    assert judge([A, B, C], [wrong, wrong]).passed  # 40 % of 5 is what the item tolerates
    verdict = judge([A, B], [wrong, wrong])
    assert failing(verdict) == [(IN_SET, "_outcome")]
    assert verdict.reason == "要求入库行占比不低于 60%，实际为 50%（4 行中 2 行不符）"


def test_tolerance_is_exact_at_awkward_fractions(judge: Judge, item: Item) -> None:
    item = item.model_copy(update={"bounds": Bounds(max_quarantine=0.7)})  # 1 - 0.7 is 0.30000000000000004
    rows = [changed(A, month=f"2022-10-{day:02}") for day in range(1, 11)]
    assert judge(rows[:3], rows[3:], item=item).passed
    assert not judge(rows[:2], rows[2:], item=item).passed


def test_a_load_half_the_size_of_the_last_passes_and_a_smaller_one_fails(judge: Judge) -> None:
    assert judge(SOUND, last_rows=6).passed
    verdict = judge(SOUND, [C], last_rows=7)
    assert failing(verdict) == [(ROW_COUNT, None)]
    assert verdict.reason == "要求入库行数不低于当前版本（7 行）的 50%，实际为 3"


def test_empty_files_fail_by_their_volume_only(judge: Judge) -> None:
    assert failing(judge([])) == [(ROW_COUNT, None)]


def test_a_missing_column_fails_first_and_by_name(judge: Judge) -> None:
    verdict = judge(SOUND, without="sex")
    assert verdict.failed[0].type == "expect_table_columns_to_match_set"
    assert verdict.reason.startswith("要求申报的 5 列齐全，实际缺少 sex")


def test_no_cell_value_leaves_the_gate(
    judge: Judge, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = ("SECRET-ID", "1999-01-01", "SECRET-SEX", "SECRET-PHONE", -98765)
    verdict = judge([secret, secret, B], [secret])
    assert {e.type for e in verdict.failed} >= {UNIQUE, IN_SET, BETWEEN, "expect_column_values_to_satisfy_macro"}
    out, err = capfd.readouterr()
    written = str(verdict) + verdict.reason + json.dumps([asdict(e) for e in verdict.expectations]) + out + err
    written += caplog.text
    for value in ("SECRET", "98765", "1999-01-01", IDS[1]):
        assert value not in written
    assert out == err == ""


def test_an_expectation_that_cannot_be_computed_fails_the_gate(judge: Judge, catalog: Catalog) -> None:
    rule = catalog.rules["resident_id"].model_copy(update={"violation": "NOT is_nowhere({value})"})
    types = catalog.types | {
        "nowhere": TypeDef(title="x", duckdb="VARCHAR", parse="{raw}", letter="C", rules=("resident_id",))
    }
    broken = catalog.model_copy(update={"rules": catalog.rules | {"resident_id": rule}, "types": types})
    item = catalog.items[0]
    first = item.fields[0].model_copy(update={"field": item.fields[0].field.model_copy(update={"type": "nowhere"})})
    verdict = judge(SOUND, catalog=broken, item=item.model_copy(update={"fields": (first, *item.fields[1:])}))
    assert not verdict.passed
    assert ("expect_column_values_to_satisfy_macro", "resident_id") in failing(verdict)
    assert "无法计算（Catalog Error" in verdict.reason and "is_nowhere" in verdict.reason


def test_a_failure_of_the_engine_fails_every_expectation(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    from fudata_pipeline.quality import gx

    def explode(*_: object) -> None:
        raise RuntimeError(f"could not convert {IDS[0]}")

    monkeypatch.setattr(gx, "_validate", explode)
    verdict = judge(SOUND)
    assert not verdict.passed and len(verdict.failed) == len(verdict.expectations)
    assert "无法计算（RuntimeError）" in verdict.reason and IDS[0] not in verdict.reason


def test_an_unknown_expectation_fails_the_gate(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    from fudata_pipeline.quality import gate

    unknown = [{"type": "expect_miracles", "kwargs": {}, "meta": {"title": "有奇迹"}, "severity": "critical"}]
    sound = gate.expectations
    monkeypatch.setattr(gate, "expectations", lambda *a: sound(*a) + unknown)
    assert failing(judge(SOUND)) == [("expect_miracles", None)]


def test_rows_that_are_older_than_a_cycle_are_told_and_not_refused(judge: Judge, catalog: Catalog, item: Item) -> None:
    upsert = Loading(mode="upsert")
    dated = item.model_copy(
        update={"latest_by": "month", "load": upsert}
    )  # monthly: 31 days and 7 of grace after 2022-10-01
    assert judge(SOUND, item=dated, day=date(2022, 11, 8)).warnings == ()
    stale = judge(SOUND, item=dated, day=date(2022, 11, 9))
    assert stale.passed
    assert stale.warnings == ("应最新的“月份”(month)不早于 2022-10-02，实际最新的更早",)
    register = dated.model_copy(update={"load": Loading()})  # of which nothing may have changed
    assert judge(SOUND, item=register, day=date(2022, 11, 9)).warnings == ()
    assert judge(SOUND, item=item, day=date(2030, 1, 1)).warnings == ()  # no column tells how new its rows are


def test_dates_without_bounds_of_their_own_have_those_of_their_type(judge: Judge, catalog: Catalog, item: Item) -> None:
    kind = catalog.types["date"].model_copy(update={"min": "1900-01-01", "max": "2100-12-31"})
    bounded = catalog.model_copy(update={"types": catalog.types | {"date": kind}})
    month = item.column("month")
    free = month.model_copy(update={"field": month.field.model_copy(update={"min": None, "max": None})})
    loose = item.model_copy(update={"fields": tuple(free if f.name == "month" else f for f in item.fields)})
    wrong = [A, changed(B, month="0022-10-01"), changed(C, month="0022-10-01")]
    assert judge(wrong, item=loose).passed
    assert failing(judge(wrong, catalog=bounded, item=loose)) == [(BETWEEN, "month")]


def test_hand_written_expectations_are_judged_with_the_others(judge: Judge, catalog: Catalog, item: Item) -> None:
    def by_hand(severity: str, low: int) -> Catalog:
        kwargs = {"column": "at", "min_value": low, "max_value": 100}
        wanted = Expected(type=BETWEEN, kwargs=kwargs, severity=severity, meta={"title": f"层数不低于 {low}"})
        return catalog.model_copy(update={"expectations": {item.id: (wanted,)}})

    assert judge(SOUND, catalog=by_hand("critical", 18)).passed
    refused = judge(SOUND, catalog=by_hand("critical", 19))
    assert not refused.passed
    assert refused.reason == "要求层数不低于 19，实际为 0%（3 行中 3 行不符）"
    told = judge(SOUND, catalog=by_hand("warning", 19))
    assert (told.passed, told.warnings) == (True, ("应层数不低于 19，实际为 0%（3 行中 3 行不符）",))


def test_what_an_expectation_observed_is_told_only_if_it_is_a_count(judge: Judge, catalog: Catalog, item: Item) -> None:
    wanted = Expected(type="expect_column_max_to_be_between", kwargs={"column": "at", "max_value": 3})
    verdict = judge(SOUND, catalog=catalog.model_copy(update={"expectations": {item.id: (wanted,)}}))
    assert verdict.failed[0].observed == "不符"
    assert "18" not in str(asdict(verdict.failed[0]))
