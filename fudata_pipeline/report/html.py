"""Reports as pages: one file each, complete in itself, to be read from disk, printed and heard."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fudata_pipeline.quality.score import DIMENSIONS
from fudata_pipeline.report.league import Place
from fudata_pipeline.report.sparkline import sparkline
from fudata_pipeline.report.tables import shown
from fudata_pipeline.report.unit import UnitReport

if TYPE_CHECKING:
    from jinja2 import Environment


def environment() -> Environment:
    """Templates that escape every value and fail on a name they do not know."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("fudata_pipeline.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["shown"] = shown
    made.filters["href"] = quote
    made.filters["sparkline"] = sparkline
    return made


def unit_page(pages: Environment, report: UnitReport, workbook: str, index: str) -> str:
    """The page of one unit; ``workbook`` and ``index``: the files beside it that it links to."""
    tables = {t.name: t for t in report.tables}
    return pages.get_template("unit.html").render(report=report, tables=tables, workbook=workbook, index=index)


def index_page(
    pages: Environment,
    district: str,
    places: list[Place],
    files: dict[str, tuple[str, str]],
    notes: tuple[str, ...],
    made_at: datetime,
) -> str:
    """The page of all units; ``files``: unit id -> its page and workbook, for those that have them."""
    values: dict[str, Any] = {
        "district": district, "places": places, "files": files, "notes": notes, "made_at": made_at, "dimensions": list(DIMENSIONS.values())
    }  # fmt: skip
    return pages.get_template("index.html").render(**values)
