"""Sharing out what players reach together: Shapley values and interaction, exact, over all sets of players.

``values`` maps every set of players to what it reaches, an array of any shape, the same for all; the results have that shape. Cost:
2^n sets for n players.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain, combinations
from math import factorial

import numpy as np
import numpy.typing as npt

__all__ = ["Game", "all_sets", "interaction_index", "interaction_weights", "shapley_value", "shapley_weights"]

Game = Mapping[frozenset[str], npt.NDArray[np.float64]]
Weights = dict[frozenset[str], float]


def all_sets(players: Iterable[str]) -> tuple[frozenset[str], ...]:
    """Every set of the players, from none to all."""
    listed = tuple(players)
    return tuple(map(frozenset, chain.from_iterable(combinations(listed, size) for size in range(len(listed) + 1))))


def shapley_weights(players: tuple[str, ...], player: str) -> Weights:
    """With which weight each set enters the player's value. Source: Shapley, "A value for n-person games", 1953."""
    n = len(players)
    weights: Weights = {}
    for before in all_sets(other for other in players if other != player):
        weight = factorial(len(before)) * factorial(n - len(before) - 1) / factorial(n)
        weights[before | {player}] = weight
        weights[before] = -weight
    return weights


def interaction_weights(players: tuple[str, ...], one: str, other: str) -> Weights:
    """With which weight each set enters the interaction of two players; below 0 they say the same, above 0 they complement.

    Source: Grabisch and Roubens, "An axiomatic approach to the concept of interaction among players", 1999.
    """
    n = len(players)
    weights: Weights = {}
    for before in all_sets(player for player in players if player not in (one, other)):
        weight = factorial(len(before)) * factorial(n - len(before) - 2) / factorial(n - 1)
        weights |= {before | {one, other}: weight, before | {one}: -weight, before | {other}: -weight, before: weight}
    return weights


def shapley_value(values: Game, players: tuple[str, ...], player: str) -> npt.NDArray[np.float64]:
    """The player's share of what all reach beyond none: the mean over all orders of what it adds when its turn comes."""
    return _weighed(values, shapley_weights(players, player))


def interaction_index(values: Game, players: tuple[str, ...], one: str, other: str) -> npt.NDArray[np.float64]:
    """What two players bring together beyond what each brings without the other, averaged over the company of the rest."""
    return _weighed(values, interaction_weights(players, one, other))


def _weighed(values: Game, weights: Weights) -> npt.NDArray[np.float64]:
    return np.sum([weight * np.asarray(values[members], dtype=np.float64) for members, weight in weights.items()], axis=0)
