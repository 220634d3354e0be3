"""The judgements of a workbook that came back: all of them, or an error that names what was changed in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fudata_pipeline.models.review.judging import Judgement
from fudata_pipeline.models.review.pairs import NotReviewed
from fudata_pipeline.models.review.words import VERDICTS
from fudata_pipeline.models.review.workbook import INDEX, NOTE, NUMBER, VERDICT, WHERE, checksum
from fudata_pipeline.sources.excel import cell_text, open_returned


@dataclass(frozen=True)
class Returned:
    """What a workbook that came back says. ``judged``: table -> its judgements; ``open``: rows without an answer."""

    judged: dict[str, list[Judgement]]
    open: int


def read_pairs(path: Path) -> Returned:
    """The judgements of a workbook that came back.

    Raises NotReviewed: for another file, an index or a row that was changed, or an unknown word; it names sheet, row and cure.
    """
    book = open_returned(path, NotReviewed)
    if INDEX not in book.sheet_names:
        raise NotReviewed(f"{path.name} 不是本系统导出的判断清单 → 在 fudata match export 导出的文件里填写后发回")
    rows = [tuple(cell_text(c) or "" for c in row) for row in book.get_sheet_by_name(INDEX).to_python()]
    index = rows[1:]
    if not rows or rows[0][0] != checksum(index):
        raise NotReviewed(f"{path.name} 的隐藏工作表“{INDEX}”被改动 → 重新导出，把判断填入新的文件")
    judged: dict[str, list[Judgement]] = {}
    left = 0
    for name in dict.fromkeys(row[0] for row in index):
        if name not in book.sheet_names:
            continue  # what is not judged may be left out
        told = {row[1]: row for row in index if row[0] == name}
        texts = ([cell_text(c) for c in row] for row in book.get_sheet_by_name(name).to_python(skip_empty_area=False))
        for table, judgement in _answers(path.name, name, texts, told):
            if judgement is None:
                left += 1
            else:
                judged.setdefault(table, []).append(judgement)
    return Returned(judged, left)


def _answers(
    file: str, sheet: str, rows: Iterator[list[str | None]], told: dict[str, tuple[str, ...]]
) -> Iterator[tuple[str, Judgement | None]]:
    """Table and judgement of every row of a sheet; None where nothing was chosen."""
    headers = next(rows, [])
    wanted = (NUMBER, *WHERE, VERDICT, NOTE)
    if missing := [h for h in wanted if headers.count(h) != 1]:
        raise NotReviewed(f"{file} 工作表“{sheet}”第 1 行的表头被改动（{'、'.join(missing)}）→ 恢复后重新发回")
    at = {h: headers.index(h) for h in wanted}
    words, seen = {word: verdict for verdict, word in VERDICTS.items()}, set()
    for number, cells in enumerate(rows, 2):
        if not any(cells):
            continue
        row: dict[str, Any] = {h: (cells[n] or "").strip() for h, n in at.items()}
        here = f"{file} 工作表“{sheet}”第 {number} 行"
        if row[NUMBER] in seen:
            raise NotReviewed(f"{here}：序号与前面的行重复 → 一个序号只留一行")
        seen.add(row[NUMBER])
        known = told.get(row[NUMBER])
        if known is None or (row["数据项"], row["行号"]) != known[5:7]:
            raise NotReviewed(f"{here}：序号、数据项或行号被改动 → 恢复导出时的内容，只填“判断”和“备注”")
        _, _, table, record, entity, *_ = known
        if not row[VERDICT]:
            yield table, None
        elif row[VERDICT] not in words:
            raise NotReviewed(f"{here}：“判断”列的内容不认识 → 改为 {'、'.join(words)}，或留空")
        else:
            yield table, Judgement(f"row:{record}", entity, words[row[VERDICT]], row[NOTE][:400] or None)
