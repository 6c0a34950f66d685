"""LightGCN's step against autograd on the written equations, with a dense float64 graph."""

from __future__ import annotations

import numpy as np
import torch

from models.backbones.lightgcn import LightGCNContent
from models.backbones.protocol import Features, MarginGradients
from models.graphs import Bipartite
from models.sampling import Triples

PAIRS = np.array([[0, 0], [0, 1], [1, 1], [1, 2], [2, 3], [3, 0], [3, 4]], dtype=np.int32)  # item 5 was never bought
N_USERS, N_ITEMS, D = 4, 6, 3
RATE, L2 = 1e-3, 0.1


def _dense_graph() -> torch.Tensor:
    adjacency = torch.zeros(N_USERS + N_ITEMS, N_USERS + N_ITEMS, dtype=torch.float64)
    for user, item in PAIRS:
        adjacency[user, N_USERS + item] = adjacency[N_USERS + item, user] = 1
    scale = adjacency.sum(1).clamp(min=1).rsqrt()
    return scale[:, None] * adjacency * scale


def test_a_product_with_the_graph_is_the_dense_one():
    rng = np.random.default_rng(0)
    users, items = rng.normal(size=(N_USERS, 5)).astype(np.float32), rng.normal(size=(N_ITEMS, 5)).astype(np.float32)
    found = np.concatenate(Bipartite.from_pairs(PAIRS, N_USERS, N_ITEMS).mean_of_layers(users, items, 3))
    layer = torch.from_numpy(np.concatenate([users, items])).double()
    layers = [layer]
    for _ in range(3):
        layer = _dense_graph() @ layer
        layers.append(layer)
    np.testing.assert_allclose(found, torch.stack(layers).mean(0).numpy(), atol=1e-6)


def test_one_step_is_the_papers_equations_under_autograd():
    rng = np.random.default_rng(1)
    present = np.array([True, True, False, True, True, True])
    values = np.where(present[:, None], rng.normal(size=(N_ITEMS, 2)), 0).astype(np.float32)
    model = LightGCNContent(
        N_USERS,
        N_ITEMS,
        {"text": Features(values, present)},
        train=PAIRS,
        dimensions=D,
        learning_rate=RATE,
        l2=L2,
        scale=0.5,
    )
    before = {name: torch.tensor(table, dtype=torch.float64, requires_grad=True) for name, table in model.state().items()}
    triples = Triples(*np.array([[0, 1, 1, 3], [1, 2, 5, 0], [2, 0, 3, 1]], dtype=np.int32), n_bpr=3)
    margins = model.forward(triples, counterfactual=True)
    full, keep = rng.normal(size=4).astype(np.float32), rng.normal(size=(4, 1)).astype(np.float32)
    model.backward(MarginGradients(full, keep))

    x = torch.tensor(np.column_stack([values, ~present]), dtype=torch.float64)
    own = [(before["user"][:, :D], before["item"]), (before["user"][:, D:], x @ before["map.text"])]
    graph, scores = _dense_graph(), []
    for users, items in own:
        layer = torch.cat([users, items])
        total = (layer + graph @ layer + graph @ (graph @ layer)) / 3
        scores.append(total[:N_USERS] @ total[N_USERS:].T)
    scores[0] = scores[0] + before["bias"][:, 0]
    u, i, j = (torch.from_numpy(column).long() for column in (triples.user, triples.positive, triples.negative))
    parts = [score[u, i] - score[u, j] for score in scores]
    np.testing.assert_allclose(margins.full, (parts[0] + parts[1]).detach().numpy(), atol=1e-5)
    loss = ((parts[0] + parts[1]) * (torch.from_numpy(full) + torch.from_numpy(keep)[:, 0]).double()).sum()
    for users, items in own:
        n = triples.n_bpr
        loss = loss + L2 / n * ((users[u[:n]] ** 2).sum() + (items[i[:n]] ** 2).sum() + (items[j[:n]] ** 2).sum()) / 2
    torch.optim.Adam(before.values(), lr=RATE).zero_grad()
    loss.backward()
    for name, table in model.state().items():
        expected = before[name].detach() - RATE * before[name].grad / (before[name].grad.abs() + 1e-8)
        np.testing.assert_allclose(table, expected.numpy(), atol=2e-5, err_msg=name)
