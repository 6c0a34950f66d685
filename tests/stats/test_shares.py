"""Exact intervals of shares, beside published values and scipy's own."""

from __future__ import annotations

import pytest
from scipy.stats import binomtest

from diagnostics.stats.shares import estimate_share


@pytest.mark.parametrize(("count", "n", "low", "high"), [(0, 10, 0.0, 0.3085), (5, 10, 0.1871, 0.8129), (10, 10, 0.6915, 1.0)])
def test_published_intervals(count, n, low, high):
    found = estimate_share(count, n)
    assert (found.value, found.n) == (count / n, n)
    assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


@pytest.mark.parametrize(("count", "n"), [(1, 1), (3, 97), (96, 100), (250, 1000)])
def test_the_same_as_scipy_s_exact_test(count, n):
    found, theirs = estimate_share(count, n, level=0.9), binomtest(count, n).proportion_ci(0.9, "exact")
    assert (found.low, found.high) == (pytest.approx(theirs.low), pytest.approx(theirs.high))


def test_nothing_tried_is_no_share():
    assert estimate_share(0, 0).value is None
