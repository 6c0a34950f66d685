"""Which items are alike: unit vectors, and for each item its nearest by cosine, exact."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from diagnostics.schema import BoolArray, FloatArray, IndexArray
from diagnostics.seeds import generator
from models.graph_kernels import nearest_rows

__all__ = ["NEAREST", "Neighbours", "unit_rows"]

NEAREST = 10
"""How many neighbours every measure looks at."""

_DEEPER = 32  # kept per item, so that a part of the items still finds its ten without a new search
_BLOCK = 512
_EQUAL = np.float32(2e-6)  # cosines in float32 are known to about this

Items = npt.NDArray[np.int64]


def unit_rows(values: FloatArray, present: BoolArray) -> FloatArray:
    """Rows centred on the mean present item and scaled to length 1; 0 for absent items and for the mean itself."""
    result = np.zeros_like(values)
    result[present] = values[present] - values[present].mean(axis=0, dtype=np.float64).astype(np.float32)
    norms = np.linalg.norm(result, axis=1, keepdims=True)
    scale = float(norms.max(initial=0.0))
    return np.divide(result, norms, out=np.zeros_like(result), where=norms > 1e-6 * scale)


@dataclass(frozen=True)
class Neighbours:
    """The nearest items of each item by cosine, exact up to float32; ties are broken at random, by the seed.

    Attributes
    ----------
    unit : float32 (n, d), rows of length 1

    Notes
    -----
    Cost: one product (n, d) x (d, n) in blocks; memory n x 512 numbers. The neighbours among a part of the items come from the same
    table, searched anew only where fewer than ten of the nearest 32 belong to the part.
    """

    unit: FloatArray
    seed: int = 0

    @cached_property
    def table(self) -> IndexArray:
        """The nearest rows of each row, best first; int32 (n, min(32, n - 1))."""
        everything = np.arange(len(self.unit))
        return self._search(everything, everything, min(_DEEPER, len(self.unit) - 1))

    def among(self, rows: Items) -> IndexArray:
        """For each of some rows (sorted) its ten nearest among them, as positions in ``rows``; int32 (n, 10).

        ``rows`` must be more than ten.
        """
        if len(rows) == len(self.unit):
            return self.table[:, :NEAREST]
        place = np.full(len(self.unit), -1, dtype=np.int32)
        place[rows] = np.arange(len(rows))
        near = place[self.table[rows]]
        inside = near >= 0
        first = np.argsort(~inside, axis=1, kind="stable")[:, :NEAREST]
        result = np.take_along_axis(near, first, axis=1)
        short = np.flatnonzero(inside.sum(axis=1) < NEAREST)
        if result.shape[1] < NEAREST:
            short = np.arange(len(rows))
            result = np.empty((len(rows), NEAREST), dtype=np.int32)
        if len(short):
            result[short] = self._search(rows[short], rows, NEAREST)
        return result

    def _search(self, queries: Items, rows: Items, k: int) -> IndexArray:
        rng = generator(self.seed, "neighbours", len(rows))
        order = rng.permutation(len(rows))  # so that ties fall at random
        unit = self.unit[rows[order]]
        own = np.argsort(order)[np.searchsorted(rows, queries)]
        found = np.empty((len(queries), k), dtype=np.int32)
        for begin in range(0, len(queries), _BLOCK):
            block = slice(begin, begin + _BLOCK)
            scores = self.unit[queries[block]] @ unit.T
            nearest_rows(scores, own[block], rng.integers(0, len(rows), len(scores)), _EQUAL, found[block])
        return order.astype(np.int32)[found]
