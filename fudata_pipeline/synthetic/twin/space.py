"""The made-up district's space: streets, communities and grids that tile its outline, and the sites of buildings.

Outline and the places of the ten streets are drawn after the map by hand [A]; everything below them is random. Cells are
Voronoi cells of relaxed random points, cut to the cell above, so that the parts of a whole tile it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from fudata_pipeline.catalog.compiled import Catalog

OUTLINE = (
    (113.986, 22.536), (113.990, 22.556), (114.006, 22.567), (114.013, 22.585), (114.035, 22.592), (114.062, 22.588),
    (114.079, 22.576), (114.101, 22.573), (114.109, 22.560), (114.107, 22.541), (114.103, 22.531), (114.085, 22.524),
    (114.075, 22.511), (114.055, 22.505), (114.035, 22.511), (114.014, 22.514), (113.996, 22.524),
)  # fmt: skip
STREETS = {
    "南园": (114.092, 22.535), "园岭": (114.097, 22.557), "福田": (114.068, 22.530), "沙头": (114.027, 22.526),
    "香蜜湖": (114.015, 22.548), "梅林": (114.043, 22.576), "莲花": (114.052, 22.554), "华富": (114.074, 22.556),
    "福保": (114.056, 22.514), "华强北": (114.085, 22.545),
}  # fmt: skip
"""Where a street lies; streets of another district are scattered over the outline."""

GRIDS, BUILDINGS = 1_646, 21_000
"""At scale 1: the figures of the district's 2022 report."""


def _inside(rng: np.random.Generator, polygon: Any, count: int) -> np.ndarray:
    """``count`` random points inside a polygon, shape (count, 2) of longitude, latitude."""
    west, south, east, north = polygon.bounds
    found = np.empty((0, 2))
    while len(found) < count:
        tried = rng.uniform((west, south), (east, north), (max(16, 3 * (count - len(found))), 2))
        found = np.vstack([found, tried[shapely.contains_xy(polygon, tried[:, 0], tried[:, 1])]])
    return found[:count]


def _cells(polygon: Any, points: np.ndarray) -> list[Any]:
    """The part of the polygon nearest to each point, in the order of the points."""
    if len(points) == 1:
        return [polygon]
    sites = shapely.multipoints(points)
    cells = shapely.get_parts(shapely.voronoi_polygons(sites, extend_to=polygon))
    tree = shapely.STRtree(cells)
    owner = tree.query(shapely.points(points), predicate="intersects")
    order = dict(zip(owner[0].tolist(), owner[1].tolist(), strict=False))
    return [shapely.intersection(polygon, cells[order[n]]) for n in range(len(points))]


def divide(rng: np.random.Generator, polygon: Any, count: int) -> list[Any]:
    """Tile a polygon with ``count`` cells of similar size."""
    points = _inside(rng, polygon, count)
    for _ in range(3):
        cells = _cells(polygon, points)
        points = np.array([[c.centroid.x, c.centroid.y] for c in cells])
    return _cells(polygon, points)


def _allotted(total: int, weights: np.ndarray, least: int) -> np.ndarray:
    """``total`` in whole shares by weight, each at least ``least``; shape of ``weights``."""
    spare = total - least * len(weights)
    reached = np.round(np.cumsum(weights) / weights.sum() * max(0, spare)).astype(int)
    return least + np.diff(reached, prepend=0)


def make_space(catalog: Catalog, seed: int, scale: float) -> dict[str, pa.Table]:
    """Tables ``street``, ``community``, ``grid`` and ``site`` (one row a building) of the district at this scale.

    Polygons are WKB in WGS 84 degrees. Small districts leave communities without grids: at least two grids a street.
    """
    rng = np.random.default_rng(seed)
    codes = catalog.codes["street"].titles
    outline = shapely.Polygon(OUTLINE)
    scattered = iter(_inside(rng, outline, len(codes)))
    points = np.array([STREETS.get(title.removesuffix("街道"), tuple(next(scattered))) for title in codes.values()])
    street_cells = _cells(outline, points)
    streets = list(codes)
    listed = catalog.codes["community"]
    members = {s: [c for c in listed.titles if listed.extra[c]["street_code"] == s] for s in streets}
    count = max(2 * len(streets), round(GRIDS * scale))
    communities: list[dict[str, Any]] = []
    for number, street in enumerate(streets):
        for code, cell in zip(members[street], divide(rng, street_cells[number], len(members[street])), strict=True):
            communities.append(
                {"community_code": code, "community": listed.titles[code], "street_code": street, "cell": cell}
            )
    weights = np.array([c["cell"].area for c in communities]) * rng.lognormal(0, 0.35, len(communities))
    if count >= len(communities):
        shares = _allotted(count, weights, 1)
    else:
        shares = np.zeros(len(communities), int)
        for street in streets:  # two at least in each street, the others where the weights are greatest
            own = [n for n, c in enumerate(communities) if c["street_code"] == street]
            shares[max(own, key=lambda n: weights[n])] = 2
        for n in np.argsort(-weights)[: count - int(shares.sum())]:
            shares[n] += 1
    grids: list[dict[str, Any]] = []
    for share, community in zip(shares.tolist(), communities, strict=True):
        name = community["community"].removesuffix("社区")
        for number, cell in enumerate(divide(rng, community["cell"], share) if share else [], 1):
            grids.append({
                "grid_id": len(grids), "grid_code": f"{community['community_code']}{number:03d}", "grid_number": number,
                "grid_name": f"{name}{number:02d}", "community_code": community["community_code"], "cell": cell,
            })  # fmt: skip
    return {
        "street": pa.Table.from_pylist(
            [
                {"street_code": s, "street": codes[s], "cell": shapely.to_wkb(street_cells[n])}
                for n, s in enumerate(streets)
            ]
        ),
        "community": _table(communities),
        "grid": _table(grids),
        "site": _sites(rng, grids, max(len(grids), round(BUILDINGS * scale))),
    }


def _table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist([r | {"cell": shapely.to_wkb(r["cell"])} for r in rows])


def _sites(rng: np.random.Generator, grids: list[dict[str, Any]], count: int) -> pa.Table:
    """Where buildings stand: at least one a grid, the others in grids of very different density."""
    shares = _allotted(count, rng.lognormal(0, 0.6, len(grids)), 1)
    grid_ids = np.repeat(np.arange(len(grids)), shares)
    points = np.vstack([_inside(rng, g["cell"], n) for g, n in zip(grids, shares.tolist(), strict=True)])
    return pa.table({
        "building_id": np.arange(count, dtype=np.int32), "grid_id": grid_ids.astype(np.int32),
        "number": np.concatenate([np.arange(n) for n in shares]).astype(np.int32),
        "longitude": points[:, 0].round(6), "latitude": points[:, 1].round(6),
    })  # fmt: skip
