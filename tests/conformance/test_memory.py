"""An interrupted training goes on as if nothing had happened, with every backbone and every balancer, by being listed."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from safetensors.numpy import load, save

from models.backbones import BACKBONES
from models.backbones.foreign import TorchBackbone
from models.balancers import BALANCERS, NEEDS_TEACHERS
from models.training import Course, Settings, train
from tests.models.worlds import small_world

EPOCHS, AFTER = 5, 2
UNBALANCED = [(name, "none") for name in BACKBONES]
BALANCED = [(name, balancer) for name in ("vbpr", "freedom", "mgcn") for balancer in BALANCERS if balancer != "none"]


@pytest.fixture(scope="module")
def world():
    return small_world(60, 40)


@pytest.fixture(scope="module")
def teachers(world):
    """Uni-modal models that have learnt nothing: to distil from them is to distil from something."""
    features, data, n_users, n_items = world
    alone = {m: BACKBONES["vbpr"](n_users, n_items, {m: features[m]}, train=data.train, seed=2, scale=0.1) for m in features}
    return {m: model.margins for m, model in alone.items()}


class Foreign(torch.nn.Module):
    """A recommender of somebody else's that draws at random, from torch's own generator, as dropout does."""

    def __init__(self, n_users, n_items, width):
        super().__init__()
        self.user, self.item, self.text = (torch.nn.Embedding(n, 4) for n in (n_users, n_items, width))
        self.norm = torch.nn.BatchNorm1d(4)
        self.dropout = torch.nn.Dropout(0.5)

    def forward(self, users, items, features):
        content = features["text"][items] @ self.text.weight
        return (self.user(users) * self.dropout(self.norm(self.item(items) + content))).sum(-1)


def _foreign(world, seed):
    features, _, n_users, n_items = world
    torch.manual_seed(seed)
    text = {"text": features["text"]}
    return TorchBackbone(Foreign(n_users, n_items, features["text"].values.shape[1]), n_users, n_items, text, learning_rate=0.05)


def _made(name, world, seed):
    if name == "foreign":
        return _foreign(world, seed)
    features, data, n_users, n_items = world
    return BACKBONES[name](n_users, n_items, features, train=data.train, learning_rate=5e-3, seed=seed)


def _timeless(records):
    return [dataclasses.replace(record, seconds=0.0) for record in records]


@pytest.mark.parametrize(
    ("name", "balancer", "every"),
    [
        *((*both, 1) for both in (*UNBALANCED, ("foreign", "none"), *BALANCED)),
        *((name, "pmr", 2) for name in ("vbpr", "freedom", "lattice")),
    ],
)
def test_what_follows_an_interruption_is_equal_bit_for_bit(name, balancer, every, world, teachers):
    data, settings = world[1], Settings(EPOCHS * every, EPOCHS, 64, validate_every=every)

    def method():
        return BALANCERS[balancer](teachers if balancer in NEEDS_TEACHERS else {})

    unbroken = _made(name, world, seed=1)
    expected = list(train(unbroken, data, method(), settings, seed=3))

    interrupted, before, course = _made(name, world, seed=1), method(), Course()
    training = train(interrupted, data, before, settings, seed=3, course=course)
    for _ in range(AFTER):
        next(training)
    kept = save({key: np.asarray(array, order="C") for key, array in course.memory(interrupted, before).items()})
    records = list(course.records)
    training.close()  # the old model is at its best state now, which the new one must not depend on

    resumed, again, course = _made(name, world, seed=99), method(), Course(records)  # all it knows is from the memory
    course.load_memory(load(kept), resumed, again)
    rest = list(train(resumed, data, again, settings, seed=3, course=course))

    assert _timeless(rest) == _timeless(expected)[AFTER:]
    state, wanted = resumed.state(), unbroken.state()
    assert set(state) == set(wanted)
    assert all(np.array_equal(state[key], wanted[key]) for key in wanted)


@pytest.mark.parametrize("kind", ["vbpr", "lattice"])
def test_a_training_that_was_over_stays_over_and_keeps_its_best_state(kind, world):
    data, settings, none = world[1], Settings(20, 1, 64), BALANCERS["none"]({})
    model, course = _made(kind, world, seed=1), Course()
    memory = {}
    for _ in train(model, data, none, settings, seed=3, course=course):
        memory = course.memory(model, none)
    assert len(course.records) < 20 and not course.records[-1].best
    again, same = _made(kind, world, seed=99), Course(course.records)
    same.load_memory(memory, again, none)
    assert list(train(again, data, none, settings, seed=3, course=same)) == []
    state, wanted = again.state(), model.state()
    assert all(np.array_equal(state[key], wanted[key]) for key in wanted)
