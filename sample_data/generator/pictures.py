"""Draws the product pictures: outline, colour, pattern, trim and finish on a quiet backdrop, with soft light and a shadow.

Everything is drawn by Pillow and numpy from polygons; one picture takes about ten milliseconds. What varies without meaning
(place, size, angle, backdrop, where the pattern begins) comes from the generator given, so the same seed draws the same bytes.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from sample_data.generator.housewares import HOUSEWARES
from sample_data.generator.outlines import Part, Points
from sample_data.generator.wearables import WEARABLES

__all__ = ["ACCENTS", "COLOURS", "FINISHES", "OUTLINES", "PATTERNS", "SIZE", "placeholder", "product_picture"]

SIZE = 200
_FINE = 4  # masks are drawn this many times larger and averaged down: smooth edges

Pixels = npt.NDArray[np.floating]

COLOURS: dict[str, tuple[int, int, int]] = {
    "ivory": (237, 228, 208),
    "sand": (205, 178, 140),
    "terracotta": (196, 106, 76),
    "mustard": (217, 167, 62),
    "sage": (152, 173, 140),
    "forest": (52, 92, 74),
    "sky": (141, 182, 205),
    "navy": (44, 62, 96),
    "blush": (226, 172, 166),
    "charcoal": (74, 74, 80),
}
ACCENTS: dict[str, tuple[int, int, int]] = {
    "cream": (247, 241, 227),
    "brick": (176, 72, 52),
    "ink": (36, 48, 78),
    "saffron": (232, 178, 52),
}
OUTLINES = HOUSEWARES | WEARABLES
PATTERNS = ("plain", "stripes", "dots", "checks", "waves", "leaves")
FINISHES = ("matte", "glossy", "speckled")

_LYING = frozenset({"plate", "cushion", "shirt", "cap", "notebook", "clock", "socks", "umbrella"})
# photographed from above or hung on a wall: they throw a shadow behind them instead of one at their foot

_FIXED = {
    "wood": (186, 142, 98),
    "metal": (168, 170, 172),
    "paper": (250, 247, 240),
    "dark": (58, 54, 52),
    "glow": (255, 240, 196),
    "leaf": (122, 148, 106),
}
_BACKDROPS = ((244, 241, 236), (238, 239, 240), (246, 240, 230), (234, 238, 234), (241, 235, 232), (236, 236, 230))


def product_picture(kind: str, form: int, colour: str, pattern: str, accent: str, finish: str, rng: np.random.Generator) -> bytes:
    """One product photograph as JPEG bytes, ``SIZE`` by ``SIZE`` pixels."""
    outline = [part for part in OUTLINES[kind](form) if part.filled]
    place = _Place(np.vstack([polygon for part in outline for polygon in part.filled]), rng)
    body = _rgb(COLOURS[colour]) * np.float32(rng.uniform(0.97, 1.03))
    trim = _trim(body, _rgb(ACCENTS[accent]))
    paints = {
        "body": _cloth(body, trim, pattern, finish, rng),
        "plain": np.minimum(body * 1.06 + 4, 255),
        "deep": body * 0.72,
        "accent": trim,
    }
    paints |= {name: _rgb(rgb) for name, rgb in _FIXED.items()}
    masks = [(part.paint, _mask(part, place)) for part in outline]
    whole = np.maximum.reduce([mask for _, mask in masks])
    canvas = _rgb(_BACKDROPS[rng.integers(len(_BACKDROPS))]) * _vignette()[..., None]
    canvas *= 1 - _shadow(whole, lying=kind in _LYING or (kind == "lamp" and form == 2))[..., None]
    for paint, mask in masks:
        here = _around(mask)
        cut, colour_here = mask[here], np.broadcast_to(paints[paint], canvas.shape)[here]
        lit = _light(colour_here, cut, gloss=finish == "glossy" and paint in ("body", "plain", "accent"))
        canvas[here] += cut[..., None] * (lit - canvas[here])
    return _jpeg(canvas)


@functools.cache
def placeholder() -> bytes:
    """The grey "no image" card that a shop shows where a photograph is missing; always the same bytes."""
    card = Image.new("RGB", (SIZE * 2, SIZE * 2), (236, 236, 236))
    draw = ImageDraw.Draw(card)
    grey, middle = (176, 176, 176), SIZE
    draw.rounded_rectangle((middle - 70, middle - 76, middle + 70, middle + 24), 14, outline=grey, width=7)
    draw.rounded_rectangle((middle - 26, middle - 94, middle + 26, middle - 74), 6, fill=grey)
    draw.ellipse((middle - 32, middle - 58, middle + 32, middle + 6), outline=grey, width=7)
    draw.text((middle, middle + 70), "NO IMAGE", fill=grey, font=ImageFont.load_default(38), anchor="mm")
    return _jpeg(np.asarray(card.resize((SIZE, SIZE), Image.Resampling.LANCZOS), dtype=np.float32))


# ---------------------------------------------------------------- paint


def _rgb(colour: tuple[int, int, int]) -> Pixels:
    return np.array(colour, dtype=np.float32)


def _trim(body: Pixels, accent: Pixels) -> Pixels:
    """The colour of trim and pattern: the accent, made lighter or darker where it would vanish into the body."""
    if np.abs(body - accent).mean() > 45:
        return accent
    return accent * np.float32(0.62) if accent.mean() > 150 else accent + (255 - accent) * np.float32(0.55)


def _cloth(body: Pixels, trim: Pixels, pattern: str, finish: str, rng: np.random.Generator) -> Pixels:
    """The body's colour with its pattern and, for a speckled finish, its flecks; (SIZE, SIZE, 3)."""
    x, y = rng.integers(0, SIZE, 2)
    surface: Pixels = np.broadcast_to(body, (SIZE, SIZE, 3))
    if pattern != "plain":
        surface = surface + (_pattern(pattern)[y : y + SIZE, x : x + SIZE, None] * 0.92) * (trim - surface)
    if finish == "speckled":
        fleck = body * 0.45 if body.mean() > 110 else body + (255 - body) * 0.6
        surface = surface + _flecks()[y : y + SIZE, x : x + SIZE, None] * (fleck - surface)
    return surface


@functools.cache
def _pattern(name: str) -> Pixels:
    """How much ink the pattern lays at each point, in [0, 1]; (2 SIZE, 2 SIZE)."""
    side, step = SIZE * 2 * _FINE, SIZE * _FINE // 9
    sheet = Image.new("L", (side, side), 0)
    draw = ImageDraw.Draw(sheet)
    cells = [(i, j) for i in range(-1, side // step + 2) for j in range(-1, side // step + 2)]
    if name == "stripes":
        for i in range(side // step + 1):
            draw.rectangle((0, i * step, side, i * step + step * 0.42), fill=255)
    elif name == "dots":
        for i, j in cells:
            x, y, r = (i + 0.5 * (j % 2)) * step, j * step * 0.87, step * 0.25
            draw.ellipse((x - r, y - r, x + r, y + r), fill=255)
    elif name == "checks":
        wide = int(step * 1.25)
        lines = np.zeros((side, side), np.float32)
        on = (np.arange(side) % wide) < wide // 2
        lines += 0.5 * on[:, None] + 0.5 * on[None, :]
        sheet = Image.fromarray((lines * 255).astype(np.uint8))
    elif name == "waves":
        for j in range(side // step * 2 + 2):
            for i in range(-1, side // (2 * step) + 2):
                x, y = (2 * i + (j % 2)) * step, j * step * 0.55
                for r in (step, step * 0.62):
                    draw.arc((x - r, y - r, x + r, y + r), 180, 360, fill=255, width=int(step * 0.15))
    else:
        turns = np.random.default_rng(7).integers(0, 12, len(cells))
        for (i, j), turn in zip(cells, turns, strict=True):
            _sprig(draw, (i + 0.5 * (j % 2)) * step * 1.25, j * step * 1.15, step * 0.52, turn * np.pi / 6)
    return np.asarray(sheet.reduce(_FINE), dtype=np.float32) / 255


def _sprig(draw: ImageDraw.ImageDraw, x: float, y: float, size: float, angle: float) -> None:
    """A stem with five leaves."""
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])

    def move(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        return [(float(a), float(b)) for a, b in (np.asarray(points) * size) @ turn + (x, y)]

    draw.line(move([(0, -0.9), (0, 0.9)]), fill=255, width=max(2, int(size * 0.13)))
    around = np.linspace(0, 2 * np.pi, 17)
    for cx, cy, lean in ((0.36, -0.25, -0.7), (-0.36, 0.0, 0.7), (0.36, 0.35, -0.7), (-0.36, -0.55, 0.7), (0, -0.95, np.pi / 2)):
        u, v = 0.40 * np.cos(around), 0.18 * np.sin(around)
        leaf = zip(cx + u * np.cos(lean) - v * np.sin(lean), cy + u * np.sin(lean) + v * np.cos(lean), strict=True)
        draw.polygon(move(list(leaf)), fill=255)


@functools.cache
def _flecks() -> Pixels:
    """Small irregular flecks over (2 SIZE, 2 SIZE), as in stoneware or a mottled yarn."""
    rng = np.random.default_rng(11)
    sheet = Image.new("L", (SIZE * 4, SIZE * 4), 0)
    draw = ImageDraw.Draw(sheet)
    for x, y, r in zip(*rng.uniform(0, SIZE * 4, (2, 3600)), rng.uniform(0.7, 2.0, 3600), strict=True):
        draw.ellipse((x - r, y - r * 0.8, x + r, y + r * 0.8), fill=180)
    return np.asarray(sheet.reduce(2), dtype=np.float32) / 255


# ---------------------------------------------------------------- light


class _Place:
    """Where the product stands: centred and filling the frame, with a little shift, size and tilt of its own."""

    def __init__(self, product: Points, rng: np.random.Generator) -> None:
        low, high = product.min(axis=0).clip(0, 1), product.max(axis=0).clip(0, 1)
        self.centre = (low + high) / 2
        self.shift = 0.5 + rng.uniform(-0.02, 0.02, 2)
        self.size = min(0.76 / float((high - low).max()), 1.25) * rng.uniform(0.94, 1.03)
        tilt = np.radians(rng.uniform(-2.0, 2.0))
        self.turn = np.array([[np.cos(tilt), np.sin(tilt)], [-np.sin(tilt), np.cos(tilt)]])

    def __call__(self, points: Points) -> list[tuple[float, float]]:
        placed = ((points - self.centre) @ self.turn * self.size + self.shift) * (SIZE * _FINE)
        return [(float(x), float(y)) for x, y in placed]


def _mask(part: Part, place: _Place) -> Pixels:
    sheet = Image.new("L", (SIZE * _FINE, SIZE * _FINE), 0)
    draw = ImageDraw.Draw(sheet)
    for polygon in part.filled:
        draw.polygon(place(polygon), fill=255)
    for polygon in part.holes:
        draw.polygon(place(polygon), fill=0)
    return np.asarray(sheet.reduce(_FINE), dtype=np.float32) / 255


def _blur(mask: Pixels, radius: float) -> Pixels:
    soft = Image.fromarray((mask * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(radius))
    return np.asarray(soft, dtype=np.float32) / 255


def _moved(mask: Pixels, dx: int, dy: int) -> Pixels:
    """The mask shifted by whole pixels, nothing coming in at the edges."""
    moved = np.zeros_like(mask)
    h, w = mask.shape
    moved[max(dy, 0) : h + min(dy, 0), max(dx, 0) : w + min(dx, 0)] = mask[
        max(-dy, 0) : h - max(dy, 0), max(-dx, 0) : w - max(dx, 0)
    ]
    return moved


def _light(paint: Pixels, mask: Pixels, gloss: bool) -> Pixels:
    """The paint under a soft lamp from the upper left: edges towards it brighter, edges away darker."""
    step = SIZE // 32
    soft = _blur(mask, SIZE / 28)
    slope = _moved(soft, step, step) - _moved(soft, -step, -step)  # below zero where the surface faces the lamp
    lit = paint * (1 - 0.34 * slope[..., None])
    if gloss:
        shine = np.clip(_moved(_blur(mask, SIZE / 40), 2 * step, 2 * step) - 0.55, 0, 1) * np.clip(-_moved(slope, step, step), 0, 1)
        lit = lit + (shine * 4.0).clip(0, 0.6)[..., None] * (255 - lit)
    return np.clip(lit, 0, 255)


def _shadow(whole: Pixels, lying: bool) -> Pixels:
    """How much light the product takes from the backdrop, in [0, 1]."""
    if lying:
        return _moved(_blur(whole, SIZE / 40), SIZE // 50, SIZE // 36) * 0.26
    rows = np.flatnonzero(whole.max(axis=1) > 0.5)
    foot = int(rows[-1])
    columns = np.flatnonzero(whole[max(foot - SIZE // 12, 0) : foot + 1].max(axis=0) > 0.5)
    sheet = Image.new("L", (SIZE, SIZE), 0)
    thick = SIZE // 36
    ImageDraw.Draw(sheet).ellipse((int(columns[0]) - 4, foot - thick, int(columns[-1]) + 12, foot + thick), fill=255)
    ground = np.asarray(sheet.filter(ImageFilter.GaussianBlur(SIZE / 36)), dtype=np.float32) / 255
    return np.maximum(ground * 0.36, _moved(_blur(whole, SIZE / 20), SIZE // 25, SIZE // 40) * 0.10)


def _around(mask: Pixels) -> tuple[slice, slice]:
    """The rows and columns that a part touches, with room for its soft edge."""
    room = SIZE // 14
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return slice(max(rows[0] - room, 0), rows[-1] + room + 1), slice(max(columns[0] - room, 0), columns[-1] + room + 1)


@functools.cache
def _vignette() -> Pixels:
    """The light on a seamless paper backdrop: a little brighter in the middle."""
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32) / SIZE - 0.5
    return (1.02 - 0.10 * (x**2 + (y + 0.08) ** 2)).astype(np.float32)


def _jpeg(pixels: Pixels) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=84, subsampling=0, optimize=True)
    return buffer.getvalue()
