"""MGCN's forward and gradients against the paper's equations in dense float64 torch."""

from __future__ import annotations

import numpy as np
import torch

from models.backbones.mgcn import MGCN
from models.backbones.protocol import MarginGradients
from tests.models import dense


class Tiny(MGCN):
    neighbours, contrast = dense.K, 0.5


def _model() -> MGCN:
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


def _affine(x, table):
    return x @ table[:-1] + table[-1]


def _views(before, names):
    """Fused content and history of users and items together, with these modalities factual."""
    features = dense.tiny_features()
    order, history = list(features), torch.cat(dense.lightgcn(before["user"], before["item"]))
    contents = []
    for name in names:
        m, x = order.index(name), torch.from_numpy(features[name].values).double()
        marked = torch.cat([x, torch.from_numpy(~features[name].present)[:, None].double()], dim=1)
        purified = before["item"] * torch.sigmoid(_affine(_affine(marked, before[f"maps.{m}"]), before[f"purifiers.{m}"]))
        items = dense.likeness(x, features[name].present) @ purified
        contents.append(torch.cat([dense.purchases() @ items, items]))
    if not contents:
        return torch.zeros_like(history), history
    asked = torch.stack([(torch.tanh(_affine(c, before["attention"])) @ before["query"])[:, 0] for c in contents])
    shared = (torch.softmax(asked, dim=0)[:, :, None] * torch.stack(contents)).sum(0)
    gates = [torch.sigmoid(_affine(history, before[f"preferences.{order.index(name)}"])) for name in names]
    return shared + sum((c - shared) * g for c, g in zip(contents, gates, strict=True)) / len(names), history


def _margin(before, names):
    both = sum(_views(before, names))
    return dense.margin(both[: dense.N_USERS], both[dense.N_USERS :], before["bias"])


def test_one_step_is_the_papers_equations_under_autograd():
    model, rng = _model(), np.random.default_rng(2)
    before = dense.leaves(model)
    margins = model.forward(dense.TRIPLES, counterfactual=True)
    full, keep = rng.normal(size=4).astype(np.float32), rng.normal(size=(4, 2)).astype(np.float32)
    model.backward(MarginGradients(full, keep))
    whole = _margin(before, ["text", "image"])
    alone = torch.stack([_margin(before, [name]) for name in ("text", "image")], dim=1)
    np.testing.assert_allclose(margins.full, whole.detach().numpy(), atol=1e-5)
    np.testing.assert_allclose(margins.keep, alone.detach().numpy(), atol=1e-5)
    loss = (whole * torch.from_numpy(full)).sum() + (alone * torch.from_numpy(keep)).sum() + dense.l2(before)
    u, i, _ = dense.indices(dense.TRIPLES.n_bpr)
    for rows in (u.unique(), i.unique() + dense.N_USERS):
        fused, history = (view[rows] / view[rows].norm(dim=1, keepdim=True) for view in _views(before, ["text", "image"]))
        near = torch.exp(fused @ history.T / 0.2)
        loss = loss - 0.5 * torch.log(near.diagonal() / near.sum(1)).mean()
    dense.assert_gradients(model, before, loss)
    assert all(parameter.grad.any() for parameter in (*model.maps, *model.purifiers, *model.preferences))


def test_without_any_factual_modality_history_still_ranks():
    model = _model()
    both = _views(dense.leaves(model), [])[1].detach()
    scores = model.score(np.arange(dense.N_USERS), [frozenset()])[0]
    np.testing.assert_allclose(scores, (both[: dense.N_USERS] @ both[dense.N_USERS :].T).numpy(), atol=1e-6)
    assert np.ptp(scores, axis=1).min() > 0
