"""Deliveries as told by loads: new files, the same content again, one content judged again; and the score of each."""

from __future__ import annotations

import shutil
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from fudata_pipeline.lake.registry import loads
from fudata_pipeline.load.deliveries import deliveries, since_last_good
from fudata_pipeline.load.item import load_item, nothing_to_load
from fudata_pipeline.project import Project

from ..conftest import Deliver

ITEM = "zsj.grid_division"
HEADER = "网格编码,网格名称,所属社区编码,网格员\n"
GRIDS = HEADER + "".join(f"44030400190100{n},东园0{n},东园社区,王小明\n" for n in range(1, 10))


@pytest.fixture
def first(project: Project, deliver: Deliver) -> Project:
    deliver("zsj/网格划分信息_1.csv", GRIDS)
    assert load_item(project, project.catalog.items_by_id[ITEM]).verdict == "promoted"
    return project


def _set_back(project: Project, days: int) -> None:
    """Let every load of so far have happened days ago."""
    with project.registry.engine.begin() as con:
        for row in con.execute(sa.select(loads.c.seq, loads.c.loaded_at)).all():
            then = row.loaded_at - timedelta(days=days)
            con.execute(loads.update().where(loads.c.seq == row.seq).values(loaded_at=then))


def _known(project: Project) -> list[tuple[str, bool]]:
    return [(d.file_name, d.repeat) for d in deliveries(project.registry.judgements(ITEM))]


def test_the_same_content_under_a_new_name_is_a_delivery_but_no_load(first: Project) -> None:
    item = first.catalog.items_by_id[ITEM]
    folder = first.settings.inbox_dir / "zsj"
    shutil.copy(folder / "网格划分信息_1.csv", folder / "网格划分信息_2.csv")
    assert nothing_to_load(first, item, first.registry.last_load(ITEM)) is None  # there is something to note
    for _ in range(2):
        assert load_item(first, item).verdict == "unchanged"
    assert _known(first) == [("网格划分信息_1.csv", False), ("网格划分信息_2.csv", True)]
    assert len(first.registry.judgements(ITEM)) == 1
    last = first.registry.last_load(ITEM)
    assert (result := nothing_to_load(first, item, last)) is not None and result.verdict == "unchanged"


def test_a_replay_is_no_delivery(first: Project) -> None:
    _set_back(first, 50)
    came = first.registry.judgements(ITEM)[0]["loaded_at"]
    again = load_item(first, first.catalog.items_by_id[ITEM], again=True)
    assert again.verdict == "promoted"
    found = deliveries(first.registry.judgements(ITEM))
    assert [(d.arrived_at, len(d.loads)) for d in found] == [(came, 2)]
    assert "时效性" not in again.dimensions  # it came in time, if late through today's rules


def test_a_late_delivery_scores_less_and_a_first_one_is_not_judged(first: Project, deliver: Deliver) -> None:
    item = first.catalog.items_by_id[ITEM]
    assert item.cycle == "monthly"
    load = first.registry.judgements(ITEM)[0]
    assert load["score"] == 100.0
    assert load["dimensions"] == {"规范性": 100.0, "完整性": 100.0, "准确性": 100.0, "可访问性": 100.0}
    _set_back(first, 76)  # twice the 38 days that a month and its grace allow
    deliver("zsj/网格划分信息_2.csv", GRIDS.replace("王小明", "李小红"))
    late = load_item(first, item)
    assert late.dimensions["时效性"] == 50.0
    assert (
        late.score == first.registry.judgements(ITEM)[1]["score"] == pytest.approx(94.1)
    )  # (75 * 100 + 10 * 50 + 5 * 100) / 85


def test_a_refused_delivery_is_kept_with_nothing_and_stops_no_clock(first: Project, deliver: Deliver) -> None:
    _set_back(first, 76)
    deliver("zsj/网格划分信息_2.csv", "")
    refused = load_item(first, first.catalog.items_by_id[ITEM])
    assert (refused.verdict, refused.score, refused.dimensions) == ("refused_contract", 0.0, {"可访问性": 0.0})
    rows = first.registry.judgements(ITEM)
    assert since_last_good(rows, "other", "other", date.today()) == (rows[0]["loaded_at"].date(), date.today())
    assert [d.good() for d in deliveries(rows)] == [True, False]
