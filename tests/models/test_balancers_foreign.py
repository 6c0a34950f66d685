"""The foreign recommender of models/README.md, balanced as the page says."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from models.backbones.foreign import TorchBackbone
from models.balancers import BALANCERS, NEEDS_TEACHERS
from models.balancers.protocol import Refused
from models.training import Settings, train
from tests.models.worlds import small_world


@pytest.fixture(scope="module")
def example() -> dict:
    readme = (Path(__file__).parents[2] / "models" / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    names: dict = {}
    exec(compile(code, "models/README.md", "exec"), names)  # noqa: S102  (our own documentation)
    return names


@pytest.mark.parametrize("method", ["ckd", "ogm_ge"])
def test_the_example_runs_unchanged(example, method):
    world, known, n_users, n_items = small_world(60, 40)
    vectors = {name: np.where(np.arange(n_items)[:, None] == 3, np.nan, one.values + 5) for name, one in world.items()}
    pairs = np.concatenate([known.train, np.stack([known.validation.users, known.validation.items], axis=1)])
    features, data = example["prepare"](vectors, pairs, n_users)
    np.testing.assert_array_equal(data.train, known.train)
    np.testing.assert_array_equal(data.validation.items, known.validation.items)
    assert all(not one.values[3].any() and not one.present[3] and abs(one.values.mean()) < 1e-5 for one in features.values())

    model, records = example["balance"](features, n_users, n_items, data, method, epochs=4)
    scores = model.score(np.arange(n_users), [frozenset(features)])
    assert scores.shape == (1, n_users, n_items) and np.isfinite(scores).all()
    again, _ = example["balance"](features, n_users, n_items, data, method, epochs=4)
    np.testing.assert_array_equal(scores, again.score(np.arange(n_users), [frozenset(features)]))
    assert records[-1].loss < records[0].loss
    assert set(records[-1].branches) == {"id", "text", "image"}
    assert records[-1].dynamics["gradient_share"]["text"] > 0
    weights = list(records[-1].dynamics["weight"].values())
    if method == "ckd":
        assert np.mean(weights) == pytest.approx(1, rel=1e-3)
    else:
        assert min(weights) < max(weights) == pytest.approx(1, abs=0.3)


@pytest.mark.parametrize("method", [name for name in BALANCERS if name not in {"none", "pmr"} | NEEDS_TEACHERS])
def test_a_foreign_recommender_takes_every_method_that_it_offers_the_means_for(example, method):
    features, data, n_users, n_items = small_world(60, 40)
    model = example["wrap"](features, n_users, n_items)
    (record,) = train(model, data, BALANCERS[method]({}), Settings(1, 1, 64), seed=0)
    assert np.isfinite(record.loss) and "weight" in record.dynamics


def test_what_it_does_not_offer_is_refused_with_the_reason(example):
    features, data, n_users, n_items = small_world(60, 40)
    model = example["wrap"](features, n_users, n_items)
    bare = TorchBackbone(model.module, n_users, n_items, features)
    for backbone, method, code in ((model, "pmr", "no_item_vectors"), (bare, "ogm_ge", "no_branch_parameters")):
        with pytest.raises(Refused) as refused:
            next(train(backbone, data, BALANCERS[method]({}), Settings(1, 1, 64), seed=0))
        assert refused.value.code == code


def test_some_items_the_same_for_all_or_each_users_own_score_as_among_all(example):
    features, _, n_users, n_items = small_world(60, 40)
    model = example["wrap"](features, n_users, n_items)
    model.prepare()
    rng = np.random.default_rng(0)
    users, shared, own = rng.choice(n_users, 7), rng.choice(n_items, 4), rng.choice(n_items, (7, 3))
    sets = [frozenset(features), frozenset()]
    whole = model.score(users, sets)
    np.testing.assert_allclose(model.score(users, sets, shared), whole[:, :, shared], atol=1e-6)
    np.testing.assert_allclose(model.score(users, sets, own), whole[:, np.arange(7)[:, None], own], atol=1e-6)
    assert np.ptp(whole) > 0


class _Keeps(torch.nn.Module):
    """A recommender that remembers batches and draws at random: batch normalisation and dropout."""

    def __init__(self, n_users, n_items, f):
        super().__init__()
        self.user, self.item = torch.nn.Embedding(n_users, 8), torch.nn.Embedding(n_items, 8)
        self.text, self.image = torch.nn.Linear(f, 8), torch.nn.Linear(f, 8)
        self.norm, self.drop = torch.nn.BatchNorm1d(8), torch.nn.Dropout(0.3)

    def forward(self, users, items, features):
        content = self.text(features["text"][items]) + self.image(features["image"][items])
        return (self.user(users) * self.drop(self.norm(self.item(items) + content))).sum(-1)


def test_counterfactuals_leave_no_trace_in_what_the_module_remembers_or_draws():
    """Watched or not, what is learnt is the same, down to the running means and the dropout masks."""
    features, data, n_users, n_items = small_world(60, 40)

    def state(look_every):
        torch.manual_seed(3)
        module = _Keeps(n_users, n_items, 6)
        branches = {"text": ["text.weight"], "image": ["image.weight"]}
        model = TorchBackbone(module, n_users, n_items, features, branches=branches)
        records = list(train(model, data, BALANCERS["none"]({}), Settings(3, 3, 64, look_every=look_every), seed=0))
        assert ("conflict" in records[0].dynamics) == bool(look_every)
        return model.state()

    watched, unwatched = state(2), state(0)
    assert watched["norm.num_batches_tracked"] > 0
    for name, value in unwatched.items():
        np.testing.assert_array_equal(value, watched[name], err_msg=name)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"branches": {"txt": ["text.weight"]}}, "no features of ['txt']"),
        ({"preferences": {"txt": "user.weight"}}, "no features of ['txt']"),
        ({"branches": {"text": ["text.w"]}}, "no parameters named ['text.w']"),
        ({"branches": {"text": ["text.weight"], "image": ["text.weight"]}}, "more than once"),
        ({"branches": {"image": ["image.weight"]}}, "frozen"),
        ({"preferences": {"text": "item.weight"}}, "has 40 rows, not 60"),
        ({"n_items": 41}, "have 40 rows; there are 41 items"),
    ],
)
def test_what_does_not_fit_is_said_at_once(options, said):
    features, _, n_users, n_items = small_world(60, 40)
    module = _Keeps(n_users, n_items, 6)
    module.image.weight.requires_grad_(False)
    with pytest.raises(ValueError, match=re.escape(said)):
        TorchBackbone(module, n_users, options.pop("n_items", n_items), features, **options)


def test_a_column_of_scores_is_refused_instead_of_compared_with_every_other():
    """(n, 1) minus (n,) would be (n, n)."""
    features, data, n_users, n_items = small_world(60, 40)

    class Column(_Keeps):
        def forward(self, users, items, features):
            return super().forward(users, items, features)[:, None]

    model = TorchBackbone(Column(n_users, n_items, 6), n_users, n_items, features)
    with pytest.raises(ValueError, match="it must give"):
        next(train(model, data, BALANCERS["none"]({}), Settings(1, 1, 64), seed=0))


@pytest.mark.parametrize("method", sorted(NEEDS_TEACHERS))
def test_teachers_are_known_by_name_and_none_may_be_missing(method, example):
    features, data, n_users, n_items = small_world(60, 40)
    taught = {name: example["wrap"](features, n_users, n_items, seed=seed) for seed, name in enumerate(features)}
    teachers = {name: model.margins for name, model in taught.items()}

    def state(given):
        model = example["wrap"](features, n_users, n_items)
        list(train(model, data, BALANCERS[method](given), Settings(1, 1, 64), seed=0))
        return model.state()

    forwards, backwards = state(teachers), state(dict(reversed(teachers.items())))
    for name, value in forwards.items():
        np.testing.assert_array_equal(value, backwards[name])
    with pytest.raises(ValueError, match=r"teacher is missing for \['image'\]"):
        state({"text": teachers["text"]})
