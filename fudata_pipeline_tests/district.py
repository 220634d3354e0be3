"""A district of two grids, two buildings, three houses and a few people, as deliveries for model and block tests."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from fudata_pipeline.project import Project

GRID_1, GRID_2 = "440304001901001", "440304001901002"
BUILDING_1, BUILDING_2 = "4403040019010100001", "4403040019010200002"
HOUSE_1, HOUSE_2, HOUSE_3 = f"{BUILDING_1}000101", f"{BUILDING_1}000102", f"{BUILDING_2}000101"

ZHANG, LI, WANG = "440304199003071248", "11010519491231002X", "440524188001010014"
"""Synthetic or published example numbers: a woman of 1990, a woman of 1949, a man of 1880."""

FIRM, SCHOOL = "91440300708461136T", "12320100671322000Q"

RESIDENT_HEADER = (
    "公民身份号码,姓名,性别,民族,出生日期,文化程度,户籍类型,联系电话,房屋编码,建筑物编码,入住日期,更新时间\n"
)


def write_space(inbox: Path) -> None:
    """Grids, buildings and houses."""
    folder = inbox / "zsj"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "网格划分信息_1.csv").write_text(
        f"网格编码,网格名称,所属社区编码,网格员\n{GRID_1},东园01,东园社区,甲乙\n{GRID_2},东园02,东园社区,丙丁\n",
        "utf-8",
    )
    buildings = {
        "ld_code": [BUILDING_1, BUILDING_2],
        "ld_name": ["一号楼", "二号楼"],
        "address": ["福田路1号", "福田路2号"],
        "structure": ["框架", "砖混"],
        "floors": ["18", "7"],
        "built_year": ["1999", "1988"],
        "wg_code": [GRID_1, GRID_2],
    }
    pq.write_table(pa.table(buildings), folder / "building_1.parquet")
    rows = "".join(f"{house};{house[:19]};101;80;住宅;否\n" for house in (HOUSE_1, HOUSE_2, HOUSE_3))
    (folder / "房屋信息_1.csv").write_text("房屋编码;建筑物编码;房号;建筑面积;房屋用途;是否出租\n" + rows, "utf-8")


def write_residents(inbox: Path, rows: list[str], name: str = "居住人口登记_1.csv") -> None:
    """Rows under :data:`RESIDENT_HEADER`."""
    folder = inbox / "zsj"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(RESIDENT_HEADER + "\n".join(rows) + "\n", "utf-8")


def write_hukou(inbox: Path, rows: list[str]) -> None:
    """Rows of ``GMSFHM,XM,CYM,XB,MZ,CSRQ,HYZK,HJDZ`` in GB18030."""
    folder = inbox / "gaj"
    folder.mkdir(parents=True, exist_ok=True)
    text = "GMSFHM,XM,CYM,XB,MZ,CSRQ,HYZK,HJDZ\n" + "\n".join(rows) + "\n"
    (folder / "户籍人口_1.csv").write_bytes(text.encode("gb18030"))


def write_item(project: Project, item_id: str, rows: list[dict[str, str]], number: int = 1) -> None:
    """A delivery of an item as its unit writes it, from cells by column; columns without cells stay empty."""
    item = project.catalog.items_by_id[item_id]
    folder = project.settings.inbox_dir / item.unit
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / item.source.path.replace("*", str(number))
    cells = [{f.headers[0]: row.get(f.name, "") for f in item.fields} for row in rows]
    if item.source.format == "jsonl":
        path.write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in cells), "utf-8")
        return
    assert item.source.format == "csv"
    lines = [
        item.source.delimiter.join(text) for text in [[f.headers[0] for f in item.fields], *(r.values() for r in cells)]
    ]
    path.write_bytes(("\n" * item.source.skip_rows + "\n".join(lines) + "\n").encode(item.source.encoding))
