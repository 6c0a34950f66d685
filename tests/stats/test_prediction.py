"""Held-out prediction against scikit-learn and against truths that were built in."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import roc_auc_score

from diagnostics.stats.prediction import estimate_auc, held_out_r2, logistic, own_shares
from diagnostics.stats.ratios import fold_of_groups


def test_a_linear_relation_is_found_and_its_noise_is_the_ceiling() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2000, 12))
    clean = x @ rng.normal(size=(12, 6))
    noisy = clean + rng.normal(size=clean.shape) * clean.std()
    exact, half = (held_out_r2(x, y, np.arange(2000)) for y in (clean, noisy))
    assert exact.value > 0.999
    assert half.low < 0.5 < half.high and half.high - half.low < 0.06


def test_noise_foretells_nothing_however_many_columns_it_has() -> None:
    rng = np.random.default_rng(1)
    found = held_out_r2(rng.normal(size=(400, 150)), rng.normal(size=(400, 20)), np.arange(400))
    assert -0.02 < found.value < 0.01 and found.low <= 0.001


def test_a_family_is_held_out_whole() -> None:
    """Copies of one item would give the answer away: unrelated views of families look related item by item only."""
    rng = np.random.default_rng(2)
    family = np.repeat(np.arange(60), 8)
    x, y = rng.normal(size=(60, 100))[family], rng.normal(size=(60, 5))[family]
    assert held_out_r2(x, y, np.arange(480)).value > 0.9
    assert held_out_r2(x, y, family).value < 0.05


def test_members_of_a_family_that_err_alike_do_not_choose_the_penalty() -> None:
    """Cross-validation item by item would find each answer next door, and spend a hundred slopes on it."""
    rng = np.random.default_rng(11)
    family = np.repeat(np.arange(80), 5)
    x = rng.normal(size=(80, 100))[family] + 0.3 * rng.normal(size=(400, 100))
    y = x @ rng.normal(size=(100, 4)) * 0.07 + rng.normal(size=(80, 4))[family] + 0.3 * rng.normal(size=(400, 4))
    found = held_out_r2(x, y, family)
    fold = fold_of_groups(family, 5, np.random.default_rng(0))
    reached = []
    for penalty in np.logspace(-1, 5, 25):
        wrong = spread = 0.0
        for held in range(5):
            out = fold == held
            wrong += ((y[out] - Ridge(penalty).fit(x[~out], y[~out]).predict(x[out])) ** 2).sum()
            spread += ((y[out] - y[~out].mean(axis=0)) ** 2).sum()
        reached.append(1 - wrong / spread)
    assert 0 < max(reached) - 0.03 < found.value
    item_by_item = held_out_r2(x, y, np.arange(400))  # which finds the answers next door, and believes in them
    assert item_by_item.value > 2 * found.value


def test_log_odds_as_scikit_learn_finds_them() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(500, 4))
    outcome = rng.random(500) < 1 / (1 + np.exp(-(x @ [1.0, -2, 0.5, 0] - 1)))
    oracle = LogisticRegression(C=1.0, tol=1e-10, max_iter=1000).fit(x, outcome)
    assert logistic(x, outcome) == pytest.approx([oracle.intercept_[0], *oracle.coef_[0]], abs=1e-4)


def test_auc_as_scikit_learn_finds_it_with_ties() -> None:
    rng = np.random.default_rng(4)
    outcome = rng.random(300) < 0.3
    score = (rng.normal(size=300) + outcome).round(1)
    found = estimate_auc(score, outcome)
    assert found.value == pytest.approx(roc_auc_score(outcome, score))
    assert found.low < found.value < found.high


def test_delong_by_hand() -> None:
    """Yes scores 3, 1; no scores 2, 0: of the yeses, 1 and 1/2 of the noes lie below; of the noes, 1/2 and 1 of the yeses above."""
    found = estimate_auc([3, 1, 2, 0], np.array([True, True, False, False]))
    assert found.value == 0.75
    assert (found.low, found.high) == (pytest.approx(0.75 - 1.959964 * np.sqrt(0.125 / 2 + 0.125 / 2)), 1.0)


def test_the_interval_of_an_auc_holds_the_truth() -> None:
    rng = np.random.default_rng(5)
    inside = 0
    for _ in range(300):
        outcome = np.arange(120) < 40
        found = estimate_auc(rng.normal(size=120) + outcome, outcome)
        inside += found.low <= 0.7602 <= found.high  # Phi(1 / sqrt 2)
    assert 0.91 <= inside / 300 <= 0.985


def test_one_case_is_not_enough() -> None:
    assert estimate_auc([1, 2, 3], np.array([True, False, False])).value is None


def _blocks(n: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two unrelated views of four factors each, and what both foretell, half of it noise."""
    rng = np.random.default_rng(7)
    first, second = rng.normal(size=(2, n, 4))
    clean = np.hstack([first, second]) @ rng.normal(size=(8, 6))
    return first, second, clean + rng.normal(size=clean.shape) * clean.std()


def test_two_halves_own_half_each() -> None:
    first, second, y = _blocks()
    halves = own_shares([first, second], y, np.arange(len(y)))
    truth = [((part @ np.linalg.lstsq(part, y, rcond=None)[0]) ** 2).sum() for part in (first, second)]
    for found, wanted in zip(halves, truth, strict=True):
        assert found.low < wanted / sum(truth) < found.high
    assert sum(found.value for found in halves) == pytest.approx(1, abs=0.05)


def test_a_copy_owns_nothing_and_neither_does_noise() -> None:
    first, second, y = _blocks()
    rng = np.random.default_rng(8)
    turned = 50 * np.hstack([first, second]) @ np.linalg.qr(rng.normal(size=(8, 8)))[0]
    noise = rng.normal(size=(len(y), 60))
    whole, part, nothing = own_shares([turned, first, noise], y, np.arange(len(y)))
    assert part.high < 0.05 and nothing.high < 0.05 and min(part.low, nothing.low) > -0.1
    assert whole.low > 0.3  # the second half


def test_noise_beside_does_not_make_a_share_negative() -> None:
    first, second, y = _blocks(150)
    rng = np.random.default_rng(9)
    buried = np.hstack([first, 5 * rng.normal(size=(150, 60))])
    found = own_shares([buried, np.hstack([first, second])], y, np.arange(150))
    assert abs(found[0].value) < 0.05 and found[1].value > 0.5


def test_where_all_foretell_nothing_there_is_nothing_to_share() -> None:
    rng = np.random.default_rng(10)
    found = own_shares([rng.normal(size=(120, 10)), rng.normal(size=(120, 10))], rng.normal(size=(120, 5)), np.arange(120))
    assert [one.value for one in found] == [None, None]
