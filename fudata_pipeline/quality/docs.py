"""great-expectations' Data Docs of what the gate found: a page an item, which opens without a network and shows no value.

The pages are great-expectations' own. What the gate recorded of a load is enough for them; its data are not read again.
Great-expectations' templates fetch styles, scripts and a logo from seven hosts: those are left out, and a small style
sheet of our own stands in for them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from fudata_pipeline.catalog.model import Item
from fudata_pipeline.lake.registry import Row
from fudata_pipeline.project import Project
from fudata_pipeline.quality.suite import ACCEPTED

PAGES = "items"
_STYLE = """
body{font-family:system-ui,"Noto Sans CJK SC","Microsoft YaHei",sans-serif;margin:0 auto;max-width:75rem;padding:1rem;color:#222}
table{border-collapse:collapse;width:100%;margin:.5rem 0}td,th{border-bottom:1px solid #ddd;padding:.35rem .6rem;text-align:left;vertical-align:top}
.fa-check-circle::before{content:"✓";color:#1a7f37}.fa-times::before,.fa-times-circle::before{content:"✗";color:#c62828}.fa-exclamation-triangle::before{content:"!";color:#b26a00}
ul{padding-left:1.2rem}h1{font-size:1.4rem}.badge{background:#eee;border-radius:.3rem;padding:0 .3rem}nav,.navbar,footer,.cooltip .top,#modal,.modal,.ge-navigation-sidebar-container button{display:none}
.sticky,.row>.col-lg-2{display:none}.row{display:block}.text-success{color:#1a7f37}.text-danger{color:#c62828}a{color:#0b57d0}
"""


def write_docs(
    project: Project, items: Iterable[Item], folder: Path, on_item: Callable[[str], None] = lambda _: None
) -> int:
    """Write the pages of items whose newest judged load is not in ``folder`` yet, and the index of all; returns the
    pages written. ``on_item`` hears each item's id."""
    newest = {load["item"]: load for load in project.registry.last_loads() if load["gate"]}
    pages = folder / PAGES
    pages.mkdir(parents=True, exist_ok=True)
    written = 0
    shown: list[tuple[Item, Row]] = []
    for item in items:
        on_item(item.id)
        load = newest.get(item.id)
        if load is None:
            continue
        shown.append((item, load))
        page = pages / f"{item.id}.html"
        mark = f"<!-- {load['load_id']} {load['contract']} -->\n"
        if page.exists():
            with page.open(encoding="utf-8") as known:
                if known.readline() == mark:
                    continue
        _replace(page, mark + _page(project, item, load))
        written += 1
    _replace(folder / "index.html", _index(project, folder, shown))
    return written


def _replace(path: Path, text: str) -> None:
    aside = path.with_name(f".{path.name}.tmp")
    aside.write_text(text, "utf-8")
    aside.replace(path)


def _page(project: Project, item: Item, load: Mapping[str, Any]) -> str:
    from great_expectations.core import ExpectationSuiteValidationResult, ExpectationValidationResult
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    from fudata_pipeline.quality import gx  # noqa: F401  registers our own expectations

    results = [
        ExpectationValidationResult(
            success=e["success"],
            expectation_config=ExpectationConfiguration(
                type=e["type"],
                kwargs=_kwargs(project, item, e),
                description=f"{e['title_zh']}；实际{e['observed']}",
                severity=e["severity"],
            ),
            result=_result(e),
            meta={},
        )
        for e in load["gate"]
    ]
    good = sum(bool(r.success) for r in results)
    suite = ExpectationSuiteValidationResult(
        success=good == len(results),
        results=results,
        suite_name=f"{item.title}（{item.id}）",
        statistics={
            "evaluated_expectations": len(results),
            "successful_expectations": good,
            "unsuccessful_expectations": len(results) - good,
            "success_percent": 100 * good / len(results),
        },
        meta={
            "run_id": {"run_name": load["load_id"], "run_time": f"{load['loaded_at'].isoformat()}+08:00"},
            "batch_kwargs": {"data_asset_name": load["file_name"]},
        },
    )
    renderer, view = _printers()
    return offline(view.render(renderer.render(suite)))


@cache
def _printers() -> tuple[Any, Any]:
    """What turns results into a page: to compile its templates takes longer than to fill them."""
    from great_expectations.render.renderer import ValidationResultsPageRenderer
    from great_expectations.render.view import DefaultJinjaPageView

    return ValidationResultsPageRenderer(run_info_at_end=True), DefaultJinjaPageView()


def _kwargs(project: Project, item: Item, e: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of an expectation, with the set of codes that is not recorded with every load."""
    if not e["type"].endswith("_in_set"):
        return dict(e["kwargs"])
    column = next((c for c in item.fields if c.name == e["column"]), None)
    codes = project.catalog.codes[column.field.codes].titles if column and column.field.codes else {ACCEPTED: ""}
    return {**e["kwargs"], "value_set": sorted(codes)}


def _result(e: Mapping[str, Any]) -> dict[str, Any]:
    counts: dict[str, Any] = dict(e["counts"])
    if "unexpected_count" in counts:
        checked = counts["element_count"] - counts.get("missing_count", 0)
        counts["unexpected_percent"] = 100 * counts["unexpected_count"] / checked if checked else None
    return counts


def offline(html: str) -> str:
    """The page without anything that a browser would fetch from elsewhere."""
    html = re.sub(r"<script\b[^>]*>.*?</script>", "", html, flags=re.S)
    html = re.sub(r"<link\b[^>]*>", "", html)
    html = re.sub(r"<img\b[^>]*>|<footer\b.*?</footer>", "", html, flags=re.S)
    html = re.sub(r'href="(?:https?://|[./]*expectations/)[^"]*"', 'href="../index.html"', html)
    return html.replace("</head>", f"<style>{_STYLE}</style></head>", 1)


def _index(project: Project, folder: Path, shown: list[tuple[Item, Row]]) -> str:
    """The items that have a page, by unit; those not asked for this time stand as they are."""
    rows = []
    for item, load in shown:
        if not (folder / PAGES / f"{item.id}.html").exists():
            continue
        failed = [e for e in load["gate"] if not e["success"]]
        state = "✗" if any(e["severity"] == "critical" for e in failed) else "!" if failed else "✓"
        unit = project.catalog.units_by_id[item.unit].short
        rows.append(
            f"<tr><td>{state}</td><td>{escape(unit)}</td><td><a href='{PAGES}/{item.id}.html'>{escape(item.title)}</a></td>"
            f"<td>{item.id}</td><td>{len(load['gate'])}</td><td>{len(failed)}</td><td>{load['loaded_at']:%Y-%m-%d %H:%M}</td></tr>"
        )
    head = "".join(f"<th>{h}</th>" for h in ("", "单位", "数据项", "编号", "期望", "未满足", "载入时间"))
    title = f"{escape(project.catalog.district.name)}：质量门结果"
    return (
        f"<!DOCTYPE html><html lang='zh-CN'><head><meta charset='utf-8'><title>{title}</title><style>{_STYLE}</style></head>"
        f"<body><h1>{title}</h1><p>每个数据项最近一次载入的期望与结果（great-expectations Data Docs）；只有计数，没有数据值。</p>"
        f"<table><tr>{head}</tr>{''.join(rows)}</table></body></html>"
    )
