"""MMGCN's forward and gradients against the paper's equations in dense float64 torch."""

from __future__ import annotations

import numpy as np
import torch

from models.backbones.mmgcn import MMGCN
from models.backbones.protocol import MarginGradients
from tests.models import dense


def _model(features) -> MMGCN:
    given = {"train": dense.PAIRS, "dimensions": dense.D, "learning_rate": dense.RATE, "l2": dense.L2, "scale": 0.5}
    return MMGCN(dense.N_USERS, dense.N_ITEMS, features, **given)


def _leaky(x):
    return torch.where(x > 0, x, 0.2 * x)


def _branch(before, m, x):
    """One modality's last layer; ``x`` None: counterfactual."""
    bought = (dense.purchases() > 0).double()
    to_users, to_items = (table / table.sum(1, keepdim=True).clamp(min=1) for table in (bought, bought.T))
    users = before[f"preference.{m}"]
    if x is None:
        users, items = users.mean(0).repeat(dense.N_USERS, 1), torch.zeros(dense.N_ITEMS, dense.D, dtype=torch.float64)
    else:
        items = x @ before[f"map.{m}"]
    for layer in range(2):
        w1, w2, w3 = before[f"weights.{m}"][3 * layer : 3 * layer + 3]
        near_users, near_items = _leaky(to_users @ (items @ w1)), _leaky(to_items @ (users @ w1))
        users = _leaky(near_users @ w3 + _leaky(users @ w2) + before["user"])
        items = _leaky(near_items @ w3 + _leaky(items @ w2) + before["item"])
    return users, items


def _vectors(before, features, names):
    """Users' and items' vectors with these modalities factual."""
    content = {name: np.column_stack([f.values, ~f.present]) for name, f in features.items()}
    both = [
        _branch(before, m, torch.from_numpy(content[name]).double() if name in names else None) for m, name in enumerate(features)
    ]
    return sum(users for users, _ in both), sum(items for _, items in both)


def test_one_step_is_the_papers_equations_under_autograd():
    features, rng = dense.tiny_features(), np.random.default_rng(2)
    model = _model(features)
    before = dense.leaves(model)
    margins = model.forward(dense.TRIPLES, counterfactual=True)
    without = margins.without
    full, keep = rng.normal(size=4).astype(np.float32), rng.normal(size=(4, 2)).astype(np.float32)
    model.backward(MarginGradients(full, keep))

    users, items = _vectors(before, features, ["text", "image"])
    whole = dense.margin(users, items, before["bias"])
    alone = torch.stack([dense.margin(*_vectors(before, features, [name]), before["bias"]) for name in features], dim=1)
    np.testing.assert_allclose(margins.full, whole.detach().numpy(), atol=1e-5)
    np.testing.assert_allclose(margins.keep, alone.detach().numpy(), atol=1e-5)
    np.testing.assert_allclose(without, alone.detach().numpy()[:, ::-1], atol=1e-5)

    u, i, j = dense.indices(dense.TRIPLES.n_bpr)
    touched = [before["preference.0"][u], before["preference.1"][u], users[u], items[i], items[j]]
    loss = (whole * torch.from_numpy(full)).sum() + (alone * torch.from_numpy(keep)).sum() + dense.l2(before)
    loss = loss + dense.L2 / 2 / dense.TRIPLES.n_bpr * sum(rows.square().sum() for rows in touched)
    dense.assert_gradients(model, before, loss)


def test_every_parameter_learns_ids_and_preferences_too():
    model = _model(dense.tiny_features())
    before = model.state()
    model.forward(dense.TRIPLES)
    model.backward(MarginGradients(np.ones(4, dtype=np.float32)))
    after = model.state()
    assert {"user", "item", "preference.0", "preference.1"} <= set(after)
    assert all(not np.array_equal(after[name], before[name]) for name in after)


def test_scores_forget_the_branches_of_earlier_parameters():
    model = _model(dense.tiny_features())
    everyone, sets = np.arange(dense.N_USERS), [frozenset(), frozenset(["text"]), frozenset(["text", "image"])]
    old = model.score(everyone, sets)
    model.forward(dense.TRIPLES, counterfactual=True)
    model.backward(MarginGradients(np.ones(4, dtype=np.float32)))
    model.prepare()
    fresh = _model(dense.tiny_features())
    fresh.load_state(model.state())
    np.testing.assert_array_equal(model.score(everyone, sets), fresh.score(everyone, sets))
    assert all(np.abs(now - then).max() > 1e-4 for now, then in zip(model.score(everyone, sets), old, strict=True))


def test_without_modalities_one_branch_is_fed_with_ids():
    model = _model({})
    users, items = _branch(dense.leaves(model), 0, None)
    scores = model.score(np.arange(dense.N_USERS), [frozenset()])[0]
    np.testing.assert_allclose(scores, (users @ items.T).detach().numpy(), atol=1e-6)
