"""The matcher's words as people read them."""

from __future__ import annotations

VERDICTS = {"same": "同一", "different": "不同", "unsure": "不确定"}

EVIDENCE = {
    "name": "姓名（名称）",
    "phone": "电话",
    "birth_date": "出生日期",
    "sex": "性别",
    "rep": "负责人",
    "house_code": "房屋编码",
    "building_code": "建筑物编码",
    "address": "地址",
}
"""What a row and an entity say that is compared."""

COMPARISONS = {
    "name": "姓名（名称）",
    "phone": "电话",
    "birth": "出生日期",
    "sex": "性别",
    "rep": "负责人",
    "place": "住址（地址）",
}

LEVELS = {
    "exact": "完全相同",
    "equal": "相同",
    "variant": "字形不同而实同",
    "near": "只差一处",
    "pinyin": "同音",
    "reordered": "字同序不同",
    "one_off": "差一个字",
    "given": "名同姓不同",
    "surname": "仅同姓",
    "parts": "字号、行业、分支相同",
    "brand": "字号与分支相同",
    "branch": "字号同，分支不同",
    "year": "仅同年",
    "house": "同一户",
    "building": "同一栋楼",
    "community": "同一社区",
    "else": "不同",
}

SOURCES = {"counted": "全部数出", "sampled": "抽样", "learned": "学得", "bounded": "学得后收回界内", "declared": "申报"}
"""Where m and u of a level come from."""


def in_words(pattern: str | None) -> str:
    """``name:exact phone:equal birth:missing`` in Chinese, without what either side lacks."""
    told = (part.split(":") for part in (pattern or "").split())
    return "；".join(f"{COMPARISONS[word]}{LEVELS[level]}" for word, level in told if level != "missing")
