"""Read ``catalog/``, resolve references and return the frozen :class:`Catalog`, or every finding at once."""

from __future__ import annotations

import csv
import gc
import hashlib
from collections.abc import Container, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from fudata_pipeline.catalog.bases import BaseTable
from fudata_pipeline.catalog.channels import Channel
from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.catalog.expectations import read_expectations
from fudata_pipeline.catalog.finding import CatalogError, Finding
from fudata_pipeline.catalog.links import Link, link_of
from fudata_pipeline.catalog.lint import lint
from fudata_pipeline.catalog.model import (
    Archetype,
    CodeSet,
    District,
    FieldDef,
    Item,
    Rule,
    Theme,
    TypeDef,
    Unit,
)
from fudata_pipeline.catalog.notation import Items, Misfit, Mistake, known, pair
from fudata_pipeline.catalog.white_list import WhiteList


class _Loader(getattr(yaml, "CBaseLoader", yaml.BaseLoader)):  # type: ignore[misc]
    """YAML in which every scalar is text until its declaration gives it a type: ``2022-10-01``, ``no`` and ``0012``
    mean what they say. A key may stand only once: of two items of one name, one would be lost."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        made: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        if len(made) != len(node.value):
            seen = set()
            for key, _ in node.value:
                if key.value in seen:
                    raise yaml.MarkedYAMLError(problem=f"{key.value!r} 写了两次", problem_mark=key.start_mark)
                seen.add(key.value)
        return made


class _Reader:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.findings: list[Finding] = []

    def add(self, file: str, path: tuple[str, ...], message: str, cure: str, line: int | None = None) -> None:
        self.findings.append(Finding(file, path, message, cure, line))

    def yaml(self, file: str, allowed: Container[str] | None = None) -> dict[str, Any]:
        """The mapping in a file. ``allowed``: its top-level keys; another one is a finding, for it would be ignored."""
        path = self.folder / file
        try:
            loaded = yaml.load(path.read_text("utf-8"), Loader=_Loader)
        except FileNotFoundError:
            self.add(file, (), "文件不存在", "补上该文件，或用 fudata init 建立新项目")
            return {}
        except OSError as error:
            self.add(file, (), f"不能读取：{error.strerror}", "检查该文件")
            return {}
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            mark = getattr(error, "problem_mark", None)
            problem = getattr(error, "problem", error)
            self.add(file, (), f"不是有效的 YAML：{problem}", "修正语法", mark.line + 1 if mark else None)
            return {}
        if not isinstance(loaded, dict):
            self.add(file, (), "应为键值结构", "参照同目录其他文件")
            return {}
        for key in [k for k in loaded if allowed is not None and k not in allowed]:
            self.add(file, (str(key),), f"不认识的键 {key!r}", "改正键名，或删去")
        return loaded

    def section(self, file: str, name: str) -> dict[str, dict[str, Any]]:
        """The named declarations of a file; what is not a mapping of mappings is a finding."""
        found = self.yaml(file, {name}).get(name) or {}
        return self.named(file, name, found)

    def named(self, file: str, section: str, found: Any) -> dict[str, dict[str, Any]]:
        if not isinstance(found, dict):
            self.add(file, (section,), "应为键值结构", "参照同目录其他文件")
            return {}
        for name in [n for n, body in found.items() if not isinstance(body, dict)]:
            self.add(file, (section, str(name)), "应为键值结构", "参照同目录其他文件")
            del found[name]
        return found

    def csv(self, file: str, key: str, *others: str) -> list[dict[str, str]]:
        """Rows of a CSV file that must have these columns; ``key`` must be filled and unique."""
        try:
            with (self.folder / file).open(encoding="utf-8-sig", newline="") as stream:
                reader = csv.DictReader(stream)
                rows = [(reader.line_num, row) for row in reader]
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            self.add(file, (), f"不能读取：{error}", "补上该文件，存为 UTF-8 编码的 CSV")
            return []
        if missing := [c for c in (key, *others) if c not in (reader.fieldnames or ())]:
            self.add(file, (), f"缺少列 {'、'.join(missing)}", "补上表头", 1)
            return []
        sound, seen = [], set()
        for line, row in rows:
            if None in row or None in row.values():
                self.add(file, (), "该行的列数与表头不符", "检查逗号与引号", line)
            elif not row[key] or row[key] in seen:
                self.add(file, (), f"{key} {row[key]!r} 为空或重复", "每行一个唯一的值", line)
            else:
                seen.add(row[key])
                sound.append(row)
        return sound

    def named_after(self, file: str, table: str) -> None:
        if Path(file).stem != table:
            self.add(file, ("table",), f"文件名与表名 {table} 不同", f"文件名改为 {table}.yaml")

    def files(self, pattern: str) -> Iterator[str]:
        for path in sorted(self.folder.glob(pattern)):
            yield path.relative_to(self.folder).as_posix()

    @contextmanager
    def declaring(self, file: str, *path: str, inherited: Container[str] = ()) -> Iterator[None]:
        """Turn the errors of one declaration into findings, and go on with the next.

        ``inherited``: attributes that the declaration has from its file's defaults; there they are to be mended.
        """
        try:
            yield
        except ValidationError as error:
            for e in error.errors():
                loc = tuple(str(p) for p in e["loc"])
                where = ("defaults", *loc) if loc and loc[0] in inherited else (*path, *loc)
                self.add(file, where, e["msg"], f"按 fudata_pipeline/catalog/ 中 {error.title} 的字段填写")
        except Misfit as error:
            for e in error.error.errors():
                where = (*path, *error.path, *(str(p) for p in e["loc"]))
                self.add(file, where, e["msg"], f"按 fudata_pipeline/catalog/ 中 {error.error.title} 的字段填写")
        except Mistake as error:
            where = error.path and (("defaults", *error.path) if error.path[0] in inherited else (*path, *error.path))
            self.add(file, where or path, str(error), error.cure)
        except (
            AttributeError,
            KeyError,
            TypeError,
            ValueError,
        ) as error:  # the notation itself: a list where a key belongs
            self.add(file, path, f"写法不对：{error}", "参照同目录其他声明")


def _codesets(r: _Reader) -> dict[str, CodeSet]:
    sets = {}
    for file in r.files("codes/*.csv"):
        name = Path(file).stem
        titles: dict[str, str] = {}
        aliases: dict[str, str] = {}
        extra: dict[str, dict[str, str]] = {}
        for row in r.csv(file, "code", "title"):
            code = row["code"]
            titles[code] = row["title"]
            if more := {k: v or "" for k, v in row.items() if k not in ("code", "title", "aliases")}:
                extra[code] = more
            for alias in (code, row["title"], *(row.get("aliases") or "").split("|")):
                spelled = alias.strip().upper()
                if spelled and aliases.setdefault(spelled, code) != code:
                    message = f"写法 {alias!r} 已指向代码 {aliases[spelled]}"
                    r.add(file, (code,), message, "每种写法只能对应一个代码")
        sets[name] = CodeSet(name=name, titles=titles, aliases=aliases, extra=extra)
    return sets


def _base(body: dict[str, Any], fields: dict[str, FieldDef]) -> BaseTable:
    attributes = []
    for entry in body.pop("fields", []):
        entry = dict(entry)
        definition = known(fields, entry.pop("field", entry["name"]), "字段", "catalog/fields/")
        attributes.append({**entry, "field": definition})
    return BaseTable.model_validate({**body, "fields": attributes})


def _fields(
    r: _Reader, types: dict[str, TypeDef], codes: dict[str, CodeSet]
) -> tuple[dict[str, FieldDef], dict[str, str]]:
    """The field dictionary, and the file that declares each field."""
    fields: dict[str, FieldDef] = {}
    files: dict[str, str] = {}
    for file in r.files("fields/*.yaml"):
        for name, body in r.section(file, "fields").items():
            with r.declaring(file, "fields", name):
                if name in fields:
                    r.add(file, ("fields", name), f"字段已在 {files[name]} 声明", "字段在字典中只声明一次")
                if "example" in body:
                    body["example"] = pair(body["example"])
                fields[name] = FieldDef.model_validate({"name": name, **body})
                known(types, fields[name].type, "类型", "catalog/types.yaml")
                if fields[name].codes:
                    known(codes, str(fields[name].codes), "代码表", "catalog/codes/")
                files[name] = file
    return fields, files


def _items(r: _Reader, make: Items, units: dict[str, Unit]) -> tuple[list[Item], dict[str, str]]:
    """Every item, and the file that declares it. A file declares the items of one ``unit``, or of ``units`` alike."""
    items: list[Item] = []
    files: dict[str, str] = {}
    for file in r.files("items/*.yaml"):
        document = r.yaml(file, {"unit", "units", "classes", "defaults", "items"})
        sharing = document.get("units") or [document.get("unit", "")]
        if not isinstance(sharing, list) or not all(isinstance(u, str) for u in sharing):
            r.add(
                file,
                ("unit" if "unit" in document else "units",),
                "应为单位编号",
                "unit: 一个编号，或 units: [多个编号]",
            )
            continue
        declared = r.named(file, "items", document.get("items") or {})
        defaults = r.named(file, "", {"defaults": document.get("defaults") or {}}).get("defaults", {})
        for unit in sharing:
            with r.declaring(file, "unit" if "unit" in document else "units"):
                classes = {**(document.get("classes") or {})}
                declared_unit = known(units, unit, "单位", "catalog/units.yaml")
                for no in declared_unit.classes.keys() & classes.keys():
                    r.add(file, ("classes", no), f"细目 {no} 已在别处声明", "一个单位的细目号只用一次")
                together = {**declared_unit.classes, **classes}
                units[unit] = Unit.model_validate({**declared_unit.model_dump(), "classes": together})
            if unit not in units:
                continue
            for name, body in declared.items():
                inherited = defaults.keys() - body.keys()
                with r.declaring(file, "items", name, inherited=inherited):
                    item = make.item(unit, name, body, defaults)
                    items.append(item)
                    files[item.id] = file
    order = {unit: n for n, unit in enumerate(units)}
    return sorted(items, key=lambda i: order[i.unit]), files


def folder_version(folder: Path) -> str:
    """Fingerprint of every declaration in the folder, by content."""
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted(p for p in folder.rglob("*") if p.suffix in (".yaml", ".csv", ".json")):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


@contextmanager
def without_gc() -> Iterator[None]:
    """Nothing that is made while a catalog is read is garbage, and looking for it takes a fifth to half of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@without_gc()
def load_catalog(folder: Path) -> Catalog:
    """Compile ``folder`` (the ``catalog/`` directory).

    Raises:
        CatalogError: with every finding, when anything is missing, misspelt or contradictory.
    """
    r = _Reader(folder)
    units: dict[str, Unit] = {}
    types: dict[str, TypeDef] = {}
    rules: dict[str, Rule] = {}
    archetypes: dict[str, Archetype] = {}
    bases: list[BaseTable] = []
    themes: list[Theme] = []
    links: list[Link] = []
    channels: list[Channel] = []
    white_list = None

    listed = r.yaml("units.yaml", {"units"}).get("units") or []
    for number, body in enumerate(listed if isinstance(listed, list) else [listed]):
        where = str(body["id"]) if isinstance(body, dict) and "id" in body else str(number)
        with r.declaring("units.yaml", "units", where):
            unit = Unit.model_validate(body)
            if unit.id in units:
                r.add("units.yaml", ("units", unit.id), "单位编号重复", "每个单位一个编号")
            units[unit.id] = unit
    if not units:
        raise CatalogError(r.findings or [Finding("units.yaml", (), "没有声明任何单位", "至少声明一个单位")], folder)
    district_body = r.yaml("district.yaml")
    for name, body in r.section("types.yaml", "types").items():
        with r.declaring("types.yaml", "types", name):
            if "example" in body:
                body["example"] = pair(body["example"])
            types[name] = TypeDef.model_validate(body)
    for row in r.csv("rules.csv", "rule_id"):
        with r.declaring("rules.csv", row["rule_id"]):
            rules[row["rule_id"]] = Rule.model_validate(row)
    codes = _codesets(r)
    if r.findings:  # what every field and item speaks is wrong: each of them would only say so again
        raise CatalogError(r.findings, folder)
    fields, field_files = _fields(r, types, codes)
    for name, body in r.section("archetypes.yaml", "archetypes").items():
        with r.declaring("archetypes.yaml", "archetypes", name):
            archetypes[name] = Archetype.model_validate({"name": name, **body})
    if any(f.file == "archetypes.yaml" or not f.path for f in r.findings):  # a whole dictionary file, or all archetypes
        raise CatalogError(r.findings, folder)
    items, files = _items(r, Items(district_body, units, fields, archetypes), units)
    for file in r.files("base/*.yaml"):
        with r.declaring(file):
            bases.append(_base(dict(r.yaml(file)), fields))
            r.named_after(file, bases[-1].table)
    for file in r.files("themes/*.yaml"):
        with r.declaring(file):
            themes.append(Theme.model_validate(r.yaml(file)))
            r.named_after(file, themes[-1].table)
    for file in r.files("links/*.yaml"):
        with r.declaring(file):
            links.append(link_of(r.yaml(file), fields))
            r.named_after(file, links[-1].table)
    for file in r.files("white_list.yaml"):
        with r.declaring(file):
            white_list = WhiteList.model_validate(r.yaml(file))
    for file in r.files("alerts.yaml"):
        for name, body in r.section(file, "channels").items():
            with r.declaring(file, "channels", name):
                channels.append(Channel.model_validate({**body, "name": name}))
    expectations = read_expectations(folder, items, r.findings.append)
    district = None
    with r.declaring("district.yaml"):
        district = District.model_validate(district_body)
    if r.findings or district is None:
        raise CatalogError(r.findings, folder)
    catalog = Catalog(
        district=district, units=tuple(units.values()), types=types, rules=rules, codes=codes, fields=fields,
        field_files=field_files, archetypes=archetypes, items=tuple(items), files=files, bases=tuple(bases), themes=tuple(themes),
        links=tuple(sorted(links, key=lambda k: k.of is not None)), white_list=white_list, channels=tuple(channels), expectations=expectations, version=folder_version(folder),
    )  # fmt: skip
    if findings := lint(catalog):
        raise CatalogError(findings, folder)
    return catalog
