"""Two nights of deliveries: a first of all items, and a second that is broken in the ways in which units break things."""

from __future__ import annotations

import datetime as dt
import shutil
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from fudata_pipeline.synthetic.samples import about_people, about_things, files
from fudata_pipeline.synthetic.samples.rows import QUARANTINED, WARNED, Sheet
from fudata_pipeline.synthetic.samples.world import World

FIRST, SECOND = dt.date(2022, 10, 31), dt.date(2022, 11, 1)
Sheets = dict[str, Sheet]


@dataclass
class Delivered:
    """One file and the truth about it. ``sheet`` is None where nothing in the file can be read."""

    item: str
    path: Path
    sheet: Sheet | None
    verdict: str = "promoted"
    rule: str | None = None

    def truth(self) -> dict[str, Any]:
        unit, name = self.item.split(".")
        entry: dict[str, Any] = {
            "unit": unit,
            "item": name,
            "file": f"{unit}/{self.path.name}",
            "verdict": self.verdict,
        }
        entry["rule"] = self.rule
        entry["rows"] = None if self.sheet is None else len(self.sheet.rows)
        if self.sheet is not None and self.verdict != "refused_contract":
            fates = Counter(r.fate for r in self.sheet.rows)
            kinds = Counter(k for r in self.sheet.rows for k in r.kinds)
            entry |= {fate: fates[fate] for fate in ("accepted", "quarantined", "duplicate")}
            entry["kinds"] = dict(sorted(kinds.items()))
            entry["rules"] = dict(sorted(_rules(kinds).items()))
        return entry


def _rules(kinds: Counter[str]) -> Counter[str]:
    rules: Counter[str] = Counter()
    for kind, rule in (QUARANTINED | WARNED).items():
        if kinds[kind]:
            rules[rule] += kinds[kind]
    return rules


def first_sheets(seed: str, world: World) -> Sheets:
    """The rows of every item on the first night, each from a generator of its own."""
    makers = {
        "zsj.grid_division": about_things.grid_division,
        "zsj.building": about_things.building,
        "zsj.house": about_things.house,
        "zsj.resident_registration": about_people.resident_registration,
        "zsj.citizen_request": about_things.citizen_request,
        "gaj.hukou_population": about_people.hukou_population,
        "mzj.old_age_allowance": about_people.old_age_allowance,
        "zjj.rental_registration": about_people.rental_registration,
        "scjg.market_entity": about_things.market_entity,
        "scjg.food_licence": about_things.food_licence,
        "swj.taxpayer": about_things.taxpayer,
        "wjj.family_doctor": about_people.family_doctor,
        "clf.disability_certificate": about_people.disability_certificate,
    }
    return {item: make(Random(f"{seed}/{item}"), world) for item, make in makers.items()}


NAMES = {
    "zsj.grid_division": "网格划分信息_{}.csv",
    "zsj.building": "building_{}.parquet",
    "zsj.house": "房屋信息_{}.csv",
    "zsj.resident_registration": "居住人口登记_{}.csv",
    "zsj.citizen_request": "民意工单_{}.jsonl",
    "gaj.hukou_population": "户籍人口_{}.csv",
    "mzj.old_age_allowance": "高龄津贴发放明细_{}.xlsx",
    "zjj.rental_registration": "租赁备案_{}.csv",
    "scjg.market_entity": "商事主体登记_{}.csv",
    "scjg.food_licence": "食品经营许可_{}.xls",
    "swj.taxpayer": "纳税人登记_{}.csv",
    "wjj.family_doctor": "家庭医生签约_{}.tsv",
    "clf.disability_certificate": "残疾人证_{}.xlsx",
}

TEXT = {
    "zsj.grid_division": {"encoding": "utf-8"},
    "zsj.house": {"encoding": "utf-8-sig", "delimiter": ";"},
    "zsj.resident_registration": {"encoding": "utf-8"},
    "gaj.hukou_population": {"encoding": "gb18030", "newline": "\r\n"},
    "zjj.rental_registration": {"encoding": "gb18030", "delimiter": "\t", "newline": "\r\n"},
    "scjg.market_entity": {"encoding": "utf-8", "newline": "\r\n"},
    "swj.taxpayer": {"encoding": "gb18030"},
    "wjj.family_doctor": {"encoding": "utf-8", "delimiter": "\t"},
}
"""How each unit's system writes its text files."""


def deliver(folder: Path, item: str, sheet: Sheet, night: dt.date) -> Delivered:
    """Write one item's file in the form its unit delivers."""
    path = folder / f"{night}" / item.split(".")[0] / NAMES[item].format(f"{night:%Y%m%d}")
    path.parent.mkdir(parents=True, exist_ok=True)
    if item in TEXT:
        files.write_delimited(path, sheet.headers, sheet.rows, **TEXT[item])
    elif path.suffix == ".jsonl":
        files.write_jsonl(path, sheet.rows)
    elif path.suffix == ".parquet":
        files.write_parquet(path, about_things.BUILDING_SCHEMA, sheet.rows)
    elif path.suffix == ".xls":
        files.write_xls(path, "许可证", sheet.headers, sheet.rows)
    elif item == "mzj.old_age_allowance":
        _write_allowance(path, sheet)
    else:
        files.write_xlsx(path, {"持证人": [sheet.headers, *_cells(sheet)]})
    return Delivered(item, path, sheet)


def _cells(sheet: Sheet) -> list[list[Any]]:
    return [[row.cells[h] for h in sheet.headers] for row in sheet.rows]


def _write_allowance(path: Path, sheet: Sheet) -> None:
    """A title over all columns, two merged header rows, and a sheet of notes before the one that matters."""
    top: list[list[Any]] = [
        ["福田区高龄津贴发放明细（样例）"],
        [sheet.headers[0], "领取人", None, None, "发放", None, None],
        [None, *sheet.headers[1:]],
    ]
    sheets: dict[str, list[list[Any]]] = {
        "填表说明": [["金额单位：元"], ["本表为样例，人员均为虚构"]],
        "发放明细": [*top, *_cells(sheet)],
    }
    files.write_xlsx(path, sheets, {"发放明细": ["A1:G1", "A2:A3", "B2:D2", "E2:G2"]})


def first_night(folder: Path, sheets: Sheets) -> list[Delivered]:
    """Every item, loadable."""
    shutil.rmtree(folder / f"{FIRST}", ignore_errors=True)
    return [deliver(folder, item, sheet, FIRST) for item, sheet in sheets.items()]


def second_night(folder: Path, seed: str, world: World, sheets: Sheets) -> list[Delivered]:
    """What changed and what broke; items that are not here were not delivered."""
    shutil.rmtree(folder / f"{SECOND}", ignore_errors=True)
    rng = Random(f"{seed}/second")
    hukou = deliver(folder, "gaj.hukou_population", sheets["gaj.hukou_population"], SECOND)
    hukou.verdict = "unchanged"
    good = [
        deliver(
            folder, "zsj.resident_registration", _residents(rng, world, sheets["zsj.resident_registration"]), SECOND
        ),
        deliver(folder, "zsj.citizen_request", _requests(rng, world, sheets["zsj.citizen_request"]), SECOND),
        deliver(folder, "zsj.house", _houses(sheets["zsj.house"]), SECOND),
    ]
    good[-1].rule = "extra_column"  # a warning: the file loads

    doctor = sheets["wjj.family_doctor"].copy()
    doctor.headers.remove("社康中心")
    empty = Sheet(rng, sheets["mzj.old_age_allowance"].headers, [])
    bad = [
        _refused(deliver(folder, "wjj.family_doctor", doctor, SECOND), "missing_column"),
        _refused(deliver(folder, "mzj.old_age_allowance", empty, SECOND), "header_only"),
        _refused(
            deliver(folder, "zjj.rental_registration", sheets["zjj.rental_registration"], SECOND), "wrong_encoding"
        ),
        _refused(deliver(folder, "swj.taxpayer", sheets["swj.taxpayer"], SECOND), "truncated"),
        _refused(deliver(folder, "scjg.food_licence", sheets["scjg.food_licence"], SECOND), "empty_delivery"),
        _refused(
            deliver(folder, "clf.disability_certificate", sheets["clf.disability_certificate"], SECOND), "unreadable"
        ),
    ]
    *_, rental, taxpayer, food, disability = bad
    rental.path.write_text(rental.path.read_text("gb18030"), "utf-8")
    whole = taxpayer.path.read_bytes()
    last = whole.rstrip(b"\n").rfind(b"\n") + 1
    taxpayer.path.write_bytes(whole[: last + 25])  # the code and three characters of the name
    food.path.write_bytes(b"")
    disability.path.write_bytes(disability.path.read_bytes()[:3000])
    food.sheet = disability.sheet = None
    return [hukou, *good, *bad]


def _refused(delivered: Delivered, rule: str) -> Delivered:
    delivered.verdict, delivered.rule = "refused_contract", rule
    return delivered


def _residents(rng: Random, world: World, sheet: Sheet) -> Sheet:
    """Some moved, some left, some came; the defects of the first night are still there."""
    changed = sheet.copy()
    headers = changed.headers
    ids = Counter(r.cells[headers[0]] for r in changed.rows)
    plain = [r for r in changed.rows if not r.kinds and r.cells["房屋编码"] and ids[r.cells[headers[0]]] == 1]
    chosen = rng.sample(plain, 27)
    for row in chosen[:15]:
        house = rng.choice(world.houses)
        row.cells |= {
            "房屋编码": house.code,
            "建筑物编码": house.building.code,
            "入住日期": "2022-10-31",
            "更新时间": "2022-10-31 20:15:00",
        }
    changed.rows = [r for r in changed.rows if not any(r is gone for gone in chosen[15:])]
    for person in world.newcomers:
        row = about_people.registered(rng, headers, person)
        row.cells |= {"更新时间": "2022-10-31 21:00:00", "入住日期": "2022-10-30", "出生日期": f"{person.born}"}
        changed.rows.append(row)
    return changed


def _requests(rng: Random, world: World, sheet: Sheet) -> Sheet:
    """More tickets, and some of the open ones finished since."""
    changed = sheet.copy()
    numbers = Counter(r.cells["gdbh"] for r in changed.rows)
    for row in [r for r in changed.rows if not r.kinds and not r.cells["bjsj"] and numbers[r.cells["gdbh"]] == 1][:12]:
        row.cells |= {"zt": "已办结", "bjsj": "2022-10-31 19:30:00", "gxsj": "2022-10-31 19:30:00"}
    changed.rows += about_things.tickets(rng, world, range(201, 261), FIRST, 1)
    return changed


def _houses(sheet: Sheet) -> Sheet:
    """The same houses with one more column, which nobody declared."""
    changed = sheet.copy()
    changed.headers.append("备注")
    for number, row in enumerate(changed.rows):
        row.cells["备注"] = "2022年10月核实" if number % 9 == 0 else ""
    return changed


def base_counts(current: Iterable[Sheet]) -> dict[str, int]:
    """How many entities each base table must hold, from the accepted rows of the items' current versions."""
    keys: dict[str, set[str]] = {
        "population": set(),
        "legal_entity": set(),
        "house": set(),
        "building": set(),
        "grid": set(),
    }
    for sheet in current:
        for row in (r for r in sheet.rows if r.fate == "accepted"):
            for table, key in row.entities.items():
                keys[table].add(key)
    return {table: len(found) for table, found in keys.items()}
