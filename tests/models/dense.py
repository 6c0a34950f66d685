"""Graph recommenders in dense float64 torch, and a tiny world to compare a step in: written to be read."""

from __future__ import annotations

import numpy as np
import torch

from models.backbones.protocol import Features
from models.sampling import Triples

PAIRS = np.array([[0, 0], [0, 1], [1, 1], [1, 2], [2, 3], [3, 0], [3, 4]], dtype=np.int32)
N_USERS, N_ITEMS, D, K = 4, 6, 3, 3
RATE, L2 = 1e-3, 0.1
TRIPLES = Triples(*np.array([[0, 1, 1, 3], [1, 2, 5, 0], [2, 0, 3, 1]], dtype=np.int32), n_bpr=3)
PRESENT = {"text": np.array([True, True, False, True, True, True]), "image": np.ones(N_ITEMS, dtype=bool)}


def tiny_features(seed: int = 1) -> dict[str, Features]:
    """Two modalities of two dimensions; item 2 has no text."""
    rng = np.random.default_rng(seed)
    return {
        name: Features(np.where(there[:, None], rng.normal(size=(N_ITEMS, 2)), 0).astype(np.float32), there)
        for name, there in PRESENT.items()
    }


def leaves(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The model's parameters in float64, from which a reference computes."""
    return {name: p.detach().double().requires_grad_(True) for name, p in model.named_parameters()}


def purchases() -> torch.Tensor:
    """Users against items, each purchase divided by the roots of both degrees; (n_users, n_items)."""
    table = torch.zeros(N_USERS, N_ITEMS, dtype=torch.float64)
    for user, item in PAIRS:
        table[user, item] = 1
    return table / table.sum(1, keepdim=True).clamp(min=1).sqrt() / table.sum(0, keepdim=True).clamp(min=1).sqrt()


def lightgcn(user: torch.Tensor, item: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean of layers 0 to 2."""
    r, users, items = purchases(), [user], [item]
    for _ in range(2):
        users, items = [*users, r @ items[-1]], [*items, r.T @ users[-1]]
    return sum(users) / 3, sum(items) / 3


def likeness(vectors: torch.Tensor, present: np.ndarray) -> torch.Tensor:
    """D^(-1/2) S D^(-1/2) with S the K largest cosines of each present item, none below zero; absent items alone."""
    rows = []
    for item in range(len(vectors)):
        if not present[item]:
            rows.append(torch.eye(len(vectors), dtype=torch.float64)[item])
            continue
        cosine = torch.nn.functional.cosine_similarity(vectors[item], vectors, dim=1)
        seen = torch.where(torch.from_numpy(present), cosine, -np.inf)
        rows.append(torch.where(seen >= seen.sort(descending=True)[0][K - 1], cosine.clamp(min=0), 0))
    s = torch.stack(rows)
    degree = s.sum(1)
    return s / degree.sqrt()[:, None] / degree.sqrt()[None, :]


def margin(users: torch.Tensor, items: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """Margins of ``TRIPLES``."""
    u, i, j = indices(len(TRIPLES.user))
    return (users[u] * (items[i] - items[j])).sum(1) + bias[i] - bias[j]


def indices(n: int) -> list[torch.Tensor]:
    """Users, positives and negatives of the first n of ``TRIPLES``."""
    return [torch.from_numpy(column[:n]).long() for column in (TRIPLES.user, TRIPLES.positive, TRIPLES.negative)]


def l2(before: dict[str, torch.Tensor]) -> torch.Tensor:
    """L2 once per occurrence in the BPR triples."""
    u, i, j = indices(TRIPLES.n_bpr)
    squares = before["user"][u].square().sum() + before["item"][i].square().sum() + before["item"][j].square().sum()
    return L2 / 2 / TRIPLES.n_bpr * squares


def assert_gradients(model: torch.nn.Module, before: dict[str, torch.Tensor], loss: torch.Tensor) -> None:
    """The model's gradients of its last step are those of the reference's loss, and every parameter has one."""
    loss.backward()
    for name, parameter in model.named_parameters():
        expected = before[name].grad
        if expected is None:
            assert parameter.grad is None or not parameter.grad.any(), name
            continue
        assert parameter.grad is not None, name
        np.testing.assert_allclose(parameter.grad.numpy(), expected.numpy(), atol=2e-5, rtol=2e-4, err_msg=name)
