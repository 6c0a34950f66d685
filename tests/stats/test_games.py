"""Shapley values and interaction against the mean over all orders, and the axioms, to 1e-9."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from diagnostics.stats.games import all_sets, interaction_index, shapley_value

PLAYERS = ("id", "text", "image", "attributes")


def _game(seed: int, shape: tuple[int, ...] = (3, 40)) -> dict[frozenset[str], np.ndarray]:
    rng = np.random.default_rng(seed)
    return {members: rng.normal(size=shape) for members in all_sets(PLAYERS)}


def _by_orders(game: dict[frozenset[str], np.ndarray], player: str) -> np.ndarray:
    gains = []
    for order in permutations(PLAYERS):
        before = frozenset(order[: order.index(player)])
        gains.append(game[before | {player}] - game[before])
    return np.mean(gains, axis=0)


@pytest.mark.parametrize("seed", range(5))
def test_a_share_is_the_mean_over_all_orders_and_shares_add_up(seed):
    game = _game(seed)
    shares = {player: shapley_value(game, PLAYERS, player) for player in PLAYERS}
    for player in PLAYERS:
        np.testing.assert_allclose(shares[player], _by_orders(game, player), rtol=0, atol=1e-9)
    whole = game[frozenset(PLAYERS)] - game[frozenset()]
    np.testing.assert_allclose(sum(shares.values()), whole, rtol=0, atol=1e-9)


def test_equals_share_equally_and_who_adds_nothing_gets_nothing():
    worth = {"id": 3.0, "text": 1.0, "image": 1.0, "attributes": 0.0}
    game = {
        members: np.array(sum(worth[m] for m in members) + 2.0 * ({"id", "text", "image"} <= members))
        for members in all_sets(PLAYERS)
    }
    shares = {player: float(shapley_value(game, PLAYERS, player)) for player in PLAYERS}
    assert shares["text"] == pytest.approx(shares["image"], abs=1e-9)
    assert shares["attributes"] == pytest.approx(0.0, abs=1e-9)
    assert shares["id"] == pytest.approx(3 + 2 / 3, abs=1e-9)


def test_shares_are_linear_in_the_game():
    one, other = _game(1), _game(2)
    mixed = {members: 0.3 * one[members] - 1.7 * other[members] for members in one}
    for player in PLAYERS:
        found = shapley_value(mixed, PLAYERS, player)
        expected = 0.3 * shapley_value(one, PLAYERS, player) - 1.7 * shapley_value(other, PLAYERS, player)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)


def test_interaction_by_hand():
    players = ("a", "b")
    game = {
        frozenset(): np.array(1.0),
        frozenset("a"): np.array(3.0),
        frozenset("b"): np.array(4.0),
        frozenset("ab"): np.array(4.5),
    }
    assert float(interaction_index(game, players, "a", "b")) == pytest.approx(4.5 - 3 - 4 + 1)
    three = _game(3, (5,))
    found = interaction_index(three, PLAYERS, "text", "image")
    assert np.allclose(found, interaction_index(three, PLAYERS, "image", "text"))
    additive = {members: np.array(float(len(members))) for members in all_sets(PLAYERS)}
    assert float(interaction_index(additive, PLAYERS, "id", "text")) == pytest.approx(0.0, abs=1e-12)
