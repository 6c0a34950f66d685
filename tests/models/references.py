"""Plain float64 references of every compiled kernel and of the metrics: written to be read, not to be fast."""

from __future__ import annotations

import numpy as np


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


def part_gradients(user_rows, item_rows, user, positive, negative, weight) -> tuple[np.ndarray, np.ndarray]:
    user_gradient, item_gradient = np.zeros(user_rows.shape), np.zeros(item_rows.shape)
    for t in range(len(user)):
        w = weight[t].astype(np.float64)[:, None]
        user_gradient[user[t]] += w * (item_rows[positive[t]].astype(np.float64) - item_rows[negative[t]])
        item_gradient[positive[t]] += w * user_rows[user[t]]
        item_gradient[negative[t]] -= w * user_rows[user[t]]
    return user_gradient, item_gradient


def nearest(unit: np.ndarray, k: int) -> np.ndarray:
    """The k rows with the highest cosine to each row, itself left out, best first, by sorting all of them."""
    similar = unit.astype(np.float64) @ unit.astype(np.float64).T
    np.fill_diagonal(similar, -np.inf)
    return np.argsort(-similar, axis=1)[:, :k]
