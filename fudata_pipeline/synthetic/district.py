"""A made-up district on disk: its twin, the deliveries of its nights, and apart from them the truth.

``OUT/deliveries/<date>/<unit>/<file>`` is what units would drop into the inbox. ``OUT/truth/`` is for scoring only: the twin as
it stands on each night, ``truth/<date>/<unit>/<item>.parquet`` (a line per delivered row: its true person, firm and house, and the
defect it bears) and ``truth/<date>/files.json``. An interrupted rendering goes on where it stopped.
"""

from __future__ import annotations

import json
import shutil
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.resources import files as package_files
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import sqlalchemy as sa
import yaml

from fudata_pipeline.catalog.cache import open_catalog
from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.catalog.model import Item
from fudata_pipeline.settings import Settings
from fudata_pipeline.synthetic import broken
from fudata_pipeline.synthetic.columns import Recipes
from fudata_pipeline.synthetic.defects import Profile
from fudata_pipeline.synthetic.recipe import BadRecipe
from fudata_pipeline.synthetic.render import Rendered, Renderer, rows_at
from fudata_pipeline.synthetic.rows import STREAMED, day_of
from fudata_pipeline.synthetic.twin import FIRST_NIGHT, build_twin, macros

FAST_CYCLES = ("realtime", "daily")


class NotRendered(Exception):
    """An item could not be rendered: its recipe does not fit its declaration."""


class OtherDistrict(Exception):
    """The folder holds a district of another seed, scale or catalog."""


@dataclass(frozen=True)
class District:
    """What a made-up district follows from. ``defects`` off renders clean deliveries."""

    folder: Path
    seed: int = 2022
    scale: float = 0.01
    defects: bool = True

    def deliveries(self, night: int) -> Path:
        return self.folder / "deliveries" / f"{day_of(night, FIRST_NIGHT)}"

    def truth(self, night: int) -> Path:
        return self.folder / "truth" / f"{day_of(night, FIRST_NIGHT)}"

    def twin(self, night: int) -> Path:
        return self.folder / "truth" / f"twin-{day_of(night, FIRST_NIGHT)}.duckdb"

    @property
    def note(self) -> Path:
        return self.folder / "truth" / "district.json"

    @classmethod
    def read(cls, folder: Path) -> District:
        """The district rendered in a folder.

        Raises:
            FileNotFoundError: when there is none.
        """
        said = json.loads((folder / "truth" / "district.json").read_text("utf-8"))
        return cls(folder, said["seed"], said["scale"], said["defects"])

    def claim(self, catalog: Catalog, *, force: bool = False) -> None:
        """Note in the folder what it holds, so that it is never mixed with another district.

        Raises:
            OtherDistrict: when it holds one already.
        """
        wanted = {"seed": self.seed, "scale": self.scale, "defects": self.defects, "catalog": catalog.version}
        if self.note.exists() and json.loads(self.note.read_text("utf-8")) != wanted:
            if not force:
                raise OtherDistrict(
                    f"{self.folder} 中已有另一个模拟区（种子、比例或目录不同）→ 换一个 --out，或加 --force 重新生成"
                )
            shutil.rmtree(self.folder / "truth")
            shutil.rmtree(self.folder / "deliveries", ignore_errors=True)
        self.note.parent.mkdir(parents=True, exist_ok=True)
        self.note.write_text(f"{json.dumps(wanted, indent=1)}\n", "utf-8")


@cache
def profile(*, defects: bool = True) -> Profile:
    """The declared recipe of defects; without ``defects`` one of the same nights in which nothing goes wrong."""
    said = yaml.safe_load((package_files(__package__) / "recipes" / "defects.yaml").read_text("utf-8"))
    if not defects:
        said |= {"system": {}, "spreadsheets": {}, "devices": {}, "files": dict.fromkeys(said["files"], 0)}
    return Profile(said)


def delivering(catalog: Catalog, district: District, night: int) -> dict[str, str]:
    """Items that deliver on a night -> what is wrong with the whole file, ``""`` for nothing."""
    if night == 0:
        return dict.fromkeys(catalog.items_by_id, "")
    rates = profile(defects=district.defects)
    found = {}
    for item in catalog.items:
        drawn = zlib.crc32(f"{district.seed}/{night}/{item.id}".encode())
        if item.cycle not in FAST_CYCLES and drawn % 10_000 >= rates.nights["slow_items"] * 10_000:
            continue
        found[item.id], reached = "", 0.0
        for kind, share in rates.files.items():
            reached += share
            if zlib.crc32(f"file/{drawn}".encode()) % 10_000 < reached * 10_000:
                found[item.id] = kind if broken.possible(kind, item) else ""
                break
    return found


@contextmanager
def _renderer(
    settings: Settings, catalog: Catalog, district: District, night: int, threads: int | None
) -> Iterator[Renderer]:
    config: dict[str, Any] = {"threads": threads} if threads else {}
    config |= {"memory_limit": settings.memory_limit} if settings.memory_limit else {}
    with duckdb.connect(config=config) as con:
        con.execute("SET enable_progress_bar = false")
        con.execute(f"SET temp_directory = '{district.folder / 'truth' / 'spill'}'")
        macros(con)
        con.execute(f"ATTACH '{district.twin(night)}' AS twin (READ_ONLY)")
        if night:
            con.execute(f"ATTACH '{district.twin(0)}' AS first (READ_ONLY)")
        yield Renderer(con, catalog, Recipes.load(catalog), profile(defects=district.defects), seed=district.seed,
                       scale=district.scale, night=night, as_of=day_of(night, FIRST_NIGHT))  # fmt: skip


def _done_file(district: District, night: int, item: Item) -> Path:
    return district.truth(night) / item.unit / f"{item.name}.parquet"


def _render_one(renderer: Renderer, district: District, item: Item, what: str) -> Rendered:
    night, folder = renderer.night, district.deliveries(renderer.night) / item.unit
    truth = _done_file(district, night, item)
    kept = truth.with_suffix(".part2")
    if what == "resent" and renderer.database is None:
        earlier = district.deliveries(night - 1) / item.unit
        before = next((f for f in earlier.glob(item.source.path) if not f.name.startswith(".")), None)
        if before is not None and (told := _done_file(district, night - 1, item)).exists():
            folder.mkdir(parents=True, exist_ok=True)
            truth.parent.mkdir(parents=True, exist_ok=True)
            file = folder / broken.renamed(before.name, renderer.as_of)
            shutil.copyfile(before, file)
            shutil.copyfile(told, truth)
            [(rows,)] = renderer.con.execute("SELECT count(*) FROM read_parquet($1)", [str(told)]).fetchall()
            return Rendered(item.id, file, rows, 0)
    try:
        done = renderer.render(item, folder, kept)
    except (duckdb.BinderException, duckdb.ConversionException, duckdb.InvalidInputException, BadRecipe) as error:
        said = str(error).splitlines()[0]
        raise NotRendered(
            f"{item.id}《{item.title}》无法生成：{said} → 改正 synthetic/recipes 中该项或其字段的配方"
        ) from error
    if done.file is not None and night and item.load.merges and pq.read_metadata(kept).num_rows == 0:
        done.file.unlink()  # nothing was new, and nothing is sent
        done = Rendered(item.id, None, 0, 0)
    if done.file is not None:
        broken.spoil(what, item, done.file)
    kept.replace(truth)
    return done


_worker: dict[str, Any] = {}


def _start_worker(settings: Settings, district: District, night: int) -> None:
    """A worker process: its own engine of one thread; the district's files are its only contact with the others."""
    catalog = open_catalog(settings.catalog_dir, settings.cache_dir)
    context = _renderer(settings, catalog, district, night, 1)
    _worker.update(context=context, renderer=context.__enter__(), district=district, catalog=catalog)


def _work(item_id: str, what: str) -> Rendered:
    item = _worker["catalog"].items_by_id[item_id]
    return _render_one(_worker["renderer"], _worker["district"], item, what)


def render_night(
    settings: Settings,
    catalog: Catalog,
    district: District,
    night: int,
    items: Iterable[Item],
    *,
    workers: int = 2,
    database: str | None = None,
    on_item: Callable[[Rendered], None] = lambda _: None,
) -> list[Rendered]:
    """Render what ``items`` deliver on a night; ``on_item`` hears of each as it is done, or found done already.

    With ``database``, a SQLAlchemy URL, each becomes a table there instead of a file.

    Raises:
        OtherDistrict: when the folder holds another district.
        TooManyRows: for a workbook item that has more rows than a sheet.
    """  # fmt: skip
    district.claim(catalog)
    for needed in sorted({0, night}):
        if not district.twin(needed).exists():
            build_twin(
                catalog,
                district.twin(needed),
                seed=district.seed,
                scale=district.scale,
                as_of=day_of(needed, FIRST_NIGHT),
            )
    said = delivering(catalog, district, night)
    todo, done, told = [], [], _told(district, night)
    for item in items:
        what = said.get(item.id)
        if what is None or what == "late":
            if what:
                told[item.id] = {"what": what, "expects": "", "rows": 0, "file": ""}
            continue
        if item.id in told and _done_file(district, night, item).exists():
            file = district.folder / told[item.id]["file"] if told[item.id]["file"] else None
            done.append(Rendered(item.id, file, told[item.id]["rows"], told[item.id]["defects"]))
            on_item(done[-1])
        else:
            todo.append((item, what))
    small = [(i, w) for i, w in todo if rows_at(i, district.scale) < STREAMED]
    large = [(i, w) for i, w in todo if rows_at(i, district.scale) >= STREAMED]

    def finish(rendered: Rendered, what: str) -> None:
        item = catalog.items_by_id[rendered.item]
        sent = rendered.file is not None or database is not None
        told[item.id] = {"what": what, "expects": broken.expected(what, item) if sent else "", "rows": rendered.rows, "defects": rendered.defects,
                         "file": str(rendered.file.relative_to(district.folder)) if rendered.file else ""}  # fmt: skip
        done.append(rendered)
        on_item(rendered)
        if len(done) % 50 == 0 or rendered.rows >= STREAMED:
            _tell(district, night, told)

    try:
        if workers > 1 and len(small) > 2 * workers and database is None:
            _in_processes(settings, district, night, small, workers, finish)
            small = []
        if small or large:
            with _renderer(settings, catalog, district, night, settings.threads) as renderer:
                if database is not None:
                    renderer.database = sa.create_engine(database)
                for item, what in small + large:
                    finish(_render_one(renderer, district, item, what), what)
    finally:
        _tell(district, night, told)
    return done


def _in_processes(
    settings: Settings,
    district: District,
    night: int,
    todo: list[tuple[Item, str]],
    workers: int,
    finish: Callable[[Rendered, str], None],
) -> None:
    todo = sorted(todo, key=lambda pair: -rows_at(pair[0], district.scale))  # the long ones first
    with ProcessPoolExecutor(workers, get_context("spawn"), _start_worker, (settings, district, night)) as pool:
        futures: dict[Future[Rendered], str] = {pool.submit(_work, item.id, what): what for item, what in todo}
        try:
            for future in as_completed(futures):
                finish(future.result(), futures[future])
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _told(district: District, night: int) -> dict[str, Any]:
    """What was delivered so far on a night: item -> file, rows, what is wrong with the file and how it must be judged."""
    file = district.truth(night) / "files.json"
    return json.loads(file.read_text("utf-8")) if file.exists() else {}


def _tell(district: District, night: int, told: dict[str, Any]) -> None:
    file = district.truth(night) / "files.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    part.write_text(f"{json.dumps(told, ensure_ascii=False, indent=1, sort_keys=True)}\n", "utf-8")
    part.replace(file)
