"""How a training ended, on curves that are short enough to judge by eye; and that one still rising is given more epochs."""

from __future__ import annotations

import pytest

from models.backbones.vbpr import VBPR
from models.balancers import BALANCERS
from models.convergence import begun, convergence, flat, rising
from models.training import Course, EpochRecord, Settings, train
from tests.models.worlds import small_world


@pytest.mark.parametrize(
    ("validation", "losses", "word"),
    [
        ([0.1, 0.2, 0.2, 0.2], [0.69, 0.5, 0.4, 0.4], "converged"),
        ([0.1, 0.2, 0.201, 0.2], [0.69, 0.5, 0.4, 0.4], "converged"),  # half a percent is noise
        ([0.1, 0.15, 0.2, 0.25], [0.69, 0.5, 0.4, 0.3], "rising"),
        ([0.1, 0.2, 0.18, 0.17], [0.69, 0.5, 0.4, 0.3], "early_stopped"),
        ([0.1, 0.2, 0.2, 0.2], [0.69, 0.5, 0.9, 1.5], "diverged"),
        ([0.1, 0.2, 0.2, 0.2], [0.69, 0.5, 0.9, float("nan")], "diverged"),
        ([0.1, 0.2, 0.18, 0.17], [9e6, 8e6, 7e6, 6e6], "diverged"),  # falls, from the enormous to the huge
        ([0.1, 0.1, 0.1, 0.1], [0.6931, 0.6932, 0.6931, 0.6932], "converged"),  # a learning rate of 0 changes nothing
        ([0.1, 0.2], [2.9, 1.1], "rising"),  # begins above a coin's, and learns
        ([0.1, 0.2], [0.69, 0.5], "rising"),
        ([0.2, 0.2], [0.69, 0.69], "rising"),  # too short to tell is not converged
        ([0.1], [0.69], "rising"),
        ([], [], "diverged"),
    ],
)
def test_one_word_for_a_curve(validation, losses, word):
    assert convergence(validation, losses, patience=2, least=0.01) == word


@pytest.mark.parametrize(
    ("validation", "word"),
    [
        ([0.1, 0.2, 0.3, 0.29], "rising"),  # one epoch that happens to be lower is no end
        ([0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.3], "rising"),
        ([0.1, 0.2, 0.3, 0.3, 0.3, 0.3], "converged"),
        ([0.1, 0.3, 0.29, 0.28, 0.27], "early_stopped"),
    ],
)
def test_one_that_was_not_to_end_by_itself_is_judged_by_its_last_epochs(validation, word):
    assert convergence(validation, [0.69, 0.5], patience=8, least=0.01) == word


@pytest.mark.parametrize(
    ("validation", "over"),
    [
        ([0.1, 0.2, 0.2, 0.1], True),
        ([0.1, 0.2, 0.2, 0.11], False),  # on average higher, though no epoch is the best
        ([0.3, 0.2, 0.1, 0.1], True),
        ([0.1, 0.2, 0.3, 0.3], False),
        ([0.3, 0.2, 0.1], False),  # too short to tell
        ([*range(20), 19, 18], False),  # after 20 epochs it takes more than two that fall,
        ([*range(20), 19, 18, 17, 16, 15], True),  # and a fifth of all will do
    ],
)
def test_a_curve_is_flat_when_its_last_epochs_are_no_better_than_those_before(validation, over):
    assert flat(validation, patience=2) == over


@pytest.mark.parametrize(
    ("losses", "over"),
    [
        ([0.69, 0.68, 0.67, 0.66], False),  # falls, and is hardly better than a coin
        ([0.69, 0.62, 0.57, 0.54], True),
        ([0.69, 0.668, 0.667, 0.666], True),  # falls no more
        ([0.69, 0.54, 0.60, 0.57], True),  # a loss that is not what is trained may rise again, as BM3's does
    ],
)
def test_patience_begins_when_the_training_does(losses, over):
    records = [EpochRecord(number, loss, 0.03, {}, best=number == 1) for number, loss in enumerate(losses, start=1)]
    assert begun(losses, 2, 0.01) == over
    assert Course(records).over(Settings(60, 2, 64)) == over
    assert Course(records[:3]).over(Settings(60, 3, 64)) is False  # patience itself stays what it is
    assert Course(records).over(Settings(4, 2, 64))  # and so do the epochs


def test_a_training_that_still_rises_goes_on_and_no_further_than_allowed():
    features, data, n_users, n_items = small_world(60, 40)

    def curve(extended):
        model = VBPR(n_users, n_items, features, train=data.train, learning_rate=2e-3)
        settings = Settings(4, 3, 64, extended=extended)
        return [record.validation for record in train(model, data, BALANCERS["none"]({}), settings, seed=1)]

    plain, longer = curve(0), curve(9)
    assert len(plain) == 4 and longer[:4] == plain
    assert rising(plain, 3, 0.01) and 4 < len(longer) <= 9
    assert len(longer) == 9 or not rising(longer, 3, 0.01) or max(longer[-3:]) <= max(longer[:-3])


@pytest.mark.parametrize(("last", "word"), [(0.30, "converged"), (0.28, "early_stopped"), (0.33, "rising")])
def test_a_training_that_was_not_to_end_by_itself_is_judged_by_its_last_fifth(last, word):
    """As long as its patience, and 150 epochs: its best before the thirtieth from the end is none that it still gains on."""
    curve = [0.30 * min(epoch / 40, 1) for epoch in range(120)] + [last] * 30
    assert convergence(curve, [0.69 - 0.001 * epoch for epoch in range(150)], patience=150, least=0.01) == word
