"""Where alerts go (``catalog/alerts.yaml``, optional): robots of WeCom and DingTalk, or any webhook."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import Field

from fudata_pipeline.catalog.declared import Declared

Heard = Literal["internal_error", "broken_product", "refused_contract", "refused_gate", "late", "recovered"]
"""What a channel can hear of, the most urgent first: failing verdicts of a load, products that could not be built, late
deliveries, and items or products that are well again."""

MOST_BYTES = {"wecom": 4096, "dingtalk": 20000, "generic": 20000}
"""Bytes a message may have: of Markdown for WeCom, else of the whole body. The robots' own limits [M], generic [A]."""

ROBOT_PER_MINUTE = 20
"""Messages a minute that WeCom and DingTalk take of one robot [M]; DingTalk then drops all for ten minutes."""


class Channel(Declared):
    """A channel. Address and secret are named by environment variable only: whoever knows them can write to the group.

    ``units`` narrows it to the items of some units (products are nobody's and are left out then), ``quiet`` are hours in
    which a problem is not repeated, ``messages`` the most a night is told in: the last says how many more there are.
    """

    name: str
    kind: Literal["wecom", "dingtalk", "generic"]
    url_env: str
    secret_env: str | None = None  # DingTalk robots that ask for signatures (加签)
    hears: tuple[Heard, ...] = Field(default=get_args(Heard), min_length=1)
    units: tuple[str, ...] = ()
    quiet: float = Field(default=24, ge=0)
    per_minute: int = Field(default=ROBOT_PER_MINUTE, ge=1)
    messages: int = Field(default=3, ge=1)
    max_bytes: int | None = Field(default=None, ge=3072)

    @property
    def limit(self) -> int:
        return self.max_bytes or MOST_BYTES[self.kind]

    def hears_of(self, kind: str, unit: str) -> bool:
        """Whether a problem of this kind, of an item of ``unit`` (of a product: empty), is told here."""
        return kind in self.hears and (not self.units or unit in self.units)
