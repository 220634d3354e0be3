"""Options and exit codes that commands have in common."""

from __future__ import annotations

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Units = Annotated[list[str] | None, typer.Option("--unit", help="Unit id, e.g. gaj; may be repeated.")]
Items = Annotated[list[str] | None, typer.Option("--item", help="Item, e.g. gaj.hukou_population; may be repeated.")]

FAILED = 1
WRONG_USE = 2
INTERNAL = 3


class WrongUse(Exception):
    """A command was given what it cannot work with; the message says what, and the cure."""
