"""What changed between two catalogs, and the catalog in numbers."""

from __future__ import annotations

from fudata_pipeline.catalog import Catalog
from fudata_pipeline.catalog.compare import compare, stats


def test_a_catalog_does_not_differ_from_itself(catalog: Catalog) -> None:
    assert compare(catalog, catalog) == []


def test_each_change_is_named_once(catalog: Catalog) -> None:
    first, second, *rest = catalog.items
    column = first.fields[0].model_copy(update={"headers": ("新表头",)})
    changed = first.model_copy(update={"title": "新标题", "fields": (column, *first.fields[1:])})
    new = second.model_copy(update={"name": "brand_new"})
    after = catalog.model_copy(update={"items": (changed, new, *rest)})
    found = {(d.kind, d.name, d.change, d.attribute) for d in compare(catalog, after)}
    assert found == {
        ("item", first.id, "changed", "title"),
        ("item", first.id, "changed", f"fields.{column.name}"),
        ("item", second.id, "removed", ""),
        ("item", new.id, "added", ""),
    }


def test_a_changed_dictionary_field_is_said_once_not_once_an_item(catalog: Catalog) -> None:
    name = "resident_id"
    field = catalog.fields[name].model_copy(update={"title": "身份号码"})
    after = catalog.model_copy(update={"fields": catalog.fields | {name: field}})
    (difference,) = compare(catalog, after)
    assert (difference.kind, difference.before, difference.after) == ("field", "公民身份号码", "身份号码")


def test_a_new_spelling_is_said_of_its_code(catalog: Catalog) -> None:
    sex = catalog.codes["sex"]
    changed = sex.model_copy(update={"aliases": sex.aliases | {"男同学": "1"}})
    after = catalog.model_copy(update={"codes": catalog.codes | {"sex": changed}})
    (difference,) = compare(catalog, after)
    assert (difference.kind, difference.name, difference.attribute) == ("codes", "sex", "code 1")
    assert "男同学" in difference.after["spellings"]


def test_numbers_add_up(catalog: Catalog) -> None:
    numbers = stats(catalog)
    for key in ("by_share_type", "by_cycle", "by_availability", "by_format", "by_unit", "by_grade"):
        assert sum(numbers[key].values()) == numbers["items"], key
    assert numbers["units"] == len(numbers["by_unit"])
