"""One schema object an item, from which every form of the item's schema is made.

Arrow schema, DuckDB DDL and comments, dictionary rows and page, header-template workbook and expectation suite all read
the same :class:`TableSchema`; none of them declares a column of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.catalog.model import CodeSet, FieldDef, Item
from fudata_pipeline.engine.sql import identifier, literal

if TYPE_CHECKING:
    import pyarrow as pa


def column_comment(title: str, field: FieldDef | None) -> str:
    """The comment of a published column: its Chinese title with unit of measure, code list and standard."""
    said = [field.unit, f"代码表 {field.codes}" if field.codes else None, field.standard] if field else []
    told = "，".join(s for s in said if s)
    return f"{title}（{told}）" if told else title


@dataclass(frozen=True)
class Column:
    """A column as every consumer sees it. ``duckdb`` is its type; ``example`` delivered text and value as text."""

    name: str
    title: str
    headers: tuple[str, ...]
    duckdb: str
    type_title: str
    identifier: bool
    required: bool
    key: bool
    optional_column: bool
    min_filled: float
    field: FieldDef
    codes: CodeSet | None
    example: tuple[str, str] | None

    @property
    def comment(self) -> str:
        return column_comment(self.title, self.field)

    @property
    def range(self) -> str:
        """``low～high``, open where there is no bound; empty without any."""
        low, high = self.field.min, self.field.max
        return "" if low is None and high is None else f"{low or ''}～{high or ''}"


@dataclass(frozen=True)
class TableSchema:
    """The schema of one data item."""

    catalog: Catalog
    item: Item
    columns: tuple[Column, ...]

    @classmethod
    def of(cls, catalog: Catalog, item: Item) -> TableSchema:
        columns = []
        for column in item.fields:
            kind = catalog.types[column.field.type]
            columns.append(
                Column(
                    name=column.name,
                    title=column.title,
                    headers=column.headers,
                    duckdb=kind.duckdb,
                    type_title=kind.title,
                    identifier=kind.identifier,
                    required=column.required,
                    key=column.name in item.key,
                    optional_column=column.optional_column,
                    min_filled=column.min_filled,
                    field=column.field,
                    codes=catalog.codes[column.field.codes] if column.field.codes else None,
                    example=item.example.get(column.name) or catalog.shown(column.field),
                )
            )
        return cls(catalog, item, tuple(columns))

    @property
    def title(self) -> str:
        return f"{self.catalog.units_by_id[self.item.unit].short}：{self.item.title}"

    def arrow(self) -> pa.Schema:
        """The Arrow schema of accepted rows; titles, standards and PI grades are field metadata.

        Required columns are not nullable.
        """
        import pyarrow as pa

        fields = []
        for c in self.columns:
            metadata = {"title": c.title, "pi": str(c.field.pi), "comment": c.comment}
            metadata |= {k: v for k, v in (("standard", c.field.standard), ("codes", c.field.codes)) if v}
            fields.append(pa.field(c.name, _arrow_type(c.duckdb), nullable=not c.required, metadata=metadata))
        return pa.schema(fields, metadata={"item": self.item.id, "title": self.title, "code": self.item.code})

    def ddl(self, table: str | None = None) -> str:
        """``CREATE TABLE`` with key and NOT NULL, and the comments. ``table``: qualified name, default the view's."""
        name = table or f"item.{identifier(self.item.view)}"
        lines = [f"{identifier(c.name)} {c.duckdb}{' NOT NULL' if c.required else ''}" for c in self.columns]
        lines.append(f"PRIMARY KEY ({', '.join(identifier(k) for k in self.item.key)})")
        body = ",\n    ".join(lines)
        return ";\n".join([f"CREATE TABLE {name} (\n    {body}\n)", *self.comments("TABLE", name)]) + ";\n"

    def comments(self, kind: str, name: str) -> list[str]:
        """``COMMENT ON`` statements for a table or view (``kind``) of this schema under its qualified ``name``."""
        found = [f"COMMENT ON {kind} {name} IS {literal(self.title)}"]
        return found + [f"COMMENT ON COLUMN {name}.{identifier(c.name)} IS {literal(c.comment)}" for c in self.columns]

    def _title(self, codes: str, code: str) -> str:
        return self.catalog.codes[codes].titles[code]

    def _shared(self) -> str:
        share = self.item.share
        said = share.condition or share.legal_basis
        return self._title("share_type", share.type) + (f"：{said}" if said else "")

    def page(self) -> str:
        """The item's dictionary page, in Markdown."""
        item, catalog = self.item, self.catalog
        low, high = item.rows_between(catalog.district.scale)
        share = "" if catalog.district.scale == 1 else f"（交付占申报记录的 {catalog.district.scale:g}）"
        feeds = catalog.feeds(item)
        facts = {
            "目录代码": item.code,
            "提供方": catalog.units_by_id[item.unit].name,
            "更新周期": self._title("update_cycle", item.cycle),
            "共享属性": self._shared(),
            "开放属性": ("开放" + (f"：{item.open_condition}" if item.open_condition else ""))
            if item.open
            else "不开放",
            "分类分级": f"{self._title('classification', item.classification)}，{item.grade} 级（{self._title('grade', str(item.grade))}）",
            "可获取性": self._title("availability", item.availability),
            "主题库": "、".join(self._title("topic", t) for t in item.topics),
            "交付": f"{item.source.format} {item.source.path}",
            "记录数": f"{item.records:,}" if item.records is not None else "",
            "行数约束": f"{low:,}～{high:,}{share}" if item.records is not None else "",
            "供给": "；".join(f"{f.title}.{f.attribute}（第 {f.rank} 顺位）" for f in feeds),
        }
        head = [
            "列",
            "中文名",
            "交付表头",
            "类型",
            "必填",
            "代码表",
            "单位",
            "取值范围",
            "标准",
            "分级",
            "样例",
            "入库值",
        ]
        rows = [
            [
                c.name + (" (主键)" if c.key else ""),
                c.title,
                " / ".join(c.headers),
                c.duckdb,
                "是" if c.required else "",
                c.field.codes or "",
                c.field.unit or "",
                c.range,
                c.field.standard or "",
                str(c.field.pi),
                *(c.example or ("", "")),
            ]
            for c in self.columns
        ]
        table = "\n".join("| " + " | ".join(_cell(v) for v in row) + " |" for row in [head, ["-"] * len(head), *rows])
        listed = "\n".join(f"- {k}：{v}" for k, v in facts.items() if v)
        return f"# {self.title}\n\n{item.summary}\n\n{listed}\n\n{table}\n"


def _cell(value: str) -> str:
    return value.replace("|", "\\|").replace("\n", " ")


def _arrow_type(duckdb: str) -> pa.DataType:
    import pyarrow as pa

    if duckdb.startswith("DECIMAL("):
        precision, scale = duckdb[len("DECIMAL(") : -1].split(",")
        return pa.decimal128(int(precision), int(scale))
    known = {
        "VARCHAR": pa.string(),
        "BIGINT": pa.int64(),
        "DOUBLE": pa.float64(),
        "DATE": pa.date32(),
        "TIMESTAMP": pa.timestamp("us"),
        "BOOLEAN": pa.bool_(),
    }
    return known[duckdb]
