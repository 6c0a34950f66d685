"""How well similar products alone predict what a customer chooses (A5), and the floors that any value must beat.

A customer's profile is the mean of the unit vectors of the items they have in training; an item scores by its cosine with it.
Vectors are centred on the mean item first. Full ranking: every item is a candidate, training items are masked; an item without
the modality cannot be recommended by it, and stays among the items to be found.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from diagnostics.config import threshold
from diagnostics.profile.neighbours import unit_rows
from diagnostics.schema import Estimate, FeatureBlock, FloatArray, Split, Standalone
from diagnostics.seeds import generator
from diagnostics.stats.intervals import estimate_difference, estimate_mean
from models.ranking import UserItems, metrics_per_user, rank_targets

__all__ = ["Ranking", "baselines", "standalone_strength"]

Users = NDArray[np.int64]
K = 20


@dataclass(frozen=True)
class Ranking:
    """Who is ranked and against what: built once per split, used for every score."""

    split: Split
    seed: int = 0

    @cached_property
    def train(self) -> sparse.csr_array:
        """Who has what in training, float32 (n_users, n_items) of 0 and 1."""
        pairs = self.split.train
        ones = np.ones(len(pairs), dtype=np.float32)
        return sparse.csr_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(self.split.n_users, self.split.n_items))

    @cached_property
    def seen(self) -> UserItems:
        return UserItems.from_pairs(self.split.train, self.split.n_users)

    @cached_property
    def targets(self) -> UserItems:
        return UserItems.from_pairs(self.split.test, self.split.n_users)

    @cached_property
    def sample(self) -> Users:
        """Test users on whom content is tried: all, or ``standalone_users`` of them drawn with the seed."""
        users, most = self.targets.users, int(threshold("standalone_users"))
        if len(users) <= most:
            return users
        return np.sort(generator(self.seed, "standalone users").choice(users, most, replace=False))

    def metrics(self, score: Any, users: Users, takes: Users | None = None) -> dict[str, NDArray[np.float64]]:
        """Per-user metrics at 20 of a function from a block of users to scores (n, n_items).

        ``takes`` int64 (n_items,): item i's score stands in column ``takes[i]``; None: in its own.
        """
        seen, targets = self.seen, self.targets
        if takes is not None:  # following the columns costs less than moving them
            places = takes.astype(np.int32)
            seen, targets = (UserItems(lists.start, places[lists.items]) for lists in (seen, targets))
        ranks = rank_targets(score, users, seen, targets)
        return metrics_per_user(ranks, self.targets.counts[users], K)


def baselines(ranking: Ranking) -> dict[str, dict[str, Estimate]]:
    """Random order, popularity in training, and item-kNN on who bought what, on all test users.

    Item-kNN: an item scores the sum, over the customer's items, of the cosine of the two items' columns of buyers.
    Source: Deshpande and Karypis, "Item-based top-N recommendation", TOIS 2004; departure: all neighbours count. The table of
    items against items is never made: one account with thousands of products would fill it.
    """
    train = ranking.train
    popularity = train.sum(axis=0).astype(np.float32)
    scaled = sparse.csr_array(train * (1 / np.sqrt(np.maximum(popularity, 1)))[None, :])
    buyers = sparse.csr_array(scaled.T)
    order = generator(ranking.seed, "random baseline")
    scores = {
        "random": lambda users: order.random((len(users), train.shape[1]), dtype=np.float32),
        "popularity": lambda users: np.broadcast_to(popularity, (len(users), len(popularity))),
        "item_knn": lambda users: ((train[users] @ buyers) @ scaled).toarray(),
    }
    users = ranking.targets.users
    result = {}
    for name, score in scores.items():
        metrics = ranking.metrics(score, users)
        result[name] = {f"{metric}_at_{K}": estimate_mean(metrics[metric], seed=ranking.seed) for metric in ("recall", "ndcg")}
    return result


def standalone_strength(ranking: Ranking, block: FeatureBlock) -> Standalone:
    """Recall@20 of one modality's similarity alone, its floor on shuffled rows, and the paired lift over that floor.

    The floor moves the same vectors to other items (among those that have one), so it keeps everything but the meaning; it is
    the mean of ``standalone_permutations`` shuffles, and their spread is in its interval. Cost: one product of all items with
    all items, then per ranking one of the training pairs with all items; above ``standalone_square`` items, where the square
    would not fit, per ranking one product (n_users, d) x (d, n_items).
    """
    users = ranking.sample
    if len(users) == 0 or not block.present.any():
        nothing = Estimate(value=None, n=len(users))
        return Standalone(recall_at_20=nothing, permuted_floor=nothing)
    unit = unit_rows(block.values, block.present)
    square = unit @ unit.T if len(unit) <= threshold("standalone_square") else None
    rows, absent = np.flatnonzero(block.present), np.flatnonzero(~block.present)
    takes = np.arange(len(unit))  # takes[i]: the item whose vector item i is given

    def score(users: Users) -> FloatArray:
        owned = ranking.train[users]
        owned = sparse.csr_array((owned.data, takes[owned.indices], owned.indptr), shape=owned.shape)
        scores = owned @ square if square is not None else (owned @ unit) @ unit.T
        scores[:, absent] = -np.inf
        scores[owned @ block.present == 0] = -np.inf  # nothing known of this customer: nothing can be recommended
        return scores

    recall = ranking.metrics(score, users)["recall"]
    shuffled = np.empty((int(threshold("standalone_permutations")), len(users)))
    for number, floor in enumerate(shuffled):
        takes[rows] = generator(ranking.seed, "permuted rows", block.name, number).permutation(rows)
        floor[:] = ranking.metrics(score, users, takes)["recall"]
    return Standalone(
        recall_at_20=estimate_mean(recall, seed=ranking.seed),
        permuted_floor=estimate_mean(shuffled, seed=ranking.seed),
        lift=estimate_difference(np.broadcast_to(recall, shuffled.shape), shuffled, seed=ranking.seed),
    )
