"""Read ``catalog/``, resolve references and return the frozen :class:`Catalog`, or every finding at once."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from fudata_pipeline.catalog.lint import CatalogError, Finding, lint
from fudata_pipeline.catalog.model import (
    BaseTable,
    Catalog,
    CodeSet,
    District,
    FieldDef,
    Item,
    Rule,
    Theme,
    TypeDef,
    Unit,
)

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Reader:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.findings: list[Finding] = []

    def add(self, file: str, place: str, message: str, cure: str) -> None:
        self.findings.append(Finding(file, place, message, cure))

    def yaml(self, file: str) -> dict[str, Any]:
        path = self.folder / file
        try:
            loaded = yaml.load(path.read_text("utf-8"), Loader=_Loader)
        except FileNotFoundError:
            self.add(file, "-", "文件不存在", "补上该文件，或用 fudata init 建立新项目")
            return {}
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            mark = getattr(error, "problem_mark", None)
            place = f"第 {mark.line + 1} 行" if mark else "-"
            self.add(file, place, f"不是有效的 YAML：{getattr(error, 'problem', error)}", "修正语法")
            return {}
        if not isinstance(loaded, dict):
            self.add(file, "-", "应为键值结构", "参照同目录其他文件")
            return {}
        return loaded

    def csv(self, file: str) -> list[dict[str, str]]:
        with (self.folder / file).open(encoding="utf-8-sig", newline="") as stream:
            return list(csv.DictReader(stream))

    def files(self, pattern: str) -> Iterator[str]:
        for path in sorted(self.folder.glob(pattern)):
            yield path.relative_to(self.folder).as_posix()

    @contextmanager
    def declaring(self, file: str, place: str) -> Iterator[None]:
        """Turn the errors of one declaration into findings, and go on with the next."""
        try:
            yield
        except ValidationError as error:
            for e in error.errors():
                where = ".".join(str(p) for p in e["loc"])
                self.add(
                    file,
                    f"{place} {where}".strip(),
                    e["msg"],
                    "按 fudata_pipeline/catalog/model.py 的字段填写",
                )
        except _Unknown as error:
            self.add(file, place, str(error), error.cure)


class _Unknown(Exception):
    def __init__(self, what: str, name: str, cure: str) -> None:
        super().__init__(f"引用了未声明的{what} {name!r}")
        self.cure = cure


def _known(table: dict[str, Any], name: str, what: str, where: str) -> Any:
    if name not in table:
        raise _Unknown(what, name, f"在 {where} 中声明，或改正名称")
    return table[name]


def _codesets(r: _Reader) -> dict[str, CodeSet]:
    sets = {}
    for file in r.files("codes/*.csv"):
        name = Path(file).stem
        titles: dict[str, str] = {}
        aliases: dict[str, str] = {}
        for row in r.csv(file):
            code = row["code"]
            titles[code] = row["title"]
            for alias in (code, row["title"], *(row.get("aliases") or "").split("|")):
                spelled = alias.strip().upper()
                if spelled and aliases.setdefault(spelled, code) != code:
                    r.add(
                        file,
                        f"code {code}",
                        f"写法 {alias!r} 已指向代码 {aliases[spelled]}",
                        "每种写法只能对应一个代码",
                    )
        sets[name] = CodeSet(name=name, titles=titles, aliases=aliases)
    return sets


def _item(r: _Reader, unit: str, name: str, body: dict[str, Any], fields: dict[str, FieldDef]) -> Item:
    columns = []
    for entry in body.pop("fields", []):
        entry = dict(entry)
        definition = _known(fields, entry.pop("field"), "字段", "catalog/fields/")
        columns.append({"name": definition.name, "headers": [definition.title], **entry, "field": definition})
    return Item.model_validate({"unit": unit, "name": name, **body, "fields": columns})


def _base(body: dict[str, Any], fields: dict[str, FieldDef]) -> BaseTable:
    attributes = []
    for entry in body.pop("fields", []):
        entry = dict(entry)
        definition = _known(fields, entry.pop("field", entry["name"]), "字段", "catalog/fields/")
        attributes.append({**entry, "field": definition})
    return BaseTable.model_validate({**body, "fields": attributes})


def load_catalog(folder: Path) -> Catalog:
    """Compile ``folder`` (the ``catalog/`` directory).

    Raises:
        CatalogError: with every finding, when anything is missing, misspelt or contradictory.
    """
    r = _Reader(folder)
    units: list[Unit] = []
    types: dict[str, TypeDef] = {}
    rules: dict[str, Rule] = {}
    fields: dict[str, FieldDef] = {}
    items: list[Item] = []
    bases: list[BaseTable] = []
    themes: list[Theme] = []

    for body in r.yaml("units.yaml").get("units", []):
        with r.declaring("units.yaml", str(body.get("id"))):
            units.append(Unit.model_validate(body))
    if not units:
        raise CatalogError(r.findings or [Finding("units.yaml", "-", "没有声明任何单位", "至少声明一个单位")])
    district_body = r.yaml("district.yaml")
    for name, body in r.yaml("types.yaml").get("types", {}).items():
        with r.declaring("types.yaml", name):
            types[name] = TypeDef.model_validate(body)
    for row in r.csv("rules.csv"):
        with r.declaring("rules.csv", row["rule_id"]):
            rules[row["rule_id"]] = Rule.model_validate(row)
    codes = _codesets(r)
    for file in r.files("fields/*.yaml"):
        for name, body in r.yaml(file).get("fields", {}).items():
            with r.declaring(file, name):
                if name in fields:
                    r.add(file, name, "字段已在别处声明", "字段在字典中只声明一次")
                fields[name] = FieldDef.model_validate({"name": name, **body})
                _known(types, fields[name].type, "类型", "catalog/types.yaml")
                if fields[name].codes:
                    _known(codes, str(fields[name].codes), "代码表", "catalog/codes/")
    for file in r.files("items/*.yaml"):
        document = r.yaml(file)
        for name, body in document.get("items", {}).items():
            with r.declaring(file, name):
                items.append(_item(r, document.get("unit", ""), name, dict(body), fields))
    for file in r.files("base/*.yaml"):
        with r.declaring(file, "-"):
            bases.append(_base(dict(r.yaml(file)), fields))
    for file in r.files("themes/*.yaml"):
        with r.declaring(file, "-"):
            themes.append(Theme.model_validate(r.yaml(file)))
    district = None
    with r.declaring("district.yaml", "-"):
        district = District.model_validate(district_body)
    if r.findings or district is None:
        raise CatalogError(r.findings)
    catalog = Catalog(
        district=district, units=tuple(units), types=types, rules=rules, codes=codes, fields=fields,
        items=tuple(items), bases=tuple(bases), themes=tuple(themes),
    )  # fmt: skip
    if findings := lint(catalog):
        raise CatalogError(findings)
    return catalog
