"""Exact full ranking and the metrics of each user.

Protocol (METHOD section 2): all items are candidates, the user's training items are masked, metrics are taken per user and
averaged later. Ties: the item with the lower index ranks first. Formulas as in trec_eval with binary relevance, checked against
ir-measures and brute force in the tests: the ideal of NDCG and the divisor of MAP are over ``min(k, n_relevant)`` items.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.kernels import count_ahead, count_ranks

__all__ = ["Score", "Sums", "UserItems", "inner_products", "metrics_per_user", "rank_targets", "top_ranks"]

SCORES_PER_BLOCK = 1 << 20  # 4 MB of float32: what is scored is still in cache when it is ranked
_USERS_PER_BLOCK = 4096
_FIRST_ITEMS = 64  # scored, and later as many times that: rows that fill whole vectors are counted a quarter faster
_TARGETS_TOGETHER = 4096  # whose own scores are asked for at a time
_SCORES_PER_STEP = 1 << 18  # of each part: several parts' scores fit in cache together
_SLACK = np.float32(1e-5)  # of the largest score: far more than two ways of adding up one product differ by


@dataclass(frozen=True)
class UserItems:
    """Lists of items per user in compressed rows: items of user u are ``items[start[u]:start[u + 1]]``, sorted.

    ``start`` int64 (n_users + 1,), ``items`` int32.
    """

    start: npt.NDArray[np.int64]
    items: npt.NDArray[np.int32]

    @classmethod
    def from_pairs(cls, pairs: npt.NDArray[np.int32], n_users: int) -> UserItems:
        """From distinct (user, item) pairs, int32 (n_pairs, 2), in any order."""
        order = np.lexsort((pairs[:, 1], pairs[:, 0]))
        start = np.zeros(n_users + 1, dtype=np.int64)
        np.cumsum(np.bincount(pairs[:, 0], minlength=n_users), out=start[1:])
        return cls(start, np.ascontiguousarray(pairs[order, 1], dtype=np.int32))

    @property
    def n_users(self) -> int:
        return len(self.start) - 1

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """How many items each user has, int64 (n_users,)."""
        return np.diff(self.start)

    @property
    def users(self) -> npt.NDArray[np.int64]:
        """Users with at least one item, in order."""
        return np.flatnonzero(self.counts)

    def take(self, users: npt.NDArray[np.integer]) -> UserItems:
        """The lists of some users, in the order given."""
        counts = self.counts[users]
        start = np.zeros(len(users) + 1, dtype=np.int64)
        np.cumsum(counts, out=start[1:])
        positions = np.repeat(self.start[users] - start[:-1], counts) + np.arange(start[-1])
        return UserItems(start, self.items[positions])


@dataclass(frozen=True)
class Sums:
    """The scores of several sets of modalities as the parts that they are sums of.

    ``parts`` float32 (n_parts, n, width); ``members`` bool (n_sets, n_parts): of which a set is the sum, at least one.
    """

    parts: npt.NDArray[np.float32]
    members: npt.NDArray[np.bool_]

    def of(self, parts: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The sets' sums of any values of the parts; (n_parts, ...) in, (n_sets, ...) out."""
        sums = np.empty((len(self.members), *parts.shape[1:]), dtype=np.float32)
        known: dict[tuple[int, ...], npt.NDArray[np.float32]] = {(part,): values for part, values in enumerate(parts)}
        for one in np.argsort(self.members.sum(axis=1), kind="stable"):  # a sum that others begin with is made once
            chosen, out = tuple(np.flatnonzero(self.members[one]).tolist()), sums[one]
            begun = max(n for n in range(1, len(chosen) + 1) if chosen[:n] in known)
            total = known[chosen[:begun]]
            for part in chosen[begun:]:
                total = np.add(total, parts[part], out=out)
            if total is not out:
                out[...] = total
            known[chosen] = out
        return sums

    def only(self, sets: npt.NDArray[np.intp]) -> Sums:
        """Some of the sets, by their numbers."""
        return Sums(self.parts, self.members[sets])

    def whole(self) -> npt.NDArray[np.float32]:
        """The scores themselves, (n_sets, n, width)."""
        return self.parts if np.array_equal(self.members, np.eye(len(self.parts))) else self.of(self.parts)


Score = Callable[[npt.NDArray[np.int64], npt.NDArray[np.integer] | None], npt.NDArray[np.float32] | Sums]
"""Of users (n,) and items (width,), or all items for None, or items (n, width), each user's own: scores float32 (n_sets, n, width),
or the parts that they are sums of."""


def inner_products(
    users: npt.NDArray[np.float32], items: npt.NDArray[np.float32], out: npt.NDArray[np.float32] | None = None
) -> npt.NDArray[np.float32]:
    """Of each user's vector (n, d) with those of items (width, d), or of the user's own items (n, width, d); float32 (n, width)."""
    found: npt.NDArray[np.float32] = (
        np.matmul(users, items.T, out=out) if items.ndim == 2 else np.vecdot(users[:, None], items, out=out)
    )
    return found


def _as_sums(scores: npt.NDArray[np.float32] | Sums) -> Sums:
    return scores if isinstance(scores, Sums) else Sums(scores, np.eye(len(scores), dtype=bool))


def rank_targets(
    score: Callable[[npt.NDArray[np.int64]], npt.NDArray[np.float32]],
    users: npt.NDArray[np.int64],
    seen: UserItems,
    targets: UserItems,
) -> npt.NDArray[np.int32]:
    """Ranks (0-based) of the target items of ``users``, concatenated in the users' order; int32 (n_targets,).

    Parameters
    ----------
    score : maps a block of user indices (n,) to scores float32 (n, n_items); -inf or NaN: cannot be recommended. It may also
        return (n_sets, n, n_items), several models' scores; the ranks are then (n_sets, n_targets).
    users : int64 (n,), who is evaluated; ``seen`` and ``targets`` cover all users

    Notes
    -----
    Cost: the scores, plus one comparison per target and item. Memory: the first block is of 8 users, the others of as many as
    keep their scores within ``SCORES_PER_BLOCK``.
    """
    ranks: list[npt.NDArray[np.int32]] = []
    begin, size = 0, 8
    while begin < len(users) or not ranks:
        block = users[begin : begin + size]
        begin += size
        masked, wanted = seen.take(block), targets.take(block)
        scores = np.ascontiguousarray(score(block), dtype=np.float32)
        size = max(1, SCORES_PER_BLOCK * max(len(block), 1) // max(scores.size, 1))
        found = np.empty((*scores.shape[:-2], len(wanted.items)), dtype=np.int32)
        for one, into in zip(scores if scores.ndim == 3 else scores[None], np.atleast_2d(found), strict=True):
            count_ranks(one, masked.start, masked.items, wanted.start, wanted.items, into)
        ranks.append(found)
    return np.concatenate(ranks, axis=-1)


def top_ranks(
    score: Score,
    users: npt.NDArray[np.int64],
    seen: UserItems,
    targets: UserItems,
    *,
    n_items: int,
    depth: int,
) -> npt.NDArray[np.int32]:
    """The ranks of ``rank_targets`` where they are below ``depth``; any number from ``depth`` on where they are not.

    Most targets are far from the top, and a few hundred popular items show it. So items are scored in the order of how often they
    were bought, in growing parts, and a user is done with when at least ``depth`` items are ahead of each of the user's targets, in
    every set. A score may be rounded otherwise among other items; where two are that close, all items of the user are scored
    together and ``rank_targets`` decides.

    Parameters
    ----------
    score : of blocks of ``users``; ``seen`` and ``targets`` as in ``rank_targets``

    Returns
    -------
    int32 (n_sets, n_targets)
    """
    if n_items <= 2 * _FIRST_ITEMS:
        return rank_targets(lambda block: _as_sums(score(block, None)).whole(), users, seen, targets)
    order = np.argsort(-np.bincount(seen.items, minlength=n_items), kind="stable")
    place = np.empty(n_items, dtype=np.int32)
    place[order] = np.arange(n_items, dtype=np.int32)
    blocks = [users[begin : begin + _USERS_PER_BLOCK] for begin in range(0, len(users), _USERS_PER_BLOCK)] or [users]
    found = [_top_of_block(score, block, seen, targets, order, place, depth) for block in blocks]
    ahead, near = (np.concatenate(counted, axis=1) for counted in zip(*found, strict=True))
    row = np.repeat(np.arange(len(users)), targets.counts[users])
    unclear = (ahead < depth) & (near > 0)
    sets, who = np.flatnonzero(unclear.any(axis=1)), np.flatnonzero(np.bincount(row, unclear.any(axis=0), len(users)))
    together = max(1, SCORES_PER_BLOCK // (len(ahead) * n_items))  # all sets are scored, though not all are counted
    for begin in range(0, len(who), together):
        some = who[begin : begin + together]
        ahead[np.ix_(sets, np.isin(row, some))] = rank_targets(
            lambda block: _as_sums(score(block, None)).only(sets).whole(), users[some], seen, targets
        )
    return ahead


def _top_of_block(
    score: Score,
    users: npt.NDArray[np.int64],
    seen: UserItems,
    targets: UserItems,
    order: npt.NDArray[np.int64],
    place: npt.NDArray[np.int32],
    depth: int,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """How many items are surely ahead of each target, and how many are too close to tell; int32 (n_sets, n_targets) each."""
    masked, wanted = seen.take(users), targets.take(users)
    row = np.repeat(np.arange(len(users)), wanted.counts)
    own = _scores_of_pairs(score, users[row], wanted.items)
    ahead, near = np.zeros(own.shape, dtype=np.int32), np.zeros(own.shape, dtype=np.int32)
    ahead[~(own > -np.inf)] = len(order)
    own_place, seen_place = place[wanted.items], place[masked.items]
    left, low, width = np.flatnonzero(wanted.counts), 0, _FIRST_ITEMS
    slack = np.zeros((len(own), len(users)), dtype=np.float32)
    while len(left) and low < len(order):
        scores = _as_sums(score(users[left], order[low : low + width]))
        parts = np.ascontiguousarray(scores.parts, dtype=np.float32)
        if low == 0:
            largest = scores.of(np.fmax.reduce(np.abs(parts), axis=2))
            np.fmax.at(largest.T, np.searchsorted(left, row), np.abs(own).T)
            slack[:, left] = _SLACK * largest
        count_ahead(
            *(parts, scores.members, own, slack[:, left], wanted.start[left], wanted.start[left + 1], own_place),
            *(masked.start[left], masked.start[left + 1], seen_place, low, depth, ahead, near),
        )
        open_ = np.bincount(row, (ahead < depth).any(axis=0), len(users)) > 0
        left = left[open_[left]]
        low, width = low + width, min(2 * width, max(1, _SCORES_PER_STEP // max(len(left), 1) // _FIRST_ITEMS) * _FIRST_ITEMS)
    return ahead, near


def _scores_of_pairs(score: Score, users: npt.NDArray[np.int64], items: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
    """The scores of an item for each user, float32 (n_sets, n)."""
    chunks = [slice(begin, begin + _TARGETS_TOGETHER) for begin in range(0, max(len(users), 1), _TARGETS_TOGETHER)]
    return np.concatenate([_as_sums(score(users[some], items[some, None])).whole()[:, :, 0] for some in chunks], axis=1)


def metrics_per_user(
    ranks: npt.NDArray[np.int32], counts: npt.NDArray[np.int64], k: int = 20, *, legacy_ndcg: bool = False
) -> dict[str, npt.NDArray[np.float64]]:
    """Recall, NDCG, precision, average precision and hit rate at ``k`` for each user; float64 (n_users,) each, in [0, 1].

    Parameters
    ----------
    ranks : from ``rank_targets``; ``counts`` : how many targets each user has, all >= 1
    legacy_ndcg : divide by the ideal of the *retrieved* hits, as the CKD line of code does; inflates NDCG, labelled wherever shown
    """
    n = len(counts)
    inside = ranks < k
    user, rank = np.repeat(np.arange(n), counts)[inside], ranks[inside].astype(np.int64)
    order = np.lexsort((rank, user))
    user, rank = user[order], rank[order]
    hits = np.bincount(user, minlength=n)
    discount = 1.0 / np.log2(np.arange(2, k + 2))
    ideal = np.concatenate([[0.0], np.cumsum(discount)])
    gained = np.bincount(user, weights=discount[rank], minlength=n)
    best = ideal[np.minimum(hits if legacy_ndcg else counts, k)]
    first = np.concatenate([[0], np.cumsum(hits)])[user]
    nth_hit = np.arange(len(user)) - first + 1
    precision_at_hits = np.bincount(user, weights=nth_hit / (rank + 1.0), minlength=n)
    return {
        "recall": hits / counts,
        "ndcg": np.divide(gained, best, out=np.zeros(n), where=best > 0),
        "precision": hits / k,
        "map": precision_at_hits / np.minimum(counts, k),
        "hit": (hits > 0).astype(np.float64),
    }
