"""Stacked trainings against the compiled ones, on the CPU and on a GPU that is there: the same courses but for rounding."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch

from models.backbones.protocol import Features
from models.backbones.vbpr import VBPR
from models.balancers import BALANCERS, STACKABLE
from models.ranking import UserItems, rank_targets
from models.stacked import Stack, Training
from models.training import Interactions, Settings, train
from tests.models.worlds import small_world

pytestmark = pytest.mark.usefixtures("torch_as_it_was")

SETTINGS = Settings(max_epochs=8, patience=3, batch_size=128, k=5, look_every=3)
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
ARMS = [((), "none"), (("text",), "none"), (("image",), "none"), (("text", "image"), "none"), (("text", "image"), "ckd")]


@pytest.fixture(scope="module")
def world():
    """Some items lack their image."""
    features, data, n_users, n_items = small_world()
    present = np.arange(n_items) % 7 > 0
    features["image"] = Features(np.where(present[:, None], features["image"].values, np.float32(0)), present)
    return features, data, n_users, n_items


def _model(world, names, seed, rate=1e-2):
    features, data, n_users, n_items = world
    own = {name: features[name] for name in names}
    return VBPR(n_users, n_items, own, train=data.train, dimensions=8, learning_rate=rate, l2=3e-3, seed=seed, scale=0.1)


def _method(world, name, names, seed):
    return BALANCERS[name]({one: _model(world, (one,), seed).margins for one in names} if name != "none" else {})


def _stack(world, device="cpu", **more):
    features, data, n_users, n_items = world
    return Stack(n_users, n_items, features, data, dimensions=8, batch_size=128, k=5, look_every=3, device=device, **more)


def _training(world, names, method, seed, settings=SETTINGS, rate=1e-2):
    return Training(_model(world, names, seed, rate), _method(world, method, names, seed), settings, seed)


def _flat(record):
    return {"loss": record.loss, "full": record.validation, **record.branches} | {
        f"{measure} {name}": value for measure, values in record.dynamics.items() for name, value in values.items()
    }


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("methods", [STACKABLE - {"ckd_paper"}, {"ckd_paper"}])
def test_arms_and_seeds_that_are_stacked_learn_what_each_would_learn_alone(world, methods, device):
    arms = [(names, method) for names, method in [*ARMS, (("text", "image"), "ckd_paper")] if method in methods]
    stack, found = _stack(world, device), {}
    trainings = {
        f"{names} {method} {seed}": _training(world, names, method, seed) for (names, method), seed in product(arms, (1, 2))
    }
    stack.add(trainings)
    while len(stack):
        for key, record in stack.epoch().items():
            found.setdefault(key, []).append(record)
    data = world[1]
    for (names, method), seed in product(arms, (1, 2)):
        model = _model(world, names, seed)
        expected = list(train(model, data, _method(world, method, names, seed), SETTINGS, seed=seed))
        key = f"{names} {method} {seed}"
        assert [record.best for record in found[key]] == [record.best for record in expected]
        for one, other in zip(found[key], expected, strict=True):
            assert _flat(one) == pytest.approx(_flat(other), rel=2e-3, abs=2e-4), key
        for table, values in model.state().items():
            np.testing.assert_allclose(
                trainings[key].backbone.state()[table], values, rtol=1e-2, atol=2e-4, err_msg=f"{key} {table}"
            )


def test_a_training_that_joins_later_is_none_the_worse_for_it(world):
    stack, first = _stack(world), _training(world, ("text", "image"), "none", 1)
    later = _training(world, ("image",), "none", 2)
    stack.add({"first": first})
    stack.epoch()
    stack.add({"later": later})
    records = []
    while len(stack):
        records += [record for key, record in stack.epoch().items() if key == "later"]
    expected = list(train(_model(world, ("image",), 2), world[1], BALANCERS["none"]({}), SETTINGS, seed=2))
    assert [record.epoch for record in records] == [record.epoch for record in expected]
    for one, other in zip(records, expected, strict=True):
        assert _flat(one) == pytest.approx(_flat(other), rel=2e-3, abs=2e-4)


def test_trainings_that_are_validated_seldom_are_stacked_alike(world):
    settings, stack, records = replace(SETTINGS, validate_every=3, max_epochs=9), _stack(world, validate_every=3), []
    stack.add({"one": _training(world, ("text", "image"), "ckd", 1, settings)})
    while len(stack):
        records += stack.epoch().values()
    model = _model(world, ("text", "image"), 1)
    expected = list(train(model, world[1], _method(world, "ckd", ("text", "image"), 1), settings, seed=1))
    assert [record.epoch for record in records] == [record.epoch for record in expected] == [3, 6, 9]
    for one, other in zip(records, expected, strict=True):
        assert _flat(one) == pytest.approx(_flat(other), rel=2e-3, abs=2e-4)


def test_a_training_that_diverges_is_let_go_of_and_the_others_go_on(world):
    stack = _stack(world)
    stack.add({"sound": _training(world, ("text",), "none", 1)})
    stack.add({"wild": _training(world, ("text", "image"), "none", 1, rate=1e30)})
    said = []
    while len(stack):
        said += stack.epoch().items()
    assert any(isinstance(what, FloatingPointError) for key, what in said if key == "wild")
    expected = list(train(_model(world, ("text",), 1), world[1], BALANCERS["none"]({}), SETTINGS, seed=1))
    sound = [what for key, what in said if key == "sound"]
    assert [record.validation for record in sound] == pytest.approx([record.validation for record in expected], abs=2e-4)


@pytest.mark.parametrize("device", DEVICES)
def test_ranks_are_exact_with_ties_and_items_that_cannot_be_recommended(device):
    rng = np.random.default_rng(0)
    n_users, n_items = 30, 40
    pairs = np.stack(np.nonzero(rng.random((n_users, n_items)) < 0.3), axis=1).astype(np.int32)
    seen, held_out = pairs[::2], pairs[1::2]
    validation = UserItems.from_pairs(held_out, n_users)
    data = Interactions(seen, UserItems.from_pairs(seen, n_users), validation, validation.users)
    values = rng.integers(-1, 2, (n_items, 2)).astype(np.float32)
    features = {"text": Features(values, np.ones(n_items, dtype=bool))}
    stack = Stack(n_users, n_items, features, data, dimensions=2, batch_size=64, k=5, device=device)
    model = VBPR(n_users, n_items, features, train=seen, dimensions=2, seed=0)
    state = {name: np.round(rng.integers(-2, 3, table.shape)).astype(np.float32) for name, table in model.state().items()}
    model.load_state(state)  # whole numbers: every score is exact, and many are equal
    stack.add({"one": Training(model, BALANCERS["none"]({}), SETTINGS, 0)})
    sets = [frozenset(["text"]), frozenset[str]()]
    found = stack._ranks(0, stack._items(stack._tables)[0], validation.users, sets, [])
    for ranks, chosen in zip(found, sets, strict=True):
        expected = rank_targets(
            lambda users, chosen=chosen: model.score(users, [chosen])[0], validation.users, data.seen, validation
        )
        np.testing.assert_array_equal(ranks, expected)
