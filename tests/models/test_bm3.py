"""BM3's forward and gradients against the paper's equations in dense float64 torch."""

from __future__ import annotations

import numpy as np
import torch

from models.backbones.bm3 import BM3
from models.backbones.protocol import MarginGradients
from tests.models import dense


def _model(hidden: float) -> BM3:
    class Tiny(BM3):
        pass

    Tiny.hidden, Tiny.layers = hidden, 2
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


def _apart(predicted, target):
    """Mean of 1 - cos, no gradient through the target."""
    target = target.detach()
    return (1 - (predicted * target).sum(1) / predicted.norm(dim=1) / target.norm(dim=1)).mean()


def test_one_step_is_the_papers_equations_under_autograd():
    model, features = _model(hidden=0.0), dense.tiny_features()
    before = dense.leaves(model)
    margins = model.forward(dense.TRIPLES)
    model.backward(MarginGradients(np.ones(4, dtype=np.float32)))
    users, items = dense.lightgcn(before["user"], before["item"])
    items = items + before["item"]
    predict = before["predictor"]
    whole = dense.margin(_affine(users, predict), _affine(items, predict), before["bias"])
    np.testing.assert_allclose(margins.full, whole.detach().numpy(), atol=1e-5)

    u, i, _ = dense.indices(dense.TRIPLES.n_bpr)
    loss = dense.l2(before) + _apart(_affine(users[u], predict), items[i]) + _apart(_affine(items[i], predict), users[u])
    for m, feature in enumerate(features.values()):
        has = torch.from_numpy(feature.present)[i]
        content = _affine(torch.from_numpy(feature.values).double()[i[has]], before[f"maps.{m}"])
        loss = loss + _apart(_affine(content, predict), items[i[has]]) + _apart(_affine(content, predict), content)
    dense.assert_gradients(model, before, loss)
    assert all(parameter.grad.any() for parameter in model.maps)


def test_content_teaches_but_does_not_score():
    model = _model(hidden=0.5)
    assert not BM3.content_in_score
    users, sets = np.arange(dense.N_USERS), [frozenset(), frozenset({"text"}), frozenset({"text", "image"})]
    scores = model.score(users, sets)
    assert np.array_equal(scores[0], scores[1]) and np.array_equal(scores[0], scores[2])
    taught, untaught = _model(hidden=0.0), _model(hidden=0.0)
    untaught._present = [torch.zeros_like(present) for present in untaught._present]
    for one in (taught, untaught):
        one.forward(dense.TRIPLES)
        one.backward(MarginGradients(np.ones(4, dtype=np.float32)))
    assert not np.allclose(taught.predictor.grad.numpy(), untaught.predictor.grad.numpy())


def test_a_view_leaves_out_the_share_it_says():
    model = _model(hidden=0.3)
    assert abs(float((model._view(torch.ones(400, 50)) == 0).float().mean()) - 0.3) < 0.02
