"""What arms say together of seeds: recovered from results whose parts we chose, and intervals that cover the truth."""

from __future__ import annotations

import numpy as np
import pytest

from diagnostics.stats import Contrast, estimate_mean, noise_of_levels, pool_seed_noise
from diagnostics.stats.seed_noise import spread_of
from tests.stats.coverage import WORLDS, arms, simulate


def test_the_seeds_part_is_told_apart_from_the_rest():
    rng = np.random.default_rng(0)
    y = arms(rng, 40, 500, 12, {"users": 0.1, "seeds": 0.02, "rest": 0.3})
    noise = pool_seed_noise(list(y))
    assert noise is not None and noise.variance == pytest.approx(0.02**2, rel=0.15)
    spread = spread_of(y[0])
    assert spread.seeds == pytest.approx(0.02**2 / 40, rel=0.5)
    assert spread.users == pytest.approx((0.1**2 + 0.1**2 + 0.3**2 / 40) / 500, rel=0.15)


def test_arms_that_differ_are_pooled_less_than_arms_that_agree():
    rng = np.random.default_rng(1)
    alike = pool_seed_noise(list(arms(rng, 10, 300, 8, {"users": 0.1, "seeds": 0.02, "rest": 0.1})))
    uneven = pool_seed_noise(list(arms(rng, 10, 300, 8, {"users": 0.1, "seeds": 0.02, "rest": 0.1, "uneven": 1.5})))
    assert alike is not None and uneven is not None and uneven.freedom < alike.freedom


def test_too_few_arms_or_seeds_say_nothing():
    y = list(np.random.default_rng(2).normal(size=(4, 3, 20)))
    assert pool_seed_noise(y[:2]) is None and pool_seed_noise([one[:1] for one in y]) is None
    assert pool_seed_noise(y) is not None


def test_one_seed_is_no_surer_than_several():
    """What other arms tell of seeds goes for an arm with one seed too; without them nothing is known of seeds."""
    y = arms(np.random.default_rng(3), 5, 2000, 6, {"users": 0.1, "seeds": 0.02, "rest": 0.1})
    noise = pool_seed_noise(list(y))
    several, one = (Contrast(seeds, noise) for seeds in (y[0] - y[1], (y[0] - y[1])[:1]))
    width = {name: found.bounds()[1] - found.bounds()[0] for name, found in (("several", several), ("one", one))}
    assert noise is not None and width["one"] > 1.5 * width["several"]
    assert one.p_value(one.value - 0.03) > several.p_value(several.value - 0.03)
    alone = Contrast((y[0] - y[1])[:1]).bounds()
    assert alone[1] - alone[0] < width["one"]


def test_what_a_seed_does_to_all_arms_counts_for_levels_alone():
    rng = np.random.default_rng(5)
    y = list(arms(rng, 60, 400, 8, {"users": 0.1, "seeds": 0.01, "rest": 0.1, "shared": 0.02}))
    compared, level = pool_seed_noise(y), noise_of_levels(y)
    assert compared is not None and compared.variance == pytest.approx(0.01**2, rel=0.15)
    assert level is not None and level.variance == pytest.approx(0.01**2 + 0.02**2, rel=0.4)
    assert level.freedom < compared.freedom  # a seed tells of what it does to all once, not once for each arm
    assert noise_of_levels(y[:2]) is None


def test_two_seeds_leave_a_level_its_interval_where_other_arms_tell_of_seeds():
    y = list(arms(np.random.default_rng(6), 2, 400, 8, {"users": 0.1, "seeds": 0.02, "rest": 0.1}))
    noise = noise_of_levels(y)
    widths = np.array([[found.high - found.low for found in (estimate_mean(one), estimate_mean(one, noise=noise))] for one in y])
    assert np.median(widths[:, 1]) < np.median(widths[:, 0]) / 2 and (widths[:, 1] < 0.2).all()


@pytest.mark.parametrize("label", WORLDS)
def test_every_estimator_covers_the_truth_as_often_as_it_says(label):
    """500 simulations each; 95 % lies within 92.4 to 97.4 with a chance of 99 %. ``tests.stats.coverage`` runs thousands."""
    for name, (covered, _) in simulate(WORLDS[label], 500, n_seeds=5, n_users=300, seed=4).items():
        assert 0.92 <= covered <= 0.98, name
