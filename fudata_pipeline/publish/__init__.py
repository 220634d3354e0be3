"""What analysts receive: the published DuckDB file."""

from fudata_pipeline.publish.file import PRODUCT, publish

__all__ = ["PRODUCT", "publish"]
