"""Pairs as a workbook for those who decide (:mod:`.returned` reads it when it comes back)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from fudata_pipeline.load.workbook import EXCEL_ROWS, printable
from fudata_pipeline.models.review.pairs import NotReviewed, Said, Waiting
from fudata_pipeline.models.review.words import EVIDENCE, VERDICTS

INDEX = "_fudata_match"
"""Hidden sheet: which record and entity each row is about, with a checksum of it all in the first row."""
GUIDE = "填写说明"
TOLD = (
    "1. 每一行问：来源行（没有证件号等标识）与“最可能”的实体是不是同一个人或单位。请在“判断”列选 同一、不同 或 不确定；留空表示暂不判断。",
    "2. “次可能”列是第二个候选，只供对照。若来源行其实是它，请选“不同”，下一次构建会再问它；也可请数据局用 fudata match judge 直接判断。",
    "3. “不确定”的行不会自动归并，以后还会列出。“备注”可写理由，至多 400 字。",
    "4. 可以排序、筛选，可以删去不判断的行；不要改动其他列、表头和工作表名。",
    "5. 填好后存为 .xlsx 交数据局，用 fudata match return 收回；判断在下一次构建时生效，之后一直有效，可以改判。",
    "6. 本文件含个人信息，只供判断使用，用后删除。",
)
NUMBER, VERDICT, NOTE = "序号", "判断", "备注"
WHERE = ("数据项", "文件", "行号")
AFTER = ("可能性", "比较结果", VERDICT, NOTE)


def _headers(waiting: Waiting) -> list[str]:
    told = [EVIDENCE[n] for n in waiting.evidence]
    known = ["标识", *told]
    return [NUMBER, *WHERE, *(f"来源行 {t}" for t in told), *(f"最可能 {t}" for t in known), *(f"次可能 {t}" for t in known), *AFTER]  # fmt: skip


def export_pairs(waiting: Sequence[Waiting], path: Path) -> int:
    """Write the pairs, a sheet a table; returns their number. The file holds personal data: its mode is 0600.

    Raises NotReviewed: for another kind of file, no pair at all, or more than a worksheet holds.
    """
    if path.suffix != ".xlsx":
        raise NotReviewed(f"不支持的文件类型 {path.suffix or path.name} → 用 .xlsx")
    some = [w for w in waiting if w.pairs]
    if not some:
        raise NotReviewed("没有等待判断的行 → 用 fudata match list 查看")
    for w in some:
        if len(w.pairs) >= EXCEL_ROWS:
            raise NotReviewed(f"{w.table} 有 {len(w.pairs)} 行，超过工作表上限 → 用 --limit 或 --unit 分批导出")
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=path.parent, prefix=".export-") as private:  # mode 0700 while it is written
        aside = Path(private) / path.name
        _write(some, aside)
        aside.chmod(0o600)
        aside.replace(path)
    return sum(len(w.pairs) for w in some)


def _write(waiting: Sequence[Waiting], path: Path) -> None:
    import xlsxwriter

    book = xlsxwriter.Workbook(
        str(path), {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    )
    text = book.add_format({"num_format": "@", "text_wrap": True, "valign": "top", "quote_prefix": True})
    asked = book.add_format(
        {"num_format": "@", "valign": "top", "bg_color": "#FFF8DC", "border": 1, "quote_prefix": True}
    )
    heading = book.add_format({"bold": True, "bg_color": "#F1F4F8", "bottom": 1, "text_wrap": True, "valign": "top"})
    index: list[tuple[str, ...]] = []
    for w in waiting:
        sheet, headers = book.add_worksheet(w.title[:31]), _headers(w)
        sheet.freeze_panes(1, 1)
        for column, header in enumerate(headers):
            sheet.set_column(column, column, 40 if header == "比较结果" else 8 if header == NUMBER else 16)
            sheet.write_string(0, column, header, heading)
        for row, pair in enumerate(w.pairs, 1):
            number = f"{len(index) + 1}"
            index.append((w.title[:31], number, w.table, pair.record, pair.entity_id, pair.item, f"{pair.line}"))
            verdict = VERDICTS["unsure"] if pair.unsure else ""
            cells = [number, pair.item, pair.file_name, f"{pair.line}", *_values(w, pair.said), *_values(w, pair.best, "key"),
                     *_values(w, pair.other or {}, "key"), f"{100 * pair.probability:.2f}%", pair.compared, verdict, ""]  # fmt: skip
            for column, (header, cell) in enumerate(zip(headers, cells, strict=True)):
                said = printable(cell) or ""
                if header in (VERDICT, NOTE):
                    sheet.write_string(row, column, said, asked) if said else sheet.write_blank(
                        row, column, None, asked
                    )
                elif said:
                    sheet.write_string(row, column, said, text)
        choice = {"validate": "list", "source": list(VERDICTS.values()), "error_title": VERDICT}
        choice["error_message"] = f"请选 {'、'.join(VERDICTS.values())}，或留空"
        at = headers.index(VERDICT)
        sheet.data_validation(1, at, len(w.pairs), at, choice)
        sheet.autofilter(0, 0, len(w.pairs), len(headers) - 1)
    guide = book.add_worksheet(GUIDE)
    guide.set_column(0, 0, 120)
    for row, line in enumerate(TOLD):
        guide.write_string(row, 0, line, text)
    hidden = book.add_worksheet(INDEX)
    hidden.hide()
    for row, values in enumerate([(checksum(index),), *index]):
        for column, value in enumerate(values):
            hidden.write_string(row, column, value)
    book.close()


def _values(waiting: Waiting, said: Said, *first: str) -> list[str | None]:
    return [said.get(n) for n in (*first, *waiting.evidence)]


def checksum(index: Sequence[tuple[str, ...]]) -> str:
    return hashlib.sha256("\n".join("\t".join(row) for row in index).encode()).hexdigest()
