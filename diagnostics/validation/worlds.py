"""Which worlds the verdict is tried on, the data set of each, and what a right verdict says of it.

Development worlds and held-out worlds differ in nothing but their seeds, which come from ranges that never meet. Rules and
thresholds are chosen on the first; the second are for the published figures and for nothing else. Once the failures among held-out
worlds have been looked at, their range is spent, and the next one is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count, islice
from pathlib import Path
from typing import Literal

import numpy as np

import diagnostics as tenbin
from diagnostics.dataset.splits import split
from diagnostics.schema import Catalog, Dataset, InteractionLog, ReadingNotes, Record
from diagnostics.seeds import seed_for
from sample_data import write_shop
from sample_data.generator.plants import parse_plant
from sample_data.generator.vectors import MODALITIES, Tastes, VectorWorld, View, build_vector_world

__all__ = [
    "BLURRED",
    "CLEAR",
    "DIM",
    "EXPECTED",
    "SETS",
    "SIZES",
    "Task",
    "World",
    "build",
    "dataset_of",
    "drawn_dataset",
    "drawn_worlds",
    "eclipsed_worlds",
    "sparse_worlds",
    "worlds",
]

SetName = Literal["development", "held_out"]
SETS: Mapping[str, range] = {"development": range(1_000_000), "held_out": range(14_000_000, 15_000_000)}
"""The seeds of each set."""

SIZES: Mapping[str, tuple[int, int, float]] = {"small": (600, 200, 11.0), "middling": (1200, 300, 13.0)}
"""Customers, products, and purchases of one customer."""

_SPARSE = Tastes(shared=0.3, text=1.2, image=2.0, id=0.0, popularity=0.3)
BLURRED = View(dimensions=64, noise=0.2, nuisance=5.0)
"""What makes balancing pay: few purchases of many products and tastes that follow content, most of it in an image that shows it
less clearly.

Found by search on worlds of other seeds, see ``sample_data/README.md``. Whether it pays in one of them only a long run says.
"""

DIM, CLEAR = View(dimensions=64, noise=0.15, nuisance=4.7), View(dimensions=48, noise=0.45, nuisance=0.25)
"""What holds a modality back: few purchases, and tastes that follow both kinds of content, one of which shows itself less clearly.

Found by search too. Whether it is held back in one of them, and how far, only a long run says.
"""

EXPECTED: Mapping[str, tuple[str, str]] = {
    "missing": ("missing", "fix_data"),
    "uninformative": ("uninformative", "fix_data"),
    "scale_mismatch": ("scale_mismatch", "fix_data"),
    "redundant": ("redundant", "leave"),
    "irrelevant": ("uninformative", "skip_content"),
    "unused": ("unused", "skip_content"),
    "suppressed": ("suppressed", "rebalance"),
    "none": ("", "leave"),
}
"""What was planted -> the cause that has to be named first, and the action."""

_PLANTS = (
    "missing",
    "uninformative",
    "redundant",
    "scale_mismatch",
    "missing_disguised",
    "irrelevant",
    "missing_by_popularity",
    "unused",
)
_STRENGTHS = ("large", "medium", "large", "medium", "small")
_TINY_EACH_ROUND = 4

_DRAWN_SIZES: Mapping[str, tuple[int, int]] = {"small": (1000, 500), "middling": (1500, 600)}
"""Customers and products of shops with pictures and texts."""

_DRAWN_PLANTS = (
    *("missing_disguised:image", "uninformative:text", "redundant:image", "irrelevant", "missing:text", "scale_mismatch:image"),
    *("uninformative:image", "missing_by_popularity:image", "unused", "missing_disguised:text", "uninformative:attributes"),
    *("scale_mismatch:text", "missing:attributes"),
)
"""Not ``redundant:text``: a text that tells what the picture shows is read more clearly than the picture, so it is the image that
repeats it."""


class World(Record):
    """One world by its recipe. ``plant`` is as in ``sample_data``; a ``tiny`` one has too little in it to be judged at all.

    A ``sparse`` one is sound, and balancing is likely to pay in it. In an ``eclipsed`` one a modality is likely to be held back. A
    ``drawn`` one has pictures, texts and attributes instead of two kinds of vectors. A ``real`` one is in a folder, see ``real``.
    """

    plant: str
    size: Literal["small", "middling", "tiny", "sparse", "eclipsed", "real"] = "small"
    seed: int
    drawn: bool = False

    @property
    def name(self) -> str:
        return f"{self.plant.replace(':', '.')}.{self.size}.{self.seed}{'.drawn' if self.drawn else ''}"

    @property
    def kind(self) -> str:
        """What was planted, a variety of ``missing`` by its own name."""
        return self.plant.partition(":")[0]

    @property
    def modality(self) -> str | None:
        planted = parse_plant(self.plant)
        return None if planted is None else planted.modality

    @property
    def strength(self) -> str:
        planted = parse_plant(self.plant)
        return "" if planted is None else planted.strength

    @property
    def expected(self) -> tuple[str, str]:
        """See ``EXPECTED``."""
        planted = parse_plant(self.plant)
        return EXPECTED["none" if planted is None else planted.cause]


class Task(Record):
    """A world to be judged. ``long``: also by twenty seeds; ``slow_training``: of all; ``shop``: the folder of a real one."""

    world: World
    long: bool = False
    slow_training: bool = False
    shop: Path | None = None


def worlds(which: str, n: int) -> tuple[World, ...]:
    """The first ``n`` worlds of a set. A round has one of each defect, one of them middling, as many sound and some tiny ones."""
    return tuple(islice(_rounds(SETS[which]), n))


def sparse_worlds(which: str, n: int) -> tuple[World, ...]:
    """``n`` worlds in which balancing is likely to pay; their seeds are the last ones of the set."""
    return tuple(World(plant="none", size="sparse", seed=seed) for seed in SETS[which][::-1][:n])


def eclipsed_worlds(which: str, n: int) -> tuple[World, ...]:
    """``n`` worlds in which a modality is likely to be held back; their seeds start at the set's last quarter."""
    seeds = SETS[which]
    return tuple(World(plant="none", size="eclipsed", seed=seed) for seed in seeds[len(seeds) * 3 // 4 :][:n])


def drawn_worlds(which: str, n: int) -> tuple[World, ...]:
    """``n`` shops with pictures, texts and attributes, every second one sound; their seeds lie in the middle of the set."""
    seeds = SETS[which]
    middle = iter(seeds[len(seeds) // 2 :])
    return tuple(islice(_drawn(middle), n))


def _drawn(number: Iterator[int]) -> Iterator[World]:
    for turn in count():
        plant = f"{_DRAWN_PLANTS[turn % len(_DRAWN_PLANTS)]}:{_STRENGTHS[turn % len(_STRENGTHS)]}"
        size: Literal["small", "middling"] = "middling" if turn % 3 == 2 else "small"
        yield World(plant=plant, size=size, seed=next(number), drawn=True)
        yield World(plant="none", size=size, seed=next(number), drawn=True)


def _rounds(seeds: range) -> Iterator[World]:
    number = iter(seeds)
    for turn in count():
        for place, kind in enumerate(_PLANTS):
            size: Literal["small", "middling"] = "middling" if place == turn % len(_PLANTS) else "small"
            whole = kind in ("irrelevant", "unused")
            strength = _STRENGTHS[(turn + place) % len(_STRENGTHS)]
            modality = MODALITIES[(turn + place) % len(MODALITIES)]
            plant = f"{kind}:{strength}" if whole else f"{kind}:{modality}:{strength}"
            yield World(plant=plant, size=size, seed=next(number))
            yield World(plant="none", size=size, seed=next(number))
        for _ in range(_TINY_EACH_ROUND):
            yield World(plant="none", size="tiny", seed=next(number))


def build(world: World) -> VectorWorld:
    """Draw a world from its recipe."""
    if world.size == "tiny":
        rng = np.random.default_rng(seed_for(world.seed, "tiny"))
        hopeless = rng.random() < 0.5  # nobody's choices have to do with content, or with anything
        return build_vector_world(
            world.plant,
            seed=world.seed,
            n_users=int(rng.integers(30, 150)),
            n_items=int(rng.integers(25, 80)),
            per_user=float(rng.uniform(4, 8)),
            tastes=Tastes(0.0, 0.0, 0.0, 0.0, 0.3) if hopeless else None,
        )
    if world.size == "sparse":
        rng = np.random.default_rng(seed_for(world.seed, "sparse"))
        return build_vector_world(
            world.plant,
            seed=world.seed,
            n_users=2000,
            n_items=int(rng.integers(900, 1500)),
            per_user=float(rng.uniform(4.5, 6)),
            tastes=_SPARSE,
            views={"image": BLURRED},
        )
    if world.size == "eclipsed":
        rng = np.random.default_rng(seed_for(world.seed, "eclipsed"))
        dim = MODALITIES[world.seed % len(MODALITIES)]
        care = {name: rng.uniform(1.5, 1.8) if name == dim else rng.uniform(1.7, 2.1) for name in MODALITIES}
        return build_vector_world(
            world.plant,
            seed=world.seed,
            n_users=2000,
            n_items=int(rng.integers(800, 1000)),
            per_user=float(rng.uniform(5.5, 7)),
            tastes=Tastes(shared=0.3, id=0.0, popularity=float(rng.uniform(0.2, 0.4)), **care),
            factors=int(rng.integers(7, 10)),
            views={name: DIM if name == dim else CLEAR for name in MODALITIES},
        )
    n_users, n_items, per_user = SIZES[world.size]
    return build_vector_world(world.plant, seed=world.seed, n_users=n_users, n_items=n_items, per_user=per_user)


def dataset_of(world: World) -> Dataset:
    """The world as a data set like any that was read from files; its log has no dates, so the split is by user."""
    drawn = build(world)
    catalog = Catalog(np.array([f"i{item}" for item in range(drawn.n_items)], dtype=object), vectors=dict(drawn.vectors))
    log = InteractionLog(np.array([f"u{user}" for user in range(drawn.n_users)], dtype=object), drawn.user, drawn.item)
    parts = split(log, drawn.n_items, seed=world.seed)
    return Dataset(catalog, log, f"world:{world.name}", ReadingNotes(), parts)


def drawn_dataset(world: World, folder: Path) -> Dataset:
    """The shop of a drawn world, written into an empty folder and read as a user's files are; every second one is Japanese."""
    n_users, n_items = _DRAWN_SIZES[world.size]
    planted = parse_plant(world.plant)
    if planted is not None and planted.cause == "unused":  # as in worlds of vectors: many buyers and many purchases
        n_users = round(n_users * planted.dose)
    shop = "ja" if world.seed % 4 >= 2 else "en"  # a defect and the sound shop after it have one language
    write_shop(folder, shop=shop, plant=world.plant, seed=world.seed, n_users=n_users, n_items=n_items)
    vectors = {path.stem: path for path in sorted(folder.glob("features/*.npy"))}
    return tenbin.read_dataset(
        folder / "catalog.csv", folder / "transactions.csv", images=folder / "images", features=vectors, seed=world.seed
    )
