"""``fudata catalog``: check, count, compare and show the declarations; the official workbook in and out."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from fudata_pipeline.catalog import Catalog, CatalogError, Finding, load_catalog
from fudata_pipeline.catalog.compare import compare, stats
from fudata_pipeline.catalog.finding import with_lines
from fudata_pipeline.catalog.model import file_name
from fudata_pipeline.catalog.schema import TableSchema
from fudata_pipeline.catalog.workbook.importing import Imported, import_workbook
from fudata_pipeline.cli.options import FAILED, AsJson, Items, Units, WrongUse
from fudata_pipeline.console import err, out, print_json, progress, show_table
from fudata_pipeline.engine.duckdb import connect
from fudata_pipeline.load.examples import check_all_examples
from fudata_pipeline.models.checks import check_checks
from fudata_pipeline.models.links import check_links
from fudata_pipeline.models.rows import check_inputs
from fudata_pipeline.models.white_list import check_white_list
from fudata_pipeline.nightly import choose_items
from fudata_pipeline.project import Project
from fudata_pipeline.settings import Settings, shipped

catalog_app = typer.Typer(no_args_is_help=True, help="The declarations under catalog/, and the catalog workbook.")

Target = Annotated[Path, typer.Argument(help="What to write.")]
Overwrite = Annotated[bool, typer.Option("--force", help="Replace what is there.")]


class Form(StrEnum):
    page = "page"
    ddl = "ddl"
    arrow = "arrow"
    gx = "gx"


@catalog_app.command("check")
def check(as_json: AsJson = False) -> None:
    """Compile the catalog, run every item's examples and all declared SQL; each finding has file, line, cure.

    Exit code 1 if there is any finding.
    """
    settings = Settings()
    compiled = None
    try:
        compiled = load_catalog(settings.catalog_dir)
        with progress(len(compiled.items)) as step, connect(settings) as con:
            findings = [
                f for sql in (check_inputs, check_links, check_white_list, check_checks) for f in sql(con, compiled)
            ]
            findings += check_all_examples(con, compiled, step)
        if compiled.expectations:
            from fudata_pipeline.quality.gx import check_suites  # great-expectations takes seconds to import

            findings += check_suites(compiled)
        findings = with_lines(settings.catalog_dir, findings)
    except CatalogError as error:
        findings = error.findings
    if as_json:
        print_json([asdict(f) for f in findings])
    else:
        _list_findings(findings)
    if findings:
        raise typer.Exit(FAILED)
    if not as_json and compiled:
        numbers = stats(compiled)
        out.print(
            f"目录无误：{numbers['units']} 个单位，{numbers['items']:,} 个数据项，{numbers['fields']:,} 个字典字段，"
            f"{numbers['rules']} 条规则，{numbers['code_lists']} 个代码表"
        )


def _list_findings(findings: list[Finding]) -> None:
    for finding in findings:
        err.print(str(finding), markup=False, highlight=False, soft_wrap=True)
    if findings:
        err.print(f"{len(findings)} 处", style="red")


@catalog_app.command("stats")
def show_stats(as_json: AsJson = False) -> None:
    """The catalog in numbers: units, items, fields, rules; items by share type, cycle, availability and more.

    Example: fudata catalog stats --json
    """
    catalog = Project.open().catalog
    numbers = stats(catalog)
    if as_json:
        print_json(numbers)
        return
    titles = {
        "units": "单位", "items": "数据项", "records": "申报记录数", "columns": "列", "fields": "字典字段",
        "types": "类型", "rules": "规则", "code_lists": "代码表", "archetypes": "原型", "base_tables": "基础表",
        "items_feeding_base": "供给基础库的数据项", "open_items": "向社会开放的数据项",
    }  # fmt: skip
    show_table("目录统计", ["", "数量"], [[t, numbers[k]] for k, t in titles.items()], numeric=1)
    lists = {
        "by_share_type": ("共享类型", "share_type"), "by_cycle": ("更新周期", "update_cycle"),
        "by_availability": ("可获取性", "availability"), "by_classification": ("数据级别", "classification"),
        "by_grade": ("个人信息分级", "grade"), "by_topic": ("主题库", "topic"), "by_format": ("交付格式", ""),
    }  # fmt: skip
    for key, (title, codes) in lists.items():
        names = catalog.codes[codes].titles if codes in catalog.codes else {}
        show_table(title, ["", "数据项"], [[names.get(k, k), n] for k, n in numbers[key].items()], numeric=1)
    units = [[catalog.units_by_id[u].short, u, n] for u, n in numbers["by_unit"].items()]
    show_table("单位", ["", "编号", "数据项"], units, numeric=2)


@catalog_app.command("diff")
def diff(
    before: Annotated[str, typer.Argument(help="Catalog folder, or git revision of this project.")],
    after: Annotated[str | None, typer.Argument(help="The same; default the catalog as it stands.")] = None,
    as_json: AsJson = False,
) -> None:
    """What changed between two versions of the catalog: units, items, columns, dictionary, rules, codes.

    Exit code 0 whether or not anything changed. Examples: fudata catalog diff HEAD~1 · fudata catalog diff old/ new/
    """
    settings = Settings()
    found = compare(_catalog_of(settings, before), _catalog_of(settings, after))
    if as_json:
        print_json([asdict(d) for d in found])
        return
    words = {"added": "新增", "removed": "删除", "changed": "修改"}
    rows = [[d.kind, d.name, words[d.change], d.attribute, _short(d.before), _short(d.after)] for d in found]
    show_table(f"{len(found)} 处不同", ["类别", "名称", "变化", "属性", "原", "现"], rows)


def _short(value: Any) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= 80 else f"{text[:77]}…"


def _catalog_of(settings: Settings, which: str | None) -> Catalog:
    if which is None:
        return load_catalog(settings.catalog_dir)
    for folder in (Path(which), Path(which) / "catalog"):
        if (folder / "units.yaml").is_file():
            return load_catalog(folder)
    with tempfile.TemporaryDirectory() as scratch:
        command = ["git", "-C", str(settings.root), "archive", which, "catalog"]
        try:
            archive = subprocess.run(command, capture_output=True, check=True).stdout
        except (OSError, subprocess.CalledProcessError):
            raise WrongUse(
                f"“{which}”既不是目录文件夹，也不是本项目的 git 版本 → 给出含 units.yaml 的文件夹或版本号"
            ) from None
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(scratch, filter="data")
        return load_catalog(Path(scratch) / "catalog")


@catalog_app.command("show")
def show(
    item: Annotated[str, typer.Argument(help="Item, e.g. gaj.hukou_population.")],
    form: Annotated[
        Form, typer.Option("--as", help="Dictionary page, DuckDB DDL, Arrow schema or GX suite.")
    ] = Form.page,
) -> None:
    """One item's schema: as its dictionary page, as DDL with comments, as Arrow schema or as expectation suite (JSON).

    Examples: fudata catalog show zsj.house · fudata catalog show zsj.house --as ddl
    """
    project = Project.open()
    (chosen,) = choose_items(project, items=[item])
    schema = TableSchema.of(project.catalog, chosen)
    if form is Form.gx:
        from fudata_pipeline.quality.suite import expectations

        print_json(expectations(project.catalog, chosen, None))
    else:
        print({Form.page: schema.page, Form.ddl: schema.ddl, Form.arrow: lambda: str(schema.arrow())}[form]())


@catalog_app.command("template")
def template(target: Target, item: Items = None, unit: Units = None, force: Overwrite = False) -> None:
    """Header-template workbooks for units to fill in: text-formatted identifiers, drop-down lists, explanations.

    With one item TARGET may be an .xlsx file; otherwise it is a folder. Examples:
    fudata catalog template 户籍人口.xlsx --item gaj.hukou_population · fudata catalog template out/ --unit gaj
    """
    from fudata_pipeline.catalog.template import write_template

    project = Project.open()
    chosen = choose_items(project, unit or [], item or [])
    if target.suffix and target.suffix != ".xlsx":
        raise WrongUse(f"{target} 不是 .xlsx → 填报模板只能写成 .xlsx")
    if target.suffix == ".xlsx":
        if len(chosen) != 1:
            raise WrongUse(f"{target} 是一个文件，却选了 {len(chosen)} 个数据项 → 给出文件夹，或只选一个数据项")
        files = {target: chosen[0]}
    else:
        target.mkdir(parents=True, exist_ok=True)
        files = {target / f"{i.unit}_{file_name(i.title)}.xlsx": i for i in chosen}
    if not force and (there := [f for f in files if f.exists()]):
        raise WrongUse(f"{there[0]} 已存在 → 换个位置，或加 --force")
    with progress(len(files)) as step:
        for file, chosen_item in files.items():
            step(chosen_item.id)
            write_template(TableSchema.of(project.catalog, chosen_item), file)
    out.print(f"已写出 {len(files)} 个填报模板到 {target}")


@catalog_app.command("export")
def export(target: Target, unit: Units = None, item: Items = None, force: Overwrite = False) -> None:
    """Write the catalog as the official workbook (政务信息资源目录): one row a field, item cells merged.

    `fudata catalog import` reads it back without loss. Example: fudata catalog export 目录.xlsx --unit gaj
    """
    from fudata_pipeline.catalog.workbook.export import NotExportable, export_workbook

    if target.suffix.lower() != ".xlsx":
        raise WrongUse(f"{target} 不是 .xlsx → 目录工作簿只能写成 .xlsx")
    if target.exists() and not force:
        raise WrongUse(f"{target} 已存在 → 换个文件名，或加 --force")
    project = Project.open()
    chosen = choose_items(project, unit or [], item or [])
    try:
        with progress(len(chosen)) as step:
            rows = export_workbook(project.catalog, chosen, target, step)
    except NotExportable as error:
        raise WrongUse(str(error)) from None
    out.print(f"已导出 {len(chosen):,} 个数据项、{rows:,} 个信息项到 {target}")


@catalog_app.command("import")
def import_(
    workbook: Annotated[Path, typer.Argument(help="Catalog workbook: .xlsx, .xls or .et.")],
    target: Annotated[Path, typer.Argument(help="Folder for the catalog files; must be empty or new.")],
    dry_run: Annotated[bool, typer.Option(help="Only report doubtful cells; write nothing.")] = False,
    force: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Read the official workbook into catalog files, and list every cell that could not be taken at its word.

    Types, rules, code lists and archetypes come from this project's catalog, and its dictionary where titles agree.
    Base models and themes are not part of a workbook and are not written. Then: fudata catalog diff . TARGET

    Exit code 1 if what was written does not compile. Example: fudata catalog import 目录.xlsx catalog-2023/
    """
    settings = Settings()
    shared = settings.catalog_dir if (settings.catalog_dir / "types.yaml").is_file() else shipped("catalog")
    if target.resolve() == settings.catalog_dir:
        raise WrongUse(f"{target} 是本项目正在使用的目录 → 先读到别处，用 fudata catalog diff 比较后再替换")
    _must_be_free(target, force=force or dry_run)
    imported = import_workbook(workbook, load_catalog(shared), shared, None if dry_run else target)
    show_import(imported, as_json=as_json)


def _must_be_free(folder: Path, *, force: bool) -> None:
    if folder.exists() and any(folder.iterdir()) and not force:
        raise WrongUse(f"{folder} 不是空文件夹 → 换个位置，或加 --force")


def show_import(imported: Imported, *, as_json: bool) -> None:
    """What was imported and every doubtful cell; exit code 1 if the result does not compile."""
    if as_json:
        print_json(
            {
                "units": imported.units,
                "items": imported.items,
                "fields": imported.fields,
                "doubts": [asdict(d) for d in imported.doubts],
                "findings": [asdict(f) for f in imported.findings],
            }
        )
    else:
        rows = [[f"{d.sheet}!{d.cell}", d.message, d.taken] for d in imported.doubts]
        if rows:
            show_table(f"存疑单元格 {len(rows)} 处", ["单元格", "问题", "处理"], rows)
        out.print(f"读入 {imported.units} 个单位、{imported.items:,} 个数据项、{imported.fields:,} 个字典字段")
        _list_findings(imported.findings)
    if imported.findings:
        raise typer.Exit(FAILED)


def start_project(settings: Settings, workbook: Path, name: str | None) -> Imported:
    """Make a new project folder from a catalog workbook.

    The catalog appears only when all of it is written.

    Raises:
        WrongUse: the folder has a catalog already, or the district has no name.
    """
    if settings.catalog_dir.exists() and any(settings.catalog_dir.iterdir()):
        raise WrongUse(f"{settings.catalog_dir} 已有目录 → 用 fudata catalog import 读到别处再比较，或换个 FUDATA_HOME")
    if not name:
        raise WrongUse("没有给出区名 → 加 --name，例如 --name 深圳市南山区")
    shared = shipped("catalog")
    settings.root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.root, prefix=".catalog-") as scratch:
        made = Path(scratch) / "catalog"
        imported = import_workbook(workbook, load_catalog(shared), shared, made, district=name)
        made.rename(settings.catalog_dir)
    for file in ("workspace.yaml", "dagster_home/dagster.yaml"):
        target = settings.root / file
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(shipped(file), target)
    return imported
