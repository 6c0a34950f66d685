"""Training triples (user, bought item, not bought item)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.kernels import sample_unseen
from models.ranking import UserItems

__all__ = ["Sampler", "Triples"]

IndexArray = npt.NDArray[np.int32]

EXTRA_USERS, EXTRA_ITEMS = 256, 512
"""How many users and items a batch's extra triples are made of. Every triple is uniform still, but a step computes fewer rows."""


@dataclass(frozen=True)
class Triples:
    """Parallel int32 arrays (n,). The first ``n_bpr`` are (user, bought, not bought); the rest are any user and any two items."""

    user: IndexArray
    positive: IndexArray
    negative: IndexArray
    n_bpr: int


class Sampler:
    """Draws an epoch of shuffled training pairs with one uniform unseen negative each.

    Parameters
    ----------
    train : distinct pairs, int32 (n_pairs, 2)
    n_extra : uniform triples appended to each batch, for balancers that distil on them
    seed : everything drawn depends on it and on the epoch only
    """

    def __init__(self, train: IndexArray, n_users: int, n_items: int, *, batch_size: int, n_extra: int, seed: int) -> None:
        self._users, self._items = np.array(train.T, dtype=np.int32, order="C")
        self._seen = UserItems.from_pairs(train, n_users)
        self._n_users, self._n_items = n_users, n_items
        self._batch_size, self._n_extra, self._seed = batch_size, n_extra, seed

    def epochs(self, done: int, n: int, between: Callable[[], None] = lambda: None) -> Iterator[Triples]:
        """The batches of the ``n`` epochs that follow on ``done``; ``between`` is called from one epoch to the next."""
        for epoch in range(done + 1, done + n + 1):
            if epoch > done + 1:
                between()
            yield from self.epoch(epoch)

    def epoch(self, epoch: int) -> Iterator[Triples]:
        """The batches of one epoch (1-based)."""
        rng = np.random.default_rng([self._seed, epoch])
        state = rng.integers(0, 2**63, 1).astype(np.uint64)
        order = rng.permutation(len(self._users))
        for begin in range(0, len(order), self._batch_size):
            pairs = order[begin : begin + self._batch_size]
            user, positive, negative = self._users[pairs], self._items[pairs], np.empty(len(pairs), dtype=np.int32)
            sample_unseen(user, self._seen.start, self._seen.items, self._n_items, state, negative)
            if self._n_extra:
                users = rng.integers(0, self._n_users, EXTRA_USERS, dtype=np.int32)
                items = rng.integers(0, self._n_items, EXTRA_ITEMS, dtype=np.int32)
                user = np.concatenate([user, rng.choice(users, self._n_extra)])
                positive = np.concatenate([positive, rng.choice(items, self._n_extra)])
                negative = np.concatenate([negative, rng.choice(items, self._n_extra)])
            yield Triples(user, positive, negative, len(pairs))
