"""What every backbone must do, run over the whole table: a new one passes by being listed."""

from __future__ import annotations

import numpy as np
import pytest

from models.backbones import BACKBONES, HISTORY_ONLY
from models.backbones.protocol import Features, MarginGradients
from models.balancers import BALANCERS
from models.sampling import Sampler
from models.training import Settings, train
from tests.models.worlds import small_world

SETTINGS = Settings(max_epochs=25, patience=25, batch_size=64)


@pytest.fixture(scope="module")
def world():
    return small_world()


def _run(model, data, settings=SETTINGS):
    return list(train(model, data, BALANCERS["none"]({}), settings, seed=1))


@pytest.mark.parametrize("name", BACKBONES)
def test_learns_a_small_world_far_above_chance(name, world):
    features, data, n_users, n_items = world
    model = BACKBONES[name](n_users, n_items, features, train=data.train, learning_rate=1e-2, seed=1)
    records = _run(model, data)
    chance = 20 / (n_items - 8)  # eight items of each user are masked
    wanted = 2 if model.content_in_score else 1.8  # tastes follow content here; a score without it has only what sells together
    assert max(record.validation for record in records) > wanted * chance
    assert records[-1].loss < 0.6 * records[0].loss


@pytest.mark.parametrize("name", BACKBONES)
def test_seldom_validation_changes_when_a_model_is_looked_at_and_not_what_it_learns(name, world):
    features, data, n_users, n_items = world

    def records(every):
        model = BACKBONES[name](n_users, n_items, features, train=data.train, learning_rate=1e-2, seed=1)
        return _run(model, data, settings=Settings(6, 6, 64, validate_every=every))

    often, seldom = records(1), records(3)
    assert [record.epoch for record in seldom] == [3, 6]
    assert [record.validation for record in seldom] == [record.validation for record in often[2::3]]
    means = [np.mean([record.loss for record in often[begin : begin + 3]]) for begin in (0, 3)]
    assert [record.loss for record in seldom] == pytest.approx(means)


@pytest.mark.parametrize("name", BACKBONES)
def test_same_seed_same_model_and_state_goes_round(name, world):
    features, data, n_users, n_items = world
    states = []
    for _ in range(2):
        model = BACKBONES[name](n_users, n_items, features, train=data.train, seed=3)
        _run(model, data, settings=Settings(2, 2, 64))
        states.append(model.state())
    assert all(np.array_equal(states[0][key], states[1][key]) for key in states[0])
    other = BACKBONES[name](n_users, n_items, features, train=data.train, seed=99)
    other.load_state(states[0])
    everything = [frozenset(features)]
    users = np.arange(n_users)
    assert np.array_equal(other.score(users, everything), model.score(users, everything))


@pytest.mark.parametrize("name", BACKBONES)
def test_counterfactual_margins_agree_with_counterfactual_scores(name, world):
    features, data, n_users, n_items = world
    model = BACKBONES[name](n_users, n_items, features, train=data.train, seed=3)
    _run(model, data, settings=Settings(2, 2, 64))
    if hasattr(model, "dropped"):  # training sees a random part of the graph; without it, both must agree
        model.dropped = 0.0
        model.prepare()
    triples = next(Sampler(data.train, n_users, n_items, batch_size=50, n_extra=7, seed=0).epoch(1))
    margins = model.forward(triples, counterfactual=True)
    rows = np.arange(len(triples.user))
    names = model.modalities

    def by_score(chosen):
        scores = model.score(triples.user, [frozenset(chosen)])[0]
        return scores[rows, triples.positive] - scores[rows, triples.negative]

    np.testing.assert_allclose(margins.full, by_score(names), atol=2e-4)
    np.testing.assert_allclose(model.margins(triples), by_score(names), atol=2e-4)
    for m, one in enumerate(names):
        np.testing.assert_allclose(margins.keep[:, m], by_score([one]), atol=2e-4)
        np.testing.assert_allclose(margins.without[:, m], by_score(set(names) - {one}), atol=2e-4)


@pytest.mark.parametrize("name", BACKBONES)
def test_some_items_the_same_for_all_or_each_users_own_score_as_among_all(name, world):
    features, data, n_users, n_items = world
    model = BACKBONES[name](n_users, n_items, features, train=data.train, seed=3)
    _run(model, data, settings=Settings(1, 1, 64))
    rng = np.random.default_rng(0)
    users, shared = rng.choice(n_users, 7), rng.choice(n_items, 4, replace=False)
    own = rng.choice(n_items, (7, 3))
    sets = [frozenset(features), frozenset(), frozenset(list(features)[:1])]
    whole = model.score(users, sets)
    np.testing.assert_allclose(model.score(users, sets, shared), whole[:, :, shared], atol=1e-5)
    for some in (sets, sets[:1]):  # one set by itself goes another way
        found = model.score(users, some, own)
        np.testing.assert_allclose(found, whole[: len(some), np.arange(7)[:, None], own], atol=1e-5)


@pytest.mark.parametrize("name", [name for name, kind in BACKBONES.items() if kind.content_in_score])
def test_what_was_told_of_branches_outlasts_later_steps(name, world):
    """Memory is used again from step to step, but not that of what was handed out."""
    features, data, n_users, n_items = world
    model = BACKBONES[name](n_users, n_items, features, train=data.train, learning_rate=1e-2, seed=3)
    _run(model, data, settings=Settings(1, 1, 64))
    triples = next(Sampler(data.train, n_users, n_items, batch_size=50, n_extra=0, seed=0).epoch(1))
    margins = model.forward(triples, counterfactual=True)
    told = model.branch_gradients(MarginGradients(np.ones_like(margins.full)))
    kept = {branch: [one.copy() for one in gradients] for branch, gradients in told.items()}
    model.branch_gradients(MarginGradients(-np.ones_like(margins.full)))
    model.backward(MarginGradients(np.full_like(margins.full, 2.0)))
    model.forward(triples)
    for branch, gradients in told.items():
        for one, before in zip(gradients, kept[branch], strict=True):
            np.testing.assert_array_equal(one, before)


@pytest.mark.parametrize("name", BACKBONES)
def test_any_number_of_modalities_and_items_without_them(name, world):
    features, data, n_users, n_items = world
    half = np.arange(n_items) % 2 == 0
    partly = Features(np.where(half[:, None], features["text"].values, 0).astype(np.float32), half)
    for given in ({}, {"text": partly}, features | {"sound": partly}):
        model = BACKBONES[name](n_users, n_items, given, train=data.train, learning_rate=1e-2, seed=1)
        assert model.modalities == (() if name in HISTORY_ONLY else tuple(given))
        records = _run(model, data, settings=Settings(3, 3, 64))
        assert all(np.isfinite(record.loss) and 0 <= record.validation <= 1 for record in records)
        assert set(records[0].branches) == ({"id", *model.modalities} if model.content_in_score else set())


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("name", BACKBONES)
def test_divergence_is_an_error_not_a_result(name, world):
    features, data, n_users, n_items = world
    model = BACKBONES[name](n_users, n_items, features, train=data.train, seed=1)
    broken = model.state()
    next(table for key, table in sorted(broken.items()) if key.startswith("user")).fill(np.nan)
    model.load_state(broken)
    with pytest.raises(FloatingPointError):
        _run(model, data, settings=Settings(1, 1, 64))
