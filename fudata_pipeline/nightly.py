"""The night's work in its order: intake, base models, blocks, publish. The CLI and Dagster both call these steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from fudata_pipeline.blocks.place import GRID, build_grid, build_placement, placement_name
from fudata_pipeline.blocks.theme import build_theme
from fudata_pipeline.catalog.model import Item
from fudata_pipeline.lake.files import Busy
from fudata_pipeline.lake.publication import NotPublishable
from fudata_pipeline.load.corrections import Returned, take_returned
from fudata_pipeline.load.items import load_items
from fudata_pipeline.load.result import LoadResult
from fudata_pipeline.models.base import build_base
from fudata_pipeline.models.checks import CHECK, build_checks
from fudata_pipeline.models.left_out import LEFT_OUT, build_left_out
from fudata_pipeline.models.links import build_link, link_name
from fudata_pipeline.models.product import BrokenDeclaration, Built, NothingToBuild
from fudata_pipeline.models.white_list import build_white_list, white_list_name
from fudata_pipeline.project import Project
from fudata_pipeline.publish import PRODUCT, publish
from fudata_pipeline.settings import TIMEZONE, now
from fudata_pipeline.sources import find_delivery


class UnknownName(Exception):
    """A unit or item that the catalog does not declare."""


def choose_items(
    project: Project, units: Iterable[str] = (), items: Iterable[str] = (), since: datetime | None = None
) -> list[Item]:
    """The items to take in: of these units, or these ones, or all; with ``since`` those with a newer file.

    Raises:
        UnknownName: naming the unit or item and what would be valid.
    """
    chosen = list(project.catalog.items)
    for unit in (units := list(units)):
        if unit not in project.catalog.units_by_id:
            raise UnknownName(f"没有单位 {unit!r}；可用：{'、'.join(project.catalog.units_by_id)}")
    for item in (items := list(items)):
        if item not in project.catalog.items_by_id:
            near = [i for i in project.catalog.items_by_id if item.split(".")[-1][:4] in i][:5]
            raise UnknownName(f"没有数据项 {item!r}；应为 单位.名称{'，例如 ' + '、'.join(near) if near else ''}")
    if units or items:
        chosen = [i for i in chosen if i.unit in units or i.id in items]
    if since:
        chosen = [i for i in chosen if _arrived(project, i) >= since]
    return chosen


def _arrived(project: Project, item: Item) -> datetime:
    """When the item's newest file was written, by the clock in Asia/Shanghai, whatever the machine's own zone."""
    file = find_delivery(project.settings.inbox_dir, item.unit, item.source)
    return datetime.fromtimestamp(file.stat().st_mtime, TIMEZONE).replace(tzinfo=None) if file else datetime.min


def products(project: Project) -> dict[str, Callable[[], Built]]:
    """Every product by name (a base or link table with the tables beside it), in an order in which each stands after what it is built from."""
    catalog = project.catalog
    steps: dict[str, Callable[[], Built]] = {}
    for base in catalog.bases:
        steps[f"base.{base.table}"] = lambda base=base: build_base(project, base)  # type: ignore[misc]
    for link in catalog.links:
        steps[link_name(link)] = lambda link=link: build_link(project, link)  # type: ignore[misc]
    if catalog.links:
        steps[LEFT_OUT] = lambda: build_left_out(project)
    if declared := catalog.white_list:
        steps[white_list_name(declared)] = lambda: build_white_list(project, declared)
    if any(base.checks for base in catalog.bases):
        steps[CHECK] = lambda: build_checks(project)
    if grid_item := catalog.district.grid_item:
        steps[GRID] = lambda: build_grid(project, catalog.items_by_id[grid_item])
    for base in catalog.bases:
        if base.place:
            steps[placement_name(base)] = lambda base=base: build_placement(project, base)  # type: ignore[misc]
    for theme in catalog.themes:
        steps[f"block.{theme.table}"] = lambda theme=theme: build_theme(project, theme)  # type: ignore[misc]
    return {product: partial(_recorded, project, product, build) for product, build in steps.items()}


def publication(project: Project, *, force: bool = False) -> Built:
    """Bring the published file up to date."""
    return _recorded(project, PRODUCT, lambda: publish(project, force=force))


def _recorded(project: Project, product: str, build: Callable[[], Built]) -> Built:
    """Build a product, and keep in the registry whether that failed: alerts of whatever process tell it from there."""
    try:
        built = build()
    except NothingToBuild:
        raise
    except Exception as error:
        said = str(error) if isinstance(error, BrokenDeclaration | NotPublishable | Busy) else ""
        reason = said or f"{product} 未更新：程序出错（{type(error).__name__}）→ 请把日志报告给开发者"
        with suppress(SQLAlchemyError):  # a registry that fails too must not hide the first failure
            project.registry.record_broken(product, reason, now())
        raise
    project.registry.record_mended(product)
    return built


@dataclass
class Night:
    """What one night did. ``returned``: corrections that units have sent back; ``skipped``: products without any input yet; ``broken``: products whose SQL is wrong."""

    returned: list[Returned] = field(default_factory=list)
    results: list[LoadResult] = field(default_factory=list)
    built: list[Built] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        return bool(self.broken) or any(r.failed for r in self.results)


def run_night(
    project: Project,
    items: list[Item],
    on_step: Callable[[str], None] = lambda _: None,
    *,
    force: bool = False,
) -> Night:
    """Take in ``items``, then bring every product up to date and publish, whatever became of single items.

    With ``force`` the published file is written again even if nothing changed.

    ``on_step`` hears the name of each item and product as its work begins: ``len(items) + len(products) + 1`` calls.
    """
    night = Night(take_returned(project, dict.fromkeys(item.unit for item in items)))
    night.results = load_items(project, items, on_step)
    for product, build in products(project).items():
        on_step(product)
        try:
            night.built.append(build())
        except NothingToBuild as reason:
            night.skipped.append(str(reason))
        except BrokenDeclaration as mistake:
            night.broken.append(str(mistake))
    on_step(PRODUCT)
    night.built.append(publication(project, force=force))
    return night
