"""Draws a chart as a small SVG of our own: no script, no font to load, readable in print, light and dark.

Colours of ink and lines come from the page (``var(--ink)`` and the like); everything that is text is escaped.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable

from markupsafe import Markup

from diagnostics.messages import write
from diagnostics.report.figures import (
    BandChart,
    Chart,
    CurveChart,
    IntervalChart,
    Look,
    MonthChart,
    Panel,
    PartsChart,
    Row,
    nice_ticks,
)

__all__ = ["draw"]

_WIDTH = 720
_ROW = 34
_AXIS_FORMAT = {"percent": "axis_percent", "points": "axis_points"}


def draw(chart: Chart, lang: str) -> Markup:
    """The chart as an ``<svg>`` element with its alternative text."""
    if isinstance(chart, IntervalChart):
        body, height = _intervals(chart, lang)
    elif isinstance(chart, CurveChart):
        body, height = _curves(chart, lang)
    elif isinstance(chart, MonthChart):
        body, height = _months(chart)
    elif isinstance(chart, PartsChart):
        body, height = _parts(chart)
    else:
        body, height = _bands(chart)
    return Markup(
        '<svg class="chart" role="img" viewBox="0 0 {} {:.0f}" aria-label="{}" xmlns="http://www.w3.org/2000/svg">'
        "<title>{}</title>{}</svg>"
    ).format(_WIDTH, height, chart.alt, chart.title, Markup("").join(body))


def _text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> Markup:
    return Markup('<text x="{:.1f}" y="{:.1f}" class="{}" text-anchor="{}">{}</text>').format(x, y, kind, anchor, words)


def _line(x1: float, y1: float, x2: float, y2: float, kind: str, colour: str = "") -> Markup:
    stroke = Markup(' style="stroke:{}"').format(_ink(colour)) if colour else Markup("")
    return Markup('<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" class="{}"{}/>').format(x1, y1, x2, y2, kind, stroke)


def _ink(colour: str) -> str:
    """The joint model's near-black must turn light on a dark page."""
    return "var(--joint)" if colour == "#333333" else colour


def width_of(words: str, size: float = 13) -> float:
    """About how wide a text is drawn: East Asian characters are as wide as high, others about half."""
    return sum(size if unicodedata.east_asian_width(letter) in "WF" else size * 0.56 for letter in words)


def _fit(words: str, width: float) -> str:
    if width_of(words) <= width:
        return words
    while words and width_of(words + "…") > width:
        words = words[:-1]
    return words + "…"


_SHAPES: dict[str, Callable[[float, float, float], Markup]] = {
    "circle": lambda x, y, r: Markup('<circle cx="{:.1f}" cy="{:.1f}" r="{:.1f}"/>').format(x, y, r),
    "square": lambda x, y, r: _polygon((x - r, y - r), (x + r, y - r), (x + r, y + r), (x - r, y + r)),
    "triangle": lambda x, y, r: _polygon((x, y - r * 1.2), (x + r * 1.1, y + r * 0.8), (x - r * 1.1, y + r * 0.8)),
    "diamond": lambda x, y, r: _polygon((x, y - r * 1.3), (x + r * 1.3, y), (x, y + r * 1.3), (x - r * 1.3, y)),
    "line": lambda x, y, r: _polygon(
        (x - r * 0.5, y - r * 1.4), (x + r * 0.5, y - r * 1.4), (x + r * 0.5, y + r * 1.4), (x - r * 0.5, y + r * 1.4)
    ),
    "cross": lambda x, y, r: Markup(
        '<path d="M{0:.1f} {2:.1f}L{1:.1f} {3:.1f}M{1:.1f} {2:.1f}L{0:.1f} {3:.1f}" class="cross"/>'
    ).format(x - r, x + r, y - r, y + r),
    "star": lambda x, y, r: _polygon(
        *(
            (x + r * size * math.sin(turn * math.pi / 5), y - r * size * math.cos(turn * math.pi / 5))
            for turn, size in enumerate((1.3, 0.6) * 5)
        )
    ),
}


def _polygon(*corners: tuple[float, float]) -> Markup:
    return Markup('<polygon points="{}"/>').format(" ".join(f"{x:.1f},{y:.1f}" for x, y in corners))


def _marker(x: float, y: float, look: Look, radius: float = 5.5) -> Markup:
    colour = _ink(look.colour)
    return Markup('<g style="fill:{};stroke:{}" class="mark">{}</g>').format(colour, colour, _SHAPES[look.marker](x, y, radius))


# ---------------------------------------------------------------- bars and dots with intervals


def _intervals(chart: IntervalChart, lang: str) -> tuple[list[Markup], float]:
    longest = max((width_of(row.label) for row in chart.rows), default=0)
    left = min(max(longest, 60), 260) + 34
    right = _WIDTH - 96
    low, high = chart.domain
    scale = (right - left) / (high - low)

    def at(value: float) -> float:
        return left + (value - low) * scale

    top = 26 if chart.lines else 8
    bottom = top + _ROW * len(chart.entries)
    body: list[Markup] = []
    for tick in nice_ticks(low, high):
        if low - 1e-9 <= tick <= high + 1e-9:
            body.append(_line(at(tick), top, at(tick), bottom, "zero" if tick == 0 else "grid"))
            body.append(_text(at(tick), bottom + 17, write(tick, _AXIS_FORMAT.get(chart.how, chart.how), lang), "quiet", "middle"))
    for label, value in chart.lines:
        body.append(_line(at(value), top - 6, at(value), bottom, "reference"))
        anchor = "start" if at(value) < (left + right) / 2 else "end"
        body.append(_text(at(value), top - 11, label, "quiet", anchor))
    for index, entry in enumerate(chart.entries):
        y = top + _ROW * (index + 0.5)
        body += [_text(3, y + 6.5, entry, "strong")] if isinstance(entry, str) else _interval_row(chart, entry, y, left, at)
    body.append(_text((left + right) / 2, bottom + 38, chart.axis, "quiet", "middle"))
    height = bottom + 46.0
    if chart.floor_label:
        body.append(_line(left, height + 6, left, height + 20, "floor"))
        body.append(_text(left + 9, height + 18, chart.floor_label, "quiet"))
        height += 28
    return body, height


def _interval_row(chart: IntervalChart, row: Row, y: float, left: float, at: Callable[[float], float]) -> list[Markup]:
    body = [_marker(9, y, row.look), _text(24, y + 4.5, _fit(row.label, left - 34))]
    if row.value is None:
        return [*body, _text(at(0) + 8, y + 4.5, row.text, "quiet")]
    if chart.kind == "bar":
        start, end = sorted((at(0), at(row.value)))
        body.append(
            Markup('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="18" rx="2" style="fill:{}" class="bar"/>').format(
                start, y - 9, max(end - start, 1), _ink(row.look.colour)
            )
        )
    edge = at(row.value)
    if row.low is not None and row.high is not None:
        body.append(_line(at(row.low), y, at(row.high), y, "interval"))
        body += [_line(at(end), y - 4, at(end), y + 4, "interval") for end in (row.low, row.high)]
        edge = max(edge, at(row.high))
    if row.floor is not None:
        body.append(_line(at(row.floor), y - 12, at(row.floor), y + 12, "floor"))
        edge = max(edge, at(row.floor))
    if chart.kind == "dot":
        body.append(_marker(at(row.value), y, row.look, 6))
    body.append(_text(edge + 10, y + 4.5, row.text, "value"))
    return body


# ---------------------------------------------------------------- learning curves


def _curves(chart: CurveChart, lang: str) -> tuple[list[Markup], float]:
    columns = chart.columns
    gap, left, panel_height = 26.0, 44.0, 190.0
    width = (_WIDTH - left - gap * (columns - 1)) / columns
    body: list[Markup] = []
    rows = -(-len(chart.panels) // columns)
    for index, panel in enumerate(chart.panels):
        x = left + (index % columns) * (width + gap)
        y = 30 + (index // columns) * (panel_height + 62)
        body += _panel(chart, panel, lang, x, y, width, panel_height, first=index % columns == 0)
    height = 30 + rows * (panel_height + 62) - 20
    body.append(_text((_WIDTH + left) / 2, height + 4, chart.x_axis, "quiet", "middle"))
    settings = {curve.label: curve.dash[1] for panel in chart.panels for curve in panel.curves}
    x, y = left, height + 26
    for label, dash in settings.items():
        taken = 38 + width_of(label) + 30
        if x > left and x + taken - 30 > _WIDTH:
            x, y = left, y + 24
        body.append(_path([f"{x:.1f},{y:.1f}", f"{x + 30:.1f},{y:.1f}"], "mean", "#333333", dash))
        body.append(_text(x + 38, y + 4.5, label, "quiet"))
        x += taken
    return body, y + 16


def _panel(
    chart: CurveChart, panel: Panel, lang: str, x: float, y: float, width: float, height: float, *, first: bool
) -> list[Markup]:
    low, high = chart.domain
    last = max(chart.last_epoch, 2)

    def place(point: tuple[int, float]) -> str:
        return f"{x + (point[0] - 1) / (last - 1) * width:.1f},{y + height - (point[1] - low) / (high - low) * height:.1f}"

    body = [_marker(x + 6, y - 14, panel.look, 5), _text(x + 18, y - 9.5, _fit(panel.title, width - 24), "strong")]
    how = "axis_percent" if chart.how == "percent" else chart.how
    for tick in nice_ticks(low, high):
        tick_y = y + height - (tick - low) / (high - low) * height
        body.append(_line(x, tick_y, x + width, tick_y, "zero" if tick == 0 else "grid"))
        if first:
            body.append(_text(x - 7, tick_y + 4, write(tick, how, lang), "quiet", "end"))
    for epoch, anchor in ((1, "start"), (last, "end")):
        body.append(_text(x if epoch == 1 else x + width, y + height + 17, str(epoch), "quiet", anchor))
    for curve in panel.curves:
        for seed in curve.seeds if panel.shows_seeds else ():
            body.append(_path([place(point) for point in seed], "seed", panel.look.colour, curve.dash[1]))
        if len(curve.mean) > 1:
            body.append(_path([place(point) for point in curve.mean], "mean", panel.look.colour, curve.dash[1]))
    return body


def _path(places: list[str], kind: str, colour: str, dash: str) -> Markup:
    dashes = Markup(' stroke-dasharray="{}"').format(dash) if dash else Markup("")
    return Markup('<polyline points="{}" class="{}" style="stroke:{}"{}/>').format(" ".join(places), kind, _ink(colour), dashes)


# ---------------------------------------------------------------- a whole in parts

_BAND_COLOURS = ("#9AA5B1", "#56B4E9", "#0072B2")


def _bands(chart: BandChart) -> tuple[list[Markup], float]:
    body: list[Markup] = []
    for index, (band, (start, share)) in enumerate(zip(chart.bands, chart.drawn(0.24), strict=True)):
        x, width = start * _WIDTH, share * _WIDTH
        body.append(
            Markup('<rect x="{:.1f}" y="24" width="{:.1f}" height="22" rx="3" style="fill:{}"/>').format(
                x, max(width - 3, 1), _BAND_COLOURS[index % 3]
            )
        )
        body.append(_text(x, 66, band.label, "strong"))
        body.append(_text(x, 84, band.text, "quiet"))
        if chart.borders:
            body.append(_text(x, 15, chart.borders[index], "quiet"))
    if chart.borders:
        body.append(_text(_WIDTH - 3, 15, chart.borders[-1], "quiet", "end"))
    return body, 92


# ---------------------------------------------------------------- month by month

_PANEL = 52.0


def _months(chart: MonthChart) -> tuple[list[Markup], float]:
    left = min(max((width_of(row.title) for row in chart.rows), default=0), 190) + 82
    slot = (_WIDTH - left) / max(len(chart.months), 1)
    body: list[Markup] = []
    for index, row in enumerate(chart.rows):
        top = 8 + index * (_PANEL + 22)
        body += [_marker(9, top + _PANEL / 2, row.look), _text(24, top + _PANEL / 2 + 4.5, _fit(row.title, left - 78))]
        for y, tick, kind in ((top + _PANEL, "0%", "zero"), (top, "100%", "grid")):
            body.append(_line(left, y, _WIDTH, y, kind))
            body.append(_text(left - 7, y + 4, tick, "quiet", "end"))
        for month, share in enumerate(row.shares):
            if share is not None:
                body.append(
                    Markup('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" style="fill:{}" class="bar"/>').format(
                        left + month * slot + slot * 0.1, top + _PANEL * (1 - share), slot * 0.8, _PANEL * share, row.look.colour
                    )
                )
    bottom = 8 + len(chart.rows) * (_PANEL + 22)
    for month in chart.named():
        body.append(_text(left + month * slot + slot * 0.1, bottom + 2, chart.months[month], "quiet"))
    return body, bottom + 12


# ---------------------------------------------------------------- several wholes in parts


def _parts(chart: PartsChart) -> tuple[list[Markup], float]:
    body: list[Markup] = []
    y = 0.0
    for whole in chart.wholes:
        body.append(_text(0, y + 14, whole.title, "strong"))
        for part, (start, width) in zip(whole.parts, whole.drawn, strict=True):
            if width:
                body.append(
                    Markup('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="20" rx="2" style="fill:{}" class="bar"/>').format(
                        start * _WIDTH, y + 24, max(width * _WIDTH - 2, 1), _ink(part.look.colour)
                    )
                )
        x, y = 0.0, y + 62
        for part in whole.parts:
            words = f"{part.label} {part.text}"
            if x and x + width_of(words) + 18 > _WIDTH:
                x, y = 0.0, y + 20
            body += [_marker(x + 6, y - 4.5, part.look, 5), _text(x + 17, y, words, "quiet")]
            x += width_of(words) + 42
        y += 22
    return body, y
