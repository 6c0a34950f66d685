"""Faults of attributes and prices: words that stand for nothing, and prices far from those of like items."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from diagnostics.config import threshold
from diagnostics.profile.checks import Check
from diagnostics.profile.text import STAND_INS

__all__ = ["check_attributes"]

_SMALL_CATEGORY = 20
_REST = frozenset({"other", "others", "misc", "miscellaneous", "その他", "他"})  # one column may say so; all of them say nothing


def check_attributes(check: Check) -> None:
    """Look at the attribute columns and the price."""
    catalog = check.catalog
    if catalog.attributes:
        hollow, vague = (np.zeros(catalog.n_items, dtype=np.int64) for _ in range(2))
        filled = np.zeros(catalog.n_items, dtype=np.int64)
        for column in catalog.attributes.values():
            words = ["" if value is None else value.strip().casefold() for value in column]
            filled += np.array([bool(word) for word in words])
            hollow += np.array([word in STAND_INS for word in words])
            vague += np.array([word in _REST for word in words])
        nothing = (filled > 0) & (hollow + vague == filled) & ((hollow > 0) | (vague > 1))
        check.disguised |= nothing
        check.add_issue("stand_in_word", (hollow > 0) | nothing, hollow + vague)
    if catalog.price is not None:
        check.add_issue("price_not_positive", catalog.price <= 0)
        distance = _price_distance(catalog.price, catalog.category)
        check.add_issue("price_outlier", distance > threshold("price_outlier"), distance)


def _price_distance(price: NDArray[np.float64], category: NDArray[np.object_] | None) -> NDArray[np.float64]:
    """How far each log price lies from the median of its category, in robust deviations (1.4826 x MAD); 0 where unknown.

    Categories of fewer than 20 priced items are compared with the whole catalog. The deviation is at least 10 % of a price.
    """
    known = np.isfinite(price) & (price > 0)
    logarithm = np.log(np.where(known, price, 1.0))
    groups = np.zeros(len(price), dtype=np.int64)
    if category is not None:
        names = np.array(["" if value is None else value for value in category], dtype=str)
        groups = np.unique(names, return_inverse=True)[1]
        small = np.bincount(groups[known], minlength=groups.max(initial=0) + 1) < _SMALL_CATEGORY
        groups = np.where(small[groups], -1, groups)
    distance = np.zeros(len(price))
    for group in np.unique(groups[known]):
        members = known & (groups == group)
        sample = logarithm[known] if group == -1 else logarithm[members]
        centre = np.median(sample)
        spread = max(1.4826 * float(np.median(np.abs(sample - centre))), 0.1)
        distance[members] = np.abs(logarithm[members] - centre) / spread
    return distance
