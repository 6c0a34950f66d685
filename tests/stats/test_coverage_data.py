"""Intervals of what is measured before training cover the truth about as often as they say; ``coverage_data`` draws thousands."""

from __future__ import annotations

import pytest

from tests.stats.coverage_data import DESIGNS, coverage


@pytest.mark.parametrize("estimator", DESIGNS)
def test_every_estimator_covers_the_truth_about_as_often_as_it_says(estimator):
    """Of 120 intervals or more; below 88 % with a chance of 1 in 1,000 if 95 % is true."""
    found = [
        one for draw, truth in DESIGNS[estimator].values() for one in coverage(draw, truth, 120 // len(DESIGNS[estimator]) + 1)
    ]
    covered = sum(share * n for share, _, n in found) / sum(n for *_, n in found)
    assert 0.88 <= covered <= 1 if estimator.startswith("estimate_share") else 0.88 <= covered < 1
