"""VBPR's step against autograd on the written equation."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.backbones import vbpr
from models.backbones.protocol import Features, MarginGradients
from models.backbones.vbpr import VBPR
from models.sampling import Sampler, Triples

NO_PAIRS = np.empty((0, 2), dtype=np.int32)  # VBPR makes no graph of them


def test_one_step_moves_against_the_gradient_of_the_written_loss():
    """Adam's first step moves each touched weight by the learning rate against its gradient's sign: compare with autograd."""
    rng = np.random.default_rng(0)
    present = np.array([True, True, False, True, True])
    values = np.where(present[:, None], rng.normal(size=(5, 3)), 0).astype(np.float32)
    model = VBPR(
        4, 5, {"text": Features(values, present)}, train=NO_PAIRS, dimensions=2, learning_rate=1e-3, l2=0.1, seed=0, scale=0.5
    )
    before = model.state()
    user, good, bad = (np.array(x, dtype=np.int32) for x in ([0, 2, 2], [0, 2, 3], [1, 4, 2]))
    margins = model.forward(Triples(user, good, bad, 3))
    weight = np.array([-0.3, 0.2, -0.5], dtype=np.float32)
    model.backward(MarginGradients(weight))
    after = model.state()

    t = {name: torch.tensor(value, dtype=torch.float64, requires_grad=True) for name, value in before.items()}
    x = torch.tensor(np.column_stack([values, ~present]), dtype=torch.float64)
    p = t["user"].reshape(4, 2, 2)
    z = torch.stack([t["item"], x @ t["map.text"]], dim=1)
    u, i, j = (torch.from_numpy(index).long() for index in (user, good, bad))
    margin = (p[u] * (z[i] - z[j])).sum((1, 2)) + t["bias"][i, 0] - t["bias"][j, 0]
    np.testing.assert_allclose(margins.full, margin.detach().numpy(), rtol=1e-5)
    penalty = 0.1 / 3 * ((p[u] ** 2).sum() + (z[i] ** 2).sum() + (z[j] ** 2).sum()) / 2
    ((torch.from_numpy(weight) * margin).sum() + penalty).backward()
    for name, tensor in t.items():
        gradient = tensor.grad.numpy()
        moved = after[name] - before[name]
        clear = np.abs(gradient) > 1e-4
        assert clear.any()
        np.testing.assert_allclose(moved[clear], -1e-3 * np.sign(gradient[clear]), rtol=1e-2, err_msg=name)
        assert np.all(moved[gradient == 0] == 0)


def test_an_item_without_the_modality_has_a_learnt_vector_of_its_own():
    n_users, n_items = 5, 6
    absent = np.zeros(n_items, dtype=bool)
    nothing = Features(np.zeros((n_items, 2), dtype=np.float32), absent)
    model = VBPR(n_users, n_items, {"text": nothing}, train=NO_PAIRS, seed=0)
    parts = model.score(np.arange(3), [frozenset(["text"])])[0] - model.score(np.arange(3), [frozenset()])[0]
    np.testing.assert_allclose(parts, np.repeat(parts[:, :1], n_items, axis=1), atol=1e-6)


RATE, L2, BATCHES = 1e-2, 0.1, 11


def _asks(branches):
    """A method that changes one branch's gradients in place and slows the other's step, more so in every batch."""
    _asks.asked += 1
    for gradient in branches["text"]:
        gradient *= np.float32(1.5)
    return {"image": 1 / _asks.asked}


@pytest.mark.parametrize("adjust", [None, _asks])
def test_in_a_large_log_the_maps_step_on_the_mean_gradient_of_four_batches(adjust, monkeypatch):
    """Against dense Adam of every table in float64, the maps' once for four batches and for the three left at the end."""
    monkeypatch.setattr(vbpr, "LARGE", 1)
    _asks.asked = 0
    rng = np.random.default_rng(1)
    n_users, n_items, names = 30, 40, ("text", "image")
    present = {"text": np.arange(n_items) % 5 > 0, "image": np.ones(n_items, dtype=bool)}
    features = {
        name: Features(np.where(there[:, None], rng.normal(size=(n_items, 3)), 0).astype(np.float32), there)
        for name, there in present.items()
    }
    train = np.unique(np.stack([rng.integers(0, n_users, 150), rng.integers(0, n_items, 150)], axis=1).astype(np.int32), axis=0)
    model = VBPR(n_users, n_items, features, train=train, dimensions=4, learning_rate=RATE, l2=L2, seed=0, scale=0.5)
    tables = {name: torch.tensor(value, dtype=torch.float64, requires_grad=True) for name, value in model.state().items()}
    maps = {name: table for name, table in tables.items() if name.startswith("map.")}
    rows = torch.optim.Adam([table for name, table in tables.items() if name not in maps], RATE)
    of_maps = torch.optim.Adam(list(maps.values()), 4 * RATE, betas=(0.6, 0.996))
    inputs = {name: torch.tensor(np.column_stack([f.values, ~f.present]), dtype=torch.float64) for name, f in features.items()}
    triples = list(Sampler(train, n_users, n_items, batch_size=12, n_extra=0, seed=3).epoch(1))[:BATCHES]
    waiting, squared, expected = {name: [] for name in maps}, np.zeros(2), np.zeros(2)
    for number, batch in enumerate(triples, start=1):
        margins = model.forward(batch)
        pull = -1 / (1 + np.exp(margins.full)) / np.float32(batch.n_bpr)
        found = model.backward(MarginGradients(pull), adjust=adjust)
        squared += [found[name] for name in names]

        p = tables["user"].reshape(n_users, 3, 4)
        z = torch.stack([tables["item"], *(inputs[name] @ tables[f"map.{name}"] for name in names)], dim=1)
        u, i, j = (torch.from_numpy(one).long() for one in (batch.user, batch.positive, batch.negative))
        margin = (p[u] * (z[i] - z[j])).sum((1, 2)) + (tables["bias"][i] - tables["bias"][j])[:, 0]
        np.testing.assert_allclose(margins.full, margin.detach().numpy(), rtol=2e-3, atol=2e-4)
        lengths = (p[u] ** 2).sum() + (z[i] ** 2).sum() + (z[j] ** 2).sum()
        loss = torch.nn.functional.softplus(-margin).mean() + L2 / 2 / batch.n_bpr * lengths
        gradients = dict(zip(tables, torch.autograd.grad(loss, list(tables.values())), strict=True))
        user = gradients["user"].reshape(n_users, 3, 4)
        expected += user.square().sum((0, 2)).numpy()[1:]
        plain = {name: gradients[name].clone() for name in maps}
        if adjust:
            user[:, 1] *= 1.5
            gradients["map.text"] *= 1.5
        for name, table in tables.items():
            table.grad = gradients[name]
        before = tables["user"].detach().clone()
        rows.step()
        if adjust:  # a factor is on the step of those who are in the batch
            slower, mine = (before + (tables["user"].detach() - before) / number).reshape(n_users, 3, 4), u.unique()
            with torch.no_grad():
                tables["user"].reshape(n_users, 3, 4)[mine, 2] = slower[mine, 2]
        for name in maps:
            waiting[name].append((gradients[name], plain[name], 1 / number if adjust and name == "map.image" else 1))
        if number % 4 == 0 or number == BATCHES:
            before = {name: table.detach().clone() for name, table in maps.items()}
            for name, table in maps.items():
                table.grad = torch.stack([gradient for gradient, *_ in waiting[name]]).mean(0)
            if number % 4 == 0:
                means = [torch.stack([gradient for _, gradient, _ in waiting[name]]).mean(0) for name in maps]
                expected += [4 * float(mean.square().sum()) for mean in means]
            of_maps.step()
            with torch.no_grad():
                for name, table in maps.items():
                    factor = np.mean([one for *_, one in waiting[name]])
                    table[:] = before[name] + factor * (table - before[name])
                    waiting[name].clear()
    for name, values in model.state().items():
        np.testing.assert_allclose(values, tables[name].detach().numpy(), rtol=5e-3, atol=5e-4, err_msg=name)
    np.testing.assert_allclose(squared, expected, rtol=1e-3)


def test_what_waits_for_a_step_is_forgotten_when_parameters_are_put_back(monkeypatch):
    monkeypatch.setattr(vbpr, "LARGE", 0)
    values = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    model = VBPR(4, 5, {"text": Features(values, np.ones(5, dtype=bool))}, train=NO_PAIRS, dimensions=2, seed=0, scale=0.5)
    before = model.state()
    model.forward(Triples(*np.array([[0, 1], [0, 1], [2, 3]], dtype=np.int32), 2))
    model.backward(MarginGradients(np.array([-0.5, -0.5], dtype=np.float32)))
    model.load_state(before)
    for name, table in model.state().items():
        np.testing.assert_array_equal(table, before[name], err_msg=name)


def test_a_method_that_looks_at_gradients_and_leaves_them_alone_changes_nothing(monkeypatch):
    monkeypatch.setattr(vbpr, "LARGE", 0)
    values = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    seen = []

    def looks(branches):
        seen.append({name: [gradient.shape for gradient in gradients] for name, gradients in branches.items()})
        return {"text": 0.5}

    states = []
    for adjust in (looks, lambda branches: {"text": 0.5}):
        model = VBPR(4, 5, {"text": Features(values, np.ones(5, dtype=bool))}, train=NO_PAIRS, dimensions=2, seed=0, scale=0.5)
        for _ in range(5):
            model.forward(Triples(*np.array([[0, 1], [0, 1], [2, 3]], dtype=np.int32), 2))
            model.backward(MarginGradients(np.array([-0.5, -0.5], dtype=np.float32)), adjust=adjust)
        states.append(model.state())
    assert seen == [{"text": [(2, 2), (4, 2)]}] * 5
    for name, table in states[0].items():
        np.testing.assert_array_equal(table, states[1][name], err_msg=name)
