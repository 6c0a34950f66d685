"""The foreign recommender of models/README.md, balanced as the page says."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch

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
    features, data, n_users, n_items = small_world(60, 40)
    torch.manual_seed(0)
    records = list(example["balance"](features, n_users, n_items, data, method, epochs=4))
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
    from models.backbones.foreign import TorchBackbone

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
