"""Where things are and how much of the machine to use: the only reader of the environment.

Every setting is an environment variable with the prefix ``FUDATA_`` (``FUDATA_HOME``, ``FUDATA_DATA`` …).
"""

from __future__ import annotations

import errno
import os
from datetime import datetime
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

TIMEZONE = ZoneInfo("Asia/Shanghai")


def now() -> datetime:
    """The wall clock in Asia/Shanghai, without a zone: what every stored time in the project means."""
    return datetime.now(TIMEZONE).replace(tzinfo=None, microsecond=0)


def _project_root() -> Path:
    """The nearest folder upwards that holds ``catalog/units.yaml``, else the working folder."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "catalog" / "units.yaml").exists():
            return folder
    return here


def shipped(name: str) -> Path:
    """A file or folder of the project that this code came with: what a new project starts from.

    Raises:
        FileNotFoundError: the code was installed without it (the project runs from its clone).
    """
    path = Path(__file__).resolve().parents[1] / name
    if not path.exists():
        raise FileNotFoundError(errno.ENOENT, "安装中没有随附的项目文件，请从代码库的克隆运行", str(path))
    return path


def secret(name: str) -> str | None:
    """The value of the environment variable that a declaration names (an address, a key); None if unset or empty."""

    class Named(BaseSettings):
        model_config = SettingsConfigDict(case_sensitive=True)
        value: SecretStr = Field(default=SecretStr(""), validation_alias=name)

    return Named().value.get_secret_value().strip() or None


class Settings(BaseSettings):
    """Settings of one project folder. Paths are absolute; sizes are DuckDB size strings."""

    model_config = SettingsConfigDict(env_prefix="FUDATA_", frozen=True, extra="ignore")

    home: Path = Field(default_factory=_project_root, description="project folder")
    data: Path | None = Field(default=None, description="what the pipeline writes; default HOME/data")
    catalog: Path | None = Field(default=None, description="declarations; default HOME/catalog")
    inbox: Path | None = Field(default=None, description="where units drop files; default DATA/inbox")
    registry_url: str | None = Field(default=None, description="SQLAlchemy URL; default SQLite in DATA")
    scale: float | None = Field(
        default=None, gt=0, description="share of the declared records that deliveries hold; default the district's"
    )
    threads: int | None = Field(default=None, description="DuckDB threads; default all cores")
    memory_limit: str | None = Field(
        default=None, description="DuckDB's, e.g. 8GB; default 80 % of RAM, for the load of an item 1300MB"
    )

    @cached_property
    def for_loads(self) -> Settings:
        """Settings for the load of one item, which takes little more time with little memory: what does not fit is
        spilled. With the libraries a process stays below 2 GB, however large the delivery."""
        return self if self.memory_limit else self.model_copy(update={"memory_limit": "1300MB"})

    @cached_property
    def for_models(self) -> Settings:
        """Settings for the build of a base model, which takes what it gets: not more than 7 GB, if the machine has more."""
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return self if self.memory_limit or memory < 9e9 else self.model_copy(update={"memory_limit": "7GB"})

    @cached_property
    def root(self) -> Path:
        return self.home.resolve()

    @cached_property
    def data_dir(self) -> Path:
        return (self.data or self.root / "data").resolve()

    @cached_property
    def catalog_dir(self) -> Path:
        return (self.catalog or self.root / "catalog").resolve()

    @cached_property
    def inbox_dir(self) -> Path:
        return (self.inbox or self.data_dir / "inbox").resolve()

    @cached_property
    def lake_dir(self) -> Path:
        return self.data_dir / "lake"

    @cached_property
    def published_file(self) -> Path:
        return self.data_dir / "published" / "futian.duckdb"

    @cached_property
    def reports_dir(self) -> Path:
        return self.data_dir / "reports"

    @cached_property
    def temp_dir(self) -> Path:
        return self.data_dir / "tmp"

    @cached_property
    def cache_dir(self) -> Path:
        return self.data_dir / "cache"

    @cached_property
    def registry(self) -> str:
        return self.registry_url or f"sqlite:///{self.data_dir / 'registry.sqlite'}"
