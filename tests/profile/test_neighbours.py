"""The ten nearest against sorting all pairs, and no favour for where an item stands."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnostics.profile.neighbours import Neighbours, unit_rows
from tests.models import references


def _unit(n: int, d: int, seed: int) -> np.ndarray:
    return unit_rows(np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32), np.ones(n, dtype=bool))


@settings(max_examples=25, deadline=None)
@given(st.integers(12, 700), st.integers(2, 40), st.integers(0, 1000))
def test_as_by_sorting(n: int, d: int, seed: int) -> None:
    unit = _unit(n, d, seed)
    wanted = references.nearest(unit, 10)
    similar = unit.astype(np.float64) @ unit.T.astype(np.float64)
    found = Neighbours(unit, seed).table[:, :10]
    assert all(len(set(row)) == 10 for row in found.tolist())
    assert not (found == np.arange(n)[:, None]).any()
    best, ours = (np.take_along_axis(similar, rows, axis=1) for rows in (wanted, found))
    assert ours == pytest.approx(best, abs=1e-5)  # equal but for pairs that float32 cannot tell apart


@pytest.mark.parametrize("share", [0.95, 0.3, 0.05])
def test_among_some_items_as_by_sorting_those_items(share: float) -> None:
    unit = _unit(600, 16, 3)
    rows = np.flatnonzero(np.random.default_rng(4).random(600) < share)
    assert (Neighbours(unit).among(rows) == references.nearest(unit[rows], 10)).mean() > 0.999


def test_equal_items_share_the_places_evenly() -> None:
    """A thousand alike items must not all name the same ten."""
    unit = unit_rows(np.repeat(np.eye(4, dtype=np.float32), 250, axis=0), np.ones(1000, dtype=bool))
    times = np.bincount(Neighbours(unit).table[:, :10].ravel(), minlength=1000)
    assert times.sum() == 10_000 and times.max() < 60


def test_same_seed_same_neighbours() -> None:
    unit = unit_rows(np.repeat(np.eye(4, dtype=np.float32), 30, axis=0), np.ones(120, dtype=bool))
    first, again, other = (Neighbours(unit, seed).table for seed in (1, 1, 2))
    assert (first == again).all() and (first != other).any()
