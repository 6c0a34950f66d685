"""How well similar products alone predict what a customer chooses (A5), and the floors that any value must beat.

A customer's profile is the mean of the unit vectors of the items they have in training; an item scores by its cosine with it.
Vectors are centred on the mean item first. Full ranking: every item is a candidate, training items are masked; an item without
the modality cannot be recommended by it, and stays among the items to be found. Everything is measured on one sample of the test
customers (``Ranking.sample``): the figures can be compared, and cost about the same in a shop of any size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from diagnostics.config import threshold
from diagnostics.profile.neighbours import unit_rows
from diagnostics.profile.steps import Tell, silent
from diagnostics.schema import BoolArray, Estimate, FeatureBlock, FloatArray, Split, Standalone
from diagnostics.seeds import generator
from diagnostics.stats.intervals import estimate_mean, reaching, within_limits
from diagnostics.stats.ratios import student
from models.ranking import UserItems, metrics_per_user, rank_targets

__all__ = ["K", "Ranking", "baselines", "standalone_strength"]

Users = NDArray[np.int64]
Score = Callable[[Users], FloatArray]
PerUser = NDArray[np.float64]
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
        """Test users on whom everything is tried, sorted: all, or what ``standalone_users`` and ``standalone_scores`` allow."""
        most = min(threshold("standalone_users"), self.affordable)
        return self.drawn(self.targets.users, most, "standalone users")

    @property
    def affordable(self) -> float:
        """How many users can be ranked once: ``standalone_scores`` over the items."""
        return threshold("standalone_scores") / max(self.split.n_items, 1)

    def drawn(self, users: Users, most: float, *purpose: str | int) -> Users:
        """Some of the users, drawn with the seed, sorted; all of them where ``most`` is not below their number."""
        if len(users) <= most:
            return users
        return np.sort(generator(self.seed, *purpose).choice(users, max(int(most), 1), replace=False))

    def metrics(self, score: Score, users: Users, takes: Users | None = None, *, tell: Tell = silent) -> dict[str, PerUser]:
        """Per-user metrics at 20 of a function from a block of users to scores (n, n_items).

        ``takes`` int64 (n_items,): item i's score stands in column ``takes[i]``; None: in its own.
        """
        seen, targets, done = self.seen, self.targets, 0
        if takes is not None:  # following the columns costs less than moving them
            places = takes.astype(np.int32)
            seen, targets = (UserItems(lists.start, places[lists.items]) for lists in (seen, targets))

        def told(block: Users) -> FloatArray:
            nonlocal done
            tell(done / len(users))
            done += len(block)
            return score(block)

        ranks = rank_targets(told, users, seen, targets)
        return metrics_per_user(ranks, self.targets.counts[users], K)

    def by_chance(self, users: Users, present: BoolArray) -> dict[str, PerUser]:
        """Recall and NDCG at 20 to be expected where the ``present`` items that a user does not have come in random order; exact.

        Each of these n items is then equally likely in each place, so that a target is among the first 20 with chance 20 / n.
        """
        candidates = present.sum() - self.train[users] @ present
        places = np.minimum(candidates, K).astype(np.int64)
        wanted = self.targets.take(users)
        counts = wanted.counts
        offered = np.bincount(np.repeat(np.arange(len(users)), counts), weights=present[wanted.items], minlength=len(users))
        each = np.divide(offered, candidates, out=np.zeros(len(users)), where=candidates > 0)
        gain = np.concatenate([[0.0], np.cumsum(1 / np.log2(np.arange(2, K + 2)))])
        return {"recall": each * places / counts, "ndcg": each * gain[places] / gain[np.minimum(counts, K)]}


def baselines(ranking: Ranking, *, tell: Tell = silent) -> dict[str, dict[str, Estimate]]:
    """Random order (its expectation, exact), popularity in training, and item-kNN on who bought what, on the sampled test users.

    Item-kNN: an item scores the sum, over the customer's items, of the cosine of the two items' columns of buyers.
    Source: Deshpande and Karypis, "Item-based top-N recommendation", TOIS 2004; departure: all neighbours count. The table of
    items against items is never made: one account with thousands of products would fill it. Where customers share so much that
    the sample would take more than ``item_knn_work`` multiplications, item-kNN is tried on fewer of them; ``n`` tells.
    """
    train = ranking.train
    popularity = train.sum(axis=0).astype(np.float32)
    scaled = sparse.csr_array(train * (1 / np.sqrt(np.maximum(popularity, 1)))[None, :])
    buyers = sparse.csr_array(scaled.T)
    users = ranking.sample
    alike = train[users] @ popularity  # how often somebody else has one of the customer's items
    reached = np.minimum(train[users] @ (train.T @ train.sum(axis=1)), train.nnz)  # and how much all of these have
    few = ranking.drawn(users, threshold("item_knn_work") / max(float((alike + reached).mean()), 1.0), "item-kNN users")
    everything = np.ones(train.shape[1], dtype=bool)
    measured = {
        "random": ranking.by_chance(users, everything),
        "popularity": ranking.metrics(
            lambda block: np.broadcast_to(popularity, (len(block), len(popularity))), users, tell=lambda done: tell(done / 4)
        ),
        "item_knn": ranking.metrics(
            lambda block: ((train[block] @ buyers) @ scaled).toarray(), few, tell=lambda done: tell(0.25 + 0.75 * done)
        ),
    }
    return {
        name: {f"{metric}_at_{K}": estimate_mean(metrics[metric], seed=ranking.seed) for metric in ("recall", "ndcg")}
        for name, metrics in measured.items()
    }


def standalone_strength(ranking: Ranking, block: FeatureBlock, *, tell: Tell = silent) -> Standalone:
    """Recall@20 of one modality's similarity alone, its floor on shuffled rows, and the paired lift over that floor.

    The floor moves the same vectors to other items (among those that have one), so it keeps everything but the meaning. Its value
    is exact: over all shuffles, each item that a customer does not have is as likely as any other to come first. Its interval is
    where a single shuffle falls, for customers who want the same products are hit together: from the spread of
    ``standalone_permutations`` shuffles [own], which are tried on fewer customers where the shop is large; what fewer customers add
    to the spread is replaced by what the whole sample would. The lift's interval is the wider of that and the one over customers.

    Not measured of ``K`` products or fewer: all of them are among the first K, whatever their vectors.

    Equal scores fall in random order. Cost: one product (n_users, d) x (d, n_items) for the value and at most one more for all
    shuffles; up to ``standalone_square`` items one product of all items with all items, and then less.
    """
    users = ranking.sample
    if len(users) == 0 or block.present.sum() <= K:
        nothing = Estimate(value=None, n=len(users))
        return Standalone(recall_at_20=nothing, permuted_floor=nothing)
    rng = generator(ranking.seed, "standalone", block.name)
    rows, absent = np.flatnonzero(block.present), np.flatnonzero(~block.present)
    order = np.concatenate([rng.permutation(rows), absent])
    takes = np.argsort(order)  # takes[i]: the place in this order of the vector that item i is given
    unit = unit_rows(block.values, block.present)[order]
    square = unit @ unit.T if len(unit) <= threshold("standalone_square") else None

    def score(users: Users) -> FloatArray:
        owned = ranking.train[users]
        owned = sparse.csr_array((owned.data, takes[owned.indices], owned.indptr), shape=owned.shape)
        scores = owned @ square if square is not None else (owned @ unit) @ unit.T
        scores[:, len(rows) :] = -np.inf
        scores[ranking.train[users] @ block.present == 0] = -np.inf  # nothing known of this customer: nothing can be recommended
        return scores

    recall = ranking.metrics(score, users, takes, tell=lambda done: tell(done / 2))["recall"]
    shuffles = int(threshold("standalone_permutations"))

    def shuffled(number: int) -> PerUser:
        """What one shuffle finds beyond what is expected."""
        some = ranking.drawn(users, ranking.affordable / shuffles, "shuffled users", block.name, number)
        takes[rows] = generator(ranking.seed, "permuted rows", block.name, number).permutation(len(rows))
        found = ranking.metrics(score, some, takes, tell=lambda done: tell(0.5 + (number + done) / shuffles / 2))["recall"]
        return found - _floor(ranking, some, block.present)

    off = np.array([shuffled(number) for number in range(shuffles)])
    floor = _floor(ranking, users, block.present)
    centre, reach = float(floor.mean()), _reach(off, len(users))
    return Standalone(
        recall_at_20=estimate_mean(recall, seed=ranking.seed),
        permuted_floor=within_limits(Estimate(value=centre, low=centre - reach, high=centre + reach, n=len(users))),
        lift=reaching(estimate_mean(recall - floor, seed=ranking.seed, unit="difference"), reach),
    )


def _floor(ranking: Ranking, users: Users, present: BoolArray) -> PerUser:
    """Each user's expected recall over all shuffles of the vectors: chance, and nothing where nothing is known of the user."""
    return np.where(ranking.train[users] @ present > 0, ranking.by_chance(users, present)["recall"], 0.0)


def _reach(off: NDArray[np.float64], n_users: int) -> float:
    """How far one shuffle's mean over ``n_users`` lies from what is expected, in 19 of 20 cases.

    Parameters
    ----------
    off : (n_shuffles, n), each shuffle's recall minus what was expected, per user tried
    """
    n = off.shape[1]
    single = float((off**2).mean())  # variance of one user
    common = max(float((off.mean(axis=1) ** 2).mean()) - single / n, 0.0)  # what all users share: one product, wanted by many
    return float(student(0.95, len(off)) * np.sqrt(common + single / n_users))
