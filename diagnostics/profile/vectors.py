"""Faults of ready-made vectors: rows of zero, of one number, of the mean or off the scale, one row on many unrelated items."""

from __future__ import annotations

import numpy as np

from diagnostics.config import threshold
from diagnostics.profile.checks import Check, above
from diagnostics.profile.kinship import Kinship, group_items
from diagnostics.profile.neighbours import dimension_scale, off_scale
from diagnostics.schema import FeatureBlock

__all__ = ["check_vectors"]

_ENOUGH_DIMENSIONS = 4  # with fewer, a real item may well lie at the mean
_TIES = ("title", "id", "bought_together")  # not the category: filling gaps with the category's mean is what we look for


def check_vectors(check: Check, block: FeatureBlock, kinship: Kinship) -> None:
    """Look for imputation that hides behind real numbers."""
    if "reason" in block.facts:
        check.add_issue("vector_not_finite", block.facts["reason"] == "not_finite")
    rows = np.flatnonzero(block.present)
    if len(rows) == 0:
        return
    values = block.values[rows].astype(np.float64)
    zero, constant, average = (np.zeros(len(block.present), dtype=bool) for _ in range(3))
    times = np.zeros(len(block.present))
    if values.shape[1] >= _ENOUGH_DIMENSIONS:  # a few plain numbers, such as a price, may well span orders of magnitude
        times[rows] = off_scale(block.values[rows])
    usual = values[times[rows] == 0]
    zero[rows] = ~values.any(axis=1)
    size = np.sqrt(np.mean(values**2, axis=1))
    least = threshold("near_constant")
    if values.shape[1] >= _ENOUGH_DIMENSIONS:
        constant[rows] = (values.std(axis=1) <= least * size) & (size > 0)
    scale = dimension_scale(block.values[rows])
    deviations = (values - usual.mean(axis=0)) / scale
    typical = np.sqrt(np.mean(deviations[times[rows] == 0] ** 2))
    if values.shape[1] >= _ENOUGH_DIMENSIONS and typical > 0:
        average[rows] = np.sqrt(np.mean(deviations**2, axis=1)) <= threshold("mean_vector_distance") * typical
        average &= ~zero & ~constant
    if constant[rows].all():  # a modality of one number many times over: odd, and no gap among values
        constant[:] = False
    check.disguised |= zero | constant | average | (times > 0)
    check.add_issue("zero_vector", zero)
    check.add_issue("constant_vector", constant)
    check.add_issue("mean_vector", average)
    check.add_issue("off_scale_vector", times > 0, above(times, threshold("row_norm_extreme")))
    alike = np.zeros(len(block.present), dtype=bool)
    alike[rows] = len(rows) > 1 and bool(0 < typical <= least * np.sqrt(np.mean((usual / scale) ** 2)))
    check.add_issue("near_constant_vectors", alike)

    others = rows[~(zero | constant | average | (times > 0))[rows]]
    raw = np.ascontiguousarray(block.values[others] + np.float32(0))  # + 0 turns -0 into 0
    keys = raw.view(np.dtype((np.void, raw.shape[1] * raw.itemsize))).ravel()
    code = np.full(len(block.present), -1)
    code[others] = np.unique(keys, return_inverse=True)[1]
    strangers, kin = kinship.split(group_items(code, others, int(threshold("copy_min_items"))), ties=_TIES)
    check.disguised |= check.add_groups(("copied_vectors", "variants_share_vector"), strangers, kin)
