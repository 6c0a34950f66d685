"""Many questions at once: p-values corrected so that asking more does not find more."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["benjamini_hochberg", "holm"]

Array = npt.NDArray[np.float64]


def holm(p_values: npt.ArrayLike) -> Array:
    """Adjusted p-values (n,): below a level for any false claim with at most that chance, whatever depends on what.

    Source: Holm, "A simple sequentially rejective multiple test procedure", 1979.
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def benjamini_hochberg(p_values: npt.ArrayLike) -> Array:
    """Adjusted p-values (n,): among those below a level, at most that share is false on average.

    Source: Benjamini and Hochberg, "Controlling the false discovery rate", 1995.
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")[::-1]
    stepped = np.minimum.accumulate(p[order] * len(p) / np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted
