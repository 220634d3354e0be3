"""The compiled catalog kept between processes: compiling 2,137 items takes a second, reading them back a tenth."""

from __future__ import annotations

import hashlib
import os
import pickle
import sys
import tempfile
from functools import cache
from pathlib import Path

import pydantic

from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.catalog.reader import folder_version, load_catalog, without_gc


@cache
def _code_version() -> str:
    """Changes with this package's code and with what pickles depend on."""
    digest = hashlib.blake2b(f"{sys.version_info[:2]} {pydantic.VERSION}".encode(), digest_size=8)
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def open_catalog(folder: Path, cache_dir: Path) -> Catalog:
    """The compiled catalog of ``folder``, from ``cache_dir`` if it was compiled there before, else compiled anew.

    A cache that cannot be read or written costs time, nothing else.

    Raises:
        CatalogError: when the catalog does not compile.
    """
    kept = cache_dir / f"catalog-{folder_version(folder)}-{_code_version()}.pickle"
    return _read(kept) or _keep(load_catalog(folder), kept)


def _read(kept: Path) -> Catalog | None:
    try:
        found = kept.stat()
        # Unpickling runs code: only a file that this user wrote, and nobody else could write, is read.
        if found.st_mode & 0o022 or (hasattr(os, "getuid") and found.st_uid != os.getuid()):
            return None
        with without_gc():
            catalog = pickle.loads(kept.read_bytes())
        return catalog if isinstance(catalog, Catalog) else None
    except (
        OSError,
        pickle.UnpicklingError,
        EOFError,
        AttributeError,
        ImportError,
        IndexError,
        OverflowError,
        TypeError,
        ValueError,
    ):
        return None


def _keep(catalog: Catalog, kept: Path) -> Catalog:
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=kept.parent, prefix=".catalog-", delete=False) as aside:  # mode 0600
            pickle.dump(catalog, aside, pickle.HIGHEST_PROTOCOL)
        Path(aside.name).replace(kept)
        for old in kept.parent.glob("catalog-*.pickle"):
            if old != kept:
                old.unlink(missing_ok=True)
    except OSError:
        pass
    return catalog
