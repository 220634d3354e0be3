"""`fudata suite` and `fudata docs`: what great-expectations is asked, and what it found."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fudata_pipeline.cli.options import Items, Units
from fudata_pipeline.console import out, progress
from fudata_pipeline.nightly import choose_items
from fudata_pipeline.project import Project

suite_app = typer.Typer(no_args_is_help=True, help="The great-expectations suites of items.")


@suite_app.command("export")
def suite_export(
    folder: Annotated[Path, typer.Argument(help="Folder for <unit>.<item>.json.")],
    unit: Units = None,
    item: Items = None,
) -> None:
    """Write suites as JSON that great-expectations reads. Hand-written ones belong in catalog/expectations/.

    Example: fudata suite export suites --unit gaj
    """
    from fudata_pipeline.quality.export import export_suites

    project = Project.open()
    count = export_suites(project.catalog, choose_items(project, unit or [], item or []), folder)
    out.print(f"已导出 {count:,} 个套件到 {folder}")


def docs(
    unit: Units = None,
    item: Items = None,
    folder: Annotated[
        Path | None, typer.Option(help="Folder for the pages; default docs of the project's data folder.")
    ] = None,
) -> None:
    """Write great-expectations' Data Docs of the newest loads: pages without values that open offline.

    Only pages of items loaded since are written. Example: fudata docs --unit gaj
    """
    from fudata_pipeline.quality.docs import write_docs

    project = Project.open()
    target = folder or project.settings.data_dir / "docs"
    chosen = choose_items(project, unit or [], item or [])
    with progress(len(chosen)) as step:
        written = write_docs(project, chosen, target, step)
    out.print(f"已更新 {written:,} 页：{target / 'index.html'}")
