"""What a batch is made of: training pairs with unseen negatives, and the uniform triples that distillation asks for."""

from __future__ import annotations

import numpy as np

from models.sampling import EXTRA_ITEMS, EXTRA_USERS, Sampler

N_USERS, N_ITEMS = 3000, 2000
PAIRS = np.stack([np.arange(2000) % N_USERS, np.zeros(2000, dtype=int)], axis=1).astype(np.int32)  # everyone bought item 0


def _batches(n_extra: int, *, epochs: int = 1):
    sampler = Sampler(PAIRS, N_USERS, N_ITEMS, batch_size=500, n_extra=n_extra, seed=3)
    return [triples for epoch in range(1, epochs + 1) for triples in sampler.epoch(epoch)]


def test_extra_triples_leave_what_is_ranked_as_it_is():
    for plain, more in zip(_batches(0), _batches(1000), strict=True):
        assert (plain.n_bpr, more.n_bpr, len(more.user)) == (500, 500, 1500)
        for name in ("user", "positive", "negative"):
            assert np.array_equal(getattr(plain, name), getattr(more, name)[:500])


def test_extra_triples_are_of_few_users_and_items_a_batch_and_uniform_over_batches():
    users, items = np.zeros(N_USERS), np.zeros(N_ITEMS)
    batches = _batches(2500, epochs=100)
    for triples in batches:
        extra = slice(triples.n_bpr, None)
        both = np.concatenate([triples.positive[extra], triples.negative[extra]])
        assert len(np.unique(triples.user[extra])) <= EXTRA_USERS and len(np.unique(both)) <= EXTRA_ITEMS
        users += np.bincount(triples.user[extra], minlength=N_USERS)
        items += np.bincount(both, minlength=N_ITEMS)
    for counts, drawn in ((users, EXTRA_USERS), (items, EXTRA_ITEMS)):
        mean = drawn * len(batches) / len(counts)  # how often each was in a batch's choice, about a Poisson number
        shares = counts.reshape(20, -1).sum(axis=1) / counts.sum()
        assert np.all(np.abs(shares * 20 - 1) < 6 / np.sqrt(mean * len(counts) / 20))
        assert counts.min() > 0
