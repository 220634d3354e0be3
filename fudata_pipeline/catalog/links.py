"""Declarations of links between entities (人房企关联)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field, model_validator

from fudata_pipeline.catalog.declared import Declared
from fudata_pipeline.catalog.model import FieldDef
from fudata_pipeline.catalog.notation import known

NAME = r"^[a-z][a-z0-9_]*$"


class End(Declared):
    """What a link leads to: an entity of a base table. Of the ``optional`` ends of a row at least one must be known."""

    base: str
    title: str
    optional: bool = False


class LinkInput(Declared):
    """An item that tells of links. All texts are SQL over the item's columns.

    ``ends``: end -> base column (an identifier at least) -> SQL; ``columns``: the link's own fields.
    """

    item: str
    ends: dict[str, dict[str, str]]
    columns: dict[str, str] = Field(default_factory=dict)
    relation: str | None = None
    from_date: str | None = None
    to_date: str | None = None
    where: str | None = None


class Link(Declared):
    """A table of links: a row for each set of ends, fields and relation, and for each period in which it held.

    Periods that overlap or touch are one. ``codes`` is the code list of its relations. Either ``inputs`` tell of the links, or
    they are those of the link table ``of`` whose relation is one of ``relations``, without regard to which.
    """

    table: str = Field(pattern=NAME)
    title: str
    ends: dict[str, End] = Field(default_factory=dict)
    codes: str | None = None
    fields: tuple[FieldDef, ...] = ()
    inputs: tuple[LinkInput, ...] = ()
    of: str | None = None
    relations: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _either_inputs_or_another_link(self) -> Link:
        own = (self.ends, self.inputs)
        if self.of is None and not (all(own) and not self.relations):
            raise ValueError("须写 ends 与 inputs；relations 只与 of 同用")
        if self.of is not None and (any(own) or self.codes or self.fields or not self.relations):
            raise ValueError("写了 of，须写 relations，不再写 ends、inputs、codes、fields")
        return self

    @property
    def dated(self) -> bool:
        """Its rows have periods."""
        return any(i.from_date or i.to_date for i in self.inputs)


def link_of(body: Mapping[str, Any], fields: Mapping[str, FieldDef]) -> Link:
    """A link from its file; its fields are those of the dictionary.

    Raises:
        Mistake: for a field that the dictionary does not have.
    """
    names = [known(dict(fields), name, "字段", "catalog/fields/") for name in body.get("fields", ())]
    return Link.model_validate({**body, "fields": names})
