"""Small seeded worlds in which we know what drives the choices."""

from __future__ import annotations

import numpy as np

from models.backbones.protocol import Features
from models.ranking import UserItems
from models.training import Interactions


def choices(utility: np.ndarray, per_user: int, rng: np.random.Generator) -> np.ndarray:
    """Distinct (user, item) pairs: each user takes ``per_user`` items by utility plus Gumbel noise; int32 (n_pairs, 2)."""
    noisy = utility + rng.gumbel(size=utility.shape)
    taken = np.argsort(-noisy, axis=1)[:, :per_user]
    users = np.repeat(np.arange(len(utility)), per_user)
    return np.stack([users, taken.ravel()], axis=1).astype(np.int32)


def split(pairs: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One validation and one test pair for each user, the rest for training."""
    pairs = pairs[rng.permutation(len(pairs))]
    pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]
    first = np.concatenate([[True], np.diff(pairs[:, 0]) > 0])
    second = np.concatenate([[False], first[:-1]])
    return pairs[~first & ~second], pairs[second], pairs[first]


def small_world(n_users: int = 120, n_items: int = 60, seed: int = 0) -> tuple[dict[str, Features], Interactions, int, int]:
    """Tastes follow text and image factors; features are those factors."""
    rng = np.random.default_rng(seed)
    text, image = rng.normal(size=(n_items, 6)), rng.normal(size=(n_items, 6))
    utility = rng.normal(size=(n_users, 6)) @ text.T + rng.normal(size=(n_users, 6)) @ image.T
    train, validation, _ = split(choices(utility, 10, rng), rng)
    present = np.ones(n_items, dtype=bool)
    features = {
        "text": Features(text.astype(np.float32), present),
        "image": Features(image.astype(np.float32), present),
    }
    held_out = UserItems.from_pairs(validation, n_users)
    data = Interactions(train, UserItems.from_pairs(train, n_users), held_out, held_out.users)
    return features, data, n_users, n_items
