"""FREEDOM's step against autograd on the written equations, with dense float64 graphs; the graphs against brute force."""

from __future__ import annotations

import numpy as np
import torch

from models.backbones.freedom import FREEDOM
from models.backbones.protocol import Features, MarginGradients
from models.graphs import nearest
from models.sampling import Triples

PAIRS = np.array([[0, 0], [0, 1], [1, 1], [1, 2], [2, 3], [3, 0], [3, 4]], dtype=np.int32)
N_USERS, N_ITEMS, D, K = 4, 6, 3, 2
RATE, L2, PULL = 1e-3, 0.1, 0.5


def _nearest(values: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Row i: 1 / K for each of the K nearest present items by cosine, itself among them; itself alone where it is absent."""
    table = np.zeros((len(values), len(values)))
    for item in range(len(values)):
        if not present[item]:
            table[item, item] = 1
            continue
        cosine = [
            values[item] @ other / np.linalg.norm(values[item]) / np.linalg.norm(other) if there else -np.inf
            for other, there in zip(values, present, strict=True)
        ]
        table[item, np.argsort(cosine)[::-1][:K]] = 1 / K
    return table


def test_neighbours_are_those_of_brute_force_in_both_directions():
    rng = np.random.default_rng(0)
    values, present = rng.normal(size=(9, 4)).astype(np.float32), np.arange(9) % 4 != 2
    graph, dense = nearest(values, present, K), _nearest(values.astype(np.float64), present)
    vectors = rng.normal(size=(9, 5)).astype(np.float32)
    np.testing.assert_allclose(graph.dot(vectors), dense @ vectors, atol=1e-6)
    np.testing.assert_allclose(graph.transposed_dot(vectors), dense.T @ vectors, atol=1e-6)


def test_one_step_is_the_papers_equations_under_autograd():
    rng = np.random.default_rng(1)
    present = {"text": np.array([True, True, False, True, True, True]), "image": np.ones(N_ITEMS, dtype=bool)}
    values = {
        name: np.where(there[:, None], rng.normal(size=(N_ITEMS, 2)), 0).astype(np.float32) for name, there in present.items()
    }
    features = {name: Features(values[name], present[name]) for name in values}

    class Whole(FREEDOM):
        neighbours, dropped, modal_weight = K, 0.0, np.float32(PULL)

    model = Whole(N_USERS, N_ITEMS, features, train=PAIRS, dimensions=D, learning_rate=RATE, l2=L2, scale=0.5)
    before = {name: torch.tensor(table, dtype=torch.float64, requires_grad=True) for name, table in model.state().items()}
    triples = Triples(*np.array([[0, 1, 1, 3], [1, 2, 5, 0], [2, 0, 3, 1]], dtype=np.int32), n_bpr=3)
    margins = model.forward(triples, counterfactual=True)
    full, keep = rng.normal(size=4).astype(np.float32), rng.normal(size=(4, 2)).astype(np.float32)
    model.backward(MarginGradients(full, keep))

    adjacency = torch.zeros(N_USERS + N_ITEMS, N_USERS + N_ITEMS, dtype=torch.float64)
    for user, item in PAIRS:
        adjacency[user, N_USERS + item] = adjacency[N_USERS + item, user] = 1
    scale = adjacency.sum(1).clamp(min=1).rsqrt()
    graph = scale[:, None] * adjacency * scale
    layer = torch.cat([before["user"], before["item"]])
    smooth = (layer + graph @ layer + graph @ (graph @ layer)) / 3
    users, items = smooth[:N_USERS], smooth[N_USERS:]
    u, i, j = (torch.from_numpy(column).long() for column in (triples.user, triples.positive, triples.negative))
    vectors = [items] + [torch.from_numpy(_nearest(values[m], present[m])) @ before["item"] / 2 for m in values]
    parts = torch.stack([(users[u] * (part[i] - part[j])).sum(1) for part in vectors], dim=1)
    history = parts[:, 0] + before["bias"][i, 0] - before["bias"][j, 0]
    whole = history + parts[:, 1:].sum(1)
    np.testing.assert_allclose(margins.full, whole.detach().numpy(), atol=1e-5)
    np.testing.assert_allclose(margins.keep, (history[:, None] + parts[:, 1:]).detach().numpy(), atol=1e-5)

    n = triples.n_bpr
    loss = (whole * torch.from_numpy(full)).sum() + ((history[:, None] + parts[:, 1:]) * torch.from_numpy(keep)).sum()
    for name in values:
        content = torch.tensor(np.column_stack([values[name], ~present[name]]), dtype=torch.float64) @ before[f"map.{name}"]
        pull = (users[u[:n]] * (content[i[:n]] - content[j[:n]])).sum(1)
        loss = loss - PULL * torch.nn.functional.logsigmoid(pull).mean()
    own_users, own_items = before["user"], before["item"]
    loss = loss + L2 / n * sum((table**2).sum() for table in (own_users[u[:n]], own_items[i[:n]], own_items[j[:n]])) / 2
    loss.backward()
    for name, table in model.state().items():
        expected = before[name].detach() - RATE * before[name].grad / (before[name].grad.abs() + 1e-8)
        np.testing.assert_allclose(table, expected.numpy(), atol=2e-5, err_msg=name)
