"""A trend as a small drawing: where its points lie. The page draws it as SVG, without script or network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, EDGE = 120, 28, 4

LEAST_SPAN = 5.0
"""Scores the height stands for at least, so that a change of a tenth does not look like a fall."""


@dataclass(frozen=True)
class Sparkline:
    """``said``: the values for those who cannot see the line."""

    points: tuple[tuple[float, float], ...]
    said: str
    width: int = WIDTH
    height: int = HEIGHT


def sparkline(values: Sequence[float]) -> Sparkline:
    """The line of one or more scores, oldest first; a single one is a point in the middle."""
    low, high = min(values), max(values)
    if high - low < LEAST_SPAN:
        low, high = max(0.0, high - LEAST_SPAN), max(high, LEAST_SPAN)
    step = (WIDTH - 2 * EDGE) / max(1, len(values) - 1)
    start = EDGE if len(values) > 1 else WIDTH / 2
    points = tuple(
        (round(start + step * n, 1), round(HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * (value - low) / (high - low), 1))
        for n, value in enumerate(values)
    )
    return Sparkline(points, "、".join(f"{v:.1f}" for v in values))
