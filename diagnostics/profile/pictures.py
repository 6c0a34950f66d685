"""Faults of pictures: unreadable, tiny, dark, blurred, flat, and one picture on many unrelated items."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from diagnostics.config import threshold
from diagnostics.profile.checks import Check
from diagnostics.profile.kinship import Kinship, group_items
from diagnostics.schema import FeatureBlock

__all__ = ["check_pictures"]

_TIES = ("title", "id", "bought_together")  # not the category: a drawing of a shoe on every shoe is a stand-in too


def check_pictures(check: Check, block: FeatureBlock, kinship: Kinship) -> None:
    """Judge the facts that were noted while encoding; no picture is opened again."""
    facts, present = block.facts, block.present
    if "digest" not in facts:
        return
    for reason in ("unreadable", "too_large"):
        check.add_issue(f"picture_{reason}", facts["reason"] == reason)
    side = np.minimum(facts["width"], facts["height"])
    tiny = present & (side < threshold("tiny_picture_side"))
    check.add_issue("tiny_picture", tiny, -side)
    check.add_issue("dark_picture", present & (facts["brightness"] < threshold("dark_brightness")), -facts["brightness"])
    flat = present & (facts["contrast"] < threshold("flat_contrast"))
    check.disguised |= flat
    check.add_issue("flat_picture", flat, -facts["contrast"])
    detail = facts["sharpness"] / np.maximum(facts["contrast"], 1e-3) ** 2
    check.add_issue("blurred_picture", present & ~flat & ~tiny & (detail < threshold("blurred_detail")), -detail)
    copies = np.zeros(len(present), dtype=bool)
    for group in group_items(facts["digest"], np.flatnonzero(present), 2):
        copies[group[1:]] = True
    check.add_issue("duplicate_picture", copies)

    strangers, kin = kinship.split(_alike(block, present & ~flat), ties=_TIES)
    check.add_groups(("placeholder_pictures", "variants_share_picture"), strangers, kin)


def _alike(block: FeatureBlock, eligible: NDArray[np.bool_]) -> Iterator[NDArray[np.int64]]:
    """Groups of items with one picture: the same bytes, or the same hash and nearly the same features (saved anew, resized)."""
    at_least = int(threshold("copy_min_items"))
    for group in group_items(block.facts["fingerprint"], np.flatnonzero(eligible), at_least):
        rows = block.values[group].astype(np.float64)
        rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
        left = np.arange(len(group))
        while len(left) >= at_least:
            digests, counts = np.unique(block.facts["digest"][group[left]], return_counts=True)
            common = left[block.facts["digest"][group[left]] == digests[counts.argmax()]][0]
            close = rows[left] @ rows[common] >= threshold("same_picture_cosine")
            if close.sum() >= at_least:
                yield group[left[close]]
            left = left[~close]
