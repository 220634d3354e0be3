"""Base models, blocks and the published file as Dagster assets, over the current good version of every item."""

import dagster as dg

from fudata_pipeline.blocks.place import GRID, placement_name
from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.models.checks import CHECK, CHECK_TITLE
from fudata_pipeline.models.left_out import LEFT_OUT, LEFT_OUT_TITLE
from fudata_pipeline.models.links import declared, link_name
from fudata_pipeline.models.product import Built, NothingToBuild
from fudata_pipeline.models.white_list import white_list_name
from fudata_pipeline.nightly import products, publication
from fudata_pipeline.orchestration.intake import item_key
from fudata_pipeline.orchestration.resource import ProjectResource

PUBLISHED = dg.AssetKey(["published", "futian"])


def product_key(product: str) -> dg.AssetKey:
    return dg.AssetKey(product.split("."))


def _titles_and_deps(catalog: Catalog) -> dict[str, tuple[str, list[dg.AssetKey]]]:
    """Product -> its Chinese title and what it is built from."""
    found: dict[str, tuple[str, list[dg.AssetKey]]] = {}
    for base in catalog.bases:
        inputs = [item_key(catalog.items_by_id[feed.item]) for feed in base.inputs]
        found[f"base.{base.table}"] = (base.title, inputs)
    for link in catalog.links:
        of = declared(catalog, link)
        ends = [product_key(f"base.{end.base}") for end in of.ends.values()]
        inputs = [item_key(catalog.items_by_id[feed.item]) for feed in of.inputs]
        found[link_name(link)] = (link.title, [product_key(link_name(of))] if link.of else [*ends, *inputs])
    links = [product_key(link_name(link)) for link in catalog.links]
    if links:
        found[LEFT_OUT] = (LEFT_OUT_TITLE, links)
    if listed := catalog.white_list:
        needed = (listed.base, listed.house_base, listed.homes, listed.residence)
        found[white_list_name(listed)] = (listed.title, [product_key(f"base.{table}") for table in needed])
    if any(base.checks for base in catalog.bases):
        found[CHECK] = (CHECK_TITLE, [*(product_key(f"base.{base.table}") for base in catalog.bases), *links])
    if catalog.district.grid_item:
        found[GRID] = ("网格", [item_key(catalog.items_by_id[catalog.district.grid_item])])
    space = [product_key(p) for p in ("base.house", "base.building", GRID)]
    for base in catalog.bases:
        if base.place:
            found[placement_name(base)] = (f"{base.title}落格", [product_key(f"base.{base.table}"), *space])
    for theme in catalog.themes:
        subject = catalog.base(theme.subject)
        deps = [product_key(p) for p in (f"base.{subject.table}", placement_name(subject), GRID)]
        found[f"block.{theme.table}"] = (theme.title, deps)
    return found


def _built(built: Built) -> dg.MaterializeResult:
    return dg.MaterializeResult(
        metadata={"dagster/row_count": built.rows, "有变化": built.changed, "版本": built.version}
    )


def _product_asset(product: str, title: str, deps: list[dg.AssetKey]) -> dg.AssetsDefinition:
    @dg.asset(
        key=product_key(product),
        deps=deps,
        group_name=product.split(".")[0],
        kinds={"duckdb", "parquet"},
        description=title,
    )
    def build(project: ProjectResource) -> dg.MaterializeResult:
        try:
            return _built(products(project.open())[product]())
        except NothingToBuild as reason:  # as in a night: it is skipped, and everything else goes on
            return dg.MaterializeResult(metadata={"跳过": str(reason)})

    return build


def product_assets(catalog: Catalog) -> list[dg.AssetsDefinition]:
    """One asset a product, and the published file after all of them."""
    described = _titles_and_deps(catalog)

    @dg.asset(
        key=PUBLISHED,
        deps=[product_key(p) for p in described],
        group_name="published",
        kinds={"duckdb"},
        description="分析人员使用的 DuckDB 文件，整体替换发布",
    )
    def published(project: ProjectResource) -> dg.MaterializeResult:
        return _built(publication(project.open()))

    return [*(_product_asset(p, title, deps) for p, (title, deps) in described.items()), published]
