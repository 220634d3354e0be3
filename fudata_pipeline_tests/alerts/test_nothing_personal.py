"""No cell value of a refused delivery is in any payload, in whatever way the delivery is broken."""

from __future__ import annotations

import pytest

from fudata_pipeline.alerts.problems import MOST, TITLES, _said
from fudata_pipeline.load.item import load_item
from fudata_pipeline.load.result import VERDICTS
from fudata_pipeline.project import Project

from ..conftest import Deliver
from ..district import HOUSE_1, LI, RESIDENT_HEADER, WANG, ZHANG
from .conftest import Send, Webhook, channel, hearing

PHONE = "13912345678"
NAMES = ("欧阳赛凤", "李太白", "王之涣")
ROWS = "".join(
    f"{number},{name},女,汉族,1990-03-07,大学本科,本市户籍,{PHONE},{HOUSE_1},{HOUSE_1[:19]},2020-01-01,2022-10-01\n"
    for number, name in zip((ZHANG, LI, WANG), NAMES, strict=True)
)
BROKEN = {
    "no header row": ROWS,
    "a column is missing": (RESIDENT_HEADER + ROWS).replace("姓名", "名字", 1),
    "a column comes twice": (RESIDENT_HEADER + ROWS).replace("姓名", "公民身份号码", 1),
    "cut off": (RESIDENT_HEADER + ROWS)[:-30],
    "every number is wrong": RESIDENT_HEADER + ROWS.replace(ZHANG, "440304199003071249").replace(LI, "1").replace(WANG, "2"),
    "a quote is open": RESIDENT_HEADER + ROWS.replace(NAMES[1], f'"{NAMES[1]}'),
    "another encoding": (RESIDENT_HEADER + ROWS).encode("gb18030"),
    "a NUL byte": RESIDENT_HEADER + ROWS.replace("汉族", "汉\x00族"),
    "not a table": f"{NAMES[0]}的身份证号是{ZHANG}",
}  # fmt: skip


@pytest.mark.parametrize("how", BROKEN)
def test_no_cell_value_in_any_payload(
    project: Project, deliver: Deliver, send: Send, webhook: Webhook, how: str
) -> None:
    deliver("zsj/居住人口登记_20221101.csv", BROKEN[how])
    result = load_item(project, project.catalog.items_by_id["zsj.resident_registration"])
    refused_by_the_gate = how in ("every number is wrong", "a quote is open")
    assert result.verdict == ("refused_gate" if refused_by_the_gate else "refused_contract"), result
    project = hearing(project, channel(), channel("dingtalk", name="d"), channel("generic", name="g"))
    send(project, 24 * 365 * 9)
    assert len(webhook.received) == 3
    everything = "".join(r.raw.decode() + str(r.query) for r in webhook.received)
    assert VERDICTS[result.verdict] in everything
    for value in (ZHANG, LI, WANG, PHONE, *NAMES, "440304199003071249", HOUSE_1):
        assert value not in everything


def test_what_looks_like_a_personal_number_would_be_covered() -> None:
    said = _said(f"a {ZHANG} b {LI} c {PHONE} d 139-1234-5678 e 纳税人登记_20221101.csv → 请查")
    assert said == "a ＊ b ＊ c ＊ d ＊ e 纳税人登记_20221101.csv → 请查"


def test_a_long_reason_keeps_its_beginning_and_its_cure() -> None:
    said = _said("税务局" + "列、" * 500 + " → 请补齐")
    assert len(said) == MOST
    assert said.startswith("税务局列")
    assert said.endswith("…列、 → 请补齐") or said.endswith("… → 请补齐")
    assert len(_said("长" * 900)) == MOST


def test_every_failing_verdict_has_a_title() -> None:
    assert {v for v in VERDICTS if v not in ("promoted", "unchanged", "source_missing")} < set(TITLES)
