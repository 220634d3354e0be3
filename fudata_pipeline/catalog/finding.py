"""What is wrong in a catalog: findings, each with its file, line, place and cure."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from pathlib import Path

import yaml


@dataclass(frozen=True)
class Finding:
    """Something wrong in a declaration: the file below ``catalog/``, the place in it, what, and the cure.

    ``path`` leads to the place: keys, and positions or values in lists. ``line`` counts from 1.
    """

    file: str
    path: tuple[str, ...]
    message: str
    cure: str
    line: int | None = None

    @property
    def place(self) -> str:
        return " ".join(self.path[1:] if self.path[:1] in _SECTIONS else self.path)

    def __str__(self) -> str:
        at = f":{self.line}" if self.line else ""
        place = f" [{self.place}]" if self.place else ""
        return f"catalog/{self.file}{at}{place} {self.message} → {self.cure}"


_SECTIONS = {("items",), ("fields",), ("types",), ("archetypes",), ("units",), ("channels",)}


class CatalogError(Exception):
    """The catalog does not compile; ``findings`` holds every reason, once, with its line where ``folder`` is given."""

    def __init__(self, findings: list[Finding], folder: Path | None = None) -> None:
        findings = list(dict.fromkeys(findings))
        self.findings = with_lines(folder, findings) if folder else findings
        super().__init__("\n".join(str(f) for f in self.findings))


def with_lines(folder: Path, findings: list[Finding]) -> list[Finding]:
    """The findings with their lines, looked up only now: a sound catalog never pays for positions."""
    located = []
    trees: dict[str, yaml.Node | None] = {}
    for finding in findings:
        if finding.line is None and (folder / finding.file).is_file():
            if finding.file.endswith(".yaml"):
                if finding.file not in trees:
                    trees[finding.file] = _compose(folder / finding.file)
                finding = replace(finding, line=_line_of_node(trees[finding.file], finding.path))
            elif finding.path:
                finding = replace(finding, line=_line_of_row(folder / finding.file, finding.path[0]))
        located.append(finding)
    return located


def _compose(path: Path) -> yaml.Node | None:
    try:
        return yaml.compose(path.read_text("utf-8"), Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader))
    except (yaml.YAMLError, UnicodeDecodeError):
        return None


def _line_of_node(node: yaml.Node | None, path: tuple[str, ...]) -> int | None:
    """Line of the deepest node that the path reaches."""
    line = None
    for step in path:
        if isinstance(node, yaml.MappingNode):
            found = next(((k, v) for k, v in node.value if k.value == step), None)
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode):
            entries = dict(enumerate(node.value))
            inside = (e for e in node.value if _holds(e, step))
            entry = entries.get(int(step)) if step.isdecimal() else next(inside, None)
            if entry is None:
                break
            line, node = entry.start_mark.line + 1, entry
    return line


def _holds(entry: yaml.Node, step: str) -> bool:
    if isinstance(entry, yaml.MappingNode):
        return any(value.value == step for _, value in entry.value)
    return bool(entry.value == step)


def _line_of_row(path: Path, first_cell: str) -> int | None:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
        reader = csv.reader(stream)
        return next((reader.line_num for row in reader if row and row[0] == first_cell), None)
