"""One schema object, many forms: each says the same of every column, and each works."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from openpyxl import load_workbook

from fudata_pipeline.catalog import Catalog
from fudata_pipeline.catalog.schema import TableSchema
from fudata_pipeline.catalog.template import write_template
from fudata_pipeline.quality.suite import expectations

from ..conftest import Deliver, Project


@pytest.fixture
def schema(catalog: Catalog) -> TableSchema:
    return TableSchema.of(catalog, catalog.items_by_id["zsj.resident_registration"])


def test_every_form_has_the_same_columns(schema: TableSchema, tmp_path: Path) -> None:
    names = [c.name for c in schema.columns]
    assert schema.arrow().names == names
    with duckdb.connect() as con:
        con.execute("CREATE SCHEMA item")
        con.execute(schema.ddl())
        described = con.execute(
            "SELECT column_name, data_type, comment FROM duckdb_columns() WHERE NOT internal"
        ).fetchall()
    assert described == [(c.name, c.duckdb, c.comment) for c in schema.columns]
    write_template(schema, tmp_path / "t.xlsx")
    sheet = load_workbook(tmp_path / "t.xlsx")["数据"]
    assert [c.value for c in sheet[1]] == [c.headers[0] for c in schema.columns]
    suite = expectations(schema.catalog, schema.item, None)
    assert next(e for e in suite if "column_set" in e["kwargs"])["kwargs"]["column_set"] == names
    assert all(f"| {c.title} |" in schema.page() for c in schema.columns)


def test_arrow_carries_title_grade_and_nullability(schema: TableSchema) -> None:
    field = schema.arrow().field("resident_id")
    assert (field.type, field.nullable) == (pa.string(), False)
    assert field.metadata[b"title"].decode() == "公民身份号码"
    assert field.metadata[b"pi"] == b"4"


def test_ddl_refuses_what_the_contract_refuses(schema: TableSchema) -> None:
    with duckdb.connect() as con:
        con.execute(schema.ddl("t"))
        with pytest.raises(duckdb.ConstraintException):
            con.execute("INSERT INTO t (resident_id) VALUES (NULL)")


def test_every_item_has_an_arrow_schema_and_ddl(catalog: Catalog) -> None:
    with duckdb.connect() as con:
        con.execute("CREATE SCHEMA item")
        for item in catalog.items:
            schema = TableSchema.of(catalog, item)
            con.execute(schema.ddl())
            assert schema.arrow().names == list(item.columns)


def test_page_names_what_the_item_feeds(catalog: Catalog) -> None:
    page = TableSchema.of(catalog, catalog.items_by_id["gaj.hukou_population"]).page()
    assert "人口基础信息.person_name（第 1 顺位）" in page


def test_a_filled_template_is_a_delivery(project: Project, deliver: Deliver, tmp_path: Path) -> None:
    """What the unit gets is what the pipeline takes: fill in one row, drop it into the inbox."""
    from fudata_pipeline.load.item import load_item

    item = project.catalog.items_by_id["clf.disability_certificate"]
    schema = TableSchema.of(project.catalog, item)
    write_template(schema, tmp_path / "t.xlsx")
    book = load_workbook(tmp_path / "t.xlsx")
    (example, *_) = project.catalog.examples(item)
    for number, header in enumerate([c.value for c in book["数据"][1]], 1):
        book["数据"].cell(2, number, example.given.get(header))
    book.save(tmp_path / "filled.xlsx")
    deliver("clf/残疾人证_20221101.xlsx", (tmp_path / "filled.xlsx").read_bytes())
    result = load_item(project, item)
    assert (result.rows_in, result.rows_accepted) == (1, 1)
