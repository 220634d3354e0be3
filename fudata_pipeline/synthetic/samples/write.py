"""The sample nights and the truth about them as files."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

from fudata_pipeline.synthetic.samples.nights import FIRST, SECOND, base_counts, first_night, first_sheets, second_night
from fudata_pipeline.synthetic.samples.world import COMMUNITIES, World, make_world

SEED = "futian-2022"


def write_samples(folder: Path) -> None:
    """Two nights of deliveries below ``folder`` and ``truth.json``; the same content every time."""
    world = make_world(Random(f"{SEED}/world"))
    sheets = first_sheets(SEED, world)
    nights = {FIRST: first_night(folder, sheets)}
    current = dict(sheets)
    bases = {FIRST: base_counts(current.values())}
    nights[SECOND] = second_night(folder, SEED, world, sheets)
    for delivered in nights[SECOND]:
        if delivered.verdict == "promoted" and delivered.sheet is not None:
            current[delivered.item] = delivered.sheet
    bases[SECOND] = base_counts(current.values())
    truth = {
        "note": "All persons, firms, houses and buildings are made up; any likeness is chance.",
        "counts": _counts(world),
        "nights": {
            f"{night}": {"base": bases[night], "files": [d.truth() for d in delivered]}
            for night, delivered in nights.items()
        },
        "entities": _entities(world),
    }
    text = json.dumps(truth, ensure_ascii=False, indent=1)
    (folder / "truth.json").write_text(f"{text}\n", "utf-8")


def _entities(world: World) -> dict[str, list[str]]:
    return {
        "persons": [p.id for p in world.people],
        "newcomers": [p.id for p in world.newcomers],
        "firms": [f.uscc for f in world.firms],
        "buildings": [b.code for b in world.buildings],
        "houses": [h.code for h in world.houses],
        "grids": list(world.grids),
    }


def _counts(world: World) -> dict[str, Any]:
    places = {"streets": len(COMMUNITIES), "communities": sum(map(len, COMMUNITIES.values()))}
    return places | {name: len(keys) for name, keys in _entities(world).items()}
