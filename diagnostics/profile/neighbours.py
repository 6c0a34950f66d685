"""Which items are alike: unit vectors, and for each item its nearest by cosine, exact."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from diagnostics.config import threshold
from diagnostics.schema import BoolArray, FloatArray, IndexArray
from diagnostics.seeds import generator
from models.graph_kernels import nearest_rows

__all__ = ["NEAREST", "Neighbours", "dimension_scale", "off_scale", "unit_rows"]

NEAREST = 10
"""How many neighbours every measure looks at."""

_DEEPER = 32  # kept per item, so that a part of the items still finds its ten without a new search
_BLOCK = 512
_SIZED = 1000  # rows that tell the size of a dimension
_EQUAL = np.float32(2e-6)  # cosines in float32 are known to about this

Items = npt.NDArray[np.int64]


def unit_rows(values: FloatArray, present: BoolArray) -> FloatArray:
    """Rows centred on the mean present item and scaled to length 1; 0 for absent items and for the mean itself.

    Rows of another order of magnitude have no say in the mean, nor in what is nothing: one of them would make all the others look
    alike.
    """
    result = np.zeros_like(values)
    known = values[present]
    usual = off_scale(known) == 0
    result[present] = known - known[usual].mean(axis=0, dtype=np.float64).astype(np.float32)
    norms = np.linalg.norm(result, axis=1, keepdims=True)
    scale = float(norms[present][usual].max(initial=0.0))
    return np.divide(result, norms, out=np.zeros_like(result), where=norms > 1e-6 * scale)


def off_scale(values: FloatArray) -> npt.NDArray[np.float64]:
    """How many times longer or shorter than usual the rows of another order of magnitude are; 0 for all others; float64 (n,).

    Another order of magnitude: more than ``row_norm_extreme`` times the median length or less than its inverse, and further from it
    than six times the median distance, in logarithms, for lengths may differ by custom. A row of zeros has no length. A dimension
    in another unit has no larger say than the others.
    """
    lengths = np.sqrt(np.einsum("ij,ij,j->i", values, values, dimension_scale(values).astype(np.float64) ** -2, dtype=np.float64))
    result = np.zeros(len(lengths))
    some = lengths > 0
    if some.any():
        size = np.log(lengths[some])
        away = np.abs(size - np.median(size))
        limit = max(np.log(threshold("row_norm_extreme")), 6 * np.median(away))
        result[some] = np.where(away > limit, np.exp(away), 0.0)
    return result


def dimension_scale(values: FloatArray) -> FloatArray:
    """How many times larger than the usual dimension each one is; 1 for the usual and all smaller ones; float32 (d,).

    A dimension's size is the median of its numbers other than 0, without their sign: damaged rows do not move it. On at most some
    thousand rows, evenly spaced.
    """
    if len(values) == 0:
        return np.ones(values.shape[1], dtype=np.float32)
    size = np.sort(np.abs(values[:: max(len(values) // _SIZED, 1)]), axis=0)
    some = np.count_nonzero(size, axis=0)
    middle = np.take_along_axis(size, (len(size) - 1 - some // 2)[None], axis=0)[0]
    usual = float(np.median(middle[some > 0])) if some.any() else 0.0
    return np.maximum(middle / usual, 1.0).astype(np.float32) if usual else np.ones(len(some), dtype=np.float32)


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
