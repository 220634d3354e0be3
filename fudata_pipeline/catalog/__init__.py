"""Read, lint and compile ``catalog/`` into frozen models."""

from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.catalog.finding import CatalogError, Finding
from fudata_pipeline.catalog.model import Item
from fudata_pipeline.catalog.reader import load_catalog

__all__ = ["Catalog", "CatalogError", "Finding", "Item", "load_catalog"]
