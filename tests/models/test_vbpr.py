"""VBPR's step against autograd on the written equation."""

from __future__ import annotations

import numpy as np
import torch

from models.backbones.protocol import Features, MarginGradients
from models.backbones.vbpr import VBPR
from models.sampling import Triples

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
