"""Who bought what, and which items are alike, as graphs that smooth vectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.kernels import spmm
from models.ranking import UserItems

__all__ = ["Bipartite", "Neighbours"]

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Bipartite:
    """Users' items and items' users in compressed rows, each edge weighted 1 / sqrt(|items of u| |users of i|).

    ``user_weight`` float32 has one entry per edge of ``users``, ``item_weight`` per edge of ``items``.
    """

    users: UserItems
    items: UserItems
    user_weight: FloatArray
    item_weight: FloatArray

    @classmethod
    def from_pairs(cls, pairs: npt.NDArray[np.int32], n_users: int, n_items: int) -> Bipartite:
        """From distinct (user, item) pairs, int32 (n_pairs, 2)."""
        users, items = UserItems.from_pairs(pairs, n_users), UserItems.from_pairs(pairs[:, ::-1], n_items)
        of_user, of_item = (1 / np.sqrt(np.maximum(side.counts, 1)) for side in (users, items))

        def weight(side: UserItems, mine: npt.NDArray[np.float64], theirs: npt.NDArray[np.float64]) -> FloatArray:
            return (np.repeat(mine, side.counts) * theirs[side.items]).astype(np.float32)

        return cls(users, items, weight(users, of_user, of_item), weight(items, of_item, of_user))

    def step(self, users: FloatArray, items: FloatArray) -> tuple[FloatArray, FloatArray]:
        """One product with the symmetrically normalised graph: users take from their items, items from their users."""
        to_users, to_items = np.empty_like(users), np.empty_like(items)
        spmm(self.users.start, self.users.items, self.user_weight, items, to_users)
        spmm(self.items.start, self.items.items, self.item_weight, users, to_items)
        return to_users, to_items

    def mean_of_layers(self, users: FloatArray, items: FloatArray, layers: int) -> tuple[FloatArray, FloatArray]:
        """Mean of the vectors after 0 to ``layers`` products; float32 (n_users, width) and (n_items, width).

        The operator is symmetric: the gradient of its input is the same operator on the gradient of its output.
        """
        total_users, total_items = users.copy(), items.copy()
        for _ in range(layers):
            users, items = self.step(users, items)
            total_users += users
            total_items += items
        scale = np.float32(1 / (1 + layers))
        total_users *= scale
        total_items *= scale
        return total_users, total_items


_BLOCK = 1 << 22  # similarities at a time: 16 MB


@dataclass(frozen=True)
class Neighbours:
    """Each item's nearest items by content, in compressed rows with weights that sum to 1, and the same turned round.

    An item that cannot be compared has itself as its only neighbour.
    """

    near: UserItems
    weight: FloatArray
    near_back: UserItems
    weight_back: FloatArray

    @classmethod
    def nearest(cls, values: FloatArray, present: npt.NDArray[np.bool_], k: int) -> Neighbours:
        """The ``k`` nearest by cosine among present items, itself among them as in the authors' graphs.

        ``values`` float32 (n_items, f); ``present`` bool (n_items,). Cost: n_items^2 f operations, in blocks of rows.
        """
        rows = np.flatnonzero(present)
        unit = values[rows] / np.maximum(np.linalg.norm(values[rows], axis=1, keepdims=True), 1e-12)
        k = min(k, len(rows))
        found = np.empty((len(rows), k), dtype=np.int64)
        block = max(1, _BLOCK // max(len(rows), 1))
        for begin in range(0, len(rows) if k else 0, block):
            likeness = unit[begin : begin + block] @ unit.T
            found[begin : begin + block] = np.argpartition(-likeness, k - 1, axis=1)[:, :k]
        absent = np.flatnonzero(~present)
        pairs = np.concatenate(
            [np.column_stack([np.repeat(rows, k), rows[found].ravel()]), np.column_stack([absent, absent])]
        ).astype(np.int32)
        near, back = UserItems.from_pairs(pairs, len(values)), UserItems.from_pairs(pairs[:, ::-1], len(values))
        share = (1 / np.maximum(near.counts, 1)).astype(np.float32)
        return cls(near, np.repeat(share, near.counts), back, share[back.items])

    def average(self, vectors: FloatArray) -> FloatArray:
        """For each item the weighted sum of its neighbours' vectors; float32 (n_items, width)."""
        out = np.empty_like(vectors)
        spmm(self.near.start, self.near.items, self.weight, vectors, out)
        return out

    def spread(self, gradient: FloatArray) -> FloatArray:
        """The transpose of ``average``: the gradient of its input from that of its output."""
        out = np.empty_like(gradient)
        spmm(self.near_back.start, self.near_back.items, self.weight_back, gradient, out)
        return out
