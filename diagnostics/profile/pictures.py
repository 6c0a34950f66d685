"""Faults of pictures: unreadable, odd in size or colour, dark, burnt out, blurred, empty, used twice, or standing in for none."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from diagnostics.config import threshold
from diagnostics.profile.checks import Check, Groups, above, below
from diagnostics.profile.kinship import Kinship, group_items
from diagnostics.profile.likeness import gather, near_pictures
from diagnostics.schema import BoolArray, FeatureBlock

__all__ = ["check_pictures"]

_TIES = ("title", "id", "bought_together")  # not the category: a drawing of a shoe on every shoe is a stand-in too
_USUAL_MODES = ("RGB", "L")  # grey ones are judged by what they show; all else is printers' or scanners' business
_FINE_WHERE_USUAL = ("P", "RGBA", "LA", "PA")

Facts = dict[str, NDArray]


def check_pictures(check: Check, block: FeatureBlock, kinship: Kinship) -> None:
    """Judge the facts that ``models.encoders.glance`` noted; no picture is opened again. Cost: linear, plus 28 sorts."""
    if "digest" not in block.facts:
        return
    facts: Facts = dict(block.facts)
    reason = facts.get("picture", facts["reason"])
    seen = reason == ""
    check.value = _described(check, facts)
    for code in ("unreadable", "too_large"):
        check.add_issue(f"picture_{code}", reason == code)
    tiny = _sizes(check, facts, seen)
    flat = seen & (facts["contrast"] < threshold("flat_contrast"))
    check.disguised |= flat
    check.add_issue("flat_picture", flat, below(facts["contrast"], threshold("flat_contrast")))
    _light(check, facts, seen & ~flat)
    detail = facts["sharpness"] / np.maximum(facts["contrast"], 1e-3) ** 2
    blurred = seen & ~flat & ~tiny & (detail < threshold("blurred_detail"))
    check.add_issue("blurred_picture", blurred, below(detail, threshold("blurred_detail")))
    _channels(check, facts, seen & ~flat)
    _doubles(check, facts, seen & ~flat, kinship)


def _described(check: Check, facts: Facts) -> Callable[[int], str]:
    images = check.catalog.images

    def value(item: int) -> str:
        source = None if images is None else images[item]
        name = "" if source is None else source.member or source.path.name
        width, height = facts["width"][item], facts["height"][item]
        return f"{name} {width}x{height}".strip() if width else name

    return value


def _sizes(check: Check, facts: Facts, seen: BoolArray) -> BoolArray:
    """Tiny ones are bad in any shop; odd sizes and shapes are odd beside the shop's usual picture."""
    width, height = (np.maximum(facts[side], 1).astype(np.float64) for side in ("width", "height"))
    shorter = np.minimum(width, height)
    tiny = np.asarray(seen & (shorter < threshold("tiny_picture_side")))
    check.add_issue("tiny_picture", tiny, below(shorter, threshold("tiny_picture_side")))
    if not seen.any():
        return tiny
    side = np.sqrt(width * height)
    away = np.exp(np.abs(np.log(side / np.median(side[seen]))))
    check.add_issue("odd_size_picture", seen & ~tiny & (away > threshold("odd_size")), above(away, threshold("odd_size")))
    shape = np.maximum(width, height) / shorter
    limit = max(threshold("odd_aspect"), 2 * float(np.median(shape[seen])))
    check.add_issue("odd_shape_picture", seen & (shape > limit), above(shape, limit))
    return tiny


def _light(check: Check, facts: Facts, seen: BoolArray) -> None:
    """Dark, burnt out, or so few shades that nothing can be made out."""
    dark = seen & (facts["brightness"] < threshold("dark_brightness"))
    check.add_issue("dark_picture", dark, below(facts["brightness"], threshold("dark_brightness")))
    white = threshold("overexposed_shade")
    light = seen & (facts["darkest"] > white)
    check.add_issue("overexposed_picture", light, below(255 - facts["darkest"], 255 - white))
    poor = seen & ~dark & ~light & (facts["entropy"] < threshold("poor_entropy"))
    check.add_issue("poor_picture", poor, below(facts["entropy"], threshold("poor_entropy")))


def _channels(check: Check, facts: Facts, seen: BoolArray) -> None:
    """Grey pictures in a shop of colour, and channels that web pages do not use or this shop does not."""
    total = max(int(seen.sum()), 1)
    rare = threshold("rare_kind")
    grey = seen & (facts["chroma"] <= threshold("grey_chroma"))
    if grey.sum() < rare * total:
        check.add_issue("grey_picture", grey)
    odd = seen & ~np.isin(facts["mode"], (*_USUAL_MODES, *_FINE_WHERE_USUAL))
    for mode in _FINE_WHERE_USUAL:
        stored = seen & (facts["mode"] == mode)
        if stored.sum() < rare * total:
            odd |= stored
    check.add_issue("odd_channels", odd)


def _doubles(check: Check, facts: Facts, seen: BoolArray, kinship: Kinship) -> None:
    """The same file twice, nearly the same picture twice, and one picture on many strangers: a placeholder."""
    items = np.flatnonzero(seen)
    copies = np.zeros(len(seen), dtype=bool)
    for group in group_items(facts["digest"], items, 2):
        copies[group[1:]] = True
    check.add_issue("duplicate_picture", copies)

    groups = _same_picture(facts, items)
    near = np.zeros(len(seen), dtype=bool)
    for group in groups:
        near[group[1:]] = True
    check.add_issue("near_duplicate_picture", near & ~copies)
    many = [group for group in groups if len(group) >= threshold("copy_min_items")]
    strangers, kin = kinship.split(many, ties=_TIES)
    check.disguised |= check.add_groups(("placeholder_pictures", "variants_share_picture"), strangers, kin)


def _same_picture(facts: Facts, items: NDArray[np.int64]) -> Groups:
    """Groups of items that show one picture: the same file, or saved anew or resized; each group in catalog order."""
    if len(items) == 0:
        return []
    first, file_of, weight = np.unique(facts["digest"][items], return_index=True, return_inverse=True, return_counts=True)[1:]
    files = items[first]
    pairs, alike = near_pictures(facts["fingerprint"][files], facts["thumb"][files])
    picture_of = np.arange(len(files))
    for group in gather(len(files), pairs, weight, alike):
        picture_of[group] = group[0]
    showing = np.full(len(facts["digest"]), -1)
    showing[items] = picture_of[file_of]
    return group_items(showing, items, 2)
