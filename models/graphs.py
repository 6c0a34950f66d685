"""Who bought what as a graph, and its smoothing of vectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.kernels import spmm
from models.ranking import UserItems

__all__ = ["Bipartite"]

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
