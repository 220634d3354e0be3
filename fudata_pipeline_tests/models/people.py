"""A few people as units deliver them: some by resident id, some by travel document, some without either."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import duckdb

from fudata_pipeline.load.item import load_item
from fudata_pipeline.models.base import build_base
from fudata_pipeline.models.product import product_sql
from fudata_pipeline.project import Project

from ..district import HOUSE_1, HOUSE_2, LI, WANG, ZHANG, write_residents

PERMIT, ACCOMMODATION, PETITION = "gaj.hmt_residence_permit", "gaj.hmt_accommodation", "xfj.petition_case"
DOCUMENT = "H12345678"
PHONE = "13912349876"

RESIDENTS = [
    f"{ZHANG},王伟,女,汉,1990-03-07,本科,户籍,{PHONE},{HOUSE_1},,2020-01-01,2022-10-01 08:00:00",
    f"{LI},王伟,女,汉,1949-12-31,小学,非户籍,{PHONE},{HOUSE_1},,2021-01-01,2022-10-01 08:00:00",
    f"{WANG},欧阳铁柱,男,汉,1880-01-01,小学,非户籍,,{HOUSE_2},,2021-01-01,2022-10-01 08:00:00",
]
"""Two of one name with one phone, between whom no rule can decide, and an old man."""


def write(project: Project, item_id: str, *rows: dict[str, str]) -> None:
    """Deliver rows of an item whose source is delimited text, by column name."""
    item = project.catalog.items_by_id[item_id]
    lines = [
        item.source.delimiter.join(f.headers[0] for f in item.fields),
        *(item.source.delimiter.join(row.get(f.name, "") for f in item.fields) for row in rows),
    ]
    file = project.settings.inbox_dir / item.unit / item.source.path.replace("*", "1")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(("\n".join(lines) + "\n").encode(item.source.encoding))


def write_petitions(project: Project, *names: str) -> None:
    """A petition a name, with the phone of the two of one name and no identifier."""
    told = {"phone": PHONE, "petition_way": "来信", "petition_content": "噪声", "registered_date": "2022-10-01"}
    write(
        project, PETITION, *(told | {"petition_no": f"FT{n}", "person_name": name} for n, name in enumerate(names, 1))
    )


def write_travellers(project: Project) -> None:
    """A person with both identifiers, once by both and once by the travel document alone."""
    both = {"certificate_no": "FT1", "resident_id": WANG, "exit_entry_doc_no": DOCUMENT, "person_name": "欧阳铁柱"}
    write(project, PERMIT, both | {"exit_entry_doc_kind": "516"})
    write(project, ACCOMMODATION, {"record_no": "FT1", "person_name": "欧阳铁柱", "exit_entry_doc_no": DOCUMENT})


def take_in(project: Project, *items: str) -> None:
    for item in items:
        assert load_item(project, project.catalog.items_by_id[item]).verdict in ("promoted", "unchanged")
    build_base(project, project.catalog.base("population"))


def settle_in(project: Project, *petitioners: str) -> None:
    """Deliver, load and build everybody."""
    write_residents(project.settings.inbox_dir, RESIDENTS)
    write_travellers(project)
    write_petitions(project, *petitioners)
    take_in(project, "zsj.resident_registration", PERMIT, ACCOMMODATION, PETITION)


def rows_of(project: Project, product: str, columns: str, rest: str = "") -> list[tuple[Any, ...]]:
    with duckdb.connect() as con:
        return con.execute(f"SELECT {columns} FROM {product_sql(project, product)} {rest}").fetchall()


def entity_of(project: Project, resident_id: str) -> str:
    [(entity,)] = rows_of(project, "base.population", "entity_id", f"WHERE resident_id = '{resident_id}'")
    return str(entity)


def linked(project: Project, item: str) -> list[str | None]:
    """The entity of each row of an item, in the order of lines."""
    found: Iterable[tuple[str | None, int]] = rows_of(
        project, "base.population_record", "entity_id, line", f"WHERE item = '{item}' ORDER BY line"
    )
    return [entity for entity, _ in found]
