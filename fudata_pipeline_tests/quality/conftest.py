"""A tiny catalog with one item that has every kind of expectation, and a writer of its two Parquet files."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import pytest

from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.catalog.model import (
    Bounds,
    CodeSet,
    District,
    FieldDef,
    Item,
    ItemField,
    Rule,
    Share,
    Source,
    TypeDef,
)
from fudata_pipeline.engine.sql import parquet
from fudata_pipeline.quality.gate import GateVerdict, validate
from fudata_pipeline.settings import Settings

COLUMNS = {
    "resident_id": "VARCHAR",
    "month": "DATE",
    "sex": "VARCHAR",
    "phone": "VARCHAR",
    "at": "BIGINT",  # a word that SQL keeps for itself
}
IDS = ("440304199003071248", "11010519491231002X", "440524188001010014")
SOUND = [(i, "2022-10-01", "2", "13800138000", 18) for i in IDS]


def _rule(rule_id: str, indicator: str, severity: str = "quarantine", violation: str = "") -> Rule:
    return Rule.model_validate(
        {
            "rule_id": rule_id,
            "severity": severity,
            "indicator": indicator,
            "fixer": "unit",
            "level": "field",
            "violation": violation,
            "wording_zh": rule_id,
            "wording_en": rule_id,
            "cure_zh": "",
        }
    )


RULES = (
    _rule("required", "0201"),
    _rule("code", "0105"),
    _rule("range", "0301"),
    _rule("resident_id", "0302", violation="{raw} IS NOT NULL AND NOT is_resident_id({value})"),
    _rule("phone", "0302", "warn", "{raw} IS NOT NULL AND NOT is_phone({value})"),
    _rule("unique_key", "0304"),
    _rule("dates_in_order", "0503"),
    _rule("birth_matches_id", "0401", "warn"),
)


def _field(name: str, title: str, kind: str, *, min_filled: float = 0.0, **declared: str) -> ItemField:
    field = FieldDef.model_validate({"name": name, "title": title, "type": kind, **declared})
    return ItemField(name=name, title=title, field=field, headers=(title,), min_filled=min_filled)


@pytest.fixture
def item() -> Item:
    return Item(
        unit="mzj",
        name="allowance",
        code="308012/000001",
        title="津贴",
        summary="津贴",
        cycle="monthly",
        share=Share(type="unconditional"),
        key=("resident_id", "month"),
        source=Source(path="*.csv", format="csv"),
        fields=(
            _field("resident_id", "公民身份号码", "resident_id"),
            _field("month", "月份", "date", min="2000-01-01", max="2100-01-01"),
            _field("sex", "性别", "code", codes="sex"),
            _field("phone", "电话", "phone", min_filled=0.5),
            _field("at", "层数", "integer", min="0"),
        ),
        records=4,
        bounds=Bounds(floor=0.5, max_quarantine=0.4),
    )


@pytest.fixture
def catalog(item: Item) -> Catalog:
    types = {
        "resident_id": ("VARCHAR", ("resident_id",)),
        "phone": ("VARCHAR", ("phone",)),
        "date": ("DATE", ()),
        "code": ("VARCHAR", ()),
        "integer": ("BIGINT", ()),
    }
    return Catalog(
        district=District(
            name="福田",
            code="440304",
            code_prefix="308",
            grid_item="x.y",
            score_weights={"规范性": 20, "完整性": 25, "准确性": 25},
        ),
        units=(),
        types={n: TypeDef(title=n, duckdb=t, parse="{raw}", letter="C", rules=r) for n, (t, r) in types.items()},
        rules={r.rule_id: r for r in RULES},
        codes={"sex": CodeSet(name="sex", titles={"1": "男", "2": "女"}, aliases={})},
        fields={},
        field_files={},
        archetypes={},
        files={item.id: "items/mzj.yaml"},
        version="test",
        items=(item,),
        bases=(),
        themes=(),
    )


Row = tuple[object, ...]
Judge = Callable[..., GateVerdict]


@pytest.fixture
def judge(tmp_path: Path, catalog: Catalog, item: Item) -> Judge:
    """Write accepted and quarantined rows (resident_id, month, sex, phone, at), and send them through the gate."""

    typed = ", ".join(f'"{name}" {kind}' for name, kind in COLUMNS.items())

    def write(path: Path, rows: list[Row], extra: str, without: str | None = None) -> Path:
        con = duckdb.connect()
        con.execute(f"CREATE TABLE t (_line BIGINT, {typed})")
        for line, row in enumerate(rows, 2):
            con.execute("INSERT INTO t VALUES (?, ?, ?, ?, ?, ?)", [line, *row])
        columns = ", ".join(f'"{n}"' for n in COLUMNS if n != without)
        con.execute(f"COPY (SELECT _line, {columns}{extra} FROM t) TO '{path}' (FORMAT parquet)")
        con.close()
        return path

    def run(
        accepted: list[Row],
        quarantined: list[Row] | None = None,
        *,
        last_rows: int | None = None,
        without: str | None = None,
        catalog: Catalog = catalog,
        item: Item = item,
        day: date | None = None,
    ) -> GateVerdict:
        settings = Settings(data=tmp_path / "data", memory_limit="1GB")
        a = write(tmp_path / "accepted.parquet", accepted, "", without)
        q = write(
            tmp_path / "quarantine.parquet", quarantined or [], ", ['x:y'] AS _rules, 'raw cells' AS _raw", without
        )
        return validate(settings, catalog, item, parquet(a), parquet(q), last_rows, day=day)

    return run
