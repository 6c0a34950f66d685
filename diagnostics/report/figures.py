"""Charts as plain data: what to draw, never how. ``svg`` draws them for the file, ``charts`` for the screen.

Every number beside a mark is already words, in the reader's language; every chart carries the sentence that a screen reader says.
Colours are Okabe and Ito's, one colour and one marker per modality for good, so that no two kinds are told apart by colour alone.

Source: M. Okabe, K. Ito, "Color Universal Design", 2008.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

__all__ = [
    "Band",
    "BandChart",
    "Chart",
    "Curve",
    "CurveChart",
    "IntervalChart",
    "Look",
    "MonthChart",
    "Months",
    "Panel",
    "Part",
    "PartsChart",
    "Row",
    "Whole",
    "look_of",
    "nice_ticks",
]

Marker = Literal["circle", "square", "triangle", "diamond", "line", "cross", "star"]


@dataclass(frozen=True)
class Look:
    """A colour and a marker, always used together."""

    colour: str
    marker: Marker


_LOOKS = {
    "text": Look("#0072B2", "circle"),
    "image": Look("#E69F00", "square"),
    "attributes": Look("#009E73", "triangle"),
    "id": Look("#56B4E9", "diamond"),
    "joint": Look("#333333", "line"),
}
_MORE_LOOKS = (Look("#CC79A7", "cross"), Look("#D55E00", "star"), Look("#8C6D1F", "circle"), Look("#7A7A7A", "square"))


def look_of(name: str, all_names: tuple[str, ...] = ()) -> Look:
    """The colour and marker of a modality; the shop's own vectors take the remaining ones in the order of their names."""
    if name in _LOOKS:
        return _LOOKS[name]
    others = sorted(set(all_names) - set(_LOOKS) | {name})
    return _MORE_LOOKS[others.index(name) % len(_MORE_LOOKS)]


@dataclass(frozen=True)
class Row:
    """One line of an interval chart. ``value`` is in the axis's unit; ``text`` is how it is written; ``floor`` a mark to beat.

    Rows of one ``group`` follow one another under its name.
    """

    label: str
    value: float | None
    text: str
    look: Look
    low: float | None = None
    high: float | None = None
    floor: float | None = None
    group: str = ""


@dataclass(frozen=True)
class IntervalChart:
    """Bars or dots on one horizontal axis, each with its interval. ``lines`` are labelled references across all rows."""

    title: str
    alt: str
    kind: Literal["bar", "dot"]
    rows: tuple[Row, ...]
    how: str
    axis: str
    lines: tuple[tuple[str, float], ...] = ()
    floor_label: str = ""
    limit: float | None = None  # the axis ends here, for shares that cannot pass 1

    @property
    def entries(self) -> tuple[Row | str, ...]:
        """From top to bottom: the rows, and before the first of each group its name."""
        found: list[Row | str] = []
        for group, rows in groupby(self.rows, key=lambda row: row.group):
            found += [*filter(None, [group]), *rows]
        return tuple(found)

    @property
    def domain(self) -> tuple[float, float]:
        """The axis's ends: zero is always in, every mark fits."""
        values = [0.0, *(value for _, value in self.lines)]
        for row in self.rows:
            values += [value for value in (row.value, row.low, row.high, row.floor) if value is not None]
        low, high = min(values), max(values)
        if self.limit is not None:
            return low, self.limit
        ticks = nice_ticks(low, high if high > low else low + 1)
        return ticks[0], ticks[-1]


DASHES = (("solid", ""), ("dash", "8 5"), ("dot", "2 4"), ("dashdot", "9 4 2 4"), ("longdash", "16 5"), ("longdashdot", "16 5 2 5"))
"""How lines of one colour are told apart, the plain one first: as plotly names it, and in lengths of stroke and gap."""


@dataclass(frozen=True)
class Curve:
    """One setting in one panel: a thin line per seed, ``(epoch, value)`` each, and the thick mean of all seeds.

    ``number``: of the setting, 0 for the plain one; see ``DASHES``.
    """

    label: str
    number: int
    seeds: tuple[tuple[tuple[int, float], ...], ...]

    @property
    def dash(self) -> tuple[str, str]:
        """One of ``DASHES``; from the seventh setting on they come again."""
        return DASHES[self.number % len(DASHES)]

    @property
    def mean(self) -> tuple[tuple[int, float], ...]:
        """The mean over seeds, for the epochs that every seed reached: where one has stopped the mean would change its meaning."""
        if not self.seeds:
            return ()
        tables = [dict(seed) for seed in self.seeds]
        shared = sorted(set.intersection(*(set(table) for table in tables)))
        return tuple((epoch, sum(table[epoch] for table in tables) / len(tables)) for epoch in shared)


@dataclass(frozen=True)
class Panel:
    """One small chart among several on the same axes."""

    title: str
    look: Look
    curves: tuple[Curve, ...]

    @property
    def shows_seeds(self) -> bool:
        """Whether single seeds are drawn: among more than two settings nobody could follow them."""
        return len(self.curves) <= 2


@dataclass(frozen=True)
class CurveChart:
    """Learning curves, one small panel per modality, all on the same axes."""

    title: str
    alt: str
    panels: tuple[Panel, ...]
    x_axis: str
    y_axis: str
    how: str

    @property
    def columns(self) -> int:
        """How many panels stand side by side."""
        return 3 if len(self.panels) > 4 else max(len(self.panels), 1)

    @property
    def last_epoch(self) -> int:
        epochs = [point[0] for panel in self.panels for curve in panel.curves for seed in curve.seeds for point in seed]
        return max(epochs, default=1)

    @property
    def domain(self) -> tuple[float, float]:
        """The shared vertical axis, zero on it."""
        values = [point[1] for panel in self.panels for curve in panel.curves for seed in curve.seeds for point in seed]
        low, high = min(0.0, *values, 0.0), max(0.0, *values, 0.0)
        ticks = nice_ticks(low, high if high > low else 0.01)
        return ticks[0], ticks[-1]


@dataclass(frozen=True)
class Band:
    """One part of a whole: ``share`` in [0, 1] of it."""

    label: str
    share: float
    text: str


@dataclass(frozen=True)
class BandChart:
    """A whole in its parts, from left to right, with what stands at the borders (dates, where the split is by time)."""

    title: str
    alt: str
    bands: tuple[Band, ...]
    borders: tuple[str, ...] = ()

    def drawn(self, least: float) -> tuple[tuple[float, float], ...]:
        """Where each band is drawn, ``(start, width)`` with the whole as 1: small bands keep room for their words."""
        small = [band.share < least for band in self.bands]
        free = 1.0 - least * sum(small)
        large = sum(band.share for band, is_small in zip(self.bands, small, strict=True) if not is_small) or 1.0
        places, start = [], 0.0
        for band, is_small in zip(self.bands, small, strict=True):
            width = least if is_small else free * band.share / large
            places.append((start, width))
            start += width
        return tuple(places)


@dataclass(frozen=True)
class Months:
    """One kind of information month by month: a share in [0, 1] per month, None where the month has nothing to measure."""

    title: str
    look: Look
    shares: tuple[float | None, ...]
    texts: tuple[str, ...]


@dataclass(frozen=True)
class MonthChart:
    """A row of columns per kind of information, all over the same months and from 0 to 1: a month that lacks it shows as a gap."""

    title: str
    alt: str
    months: tuple[str, ...]
    rows: tuple[Months, ...]

    def named(self, most: int = 8) -> tuple[int, ...]:
        """Which months carry their name under the axis: evenly spaced, at most ``most``, the first always."""
        step = -(-len(self.months) // most) or 1
        return tuple(range(0, len(self.months), step))


@dataclass(frozen=True)
class Part:
    """One part of a whole: ``share`` in [0, 1] of it, and how it is said."""

    label: str
    share: float
    text: str
    look: Look


@dataclass(frozen=True)
class Whole:
    """One bar in its parts."""

    title: str
    parts: tuple[Part, ...]

    @property
    def drawn(self) -> tuple[tuple[float, float], ...]:
        """``(start, width)`` of each part, the bar as 1; a share below zero, which only noise can make, has no width."""
        widths = [max(part.share, 0.0) for part in self.parts]
        total = sum(widths) or 1.0
        return tuple((sum(widths[:index]) / total, width / total) for index, width in enumerate(widths))


@dataclass(frozen=True)
class PartsChart:
    """Several wholes, one bar each, every part named in words below its bar."""

    title: str
    alt: str
    wholes: tuple[Whole, ...]


Chart = IntervalChart | CurveChart | BandChart | MonthChart | PartsChart


def nice_ticks(low: float, high: float, wanted: int = 5) -> tuple[float, ...]:
    """Round numbers that cover ``[low, high]``, about ``wanted`` of them, in steps of 1, 2, 2.5 or 5 times a power of ten."""
    raw = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return tuple(round(index * step, 12) for index in range(first, last + 1))
