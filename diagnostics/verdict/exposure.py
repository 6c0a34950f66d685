"""Are incomplete products shown less than complete ones that sell as often (C11)?"""

from __future__ import annotations

import numpy as np

from diagnostics.config import threshold
from diagnostics.schema import Exposure, ModalityProfile
from diagnostics.stats.ratios import estimate_ratio
from diagnostics.verdict.measures import Measures

__all__ = ["exposure_of"]

_EXACT = 8  # training purchases up to which only equals are compared; above, within a quarter of an octave


def exposure_of(measures: Measures, profile: ModalityProfile) -> Exposure | None:
    """The joint model's lists, mean over seeds; None where too few products are incomplete or have a match.

    Each incomplete product is compared with the mean of all complete products that were bought as often in training. The interval
    is over products.
    """
    shown = measures.run.stacked(measures.arm(measures.modalities), "exposure", seeds=measures.seeds)
    if not shown.size:
        return None
    catalog, split = measures.dataset.catalog, measures.dataset.split
    real = profile.real(catalog)
    sold = np.bincount(split.train[:, 1], minlength=split.n_items)
    rank = np.where(sold <= _EXACT, sold, _EXACT + np.ceil(4 * np.log2(np.maximum(sold, 1) / _EXACT))).astype(np.int64)
    places = shown.mean(axis=0)
    n_complete = np.bincount(rank[real], minlength=rank.max() + 1)
    usual = np.bincount(rank[real], weights=places[real], minlength=rank.max() + 1) / np.maximum(n_complete, 1)
    matched = ~real & (n_complete[rank] >= threshold("exposure_matches"))
    if matched.sum() < threshold("exposure_items") or usual[rank[matched]].sum() <= 0:
        return None
    items = np.flatnonzero(matched)
    ratio = estimate_ratio(places[items], usual[rank[items]], items, unit="ratio")
    return Exposure(ratio=ratio, n_incomplete=int((~real).sum()), n_matched=len(items))
