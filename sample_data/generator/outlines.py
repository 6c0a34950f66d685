"""A small vocabulary for drawing outlines in a unit square: ovals, boxes, curves, ribbons, turned bodies.

Coordinates run from 0 to 1, x to the right and y downwards; angles are in degrees, clockwise as seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Pairs", "Part", "Points", "band", "blob", "both", "box", "curve", "moved", "oval", "points", "turn", "turned"]

Points = npt.NDArray[np.float64]
Pairs = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Part:
    """One painted piece: polygons filled with one paint, and polygons cut out of them.

    ``paint`` is one of body (colour, pattern and finish), plain (colour alone), deep (its shade), accent, wood, metal, paper, dark.
    """

    paint: str
    filled: tuple[Points, ...]
    holes: tuple[Points, ...] = ()


def points(pairs: Pairs) -> Points:
    """A polygon by its corners."""
    return np.asarray(pairs, dtype=np.float64)


def curve(pairs: Pairs, closed: bool, steps: int = 10) -> Points:
    """A Catmull–Rom curve through the given points."""
    p = points(pairs)
    p = np.vstack([p[-1:], p, p[:2]]) if closed else np.vstack([2 * p[0] - p[1], p, 2 * p[-1] - p[-2]])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    pieces = []
    for a, b, c, d in zip(p[:-3], p[1:-2], p[2:-1], p[3:], strict=True):
        pieces.append(0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3))
    return np.vstack(pieces if closed else [*pieces, p[-2:-1]])


def blob(pairs: Pairs) -> Points:
    """A closed curve through the given points."""
    return curve(pairs, closed=True)


def oval(x: float, y: float, rx: float, ry: float, start: float = 0.0, stop: float = 360.0) -> Points:
    """An ellipse, or the arc of one from ``start`` to ``stop``."""
    angle = np.radians(np.linspace(start, stop, 49))
    return np.column_stack([x + rx * np.cos(angle), y + ry * np.sin(angle)])


def box(x0: float, y0: float, x1: float, y1: float, r: float = 0.0) -> Points:
    """A rectangle with corners rounded by ``r``."""
    corners = ((x1 - r, y0 + r, 270), (x1 - r, y1 - r, 0), (x0 + r, y1 - r, 90), (x0 + r, y0 + r, 180))
    return np.vstack([oval(x, y, r, r, a, a + 90)[::6] for x, y, a in corners])


def band(pairs: Pairs, width: float, curved: bool = True) -> Points:
    """A ribbon of constant width along a line."""
    p = curve(pairs, closed=False) if curved else points(pairs)
    along = np.gradient(p, axis=0)
    normal = np.column_stack([-along[:, 1], along[:, 0]]) / (np.linalg.norm(along, axis=1, keepdims=True) + 1e-9)
    return np.vstack([p + normal * width / 2, (p - normal * width / 2)[::-1]])


def turned(profile: Pairs, foot: float = 0.0, x: float = 0.5) -> Points:
    """A body turned on a wheel: (height, half width) from top to bottom, mirrored; ``foot`` bows the bottom edge."""
    side = curve([(half, y) for y, half in profile], closed=False)
    base = oval(0, side[-1, 1], side[-1, 0], foot, 0, 180) if foot else side[-1:]
    half = np.vstack([side, base[: len(base) // 2 + 1]])
    return np.vstack([np.column_stack([x + half[:, 0], half[:, 1]]), np.column_stack([x - half[:, 0], half[:, 1]])[::-1]])


def turn(shape: Points, degrees: float, x: float = 0.5, y: float = 0.5) -> Points:
    """The points turned about (x, y)."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return (shape - (x, y)) @ np.array([[c, s], [-s, c]]) + (x, y)


def both(shape: Points) -> tuple[Points, Points]:
    """A shape and its mirror image."""
    return shape, np.column_stack([1 - shape[:, 0], shape[:, 1]])


def moved(shape: Points, dx: float, dy: float) -> Points:
    """The shape shifted by (dx, dy)."""
    return shape + np.array([dx, dy])
