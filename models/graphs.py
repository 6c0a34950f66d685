"""Who bought what, and which items are alike, as graphs that smooth vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.graph_kernels import largest, spmm, spmm_onto
from models.ranking import UserItems

__all__ = ["Bipartite", "Sparse", "nearest"]

FloatArray = npt.NDArray[np.float32]
_BLOCK = 1 << 22  # similarities at a time: 16 MB


@dataclass(frozen=True)
class Sparse:
    """A sparse matrix in compressed rows, and its transpose likewise, so that gradients flow back as fast as vectors forth.

    ``rows``: columns of each row, ``weight`` float32 one entry each; ``back``, ``back_weight``: the transpose.
    """

    rows: UserItems
    weight: FloatArray
    back: UserItems
    back_weight: FloatArray

    @classmethod
    def from_pairs(cls, pairs: npt.NDArray[np.int32], weight: FloatArray, shape: tuple[int, int]) -> Sparse:
        """From distinct (row, column) pairs, int32 (nnz, 2), with a weight each."""
        order, order_back = np.lexsort((pairs[:, 1], pairs[:, 0])), np.lexsort((pairs[:, 0], pairs[:, 1]))
        rows, back = UserItems.from_pairs(pairs, shape[0]), UserItems.from_pairs(pairs[:, ::-1], shape[1])
        weight = np.asarray(weight, dtype=np.float32)
        return cls(rows, weight[order], back, weight[order_back])

    def dot(self, dense: FloatArray) -> FloatArray:
        """The matrix times (n_columns, width)."""
        out = np.empty((self.rows.n_users, dense.shape[1]), dtype=np.float32)
        spmm(self.rows.start, self.rows.items, self.weight, dense, out)
        return out

    def transposed_dot(self, dense: FloatArray) -> FloatArray:
        """The transpose times (n_rows, width)."""
        out = np.empty((self.back.n_users, dense.shape[1]), dtype=np.float32)
        spmm(self.back.start, self.back.items, self.back_weight, dense, out)
        return out


@dataclass(frozen=True)
class Bipartite:
    """Users against the items they bought, each edge weighted 1 / sqrt(|items of u| |users of i|); ``edges`` is (users, items)."""

    edges: Sparse

    @classmethod
    def from_pairs(cls, pairs: npt.NDArray[np.int32], n_users: int, n_items: int) -> Bipartite:
        """From distinct (user, item) pairs, int32 (n_pairs, 2)."""
        ends = np.bincount(pairs[:, 0], minlength=n_users)[pairs[:, 0]] * np.bincount(pairs[:, 1], minlength=n_items)[pairs[:, 1]]
        return cls(Sparse.from_pairs(pairs, 1 / np.sqrt(ends), (n_users, n_items)))

    def mean_of_layers(
        self, users: FloatArray, items: FloatArray, layers: int, rooms: Sequence[tuple[FloatArray, FloatArray]] = ()
    ) -> tuple[FloatArray, FloatArray]:
        """Mean of the vectors after 0 to ``layers`` >= 1 products; float32 (n_users, width) and (n_items, width).

        The operator is symmetric: the gradient of its input is the same operator on the gradient of its output. ``rooms``: two
        pairs of arrays that are written to, one of which is returned; without them new ones are.
        """
        both, graph = (users, items), self.edges
        for left in range(layers, 0, -1):  # E + AE + AAE = E + A (E + AE): one array, no sum beside it
            out = rooms[left % 2] if rooms else (np.empty_like(users), np.empty_like(items))
            factor = np.float32(1 / (1 + layers) if left == 1 else 1.0)
            spmm_onto(graph.rows.start, graph.rows.items, graph.weight, both[1], users, factor, out[0])
            spmm_onto(graph.back.start, graph.back.items, graph.back_weight, both[0], items, factor, out[1])
            both = out
        return both


def nearest(values: FloatArray, present: npt.NDArray[np.bool_], k: int) -> Sparse:
    """Row i: the ``k`` items nearest to item i by cosine, itself among them, weighted 1 / k; (n_items, n_items).

    ``values`` float32 (n_items, f); ``present`` bool (n_items,): an absent item has itself as its only neighbour. Cost:
    n_items^2 f operations, in blocks of rows.
    """
    rows = np.flatnonzero(present)
    unit = values[rows] / np.maximum(np.linalg.norm(values[rows], axis=1, keepdims=True), 1e-12)
    k = min(k, len(rows))
    found = np.empty((len(rows), k), dtype=np.int32)
    block = max(1, _BLOCK // max(len(rows), 1))
    for begin in range(0, len(rows) if k else 0, block):
        largest(unit[begin : begin + block] @ unit.T, found[begin : begin + block])
    absent = np.flatnonzero(~present)
    near = np.column_stack([np.repeat(rows, k), rows[found].ravel()])
    pairs = np.concatenate([near, np.column_stack([absent, absent])]).astype(np.int32)
    weight = np.concatenate([np.full(len(near), 1 / max(k, 1)), np.ones(len(absent))])
    return Sparse.from_pairs(pairs, weight, (len(values), len(values)))
