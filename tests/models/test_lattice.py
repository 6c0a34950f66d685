"""LATTICE's forward and gradients against the paper's equations in dense float64 torch."""

from __future__ import annotations

import numpy as np
import torch

from models.backbones.lattice import LATTICE
from models.backbones.protocol import MarginGradients
from tests.models import dense


class Tiny(LATTICE):
    neighbours = dense.K


def _model() -> LATTICE:
    return Tiny(
        dense.N_USERS,
        dense.N_ITEMS,
        dense.tiny_features(),
        train=dense.PAIRS,
        dimensions=dense.D,
        learning_rate=dense.RATE,
        l2=dense.L2,
        scale=0.5,
    )


def _vectors(before, names):
    """Users' and items' vectors with these modalities factual."""
    features, item = dense.tiny_features(), before["item"]
    users, items = dense.lightgcn(before["user"], item)
    order = list(features)
    if not names:
        return users, items
    alpha = torch.softmax(torch.stack([before[f"importance.{order.index(name)}"] for name in names]), dim=0)
    h = 0
    for weight, name in zip(alpha, names, strict=True):
        x, present = torch.from_numpy(features[name].values).double(), features[name].present
        table = before[f"maps.{order.index(name)}"]
        graph = 0.7 * dense.likeness(x, present) + 0.3 * dense.likeness(x @ table[:-1] + table[-1], present)
        h = h + weight * (graph @ item)
    return users, items + h / h.norm(dim=1, keepdim=True)


def test_one_step_is_the_papers_equations_under_autograd():
    model, rng = _model(), np.random.default_rng(2)
    with torch.no_grad():
        model.importance[0].fill_(0.4)
    before = dense.leaves(model)
    margins = model.forward(dense.TRIPLES, counterfactual=True)
    full, keep = rng.normal(size=4).astype(np.float32), rng.normal(size=(4, 2)).astype(np.float32)
    model.backward(MarginGradients(full, keep))
    whole = dense.margin(*_vectors(before, ["text", "image"]), before["bias"])
    alone = torch.stack([dense.margin(*_vectors(before, [name]), before["bias"]) for name in ("text", "image")], dim=1)
    np.testing.assert_allclose(margins.full, whole.detach().numpy(), atol=1e-5)
    np.testing.assert_allclose(margins.keep, alone.detach().numpy(), atol=1e-5)
    loss = (whole * torch.from_numpy(full)).sum() + (alone * torch.from_numpy(keep)).sum() + dense.l2(before)
    dense.assert_gradients(model, before, loss)
    assert all(parameter.grad.any() for parameter in model.maps)


def test_without_any_factual_modality_history_still_ranks():
    model = _model()
    before = dense.leaves(model)
    users, items = _vectors(before, [])
    scores = model.score(np.arange(dense.N_USERS), [frozenset()])[0]
    np.testing.assert_allclose(scores, (users @ items.T).detach().numpy(), atol=1e-6)
    assert np.ptp(scores, axis=1).min() > 0


def test_neighbours_follow_the_learnt_map_from_one_epoch_to_the_next():
    model = _model()
    old = model._learnt[1].rows.items.copy()
    with torch.no_grad():
        model.maps[1].copy_(torch.tensor([[0.0, 0, 0], [0, 0, 1], [0, 1, 0]]))
    assert np.array_equal(model._learnt[1].rows.items, old)
    model.prepare()
    assert not np.array_equal(model._learnt[1].rows.items, old)
