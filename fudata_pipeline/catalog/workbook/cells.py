"""Single cells of a catalog workbook, each read into its attribute or reported."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from pydantic import TypeAdapter

from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.catalog.model import Share
from fudata_pipeline.catalog.workbook.reading import Workbook

TO_CONFIRM = "待确认"

_DATE = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?: .*)?|(\d{4})年(\d{1,2})月(\d{1,2})日?|(\d{4})(\d{2})(\d{2})")


class Cells:
    """Reads cells in the code lists of ``known`` and reports to ``book`` what it cannot take at its word."""

    def __init__(self, book: Workbook, known: Catalog) -> None:
        self.book = book
        self.known = known

    def letter(self, row: int, said: str) -> str | None:
        if not said:
            self.book.doubt(row, "数据类型", "数据类型为空", "按字典，否则按字符型")
            return None
        spelled = re.sub(r"[\s(（].*$", "", said).upper()
        letter = self.known.codes["data_type"].aliases.get(spelled)
        if letter is None:
            self.book.doubt(row, "数据类型", f"“{said}”不在数据类型表中", "按字典，否则按字符型")
        return letter

    def coded(self, row: int, title: str, codes: str, said: str, otherwise: str) -> str:
        code = self.known.codes[codes].aliases.get(said.strip().upper())
        if code is None:
            taken = self.known.codes[codes].titles[otherwise]
            self.book.doubt(row, title, f"“{said}”不在{title}表中" if said else f"{title}为空", f"按“{taken}”")
            return otherwise
        return code

    def share(self, said: str, condition: str, row: int, titles: tuple[str, str]) -> Share:
        kind = self.coded(row, titles[0], "share_type", said, "none")
        if kind == "unconditional":
            if condition:
                self.book.doubt(row, titles[1], f"无条件共享不得附加条件（“{condition[:20]}”）", "略去条件")
            return Share(type="unconditional")
        if not condition:
            self.book.doubt(
                row, titles[1], "缺少共享条件" if kind == "conditional" else "不予共享缺少法律依据", f"填“{TO_CONFIRM}”"
            )
            condition = TO_CONFIRM
        if kind == "conditional":
            return Share(type="conditional", condition=condition)
        return Share(type="none", legal_basis=condition)

    def yes(self, row: int, title: str, said: str) -> bool | None:
        if not said:
            return None
        code = self.known.codes["boolean"].aliases.get(said.upper())
        if code is None:
            self.book.doubt(row, title, f"“{said}”既不是“是”也不是“否”", "按空白处理")
            return None
        return code in ("1", "true", "Y")

    def topics(self, row: int, said: str) -> tuple[str, ...]:
        names = [t for t in re.split(r"[、,，;；|]", said) if t]
        found = [self.known.codes["topic"].aliases.get(t.strip().upper()) for t in names]
        for name, code in zip(names, found, strict=True):
            if code is None:
                self.book.doubt(row, "主题分类", f"“{name}”不在主题表 topic 中", "略去")
        return tuple(c for c in found if c)

    def date(self, row: int, title: str, said: str) -> str | None:
        if not said:
            return None
        match = _DATE.fullmatch(said)
        try:
            year, month, day = (int(part) for part in match.groups() if part and part.isdigit()) if match else (0, 0, 0)
            return dt.date(year, month, day).isoformat()
        except ValueError:
            self.book.doubt(row, title, f"“{said}”不是日期（应为 CCYY-MM-DD）", "略去")
            return None

    def records(self, row: int, said: str) -> int | None:
        if not said or said == "0":  # the guide: 0 where it is not known
            return None
        if not is_number(said) or said.startswith("-"):
            self.book.doubt(
                row, "结构化信息记录总数(万)", f"“{said}”不是数字（只填数字，不带单位，不清楚填 0）", "按不清楚处理"
            )
            return None
        return round(float(said) * 10000)

    def share_of_rows(self, row: int, title: str, said: str) -> float:
        """A share from 0 to 1, or as a percentage."""
        number = said.removesuffix("%")
        share = (float(number) / (100 if said.endswith("%") else 1)) if is_number(number) else -1.0 if said else 0.0
        if not 0 <= share <= 1:
            self.book.doubt(row, title, f"“{said}”不是 0 到 1 的比例", "按 0 处理")
            return 0.0
        return share

    def json(self, row: int, title: str, cells: dict[str, str], kind: Any, otherwise: Any) -> Any:
        """A nested declaration as JSON, checked to be of ``kind``; ``otherwise`` where there is none or a wrong one."""
        said = cells.get(title, "")
        if not said:
            return otherwise
        try:
            return TypeAdapter(kind).validate_json(said)
        except ValueError:
            self.book.doubt(row, title, f"“{said[:20]}”不是本项目导出的写法", "略去")
            return otherwise


def is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?", text) is not None


def shown(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)
