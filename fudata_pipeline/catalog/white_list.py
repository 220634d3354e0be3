"""Declaration of the list of residents (白名单) and of what to do about whom."""

from __future__ import annotations

from pydantic import Field

from fudata_pipeline.catalog.declared import Declared
from fudata_pipeline.catalog.links import NAME


class Suggestion(Declared):
    """What to do about a person: SQL ``when`` over the columns of the list and of the base table; the first that is true counts."""

    code: str
    when: str
    reason: str


class WhiteList(Declared):
    """The list of residents (白名单) held against what all units know of each person of a base table.

    ``listed``, ``registered``: the items that are the list and the register; both feed ``base``. ``homes``: the link table that
    tells where people live, of which ``listed`` is an input; ``residence``: the one of their periods. Both lead from ``person``
    to ``house``. ``unseen_days``: without a dated record for longer than that a person counts as not seen.
    """

    table: str = Field(pattern=NAME)
    title: str
    base: str
    house_base: str
    listed: str
    registered: str
    homes: str
    residence: str
    person: str = "person"
    house: str = "house"
    unseen_days: int = Field(ge=1)
    codes: str
    suggestions: tuple[Suggestion, ...] = Field(min_length=1)
