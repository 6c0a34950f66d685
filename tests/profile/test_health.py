"""Hand-worked vector health."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from diagnostics.profile.health import feature_health


def test_health_of_vectors_worked_by_hand(make_block: Callable) -> None:
    # Unit vectors along both directions of two axes: equal variance on two axes, none on the third.
    cross = make_block([[3, 0, 0], [-3, 0, 0], [0, 3, 0], [0, -3, 0], [np.nan] * 3], "cross")
    long = make_block([[30.0, 40], [30, 40], [0, 0], [30, 40], [30, 40]], "long")
    one, two = feature_health([cross, long])
    assert (one.dimensions, one.norm_mean, one.norm_cv, one.dead_dimensions, one.zero_rows) == (3, 3, 0, pytest.approx(1 / 3), 0)
    assert one.effective_rank == pytest.approx(2)
    assert one.mean_cosine == pytest.approx(-1 / 3)  # of six pairs two are opposite, four at right angles
    assert (two.norm_mean, two.zero_rows, two.effective_rank) == (40, 0.2, pytest.approx(1))
    assert two.mean_cosine == pytest.approx(1)
    assert one.norm_ratio == 1 and two.norm_ratio == pytest.approx(40 / 3)  # 3 is nearer to 1, where encoders leave vectors


@pytest.mark.parametrize(
    ("lengths", "ratios"),
    [
        ((1000, 1, 2), (500, 0.5, 1)),  # the median
        ((1, 0.001), (1, 0.001)),
        ((1000, 2000, 1, 2), (500, 1000, 0.5, 1)),  # two of a kind against two: those of the usual length are not the odd ones
        ((0, 1, 40), (None, 1, 40)),
    ],
)
def test_only_the_odd_length_is_far_from_the_usual_one(make_block: Callable, lengths: tuple, ratios: tuple) -> None:
    healths = feature_health([make_block([[0.6 * length, 0.8 * length]], f"v{at}") for at, length in enumerate(lengths)])
    assert [health.norm_ratio for health in healths] == [pytest.approx(ratio) for ratio in ratios]


def test_effective_rank_knows_the_number_of_independent_directions(make_block: Callable) -> None:
    rng = np.random.default_rng(0)
    thin = rng.normal(size=(3000, 8)) @ np.linalg.qr(rng.normal(size=(40, 8)))[0].T
    health = feature_health([make_block(thin)])[0]
    assert health.effective_rank == pytest.approx(8, rel=0.05) and health.norm_ratio is None


def test_a_few_damaged_rows_do_not_make_the_others_look_off_scale(make_block: Callable) -> None:
    rng = np.random.default_rng(1)
    sound = rng.normal(size=(400, 16))
    damaged = sound.copy()
    damaged[:6] *= 1000
    other, one = feature_health([make_block(rng.normal(size=(400, 16)), "other"), make_block(damaged, "one")])
    assert one.norm_mean == pytest.approx(np.linalg.norm(sound[6:], axis=1).mean(), rel=1e-5)
    assert 0.9 < one.norm_ratio / other.norm_ratio < 1.1 and one.effective_rank > 15
