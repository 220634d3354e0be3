"""A tiny coherent district: streets, communities, grids, buildings, houses, households and firms, all made up."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from random import Random

from fudata_pipeline.synthetic.samples import identifiers

COMMUNITIES = {
    "南园街道": {"440304001901": "东园社区", "440304001902": "巴登社区"},
    "园岭街道": {"440304002901": "园东社区", "440304002902": "红荔社区"},
    "福田街道": {"440304004902": "岗厦社区", "440304004904": "水围社区"},
    "沙头街道": {"440304005902": "下沙社区", "440304005903": "沙嘴社区"},
    "香蜜湖街道": {"440304006904": "竹林社区", "440304006907": "香蜜社区"},
    "梅林街道": {"440304007903": "上梅社区", "440304007905": "下梅社区"},
    "莲花街道": {"440304008908": "景田社区", "440304008911": "彩虹社区"},
    "华富街道": {"440304009905": "田面社区", "440304009906": "莲花一村社区"},
    "福保街道": {"440304010003": "益田社区", "440304010005": "石厦社区"},
    "华强北街道": {"440304011901": "通新岭社区", "440304011904": "荔村社区"},
}
"""Two communities of each street; codes and names as in ``catalog/codes/community.csv``."""

SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗高郑梁谢宋唐许韩冯邓曹彭曾肖田董潘袁蔡蒋余于杜叶程"
GIVEN = "伟芳娜敏静丽磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰红建国文辉力健波宁贵福生龙元全胜学祥才发武新利飞彬富顺信子"
RARE = "𠮷㛃䶮"
ROADS = ("福荣路", "红荔路", "彩田路", "梅林路", "景田路", "新洲路", "福强路", "爱国路", "百花路", "莲花路")
ESTATES = ("翠园", "锦苑", "雅居", "新村", "花园", "公寓", "家园", "华庭")
HOME_REGIONS = {
    "440304": "广东省深圳市福田区", "440305": "广东省深圳市南山区", "430102": "湖南省长沙市芙蓉区", "440106": "广东省广州市天河区",
    "360102": "江西省南昌市东湖区", "420106": "湖北省武汉市武昌区", "450102": "广西南宁市兴宁区", "510104": "四川省成都市锦江区",
    "440582": "广东省汕头市潮阳区", "411525": "河南省固始县", "440321": "广东省宝安县", "810000": "香港特别行政区",
}  # fmt: skip
_REGION_WEIGHTS = (30, 6, 8, 6, 8, 8, 7, 6, 8, 6, 4, 3)
ETHNICITIES = (
    "汉族",
    "汉族",
    "汉族",
    "汉族",
    "汉族",
    "汉",
    "汉",
    "01",
    "01",
    "壮族",
    "回族",
    "土家族",
    "瑶",
    "满族",
    "苗族",
)
TODAY = dt.date(2022, 10, 31)


@dataclass(frozen=True)
class Building:
    code: str
    name: str
    address: str
    structure: str
    floors: int
    year: int
    grid: str


@dataclass(frozen=True)
class House:
    code: str
    building: Building
    room: str
    area: float
    use: str
    rented: bool


@dataclass(frozen=True)
class Person:
    id: str
    name: str
    sex: str
    born: dt.date
    ethnicity: str
    home: str
    local: bool
    phone: str
    house: House
    since: dt.date

    @property
    def age(self) -> int:
        return TODAY.year - self.born.year


@dataclass(frozen=True)
class Firm:
    uscc: str
    name: str
    kind: str
    industry: str
    owner: Person
    capital: int
    founded: dt.date
    status: str
    house: House
    phone: str


@dataclass
class World:
    grids: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Grid code -> community code, name."""
    buildings: list[Building] = field(default_factory=list)
    houses: list[House] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)
    firms: list[Firm] = field(default_factory=list)
    newcomers: list[Person] = field(default_factory=list)
    """People who are there on the second night only."""


def day(rng: Random, first: dt.date, last: dt.date = TODAY) -> dt.date:
    return first + dt.timedelta(days=rng.randrange((last - first).days + 1))


def person_name(rng: Random, surname: str = "") -> str:
    return (surname or rng.choice(SURNAMES)) + "".join(rng.choice(GIVEN) for _ in range(rng.choice((1, 2, 2, 2))))


def make_world(rng: Random) -> World:
    world = World()
    _space(rng, world)
    taken: set[str] = set()
    for house in world.houses:
        if house.use == "住宅":
            world.people += household(rng, house, taken)
    _firms(rng, world)
    while len(world.newcomers) < 20:
        world.newcomers += household(rng, rng.choice(world.houses), taken)
    return world


def _space(rng: Random, world: World) -> None:
    number = 0
    for street, communities in COMMUNITIES.items():
        for community, title in communities.items():
            for grid in (1, 2):
                code = f"{community}{grid:03d}"
                world.grids[code] = (community, f"{title.removesuffix('社区')}{grid:02d}")
                for serial in (1, 2) if grid == 1 else (1,):
                    number += 1
                    part = "T0002" if number == 20 else f"{serial:05d}"  # one temporary building
                    road = f"{rng.choice(ROADS)}{rng.randrange(1, 200)}号"
                    estate = title.removesuffix("社区") + rng.choice(ESTATES)
                    name = f"{estate}{serial}栋"
                    address = f"深圳市福田区{street}{title}{road}{name}"
                    structure = rng.choice(("框架", "框剪", "砖混", "钢混", "钢筋混凝土", "1"))
                    floors = rng.choice((6, 7, 8, 12, 18, 28, 32))
                    building = Building(
                        f"{community}{grid:02d}{part}",
                        name,
                        address,
                        structure,
                        floors,
                        rng.randrange(1982, 2021),
                        code,
                    )
                    world.buildings.append(building)
                    for unit in range(5):
                        use = "住宅" if unit < 4 else rng.choice(("商业", "办公"))
                        room = f"{unit + 1}{rng.randrange(1, 9):02d}"
                        world.houses.append(
                            House(f"{building.code}{unit + 1:06d}", building, room,
                                  round(rng.uniform(28, 160), 2), use, use == "住宅" and rng.random() < 0.5)
                        )  # fmt: skip


def household(rng: Random, house: House, taken: set[str]) -> list[Person]:
    """One household: a head, mostly a partner, children, sometimes old parents; never an id twice."""
    surname, other = rng.choice(SURNAMES), rng.choice(SURNAMES)
    region = rng.choices(list(HOME_REGIONS), _REGION_WEIGHTS)[0]
    head = rng.randrange(1958, 1996)
    members = [("1", head, surname)]
    if rng.random() < 0.88:
        members.append(("2", head + rng.randrange(-3, 4), other))
        for _ in range(rng.choice((0, 1, 1, 2))):
            members.append((rng.choice("12"), min(head + rng.randrange(23, 34), 2022), surname))
    if rng.random() < 0.42:
        members += [("2", head - rng.randrange(23, 30), other), ("1", head - rng.randrange(24, 32), surname)]
    since = day(rng, dt.date(2005, 1, 1), dt.date(2022, 9, 30))
    people = []
    for sex, year, family in members:
        born = day(rng, dt.date(year, 1, 1), min(dt.date(year, 12, 31), dt.date(2022, 9, 30)))
        own = region if born.year < 2000 or region == "810000" or rng.random() < 0.5 else "440304"
        number = identifiers.resident_id(rng, own, born, sex)
        while number in taken:
            number = identifiers.resident_id(rng, own, born, sex)
        taken.add(number)
        local = own == "440304" or (own[:2] != "81" and rng.random() < 0.3)
        home = (
            house.building.address + house.room
            if local
            else f"{HOME_REGIONS[own]}{rng.choice(ROADS)}{rng.randrange(1, 300)}号"
        )
        people.append(
            Person(number, person_name(rng, family), sex, born, rng.choice(ETHNICITIES), home, local,
                   identifiers.mobile(rng), house, max(since, born))
        )  # fmt: skip
    return people


def _firms(rng: Random, world: World) -> None:
    adults = [p for p in world.people if 22 < p.age < 66]
    premises = [h for h in world.houses if h.use != "住宅"]
    trades = {"商贸": "批发和零售业", "餐饮": "住宿和餐饮业", "科技": "信息技术", "咨询": "商务服务", "教育": "教育",
              "物业": "房地产", "建筑": "E", "文化传播": "R"}  # fmt: skip
    words = "鼎恒瑞盛嘉合泰源宏远众信博创启明汇通安达"
    taken: set[str] = set()
    while len(world.firms) < 180:
        trade, industry = rng.choice(list(trades.items()))
        kind = rng.choice(("企业", "企业", "企业", "个体工商户", "个体户"))
        prefix = "91" if kind == "企业" else "92"
        number = identifiers.uscc(rng, prefix, rng.choice(("440300", "440304", "440304", "430102", "420106")))
        if number in taken:
            continue
        taken.add(number)
        brand = rng.choice(words) + rng.choice(words) + rng.choice(words)
        name = (
            f"深圳市{brand}{trade}有限公司"
            if kind == "企业"
            else f"福田区{brand}{'餐饮店' if trade == '餐饮' else '商行'}"
        )
        world.firms.append(
            Firm(number, name, kind, industry, rng.choice(adults), rng.choice((10, 50, 100, 500, 1000, 5000)),
                 day(rng, dt.date(1998, 1, 1), dt.date(2022, 8, 31)),
                 rng.choice(("存续", "存续", "存续", "在业", "开业", "吊销", "注销")), rng.choice(premises),
                 identifiers.landline(rng) if rng.random() < 0.5 else identifiers.mobile(rng))
        )  # fmt: skip
