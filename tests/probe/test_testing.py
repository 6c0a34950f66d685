"""Trained models that are no models but tables of scores: what is found, what replaced, what shown."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from diagnostics.probe import ProbeInputs, plan, prepare
from diagnostics.probe import testing as asked
from models.backbones.protocol import Features
from models.ranking import UserItems
from models.training import Interactions, scorer
from tests.probe.worlds import dataset_of

N_USERS, N_ITEMS, K = 30, 40, 20
EMPTY, TEXT, BOTH = frozenset[str](), frozenset({"text"}), frozenset({"text", "image"})
THREE = [EMPTY, TEXT, BOTH]


class Table:
    """Scores per set of modalities, float32 (n_users, n_items), in the place of a trained model."""

    modalities = ("text", "image")

    def __init__(self, of: dict[frozenset[str], np.ndarray]) -> None:
        self.of = of

    def score(self, users: np.ndarray, sets: Sequence[frozenset[str]], items: np.ndarray | None = None) -> np.ndarray:
        found = np.stack([self.of[chosen][users] for chosen in sets])
        return found if items is None else found[:, np.arange(len(users))[:, None], items]


@pytest.fixture(scope="module")
def shop():
    rng = np.random.default_rng(0)
    vectors = {"text": rng.normal(size=(N_ITEMS, 3)), "image": rng.normal(size=(N_ITEMS, 3))}
    vectors["image"][::5] = np.nan
    dataset, blocks = dataset_of(vectors, rng.normal(size=(N_USERS, N_ITEMS)))
    made = plan(dataset, n_seeds=1)
    inputs = prepare(dataset, blocks, made)
    lists = [UserItems.from_pairs(part, N_USERS) for part in (inputs.train, inputs.validation)]
    data = Interactions(inputs.train, *lists, lists[1].users)
    return made, inputs, data


@pytest.fixture(scope="module")
def table() -> Table:
    rng = np.random.default_rng(1)
    history = rng.normal(size=(N_USERS, N_ITEMS)).astype(np.float32)
    text, image = rng.normal(size=(2, N_USERS, N_ITEMS)).astype(np.float32)
    return Table({EMPTY: history, TEXT: history + text, frozenset({"image"}): history + image, BOTH: history + text + image})


def _found(scores: np.ndarray, inputs: ProbeInputs) -> dict[tuple[int, int], bool]:
    """Test purchase -> whether it is among the first k of the items that its user had not bought in training; by sorting."""
    hit = {}
    for user, item in inputs.test.tolist():
        own = scores[user].copy()
        own[inputs.train[inputs.train[:, 0] == user, 1]] = -np.inf
        hit[user, item] = item in np.argsort(-own)[:K]
    return hit


def _recall(hit: dict[tuple[int, int], bool]) -> list[float]:
    users = sorted({user for user, _ in hit})
    return [float(np.mean([found for (user, _), found in hit.items() if user == one])) for one in users]


def test_recall_and_found_purchases_are_those_of_a_sorted_list(shop, table):
    made, inputs, data = shop
    arrays, meta = asked.test(scorer(table, THREE, [TEXT, BOTH]), THREE, inputs, data, made, bare=[TEXT, BOTH])
    assert meta == {"sets": ["id", "text", "image+text"]}
    for row, chosen in enumerate(THREE):
        hit = _found(table.of[chosen], inputs)
        np.testing.assert_allclose(arrays["recall"][row], _recall(hit), rtol=1e-6)
        ordered = [hit[pair] for pair in sorted(hit)]
        assert np.unpackbits(arrays["hits"][row], count=len(hit)).astype(bool).tolist() == ordered


def test_without_history_is_the_score_less_that_of_history(shop, table):
    made, inputs, data = shop
    arrays, _ = asked.test(scorer(table, THREE, [TEXT, BOTH]), THREE, inputs, data, made, bare=[TEXT, BOTH])
    assert not arrays["bare"][0].any()  # no part, no score, nothing found
    for row, chosen in ((1, TEXT), (2, BOTH)):
        np.testing.assert_allclose(arrays["bare"][row], _recall(_found(table.of[chosen] - table.of[EMPTY], inputs)), rtol=1e-6)
    assert "bare" not in asked.test(scorer(table, THREE), THREE, inputs, data, made)[0]


def test_exposure_counts_places_among_the_first_and_never_what_was_bought(shop, table):
    made, inputs, data = shop
    shown = asked.exposure(table, inputs, data, made)["exposure"]
    wanted = np.zeros(N_ITEMS, dtype=int)
    for user in np.unique(inputs.test[:, 0]):
        own = table.of[BOTH][user].copy()
        own[inputs.train[inputs.train[:, 0] == user, 1]] = -np.inf
        wanted[np.argsort(-own)[:K]] += 1
    assert shown.tolist() == wanted.tolist()


def test_in_an_ensemble_nobody_outshouts_the_others(shop):
    rng = np.random.default_rng(2)
    quiet, loud = rng.normal(size=(2, N_USERS, N_ITEMS)).astype(np.float32)
    models = {"text": Table({TEXT: quiet}), "image": Table({frozenset({"image"}): 7 + 1000 * loud})}
    score, users = asked.ensemble(models, N_USERS), np.array([4, 9])
    wanted = sum((one[users] - one[users].mean(1, keepdims=True)) / one[users].std(1, keepdims=True) for one in (quiet, loud))
    np.testing.assert_allclose(score(users, None)[0], wanted, atol=1e-4)
    some = np.array([3, 30])
    np.testing.assert_allclose(score(users, some)[0], wanted[:, some], atol=1e-4)  # standardised over all items all the same


def _given_other_values(inputs, data, made, seed=0):
    """What ``replaced`` measures, and with which features."""

    class Model(Table):
        def state(self):
            return "state"

        def load_state(self, state):
            assert state == "state"

    seen: list[dict[str, Features]] = []
    model = Model({BOTH: np.zeros((N_USERS, N_ITEMS), dtype=np.float32)})
    arrays, meta = asked.replaced(model, lambda features: seen.append(dict(features)) or model, inputs, data, made, seed=seed)
    return arrays, meta, seen


def test_replaced_values_are_another_items_and_of_its_category_where_donors_are_asked_for(shop):
    made, inputs, data = shop
    groups = np.arange(N_ITEMS, dtype=np.int32) % 4
    inputs = ProbeInputs(**{**vars(inputs), "groups": groups})
    arrays, meta, seen = _given_other_values(inputs, data, made)
    assert meta["replaced"] == [["text", "permuted"], ["text", "donor"], ["image", "permuted"], ["image", "donor"]]
    assert arrays["replaced"].shape == (4, len(np.unique(inputs.test[:, 0])))
    for (name, kind), features in zip(meta["replaced"], seen, strict=True):
        own, moved = inputs.features[name], features[name]
        other = next(key for key in features if key != name)
        assert features[other] is inputs.features[other]
        there = np.flatnonzero(own.present)
        source = [int(np.flatnonzero((own.values == moved.values[item]).all(axis=1))[0]) for item in there]
        assert sorted(source) == there.tolist()  # each value is used once
        assert all(one != item for one, item in zip(source, there, strict=True))
        if kind == "donor":
            assert groups[source].tolist() == groups[there].tolist()
        np.testing.assert_array_equal(moved.values[~own.present], own.values[~own.present])


def test_a_dose_gives_its_share_of_the_items_a_wrong_value_and_a_larger_one_these_and_more(shop):
    made, inputs, data = shop
    made = made.model_copy(update={"options": {**made.options, "doses": [0.25, 0.5, 0.75]}})

    def wrong(seed):
        _, meta, seen = _given_other_values(inputs, data, made, seed)
        return {
            (name, kind): np.flatnonzero((features[name].values != inputs.features[name].values).any(axis=1))
            for (name, kind), features in zip(meta["replaced"], seen, strict=True)
        }

    found = wrong(1)
    for name in ("text", "image"):
        there = np.flatnonzero(inputs.features[name].present)
        doses = [found[name, asked.dose_kind(share)] for share in (0.25, 0.5, 0.75)]
        assert [len(dose) for dose in doses] == [round(share * len(there)) for share in (0.25, 0.5, 0.75)]
        for smaller, larger in pairwise([*doses, found[name, "permuted"]]):
            assert set(smaller) < set(larger) <= set(there)
    assert any(not np.array_equal(found[key], other) for key, other in wrong(2).items())  # each seed draws its own


def test_many_modalities_are_asked_for_the_sets_that_matter_only():
    def sets(n: int) -> list[frozenset[str]]:
        return asked.joint_sets(SimpleNamespace(modalities=tuple("abcdef"[:n]), content_in_score=True))[0]

    assert len(sets(2)) == 4 and len(sets(4)) == 16
    many = sets(6)
    assert len(many) == len(set(many)) < 2**6
    everything = frozenset("abcdef")
    assert {everything, *(everything - {name} for name in everything)} <= set(many)
