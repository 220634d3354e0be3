"""A copy of the catalog to spoil, and a way to spoil it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ..conftest import ROOT


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROOT / "catalog", tmp_path / "catalog"))


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
