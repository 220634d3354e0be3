"""``fudata``: the command line."""

from fudata_pipeline.cli.main import app, main

__all__ = ["app", "main"]
