"""How long a whole load takes against a bare DuckDB ``COPY csv TO parquet`` of the same rows, in the same run.

    python bench/load.py [--json] [--rows N] [case …]     1 M rows; under a minute a case
    python bench/load.py --full [--json]                  10 M rows

The bare copy reads UTF-8 with the declared types (of dirty rows it drops what it cannot read) and writes zstd Parquet. The
load is everything from the inbox to promotion: hashing, snapshot, decoding, types, rules, duplicate keys, quarantine,
great-expectations (imported before the clock starts), registry. Ratios on a noisy machine: run it more than once.

Cases: ``clean`` (身份证受理登记, 9 columns, 12 rules), ``gb18030`` (the same rows in the other encoding), ``dirty1`` and
``dirty40`` (1 and 40 per cent of the rows break a rule or repeat a key), ``wide`` (200 columns, a tenth of the rows).
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import duckdb

from fudata_pipeline import standards
from fudata_pipeline.catalog.model import Item, TypeDef
from fudata_pipeline.engine.sql import identifier, literal
from fudata_pipeline.load import delivery as delivery_module
from fudata_pipeline.load import item as item_module
from fudata_pipeline.load.item import load_item
from fudata_pipeline.project import Project
from fudata_pipeline.settings import Settings
from fudata_pipeline.synthetic.twin import macros

ROOT = Path(__file__).resolve().parents[1]
ITEM = "gaj.remote_id_card"
CASES = {"clean": 0, "gb18030": 0, "dirty1": 1, "dirty40": 40, "wide": 0}
"""Case -> per cent of rows that are wrong."""

VALUES = {
    "record_no": "'YDSF2022' || lpad(CAST(n AS VARCHAR), 9, '0')",
    "resident_id": "body || mod_11_2(CAST(body AS BIGINT))",
    "person_name": "made_name(draw(n, 1))",
    "phone": "made_phone(draw(n, 3))",
    "record_date": "strftime(DATE '2022-10-31' - CAST(draw(n, 4) % 700 AS INTEGER), '%Y-%m-%d')",
    "collect_from": "strftime(DATE '2022-12-31' - CAST(draw(n, 5) % 60 AS INTEGER), '%Y-%m-%d')",
    "hukou_address": "['湖南省长沙市', '广东省梅州市', '江西省赣州市', '湖北省黄冈市'][1 + CAST(draw(n, 6) % 4 AS INTEGER)]",
}
"""Column -> SQL of its text; the others hold one of a few words."""

BAD = {
    "resident_id": "left({0}, 17) || 'A'",
    "person_name": "''",
    "record_date": "'2022-13-45'",
    "record_no": "'YDSF2022000000000'",
}


def write(con: duckdb.DuckDBPyConnection, item: Item, rows: int, bad: int, file: Path) -> None:
    """Made-up rows of ``item`` as UTF-8 text with its headers; ``bad`` per cent of them wrong in one cell."""
    macros(con)
    columns = []
    for number, field in enumerate(item.fields):
        sql = VALUES.get(
            field.name.split("__")[0], f"['甲种', '乙种', '丙种'][1 + CAST(draw(n, {number}) % 3 AS INTEGER)]"
        )
        if bad and (wrong := BAD.get(field.name)):
            place = list(BAD).index(field.name)
            sql = f"CASE WHEN draw(n, 90) % 100 < {bad} AND draw(n, 91) % 4 = {place} THEN {wrong.format(sql)} ELSE {sql} END"
        columns.append(f"{sql} AS {identifier(field.headers[0])}")
    birth = "DATE '1940-01-01' + CAST(draw(n, 7) % 25000 AS INTEGER)"
    body = f"'440304' || strftime({birth}, '%Y%m%d') || lpad(CAST(draw(n, 8) % 1000 AS VARCHAR), 3, '0')"
    con.execute(
        f"COPY (SELECT {', '.join(columns)} FROM (SELECT n, {body} AS body FROM range({rows}) t(n))) TO '{file}' (HEADER)"
    )


def wide(item: Item) -> Item:
    """The item with its columns over and over, 200 in all."""
    fields = list(item.fields)
    while len(fields) < 200:
        of = item.fields[len(fields) % len(item.fields)]
        name = f"{of.name}__{len(fields)}"
        fields.append(of.model_copy(update={"name": name, "title": name, "headers": (name,)}))
    return item.model_copy(update={"fields": tuple(fields)})


def bare_copy(item: Item, types: dict[str, TypeDef], file: Path, out: Path) -> float:
    columns = ", ".join(f"{literal(f.headers[0])}: {literal(types[f.field.type].duckdb)}" for f in item.fields)
    with duckdb.connect() as con:
        con.execute("SET enable_progress_bar = false")
        started = time.perf_counter()
        con.execute(
            f"COPY (FROM read_csv('{file}', header=true, columns={{{columns}}}, nullstr='', ignore_errors=true)) "
            f"TO '{out}' (FORMAT parquet, COMPRESSION zstd)"
        )
        return time.perf_counter() - started


def measure(case: str, rows: int) -> dict[str, float]:
    """Seconds of the bare copy and of the whole load, and of the parts of the load; ``ratio`` is load over copy."""
    with tempfile.TemporaryDirectory() as folder:
        project = Project.open(Settings(home=ROOT, data=Path(folder) / "data", scale=1e-9))
        declared = project.catalog.items_by_id[ITEM]
        item = wide(declared) if case == "wide" else declared
        item = item.model_copy(
            update={
                "source": item.source.model_copy(update={"encoding": "gb18030" if case == "gb18030" else "utf-8"}),
                "bounds": item.bounds.model_copy(update={"max_quarantine": 0.9}),
            }
        )
        inbox = project.settings.inbox_dir / item.unit
        inbox.mkdir(parents=True)
        plain, file = Path(folder) / "plain.csv", inbox / item.source.path.replace("*", "1")
        with duckdb.connect() as con:
            standards.install(con)
            write(con, item, rows, CASES[case], plain)
        if case == "gb18030":
            with plain.open(encoding="utf-8") as source, file.open("w", encoding="gb18030") as target:
                while text := source.read(1 << 24):
                    target.write(text)
        else:
            shutil.copyfile(plain, file)
        with ProcessPoolExecutor(1, get_context("spawn")) as aside:  # whose memory is not that of the load
            bare = min(
                aside.submit(bare_copy, item, project.catalog.types, plain, Path(folder) / f"bare{n}.parquet").result()
                for n in range(2)
            )
        plain.unlink()
        from fudata_pipeline.quality import gx  # noqa: F401  import great-expectations before the clock starts

        parts: dict[str, float] = {}
        item_module.begin_snapshot = _timed(item_module.begin_snapshot, "begin_snapshot", parts)
        for name in ("stage", "split", "validate"):
            setattr(delivery_module, name, _timed(getattr(delivery_module, name), name, parts))
        started = time.perf_counter()
        result = load_item(project, item)
        whole = time.perf_counter() - started
        assert result.verdict == "promoted" and result.rows_in == rows, result
        clean = result.rows_accepted / rows
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return {"rows": rows, "clean_share": clean, "bare_copy": bare, "load": whole, "ratio": whole / bare, **parts,
            "gx_share": parts["validate"] / whole, "peak_gb": peak}  # fmt: skip


def _timed(function: Callable[..., Any], name: str, parts: dict[str, float]) -> Callable[..., Any]:
    def call(*args: Any, **options: Any) -> Any:
        started = time.perf_counter()
        try:
            return function(*args, **options)
        finally:
            parts[name] = time.perf_counter() - started

    return call


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "cases", nargs="*", metavar="case", help=f"of {', '.join(CASES)}; default all, without --full clean only"
    )
    parser.add_argument("--rows", type=int)
    parser.add_argument("--full", action="store_true", help="10 M rows")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    rows = options.rows or (10_000_000 if options.full else 1_000_000)
    cases = options.cases or (list(CASES) if options.full else ["clean", "gb18030"])
    if options.here:
        print(json.dumps({k: round(v, 3) for k, v in measure(cases[0], rows).items()}))
        return
    found = {}
    for case in cases:  # a process each, so that the peak of memory is its own
        size = rows // 10 if case == "wide" else rows
        command = [sys.executable, __file__, case, "--rows", str(size), "--here"]
        found[case] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        if not options.json:
            print(f"{case:10}" + "  ".join(f"{k} {v:,}" for k, v in found[case].items()), flush=True)
    if options.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
