"""The weights of a trained matcher as one page."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

from fudata_pipeline.models.sides import Kind, compare_rows, entity_rows, features_sql, record_rows

_EMPTY = {
    "person": (
        "names VARCHAR[], phones VARCHAR[], births DATE[], sexes VARCHAR[], houses VARCHAR[], buildings VARCHAR[]",
        "name VARCHAR, phone VARCHAR, birth_date DATE, sex VARCHAR, house_code VARCHAR, building_code VARCHAR",
    ),
    "firm": (
        "names VARCHAR[], phones VARCHAR[], reps VARCHAR[], houses VARCHAR[], buildings VARCHAR[], addresses VARCHAR[]",
        "name VARCHAR, phone VARCHAR, rep VARCHAR, house_code VARCHAR, building_code VARCHAR, address VARCHAR",
    ),
}


def charts(model: dict[str, Any], path: Path) -> None:
    """Write Splink's match-weights and m/u charts and a table of the levels to one HTML file that opens offline."""
    frames = "\n".join(
        f'<iframe title="{title}" srcdoc="{html.escape(page)}"></iframe>' for title, page in _pages(model).items()
    )
    heads = ("comparison", "level", "m", "u", "m_source", "u_source")
    rows = "\n".join(
        "<tr>" + "".join(f"<td>{html.escape(str(level[head]))}</td>" for head in heads) + "</tr>"
        for level in model["levels"]
    )
    path.write_text(
        f"""<!DOCTYPE html>
<html lang="zh-CN"><head><meta charset="utf-8"><title>匹配模型：{html.escape(model["kind"])}</title>
<style>body {{ font-family: sans-serif; margin: 1rem }} iframe {{ width: 100%; height: 60rem; border: 0 }}
td, th {{ padding: 0.1rem 0.8rem; text-align: left }}</style></head><body>
<h1>匹配模型：{html.escape(model["kind"])}</h1>
<table><tr>{"".join(f"<th>{head}</th>" for head in heads)}</tr>
{rows}
</table>
{frames}
</body></html>
""",
        "utf-8",
    )


def _pages(model: dict[str, Any]) -> dict[str, str]:
    """Splink's charts as pages with their scripts inside. A linker wants tables, so it gets empty ones."""
    import duckdb
    from splink import DuckDBAPI, Linker

    kind: Kind = model["kind"]
    many, one = _EMPTY[kind]
    with duckdb.connect(config={"autoinstall_known_extensions": "false"}) as con:
        con.execute(
            f"CREATE TABLE no_entities (entity UBIGINT, {many}); CREATE TABLE no_records (record UBIGINT, {one})"
        )
        entity_rows(con, kind, "no_entities", "left_rows")
        record_rows(con, kind, "no_records", "right_rows")
        compare_rows(con, "left_rows", "right_rows")
        api = DuckDBAPI(con)
        sides = []
        for side in ("_left", "_right"):
            con.execute(f"CREATE TEMP TABLE empty{side} AS {features_sql(kind, side)}")
            sides.append(api.register(f"empty{side}", dataset_display_name=side))
        draw = Linker(sides, model["splink"], log_level=None).visualisations
        return {
            "match weights": draw.match_weights_chart().to_html(inline=True),
            "m and u": draw.m_u_parameters_chart().to_html(inline=True),
        }
