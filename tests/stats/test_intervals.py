"""Intervals: coverage by simulation, agreement with the closed form, pairing, and what a Contrast answers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm, t

from diagnostics.config import threshold
from diagnostics.stats import (
    Contrast,
    estimate_difference,
    estimate_mean,
    minimum_detectable_effect,
    planned_detectable_effect,
)
from diagnostics.stats.intervals import LIMITS


def test_one_seed_interval_equals_the_normal_approximation_for_many_users():
    values = np.random.default_rng(0).binomial(1, 0.2, 5000).astype(float)
    found = estimate_mean(values)
    half = norm.ppf(0.975) * values.std() / np.sqrt(5000)
    assert found.value == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - half, rel=0.03)
    assert found.high == pytest.approx(values.mean() + half, rel=0.03)
    assert found.n == 5000


def test_without_user_noise_the_interval_is_students_over_seeds():
    means = np.array([0.10, 0.12, 0.11])
    found = estimate_mean(np.repeat(means[:, None], 50, axis=1))
    half = t.ppf(0.975, 2) * means.std(ddof=1) / np.sqrt(3)
    assert found.high - found.low == pytest.approx(2 * half, rel=0.12)


def test_pairing_removes_what_both_share():
    rng = np.random.default_rng(2)
    shared = rng.normal(0, 1, (3, 400))
    found = estimate_difference(shared + 0.01, shared)
    assert found.low == pytest.approx(0.01) and found.high == pytest.approx(0.01)
    assert found.unit == "difference"


def test_an_empty_sample_has_no_value():
    found = estimate_mean(np.empty((0, 0)))
    assert (found.value, found.low, found.high, found.n) == (None, None, None, 0)


def test_minimum_detectable_effect_is_found_four_times_in_five():
    rng, sd, n = np.random.default_rng(3), 0.4, 300
    effect = minimum_detectable_effect(rng.normal(0, sd, n))
    assert effect == pytest.approx((1.96 + 0.8416) * sd / np.sqrt(n), rel=0.1)
    found = sum(Contrast(rng.normal(effect, sd, (1, n))).position(0.0) == "above" for _ in range(300))
    assert 0.72 <= found / 300 <= 0.88


def test_the_effect_foreseen_is_that_of_two_models_whose_hits_go_together():
    rng = np.random.default_rng(4)
    tests = rng.integers(1, 6, 4000)
    user, n = np.repeat(np.arange(4000), tests), int(tests.sum())
    one, anew = rng.random((2, n)) < 0.15
    other = np.where(rng.random(n) < threshold("paired_correlation"), one, anew)
    difference = np.bincount(user, one.astype(float) - other) / tests
    assert planned_detectable_effect(tests, 0.15) == pytest.approx(minimum_detectable_effect(difference), rel=0.06)
    assert planned_detectable_effect([], 0.15) is None and planned_detectable_effect(tests, 0.0) is None


def test_a_contrast_knows_its_side_and_whether_one_seed_decides():
    rng = np.random.default_rng(4)
    noise = rng.normal(0, 0.02, (4, 500))
    clear = Contrast(noise + 0.05)
    assert clear.position(0.01) == "above" and Contrast(-clear.differences).position(-0.01) == "below"
    assert clear.same_side_for_all_seeds(0.01) and clear.stays_without_any_seed(0.01)
    torn = Contrast(noise + np.array([0.05, 0.05, 0.05, -0.2])[:, None])
    assert torn.position(0.0) == "open"
    assert not torn.same_side_for_all_seeds(0.0) and not torn.stays_without_any_seed(0.0)
    low, high = clear.bounds()
    lower, higher = clear.bounds(5)
    assert lower < low and higher > high


def test_very_many_users_have_the_interval_of_the_normal_limit():
    values = np.random.default_rng(5).binomial(1, 0.2, 30_000).astype(float)
    found = estimate_mean(values)
    half = norm.ppf(0.975) * values.std() / np.sqrt(30_000)
    assert found.high - found.low == pytest.approx(2 * half, rel=0.05)


def test_looks_before_the_end_hardly_add_to_the_errors_of_the_last():
    """2,000 comparisons of nothing, looked at after three, four and five seeds: claims at 99.9 % before the end, at 95 % there."""
    rng, before, early, final = np.random.default_rng(5), threshold("look_level"), 0, 0
    for _ in range(2000):
        own = rng.normal(0, 0.3, 100) + rng.normal(0, 0.02, (5, 1)) + rng.normal(0, 0.1, (5, 100))
        looks = [Contrast(own[:n], level=before).student() for n in (3, 4)]
        stopped = any(look.low > 0 or look.high < 0 for look in looks)
        last = Contrast(own).student()
        early += stopped
        final += stopped or last.low > 0 or last.high < 0
    assert early / 2000 < 0.005
    assert final / 2000 < 0.065  # the exact 99 % band of 5 % is 3.8 to 6.4 %


def test_a_stricter_level_is_the_closed_form_where_resamples_cannot_tell():
    values = np.random.default_rng(6).normal(0.02, 0.3, (4, 400))
    strict, usual = Contrast(values, level=0.999), Contrast(values)
    assert strict.bounds() == pytest.approx((strict.value - strict.reach(), strict.value + strict.reach()))
    assert strict.reach() > 1.5 * usual.reach()
    assert usual.bounds() == pytest.approx((usual.value - usual.reach(), usual.value + usual.reach()), abs=0.2 * usual.reach())
    assert usual.reach(n_seeds=40) < usual.reach() and usual.reach(n_seeds=4) == usual.reach()


@pytest.mark.parametrize(("unit", "values"), [("share", [0.02, 0.5]), ("cosine", [0.6, 0.99]), ("epochs", [1.0, 9.0])])
def test_an_interval_ends_where_its_unit_does(unit, values):
    """Two values leave Student's t a reach of 6 times their distance."""
    low, high = LIMITS[unit]
    found = estimate_mean([[value] for value in values], unit=unit)
    assert low <= found.low < found.value < found.high <= high and (found.low == low or found.high == high)
    free = estimate_mean([[value] for value in values], unit="difference")
    assert free.low < low or free.high > high
