"""Plain float64 references of every compiled kernel and of the metrics: written to be read, not to be fast."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch


def ranks(scores: np.ndarray, seen: list[list[int]], targets: list[list[int]]) -> list[int]:
    """0-based ranks by sorting: higher score first, lower index first among equals; unscorable targets rank last."""
    found = []
    for row, own_seen, own_targets in zip(scores.astype(np.float64), seen, targets, strict=True):
        for target in own_targets:
            if not row[target] > -np.inf:
                found.append(len(row))
                continue
            rest = [j for j in range(len(row)) if j == target or j not in own_seen]
            found.append(sorted(rest, key=lambda j: (-row[j] if row[j] == row[j] else np.inf, j)).index(target))
    return found


def part_margins(user_rows, item_rows, user, positive, negative) -> np.ndarray:
    u, i, j = (rows.astype(np.float64)[index] for rows, index in ((user_rows, user), (item_rows, positive), (item_rows, negative)))
    return np.einsum("npd,npd->np", u, i - j)


def part_gradients(user_rows, item_rows, user, positive, negative, weight, decay) -> tuple[np.ndarray, np.ndarray]:
    user_gradient, item_gradient = np.zeros(user_rows.shape), np.zeros(item_rows.shape)
    for t in range(len(user)):
        w = weight[t].astype(np.float64)[:, None]
        for table, gradient, row in (
            (user_rows, user_gradient, user[t]),
            (item_rows, item_gradient, positive[t]),
            (item_rows, item_gradient, negative[t]),
        ):
            gradient[row] += (decay[t] if t < len(decay) else 0.0) * table[row].astype(np.float64)
        user_gradient[user[t]] += w * (item_rows[positive[t]].astype(np.float64) - item_rows[negative[t]])
        item_gradient[positive[t]] += w * user_rows[user[t]]
        item_gradient[negative[t]] -= w * user_rows[user[t]]
    return user_gradient, item_gradient


def spmm_onto(start, columns, weight, dense, base, scale) -> np.ndarray:
    table = np.zeros((len(base), len(dense)))
    table[np.repeat(np.arange(len(base)), np.diff(start)), columns] = weight
    return scale * (base.astype(np.float64) + table @ dense.astype(np.float64))


def edge_dots(start, columns, left, right) -> np.ndarray:
    rows = np.repeat(np.arange(len(left)), np.diff(start))
    return (left.astype(np.float64)[rows] * right.astype(np.float64)[columns]).sum(axis=1)


def largest(values: np.ndarray, k: int) -> list[list[int]]:
    return [sorted(range(len(row)), key=lambda column: (-row[column], column))[:k] for row in values.tolist()]


def softmax_rows(start, values) -> np.ndarray:
    out = np.empty(len(values))
    for low, high in pairwise(start):
        powers = np.exp(values[low:high].astype(np.float64) - max(values[low:high], default=0))
        out[low:high] = powers / powers.sum()
    return out


def softmax_rows_gradient(start, share, gradient) -> np.ndarray:
    out = np.empty(len(share))
    for low, high in pairwise(start):
        p = share[low:high]
        out[low:high] = (np.diag(p) - np.outer(p, p)) @ gradient[low:high]
    return out


def route(start, columns, items: torch.Tensor, preference: torch.Tensor, steps: int) -> torch.Tensor:
    """In torch, so that autograd says what ``route_gradient`` should be."""
    users = []
    for own, low, high in zip(preference, start, start[1:], strict=False):
        near = items[torch.from_numpy(columns[low:high]).long()]
        for _ in range(steps):
            z = own + torch.softmax(near @ own, dim=0) @ near
            own = z / z.norm()
        users.append(own)
    return torch.stack(users)


def nearest(unit: np.ndarray, k: int) -> np.ndarray:
    """The k rows with the highest cosine to each row, itself left out, best first, by sorting all of them."""
    similar = unit.astype(np.float64) @ unit.astype(np.float64).T
    np.fill_diagonal(similar, -np.inf)
    return np.argsort(-similar, axis=1)[:, :k]
