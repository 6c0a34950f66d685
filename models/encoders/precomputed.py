"""Vectors that the shop made itself: passed through after a check."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from models.encoders.protocol import Encoded, Step

__all__ = ["PrecomputedEncoder"]


class PrecomputedEncoder:
    """Takes ready-made vectors as they are; a row with a number that is not finite is an absent item."""

    name: ClassVar[str] = "precomputed"
    version: ClassVar[str] = "1"

    def encode(self, values: ArrayLike, *, step: Step | None = None) -> Encoded:
        """float32 (n_items, d) from any real (n_items, d).

        ``reason`` tells a row all of NaN (``missing``) from one in which only some numbers are bad (``not_finite``).

        Raises
        ------
        ValueError
            The array is not two-dimensional, has no column, or holds no real numbers.
        """
        array = np.asarray(values)
        if array.ndim != 2 or array.shape[1] == 0 or array.dtype.kind not in "fiub":
            raise ValueError("ready-made vectors must be real numbers in rows (items) and columns")
        with np.errstate(over="ignore"):
            result = array.astype(np.float32)
        present = np.asarray(np.isfinite(result).all(axis=1))
        reason = np.where(present, "", np.where(np.isnan(result).all(axis=1), "missing", "not_finite"))
        result[~present] = np.nan
        if step:
            step(1.0)
        return Encoded(result, present, {"reason": reason})
