"""Ranking metrics against ir-measures, against fractions worked by hand, and the labelled legacy NDCG."""

from __future__ import annotations

from unittest.mock import patch

import ir_measures
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ir_measures import AP, P, R, nDCG

import models.ranking
from models.ranking import Sums, UserItems, metrics_per_user, rank_targets, top_ranks


def test_metrics_equal_ir_measures_on_random_cases():
    rng = np.random.default_rng(3)
    n_users, n_items = 40, 35
    scores = rng.permuted(np.tile(np.arange(n_items, dtype=np.float32), (n_users, 1)), axis=1)
    kind = rng.choice(3, size=(n_users, n_items), p=[0.7, 0.15, 0.15])
    kind[:, 0] = 2  # everyone has a target
    seen = UserItems.from_pairs(np.argwhere(kind == 1).astype(np.int32), n_users)
    targets = UserItems.from_pairs(np.argwhere(kind == 2).astype(np.int32), n_users)
    ranks = rank_targets(lambda users: scores[users], np.arange(n_users), seen, targets)
    qrels = [ir_measures.Qrel(f"u{u}", f"i{i}", 1) for u, i in np.argwhere(kind == 2)]
    run = [ir_measures.ScoredDoc(f"u{u}", f"i{i}", float(scores[u, i])) for u, i in np.argwhere(kind != 1)]
    for k in (1, 5, 20, 50):
        ours = metrics_per_user(ranks, targets.counts, k)
        oracle = {"recall": R @ k, "ndcg": nDCG @ k, "precision": P @ k}
        for name, measure in oracle.items():
            theirs = {metric.query_id: metric.value for metric in ir_measures.iter_calc([measure], qrels, run)}
            assert [theirs[f"u{u}"] for u in range(n_users)] == pytest.approx(ours[name].tolist(), abs=1e-9), (name, k)
    full = {m.query_id: m.value for m in ir_measures.iter_calc([AP], qrels, run)}
    assert [full[f"u{u}"] for u in range(n_users)] == pytest.approx(
        metrics_per_user(ranks, targets.counts, n_items)["map"].tolist()
    )


def test_metrics_by_hand():
    # Three relevant items at ranks 1, 3 and 9 (1-based); k = 5.
    found = metrics_per_user(np.array([0, 2, 8], dtype=np.int32), np.array([3]), 5)
    dcg = 1 + 1 / np.log2(4)
    assert found["recall"][0] == pytest.approx(2 / 3)
    assert found["precision"][0] == pytest.approx(2 / 5)
    assert found["hit"][0] == 1
    assert found["map"][0] == pytest.approx((1 / 1 + 2 / 3) / 3)
    assert found["ndcg"][0] == pytest.approx(dcg / (1 + 1 / np.log2(3) + 1 / np.log2(4)))
    legacy = metrics_per_user(np.array([0, 2, 8], dtype=np.int32), np.array([3]), 5, legacy_ndcg=True)
    assert legacy["ndcg"][0] == pytest.approx(dcg / (1 + 1 / np.log2(3)))


def test_several_score_sets_rank_as_one_by_one():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(3, 700, 20)).astype(np.float32)  # more users than one block
    targets = UserItems.from_pairs(np.stack([np.arange(700), rng.integers(0, 20, 700)], axis=1).astype(np.int32), 700)
    nothing = UserItems.from_pairs(np.empty((0, 2), dtype=np.int32), 700)
    together = rank_targets(lambda users: scores[:, users], np.arange(700), nothing, targets)
    for number in range(3):
        alone = rank_targets(lambda users, number=number: scores[number, users], np.arange(700), nothing, targets)
        assert np.array_equal(together[number], alone)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["distinct", "ties", "rounded otherwise", "cannot be recommended"]))
def test_top_ranks_are_those_of_ranking_everything(seed, kind):
    """700 items in three parts, two sets, users without targets; rounding differs with what is scored together."""
    rng = np.random.default_rng(seed)
    n_users, n_items, depth = 300, 700, 5
    scores = rng.normal(size=(2, n_users, n_items)).astype(np.float32)
    if kind != "distinct":
        scores = np.round(scores * 2) / 2
    if kind == "cannot be recommended":
        scores[rng.random(scores.shape) < 0.1] = -np.inf
        scores[rng.random(scores.shape) < 0.1] = np.nan
    held = rng.choice(3, size=(n_users, n_items), p=[0.98, 0.015, 0.005])
    seen = UserItems.from_pairs(np.argwhere(held == 1).astype(np.int32), n_users)
    targets = UserItems.from_pairs(np.argwhere(held == 2).astype(np.int32), n_users)
    users = np.flatnonzero(rng.random(n_users) < 0.9)

    def score(block, items):
        if items is None:
            return scores[:, block]
        found = scores[:, block[:, None], items]
        return found * np.float32(1 + 2e-7 * rng.choice([-1, 1])) if kind == "rounded otherwise" else found

    expected = rank_targets(lambda block: scores[:, block], users, seen, targets)
    with patch.multiple(models.ranking, _USERS_PER_BLOCK=100, _TARGETS_TOGETHER=30):
        found = top_ranks(score, users, seen, targets, n_items=n_items, depth=depth)
    assert np.array_equal(np.minimum(found, depth), np.minimum(expected, depth))


@pytest.mark.parametrize("ties", [False, True])
def test_sums_of_parts_rank_as_what_they_add_up_to(ties):
    rng = np.random.default_rng(1)
    parts = rng.normal(size=(4, 300, 900)).astype(np.float32)
    if ties:
        parts = np.round(parts)
    members = np.array([[1, 1, 1, 1], [1, 0, 0, 0], [0, 0, 1, 0], [1, 0, 1, 0], [0, 1, 0, 1]], dtype=bool)
    held = rng.choice(3, size=(300, 900), p=[0.98, 0.015, 0.005])
    seen = UserItems.from_pairs(np.argwhere(held == 1).astype(np.int32), 300)
    targets = UserItems.from_pairs(np.argwhere(held == 2).astype(np.int32), 300)

    def score(block, items):
        return Sums(parts[:, block] if items is None else parts[:, block[:, None], items], members)

    whole = np.stack([parts[chosen].sum(axis=0, dtype=np.float64) for chosen in members]).astype(np.float32)
    expected = rank_targets(lambda block: whole[:, block], np.arange(300), seen, targets)
    found = top_ranks(score, np.arange(300), seen, targets, n_items=900, depth=8)
    np.testing.assert_array_equal(np.minimum(found, 8), np.minimum(expected, 8))


def test_the_top_is_found_without_scoring_everything():
    rng = np.random.default_rng(0)
    n_users, n_items = 256, 4000
    bought = np.repeat(np.arange(n_users), 40), rng.integers(0, 300, 40 * n_users)  # a few hundred popular items
    seen = UserItems.from_pairs(np.unique(np.column_stack(bought), axis=0).astype(np.int32), n_users)
    targets = UserItems.from_pairs(np.column_stack([np.arange(n_users), np.full(n_users, 3999)]).astype(np.int32), n_users)
    scored = 0

    def score(block, items):
        nonlocal scored
        scored += len(block) * items.shape[-1]
        return np.broadcast_to(-np.float32(items), (1, len(block), items.shape[-1])).copy()

    assert top_ranks(score, np.arange(n_users), seen, targets, n_items=n_items, depth=20).min() >= 20
    assert scored < 0.1 * n_users * n_items


def test_no_users_is_no_ranks():
    nothing = UserItems.from_pairs(np.empty((0, 2), dtype=np.int32), 4)
    assert len(rank_targets(lambda users: np.zeros((len(users), 3), dtype=np.float32), nothing.users, nothing, nothing)) == 0

    def score(users, items):
        return np.zeros((1, len(users), 900 if items is None else items.shape[-1]), dtype=np.float32)

    assert top_ranks(score, nothing.users, nothing, nothing, n_items=900, depth=20).shape == (1, 0)
