"""Intervals over families, against formulas worked by hand and against repeated sampling."""

from __future__ import annotations

import numpy as np
import pytest

from diagnostics.stats.ratios import estimate_left_out, estimate_ratio, fold_of_groups, proportion_difference


def test_a_mean_of_single_items_is_the_textbook_mean() -> None:
    values = np.array([1.0, 2, 3, 6])
    found = estimate_ratio(values, np.ones(4), np.arange(4))
    error = values.std(ddof=1) / 2
    assert (found.value, found.n) == (3.0, 4)
    assert found.high - found.value == pytest.approx(3.1824463 * error)  # Student t, 3 degrees of freedom
    assert found.value - found.low == pytest.approx(3.1824463 * error)


def test_a_family_counts_as_one_draw() -> None:
    values, family = np.repeat([0.0, 1, 0, 1, 1], 40), np.repeat(np.arange(5), 40)
    together, apart = (estimate_ratio(values, np.ones(200), groups) for groups in (family, np.arange(200)))
    assert together.value == apart.value == 0.6
    assert together.high - together.low > 5 * (apart.high - apart.low)


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(400):
        family = np.repeat(np.arange(60), rng.integers(1, 6, 60))
        bottom = rng.uniform(1, 2, len(family))
        top = bottom * (0.3 + rng.normal(0, 0.2, 60)[family] + rng.normal(0, 0.1, len(family)))
        found = estimate_ratio(top, bottom, family)
        inside += found.low <= 0.3 <= found.high
    assert 0.91 <= inside / 400 <= 0.985


def test_nothing_to_divide_by_gives_no_value() -> None:
    assert estimate_ratio([], [], np.zeros(0, dtype=int)).value is None
    assert estimate_ratio([0.0, 0], [0.0, 0], np.arange(2)).value is None
    one = estimate_ratio([1.0, 0], [1.0, 1], np.zeros(2, dtype=int))
    assert one.value == 0.5 and one.low is None


def test_leaving_out_single_items_gives_the_standard_error_of_a_mean() -> None:
    values = np.array([1.0, 2, 3, 6])
    left_out = [np.delete(values, at).mean() for at in range(4)]
    found = estimate_left_out(3.0, left_out, 4)
    assert found.high - 3 == pytest.approx(3.1824463 * values.std(ddof=1) / 2)


def test_families_stay_in_one_fold_and_folds_are_even() -> None:
    rng = np.random.default_rng(0)
    family = rng.permutation(np.repeat(np.arange(300), rng.integers(1, 4, 300)))
    fold = fold_of_groups(family, 5, rng)
    assert all(len(set(fold[family == one])) == 1 for one in range(300))
    assert np.bincount(fold, minlength=5).min() > 0.85 * len(family) / 5


def test_difference_of_shares_as_in_newcombes_paper() -> None:
    found = proportion_difference(56, 70, 48, 80)  # Newcombe 1998, table II (a), method 10: 0.0524 to 0.3339
    assert found.value == pytest.approx(0.2)
    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    sure = proportion_difference(10, 10, 0, 20)  # (f): 0.6791 to 1 for 10/10 against 0/20
    assert (sure.low, sure.high) == pytest.approx((0.6791, 1.0), abs=5e-5)
