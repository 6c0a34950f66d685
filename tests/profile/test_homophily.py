"""Neighbours that are bought together, hubs, and what new products can hope for: planted and absent."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from diagnostics.config import threshold
from diagnostics.profile.ceiling import new_item_ceiling
from diagnostics.profile.health import feature_health
from diagnostics.profile.homophily import homophily, hubs, with_hubness
from diagnostics.profile.signals import _not_checked
from diagnostics.profile.views import Collaborative, View, clusters, sample_items
from diagnostics.schema import FeatureBlock

N = 300


@pytest.fixture
def world(make_dataset: Callable, make_block: Callable) -> tuple:
    """Customers keep to one of six tastes; ``told`` shows the taste, ``noise`` does not."""
    rng = np.random.default_rng(0)
    taste = rng.permutation(np.arange(N) % 6)
    train = [(user, int(item)) for user in range(900) for item in rng.choice(np.flatnonzero(taste == user % 6), 5, replace=False)]
    dataset = make_dataset(N, train)
    told = make_block(np.eye(6)[taste] + rng.normal(0, 0.2, (N, 6)), "told")
    noise = make_block(rng.normal(size=(N, 6)), "noise")
    return Collaborative(dataset.split, np.arange(N)), taste, told, noise


def _view(block: FeatureBlock) -> View:
    return View.of(block, block.present, np.arange(N))


def test_together_is_who_has_both(make_dataset: Callable) -> None:
    bought = Collaborative(make_dataset(4, [(0, 0), (0, 1), (1, 1), (1, 2), (2, 3)]).split, np.arange(4))
    wanted = np.zeros((4, 4), dtype=bool)
    wanted[[0, 1, 1, 2], [1, 0, 2, 1]] = True
    assert (bought.together == wanted).all()
    some = Collaborative(bought.split, np.array([0, 1, 3]))
    assert (some.together == wanted[np.ix_([0, 1, 3], [0, 1, 3])]).all()


def test_overlap_and_chance_by_hand(world: tuple) -> None:
    bought, _, told, _ = world
    found = homophily(_view(told), bought, np.arange(N))
    near = _view(told).neighbours.table[:, :10]
    overlap = [np.mean([bought.together[item, other] for other in near[item]]) for item in range(N)]
    assert found.overlap.value == pytest.approx(np.mean(overlap))
    assert found.chance.value == pytest.approx(bought.together.sum() / (N * (N - 1)))
    assert found.overlap.low > 0.9 * bought.together.sum() / N / 50 and found.lift.low > 0.3
    assert found.lift.value == pytest.approx(found.overlap.value - found.chance.value)


def test_noise_is_at_chance(world: tuple, make_block: Callable) -> None:
    bought = world[0]
    inside = 0
    for seed in range(20):
        values = np.random.default_rng(seed).normal(size=(N, 6))
        found = homophily(_view(make_block(values, f"noise{seed}")), bought, np.arange(N))
        inside += found.lift.low <= 0 <= found.lift.high
    assert inside >= 18


def test_hubs_are_found_and_listed(make_block: Callable) -> None:
    rng = np.random.default_rng(1)
    even = make_block(rng.normal(size=(N, 3)), "even")
    crowded = rng.normal(size=(N, 40))
    crowded[[7, 70, 170]] *= 0.05  # near the centre of everything
    crowded[[7, 70, 170]] += crowded.mean(axis=0)
    hubby = make_block(crowded / np.linalg.norm(crowded, axis=1, keepdims=True) ** 0.5, "hubby")
    calm, busy = (with_hubness(feature_health([block])[0], _view(block)) for block in (even, hubby))
    assert calm.hub_share < 0.03 and calm.hubness < 1
    assert busy.hubness > calm.hubness
    times = np.bincount(_view(hubby).neighbours.table[:, :10].ravel(), minlength=N)
    top = np.sort(times)[-3:].sum() / times.sum()
    assert busy.hub_share == pytest.approx(top)
    assert sorted(times[hubs(_view(hubby))]) == np.sort(times)[-3:].tolist()


def test_a_ceiling_for_new_items_where_content_shows_the_taste(world: tuple) -> None:
    bought, _, told, noise = world
    high, low = (new_item_ceiling(_view(block), bought, np.arange(N)) for block in (told, noise))
    assert high.r2.low > 0.2 and high.floor.high < 0.02
    assert low.r2.value < 0.02 and low.r2.low <= low.floor.high
    assert high.r2.n == len(bought.items) <= N


def test_factors_put_items_of_one_taste_together(world: tuple) -> None:
    bought, taste, *_ = world
    assert np.linalg.norm(bought.factors, axis=1) == pytest.approx(np.ones(len(bought.items)), abs=1e-5)
    found = clusters(bought.factors, 6, np.random.default_rng(0))
    kinds = taste[bought.items]
    purity = sum(np.bincount(kinds[found == group]).max() for group in range(6) if (found == group).any()) / len(kinds)
    assert purity > 0.95


def test_components_are_the_principal_ones() -> None:
    rng = np.random.default_rng(2)
    values = (rng.normal(size=(300, 200)) * np.linspace(3, 0.1, 200) ** 2 + 5).astype(np.float32)
    view = View("v", np.arange(300), values)
    _, sizes, _ = np.linalg.svd(values - values.mean(axis=0), full_matrices=False)
    found = np.linalg.norm(view.components, axis=0)
    assert view.components.shape == (300, 128)
    assert found[:20] / found[0] == pytest.approx(sizes[:20] / sizes[0], rel=1e-3)


def test_too_few_items_give_no_number(make_dataset: Callable, make_block: Callable) -> None:
    block = make_block(np.random.default_rng(0).normal(size=(40, 3)))
    view = View.of(block, block.present, np.arange(40))
    bought = Collaborative(make_dataset(40, [(0, 0), (0, 1)]).split, np.arange(40))
    assert homophily(view, bought, np.arange(40)) is None and new_item_ceiling(view, bought, np.arange(40)) is None
    assert with_hubness(feature_health([block])[0], view).hubness is None


def test_a_large_catalog_is_sampled_with_the_seed() -> None:
    sample = sample_items(100_000, 3)
    assert len(sample) == 6000 and (np.diff(sample) > 0).all() and (sample == sample_items(100_000, 3)).all()
    assert (sample_items(10, 3) == np.arange(10)).all()


@pytest.mark.parametrize(
    ("measured", "reason", "whose"),
    [
        ({("text",): 1, ("image",): None}, "too_few_items_of", ["image"]),
        ({("text",): None, ("image",): None}, "too_few_items", None),
        ({("text", "image"): None, ("text", "sound"): 1, ("image", "sound"): None}, "too_few_items_of", ["image"]),
        ({("a", "b"): None, ("a", "c"): 1, ("b", "c"): 1}, "too_few_items_of", ["a", "b"]),  # each is enough, but not together
    ],
)
def test_what_one_kind_has_too_few_products_for_is_said_of_that_kind(measured, reason, whose) -> None:
    (entry,) = _not_checked({"redundancy": measured}, 3, 100, 100)
    assert (entry.code, entry.reason, entry.values.get("modalities")) == ("redundancy", reason, whose)
    assert entry.values["least"] == threshold("signal_min_items")
