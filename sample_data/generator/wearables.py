"""Outlines of what one wears and carries, each in three forms.

Form 0 is the classic outline, form 1 the rounded one, form 2 the unusual one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sample_data.generator.outlines import Part, band, blob, both, box, curve, moved, oval, points, turn, turned

__all__ = ["WEARABLES"]


def _tote(form: int) -> list[Part]:
    left, right, top, bottom, flare = (
        (0.25, 0.75, 0.40, 0.83, 0.02),
        (0.22, 0.78, 0.44, 0.80, -0.06),
        (0.17, 0.83, 0.46, 0.80, 0.05),
    )[form]
    reach = (0.15, 0.20, 0.24)[form]
    strap = [(0.37, top + 0.05), (0.385, reach + 0.08), (0.5, reach), (0.615, reach + 0.08), (0.63, top + 0.05)]
    corners = [(left - flare, top), (right + flare, top), (right, bottom), (left, bottom)]
    rounded = [(0.25, top), (0.75, top), (0.80, 0.60), (0.72, 0.79), (0.5, 0.82), (0.28, 0.79), (0.20, 0.60)]
    bag = points(corners) if form != 1 else blob(rounded)
    trim = {0: (box(left - 0.018, top - 0.002, right + 0.018, top + 0.045),), 1: (box(0.25, top - 0.03, 0.75, top + 0.02, 0.02),)}
    base = (points([(left - 0.012, bottom - 0.10), (right + 0.012, bottom - 0.10), (right, bottom), (left, bottom)]),)
    return [Part("accent", (band(strap, 0.032),)), Part("body", (bag,)), Part("accent" if form else "plain", trim.get(form, base))]


def _backpack(form: int) -> list[Part]:
    straps = both(band([(0.33, 0.30), (0.24, 0.45), (0.27, 0.70)], 0.05))
    loop = Part("dark", (band([(0.44, 0.19), (0.46, 0.11), (0.54, 0.11), (0.56, 0.19)], 0.025),))
    body = (
        box(0.27, 0.17, 0.73, 0.84, 0.13),
        blob(
            [
                (0.5, 0.16),
                (0.68, 0.22),
                (0.76, 0.45),
                (0.75, 0.72),
                (0.68, 0.84),
                (0.32, 0.84),
                (0.25, 0.72),
                (0.24, 0.45),
                (0.32, 0.22),
            ]
        ),
        box(0.29, 0.22, 0.71, 0.85, 0.05),
    )[form]
    detail = (
        [Part("plain", (box(0.33, 0.54, 0.67, 0.77, 0.05),)), Part("accent", (box(0.33, 0.565, 0.67, 0.583),))],
        [Part("plain", (oval(0.5, 0.66, 0.17, 0.14),)), Part("accent", (band([(0.30, 0.36), (0.5, 0.31), (0.70, 0.36)], 0.018),))],
        [
            Part("plain", (box(0.265, 0.14, 0.735, 0.27, 0.05),)),
            Part("accent", tuple(box(x, 0.14, x + 0.035, 0.62, 0.01) for x in (0.37, 0.595))),
            Part("metal", tuple(box(x - 0.01, 0.50, x + 0.045, 0.545, 0.01) for x in (0.37, 0.595))),
        ],
    )[form]
    return [Part("deep", straps), *([] if form == 2 else [loop]), Part("body", (body,)), *detail]


def _umbrella(form: int) -> list[Part]:
    if form == 2:
        furled = points(
            [(0.5, 0.10), (0.53, 0.14), (0.575, 0.58), (0.545, 0.64), (0.5, 0.66), (0.455, 0.64), (0.425, 0.58), (0.47, 0.14)]
        )
        crook = band([(0.5, 0.64), (0.5, 0.78), (0.5, 0.86), (0.545, 0.91), (0.59, 0.87), (0.59, 0.83)], 0.028)
        parts = [Part("wood", (crook,)), Part("metal", (box(0.494, 0.05, 0.506, 0.12),)), Part("body", (furled,))]
        parts.append(Part("accent", (box(0.43, 0.46, 0.57, 0.50, 0.015),)))
        return [Part(p.paint, tuple(turn(f, 28) for f in p.filled)) for p in parts]
    top, edge, half, panels = ((0.20, 0.50, 0.37, 6), (0.14, 0.54, 0.34, 4))[form]
    dome = oval(0.5, edge, half, edge - top, 180, 360)
    span = 2 * half / panels
    scallops = tuple(oval(0.5 - half + span * (k + 0.5), edge + 0.005, span / 2 * 0.98, 0.035, 180, 360) for k in range(panels))
    ribs = tuple(
        band([(0.5, top + 0.01), (0.5 + k * 0.55, (top + edge) / 2 - 0.02), (0.5 + k, edge - 0.01)], 0.007)
        for k in (-half / 3, half / 3)
    )
    shaft = band([(0.5, edge - 0.06), (0.5, 0.80)], 0.016, False)
    crook = band([(0.5, 0.78), (0.5, 0.84), (0.535, 0.885), (0.575, 0.85), (0.575, 0.82)], 0.028)
    tip = box(0.492, top - 0.05, 0.508, top + 0.01)
    return [Part("metal", (shaft, tip)), Part("wood", (crook,)), Part("body", (dome,), scallops), Part("accent", ribs)]


# ---------------------------------------------------------------- clothes


def _shirt(form: int) -> list[Part]:
    neck = 0.105
    if form == 2:
        half = [(0.605, 0.17), (0.67, 0.20), (0.655, 0.32), (0.70, 0.42), (0.72, 0.82)]
    elif form == 1:
        half = [(0.605, 0.17), (0.70, 0.205), (0.78, 0.34), (0.855, 0.72), (0.77, 0.75), (0.70, 0.47), (0.70, 0.82)]
    else:
        half = [(0.605, 0.17), (0.71, 0.205), (0.87, 0.37), (0.785, 0.46), (0.705, 0.385), (0.705, 0.82)]
    left = [(1 - x, y) for x, y in reversed(half)]
    scoop = oval(0.5, 0.17, neck, 0.085 if form != 2 else 0.13, 180, 0)
    body = np.vstack([points(half), points(left), scoop])
    collar = band([(0.5 - neck, 0.17), (0.44, 0.235), (0.5, 0.258), (0.56, 0.235), (0.5 + neck, 0.17)], 0.022)
    vneck = band([(0.5 - neck, 0.17), (0.45, 0.27), (0.5, 0.302), (0.55, 0.27), (0.5 + neck, 0.17)], 0.022)
    inner = oval(0.5, 0.172, neck - 0.004, 0.03)
    cuffs = {
        0: both(band([(0.865, 0.365), (0.785, 0.452)], 0.022, False)),
        1: both(band([(0.852, 0.705), (0.768, 0.735)], 0.03, False)),
    }
    pocket = (box(0.56, 0.40, 0.65, 0.50, 0.012),) if form == 0 else ()
    trim = (vneck if form == 2 else collar, *cuffs.get(form, ()))
    return [Part("deep", (inner,)), Part("body", (body,)), Part("accent", trim), *([Part("plain", pocket)] if pocket else [])]


def _sneaker(form: int) -> list[Part]:
    low = [
        (0.12, 0.66),
        (0.13, 0.52),
        (0.19, 0.44),
        (0.30, 0.47),
        (0.41, 0.44),
        (0.56, 0.53),
        (0.74, 0.58),
        (0.87, 0.63),
        (0.89, 0.68),
    ]
    slip = [
        (0.12, 0.66),
        (0.13, 0.54),
        (0.18, 0.475),
        (0.28, 0.51),
        (0.42, 0.51),
        (0.50, 0.485),
        (0.66, 0.535),
        (0.85, 0.60),
        (0.89, 0.68),
    ]
    high = [
        (0.13, 0.66),
        (0.145, 0.45),
        (0.14, 0.26),
        (0.27, 0.245),
        (0.385, 0.26),
        (0.43, 0.43),
        (0.60, 0.54),
        (0.83, 0.60),
        (0.88, 0.68),
    ]
    upper = curve((low, slip, high)[form], closed=False)
    sole = blob(
        [
            (0.10, 0.66),
            (0.30, 0.675),
            (0.60, 0.675),
            (0.89, 0.655),
            (0.915, 0.70),
            (0.87, 0.745),
            (0.50, 0.75),
            (0.14, 0.745),
            (0.095, 0.71),
        ]
    )
    toe = blob([(0.73, 0.585), (0.84, 0.605), (0.90, 0.66), (0.87, 0.69), (0.72, 0.69), (0.70, 0.64)])
    starts = ((0.43, 0.475), (0.44, 0.49), (0.385, 0.34))[form]
    ends = ((0.58, 0.55), (0.58, 0.52), (0.56, 0.53))[form]
    laces = tuple(
        turn(box(x - 0.045, y - 0.009, x + 0.03, y + 0.009, 0.008), -55, x, y)
        for x, y in zip(np.linspace(starts[0], ends[0], 4), np.linspace(starts[1], ends[1], 4) + 0.01, strict=True)
    )
    gore = (points([(0.33, 0.515), (0.43, 0.51), (0.40, 0.60), (0.35, 0.60)]),)
    heel = (points([(0.12, 0.66), (0.125, 0.56), (0.20, 0.55), (0.22, 0.66)]),)
    return [
        Part("body", (upper,)),
        Part("accent", gore if form == 1 else heel),
        Part("paper", (toe,) if form != 1 else ()),
        Part("paper", (sole,)),
        Part("accent", (band([(0.11, 0.715), (0.5, 0.72), (0.90, 0.71)], 0.012),)),
        Part("paper", laces if form != 1 else ()),
    ]


def _cap(form: int) -> list[Part]:
    if form == 0:
        dome = np.vstack([oval(0.46, 0.58, 0.28, 0.30, 180, 360), points([(0.74, 0.60), (0.18, 0.60)])])
        brim = blob([(0.44, 0.575), (0.70, 0.565), (0.90, 0.625), (0.93, 0.665), (0.80, 0.655), (0.60, 0.62), (0.44, 0.615)])
        seams = (band([(0.46, 0.285), (0.55, 0.40), (0.58, 0.58)], 0.008), band([(0.46, 0.285), (0.36, 0.40), (0.33, 0.58)], 0.008))
        return [
            Part("body", (dome,)),
            Part("deep", seams),
            Part("accent", (brim,)),
            Part("accent", (oval(0.46, 0.283, 0.025, 0.018),)),
        ]
    if form == 1:
        crown = turned([(0.30, 0.17), (0.34, 0.205), (0.54, 0.225)], 0.02)
        brim = blob(
            [(0.28, 0.53), (0.5, 0.555), (0.72, 0.53), (0.86, 0.655), (0.70, 0.70), (0.5, 0.715), (0.30, 0.70), (0.14, 0.655)]
        )
        top = oval(0.5, 0.30, 0.17, 0.035)
        return [
            Part("plain", (brim,)),
            Part("body", (crown, top)),
            Part("accent", (band([(0.278, 0.51), (0.5, 0.535), (0.722, 0.51)], 0.035),)),
        ]
    dome = np.vstack([oval(0.5, 0.56, 0.25, 0.29, 180, 360), points([(0.75, 0.62), (0.25, 0.62)])])
    cuff = box(0.235, 0.57, 0.765, 0.71, 0.035)
    bobble = blob(
        [
            (0.5 + (0.085 + 0.012 * (k % 2)) * np.cos(k * np.pi / 9), 0.235 + (0.085 + 0.012 * (k % 2)) * np.sin(k * np.pi / 9))
            for k in range(18)
        ]
    )
    ribs = tuple(box(x, 0.575, x + 0.008, 0.705) for x in np.arange(0.27, 0.75, 0.042))
    return [Part("accent", (bobble,)), Part("body", (dome,)), Part("plain", (cuff,)), Part("deep", ribs)]


def _socks(form: int) -> list[Part]:
    top = (0.26, 0.42, 0.12)[form]

    def sock(dx: float, dy: float) -> list[Part]:
        leg = [
            (0.36, top),
            (0.53, top),
            (0.535, 0.56),
            (0.60, 0.66),
            (0.74, 0.72),
            (0.79, 0.79),
            (0.74, 0.85),
            (0.58, 0.85),
            (0.42, 0.78),
            (0.355, 0.66),
            (0.355, 0.50),
        ]
        outer = np.vstack([points(leg[:2]), curve(leg[2:], closed=False)])
        cuff = box(0.35, top - 0.01, 0.54, top + 0.06, 0.012)
        toe = blob([(0.685, 0.695), (0.755, 0.73), (0.795, 0.79), (0.745, 0.852), (0.675, 0.855), (0.655, 0.77)])
        heel = blob([(0.356, 0.60), (0.425, 0.655), (0.445, 0.72), (0.41, 0.775), (0.365, 0.70)])
        trim = (cuff, toe, heel) if form != 1 else (cuff, toe)
        return [Part("body", (moved(outer, dx, dy),)), Part("accent", tuple(moved(piece, dx, dy) for piece in trim))]

    return [*sock(0.07, -0.05), *sock(-0.15, 0.03)]


def _notebook(form: int) -> list[Part]:
    if form == 1:
        rings = tuple(box(x, 0.17, x + 0.018, 0.27, 0.009) for x in np.arange(0.19, 0.80, 0.0545))
        cover, label = box(0.15, 0.22, 0.85, 0.78, 0.04), box(0.36, 0.42, 0.64, 0.58, 0.02)
        return [
            Part("paper", (moved(cover, 0.008, 0.012),)),
            Part("body", (cover,)),
            Part("paper", (label,)),
            Part("accent", (box(0.40, 0.49, 0.60, 0.505),)),
            Part("metal", rings),
        ]
    if form == 2:
        cover, flap = (
            box(0.22, 0.20, 0.78, 0.82, 0.03),
            points([(0.22, 0.22), (0.78, 0.22), (0.78, 0.38), (0.5, 0.56), (0.22, 0.38)]),
        )
        return [
            Part("paper", (moved(cover, 0.012, 0.010),)),
            Part("body", (cover,)),
            Part("plain", (flap,)),
            Part("accent", (oval(0.5, 0.49, 0.03, 0.03),)),
        ]
    cover = box(0.25, 0.14, 0.76, 0.85, 0.025)
    ribbon = points([(0.40, 0.84), (0.43, 0.84), (0.43, 0.93), (0.415, 0.915), (0.40, 0.93)])
    return [
        Part("accent", (ribbon,)),
        Part("paper", (moved(cover, 0.014, 0.010),)),
        Part("body", (cover,)),
        Part("deep", (box(0.25, 0.14, 0.315, 0.85, 0.02),)),
        Part("accent", (box(0.66, 0.135, 0.685, 0.855),)),
    ]


WEARABLES: dict[str, Callable[[int], list[Part]]] = {
    "tote": _tote,
    "backpack": _backpack,
    "umbrella": _umbrella,
    "shirt": _shirt,
    "sneaker": _sneaker,
    "cap": _cap,
    "socks": _socks,
    "notebook": _notebook,
}
