"""Small changes to declarations, made in the text of their file: comments, order and layout of everything else stay."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import yaml

from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.catalog.finding import CatalogError
from fudata_pipeline.catalog.model import Item
from fudata_pipeline.catalog.reader import load_catalog


class NotEdited(Exception):
    """The change cannot be made; the message says why, and the cure. The file is as it was."""


def approve_column(folder: Path, catalog: Catalog, item: Item, header: str, field: str, name: str | None) -> str:
    """Declare a delivered header as a column of an item: dictionary ``field``, under ``name`` if the item plays it a role.

    The column may be missing from a delivery, as it is from those before it. Returns the file that was changed.

    Raises:
        NotEdited: for an unknown field, a name that is taken, or whatever the catalog's check finds.
    """
    if field not in catalog.fields:
        cure = f"先在 catalog/fields/ 中声明它（name、title、type），或选 {_near(catalog, header)}"
        raise NotEdited(f"字典里没有字段 {field!r} → {cure}")
    if (name or field) in item.columns:
        raise NotEdited(
            f"{item.id} 已有列 {name or field} → 用 --name 另起一个列名，或把表头登记为该列的别名（headers）"
        )
    said = {"field": field, **({"name": name} if name else {}), "title": header, "headers": [header]}
    entry = f"{{{', '.join(f'{k}: {_flow(v)}' for k, v in said.items())}, optional_column: true}}"
    return _change(folder, catalog, item, lambda text, node: _appended(text, node, "fields", entry))


def ignore_header(folder: Path, catalog: Catalog, item: Item, header: str) -> str:
    """List a delivered header among those that are never of interest. Returns the file that was changed.

    Raises NotEdited: whatever the catalog's check finds.
    """
    ignored = [*item.drift.ignored, header]
    drift = f"{{policy: {item.drift.policy}, ignored: {_flow(ignored)}}}"
    return _change(folder, catalog, item, lambda text, node: _set(text, node, "drift", drift))


def fields_titled(catalog: Catalog, header: str) -> list[str]:
    """Dictionary fields of this title."""
    return [name for name, field in catalog.fields.items() if field.title == header.strip()]


def _near(catalog: Catalog, header: str) -> str:
    return "、".join(fields_titled(catalog, header)) or "已有的字段"


def _flow(value: object) -> str:
    """A value as YAML in one line. JSON is such YAML, and quotes whatever could be misread."""
    return json.dumps(value, ensure_ascii=False)


def _change(folder: Path, catalog: Catalog, item: Item, change: Callable[[str, yaml.MappingNode], str]) -> str:
    file = catalog.files[item.id]
    path = folder / file
    before = path.read_text("utf-8")
    tree = yaml.compose(before, Loader=yaml.BaseLoader)
    node = _value(_value(tree, "items"), item.name)
    if not isinstance(node, yaml.MappingNode) or node.flow_style:
        raise NotEdited(f"catalog/{file} 中 {item.name} 的写法无法自动修改 → 请手工修改该文件")
    _replace(path, change(before, node))
    try:
        load_catalog(folder)
    except CatalogError as error:
        _replace(path, before)
        raise NotEdited(f"修改后目录不能通过检查，已恢复原文：{error.findings[0]}") from None
    return file


def _replace(path: Path, text: str) -> None:
    aside = path.with_name(f".{path.name}.tmp")
    aside.write_text(text, "utf-8")
    aside.replace(path)


def _value(node: yaml.Node | None, key: str) -> yaml.Node | None:
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next((v for k, v in pairs if k.value == key), None)


def _end(node: yaml.Node) -> int:
    """Where a node's text ends. What the parser says of a block is where the next thing begins."""
    if not isinstance(node, yaml.CollectionNode) or node.flow_style:
        return int(node.end_mark.index)
    last = node.value[-1]
    return _end(last[1] if isinstance(last, tuple) else last)


def _appended(text: str, item: yaml.MappingNode, key: str, entry: str) -> str:
    """The text with an entry more in a list of the item."""
    found = _value(item, key)
    if not isinstance(found, yaml.SequenceNode):
        return _set(text, item, key, f"[{entry}]")
    at = _end(found)
    if found.flow_style:
        return f"{text[: at - 1]}{', ' if found.value else ''}{entry}{text[at - 1 :]}"
    line = text.find("\n", at)
    line = len(text) if line < 0 else line
    return f"{text[:line]}\n{' ' * found.start_mark.column}- {entry}{text[line:]}"


def _set(text: str, item: yaml.MappingNode, key: str, value: str) -> str:
    """The text with the key of the item having this value."""
    found = _value(item, key)
    if found is not None:
        return f"{text[: found.start_mark.index]}{value}{text[_end(found) :]}"
    line = text.find("\n", _end(item))
    line = len(text) if line < 0 else line
    return f"{text[:line]}\n{' ' * item.start_mark.column}{key}: {value}{text[line:]}"
