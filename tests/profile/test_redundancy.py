"""Kernel alignment against the plain formula, and pairs that are copies, halves or strangers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from diagnostics.profile.redundancy import debiased_cka, redundancy
from diagnostics.profile.views import View

N = 400


def _hsic_by_definition(k: np.ndarray, ell: np.ndarray) -> float:
    """Song et al. 2012, equation 5, on tables of items against items."""
    n = len(k)
    k, ell = k - np.diag(np.diag(k)), ell - np.diag(np.diag(ell))
    one = np.ones(n)
    total = np.trace(k @ ell) + (one @ k @ one) * (one @ ell @ one) / ((n - 1) * (n - 2)) - 2 / (n - 2) * (one @ k @ ell @ one)
    return float(total / (n * (n - 3)))


def test_alignment_as_by_definition() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(2, 1, (50, 8))
    y = x[:, :3] @ rng.normal(size=(3, 5)) + rng.normal(size=(50, 5))
    k, ell = x @ x.T, y @ y.T
    wanted = _hsic_by_definition(k, ell) / np.sqrt(_hsic_by_definition(k, k) * _hsic_by_definition(ell, ell))
    assert debiased_cka(x, y).value == pytest.approx(wanted)


def test_unrelated_views_have_no_alignment_even_in_many_dimensions() -> None:
    rng = np.random.default_rng(1)
    found = [debiased_cka(rng.normal(size=(60, 120)), rng.normal(size=(60, 120))) for _ in range(40)]
    assert np.mean([one.value for one in found]) == pytest.approx(0, abs=0.02)  # the plain estimate is about two thirds here
    assert sum(one.low <= 0 <= one.high for one in found) >= 36
    x = rng.normal(size=(100, 20))
    turned = 7 * x @ np.linalg.qr(rng.normal(size=(20, 20)))[0] + 3
    assert debiased_cka(x, turned).value == pytest.approx(1)


@pytest.fixture
def pair(make_block: Callable) -> Callable:
    def make(second: Callable[[np.ndarray, np.random.Generator], np.ndarray]):
        rng = np.random.default_rng(2)
        values = rng.normal(size=(N, 20))
        blocks = make_block(values, "one"), make_block(second(values, rng), "two")
        views = [View.of(block, block.present, np.arange(N)) for block in blocks]
        return redundancy(*views, np.arange(N))

    return make


def test_a_copy_is_redundant_both_ways(pair: Callable) -> None:
    found = pair(lambda x, rng: 100 * x @ np.linalg.qr(rng.normal(size=(20, 20)))[0])
    assert found.second_from_first.low > 0.99 and found.first_from_second.low > 0.99
    assert found.neighbour_overlap.value > 0.99 and found.p_value == pytest.approx(0.01)
    assert (found.modalities, found.n_items) == (("one", "two"), N)


def test_a_part_is_foretold_by_the_whole_and_not_the_other_way_round(pair: Callable) -> None:
    found = pair(lambda x, rng: x[:, :5])
    assert found.second_from_first.low > 0.99
    assert found.first_from_second.value == pytest.approx(0.25, abs=0.04)


def test_strangers_are_at_chance(pair: Callable) -> None:
    found = pair(lambda x, rng: rng.normal(size=x.shape))
    assert found.second_from_first.value < 0.01 and found.first_from_second.value < 0.01
    assert found.neighbour_chance.low <= found.neighbour_overlap.value <= found.neighbour_chance.high
    assert found.neighbour_chance.value == pytest.approx(10 / (N - 1)) and found.p_value > 0.01


def test_only_items_that_have_both(pair: Callable) -> None:
    def half(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        values = x.copy()
        values[: N // 2] = np.nan
        return values

    assert pair(half).n_items == N // 2 and pair(half).neighbour_overlap.value > 0.9  # other means, other angles
    assert pair(lambda x, rng: np.where(np.arange(N)[:, None] < 350, np.nan, x)) is None
