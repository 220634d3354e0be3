"""What units deliver about grids, buildings, houses, firms and requests, with the defects that they leave."""

from __future__ import annotations

import datetime as dt
from random import Random

import pyarrow as pa

from fudata_pipeline.synthetic.samples.rows import Row, Sheet, filled, put
from fudata_pipeline.synthetic.samples.spellings import (
    as_number,
    full_width,
    note_date_cells,
    serial,
    spell_dates,
    spell_phones,
)
from fudata_pipeline.synthetic.samples.world import World, day, person_name

BUILDING_SCHEMA = pa.schema(
    [("ld_code", pa.string()), ("ld_name", pa.string()), ("address", pa.string()), ("structure", pa.string()),
     ("floors", pa.int64()), ("built_year", pa.int64()), ("wg_code", pa.string())]
)  # fmt: skip
REQUESTS = ("{}路灯不亮，夜间出行不便", "{}楼下垃圾未及时清运", "{}二楼装修噪音扰民", "{}门前下水道堵塞", "{}电梯频繁故障",
            "{}电动车占用消防通道", "咨询{}附近学位申请条件", "{}商铺占道经营", "{}水管爆裂", "建议{}增设停车位")  # fmt: skip


def grid_division(rng: Random, world: World) -> Sheet:
    headers = ["网格编码", "网格名称", "所属社区编码", "网格员"]
    rows = []
    for code, (community, name) in world.grids.items():
        cells = [code, name, community, person_name(rng) if rng.random() < 0.9 else ""]
        rows.append(Row(dict(zip(headers, cells, strict=True)), {"grid": code}))
    rows.append(
        Row(dict(zip(headers, ["44030401000500", "石厦09", "440304010005", ""], strict=True)), {}, ["grid_code_short"])
    )
    sheet = Sheet(rng, headers, rows)
    shazui = [r for r in rows if r.cells["所属社区编码"] == "440304005903"]
    for row, spelling in zip(shazui, ("沙咀社区", "沙嘴"), strict=True):
        row.cells["所属社区编码"] = spelling
        row.kinds.append("community_alias")
    sheet.spell("community_alias", 2, put("所属社区编码", "益田"), lambda r: r.cells["所属社区编码"] == "440304010003")
    sheet.spell("trailing_blank", 2, put("网格编码", lambda c: f"{c} "))
    sheet.repeat(1)
    return sheet


def building(rng: Random, world: World) -> Sheet:
    rows = []
    for b in world.buildings:
        cells = [b.code, b.name, b.address, b.structure, b.floors, b.year, b.grid]
        rows.append(Row(dict(zip(BUILDING_SCHEMA.names, cells, strict=True)), {"building": b.code}))
    last = world.buildings[-1]
    for serial_no, kind, floors, grid in ((91, "out_of_range", -3, last.grid), (92, "missing_required", 6, None)):
        cells = [f"{last.code[:-5]}{serial_no:05d}", f"待建{serial_no}栋", last.address, "其它", floors, None, grid]
        rows.append(Row(dict(zip(BUILDING_SCHEMA.names, cells, strict=True)), {}, [kind]))
    sheet = Sheet(rng, list(BUILDING_SCHEMA.names), rows)
    sheet.repeat(2)
    return sheet


def house(rng: Random, world: World) -> Sheet:
    headers = ["房屋编码", "建筑物编码", "房号", "建筑面积", "房屋用途", "是否出租"]
    rows = []
    for h in world.houses:
        rented = rng.choice(("是", "Y", "1")) if h.rented else rng.choice(("否", "否", "N", "0"))
        cells = [h.code, h.building.code, h.room, f"{h.area:.2f}", h.use, rented]
        rows.append(Row(dict(zip(headers, cells, strict=True)), {"house": h.code}))
    sheet = Sheet(rng, headers, rows)
    sheet.damage("house_code_short", 3, put("房屋编码", lambda c: c[:-1]))
    sheet.damage("id_as_number", 2, put("房屋编码", as_number))
    sheet.damage("out_of_range", 2, put("建筑面积", "0"))
    sheet.damage("bad_number", 1, put("建筑面积", "约80"))
    sheet.damage("unknown_code", 2, put("房屋用途", "地下室"))
    sheet.damage("missing_required", 1, put("建筑物编码", ""))
    sheet.damage("house_mismatch", 5, put("建筑物编码", world.buildings[0].code),
                 lambda r: r.cells["建筑物编码"] != world.buildings[0].code)  # fmt: skip
    sheet.short_lines(2, cut=1)
    sheet.conflict(1, put("建筑面积", "77.00"))
    sheet.spell("full_width", 12, put("建筑面积", full_width))
    sheet.spell("thousands_separator", 3, put("建筑面积", "1,280.5"), lambda r: r.cells["建筑面积"].isascii())
    sheet.spell("trailing_blank", 6, put("房屋编码", lambda c: f"{c} "))
    sheet.spell("code_alias", 10, put("房屋用途", "商铺"), lambda r: r.cells["房屋用途"] == "商业")
    sheet.repeat(4)
    return sheet


def market_entity(rng: Random, world: World) -> Sheet:
    headers = ["统一社会信用代码", "企业名称", "主体类型", "行业门类", "法定代表人", "法定代表人证件号", "注册资本（万元）", "成立日期",
               "登记状态", "住所", "住所房屋编码", "更新时间"]  # fmt: skip
    rows = []
    for f in world.firms:
        updated = dt.datetime(2022, rng.randrange(1, 11), rng.randrange(1, 29), rng.randrange(8, 18), rng.randrange(60))
        cells = [f.uscc, f.name, f.kind, f.industry, f.owner.name, f.owner.id, f.capital, f.founded, f.status,
                 f.house.building.address + f.house.room, f.house.code, f"{updated:%Y-%m-%dT%H:%M:%S}"]  # fmt: skip
        rows.append(Row(dict(zip(headers, cells, strict=True)), {"legal_entity": f.uscc}))
    sheet = Sheet(rng, headers, rows)
    sheet.damage("uscc_wrong_check", 2, put("统一社会信用代码", lambda c: c[:-1] + ("4" if c[-1] != "4" else "7")))
    sheet.damage("name_placeholder", 1, put("企业名称", "测试"))
    sheet.damage("unknown_code", 1, put("登记状态", "待定"))
    sheet.damage("missing_required", 1, put("企业名称", ""))
    sheet.damage("bad_number", 1, put("注册资本（万元）", "壹佰万"))
    sheet.older(2, lambda r: r.cells.update({"登记状态": "开业", "更新时间": "2020-05-06T10:00:00"}))
    sheet.long_lines(1)
    sheet.spell("no_place", 20, put("住所房屋编码", ""))
    sheet.spell("full_width", 8, put("注册资本（万元）", lambda n: full_width(f"{n:,}")))
    sheet.spell("lower_case", 6, put("统一社会信用代码", str.lower))
    sheet.spell("line_break_in_cell", 3, put("住所", lambda a: f"{a}\n（仅限办公）"))
    spell_dates(sheet, "成立日期", 0.08)
    sheet.repeat(2)
    return sheet


def taxpayer(rng: Random, world: World) -> Sheet:
    headers = ["纳税人识别号", "纳税人名称", "纳税人状态", "行业", "生产经营地址", "联系电话"]
    rows = []
    for f in (f for f in world.firms if rng.random() < 0.94):
        status = "注销" if f.status == "注销" else rng.choice(("正常", "正常", "正常户", "停业", "非正常"))
        cells = [f.uscc, f.name, status, f.industry, f.house.building.address, f.phone]
        rows.append(Row(dict(zip(headers, cells, strict=True)), {"legal_entity": f.uscc}))
    sheet = Sheet(rng, headers, rows)
    sheet.damage("uscc_wrong_check", 2, put("纳税人识别号", lambda c: c[:-1] + ("4" if c[-1] != "4" else "7")))
    sheet.damage("unknown_code", 1, put("纳税人状态", "其他状态"))
    sheet.damage("phone_wrong", 3, put("联系电话", "8000-12"))
    sheet.damage("name_placeholder", 1, put("纳税人名称", "测试数据"))
    sheet.short_lines(1, cut=2)
    sheet.conflict(1, put("纳税人状态", "清算"))
    spell_phones(sheet, "联系电话")
    sheet.spell(
        "rare_character",
        2,
        put("纳税人名称", lambda n: n.replace("深圳市", "深圳市䶮")),
        lambda r: "深圳市" in r.cells["纳税人名称"],
    )
    sheet.repeat(2)
    return sheet


def food_licence(rng: Random, world: World) -> Sheet:
    headers = ["许可证编号", "统一社会信用代码", "经营者名称", "经营场所", "楼栋编码", "有效期起", "有效期止"]
    firms = [f for f in world.firms if f.industry in ("住宿和餐饮业", "批发和零售业")]
    rows: list[Row] = []
    for f in firms:
        start = day(rng, dt.date(2018, 1, 1), dt.date(2022, 9, 30)).replace(day=1)
        cells = [f"JY24403040{len(rows) + 1:06d}", f.uscc, f.name, f.house.building.address, f.house.building.code, start,
                 start.replace(year=start.year + 5)]  # fmt: skip
        rows.append(Row(dict(zip(headers, cells, strict=True)), {"legal_entity": f.uscc}))
    sheet = Sheet(rng, headers, rows)
    sheet.damage("dates_reversed", 1, put("有效期止", dt.date(2016, 1, 1)))
    sheet.damage("building_code_short", 1, put("楼栋编码", lambda c: c[:-1]))
    sheet.spell("no_place", 4, put("楼栋编码", None))
    sheet.spell("date_serial", 6, put("有效期起", serial), lambda r: isinstance(r.cells["有效期起"], dt.date))
    sheet.spell(
        "date_dots",
        3,
        put("有效期止", lambda d: f"{d.year}.{d.month}.{d.day}"),
        lambda r: isinstance(r.cells["有效期止"], dt.date),
    )
    sheet.spell("trailing_blank", 2, put("统一社会信用代码", lambda c: f"{c} "))
    sheet.repeat(1)
    note_date_cells(sheet)
    return sheet


def citizen_request(rng: Random, world: World) -> Sheet:
    headers = ["gdbh", "ly", "nr", "zt", "lxdh", "dz", "ld", "slsj", "bjsj", "gxsj"]
    sheet = Sheet(rng, headers, tickets(rng, world, range(1, 201), dt.date(2022, 10, 1), 30))
    sheet.damage("dates_reversed", 2, put("bjsj", "2022-09-01 00:00:00"), filled("bjsj"))
    sheet.damage("unknown_code", 2, put("zt", "火星办理"))
    sheet.damage("missing_required", 1, put("nr", None))
    sheet.damage("building_code_short", 1, put("ld", "44030400190101"), filled("ld"))

    def cut(row: Row) -> None:
        row.line = '{"gdbh": "' + row.cells["gdbh"] + '", "ly": "网格", "nr": "路面'

    sheet.damage("invalid_json", 2, cut)
    sheet.damage("phone_wrong", 3, put("lxdh", "匿名"))
    sheet.older(4, lambda r: r.cells.update({"zt": "待受理", "bjsj": None, "gxsj": "2022-09-30 23:00:00"}))
    sheet.spell("no_place", 30, put("ld", None), filled("ld"))
    sheet.spell("date_digits", 20, put("slsj", lambda t: "".join(c for c in t if c.isdigit())))
    sheet.spell("phone_number", 10, put("lxdh", lambda n: int(n)), lambda r: r.cells["lxdh"].isdigit())
    sheet.spell("code_alias", 15, put("ly", "12345"))
    sheet.repeat(3)
    return sheet


def tickets(rng: Random, world: World, numbers: range, first: dt.date, days: int) -> list[Row]:
    """Requests received within ``days`` from ``first`` on."""
    rows = []
    for number in numbers:
        p = rng.choice(world.people)
        received = dt.datetime.combine(
            first + dt.timedelta(days=rng.randrange(days)), dt.time(rng.randrange(8, 22), rng.randrange(60))
        )
        done = received + dt.timedelta(hours=rng.randrange(1, 72)) if rng.random() < 0.7 else None
        status = (
            rng.choice(("已办结", "办结", "05", "已归档"))
            if done
            else rng.choice(("待受理", "已分拨", "办理中", "处理中"))
        )
        b = p.house.building
        cells = {
            "gdbh": f"{b.code[:9]}{received:%Y%m%d}{number:04d}",
            "ly": rng.choice(("12345热线", "网格上报", "小程序", "02", "信访")),
            "nr": rng.choice(REQUESTS).format(b.name), "zt": status, "lxdh": p.phone, "dz": b.address, "ld": b.code,
            "slsj": f"{received:%Y-%m-%d %H:%M:%S}", "bjsj": f"{done:%Y-%m-%d %H:%M:%S}" if done else None,
            "gxsj": f"{done or received:%Y-%m-%d %H:%M:%S}",
        }  # fmt: skip
        rows.append(Row(cells))
    return rows
