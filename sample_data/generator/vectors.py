"""Worlds of vectors: shops without words and pictures, whose two modalities are given as numbers and whose truth is known.

Products have latent factors in four blocks: *shared* ones are seen by both modalities, *text* and *image* ones by one, those of
the *id* block by neither. A modality's vectors are a noisy view of its two blocks, as an encoder would give it; purchases are drawn
from tastes for all blocks, popularity and chance. Then at most ONE defect is planted. They are drawn in a moment, so a verdict can
be put to the test on hundreds of them.
Source: section 8 of the method; the numbers are our own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from diagnostics.seeds import generator
from sample_data.generator.plants import Plant, parse_plant

__all__ = ["MODALITIES", "Tastes", "VectorWorld", "View", "build_vector_world"]

MODALITIES = ("image", "text")
_BLOCKS = ("shared", "text", "image", "id")
_FEWEST = 4  # purchases of one customer; with three, the split would leave a single one to learn from
_MOST = 0.6  # of the catalog
_CARE = 0.3  # how much customers differ in how closely they follow one block

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Tastes:
    """How strongly customers follow each block: standard deviation of its utility, where chance has 1.28 (a Gumbel draw)."""

    shared: float = 0.7
    text: float = 1.1
    image: float = 1.1
    id: float = 0.6
    popularity: float = 0.8


@dataclass(frozen=True)
class View:
    """How an encoder shows a modality's factors.

    Attributes
    ----------
    dimensions : of its vectors
    noise : standard deviation of chance per dimension, relative to the factors' part
    nuisance : size, relative to the factors' part, of a few strong directions that have nothing to do with tastes, such as a
        picture's background; large ones bury the factors in the last principal components
    """

    dimensions: int = 48
    noise: float = 0.4
    nuisance: float = 1.0


@dataclass(frozen=True)
class VectorWorld:
    """What the shop knows, and the truth.

    Attributes
    ----------
    vectors : modality -> float32 (n_items, d), rows of NaN where the shop has no value
    user, item : int32 (n_purchases,), each pair once
    plant : the defect, None in a sound world
    variant : for defects that come in several kinds, which one it is (``permuted`` or ``noise``, ``large`` or ``small``)
    hit : bool (n_items,), the items that the defect touches
    """

    n_users: int
    n_items: int
    vectors: Mapping[str, npt.NDArray[np.float32]] = field(repr=False)
    user: npt.NDArray[np.int32] = field(repr=False)
    item: npt.NDArray[np.int32] = field(repr=False)
    plant: Plant | None = None
    variant: str = ""
    hit: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool), repr=False)


def build_vector_world(
    plant: str = "none",
    *,
    seed: int,
    n_users: int = 1000,
    n_items: int = 300,
    per_user: float = 13.0,
    tastes: Tastes | None = None,
    views: Mapping[str, View] = MappingProxyType({}),
    factors: int | None = None,
) -> VectorWorld:
    """Draw one world; what is not given is drawn too, within what shops have.

    Parameters
    ----------
    plant : as in ``plants.parse_plant``: ``none``, ``missing:image:medium``, ``unused:large``, ...
    n_users, per_user : customers, and their mean number of purchases; they are spread as in real logs, a few customers buying many
        times more than most. An ``unused`` world has more of both
    views : modality -> its encoder
    factors : of each block

    Notes
    -----
    Cost: O(n_users x n_items).
    """
    planted = parse_plant(plant)
    rng = generator(seed, "vector world")
    drawn = Tastes(*rng.uniform((0.5, 0.9, 0.9, 0.4, 0.6), (0.9, 1.3, 1.3, 0.8, 1.0)).tolist())
    seen = {
        name: View(int(rng.integers(32, 65)), float(rng.uniform(0.3, 0.6)), float(rng.uniform(0.5, 1.5))) for name in MODALITIES
    }
    size = int(rng.integers(4, 8))
    tastes, size, seen = tastes or drawn, factors or size, seen | dict(views)
    if planted is not None and planted.cause == "irrelevant":
        left = 1 - planted.dose
        tastes = replace(tastes, shared=left * tastes.shared, text=left * tastes.text, image=left * tastes.image)
    if planted is not None and planted.cause == "unused":  # both: products are known by many buyers, customers by many purchases
        per_user *= planted.dose
        n_users = round(n_users * planted.dose)
    blocks = {name: generator(seed, "block", name).standard_normal((n_items, size)) for name in _BLOCKS}
    utility = _utility(blocks, tastes, seed, n_users)
    user, item = _purchases(utility, per_user, generator(seed, "purchases"))
    popularity = np.bincount(item, minlength=n_items)
    shown: dict[str, tuple[Array, ...]] = {name: (blocks["shared"], blocks[name]) for name in MODALITIES}
    hit = np.zeros(n_items, dtype=bool)
    if planted is not None and planted.cause == "redundant" and planted.modality is not None:
        hit = _chosen(planted.dose, None, n_items, generator(seed, "hit"))
        shown[planted.modality] = _repeated(blocks, planted.modality, hit)
    vectors = {name: _view(shown[name], seen[name], generator(seed, "view", name)) for name in MODALITIES}
    variant = ""
    if planted is not None and planted.modality is not None and planted.cause != "redundant":
        hit = _chosen(planted.dose, popularity if planted.mechanism == "popularity" else None, n_items, generator(seed, "hit"))
        vectors[planted.modality], variant = _damage(vectors[planted.modality], planted, hit, generator(seed, "damage"))
    as_given = {name: values.astype(np.float32) for name, values in vectors.items()}
    return VectorWorld(n_users, n_items, as_given, user, item, planted, variant, hit)


def _utility(blocks: Mapping[str, Array], tastes: Tastes, seed: int, n_users: int) -> Array:
    """How much each customer likes each item; (n_users, n_items)."""
    n_items = len(blocks["id"])
    total = np.zeros((n_users, n_items))
    for name, factors in blocks.items():
        rng = generator(seed, "taste", name)
        raw = rng.standard_normal((n_users, factors.shape[1])) @ factors.T / np.sqrt(factors.shape[1])
        total += getattr(tastes, name) * np.exp(rng.normal(0, _CARE, (n_users, 1))) * raw
    return total + generator(seed, "popularity").normal(0, tastes.popularity, n_items)


def _purchases(utility: Array, per_user: float, rng: np.random.Generator) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Each customer takes the items of the highest utility plus a Gumbel draw (Plackett-Luce), a number that is log-normal."""
    n_users, n_items = utility.shape
    wanted: Array = rng.lognormal(0, 0.5, size=(n_users,))
    counts = np.clip(np.rint(wanted / wanted.mean() * per_user), _FEWEST, int(_MOST * n_items)).astype(int)
    best_first = np.argsort(-(utility + rng.gumbel(size=utility.shape)), axis=1)
    taken = np.arange(n_items)[None, :] < counts[:, None]
    return np.repeat(np.arange(n_users), counts).astype(np.int32), best_first[taken].astype(np.int32)


def _view(blocks: tuple[Array, ...], view: View, rng: np.random.Generator) -> Array:
    """Vectors as an encoder gives them: mixed factors, a few strong directions of nuisance, noise, an offset; mean norm about 1."""
    factors = np.hstack(blocks)
    n_items, size = factors.shape
    mixed = factors @ rng.standard_normal((size, view.dimensions)) / np.sqrt(size)
    other = rng.standard_normal((n_items, 3)) @ rng.standard_normal((3, view.dimensions)) / np.sqrt(3)
    rows = mixed + view.nuisance * other + view.noise * rng.standard_normal(mixed.shape)
    rows += rng.standard_normal(view.dimensions)
    return np.asarray(rows / np.linalg.norm(rows, axis=1).mean() * rng.uniform(0.7, 1.4))


def _repeated(blocks: Mapping[str, Array], modality: str, hit: npt.NDArray[np.bool_]) -> tuple[Array, ...]:
    """What a modality shows that tells, for the ``hit`` items, nothing but a part of what the other one tells."""
    other = blocks["text" if modality == "image" else "image"]
    known = np.hstack([blocks["shared"], other[:, : other.shape[1] // 2]])
    rng = np.random.default_rng(known.shape[1])
    own = np.where(
        hit[:, None], known @ rng.standard_normal((known.shape[1], other.shape[1])) / np.sqrt(known.shape[1]), blocks[modality]
    )
    return blocks["shared"], own


def _chosen(
    share: float, popularity: npt.NDArray[np.int64] | None, n_items: int, rng: np.random.Generator
) -> npt.NDArray[np.bool_]:
    """Which items are hit: any, or mostly those that sell little."""
    order = rng.permutation(n_items) if popularity is None else np.argsort(np.log1p(popularity) + rng.normal(0, 0.4, n_items))
    hit = np.zeros(n_items, dtype=bool)
    hit[order[: round(min(share, 1.0) * n_items)]] = True
    return hit


def _damage(values: Array, plant: Plant, hit: npt.NDArray[np.bool_], rng: np.random.Generator) -> tuple[Array, str]:
    """One modality's vectors with the defect, and which kind of it was drawn."""
    broken, rows = values.copy(), np.flatnonzero(hit)
    if plant.cause == "missing":
        broken[rows] = values[rng.permutation(len(values))[:3]].mean(axis=0) if plant.disguised else np.nan
        return broken, "disguised" if plant.disguised else plant.mechanism or ""
    if plant.cause == "scale_mismatch":
        variant = "large" if rng.random() < 0.5 else "small"
        return broken * (plant.dose if variant == "large" else 1 / plant.dose), variant
    if rng.random() < 0.5:
        broken[rows] = values[rng.permutation(rows)]
        return broken, "permuted"
    usual = values.mean(axis=0)
    broken[rows] = usual + (values - usual).std() * rng.standard_normal((len(rows), values.shape[1]))
    return broken, "noise"
