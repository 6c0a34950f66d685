"""Purchases really follow the planted blocks, and a plant changes what it says it changes."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from sample_data.generator.plants import parse_plant
from sample_data.generator.shop import _plan_world
from sample_data.generator.world import BLOCKS, FACTORS

USERS, ITEMS = 500, 200


@cache
def world(plant: str):
    return _plan_world(parse_plant(plant), 5, USERS, ITEMS)


def split(world):
    """Every fifth purchase of the log is test; boolean (n_users, n_items) each."""
    log, test = world.purchases, np.arange(len(world.purchases.item)) % 5 == 0
    train_pairs, test_pairs = np.zeros((2, USERS, ITEMS), bool)
    train_pairs[log.user[~test], log.item[~test]] = True
    test_pairs[log.user[test], log.item[test]] = True
    return train_pairs, test_pairs & ~train_pairs


def recall_at_20(scores, train, test):
    """Mean over users of hits among the first 20 unseen items; written apart from the product's own ranking."""
    order = np.argsort(-np.where(train, -np.inf, scores), axis=1, kind="stable")[:, :20]
    hits = np.take_along_axis(test, order, axis=1).sum(axis=1)
    users = test.any(axis=1)
    return float((hits[users] / test.sum(axis=1)[users]).mean())


def profile_recall(world, vectors):
    """Recall of ranking by the mean of what a customer bought."""
    train, test = split(world)
    unit = vectors - vectors.mean(axis=0)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True) + 1e-12
    return recall_at_20((train @ unit) @ unit.T, train, test)


def floor(world, vectors):
    """The largest of ten recalls with the rows given to other items."""
    rng = np.random.default_rng(0)
    return max(profile_recall(world, vectors[rng.permutation(ITEMS)]) for _ in range(10))


def told_by_brand(world):
    """Of the *id* block's variance, the share that lies between brands, beyond what chance puts there."""
    brands, hidden = np.eye(len(FACTORS["brand"]))[world.factors["brand"]], world.vectors["id"]
    brands, hidden = brands[:, brands.any(axis=0)], hidden - hidden.mean(axis=0)
    means = np.linalg.lstsq(brands, hidden, rcond=None)[0]
    return ((brands @ means) ** 2).sum() / (hidden**2).sum() - (brands.shape[1] - 1) / (len(hidden) - 1)


def test_a_brand_tells_a_little_of_what_else_only_history_knows():
    assert 0.05 < told_by_brand(world("none")) < 0.5


@pytest.mark.parametrize("block", ["shared", "text", "image"])
def test_each_content_block_predicts_purchases_on_its_own(block):
    sound = world("none")
    assert profile_recall(sound, sound.vectors[block]) > 1.1 * floor(sound, sound.vectors[block])


def test_words_and_pictures_complete_each_other():
    sound = world("none")
    text, image = (np.hstack([sound.vectors["shared"], sound.vectors[block]]) for block in ("text", "image"))
    both = profile_recall(sound, np.hstack([text, sound.vectors["image"]]))
    assert both > max(profile_recall(sound, text), profile_recall(sound, image))


def test_tastes_that_ignore_content_leave_nothing_to_predict_by_it():
    irrelevant = world("irrelevant")
    content = np.hstack([irrelevant.vectors[block] for block in ("shared", "text", "image", "attributes")])
    assert profile_recall(irrelevant, content) < 1.1 * floor(irrelevant, content)
    assert told_by_brand(irrelevant) < 0.05
    assert profile_recall(irrelevant, irrelevant.vectors["id"]) > 1.1 * floor(irrelevant, irrelevant.vectors["id"])


def test_a_redundant_picture_is_a_function_of_the_words():
    factors = world("redundant:image").factors
    causes = list(BLOCKS["text"])
    for position, name in enumerate(BLOCKS["image"]):
        cause = factors[causes[position % len(causes)]]
        assert (factors[name] == cause % len(FACTORS[name])).all()
    assert world("redundant:image").strengths["image"] == 0
    assert world("redundant:image:small").strengths["image"] > 0


def test_a_dense_log_is_as_dense_as_planted():
    plain, dense = (len(world(plant).purchases.item) for plant in ("none", "unused:small"))
    assert 1.8 < dense / plain < 2.1


def test_strengths_are_the_spread_of_the_utilities():
    sound = world("none")
    for block, strength in sound.strengths.items():
        assert np.std(sound.scores[block]) == pytest.approx(strength, rel=0.15)


def test_nobody_buys_what_is_not_yet_on_sale_and_few_buy_twice():
    log = world("none").purchases
    assert (np.diff(log.time) >= np.timedelta64(0, "s")).all()
    first = [log.time[log.item == item].min() for item in np.unique(log.item)]
    assert np.mean(np.array(first) > log.time[0] + np.timedelta64(30, "D")) > 0.15
    pairs = log.user * ITEMS + log.item
    assert 1 - len(np.unique(pairs)) / len(pairs) < 0.1
    assert (log.quantity >= 1).all()


def test_popularity_has_a_long_tail():
    log = world("none").purchases
    sold = np.sort(np.bincount(log.item, minlength=ITEMS))[::-1]
    assert sold[: ITEMS // 5].sum() > 0.33 * sold.sum()
