"""What every balancer must do, on every backbone of the table: run and tell what it did, or be refused with the reason."""

from __future__ import annotations

import numpy as np
import pytest

from models.backbones import BACKBONES, HISTORY_ONLY
from models.backbones.autograd import AutogradBackbone
from models.backbones.protocol import ItemVectors, MarginGradients
from models.balancers import BALANCERS, NEEDS_TEACHERS
from models.balancers.protocol import Refused
from models.sampling import Sampler
from models.training import Settings, train
from tests.models.worlds import small_world

SHORT = Settings(2, 2, 64, look_every=0)
EXTRA_KEYS = {"full"}  # gradient blending weights the joint loss too
BIDES_ITS_TIME = {"none", "pmr", "mslr", "gradient_blending"}  # may rightly do nothing in two epochs


@pytest.fixture(scope="module")
def world():
    return small_world(60, 40)


@pytest.fixture(scope="module")
def teachers(world):
    """Margins of uni-modal models, trained once per backbone."""
    features, data, n_users, n_items = world
    made: dict = {}

    def of(name):
        if name not in made:
            alone = {m: BACKBONES[name](n_users, n_items, {m: features[m]}, train=data.train, seed=1) for m in features}
            for model in alone.values():
                list(train(model, data, BALANCERS["none"]({}), SHORT, seed=1))
            made[name] = {m: model.margins for m, model in alone.items()}
        return made[name]

    return of


def _model(name, world, **options):
    features, data, n_users, n_items = world
    return BACKBONES[name](n_users, n_items, features, train=data.train, seed=1, **options)


@pytest.mark.parametrize("balancer", BALANCERS)
@pytest.mark.parametrize("name", BACKBONES)
def test_every_balancer_runs_on_every_backbone_and_tells_what_it_did(name, balancer, world, teachers):
    features, data, _, _ = world

    if balancer != "none" and not BACKBONES[name].content_in_score:
        with pytest.raises(Refused) as refused:
            next(train(_model(name, world), data, BALANCERS[balancer]({}), SHORT, seed=1))
        assert refused.value.code == ("history_only" if name in HISTORY_ONLY else "content_not_in_score")
        return

    def run():
        model = _model(name, world)
        method = BALANCERS[balancer](teachers(name) if balancer in NEEDS_TEACHERS else {})
        return model, list(train(model, data, method, SHORT, seed=1))

    model, records = run()
    assert all(np.isfinite(record.loss) for record in records)
    told = {k: v for k, v in records[-1].dynamics.items() if k not in ("gradient_share", "probability")}
    assert sum(records[-1].dynamics["gradient_share"].values()) == pytest.approx(1)
    if balancer == "none":
        assert not told
        return
    assert "weight" in told
    for values in told.values():
        assert set(values) - EXTRA_KEYS == set(features) and np.isfinite(list(values.values())).all()
    if balancer in NEEDS_TEACHERS:
        assert np.mean(list(told["weight"].values())) == pytest.approx(1, rel=1e-4)
    plain = _model(name, world)
    list(train(plain, data, BALANCERS["none"]({}), SHORT, seed=1))
    state, again, other = model.state(), run()[0].state(), plain.state()
    assert all(np.array_equal(state[key], again[key]) for key in state)  # the seed decides everything
    if balancer not in BIDES_ITS_TIME:
        assert any(not np.array_equal(state[key], other[key]) for key in state)  # and it did something


@pytest.mark.parametrize("balancer", [name for name in BALANCERS if name != "none"])
def test_one_modality_has_nothing_to_be_balanced_against(balancer, world):
    features, data, n_users, n_items = world
    model = BACKBONES["vbpr"](n_users, n_items, {"text": features["text"]}, train=data.train)
    with pytest.raises(Refused) as refused:
        next(train(model, data, BALANCERS[balancer]({}), SHORT, seed=1))
    assert refused.value.code == "one_modality"


def _batch(world):
    _, data, n_users, n_items = world
    return next(Sampler(data.train, n_users, n_items, batch_size=50, n_extra=7, seed=0).epoch(1))


def _gradients(model, triples, seed=0):
    rng = np.random.default_rng(seed)
    margins = model.forward(triples, counterfactual=True)
    full = rng.normal(size=margins.full.shape).astype(np.float32)
    return MarginGradients(full, rng.normal(size=margins.keep.shape).astype(np.float32))


@pytest.mark.parametrize("name", [name for name in BACKBONES if BACKBONES[name].content_in_score])
def test_branch_gradients_are_those_that_are_shown_before_the_step(name, world):
    """Without L2 and losses of the backbone's own they are the same numbers; with them, the same shapes."""
    model, seen = _model(name, world, l2=0.0), {}
    assert model.branches == model.modalities
    given = _gradients(model, _batch(world))
    before = model.branch_gradients(given)
    before = {m: [one.copy() for one in own] for m, own in before.items()}

    def look(branches):
        seen.update({m: [one.copy() for one in own] for m, own in branches.items()})
        return {}

    model.backward(given, adjust=look)
    assert {m: [one.shape for one in own] for m, own in before.items()} == {
        m: [one.shape for one in own] for m, own in seen.items()
    }
    assert all(any(np.abs(one).max() > 0 for one in own) for own in before.values())
    if not isinstance(model, AutogradBackbone) or type(model).auxiliary is AutogradBackbone.auxiliary:
        for m, own in before.items():
            for mine, shown in zip(own, seen[m], strict=True):
                np.testing.assert_allclose(mine, shown, rtol=1e-4, atol=1e-6)


def _own_parameters(model, state, modality):
    """The parameters of one branch, of backbones that have some."""
    if isinstance(model, AutogradBackbone):
        own = {id(parameter) for parameter in model.branch(modality)}
        return {name: state[name].copy() for name, parameter in model.named_parameters() if id(parameter) in own}
    part = 1 + model.modalities.index(modality)
    width = state[f"map.{modality}"].shape[1]
    return {"map": state[f"map.{modality}"], "user": state["user"][:, part * width : (part + 1) * width]}


@pytest.mark.parametrize("name", [name for name in BACKBONES if name not in {"freedom", *HISTORY_ONLY}])  # paths to shared factors
def test_a_factor_scales_the_step_of_one_branch_and_of_no_other(name, world):
    moved = {}
    for factor in (1.0, 0.25, 0.0):
        model = _model(name, world)
        start = model.state()
        model.backward(_gradients(model, _batch(world)), adjust=lambda branches, factor=factor: {"text": factor})
        after = model.state()
        moved[factor] = {
            m: {k: after_ - _own_parameters(model, start, m)[k] for k, after_ in _own_parameters(model, after, m).items()}
            for m in model.modalities
        }
    assert all(np.abs(step).max() > 0 for step in moved[1.0]["image"].values())
    for factor in (0.25, 0.0):
        for key, step in moved[1.0]["text"].items():
            np.testing.assert_allclose(moved[factor]["text"][key], factor * step, atol=1e-6)
        for key, step in moved[1.0]["image"].items():
            np.testing.assert_allclose(moved[factor]["image"][key], step, atol=1e-7)


def test_adam_forgets_a_lasting_factor_on_gradients_but_not_on_steps(world):
    """Why factors are on steps: divided by ten for a whole epoch, gradients move the map as if nothing were done."""

    def moved(adjust):
        _, data, n_users, n_items = world
        model = _model("vbpr", world, l2=0.0)
        start = model.state()["map.text"]
        for triples in Sampler(data.train, n_users, n_items, batch_size=50, n_extra=0, seed=0).epoch(1):
            margins = model.forward(triples, counterfactual=False)
            model.backward(MarginGradients(-1 / (1 + np.exp(margins.full)) / 50), adjust=adjust)
        return np.abs(model.state()["map.text"] - start).mean()

    def divide(branches):
        for gradient in branches["text"]:
            gradient /= 10
        return {}

    plain = moved(lambda branches: {})
    assert moved(divide) > 0.9 * plain
    assert moved(lambda branches: {"text": 0.1}) < 0.2 * plain


@pytest.mark.parametrize("name", [name for name in BACKBONES if BACKBONES[name].content_in_score])
def test_a_pull_on_item_vectors_moves_them(name, world):
    model, triples = _model(name, world, l2=0.0, scale=0.1), _batch(world)
    if not isinstance(model, ItemVectors):
        pytest.skip("has no item vectors; PMR is refused")
    assert set(model.item_vectors()) == {"id", *model.modalities}
    zero = np.zeros(len(triples.user), dtype=np.float32)
    pull = None
    model.forward(triples, counterfactual=True)
    start = model.item_vectors(batch=True)["text"].copy()
    assert len(start) == triples.n_bpr
    for _ in range(5):
        pull = np.ones_like(start) / len(start)
        model.backward(MarginGradients(zero, vectors={"text": pull}))
        model.forward(triples, counterfactual=True)
    assert (model.item_vectors(batch=True)["text"] - start).mean() < 0
