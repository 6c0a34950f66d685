"""Every compiled kernel against its float64 reference, on random shapes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.backbones.separable import Adam
from models.graph_kernels import edge_dots, largest, route, route_gradient, softmax_rows, softmax_rows_gradient, spmm_onto
from models.kernels import coasting_table, distinct, part_gradients, part_margins, sample_unseen, squares_of_parts
from models.ranking import UserItems, rank_targets
from tests.models import references


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 12), st.integers(2, 30), st.integers(0, 10_000))
def test_ranks_equal_sorting_even_with_ties_masks_and_unscorable_items(n_users, n_items, seed):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 4, (n_users, n_items)).astype(np.float32)
    scores[rng.random(scores.shape) < 0.1] = -np.inf
    kind = rng.choice(3, size=(n_users, n_items), p=[0.6, 0.2, 0.2])
    seen_pairs = np.argwhere(kind == 1).astype(np.int32)
    target_pairs = np.argwhere(kind == 2).astype(np.int32)
    seen, targets = UserItems.from_pairs(seen_pairs, n_users), UserItems.from_pairs(target_pairs, n_users)
    found = rank_targets(lambda users: scores[users], np.arange(n_users), seen, targets)
    lists = [[row[kind[u] == k].tolist() for u, row in enumerate(np.tile(np.arange(n_items), (n_users, 1)))] for k in (1, 2)]
    assert found.tolist() == references.ranks(scores, *lists)


@pytest.mark.parametrize(("n", "parts", "d", "mine"), [(1, 1, 1, 1), (40, 3, 7, 3), (65, 4, 64, 4), (65, 4, 64, 1)])
def test_margins_and_gradients_equal_the_float64_loop(n, parts, d, mine):
    """``mine``: parts of the users' own; one serves all of the items'."""
    rng = np.random.default_rng(n)
    users, items = rng.normal(size=(9, mine, d)).astype(np.float32), rng.normal(size=(11, parts, d)).astype(np.float32)
    u, i, j = (rng.integers(0, high, n).astype(np.int32) for high in (9, 11, 11))
    weight = rng.normal(size=(n, parts)).astype(np.float32)
    margins = np.empty((n, parts), dtype=np.float32)
    part_margins(users, items, u, i, j, margins)
    every = np.broadcast_to(users, (9, parts, d))
    np.testing.assert_allclose(margins, references.part_margins(every, items, u, i, j), rtol=1e-4, atol=1e-4)
    user_gradient, item_gradient = np.zeros_like(users), np.zeros_like(items)
    decay = rng.random(n // 2 if mine == parts else 0).astype(np.float32)  # of the first half only
    part_gradients(users, items, u, i, j, weight, decay, user_gradient, item_gradient)
    to_users, to_items = references.part_gradients(every, items, u, i, j, weight, decay)
    if mine < parts:
        to_users = to_users.sum(axis=1, keepdims=True)
    for found, expected in ((user_gradient, to_users), (item_gradient, to_items)):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("size", "off"), [(1.0, 2e-5), (1e-6, 5e-4)])
def test_adam_that_touches_some_rows_equals_dense_adam_over_hundreds_of_steps(size, off):
    """Rows rest for 0 to some hundred steps of up to .05; with gradients of 1e-6 epsilon counts."""
    rng = np.random.default_rng(0)
    n, d, rate = 12, 5, 0.05
    start = rng.normal(size=(n, d)).astype(np.float32)
    lazy = Adam(start.copy(), rate)
    parameter = torch.nn.Parameter(torch.from_numpy(start.astype(np.float64)))
    oracle = torch.optim.Adam([parameter], lr=rate)
    often = np.r_[np.full(8, 0.3), 0.05, 0.01, 0.004, 0.0]
    for _ in range(600):
        rows = np.flatnonzero(rng.random(n) < often).astype(np.int32)
        seen = np.empty((len(rows), d), dtype=np.float32)
        lazy.rows(rows, seen)
        np.testing.assert_allclose(seen, parameter.detach().numpy()[rows], rtol=0, atol=off)
        gradient = (size * rng.normal(size=(len(rows), d))).astype(np.float32)
        lazy.update(rows, gradient)
        parameter.grad = torch.zeros_like(parameter)
        parameter.grad[torch.from_numpy(rows).long()] = torch.from_numpy(gradient).double()
        oracle.step()
    lazy.settle()
    np.testing.assert_allclose(lazy.table, parameter.detach().numpy(), rtol=0, atol=off)
    assert np.array_equal(lazy.table[-1], start[-1])


def test_a_part_of_the_columns_may_take_a_share_of_its_step():
    rng = np.random.default_rng(0)
    start = rng.normal(size=(6, 4)).astype(np.float32)
    whole, slowed = Adam(start.copy(), 0.1), Adam(start.copy(), 0.1)
    before = [start, start]
    for _ in range(3):
        gradient = rng.normal(size=(6, 4)).astype(np.float32)
        whole.update(whole.every, gradient)
        slowed.update(slowed.every, gradient, (1.0, 0.25))
        moved = [one.table - was for one, was in zip((whole, slowed), before, strict=True)]
        np.testing.assert_allclose(moved[1], moved[0] * [1, 1, 0.25, 0.25], rtol=1e-4, atol=1e-6)
        before = [whole.table.copy(), slowed.table.copy()]


def test_the_coasting_table_is_the_sum_that_it_stands_for():
    beta1, beta2, n = 0.9, 0.999, 40
    table, q = coasting_table(n, beta1, beta2), beta1 / beta2**0.5
    for before, steps in ((1, 1), (3, 17), (20, 19)):
        size = [(1 - beta2 ** (before + s)) ** 0.5 / (1 - beta1 ** (before + s)) * q**s for s in range(1, steps + 1)]
        assert table[before, 0] - table[steps, 1] * table[before + steps, 0] == pytest.approx(sum(size), rel=1e-12)


def test_squares_of_parts_are_added_up():
    values = np.arange(12, dtype=np.float32).reshape(2, 3, 2)
    out = np.ones(3)
    squares_of_parts(values, out)
    assert out.tolist() == (1 + (values.astype(np.float64) ** 2).sum(axis=(0, 2))).tolist()


def test_distinct_lists_each_value_once_and_is_reusable():
    position, found = np.full(10, -1, dtype=np.int32), np.empty(10, dtype=np.int32)
    for indices in ([3, 7, 3, 0], [9, 9]):
        count = distinct(np.array(indices, dtype=np.int32), 10, position, found)
        assert sorted(found[:count]) == sorted(set(indices))
        assert [found[position[index]] for index in indices] == indices
        position[found[:count]] = -1


def test_negatives_are_unseen_uniform_and_seeded():
    pairs = np.array([[0, 1], [0, 3], [1, 0]], dtype=np.int32)
    seen = UserItems.from_pairs(pairs, 2)
    users = np.repeat(np.array([0, 1], dtype=np.int32), 4000)

    def draw(seed: int) -> np.ndarray:
        out = np.empty(len(users), dtype=np.int32)
        sample_unseen(users, seen.start, seen.items, 5, np.array([seed], dtype=np.uint64), out)
        return out

    drawn = draw(1)
    counts = np.bincount(drawn[users == 0], minlength=5)
    assert counts[1] == counts[3] == 0
    assert np.all(np.abs(counts[[0, 2, 4]] / 4000 - 1 / 3) < 0.04)
    assert np.array_equal(drawn, draw(1)) and not np.array_equal(drawn, draw(2))


def test_a_user_who_has_everything_still_gets_a_negative():
    seen = UserItems.from_pairs(np.array([[0, 0], [0, 1]], dtype=np.int32), 1)
    out = np.full(3, -1, dtype=np.int32)
    sample_unseen(np.zeros(3, dtype=np.int32), seen.start, seen.items, 2, np.array([5], dtype=np.uint64), out)
    assert set(out.tolist()) <= {0, 1}


@pytest.mark.parametrize(("n", "m", "width"), [(1, 1, 1), (7, 5, 3), (20, 30, 64)])
def test_dots_of_edges_equal_the_float64_loop(n, m, width):
    rng = np.random.default_rng(n)
    edges = UserItems.from_pairs(np.argwhere(rng.random((n, m)) < 0.4).astype(np.int32), n)
    left, right = rng.normal(size=(n, width)).astype(np.float32), rng.normal(size=(m, width)).astype(np.float32)
    found = np.empty(len(edges.items), dtype=np.float32)
    edge_dots(edges.start, edges.items, left, right, found)
    np.testing.assert_allclose(found, references.edge_dots(edges.start, edges.items, left, right), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("n", "m", "width"), [(1, 1, 1), (7, 5, 3), (20, 30, 64)])
def test_a_product_onto_a_base_equals_the_dense_float64_one(n, m, width):
    rng = np.random.default_rng(n)
    edges = UserItems.from_pairs(np.argwhere(rng.random((n, m)) < 0.4).astype(np.int32), n)
    weight, base = rng.normal(size=len(edges.items)).astype(np.float32), rng.normal(size=(n, width)).astype(np.float32)
    dense, out = rng.normal(size=(m, width)).astype(np.float32), np.empty((n, width), dtype=np.float32)
    spmm_onto(edges.start, edges.items, weight, dense, base, np.float32(0.25), out)
    expected = references.spmm_onto(edges.start, edges.items, weight, dense, base, 0.25)
    np.testing.assert_allclose(out, expected, rtol=1e-4, atol=1e-5)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 8), st.integers(1, 20), st.integers(1, 20), st.integers(0, 10_000))
def test_the_largest_of_each_row_are_those_of_sorting_even_with_ties(n, m, k, seed):
    values = np.random.default_rng(seed).integers(0, 5, (n, m)).astype(np.float32)
    columns = np.empty((n, min(k, m)), dtype=np.int32)
    largest(values, columns)
    assert columns.tolist() == references.largest(values, min(k, m))


@pytest.mark.parametrize(("n", "m"), [(1, 1), (7, 5), (40, 30)])
def test_softmax_of_rows_and_what_flows_back_equal_the_float64_loop(n, m):
    rng = np.random.default_rng(n)
    start = UserItems.from_pairs(np.argwhere(rng.random((n, m)) < 0.4).astype(np.int32), n).start
    values, gradient = (rng.normal(0, 30, start[-1]).astype(np.float32) for _ in range(2))
    share, back = np.empty_like(values), np.empty_like(values)
    softmax_rows(start, values, share)
    softmax_rows_gradient(start, share, gradient, back)
    expected = references.softmax_rows(start, values)
    np.testing.assert_allclose(share, expected, atol=1e-5)
    np.testing.assert_allclose(back, references.softmax_rows_gradient(start, expected, gradient), atol=1e-3)


@pytest.mark.parametrize(("n", "m", "d", "steps"), [(1, 1, 1, 1), (6, 5, 3, 3), (12, 30, 16, 2)])
def test_routing_and_what_flows_back_equal_the_float64_equations(n, m, d, steps):
    rng = np.random.default_rng(n)
    bought = UserItems.from_pairs(np.argwhere(rng.random((n, m)) < 0.4).astype(np.int32), n)
    items, preference, given = (rng.normal(size=(rows, d)).astype(np.float32) for rows in (m, n, n))
    path = np.empty((steps + 1, n, d), dtype=np.float32)
    path[0] = preference
    share, norm = np.empty((steps, len(bought.items)), dtype=np.float32), np.empty((steps, n), dtype=np.float32)
    route(bought.start, bought.items, items, path, share, norm)
    to_users, to_items = given.copy(), np.ones_like(items)
    route_gradient(bought.start, bought.items, items, path, share, norm, to_users, to_items)

    leaves = [torch.tensor(table, dtype=torch.float64, requires_grad=True) for table in (items, preference)]
    users = references.route(bought.start, bought.items, *leaves, steps)
    (users * torch.from_numpy(given)).sum().backward()
    np.testing.assert_allclose(path[-1], users.detach().numpy(), atol=1e-5)
    item_gradient = 0 if leaves[0].grad is None else leaves[0].grad.numpy()
    np.testing.assert_allclose(to_items, 1 + item_gradient, atol=1e-4)
    np.testing.assert_allclose(to_users, leaves[1].grad.numpy(), atol=1e-4)
