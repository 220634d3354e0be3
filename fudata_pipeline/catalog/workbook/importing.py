"""``fudata catalog import``: a catalog workbook to catalog files."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.catalog.finding import CatalogError, Finding
from fudata_pipeline.catalog.reader import load_catalog
from fudata_pipeline.catalog.workbook.build import Builder
from fudata_pipeline.catalog.workbook.reading import Doubt, read_workbook
from fudata_pipeline.catalog.workbook.writing import write_declarations


@dataclass(frozen=True)
class Imported:
    """What a workbook gave: counts, its doubtful cells, and what is wrong in the catalog that it makes."""

    units: int
    items: int
    fields: int
    doubts: list[Doubt]
    findings: list[Finding] = field(default_factory=list)


def import_workbook(
    workbook: Path, known: Catalog, shared: Path, target: Path | None, district: str | None = None
) -> Imported:
    """Read ``workbook`` and write a complete catalog folder to ``target`` (None: only look).

    ``known`` is the compiled catalog of the folder ``shared``, whose types, rules, codes and archetypes are copied;
    ``district`` names the new district, default that of ``known``.

    Raises:
        NotACatalogWorkbook: the file is not one.
        OSError: the folder cannot be written.
    """
    book = read_workbook(workbook)
    builder = Builder(book, known)
    builder.build()
    findings: list[Finding] = []
    if target is not None:
        write_declarations(target, known, shared, builder)
        _write_district(target, known, builder, district)
        try:
            load_catalog(target)
        except CatalogError as error:
            findings = error.findings
    return Imported(len(builder.units), len(builder.items), len(builder.fields.fields), book.doubts, findings)


def _write_district(target: Path, known: Catalog, builder: Builder, name: str | None) -> None:
    """The same district keeps its declaration, but for the grid item, which base models ask for; a new one gets its
    codes from its units and items."""
    body = known.district.model_dump(mode="json", exclude={"grid_item"})
    if name:
        regions = Counter(u.uscc[2:8] for u in builder.units.values() if u.uscc[2:8].isdigit())
        prefixes = Counter(i.code[:3] for i in builder.items)
        body |= {"name": name, "scale": 1.0}
        body["code"] = regions.most_common(1)[0][0] if regions else known.district.code
        body["code_prefix"] = prefixes.most_common(1)[0][0] if prefixes else known.district.code_prefix
    (target / "district.yaml").write_text(yaml.safe_dump(body, allow_unicode=True, sort_keys=False), "utf-8")
