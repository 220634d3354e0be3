"""The header template of an item: a workbook that the unit fills in and delivers as it is."""

from __future__ import annotations

from pathlib import Path

from fudata_pipeline.catalog.schema import Column, TableSchema

_ROWS = 1000
"""Rows below the header that are formatted and validated."""


def write_template(schema: TableSchema, target: Path) -> None:
    """Write ``target`` (.xlsx): declared headers, text format for identifiers, drop-down lists, an explanation sheet.

    The first sheet, filled in, is a delivery of the item: header row and nothing else.

    Raises:
        OSError: the file cannot be written.
    """
    from openpyxl import Workbook
    from openpyxl.comments import Comment
    from openpyxl.styles import Font, PatternFill
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    book = Workbook()
    sheet = book.active
    sheet.title = "数据"
    lists = book.create_sheet("代码")
    listed: dict[str, str] = {}
    for number, column in enumerate(schema.columns, 1):
        letter = get_column_letter(number)
        cell = sheet.cell(1, number, column.headers[0])
        cell.font = Font(bold=True, color="9C0006" if column.required else "000000")
        cell.fill = PatternFill("solid", fgColor="DDEBF7")
        cell.comment = Comment(_note(column), "fudata")
        sheet.column_dimensions[letter].width = max(14, len(column.headers[0]) * 2 + 4)
        # Text, so that a spreadsheet neither rounds identifiers nor rewrites dates.
        if column.duckdb in ("VARCHAR", "DATE", "TIMESTAMP"):
            sheet.column_dimensions[letter].number_format = "@"
            for row in range(2, _ROWS + 2):
                sheet.cell(row, number).number_format = "@"
        if column.codes:
            name = column.codes.name
            if name not in listed:
                at = len(listed) + 1
                titles = list(column.codes.titles.values())
                lists.cell(1, at, name)
                for row, title in enumerate(titles, 2):
                    lists.cell(row, at, title)
                listed[name] = f"代码!${get_column_letter(at)}$2:${get_column_letter(at)}${len(titles) + 1}"
            choice = DataValidation(type="list", formula1=listed[name], allow_blank=not column.required)
            choice.error = f"请从代码表 {name} 中选择"
            sheet.add_data_validation(choice)
            choice.add(f"{letter}2:{letter}{_ROWS + 1}")
    sheet.freeze_panes = "A2"
    if not listed:
        book.remove(lists)
    about = book.create_sheet("填表说明")
    about.append([schema.title])
    about.append([schema.item.summary])
    about.append([f"目录代码 {schema.item.code}；交付文件名：{schema.item.source.path}"])
    about.append([])
    about.append(["表头", "必填", "类型", "代码表", "计量单位", "取值范围", "标准", "样例"])
    for c in schema.columns:
        example = c.example[0] if c.example else ""
        about.append(
            [
                c.headers[0],
                "是" if c.required else "",
                c.type_title,
                c.field.codes,
                c.field.unit,
                c.range,
                c.field.standard,
                example,
            ]
        )
    book.save(target)


def _note(column: Column) -> str:
    said = [column.type_title, "必填" if column.required else "可空"]
    said += [f"单位：{column.field.unit}"] if column.field.unit else []
    said += [f"范围：{column.range}"] if column.range else []
    said += [column.field.standard] if column.field.standard else []
    said += [f"样例：{column.example[0]}"] if column.example else []
    return "；".join(said)
