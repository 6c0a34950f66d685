"""Outlines of what stands in a home, each in three forms.

Form 0 is the classic outline, form 1 the rounded one, form 2 the unusual one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sample_data.generator.outlines import Part, band, blob, both, box, oval, points, turn, turned

__all__ = ["HOUSEWARES"]


def _mug(form: int) -> list[Part]:
    top, half, profile = (
        (0.27, 0.225, [(0.27, 0.225), (0.5, 0.225), (0.74, 0.22)]),
        (0.33, 0.20, [(0.33, 0.20), (0.42, 0.255), (0.58, 0.265), (0.70, 0.20), (0.74, 0.15)]),
        (0.24, 0.235, [(0.24, 0.235), (0.45, 0.205), (0.76, 0.15)]),
    )[form]
    x = 0.46
    handle = (
        [(x + half - 0.02, 0.37), (x + 0.36, 0.38), (x + 0.37, 0.58), (x + half - 0.02, 0.62)],
        [(x + half + 0.02, 0.42), (x + 0.38, 0.42), (x + 0.37, 0.60), (x + half - 0.01, 0.64)],
        [(x + half - 0.04, 0.33), (x + 0.33, 0.34), (x + 0.30, 0.50), (x + half - 0.07, 0.55)],
    )[form]
    return [
        Part("accent" if form == 1 else "plain", (band(handle, 0.05),)),
        Part("body", (turned(profile, 0.035, x), oval(x, top, half, 0.05))),
        Part("paper", (oval(x, top, half - 0.006, 0.046),)),
        Part("deep", (oval(x, top + 0.004, half - 0.026, 0.036),)),
    ]


def _teapot(form: int) -> list[Part]:
    profile, lid, knob = (
        ([(0.38, 0.13), (0.45, 0.22), (0.58, 0.26), (0.70, 0.21), (0.76, 0.14)], 0.38, 0.29),
        ([(0.33, 0.12), (0.42, 0.17), (0.60, 0.215), (0.73, 0.21), (0.78, 0.18)], 0.33, 0.24),
        ([(0.46, 0.16), (0.52, 0.27), (0.62, 0.30), (0.70, 0.24), (0.74, 0.17)], 0.46, 0.37),
    )[form]
    wide = max(half for _, half in profile)
    spout_y = (0.58, 0.60, 0.62)[form]
    spout = points(
        [
            (0.5 - wide + 0.06, spout_y - 0.09),
            (0.5 - wide - 0.06, spout_y - 0.14),
            (0.5 - wide - 0.10, spout_y - 0.22),
            (0.5 - wide - 0.14, spout_y - 0.20),
            (0.5 - wide - 0.09, spout_y - 0.04),
            (0.5 - wide + 0.06, spout_y + 0.08),
        ]
    )
    side = [(0.49 + wide, 0.47), (0.61 + wide, 0.46), (0.61 + wide, 0.62), (0.48 + wide, 0.66)]
    over = [(0.29, 0.50), (0.33, 0.26), (0.50, 0.18), (0.67, 0.26), (0.71, 0.50)]
    return [
        Part("wood" if form == 2 else "plain", (band(over if form == 2 else side, 0.04),)),
        Part("plain", (spout,)),
        Part("body", (turned(profile, 0.03),)),
        Part(
            "accent",
            (
                oval(0.5, lid, profile[0][1], 0.055, 180, 360),
                box(0.5 - profile[0][1], lid - 0.012, 0.5 + profile[0][1], lid + 0.008),
            ),
        ),
        Part("wood", (oval(0.5, knob + 0.02, 0.032, 0.03),)),
    ]


def _plate(form: int) -> list[Part]:
    rim, well, edge = (
        (oval(0.5, 0.5, 0.36, 0.36), oval(0.5, 0.5, 0.22, 0.22), oval(0.5, 0.5, 0.235, 0.235)),
        (box(0.16, 0.16, 0.84, 0.84, 0.14), box(0.29, 0.29, 0.71, 0.71, 0.09), box(0.275, 0.275, 0.725, 0.725, 0.10)),
        (oval(0.5, 0.5, 0.41, 0.26), oval(0.5, 0.5, 0.28, 0.15), oval(0.5, 0.5, 0.295, 0.165)),
    )[form]
    return [Part("body", (rim,)), Part("accent", (edge,)), Part("paper", (well,))]


# ---------------------------------------------------------------- home


def _vase(form: int) -> list[Part]:
    profile, mouth = (
        ([(0.30, 0.065), (0.40, 0.07), (0.52, 0.18), (0.66, 0.21), (0.80, 0.13)], 0.065),
        ([(0.42, 0.08), (0.46, 0.13), (0.60, 0.23), (0.73, 0.20), (0.80, 0.12)], 0.08),
        ([(0.24, 0.12), (0.36, 0.085), (0.52, 0.10), (0.68, 0.15), (0.80, 0.15)], 0.12),
    )[form]
    top = profile[0][0]
    stems: list[Part] = []
    if form == 1:
        stalks = [[(0.5, 0.45), (0.47, 0.30), (0.42, 0.16)], [(0.5, 0.45), (0.54, 0.32), (0.62, 0.20)]]
        leaves = [turn(oval(x, y, 0.045, 0.018), a, x, y) for x, y, a in _LEAVES]
        stems = [Part("wood", tuple(band(stalk, 0.012) for stalk in stalks)), Part("leaf", tuple(leaves))]
    return [
        *stems,
        Part("body", (turned(profile, 0.025), oval(0.5, top, mouth, 0.022))),
        Part("accent", (oval(0.5, top, mouth, 0.022),)),
        Part("dark", (oval(0.5, top + 0.002, mouth - 0.018, 0.013),)),
    ]


_LEAVES = (
    (0.39, 0.17, 50.0),
    (0.46, 0.19, -40.0),
    (0.42, 0.26, 30.0),
    (0.51, 0.27, -30.0),
    (0.65, 0.18, -30.0),
    (0.59, 0.21, 60.0),
    (0.61, 0.28, -10.0),
)


def _lamp(form: int) -> list[Part]:
    if form == 0:
        return [
            Part("wood", (turned([(0.46, 0.02), (0.55, 0.035), (0.66, 0.06), (0.76, 0.03), (0.80, 0.03)]),)),
            Part("wood", (oval(0.5, 0.81, 0.14, 0.03),)),
            Part("body", (turned([(0.18, 0.14), (0.34, 0.20), (0.50, 0.26)], 0.03), oval(0.5, 0.18, 0.14, 0.02))),
            Part("accent", (band([(0.245, 0.505), (0.5, 0.535), (0.755, 0.505)], 0.016),)),
        ]
    if form == 1:
        return [
            Part("metal", (turned([(0.44, 0.05), (0.60, 0.045), (0.78, 0.07)], 0.01), oval(0.5, 0.79, 0.16, 0.035))),
            Part("body", (oval(0.5, 0.46, 0.30, 0.27, 180, 360), oval(0.5, 0.46, 0.30, 0.05))),
            Part("glow", (oval(0.5, 0.465, 0.27, 0.034),)),
        ]
    return [
        Part("dark", (box(0.494, -0.4, 0.506, 0.30),)),
        Part("accent", (turned([(0.26, 0.03), (0.30, 0.045), (0.36, 0.075)]),)),
        Part("body", (oval(0.5, 0.56, 0.25, 0.235),)),
        Part("glow", (oval(0.5, 0.755, 0.14, 0.032),)),
    ]


def _chair(form: int) -> list[Part]:
    legs = [band([(0.35, 0.58), (0.30, 0.88)], 0.03, False), band([(0.65, 0.58), (0.70, 0.88)], 0.03, False)]
    back_legs = [band([(0.40, 0.55), (0.385, 0.82)], 0.025, False), band([(0.60, 0.55), (0.615, 0.82)], 0.025, False)]
    if form == 0:
        posts = both(band([(0.335, 0.14), (0.345, 0.56)], 0.032, False))
        rails = (box(0.34, 0.17, 0.66, 0.25, 0.02), box(0.34, 0.31, 0.66, 0.38, 0.02))
        seat = blob([(0.33, 0.52), (0.67, 0.52), (0.73, 0.60), (0.70, 0.645), (0.30, 0.645), (0.27, 0.60)])
        return [Part("wood", tuple(back_legs)), Part("wood", (*posts, *legs)), Part("plain", rails), Part("body", (seat,))]
    if form == 1:
        shell = blob([(0.5, 0.13), (0.69, 0.20), (0.75, 0.40), (0.70, 0.56), (0.5, 0.60), (0.30, 0.56), (0.25, 0.40), (0.31, 0.20)])
        seat = blob([(0.29, 0.50), (0.5, 0.47), (0.71, 0.50), (0.73, 0.60), (0.5, 0.665), (0.27, 0.60)])
        return [Part("wood", (*back_legs, *legs)), Part("body", (shell,)), Part("accent", (seat,))]
    tall = [band([(0.40, 0.34), (0.31, 0.88)], 0.032, False), band([(0.60, 0.34), (0.69, 0.88)], 0.032, False)]
    rung = (band([(0.345, 0.69), (0.655, 0.69)], 0.022, False), band([(0.5, 0.36), (0.5, 0.84)], 0.03, False))
    return [
        Part("wood", (*rung, *tall)),
        Part("body", (oval(0.5, 0.35, 0.23, 0.065), box(0.27, 0.30, 0.73, 0.35), oval(0.5, 0.30, 0.23, 0.065))),
        Part("plain", (oval(0.5, 0.298, 0.222, 0.058),)),
    ]


def _cushion(form: int) -> list[Part]:
    if form == 1:
        return [
            Part("body", (oval(0.5, 0.5, 0.34, 0.335),)),
            Part("accent", (oval(0.5, 0.5, 0.345, 0.34),), (oval(0.5, 0.5, 0.328, 0.323),)),
            Part("accent", (oval(0.5, 0.5, 0.03, 0.03),)),
        ]
    w, h = ((0.34, 0.34), (0, 0), (0.40, 0.22))[form]
    pinch = 0.028
    sides = [(-1, -1), (0, -1 + pinch / h), (1, -1), (1 - pinch / w, 0), (1, 1), (0, 1 - pinch / h), (-1, 1), (-1 + pinch / w, 0)]
    body = blob([(0.5 + w * a * 0.97, 0.5 + h * b * 0.97) for a, b in sides])
    tassel = tuple(oval(0.5 + w * a, 0.5 + h * b, 0.028, 0.028) for a, b in sides[::2])
    ends = tuple(band([(x, 0.5 - h * 0.93), (x, 0.5 + h * 0.93)], 0.035, False) for x in (0.24, 0.76))
    return [Part("accent", tassel), Part("body", (body,)), *([Part("accent", ends)] if form == 2 else [])]


def _clock(form: int) -> list[Part]:
    spikes = 0.355 + 0.045 * np.cos(np.radians(np.arange(0, 360, 15)) * 12)
    rays = blob(
        [(0.5 + r * np.cos(a), 0.5 + r * np.sin(a)) for r, a in zip(spikes, np.radians(np.arange(0, 360, 15)), strict=True)]
    )
    frame, face = (
        (oval(0.5, 0.5, 0.35, 0.35), oval(0.5, 0.5, 0.24, 0.24)),
        (box(0.18, 0.18, 0.82, 0.82, 0.13), box(0.28, 0.28, 0.72, 0.72, 0.09)),
        (rays, oval(0.5, 0.5, 0.22, 0.22)),
    )[form]
    ticks = tuple(turn(box(0.494, 0.305, 0.506, 0.335), 30 * k) for k in range(12))
    hands = (band([(0.5, 0.52), (0.43, 0.40)], 0.02, False), band([(0.48, 0.51), (0.63, 0.42)], 0.014, False))
    return [
        Part("body", (frame,)),
        Part("paper", (face,)),
        Part("dark", ticks),
        Part("dark", hands),
        Part("accent", (oval(0.5, 0.5, 0.02, 0.02),)),
    ]


HOUSEWARES: dict[str, Callable[[int], list[Part]]] = {
    "mug": _mug,
    "teapot": _teapot,
    "plate": _plate,
    "vase": _vase,
    "lamp": _lamp,
    "chair": _chair,
    "cushion": _cushion,
    "clock": _clock,
}
