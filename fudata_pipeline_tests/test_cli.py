"""The command line as a person and as a script meet it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fudata_pipeline.catalog import Catalog
from fudata_pipeline.nightly import Night, choose_items
from fudata_pipeline.project import Project
from fudata_pipeline.settings import Settings

from .conftest import FEW_ROWS, ROOT, SAMPLE_SCALE, Deliver
from .district import LI, ZHANG, write_space
from .models.people import settle_in

Demo = tuple[Project, list[Night]]


def _fudata(data: Path | None, *words: str, home: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run the command as a process of its own; ``data`` None: the data folder of ``home``, with few rows."""
    code = "import sys; from fudata_pipeline.cli import main; sys.argv[0] = 'fudata'; main()"
    env = {"FUDATA_HOME": str(home), "PATH": "/usr/bin:/bin", "COLUMNS": "200"}
    env |= {"FUDATA_DATA": str(data)} if data else {}
    env["FUDATA_SCALE"] = str(SAMPLE_SCALE if home == ROOT else FEW_ROWS)
    return subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=False, env=env, cwd=home
    )


def _json(demo: Demo, *words: str) -> Any:
    done = _fudata(demo[0].settings.data_dir, *words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "words",
    [(), ("run",), ("status",), ("catalog", "check"), ("catalog", "stats"), ("catalog", "diff"), ("catalog", "show"),
     ("catalog", "template"), ("catalog", "export"), ("catalog", "import"), ("quarantine", "list"), ("quarantine", "export"),
     ("quarantine", "replay"), ("quarantine", "return"), ("quarantine", "history"), ("drift", "list"), ("drift", "approve"),
     ("drift", "ignore"), ("match", "list"), ("match", "export"), ("match", "return"), ("match", "judge"), ("match", "history"),
     ("match", "model"), ("match", "train"), ("explain",), ("publish",), ("demo",), ("init",),
     ("synth",), ("bench", "accuracy"), ("bench", "rehearse"), ("league",), ("report",)],
)  # fmt: skip
def test_help_of_every_command(words: tuple[str, ...], tmp_path: Path) -> None:
    done = _fudata(tmp_path, *words, "--help")
    assert done.returncode == 0
    assert "Usage" in done.stdout


def test_init_prepares_an_inbox_for_every_unit_and_may_be_repeated(tmp_path: Path, demo: Demo) -> None:
    for _ in range(2):
        assert _fudata(tmp_path, "init").returncode == 0
    assert {p.name for p in (tmp_path / "inbox").iterdir()} == {u.id for u in demo[0].catalog.units}


def test_status_and_quarantine_in_json(demo: Demo) -> None:
    status = {row["item"]: row for row in _json(demo, "status")}
    assert set(status) == set(demo[0].catalog.items_by_id)
    taxpayer = status["swj.taxpayer"]
    assert taxpayer["verdict"] == "refused_contract"
    assert taxpayer["current_rows"] > 0
    assert "truncated" in taxpayer["reason"]
    listed = _json(demo, "quarantine", "list", "--unit", "gaj")
    assert {row["item"] for row in listed} == {"gaj.hukou_population"}
    assert all(row["rows"] > 0 and row["lines"] for row in listed)


def test_publish_without_change(demo: Demo) -> None:
    assert [b["changed"] for b in _json(demo, "publish")] == [False] * 15


def test_explain_in_json_and_as_a_table(demo: Demo) -> None:
    import duckdb

    data = demo[0].settings
    with duckdb.connect(str(data.published_file), read_only=True) as con:
        (code,) = con.execute("SELECT uscc FROM base.legal_entity ORDER BY 1 LIMIT 1").fetchone() or ("",)
    found = _json(demo, "explain", "base.legal_entity", code)
    assert {o["column"] for o in found["origins"]} >= {"entity_name"}
    shown = _fudata(data.data_dir, "explain", "base.legal_entity", code.lower())
    assert shown.returncode == 0
    assert "名称" in shown.stdout
    assert "scjg" in shown.stdout


def test_refused_items_make_the_run_fail_but_everything_else_is_done(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox" / "zsj"
    inbox.mkdir(parents=True)
    (inbox / "网格划分信息_1.csv").write_text(
        "网格编码,网格名称,所属社区编码,网格员\n440304001901001,东园01,东园社区,\n", "utf-8"
    )
    done = _fudata(tmp_path, "run", "--item", "zsj.grid_division", "--item", "zsj.house", "--json")
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert {r["item"]: r["verdict"] for r in report["items"]} == {
        "zsj.grid_division": "promoted",
        "zsj.house": "source_missing",
    }
    assert {p["product"] for p in report["products"]} == {"block.grid", "published"}


def test_since_takes_only_what_arrived_later(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox" / "zsj"
    inbox.mkdir(parents=True)
    (inbox / "网格划分信息_1.csv").write_text(
        "网格编码,网格名称,所属社区编码,网格员\n440304001901001,东园01,东园社区,\n", "utf-8"
    )
    assert json.loads(_fudata(tmp_path, "run", "--since", "2099-01-01", "--json").stdout)["items"] == []
    since = json.loads(_fudata(tmp_path, "run", "--since", "2020-01-01", "--json").stdout)["items"]
    assert [r["item"] for r in since] == ["zsj.grid_division"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "--unit", "nobody"), "没有单位 'nobody'"),
        (("run", "--item", "gaj.hukou"), "gaj.hukou_population"),
        (("explain", "base.population", "1"), "还没有发布文件"),
        (("bench", "accuracy", "/nowhere"), "/nowhere"),
        (("quarantine", "export", "x.docx"), "不支持的文件类型"),
        (("match", "list", "people"), "没有基础表 'people'"),
        (("match", "list", "house"), "没有申报 matching"),
        (("match", "list"), "先运行 fudata publish"),
        (("match", "export", "x.xlsx"), "先运行 fudata publish"),
        (("match", "return", "x.xlsx"), "x.xlsx 不能读取"),
        (("match", "judge", "population", "1", "2", "same"), "先运行 fudata publish"),
        (("match", "judge", "population", "1", "2", "perhaps"), "没有判断 'perhaps'"),
        (("match", "history", "people"), "没有基础表 'people'"),
        (("match", "model", "population"), "先运行 fudata publish"),
        (("match", "model", "population", "--out", "x.pdf"), "不支持的文件类型 .pdf"),
        (("match", "model", "house"), "没有申报 matching"),
        (("match", "train", "population"), "先运行 fudata publish"),
    ],
)
def test_wrong_use_says_what_and_how_without_a_traceback(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    done = _fudata(tmp_path, *words)
    assert done.returncode == 2
    assert said in done.stderr.replace("\n", "")
    assert "Traceback" not in done.stderr


def test_a_broken_catalog_is_named_file_by_file(tmp_path: Path) -> None:
    (tmp_path / "catalog").mkdir()
    (tmp_path / "catalog" / "units.yaml").write_text("units: [{id: X}]", "utf-8")
    for words in (("catalog", "check"), ("run",)):
        done = _fudata(tmp_path / "data", *words, home=tmp_path)
        assert done.returncode in (1, 2)
        assert "units.yaml" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_defect_of_ours_goes_to_the_log_without_values(tmp_path: Path) -> None:
    (tmp_path / "registry.sqlite").write_bytes(b"this is not a database, says 440304199003071248" * 100)
    done = _fudata(tmp_path, "status")
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    log = (tmp_path / "logs" / "fudata.log").read_text("utf-8")
    assert "DatabaseError" in log
    assert "440304199003071248" not in log + done.stderr


def test_wrong_sql_in_a_base_table_is_named_and_stops_no_other(tmp_path: Path) -> None:
    catalog = Path(shutil.copytree(ROOT / "catalog", tmp_path / "catalog"))
    path = catalog / "base" / "building.yaml"
    path.write_text(
        path.read_text("utf-8").replace("building_name: building_name", "building_name: bilding_name"), "utf-8"
    )
    data = tmp_path / "data"
    write_space(data / "inbox")
    done = _fudata(data, "run", "--unit", "zsj", home=tmp_path)
    assert done.returncode == 1
    said = done.stderr.replace("\n", "")
    assert "base.building" in said
    assert "bilding_name" in said
    assert "catalog/base" in said
    assert "Traceback" not in said
    assert "base.house" in done.stdout
    assert (data / "published" / "futian.duckdb").exists()


def test_since_is_read_by_the_clock_in_shanghai(project: Project, deliver: Deliver) -> None:
    file = deliver("zsj/网格划分信息_1.csv", "网格编码\n")
    stamp = datetime(2022, 11, 1, 1, 0, tzinfo=ZoneInfo("Asia/Shanghai")).timestamp()
    os.utime(file, (stamp, stamp))
    assert [i.id for i in choose_items(project, since=datetime(2022, 11, 1, 1, 0))] == ["zsj.grid_division"]
    assert choose_items(project, since=datetime(2022, 11, 1, 1, 1)) == []


def test_catalog_stats_in_json(demo: Demo) -> None:
    numbers = _json(demo, "catalog", "stats")
    assert (numbers["units"], numbers["items"], numbers["records"]) == (67, 2137, 1_037_000_000)
    assert set(numbers["by_share_type"]) == {"unconditional", "conditional", "none"}


def test_catalog_diff_between_folders(demo: Demo, tmp_path: Path) -> None:
    other = Path(shutil.copytree(ROOT / "catalog", tmp_path / "old"))
    district = other / "district.yaml"
    district.write_text(district.read_text("utf-8").replace("深圳市福田区", "深圳市南山区"), "utf-8")
    found = _json(demo, "catalog", "diff", str(other))
    assert [(d["kind"], d["attribute"], d["before"]) for d in found] == [("district", "name", "深圳市南山区")]


def test_catalog_show_in_every_form(demo: Demo) -> None:
    data = demo[0].settings.data_dir
    page = _fudata(data, "catalog", "show", "zsj.house").stdout
    assert "房屋编码" in page
    ddl = _fudata(data, "catalog", "show", "zsj.house", "--as", "ddl").stdout
    assert 'PRIMARY KEY ("house_code")' in ddl
    assert "house_area" in _fudata(data, "catalog", "show", "zsj.house", "--as", "arrow").stdout
    suite = json.loads(_fudata(data, "catalog", "show", "zsj.house", "--as", "gx").stdout)
    assert {e["type"] for e in suite} >= {"expect_table_columns_to_match_set", "expect_table_row_count_to_be_between"}


def test_templates_for_a_unit(demo: Demo, tmp_path: Path) -> None:
    data = demo[0].settings.data_dir
    assert _fudata(data, "catalog", "template", str(tmp_path / "t"), "--unit", "dx").returncode == 0
    assert len(list((tmp_path / "t").glob("dx_*.xlsx"))) == len(demo[0].catalog.items_of("dx"))
    again = _fudata(data, "catalog", "template", str(tmp_path / "t"), "--unit", "dx")
    assert (again.returncode, "--force" in again.stderr) == (2, True)


def test_a_new_district_starts_from_its_workbook(tmp_path: Path) -> None:
    """Export one unit, start a project from that workbook alone, deliver a file, take it in, query it."""
    import duckdb

    done = _fudata(tmp_path / "data", "catalog", "export", str(tmp_path / "目录.xlsx"), "--unit", "clf")
    assert done.returncode == 0, done.stderr
    home = tmp_path / "new"
    home.mkdir()
    done = _fudata(None, "init", "--catalog", str(tmp_path / "目录.xlsx"), "--name", "南山区", home=home)
    assert done.returncode == 0, done.stderr
    assert {p.name for p in home.iterdir()} >= {"catalog", "data", "workspace.yaml", "dagster_home"}
    done = _fudata(None, "catalog", "check", home=home)
    assert (done.returncode, "目录无误：1 个单位，38 个数据项" in done.stdout) == (0, True), done.stderr
    assert json.loads(_fudata(None, "catalog", "check", "--json", home=home).stdout) == []
    again = _fudata(None, "init", "--catalog", str(tmp_path / "目录.xlsx"), home=home)
    assert (again.returncode, "已有目录" in again.stderr) == (2, True)
    inbox = home / "data" / "inbox" / "clf"
    shutil.copy(next((ROOT / "data/samples/2022-10-31/clf").glob("残疾人证_*.xlsx")), inbox)
    done = _fudata(None, "run", "--json", home=home)
    report = json.loads(done.stdout)
    taken = {r["item"]: r for r in report["items"] if r["verdict"] != "source_missing"}
    assert set(taken) == {"clf.disability_certificate"}
    published = home / "data" / "published" / "futian.duckdb"
    with duckdb.connect(str(published), read_only=True) as con:
        (rows,) = con.execute("SELECT count(*) FROM item.clf_disability_certificate").fetchone() or (0,)
    assert rows == taken["clf.disability_certificate"]["rows_accepted"]


def test_a_wrong_workbook_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "x.xlsx").write_bytes(b"nothing")
    done = _fudata(tmp_path / "data", "catalog", "import", str(tmp_path / "x.xlsx"), str(tmp_path / "out"))
    assert done.returncode == 2
    assert "不是可读的工作簿" in done.stderr
    assert not (tmp_path / "out").exists()
    earlier = tmp_path / "earlier" / "items" / "a.yaml"
    earlier.parent.mkdir(parents=True)
    earlier.write_text("unit: a\n")
    done = _fudata(
        tmp_path / "data", "catalog", "import", str(tmp_path / "x.xlsx"), str(tmp_path / "earlier"), "--force"
    )
    assert (done.returncode, earlier.exists()) == (2, True)  # nothing goes before the new can be read


def test_league_and_reports_of_the_demo(demo: Demo, tmp_path: Path) -> None:
    places = _json(demo, "league")
    assert [p["rank"] for p in places[:8]] == list(range(1, 9))
    assert places[0]["unit"] == "zsj" and places[8]["rank"] is None
    month = places[0]["month"]
    out = tmp_path / "out"
    words = ("report", "--month", month, "--unit", "scjg", "--out", str(out))
    planned = _json(demo, *words, "--dry-run")
    assert planned["written"] is False and not out.exists()
    done = _fudata(demo[0].settings.data_dir, *words)
    assert done.returncode == 0 and "已写 1 个单位的月报" in done.stderr
    assert sorted(str(f) for f in out.iterdir()) == sorted(planned["files"])
    table = _fudata(demo[0].settings.data_dir, "league", "--month", month)
    assert "政数局" in table.stdout and "另有 59 个单位还没有得分" in table.stdout


def test_a_report_of_nothing_says_so(demo: Demo, tmp_path: Path) -> None:
    for words, said in (
        (("report", "--month", "2020-01"), "没有任何载入"),
        (("report", "--month", "January"), "YYYY-MM"),
        (("league", "--month", "2020-01"), "没有任何载入"),
    ):
        done = _fudata(demo[0].settings.data_dir, *words)
        assert done.returncode == 2 and said in done.stderr and "→" in done.stderr
    empty = _fudata(tmp_path, "league")
    assert empty.returncode == 2 and "先运行 fudata run" in empty.stderr


def test_a_corrected_workbook_comes_back(tmp_path: Path) -> None:
    import openpyxl

    inbox = tmp_path / "inbox" / "zsj"
    inbox.mkdir(parents=True)
    (inbox / "网格划分信息_1.csv").write_text(
        "网格编码,网格名称,所属社区编码,网格员\n"
        + "".join(f"4403040019010{n},东园{n},东园社区,王小明\n" for n in range(20, 30))
        + "4403040019,东园30,东园社区,李大明\n",
        "utf-8",
    )
    assert _fudata(tmp_path, "run", "--item", "zsj.grid_division").returncode == 0
    book_file = tmp_path / "zsj.xlsx"
    assert _fudata(tmp_path, "quarantine", "export", str(book_file), "--unit", "zsj").returncode == 0
    book = openpyxl.load_workbook(book_file)
    book.worksheets[0]["C2"] = "440304001901030"
    book.save(book_file)
    tried = _fudata(tmp_path, "quarantine", "return", str(book_file), "--dry-run")
    assert (tried.returncode, "更正 1 行" in tried.stdout) == (0, True)
    done = json.loads(_fudata(tmp_path, "quarantine", "return", str(book_file), "--json").stdout)
    assert [(s["rows"], s["problems"]) for s in done["sheets"]] == [(1, [])]
    assert [(i["rows_accepted"], i["rows_quarantined"]) for i in done["items"]] == [(11, 0)]
    told = json.loads(_fudata(tmp_path, "quarantine", "history", "--unit", "zsj", "--json").stdout)
    assert [(h["line"], h["columns"], h["now"]) for h in told] == [(12, ["网格编码"], "已入库")]
    refused = _fudata(tmp_path, "quarantine", "return", str(tmp_path / "inbox" / "zsj" / "网格划分信息_1.csv"))
    assert refused.returncode == 2
    assert "→" in refused.stderr


def test_drift_is_listed_and_what_cannot_be_decided_is_said(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox" / "zsj"
    inbox.mkdir(parents=True)
    (inbox / "网格划分信息_1.csv").write_text(
        "网格编码,网格名称,所属社区编码,网格员,备注\n440304001901001,东园01,东园社区,,\n", "utf-8"
    )
    assert _fudata(tmp_path, "run", "--item", "zsj.grid_division").returncode == 0
    found = json.loads(_fudata(tmp_path, "drift", "list", "--unit", "zsj", "--json").stdout)
    assert [d["header"] for d in found if d["header"]] == ["备注"]
    wrong = _fudata(tmp_path, "drift", "approve", "zsj.grid_division", "没有这一列")
    assert (wrong.returncode, "待定的有：备注" in wrong.stderr) == (2, True)
    assert _fudata(tmp_path, "drift", "ignore", "zsj.no_such", "备注").returncode == 2


def test_people_judge_matches(tmp_path: Path, catalog: Catalog) -> None:
    import openpyxl

    settle_in(Project.of(Settings(home=ROOT, data=tmp_path, scale=FEW_ROWS), catalog), "王伟", "王卫")

    def told(*words: str) -> Any:
        done = _fudata(tmp_path, *words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    [listed] = told("match", "list")
    assert (listed["table"], listed["count"], listed["items"]) == ("population", 2, {"xfj.petition_case": 2})
    shown = _fudata(tmp_path, "match", "list", "base.population", "--limit", "1").stdout
    assert "2 行等待判断" in shown and "王*" in shown and "王伟" not in shown
    file = tmp_path / "判断.xlsx"
    done = _fudata(tmp_path, "match", "export", str(file), "--table", "population", "--unit", "xfj")
    assert (done.returncode, "已导出 2 行" in done.stdout) == (0, True)
    book = openpyxl.load_workbook(file)
    sheet = book.worksheets[0]
    verdict = [c.value for c in sheet[1]].index("判断") + 1
    sheet.cell(2, verdict).value, sheet.cell(3, verdict).value = "同一", "也许"
    book.save(file)
    wrong = _fudata(tmp_path, "match", "return", str(file))
    assert (wrong.returncode, "第 3 行" in wrong.stderr, told("match", "history")["judgements"]) == (2, True, [])
    sheet.cell(3, verdict).value = "不同"
    book.save(file)
    counts = [{"table": "population", "same": 1, "different": 1, "unsure": 0, "repeated": 0}]
    assert told("match", "return", str(file), "--dry-run")["tables"] == counts
    assert told("match", "history")["judgements"] == []
    assert told("match", "return", str(file), "--by", "李雷")["tables"] == counts
    assert told("match", "return", str(file))["tables"] == [{**counts[0], "same": 0, "different": 0, "repeated": 2}]
    first, second = (p["entity_id"] for p in listed["pairs"])
    pair = ("match", "judge", "population", ZHANG, LI, "same", "--note", "换过证件")
    assert "并为一个实体" in _fudata(tmp_path, *pair, "--dry-run").stdout
    assert told(*pair)["recorded"] and not told(*pair)["recorded"]
    judgements = told("match", "history", "population")["judgements"]
    assert [(j["judge"] == "李雷", j["verdict"], j["holds"]) for j in judgements] == [
        (False, "same", True),
        (True, "different", True),
        (True, "same", True),
    ]
    model = told("match", "model", "population", "--out", str(tmp_path / "m.html"))
    assert model["entities"] == 3 and model["levels"] and not model["forgotten"]
    assert "vega" in (tmp_path / "m.html").read_text("utf-8")
    told("match", "train", "population", "--dry-run")
    assert not told("match", "model", "population")["forgotten"]
    assert "学习新的模型" in _fudata(tmp_path, "match", "train", "population").stdout
    assert told("match", "model", "population")["forgotten"]
    assert {b["product"]: b["changed"] for b in told("publish")}["base.population"]
    assert not told("match", "model", "population")["forgotten"]
    moved = told("match", "history")["moves"]
    assert [m["kind"] for m in moved] == ["merge"] and {moved[0]["entity"], moved[0]["into"]} >= {first, second}
    text = _fudata(tmp_path, "match", "history").stdout
    assert "李雷" in text and "合并" in text and "有效" in text
