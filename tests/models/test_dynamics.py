"""What is watched while a model learns: by hand, without changing what is learnt, and telling a learner from an idler."""

from __future__ import annotations

import numpy as np
import pytest

from models.backbones import BACKBONES, HISTORY_ONLY
from models.backbones.protocol import Features, MarginGradients
from models.balancers import BALANCERS
from models.dynamics import Watch, conflict
from models.losses import bpr, sigmoid
from models.sampling import Sampler
from models.training import Settings, ranker, recall_of_sets, train
from tests.models.worlds import small_world


def _run(name, world, look_every, epochs=4):
    features, data, n_users, n_items = world
    model = BACKBONES[name](n_users, n_items, features, train=data.train, learning_rate=1e-2, seed=1)
    records = list(train(model, data, BALANCERS["none"]({}), Settings(epochs, epochs, 64, look_every=look_every), seed=1))
    return model, records


@pytest.mark.parametrize("name", sorted(set(BACKBONES) - HISTORY_ONLY))
def test_being_watched_changes_nothing_and_every_measure_is_there(name):
    world = small_world()
    watched, records = _run(name, world, look_every=3)
    unwatched, _ = _run(name, world, look_every=0)
    for key, table in watched.state().items():
        np.testing.assert_array_equal(table, unwatched.state()[key])
    for record in records:
        for measure in ("train_loss", "held_out_loss", "confidence", "reliance", "variance"):
            told = {"text", "image"} & set(record.dynamics.get(measure, {}))
            assert told == ({"text", "image"} if watched.content_in_score else set()), measure
        assert set(record.dynamics["held_out_loss"]) - told == ({"full", "id"} if watched.content_in_score else {"full"})
    cosines = [record.dynamics["conflict"] for record in records if "conflict" in record.dynamics]
    assert bool(cosines) == (watched.content_in_score and bool(watched.branches))
    assert all(-1 <= value <= 1 + 1e-6 for found in cosines for value in found.values())


def test_measures_by_hand():
    features, data, n_users, n_items = small_world()
    model, _ = _run("vbpr", (features, data, n_users, n_items), look_every=0)
    found = Watch(data, n_items).measure(model)
    users = data.validation_users
    scores = {s: model.score(users, [s])[0] for s in (frozenset(features), frozenset(["text"]), frozenset(["image"]))}
    # All 120 customers are watched, with their one validation purchase; the mean over all rivals is close to that over 16.
    rows = np.arange(len(users))
    bought = data.validation.items
    unseen = np.ones((len(users), n_items), dtype=bool)
    unseen[np.repeat(rows, data.seen.counts), data.seen.items] = False
    unseen[rows, bought] = False
    full, text, image = (sigmoid(one[rows, bought][:, None] - one)[unseen].mean() for one in scores.values())
    assert found["reliance"]["image"] == pytest.approx(full - text, abs=0.02)
    assert found["reliance"]["text"] == pytest.approx(full - image, abs=0.02)


def test_a_branch_without_history_is_ranked_by_its_part_of_the_score_alone():
    features, data, n_users, n_items = small_world()
    model, records = _run("vbpr", (features, data, n_users, n_items), look_every=3)
    users = data.validation_users[::4]
    for part, name in enumerate(model.modalities, start=1):
        scores = model._users[users, part].astype(np.float64) @ model._stacked[:, part].T.astype(np.float64)
        scores[np.repeat(np.arange(len(users)), data.seen.take(users).counts), data.seen.take(users).items] = -np.inf
        best = np.argsort(-scores, axis=1, kind="stable")[:, :20]
        wanted = data.validation.take(users)
        owner = np.repeat(np.arange(len(users)), wanted.counts)
        hits = np.bincount(owner, (best[owner] == wanted.items[:, None]).any(axis=1), len(users))
        found = recall_of_sets(model.modalities, data, 20, ranker(model, data, 20), bare=True)[1][name]
        assert found == pytest.approx((hits / wanted.counts).mean(), abs=1e-9)
        assert found in [record.dynamics["bare"][name] for record in records]  # of the epoch that was kept


@pytest.mark.parametrize("name", ["mmgcn", "lattice", "bm3"])
def test_without_history_a_model_finds_what_a_modality_adds_to_its_score(name):
    """Where the score is no sum of parts; where no content is in the score, nothing is found without history."""
    features, data, n_users, n_items = small_world()
    model = BACKBONES[name](n_users, n_items, features, train=data.train, seed=1)
    if not model.content_in_score:
        (record,) = train(model, data, BALANCERS["none"]({}), Settings(1, 1, 64), seed=1)
        assert "bare" not in record.dynamics
        return
    ranks = ranker(model, data, 20)
    found, bare = recall_of_sets(model.modalities, data, 20, ranks, bare=True)
    assert found == recall_of_sets(model.modalities, data, 20, ranks)[0]
    assert set(bare) == set(features)
    users = data.validation_users[::4]
    for modality, recall in bare.items():
        scores = model.score(users, [frozenset([modality]), frozenset()])
        own = scores[0].astype(np.float64) - scores[1]
        own[np.repeat(np.arange(len(users)), data.seen.counts[users]), data.seen.take(users).items] = -np.inf
        best = np.argsort(-own, axis=1)[:, :20]
        wanted = data.validation.take(users)
        owner = np.repeat(np.arange(len(users)), wanted.counts)
        hits = np.bincount(owner, (best[owner] == wanted.items[:, None]).any(axis=1), len(users))
        assert recall == pytest.approx((hits / wanted.counts).mean(), abs=1e-6)


def test_the_cosine_is_that_of_the_two_gradients():
    features, data, n_users, n_items = small_world()
    model, _ = _run("vbpr", (features, data, n_users, n_items), look_every=0)
    triples = next(Sampler(data.train, n_users, n_items, batch_size=64, n_extra=5, seed=0).epoch(1))
    margins = model.forward(triples, counterfactual=True)
    n = triples.n_bpr
    gradient = bpr(margins.full[:n])[1]
    found = conflict(model, margins, n, gradient)
    asked = model.branch_gradients(MarginGradients(np.concatenate([gradient, np.zeros(5, np.float32)])))["text"]
    own = np.zeros_like(margins.keep)
    own[:n] = -sigmoid(-margins.keep[:n]) / n
    wanted = model.branch_gradients(MarginGradients(np.zeros_like(margins.full), own))["text"]
    one, other = (np.concatenate([part.ravel() for part in parts]).astype(np.float64) for parts in (asked, wanted))
    assert found["text"] == pytest.approx(one @ other / np.linalg.norm(one) / np.linalg.norm(other), abs=1e-5)


def test_noise_learnt_by_heart_shows_as_a_gap_and_nothing_depends_on_it():
    features, data, n_users, n_items = small_world()
    rng = np.random.default_rng(5)
    noise = Features(rng.normal(size=(n_items, 40)).astype(np.float32), np.ones(n_items, dtype=bool))
    world = ({"text": features["text"], "noise": noise}, data, n_users, n_items)
    _, records = _run("vbpr", world, look_every=8, epochs=20)
    last = records[-1].dynamics
    gap = {name: last["held_out_loss"][name] - last["train_loss"][name] for name in ("text", "noise")}
    assert gap["noise"] > gap["text"]
    assert last["reliance"]["noise"] < last["reliance"]["text"]
