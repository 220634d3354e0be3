"""What six units deliver about people, with the defects that each of their systems and habits leaves."""

from __future__ import annotations

import datetime as dt
from random import Random

from fudata_pipeline.synthetic.samples import identifiers
from fudata_pipeline.synthetic.samples.rows import Row, Sheet, filled, put
from fudata_pipeline.synthetic.samples.spellings import (
    as_number,
    born_before,
    full_width,
    note_date_cells,
    serial,
    spell_dates,
    spell_ids,
    spell_phones,
)
from fudata_pipeline.synthetic.samples.world import RARE, Person, World, day, person_name

EDUCATION = ("本科", "大学本科", "大专", "高中", "初中", "小学", "硕士", "20", "70")
NO_ETHNICITY = "火星"


def hukou_population(rng: Random, world: World) -> Sheet:
    headers = ["GMSFHM", "XM", "CYM", "XB", "MZ", "CSRQ", "HYZK", "HJDZ"]
    rows = []
    for p in world.people:
        if not p.local or rng.random() > 0.92:
            continue
        former = person_name(rng, p.name[0]) if rng.random() < 0.04 else ""
        marital = rng.choice(("已婚", "20", "初婚", "离婚")) if p.age > 27 else "未婚"
        cells = [p.id, p.name, former, p.sex, p.ethnicity, p.born, marital, p.home]
        rows.append(Row(dict(zip(headers, cells, strict=True)), {"population": p.id}))
    sheet = Sheet(rng, headers, rows)
    sheet.damage("id_wrong_check", 4, put("GMSFHM", identifiers.wrong_check))
    sheet.damage("id_no_such_day", 1, put("GMSFHM", "440304199002301243"))
    sheet.damage("id_placeholder", 1, put("GMSFHM", "123456789012345678"))
    sheet.damage("id_as_number", 2, put("GMSFHM", as_number))
    sheet.damage("name_placeholder", 2, put("XM", "测试"))
    sheet.damage("unknown_code", 1, put("XB", "5"))
    sheet.damage("unknown_code", 1, put("MZ", NO_ETHNICITY))
    sheet.damage("missing_required", 2, put("XM", ""))
    sheet.damage("bad_date", 2, put("CSRQ", "19900230"))
    sheet.damage("birth_mismatch", 4, put("CSRQ", lambda d: d + dt.timedelta(days=31)))
    sheet.damage("sex_mismatch", 2, put("XB", lambda s: "2" if s == "1" else "1"))
    sheet.short_lines(2, cut=3)
    sheet.long_lines(2)
    sheet.conflict(1, put("HJDZ", "深圳市福田区福荣路1号"))
    spell_dates(sheet, "CSRQ", 0.05, "{:%Y%m%d}")
    spell_ids(sheet, "GMSFHM", tab=True)
    sheet.spell("id_15_digits", 4, put("GMSFHM", identifiers.old_15), lambda r: born_before(r, "GMSFHM", 1955))
    sheet.spell("rare_character", 6, put("XM", lambda n: n[0] + rng.choice(RARE)))
    sheet.spell("code_alias", 15, lambda r: r.cells.update(XB={"1": "男性", "2": "女"}[r.cells["XB"]]))
    sheet.spell("line_break_in_cell", 3, put("HJDZ", lambda a: f"{a}\n（集体户）"))
    sheet.repeat(4)
    return sheet


def resident_registration(rng: Random, world: World) -> Sheet:
    headers = ["公民身份号码", "姓名", "性别", "民族", "出生日期", "文化程度", "户籍类型", "联系电话", "房屋编码", "建筑物编码",
               "入住日期", "离开日期", "更新时间"]  # fmt: skip
    people = [p for p in world.people if rng.random() < 0.94]
    sheet = Sheet(rng, headers, [registered(rng, headers, p) for p in people])
    sheet.damage("id_wrong_check", 6, put("公民身份号码", identifiers.wrong_check))
    sheet.damage("id_as_number", 5, put("公民身份号码", as_number))
    sheet.damage("id_placeholder", 2, put("公民身份号码", "123456789012345678"))
    sheet.damage("name_placeholder", 3, put("姓名", lambda _: rng.choice(("测试", "无", "未知"))))
    sheet.damage("unknown_code", 2, put("性别", "5"))
    sheet.damage("unknown_code", 2, put("民族", NO_ETHNICITY))
    sheet.damage("missing_required", 3, put("更新时间", ""))
    sheet.damage(
        "dates_reversed", 3, lambda r: r.cells.update({"离开日期": r.cells["入住日期"] - dt.timedelta(days=40)})
    )
    sheet.damage("house_code_short", 3, put("房屋编码", lambda c: c[:-1]), filled("房屋编码"))
    sheet.damage("birth_mismatch", 6, put("出生日期", lambda d: d - dt.timedelta(days=365)))
    sheet.damage("house_mismatch", 6, lambda r: _other_building(rng, world, r), filled("房屋编码"))
    sheet.damage(
        "phone_wrong", 8, put("联系电话", lambda _: rng.choice(("12345", "1990000123", "13800138000", "29900001234")))
    )
    sheet.short_lines(2, cut=2)
    sheet.long_lines(2)
    sheet.older(6, lambda r: _moved_in_before(rng, world, r))
    sheet.conflict(1, put("联系电话", "0755-80001234"))
    sheet.spell("unknown_building", 12, lambda r: r.cells.update({"房屋编码": "", "建筑物编码": "4403040029010300777"}))
    sheet.spell("building_only", 60, put("房屋编码", ""), filled("房屋编码"))
    sheet.spell("no_place", 25, lambda r: r.cells.update({"房屋编码": "", "建筑物编码": ""}), filled("房屋编码"))
    sheet.spell("moved_out", 15, lambda r: _moved_out(rng, r))
    spell_dates(sheet, "入住日期")
    spell_dates(sheet, "出生日期", 0.03)
    spell_dates(sheet, "离开日期", 0)
    spell_ids(sheet, "公民身份号码", tab=True)
    sheet.spell(
        "id_15_digits", 5, put("公民身份号码", identifiers.old_15), lambda r: born_before(r, "公民身份号码", 1950)
    )
    spell_phones(sheet, "联系电话")
    sheet.spell("code_alias", 40, lambda r: r.cells.update(性别=rng.choice(_sexes(r.cells["性别"]))))
    sheet.spell("rare_character", 8, put("姓名", lambda n: n[0] + rng.choice(RARE)))
    sheet.repeat(8)
    return sheet


def registered(rng: Random, headers: list[str], p: Person) -> Row:
    """A clean row of the register of residents."""
    kind = "境外" if p.id[0] == "8" else "户籍" if p.local else "非户籍"
    phone = p.phone if rng.random() < 0.86 else ""
    education = rng.choice(EDUCATION) if p.age > 20 else ""
    updated = dt.datetime(2022, rng.randrange(1, 10), rng.randrange(1, 29), rng.randrange(8, 18), rng.randrange(60))
    cells = [p.id, p.name, "男" if p.sex == "1" else "女", p.ethnicity, p.born, education, kind, phone, p.house.code,
             p.house.building.code, p.since, "", f"{updated:%Y-%m-%d %H:%M:%S}"]  # fmt: skip
    return Row(dict(zip(headers, cells, strict=True)), {"population": p.id})


def old_age_allowance(rng: Random, world: World) -> Sheet:
    headers = ["序号", "姓名", "身份证号码", "联系电话", "月份", "金额（元）", "账号"]
    rows: list[Row] = []
    for p in (p for p in world.people if p.age >= 70):
        account = f"9990000{rng.randrange(10**11, 10**12)}"
        for month in (dt.date(2022, 9, 1), dt.date(2022, 10, 1)):
            amount = 200 if p.age < 80 else 300 if p.age < 90 else 1000
            cells = [f"GL{len(rows) + 1:04d}", p.name, p.id, p.phone, month, amount, account]
            rows.append(Row(dict(zip(headers, cells, strict=True)), {"population": p.id}))
    sheet = Sheet(rng, headers, rows)
    sheet.damage(
        "id_as_number", 2, put("身份证号码", lambda i: float(i[:17] + "0")), lambda r: r.cells["身份证号码"].isdigit()
    )
    sheet.damage("id_wrong_check", 1, put("身份证号码", identifiers.wrong_check))
    sheet.damage("bad_date", 1, put("月份", "2022年10月"))
    sheet.damage("out_of_range", 1, put("金额（元）", -200))
    sheet.spell("thousands_separator", 3, put("金额（元）", "1,000"))
    sheet.spell("id_15_digits", 6, put("身份证号码", identifiers.old_15), lambda r: r.cells["身份证号码"][6:8] == "19")
    sheet.spell("date_serial", 10, put("月份", serial), lambda r: isinstance(r.cells["月份"], dt.date))
    sheet.spell("date_chinese", 8, put("月份", "2022年10月1日"), lambda r: r.cells["月份"] == dt.date(2022, 10, 1))
    sheet.spell("trailing_blank", 5, put("身份证号码", lambda i: f"{i}  "))
    sheet.repeat(2)
    note_date_cells(sheet)
    sheet.rows.append(Row(dict.fromkeys(headers) | {"序号": "合计", "金额（元）": 30600}, {}, ["total_row"]))
    return sheet


def disability_certificate(rng: Random, world: World) -> Sheet:
    headers = ["残疾人证号", "身份证号", "姓名", "残疾类别", "残疾等级", "联系电话", "发证日期"]
    rows = []
    for p in rng.sample(world.people, 70):
        kind, level = rng.randrange(7), rng.randrange(4)
        cells = [f"{p.id}{kind + 1}{level + 1}", p.id, p.name,
                 ("视力残疾", "听力", "言语", "肢体", "智力残疾", "精神", "7")[kind], ("一级", "二级", "三级", "4")[level],
                 p.phone, day(rng, max(dt.date(2010, 1, 1), p.born))]  # fmt: skip
        rows.append(Row(dict(zip(headers, cells, strict=True)), {"population": p.id}))
    sheet = Sheet(rng, headers, rows)
    sheet.damage(
        "id_as_number", 1, put("身份证号", lambda i: float(i[:17] + "0")), lambda r: r.cells["身份证号"].isdigit()
    )
    sheet.damage("unknown_code", 1, put("残疾类别", "其他类"))
    sheet.damage("missing_required", 1, put("残疾等级", None))
    sheet.damage("phone_wrong", 1, put("联系电话", "无"))
    sheet.spell("date_serial", 5, put("发证日期", serial))
    sheet.spell("date_slashes", 5, put("发证日期", "2019/3/7"), lambda r: isinstance(r.cells["发证日期"], dt.date))
    sheet.spell("lower_case_x", 3, put("身份证号", str.lower), lambda r: r.cells["身份证号"].endswith("X"))
    sheet.spell("full_width", 3, put("联系电话", full_width))
    sheet.repeat(1)
    note_date_cells(sheet)
    return sheet


def family_doctor(rng: Random, world: World) -> Sheet:
    headers = ["身份证号", "姓名", "联系电话", "现住楼栋", "社康中心", "签约医生", "签约日期"]
    doctors = [person_name(rng) for _ in range(12)]
    rows = []
    for p in rng.sample(world.people, 240):
        clinic = world.grids[p.house.building.grid][1][:-2] + "社康"
        cells = [p.id, p.name, p.phone, p.house.building.code, clinic, rng.choice(doctors),
                 day(rng, max(dt.date(2019, 1, 1), p.born))]  # fmt: skip
        rows.append(Row(dict(zip(headers, cells, strict=True)), {"population": p.id}))
    sheet = Sheet(rng, headers, rows)
    sheet.damage("id_wrong_check", 3, put("身份证号", identifiers.wrong_check))
    sheet.damage("id_as_number", 2, put("身份证号", as_number))
    sheet.damage("name_placeholder", 1, put("姓名", "测试"))
    sheet.damage("missing_required", 2, put("社康中心", ""))
    sheet.damage("building_code_short", 2, put("现住楼栋", lambda c: c[:-2]))
    sheet.short_lines(1, cut=1)
    sheet.conflict(1, put("签约医生", doctors[0] + "二"))
    sheet.spell("no_place", 20, put("现住楼栋", ""))
    sheet.spell("unknown_building", 5, put("现住楼栋", "4403040029010300888"), filled("现住楼栋"))
    spell_dates(sheet, "签约日期", 0.1)
    spell_ids(sheet, "身份证号", tab=False)
    spell_phones(sheet, "联系电话")
    sheet.repeat(3)
    return sheet


def rental_registration(rng: Random, world: World) -> Sheet:
    headers = ["备案号", "房屋编码", "承租人", "承租人证件号", "承租人电话", "起租日期", "止租日期", "月租金（元）"]
    adults = {p.house.code: p for p in reversed(world.people) if 20 < p.age < 70}
    rows: list[Row] = []
    for house in (h for h in world.houses if h.rented and h.code in adults):
        p = adults[house.code]
        start = day(rng, dt.date(2021, 1, 1), dt.date(2022, 9, 1))
        cells = [f"FT2022{len(rows) + 1:05d}", house.code, p.name, p.id, p.phone, start,
                 start.replace(day=1, year=start.year + 2), round(house.area * rng.uniform(60, 90))]  # fmt: skip
        rows.append(Row(dict(zip(headers, cells, strict=True)), {"population": p.id, "house": house.code}))
    sheet = Sheet(rng, headers, rows)
    sheet.damage(
        "dates_reversed", 2, lambda r: r.cells.update(起租日期=r.cells["止租日期"], 止租日期=r.cells["起租日期"])
    )
    sheet.damage("id_wrong_check", 1, put("承租人证件号", identifiers.wrong_check))
    sheet.damage("house_code_short", 1, put("房屋编码", lambda c: c[:-1]))
    sheet.damage("bad_number", 1, put("月租金（元）", "面议"))
    sheet.long_lines(1)
    spell_dates(sheet, "起租日期", 0.1)
    spell_dates(sheet, "止租日期", 0.05)
    spell_ids(sheet, "承租人证件号", tab=False, few=2)
    sheet.spell("full_width", 4, put("月租金（元）", lambda n: full_width(str(n))))
    sheet.repeat(1)
    return sheet


def _sexes(title: str) -> tuple[str, ...]:
    return ("1", "男性", "M", "1.男") if title == "男" else ("2", "女性", "F", "2.女")


def _other_building(rng: Random, world: World, row: Row) -> None:
    others = [b.code for b in world.buildings if b.code != row.cells["建筑物编码"]]
    row.cells["建筑物编码"] = rng.choice(others)


def _moved_in_before(rng: Random, world: World, row: Row) -> None:
    house = rng.choice(world.houses)
    row.cells.update({"房屋编码": house.code, "建筑物编码": house.building.code, "更新时间": "2021-06-01 09:00:00"})


def _moved_out(rng: Random, row: Row) -> None:
    row.cells["离开日期"] = dt.date(2022, 10, rng.randrange(1, 28))
    del row.entities["population"]  # the base takes only residents who are still there
