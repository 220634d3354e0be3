"""Items whose deliveries add up: whatever the order in which deliveries come, the same rows are current."""

from __future__ import annotations

import itertools
from pathlib import Path

import duckdb
import pytest

from fudata_pipeline.catalog import Catalog
from fudata_pipeline.catalog.lint import lint
from fudata_pipeline.catalog.loading import Loading
from fudata_pipeline.catalog.model import Item
from fudata_pipeline.load import merge as merge_module
from fudata_pipeline.load.item import load_item, nothing_to_load
from fudata_pipeline.load.result import LoadResult
from fudata_pipeline.load.version import current_rows, read_manifest, version_dir
from fudata_pipeline.project import Project
from fudata_pipeline.settings import Settings

from ..conftest import FEW_ROWS, ROOT

ITEM = "zjj.gas_user"
HEADER = "燃气用户号,用气户名,用气性质,开户日期,更新时间"
Row = tuple[str, str, str, str]
"""User number, name, day of registration, time of change."""


def _item(catalog: Catalog, mode: str, *, watermark: bool = True, path: str = "燃气*.csv") -> Catalog:
    found = catalog.items_by_id[ITEM]
    optional = ("phone", "house_code", "building_code", "gas_meter_no")
    fields = [
        f.model_copy(
            update={"required": f.required or f.name == "registered_date", "optional_column": f.name in optional}
        )
        for f in found.fields
    ]
    item = found.model_copy(
        update={
            "load": Loading(mode=mode, by="registered_date" if mode == "append" else None),
            "latest_by": "updated_at" if watermark else None,
            "source": found.source.model_copy(update={"path": path, "encoding": "utf-8"}),
            "fields": tuple(fields),
            "rules": (),
            "bounds": found.bounds.model_copy(update={"max_quarantine": 0.6}),
        }
    )
    return catalog.model_copy(update={"items": tuple(item if i.id == ITEM else i for i in catalog.items)})


def _project(catalog: Catalog, folder: Path) -> Project:
    return Project.of(Settings(home=ROOT, data=folder / "data", scale=FEW_ROWS), catalog)


def _text(rows: list[Row]) -> str:
    return "\n".join([HEADER, *(f"{no},{name},民用,{day},{at}" for no, name, day, at in rows), ""])


def _deliver(project: Project, name: str, rows: list[Row] | str) -> None:
    file = project.settings.inbox_dir / "zjj" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(rows if isinstance(rows, str) else _text(rows), "utf-8")


def _load(project: Project, **options: bool) -> LoadResult:
    return load_item(project, project.catalog.items_by_id[ITEM], **options)


def _current(project: Project) -> list[Row]:
    load = project.registry.current_load(ITEM)
    assert load is not None
    with duckdb.connect() as con:
        found = con.execute(
            f"SELECT gas_user_no, gas_user_name, strftime(registered_date, '%Y-%m-%d'), strftime(updated_at, '%Y-%m-%d') "
            f"FROM {current_rows(project, load)} ORDER BY ALL"
        ).fetchall()
    assert len(found) == load["rows_current"]
    return found


def _folded(nights: list[list[Row]], *, watermark: bool) -> list[Row]:
    """What is current after these deliveries, by the words of the declaration."""
    best: dict[str, tuple[tuple[str, int], Row]] = {}
    for number, rows in enumerate(nights):
        for row in rows:
            rank = (row[3] if watermark else "", number)
            if row[0] not in best or rank >= best[row[0]][0]:
                best[row[0]] = rank, row
    return sorted(row for _, row in best.values())


FIRST: list[Row] = [
    ("G1", "张三", "2022-10-01", "2022-10-01"),
    ("G2", "李四", "2022-10-01", "2022-10-01"),
    ("G3", "王五", "2022-10-02", "2022-10-02"),
]
SECOND: list[Row] = [
    ("G2", "李思", "2022-10-01", "2022-10-03"),  # changed
    ("G4", "赵六", "2022-10-03", "2022-10-03"),  # new
    ("G3", "王武", "2022-10-03", "2022-10-03"),  # changed, and on another day
]
THIRD: list[Row] = [
    ("G2", "李四四", "2022-10-01", "2022-10-02"),  # late: older than what the second says
    ("G5", "孙七", "2022-10-01", "2022-10-04"),  # a new row of a day long past
    ("G4", "赵六", "2022-10-03", "2022-10-03"),  # once more
]
NIGHTS = [FIRST, SECOND, THIRD]


@pytest.mark.parametrize("watermark", [True, False], ids=["watermark", "order"])
@pytest.mark.parametrize("mode", ["append", "upsert"])
def test_any_order_of_arrival_ends_in_the_same_rows(
    catalog: Catalog, tmp_path: Path, mode: str, watermark: bool
) -> None:
    wanted = _folded(NIGHTS, watermark=watermark)
    for number, order in enumerate(itertools.permutations(range(3))):
        project = _project(_item(catalog, mode, watermark=watermark), tmp_path / str(number))
        for night in order:
            _deliver(project, f"燃气_{night + 9}.csv", NIGHTS[night])  # 9, 10, 11: by number, not by letter
            assert _load(project).verdict == "promoted"
        assert _current(project) == wanted, order
        assert _load(project).verdict == "unchanged"
    together = _project(_item(catalog, mode, watermark=watermark), tmp_path / "together")
    for night, rows in enumerate(NIGHTS):
        _deliver(together, f"燃气_{night + 9}.csv", rows)
    result = _load(together)
    assert (len(result.earlier), result.file_name) == (2, "燃气_11.csv")
    assert _current(together) == wanted


@pytest.mark.parametrize("mode", ["append", "upsert"])
def test_a_corrected_file_takes_the_place_of_the_first_one(catalog: Catalog, tmp_path: Path, mode: str) -> None:
    project = _project(_item(catalog, mode), tmp_path)
    for night, rows in enumerate(NIGHTS):
        _deliver(project, f"燃气_{night}.csv", rows)
    _load(project)
    corrected = SECOND[1:2]  # G2 and G3 had not changed after all
    _deliver(project, "燃气_1.csv", corrected)
    result = _load(project)
    assert result.verdict == "promoted"
    # G2 by the third delivery's row, G3 by the first's; the file's only row is no newer than the third's
    assert result.changes == {"added": 0, "replaced": 2, "removed": 0, "outdated": 1}
    assert _current(project) == _folded([FIRST, corrected, THIRD], watermark=True)
    _deliver(project, "燃气_0.csv", FIRST[:1])  # two rows should never have been there
    assert _load(project).changes["removed"] == 1  # G3; G2 is known from the third
    assert _current(project) == _folded([FIRST[:1], corrected, THIRD], watermark=True)


def test_the_same_delivery_again_changes_nothing(catalog: Catalog, tmp_path: Path) -> None:
    project = _project(_item(catalog, "upsert"), tmp_path)
    _deliver(project, "燃气_1.csv", FIRST)
    first = _load(project)
    assert first.changes == {"added": 3, "replaced": 0, "removed": 0, "outdated": 0}
    _deliver(project, "燃气_2.csv", FIRST)
    assert _load(project).verdict == "unchanged"
    _deliver(project, "燃气_2.csv", _text(FIRST))  # copied anew: another time of change, the same bytes
    assert _load(project).verdict == "unchanged"
    assert len(project.registry.judgements(ITEM)) == 1
    replayed = _load(project, again=True)
    assert (replayed.verdict, replayed.rows_current) == ("promoted", 3)
    assert _current(project) == FIRST


def test_under_one_name_each_content_is_a_delivery(catalog: Catalog, tmp_path: Path) -> None:
    project = _project(_item(catalog, "upsert", watermark=False, path="燃气.csv"), tmp_path)
    for rows in (FIRST, SECOND, FIRST):
        _deliver(project, "燃气.csv", rows)
        assert _load(project).verdict == "promoted"
    assert [x["delivery"] for x in project.registry.judgements(ITEM)] == [f"燃气.csv#{n}" for n in (1, 2, 3)]
    assert _current(project) == _folded([FIRST, SECOND, FIRST], watermark=False)


def test_only_the_days_that_change_are_written(catalog: Catalog, tmp_path: Path) -> None:
    project = _project(_item(catalog, "append"), tmp_path)
    _deliver(project, "燃气_1.csv", FIRST)
    first = _load(project)
    _deliver(project, "燃气_2.csv", [("G9", "周九", "2022-10-02", "2022-10-05")])
    second = _load(project)
    assert second.changes == {"added": 1, "replaced": 0, "removed": 0, "outdated": 0}
    load = project.registry.current_load(ITEM)
    assert load is not None
    manifest = read_manifest(version_dir(project, load))
    assert manifest is not None
    assert [(p["day"], p["load_id"], p["rows"]) for p in manifest["parts"]] == [
        ("2022-10-01", first.load_id, 2),
        ("2022-10-02", second.load_id, 2),
    ]


def test_a_refused_delivery_leaves_the_others_current(catalog: Catalog, tmp_path: Path) -> None:
    project = _project(_item(catalog, "upsert"), tmp_path)
    _deliver(project, "燃气_1.csv", FIRST)
    _load(project)
    _deliver(project, "燃气_2.csv", "没有表头\n")
    refused = _load(project)
    assert refused.verdict == "refused_contract"
    _deliver(project, "燃气_3.csv", THIRD)
    assert _load(project).verdict == "promoted"
    assert _current(project) == _folded([FIRST, THIRD], watermark=True)
    _deliver(project, "燃气_2.csv", SECOND)  # what was meant comes late
    assert _load(project).verdict == "promoted"
    assert _current(project) == _folded(NIGHTS, watermark=True)


def test_a_night_without_events_is_good(catalog: Catalog, tmp_path: Path) -> None:
    project = _project(_item(catalog, "append"), tmp_path)
    _deliver(project, "燃气_1.csv", FIRST)
    _load(project)
    _deliver(project, "燃气_2.csv", HEADER + "\n")
    result = _load(project)
    assert (result.verdict, result.rows_in, result.rows_current) == ("promoted", 0, 3)
    assert _current(project) == FIRST


def test_of_a_few_new_rows_most_may_be_wrong(catalog: Catalog, tmp_path: Path) -> None:
    project = _project(_item(catalog, "upsert"), tmp_path)
    wrong = ("G8", "吴八", "2022-13-45", "2022-10-05")
    _deliver(project, "燃气_1.csv", [wrong, *FIRST[:1]])
    assert _load(project).verdict == "promoted"  # half of a first delivery: the declaration allows 60 per cent
    _deliver(project, "燃气_2.csv", [wrong])
    result = _load(project)
    assert (result.verdict, result.rows_quarantined, result.rows_current) == ("promoted", 1, 1)
    many = [(f"X{n}", "吴八", "2022-13-45", "2022-10-05") for n in range(30)]
    _deliver(project, "燃气_3.csv", many)
    assert _load(project).verdict == "refused_gate"


def test_when_the_columns_change_all_deliveries_are_judged_again(catalog: Catalog, tmp_path: Path) -> None:
    before = _project(_item(catalog, "upsert"), tmp_path)
    for night, rows in enumerate(NIGHTS):
        _deliver(before, f"燃气_{night}.csv", rows)
    _load(before)

    def without_phone(item: Item) -> Item:
        return item.model_copy(update={"fields": tuple(f for f in item.fields if f.name != "phone")})

    items = tuple(without_phone(i) if i.id == ITEM else i for i in before.catalog.items)
    after = Project(before.settings, before.catalog.model_copy(update={"items": items}), before.registry)
    item = after.catalog.items_by_id[ITEM]
    assert nothing_to_load(after, item, after.registry.last_load(ITEM)) is None
    result = _load(after)
    assert (result.verdict, len(result.earlier)) == ("promoted", 2)
    assert [e.rows_current for e in result.earlier] == [None, None]  # no version of some deliveries only
    assert _current(after) == _folded(NIGHTS, watermark=True)
    assert nothing_to_load(after, item, after.registry.last_load(ITEM)) is not None


def test_a_merge_that_fails_is_taken_up_again(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = _project(_item(catalog, "upsert"), tmp_path)
    _deliver(project, "燃气_1.csv", FIRST)
    _load(project)
    _deliver(project, "燃气_2.csv", SECOND)
    with monkeypatch.context() as patch:

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device", "rows.parquet")

        patch.setattr(merge_module._Merge, "into", full)
        failed = _load(project)
    assert failed.verdict == "internal_error"
    assert "磁盘已满" in failed.reason
    assert _current(project) == FIRST
    assert _load(project).verdict == "promoted"
    assert _current(project) == _folded([FIRST, SECOND], watermark=True)


def test_a_column_that_cannot_tell_the_day_is_found_by_the_check(catalog: Catalog) -> None:
    for by, said in (("no_such", "未声明的列"), ("gas_user_name", "不是日期"), ("registered_date", "不是必填")):
        item = catalog.items_by_id[ITEM].model_copy(update={"load": Loading(mode="append", by=by)})
        items = tuple(item if i.id == ITEM else i for i in catalog.items)
        assert any(said in f.message for f in lint(catalog.model_copy(update={"items": items})))
