"""A generated log of Amazon Baby's shape, with features that partly say what users like, or a real shop's; as ``.npy`` files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

__all__ = ["ITEMS", "MODALITIES", "PAIRS", "USERS", "write_log", "write_shop"]

USERS, ITEMS, PAIRS = 19_445, 7_050, 160_792
MODALITIES = {"image": 4096, "text": 384}
_FACTORS = {"both": 6, "image": 6, "text": 6, "hidden": 6}
_TASTE = 0.55  # how much tastes weigh against chance, whose noise has a standard deviation of 1.3


def write_log(folder: Path, *, seed: int = 0) -> Path:
    """``train``, ``validation`` and ``test`` (int32 pairs) and ``image`` and ``text`` (float32, one row per item) in ``folder``.

    Items have latent factors: some that both modalities show, some that one shows, some that none does. A user likes items by
    taste over all factors, popularity (long-tailed) and chance, and takes 5 or more. Image vectors are non-negative and
    sparse, as a network's last layer gives them; text vectors have length one. Of each user's items a tenth, but at least one, is
    held out for validation and as many for test.
    """
    rng = np.random.default_rng(seed)
    factors = {name: rng.normal(size=(ITEMS, size)).astype(np.float32) for name, size in _FACTORS.items()}
    groups = rng.normal(size=(60, sum(_FACTORS.values()))).astype(np.float32)  # kinds of goods: factors are not one round cloud
    centre = groups[rng.integers(0, len(groups), ITEMS)]
    widths = np.cumsum([0, *_FACTORS.values()])
    for place, name in enumerate(factors):
        factors[name] = 0.6 * factors[name] + 0.8 * centre[:, widths[place] : widths[place + 1]]
    pairs = _taken(np.column_stack(list(factors.values())), rng)
    for name, part in zip(("train", "validation", "test"), _split(pairs, rng), strict=True):
        np.save(folder / f"{name}.npy", part, allow_pickle=False)
    for name, width in MODALITIES.items():
        shown = np.column_stack([factors["both"], factors[name]])
        shown = np.column_stack([shown, rng.normal(size=(ITEMS, 24)).astype(np.float32)])  # what is shown and moves nobody
        vectors = shown @ rng.normal(size=(shown.shape[1], width)).astype(np.float32) / np.float32(np.sqrt(shown.shape[1]))
        vectors += rng.normal(0, 0.5, vectors.shape).astype(np.float32)
        vectors = np.maximum(vectors - 0.5, 0) if name == "image" else vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        np.save(folder / f"{name}.npy", vectors.astype(np.float32), allow_pickle=False)
    return folder


def write_shop(folder: Path, shop: Path) -> Path:
    """The same files of a shop in H&M's layout, read, split and encoded as a diagnosis does; zeros where an item has nothing."""
    import diagnostics
    from diagnostics.dataset.features import encode

    dataset = diagnostics.read_dataset(shop / "articles.csv", shop / "transactions.csv", images=shop / "images")
    for name in ("train", "validation", "test"):
        np.save(folder / f"{name}.npy", getattr(dataset.split, name), allow_pickle=False)
    for block in encode(dataset):
        if block.name in MODALITIES:
            values = np.where(block.present[:, None], block.values, 0).astype(np.float32)
            np.save(folder / f"{block.name}.npy", values, allow_pickle=False)
    return folder


def _taken(factors: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Exactly ``PAIRS`` distinct (user, item) pairs, int32, ordered by user."""
    counts = 5 + np.floor(rng.lognormal(0.2, 1.25, USERS)).astype(np.int64)
    counts = np.minimum(counts, 125)
    while (surplus := int(counts.sum()) - PAIRS) != 0:
        movable = np.flatnonzero(counts > 5) if surplus > 0 else np.arange(USERS)
        moved = rng.choice(movable, min(abs(surplus), len(movable)), replace=False)
        counts[moved] -= np.sign(surplus)
    popularity = 0.9 * np.log(rng.pareto(1.3, ITEMS) + 0.3).astype(np.float32)
    tastes = rng.normal(0, _TASTE, (USERS, factors.shape[1])).astype(np.float32)
    found = []
    for begin in range(0, USERS, 500):
        utility = tastes[begin : begin + 500] @ factors.T + popularity
        utility -= np.log(np.maximum(rng.standard_exponential(utility.shape, dtype=np.float32), 1e-20))  # Gumbel's noise
        for row, count in zip(utility, counts[begin : begin + 500], strict=True):
            found.append(np.argpartition(-row, count)[:count])
    return np.column_stack([np.repeat(np.arange(USERS), counts), np.concatenate(found)]).astype(np.int32)


def _split(pairs: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per user: a tenth, but at least one pair, for validation, and as many for test."""
    pairs = pairs[rng.permutation(len(pairs))]
    pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]
    counts = np.bincount(pairs[:, 0])
    place = np.arange(len(pairs)) - np.repeat(np.cumsum(counts) - counts, counts)
    held = np.repeat(np.maximum(1, counts // 10), counts)
    return pairs[place >= 2 * held], pairs[place < held], pairs[(place >= held) & (place < 2 * held)]
