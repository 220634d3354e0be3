"""One item's load: a clear verdict for every kind of bad input, nothing lost, the last good version stays."""

from __future__ import annotations

import io
import shutil
import zipfile
from pathlib import Path

import duckdb
import openpyxl
import pytest
from filelock import FileLock

from fudata_pipeline.lake import files
from fudata_pipeline.load import delivery as delivery_module
from fudata_pipeline.load.item import load_item
from fudata_pipeline.load.result import LoadResult
from fudata_pipeline.load.version import version_dir
from fudata_pipeline.nightly import run_night
from fudata_pipeline.project import Project
from fudata_pipeline.settings import Settings

from ..conftest import FEW_ROWS, ROOT, Deliver

HOUSE = "房屋编码;建筑物编码;房号;建筑面积;房屋用途;是否出租\n"
ROWS = "".join(f"44030400190101000010001{n:02};4403040019010100001;1{n:02};8{n}.5;住宅;否\n" for n in range(10))
NAME = "zsj/房屋信息_20221101.csv"


def _load(project: Project, item: str = "zsj.house", **options: bool) -> LoadResult:
    return load_item(project, project.catalog.items_by_id[item], **options)


def _good(project: Project, deliver: Deliver) -> LoadResult:
    deliver("zsj/房屋信息_20221031.csv", HOUSE + ROWS)
    result = _load(project)
    assert (result.verdict, result.rows_accepted) == ("promoted", 10)
    return result


def _rows(project: Project, result: LoadResult, file: str) -> list[tuple]:
    load = project.registry.last_load(result.item)
    assert load is not None
    return duckdb.sql(f"FROM '{version_dir(project, load) / file}' ORDER BY _line").fetchall()


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("房屋.csv", HOUSE + ROWS)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "rule", "said"),
    [
        (b"", "empty_delivery", "交付文件为空"),
        (HOUSE, "header_only", "只有表头"),
        (_zip(), "wrong_format", "房屋.csv"),
        ((HOUSE + ROWS).encode("gb18030"), "wrong_encoding", "gb18030"),
        (HOUSE + ROWS.replace("105", "1\x005"), "nul_byte", "第 7 行"),
        (HOUSE + ROWS + "4" * 10_000_000 + "\n", "line_too_long", "第 12 行"),
        ((HOUSE + ROWS)[:-20], "truncated", "第 11 行"),
        ((HOUSE + ROWS).replace("房屋编码;", "房号编码;", 1), "missing_column", "house_code"),
        ((HOUSE + ROWS).replace("房号;", "面积;", 1), "duplicate_header", "house_area"),
        ((HOUSE + ROWS).replace(";", "|"), "missing_column", "分隔符与申报不符"),
        (ROWS, "missing_column", "可能缺少表头行"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isidentifier() else "",
)
def test_a_bad_delivery_is_refused_and_the_last_good_version_stays(
    project: Project, deliver: Deliver, content: str | bytes, rule: str, said: str
) -> None:
    good = _good(project, deliver)
    delivered = deliver(NAME, content)
    before = delivered.read_bytes()
    result = _load(project)
    assert result.verdict == "refused_contract"
    assert f"（{rule}）" in result.reason
    for part in ("政数局", "房屋信息", "房屋信息_20221101.csv", said, "→"):
        assert part in result.reason
    assert "Traceback" not in result.reason
    assert "440304" not in result.reason  # a refusal quotes no cell, not even where cells stand for headers
    assert project.registry.current_loads()["zsj.house"]["load_id"] == good.load_id
    assert delivered.read_bytes() == before
    kept = list((project.settings.lake_dir / "snapshots" / "zsj" / "house").iterdir())
    assert before in [p.read_bytes() for p in kept]
    again = _load(project)
    assert again.repeated
    assert (again.verdict, again.reason) == (result.verdict, result.reason)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a workbook", b"<html><table></table></html>"])
def test_a_bad_workbook_is_refused(project: Project, deliver: Deliver, content: bytes) -> None:
    deliver("clf/残疾人证_1.xlsx", content)
    result = _load(project, "clf.disability_certificate")
    assert result.verdict == "refused_contract"
    assert "残联《残疾人证》残疾人证_1.xlsx" in result.reason


def test_identifiers_that_a_spreadsheet_turned_into_numbers_are_set_aside(project: Project, deliver: Deliver) -> None:
    book = openpyxl.Workbook()
    book.active.append(["残疾人证号", "身份证号", "姓名", "残疾类别", "残疾等级", "联系电话", "发证日期"])
    for n in range(9):
        book.active.append([f"4403041990030712483{n}", "440304199003071248", "张三", "肢体", "二级", 13912345678, None])
    book.active.append(["44030419900307124839", 440304199003071248, "李四", "听力", "一级", None, None])
    buffer = io.BytesIO()
    book.save(buffer)
    deliver("clf/残疾人证_1.xlsx", buffer.getvalue())
    result = _load(project, "clf.disability_certificate")
    assert (result.verdict, result.rows_accepted, result.rows_quarantined) == ("promoted", 9, 1)
    broken = [r["rule"] for r in result.rules if r["failed"] and r["severity"] == "quarantine"]
    assert broken == ["id_as_number", "resident_id"]
    assert _rows(project, result, "accepted.parquet")[0][6] == "13912345678"  # eleven digits survive a number cell


def test_every_row_is_accepted_quarantined_or_a_copy(project: Project, deliver: Deliver) -> None:
    rows = ROWS + ROWS.splitlines()[0] + "\n"  # a copy
    rows += "4403040019010100001000109;4403040019010100001;109;99;住宅;是\n"  # same key, other content
    rows += "4403040019010100001000110;4403040019010100001;110;八十;住宅;否\n"  # not a number
    rows += "4403040019010100001000111;4403040019010100001;111;80;宫殿;否\n"  # not in the code list
    rows += ";4403040019010100001;112;80;住宅;否\n"  # required is empty
    rows += "too;few\n"
    rows += '4403040019010100001000113;4403040019010100001;"1\n13";80;住宅;否\n'
    rows += "4403040019010100001000114;4403040019010100001;114;８０．５;居住; 是 \n"
    deliver(NAME, HOUSE + rows)
    result = _load(project)
    assert (result.rows_in, result.rows_duplicate) == (18, 1)
    assert result.rows_in == result.rows_accepted + result.rows_quarantined + result.rows_duplicate
    quarantined = {row[0]: row[1] for row in _rows(project, result, "quarantine.parquet")}
    assert quarantined == {
        11: [":unique_key"],
        13: [":unique_key"],
        14: ["house_area:type"],
        15: ["house_use:code"],
        16: ["house_code:required"],
        17: [":malformed_line"],
    }
    raw = {row[0]: (row[3], row[4]) for row in _rows(project, result, "quarantine.parquet")}
    assert '"建筑面积":"八十"' in raw[14][0].replace(": ", ":")
    assert raw[17][1].strip() == "too;few"
    accepted = {row[0]: row for row in _rows(project, result, "accepted.parquet")}
    assert accepted[18][3] == "1\n13"  # the record that begins in line 18 spans two lines
    assert accepted[20][4:] == (pytest.approx(80.5), "1", True)


def test_the_newest_row_of_a_key_wins_where_the_item_declares_what_newest_means(
    project: Project, deliver: Deliver
) -> None:
    head = "统一社会信用代码,企业名称,主体类型,行业代码,法定代表人,法定代表人证件号,注册资本（万元）,成立日期,登记状态,住所,住所房屋编码,更新时间\n"
    row = "91440300708461136T,{},企业,F,,,100,2010-01-01,存续,福田,,{}\n"
    other = "91350100M000100Y43,乙公司,企业,F,,,100,2010-01-01,存续,福田,,2022-01-01\n"
    tie = "12320100671322000Q,{},企业,F,,,100,2010-01-01,存续,福田,,2022-01-01\n"
    text = head + row.format("旧名", "2021-01-01") + row.format("新名", "2022-01-01") + other
    deliver("scjg/商事主体登记_1.csv", text + tie.format("丙") + tie.format("丁"))
    result = _load(project, "scjg.market_entity")
    assert [(r[0], r[1]) for r in _rows(project, result, "quarantine.parquet")] == [
        (2, [":superseded"]),
        (5, [":unique_key"]),
        (6, [":unique_key"]),
    ]


def test_unknown_column_is_loaded_around_and_said(project: Project, deliver: Deliver) -> None:
    deliver(NAME, HOUSE.replace("\n", ";备注\n") + ROWS.replace("\n", ";x\n"))
    result = _load(project)
    assert result.verdict == "promoted"
    assert any("备注" in w for w in result.warnings)


def test_same_delivery_again_changes_nothing(project: Project, deliver: Deliver) -> None:
    first = _good(project, deliver)
    again = _load(project)
    assert (again.verdict, again.load_id) == ("unchanged", first.load_id)
    deliver(NAME, HOUSE + ROWS)  # the same bytes under a new name
    assert _load(project).verdict == "unchanged"
    assert len(project.registry.all_loads()) == 1


def test_row_order_does_not_change_the_content_hash(project: Project, deliver: Deliver) -> None:
    _good(project, deliver)
    deliver(NAME, HOUSE + "".join(sorted(ROWS.splitlines(keepends=True), reverse=True)))
    _load(project)
    hashes = {load["content_hash"] for load in project.registry.all_loads()}
    assert len(project.registry.all_loads()) == 2
    assert len(hashes) == 1


def test_an_old_delivery_that_returns_is_current_again(project: Project, deliver: Deliver) -> None:
    _good(project, deliver)
    deliver(NAME, HOUSE + ROWS.replace("住宅", "办公"))
    assert _load(project).verdict == "promoted"
    deliver("zsj/房屋信息_20221102.csv", HOUSE + ROWS)
    assert _load(project).verdict == "promoted"
    assert project.registry.current_loads()["zsj.house"]["file_name"] == "房屋信息_20221102.csv"


def test_never_delivered_says_where_it_was_looked_for(project: Project) -> None:
    result = _load(project)
    assert result.verdict == "source_missing"
    assert "房屋信息*.csv" in result.reason
    assert project.registry.all_loads() == []


def test_no_new_file_is_no_change(project: Project, deliver: Deliver) -> None:
    _good(project, deliver)
    shutil.rmtree(project.settings.inbox_dir)
    assert _load(project).verdict == "unchanged"


def test_the_gate_refuses_what_is_mostly_bad_and_keeps_its_rows(project: Project, deliver: Deliver) -> None:
    good = _good(project, deliver)
    deliver(NAME, HOUSE + ROWS.replace("住宅", "宫殿", 6))
    result = _load(project)
    assert result.verdict == "refused_gate"
    assert "40" in result.reason
    assert result.rows_quarantined == 6
    assert len(_rows(project, result, "quarantine.parquet")) == 6
    assert project.registry.current_loads()["zsj.house"]["load_id"] == good.load_id


def test_the_gate_refuses_a_sudden_loss_of_rows(project: Project, deliver: Deliver) -> None:
    _good(project, deliver)
    deliver(NAME, HOUSE + "".join(ROWS.splitlines(keepends=True)[:2]))
    result = _load(project)
    assert result.verdict == "refused_gate"


def test_a_changed_code_list_takes_the_kept_delivery_in_again(tmp_path: Path) -> None:
    catalog = Path(shutil.copytree(ROOT / "catalog", tmp_path / "catalog"))
    settings = Settings(home=tmp_path, data=tmp_path / "data", scale=FEW_ROWS)
    project = Project.open(settings)
    inbox = settings.inbox_dir / "zsj"
    inbox.mkdir(parents=True)
    (inbox / "房屋信息_1.csv").write_text(HOUSE + ROWS.replace("住宅", "宿舍", 2), "utf-8")
    assert _load(project).rows_quarantined == 2
    path = catalog / "codes" / "house_use.csv"
    path.write_text(path.read_text("utf-8").replace("1,住宅,", "1,住宅,宿舍|"), "utf-8")
    shutil.rmtree(inbox)  # only the snapshot is left
    mended = Project.open(settings)
    result = _load(mended, again=True)
    assert (result.verdict, result.rows_quarantined, result.rows_accepted) == ("promoted", 0, 10)


def test_full_disk_refuses_cleanly(project: Project, deliver: Deliver, monkeypatch: pytest.MonkeyPatch) -> None:
    good = _good(project, deliver)
    deliver(NAME, HOUSE + ROWS.replace("住宅", "办公"))

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "x.parquet")

    with monkeypatch.context() as patch:
        patch.setattr(delivery_module, "split", full)
        result = _load(project)
    assert result.verdict == "internal_error"
    assert "磁盘已满" in result.reason
    assert project.registry.current_loads()["zsj.house"]["load_id"] == good.load_id
    versions = project.settings.lake_dir / "versions" / "zsj" / "house"
    assert [p.name for p in versions.iterdir()] == [good.load_id]
    assert _load(project).verdict == "promoted"  # with room again, the next run completes


def test_a_lost_row_is_never_accepted(project: Project, deliver: Deliver, monkeypatch: pytest.MonkeyPatch) -> None:
    from fudata_pipeline.load import split as split_module

    deliver(NAME, HOUSE + ROWS)
    honest = split_module._fates_sql
    monkeypatch.setattr(split_module, "_fates_sql", lambda item: honest(item) + " UNION ALL SELECT 3, 'vanished'")
    result = _load(project)
    assert result.verdict == "internal_error"
    assert "NotConserved" in result.reason
    assert project.registry.current_loads() == {}


def test_an_item_that_another_process_holds_is_said_and_stops_nobody(
    project: Project, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(NAME, HOUSE + ROWS)
    monkeypatch.setattr(files, "LOCK_SECONDS", 0.2)
    locks = project.settings.data_dir / "locks"
    locks.mkdir(parents=True)
    with FileLock(locks / "item.zsj.house.lock"):
        result = _load(project)
    assert result.verdict == "internal_error"
    assert "另一个进程" in result.reason
    assert _load(project).verdict == "promoted"


def test_what_a_kill_left_behind_goes_with_the_next_load(project: Project, deliver: Deliver) -> None:
    left = project.settings.lake_dir / "versions" / "zsj" / "house" / ".zsj.house@20221101T010000-0.tmp"
    left.mkdir(parents=True)
    (left / "accepted.parquet").write_bytes(b"half")
    scratch = project.settings.lake_dir / "staging" / "zsj" / "house"
    (scratch / "tmpabc").mkdir(parents=True)
    (scratch / "tmpabc" / "text.csv").write_text("440304199003071248", "utf-8")
    good = _good(project, deliver)
    assert [p.name for p in left.parent.iterdir()] == [good.load_id]
    assert not scratch.exists()


def test_a_project_folder_with_any_characters_works(tmp_path: Path) -> None:
    project = Project.open(Settings(home=ROOT, data=tmp_path / "数据 [1] it's * 100%", scale=FEW_ROWS))
    inbox = project.settings.inbox_dir / "zsj"
    inbox.mkdir(parents=True)
    (inbox / "房屋信息_1.csv").write_text(HOUSE + ROWS, "utf-8")
    night = run_night(project, [project.catalog.items_by_id["zsj.house"]])
    assert night.results[0].verdict == "promoted", night.results[0].reason
    with duckdb.connect(str(project.settings.published_file), read_only=True) as con:
        assert con.execute("SELECT count(*) FROM item.zsj_house").fetchone() == (10,)
