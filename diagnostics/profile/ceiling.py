"""How much of what purchases know of a product its content foretells (A9): the ceiling for new products."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from diagnostics.config import threshold
from diagnostics.profile.views import Collaborative, View
from diagnostics.schema import NewItemCeiling
from diagnostics.seeds import generator, seed_for
from diagnostics.stats.prediction import held_out_r2

__all__ = ["new_item_ceiling"]


def new_item_ceiling(view: View, bought: Collaborative, products: npt.NDArray[np.int64]) -> NewItemCeiling | None:
    """Held-out R2 of a ridge regression from content to collaborative factors, and the same with the content shuffled.

    On items with at least ``factor_min_rows`` buyers in training; a product's variants are held out together, for a colour of a
    known product is not new. Factors of items with few buyers are partly noise, so even perfect content stays below 1. None for
    fewer than ``signal_min_items`` items.
    """
    items = np.intersect1d(view.items, bought.items, assume_unique=True)
    if len(items) < threshold("signal_min_items"):
        return None
    content = view.components[view.at(items)]
    factors = bought.factors[np.searchsorted(bought.items, items)]
    seed, family = seed_for(view.seed, "ceiling", view.name), products[items]
    shuffled = content[generator(view.seed, "ceiling floor", view.name).permutation(len(items))]
    return NewItemCeiling(
        r2=held_out_r2(content, factors, family, seed=seed), floor=held_out_r2(shuffled, factors, family, seed=seed)
    )
