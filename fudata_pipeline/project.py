"""An open project: its settings, compiled catalog and registry. Every step of the pipeline takes one."""

from __future__ import annotations

from dataclasses import dataclass

from fudata_pipeline.catalog import Catalog
from fudata_pipeline.catalog.cache import open_catalog
from fudata_pipeline.lake.registry import Registry
from fudata_pipeline.settings import Settings


@dataclass(frozen=True)
class Project:
    settings: Settings
    catalog: Catalog
    registry: Registry

    @classmethod
    def open(cls, settings: Settings | None = None) -> Project:
        """Open the project that the working folder (or ``FUDATA_HOME``) belongs to.

        Raises:
            CatalogError: when the catalog does not compile.
        """
        settings = settings or Settings()
        return cls.of(settings, open_catalog(settings.catalog_dir, settings.cache_dir))

    @classmethod
    def of(cls, settings: Settings, catalog: Catalog) -> Project:
        """The project over a catalog that is compiled already."""
        if settings.scale is not None:
            district = catalog.district.model_copy(update={"scale": settings.scale})
            catalog = catalog.model_copy(update={"district": district})
        return cls(settings, catalog, Registry(settings))
