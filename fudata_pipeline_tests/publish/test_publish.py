"""The published file as an analyst meets it: complete, commented, never half-written, never blocking."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from fudata_pipeline.lake import publication as publication_module
from fudata_pipeline.lake.publication import NotPublishable
from fudata_pipeline.nightly import Night, run_night
from fudata_pipeline.project import Project
from fudata_pipeline.publish import publish
from fudata_pipeline.publish.explain import NotExplained, explain
from fudata_pipeline.publish.meta import TABLES
from fudata_pipeline.report.league import league
from fudata_pipeline.report.standing import History
from fudata_pipeline.settings import now

from ..conftest import FEW_ROWS, ROOT
from ..district import HOUSE_1, ZHANG, write_residents, write_space

Demo = tuple[Project, list[Night]]


def _open(project: Project) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(project.settings.published_file), read_only=True)


def test_schemas_and_tables(demo: Demo) -> None:
    project, _ = demo
    with _open(project) as con:
        found = set(con.execute("SELECT table_schema || '.' || table_name FROM information_schema.tables").fetchall())
    names = {name for (name,) in found}
    assert {f"meta.{t}" for t in TABLES} <= names
    current = project.registry.current_loads()
    assert {n for n in names if n.startswith("item.")} == {
        f"item.{i.view}" for i in project.catalog.items if i.id in current
    }
    assert {f"base.{b.table}" for b in project.catalog.bases} <= names
    assert {"block.grid", "block.population_placement", "block.population_by_grid"} <= names


def test_loads_are_listed_and_conserve_rows(demo: Demo) -> None:
    project, nights = demo
    wanted = "unit, item, load_id, loaded_at, rows_in, rows_accepted, rows_quarantined, rows_duplicate, verdict, score"
    with _open(project) as con:
        rows = con.execute(f"SELECT {wanted} FROM meta.loads").fetchall()
        broken = con.execute(
            "SELECT * FROM meta.loads WHERE rows_in <> rows_accepted + rows_quarantined + rows_duplicate"
        ).fetchall()
        accepted = dict(con.execute("SELECT item, rows_accepted FROM meta.loads WHERE is_current").fetchall())
        for item in (project.catalog.items_by_id[i] for i in accepted):
            seen = con.execute(f"SELECT count(*) FROM item.{item.view}").fetchone()
            assert seen == (accepted[item.id],)
    assert broken == []
    assert len(rows) == sum(not (r.repeated or r.missing) for night in nights for r in night.results)
    assert {r[8] for r in rows} == {"promoted", "refused_contract"}


def test_scores_grades_and_trends_are_those_of_the_registry(demo: Demo) -> None:
    project, _ = demo
    with _open(project) as con:
        scores = con.execute("SELECT load_id, dimension, score, change FROM meta.scores").fetchall()
        loads = dict(con.execute("SELECT load_id, (score, grade, score_change) FROM meta.loads").fetchall())
        units = con.execute(
            "SELECT unit, rank, score, grade, items_refused, rows_in, accessibility FROM meta.unit_scores"
        ).fetchall()
    recorded = project.registry.all_loads()
    assert {(s[0], s[1], s[2]) for s in scores} == {
        (r["load_id"], d, v) for r in recorded for d, v in r["dimensions"].items()
    }
    last = {r["item"]: r for r in recorded}
    first = {r["item"]: r for r in reversed(recorded)}
    assert loads[first["clf.disability_certificate"]["load_id"]][1:] == ("优", None)
    refused = last["clf.disability_certificate"]
    assert loads[refused["load_id"]] == (0.0, "差", round(0.0 - first["clf.disability_certificate"]["score"], 1))
    assert [s[3] for s in scores if s[0] == refused["load_id"]] == [-100.0]  # 可访问性
    history = History(project, now().date())
    assert sorted(units) == sorted(
        (p.standing.unit.id, p.rank, p.standing.score, p.standing.grade, len(p.standing.refused), p.standing.rows("rows_in"),
         p.standing.dimensions.get("可访问性"))
        for p in league(history, history.months[-1])
    )  # fmt: skip


def test_every_table_and_column_is_commented_in_chinese(demo: Demo) -> None:
    project, _ = demo
    with _open(project) as con:
        tables = con.execute(
            "SELECT schema_name, table_name, comment FROM duckdb_tables() "
            "UNION ALL SELECT schema_name, view_name, comment FROM duckdb_views() WHERE NOT internal"
        ).fetchall()
        columns = con.execute(
            "SELECT schema_name, table_name, column_name, comment FROM duckdb_columns() WHERE NOT internal"
        ).fetchall()
    has_chinese = lambda text: bool(text) and any("一" <= c <= "鿿" for c in text)  # noqa: E731
    assert [t for t in tables if not has_chinese(t[2])] == []
    assert [c for c in columns if not has_chinese(c[3])] == []
    assert all(c[2].isascii() for c in columns)


def test_macros_are_in_the_file(demo: Demo) -> None:
    project, _ = demo
    with _open(project) as con:
        assert con.execute("SELECT is_resident_id('11010519491231002X'), mask_name('张三')").fetchone() == (True, "张*")


def test_dictionary_describes_every_column(demo: Demo) -> None:
    project, _ = demo
    with _open(project) as con:
        missing = con.execute(
            "SELECT schema_name, table_name, column_name FROM duckdb_columns() WHERE NOT internal "
            "AND schema_name <> 'meta' EXCEPT SELECT table_schema, table_name, column_name FROM meta.dictionary"
        ).fetchall()
    assert missing == []


@pytest.fixture
def published(project: Project) -> Project:
    write_space(project.settings.inbox_dir)
    _residents(project, 1)
    run_night(project, list(project.catalog.items_of("zsj")))
    return project


def _residents(project: Project, night: int) -> None:
    row = f"{ZHANG},张{'小' * night},女,汉,1990-03-07,,,13512345679,{HOUSE_1},,2020-01-01,2022-10-0{night}"
    write_residents(project.settings.inbox_dir, [row], f"居住人口登记_{night}.csv")


def test_nothing_new_is_not_published_again(published: Project) -> None:
    before = published.settings.published_file.stat()
    assert not publish(published).changed
    after = published.settings.published_file.stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert publish(published, force=True).changed


READER = """
import sys, time, duckdb
con = duckdb.connect(sys.argv[1], read_only=True)
print(con.execute("SELECT person_name FROM base.population").fetchall(), flush=True)
sys.stdin.readline()
print(con.execute("SELECT person_name FROM base.population").fetchall(), flush=True)
"""


def test_a_reader_that_holds_the_file_open_and_a_run_leave_each_other_alone(published: Project) -> None:
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, str(published.settings.published_file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert reader.stdin and reader.stdout
    assert reader.stdout.readline().strip() == "[('张小',)]"
    _residents(published, 2)
    night = run_night(published, list(published.catalog.items_of("zsj")))
    assert {b.product for b in night.built if b.changed} >= {"base.population", "published"}
    reader.stdin.write("\n")
    reader.stdin.close()
    assert reader.stdout.readline().strip() == "[('张小',)]"  # its old file, whole
    assert reader.wait(20) == 0
    with _open(published) as con:
        assert con.execute("SELECT person_name FROM base.population").fetchall() == [("张小小",)]


def test_a_file_that_cannot_be_read_back_is_not_published(published: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    before = published.settings.published_file.read_bytes()
    honest = publication_module._validate

    def damaged(path: Path) -> None:
        path.write_bytes(path.read_bytes()[:4096])
        honest(path)

    monkeypatch.setattr(publication_module, "_validate", damaged)
    with pytest.raises(NotPublishable, match="保持不变"):
        publish(published, force=True)
    assert published.settings.published_file.read_bytes() == before
    assert [p.name for p in published.settings.published_file.parent.iterdir()] == ["futian.duckdb"]


def _run(project: Project) -> subprocess.Popen[bytes]:
    code = (
        "from fudata_pipeline.project import Project; from fudata_pipeline.settings import Settings; "
        "from fudata_pipeline.nightly import run_night; import sys; "
        "p = Project.open(Settings(home=sys.argv[1], data=sys.argv[2], scale=float(sys.argv[3]))); "
        "print('open', flush=True); run_night(p, list(p.catalog.items_of('zsj')), force=True)"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, str(ROOT), str(project.settings.data_dir), str(FEW_ROWS)], stdout=subprocess.PIPE
    )


def test_a_kill_at_any_moment_leaves_a_whole_file_and_the_next_run_completes(published: Project) -> None:
    """Kill nine times, spread over the length of a whole run: every state on the way is met sooner or later."""
    whole = _run(published)
    assert whole.stdout
    whole.stdout.readline()
    started = time.monotonic()
    assert whole.wait(120) == 0
    length = time.monotonic() - started
    for n in range(9):
        _residents(published, n % 2 + 2)  # something to load, model and publish each time
        victim = _run(published)
        assert victim.stdout
        victim.stdout.readline()
        time.sleep(length * n / 8)
        victim.kill()
        victim.wait()
        with _open(published) as con:
            assert con.execute("SELECT count(*) FROM base.population").fetchone() == (1,)
            assert con.execute("SELECT count(*) > 0 FROM meta.loads").fetchone() == (True,)
    _residents(published, 9)
    done = run_night(published, list(published.catalog.items_of("zsj")))
    assert [r.item for r in done.results if r.failed] == []
    with _open(published) as con:
        assert con.execute("SELECT person_name FROM base.population").fetchall() == [("张" + "小" * 9,)]
    leftovers = [p for p in published.settings.data_dir.rglob("*.tmp*") if p.name.startswith(".")]
    assert [p for p in leftovers if p.parent == published.settings.published_file.parent] == []


def test_explain_names_unit_item_file_and_line(demo: Demo) -> None:
    project, _ = demo
    with _open(project) as con:
        (person,) = con.execute(
            "SELECT resident_id FROM base.population WHERE len(source_items) > 2 ORDER BY 1 LIMIT 1"
        ).fetchone() or ("",)
    found = explain(project.settings.published_file, "base.population", person)
    name = next(o for o in found.origins if o.column == "person_name")
    item = project.catalog.items_by_id[name.item]
    assert name.unit == item.unit
    delivered = next(project.settings.inbox_dir.rglob(name.file_name))
    if item.source.format == "csv":
        line = delivered.read_text(item.source.encoding.replace("utf-8", "utf-8-sig")).splitlines()[name.line - 1]
        assert name.value in line
    assert found == explain(project.settings.published_file, "population", found.entity_id)


@pytest.mark.parametrize(("table", "entity"), [("base.nothing", "1"), ("base.population", "no such person")])
def test_explain_says_what_there_is(demo: Demo, table: str, entity: str) -> None:
    with pytest.raises(NotExplained, match="→"):
        explain(demo[0].settings.published_file, table, entity)


def test_explain_before_anything_is_published(tmp_path: Path) -> None:
    with pytest.raises(NotExplained, match="fudata run"):
        explain(tmp_path / "none.duckdb", "base.population", "1")
