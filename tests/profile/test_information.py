"""Partial information decomposition on cases with known answers, and on planted clusters."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.optimize import minimize

from diagnostics.profile.information import decompose, own_share_of_each, shared_information
from diagnostics.profile.views import Collaborative, View

PARTS = ("unique_first", "unique_second", "shared", "synergy", "total")


def _logic(rule: Callable[[int, int], int], targets: int = 2) -> np.ndarray:
    table = np.zeros((2, 2, targets))
    for a in (0, 1):
        for b in (0, 1):
            table[a, b, rule(a, b)] += 1
    return table


def _copy() -> np.ndarray:
    table = np.zeros((2, 2, 2))
    table[0, 0, 0] = table[1, 1, 1] = 5
    return table


@pytest.mark.parametrize(
    ("table", "wanted"),
    [
        (_logic(lambda a, b: a ^ b), (0, 0, 0, 1, 1)),  # exclusive or: only together
        (_logic(lambda a, b: a), (1, 0, 0, 0, 1)),  # the first alone
        (_logic(lambda a, b: b), (0, 1, 0, 0, 1)),
        (_copy(), (0, 0, 1, 0, 1)),  # both say the same
        (_logic(lambda a, b: 2 * a + b, 4), (1, 1, 0, 0, 2)),  # two halves of the target: nothing is shared
        (_logic(lambda a, b: a & b), (0, 0, 0.31128, 0.5, 0.81128)),  # Bertschinger et al. 2014, table 1
    ],
)
def test_known_answers_in_bits(table: np.ndarray, wanted: tuple) -> None:
    assert decompose(table[None])[0] == pytest.approx(wanted, abs=1e-3)


def test_the_least_is_that_of_a_general_optimiser() -> None:
    """Every table with the right margins is the given one plus one number per target (2 x 2): search those numbers."""
    p = np.random.default_rng(0).random((2, 2, 3))
    p /= p.sum()
    corner = np.array([[1, -1], [-1, 1]])[:, :, None]

    def information(shift: np.ndarray) -> float:
        q = np.clip(p + corner * shift, 1e-15, None)
        alone = q.sum(axis=2, keepdims=True) * q.sum(axis=(0, 1), keepdims=True)
        return float((q * np.log2(q / alone)).sum())

    limits = [(-min(p[0, 0, y], p[1, 1, y]), min(p[0, 1, y], p[1, 0, y])) for y in range(3)]
    least = minimize(information, np.zeros(3), bounds=limits, method="L-BFGS-B", options={"ftol": 1e-14}).fun
    *_, synergy, total = decompose(p[None])[0]
    assert total - synergy == pytest.approx(least, abs=1e-4)


def test_the_parts_add_up_and_swap_with_the_modalities() -> None:
    tables = np.random.default_rng(1).random((6, 3, 4, 5)) ** 4
    there, back = decompose(tables), decompose(tables.transpose(0, 2, 1, 3))
    assert there[:, :4].sum(axis=1) == pytest.approx(there[:, 4])
    assert back[:, [1, 0, 2, 3, 4]] == pytest.approx(there, abs=1e-3)
    assert (there > -1e-3).all()


@pytest.fixture
def taste_world(make_dataset: Callable, make_block: Callable) -> Callable:
    """1,200 items of four tastes that customers keep to; modalities show the taste, or noise."""
    rng = np.random.default_rng(2)
    taste = rng.permutation(np.arange(1200) % 4)
    train = [(user, int(item)) for user in range(2500) for item in rng.choice(np.flatnonzero(taste == user % 4), 6, replace=False)]
    dataset = make_dataset(1200, train)

    def view(name: str, shows: bool, n_items: int = 1200) -> View:
        centres = np.eye(4)[taste if shows else rng.permutation(taste)]
        block = make_block(centres + rng.normal(0, 0.15, centres.shape), name)
        return View.of(block, np.arange(1200) < n_items, np.arange(1200))

    return view, Collaborative(dataset.split, np.arange(1200))


def test_planted_tastes_are_shared_unique_or_absent(taste_world: tuple) -> None:
    view, bought = taste_world

    def measure(first: bool, second: bool):
        return shared_information(view("one", first), view("two", second), bought, np.arange(1200))

    both, one, none = measure(True, True), measure(True, False), measure(False, False)
    assert both.shared.low > 0.8 * both.total.value > 0.5
    assert abs(both.unique_first.value) < 0.1 and abs(both.unique_second.value) < 0.1
    assert one.unique_first.low > 0.8 * one.total.value and abs(one.shared.value) < 0.05
    assert none.total.low < 0.05 and abs(none.total.value) < 0.05
    assert both.n_items > 1000


def test_a_rare_modality_takes_no_others_share_away(taste_world: tuple) -> None:
    view, bought = taste_world
    views = view("rare", True, 60), view("one", True), view("two", False)
    shares = own_share_of_each(views, bought, np.arange(1200))
    assert shares == own_share_of_each(views[1:], bought, np.arange(1200))
    assert shares["one"].low > 0.9 and abs(shares["two"].value) < 0.02
    assert set(own_share_of_each((view("half", False, 600), *views[1:]), bought, np.arange(1200))) == {"half", "one", "two"}
    assert own_share_of_each(views[:2], bought, np.arange(1200)) == {}
