"""Worlds of vectors hold what was planted in them, and nothing else changes with it."""

from __future__ import annotations

import numpy as np
import pytest

from sample_data.generator.vectors import MODALITIES, Tastes, VectorWorld, View, build_vector_world


def _world(plant: str = "none", seed: int = 3, **asked) -> VectorWorld:
    return build_vector_world(plant, seed=seed, n_users=300, n_items=120, **asked)


def _explained(predictors: np.ndarray, targets: np.ndarray) -> float:
    """Share of the targets' variance that a ridge regression on the first two thirds of the items foretells on the others."""
    cut = len(predictors) * 2 // 3
    x, y = predictors - predictors[:cut].mean(axis=0), targets - targets[:cut].mean(axis=0)
    ridge = 0.05 * np.trace(x[:cut].T @ x[:cut]) / x.shape[1] * np.eye(x.shape[1])
    slopes = np.linalg.solve(x[:cut].T @ x[:cut] + ridge, x[:cut].T @ y[:cut])
    return 1 - float(((y[cut:] - x[cut:] @ slopes) ** 2).sum() / (y[cut:] ** 2).sum())


def test_a_seed_is_a_world_and_another_seed_another():
    one, same, other = _world(), _world(), _world(seed=4)
    assert np.array_equal(one.user, same.user) and np.array_equal(one.item, same.item)
    assert all(np.array_equal(one.vectors[name], same.vectors[name]) for name in MODALITIES)
    assert not np.array_equal(one.item[:100], other.item[:100])


def test_purchases_are_as_uneven_as_a_shop_s():
    world = _world()
    keys = world.user.astype(np.int64) * world.n_items + world.item
    assert len(np.unique(keys)) == len(keys)
    per_user, per_item = np.bincount(world.user), np.sort(np.bincount(world.item, minlength=120))[::-1]
    assert per_user.min() >= 4 and per_user.mean() == pytest.approx(13, abs=1) and per_user.max() > 2 * per_user.mean()
    assert per_item[:24].sum() > 0.35 * per_item.sum()  # the best-selling fifth


@pytest.mark.parametrize(("strength", "share"), [("small", 0.25), ("medium", 0.40), ("large", 0.65)])
def test_as_many_values_are_missing_as_planted_and_the_other_modality_is_whole(strength, share):
    world, sound = _world(f"missing:image:{strength}"), _world()
    absent = ~np.isfinite(world.vectors["image"]).all(axis=1)
    assert absent.sum() == round(share * 120) and np.array_equal(absent, world.hit)
    assert np.array_equal(world.vectors["image"][~absent], sound.vectors["image"][~absent])
    assert np.array_equal(world.vectors["text"], sound.vectors["text"])
    assert np.array_equal(world.item, sound.item)


def test_missing_by_popularity_spares_what_sells():
    world = _world("missing_by_popularity:text:medium")
    sold = np.bincount(world.item, minlength=120)
    assert sold[world.hit].mean() < 0.6 * sold[~world.hit].mean()


def test_a_disguised_gap_is_one_and_the_same_vector():
    world = _world("missing_disguised:text:large")
    rows = world.vectors["text"][world.hit]
    assert len(rows) == round(0.65 * 120) and np.isfinite(rows).all() and len(np.unique(rows, axis=0)) == 1


def test_uninformative_rows_are_another_item_s_or_noise():
    seen = set()
    for seed in range(8):
        world, sound = _world("uninformative:image:large", seed), _world(seed=seed)
        seen.add(world.variant)
        moved, own = world.vectors["image"], sound.vectors["image"]
        same_rows = np.array_equal(np.sort(moved[:, 0]), np.sort(own[:, 0]))
        assert same_rows == (world.variant == "permuted") and not np.array_equal(moved, own)
        assert _explained(own, moved) < 0.05
    assert seen == {"permuted", "noise"}


def test_scale_is_off_by_as_much_as_planted_either_way():
    factors = {
        round(float(np.median(world.vectors["text"] / _world(seed=seed).vectors["text"])), 4)
        for seed in range(8)
        for world in [_world("scale_mismatch:text:medium", seed)]
    }
    assert factors == {200.0, 0.005}


def test_a_redundant_modality_is_foretold_by_the_other_and_not_the_other_way_round():
    clear = {name: View(dimensions=40, noise=0.2, nuisance=0.0) for name in MODALITIES}
    world, sound = _world("redundant:image:large", views=clear), _world(views=clear)
    text, image = world.vectors["text"], world.vectors["image"]
    assert _explained(text, image) > 0.75 > 0.6 > _explained(sound.vectors["text"], sound.vectors["image"])
    assert _explained(image, text) < _explained(text, image) - 0.1


def test_irrelevant_content_has_no_say_and_a_dense_log_is_dense():
    tastes = Tastes(shared=0.7, text=1.1, image=1.1, id=0.6, popularity=0.0)
    world = build_vector_world("irrelevant:large", seed=3, n_users=300, n_items=120, tastes=tastes)
    nothing = build_vector_world("none", seed=3, n_users=300, n_items=120, tastes=Tastes(0.0, 0.0, 0.0, 0.6, 0.0))
    assert np.array_equal(world.item, nothing.item)
    plain, dense = (_world(plant, per_user=8.0) for plant in ("none", "unused:medium"))
    assert dense.n_users == 4 * plain.n_users
    assert len(dense.user) == pytest.approx(16 * len(plain.user), rel=0.05)
