"""The latent world behind a sample shop: what its products are, what its customers like, and what they therefore bought.

Every product has factors in four blocks. *shared* factors are seen by words, pictures and attributes alike; *text* factors
only by words; *image* factors only by pictures; the *id* block by nobody, so that only purchase history can know it, but for the
little that a brand tells of it. A customer has a taste for each factor; a purchase is drawn by the sum of these tastes, popularity
and chance.
Source: the planted worlds of section 8 of the method; shops, numbers and names are our own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from diagnostics.seeds import generator
from sample_data.generator.pictures import ACCENTS, COLOURS, FINISHES, OUTLINES, PATTERNS

__all__ = ["BLOCKS", "DEPARTMENTS", "FACTORS", "START", "Purchases", "World", "build_world"]

START = np.datetime64("2024-01-05T00:00:00", "s")
DAYS = 182

FACTORS: Mapping[str, tuple[object, ...]] = {
    "kind": tuple(OUTLINES),
    "colour": tuple(COLOURS),
    "occasion": ("cabin", "desk", "tea", "hosting", "family", "seaside", "small_home", "garden"),
    "making": ("recycled", "handmade", "organic", "durable", "heritage", "studio"),
    "audience": ("housewarming", "student", "elders", "colleague", "oneself"),
    "pattern": PATTERNS,
    "accent": tuple(ACCENTS),
    "form": (0, 1, 2),
    "finish": FINISHES,
    "brand": tuple(range(12)),
}
"""Factor name -> its values. The words modules say in each language what a value is called."""

BLOCKS: Mapping[str, Mapping[str, float]] = {
    "shared": {"kind": 0.80, "colour": 0.60},
    "text": {"occasion": 0.80, "making": 0.50, "audience": 0.35},
    "image": {"pattern": 0.80, "accent": 0.45, "form": 0.30, "finish": 0.25},
    "attributes": {"brand": 0.60, "price": 0.80},
    "id": {"id": 1.0},
}
"""Block -> how the block's strength is divided among its factors (weights of a root-mean-square sum)."""

DEPARTMENTS: Mapping[str, tuple[str, ...]] = {
    "kitchen": ("mug", "teapot", "plate"),
    "living": ("vase", "cushion", "clock"),
    "furniture": ("lamp", "chair"),
    "bags": ("tote", "backpack", "umbrella"),
    "clothing": ("shirt", "sneaker", "cap", "socks"),
    "stationery": ("notebook",),
}

_SHARE = dict(zip(OUTLINES, (9, 5, 7, 6, 5, 4, 7, 4, 7, 5, 5, 8, 6, 6, 8, 8), strict=True))
_PRICE = dict(zip(OUTLINES, (22, 48, 26, 38, 92, 165, 34, 46, 32, 88, 42, 36, 78, 27, 12, 15), strict=True))
_PRICE_OF_MAKING = dict(zip(FACTORS["making"], (1.0, 1.35, 1.1, 1.15, 1.25, 1.2), strict=True))
_LINES_PER_USER = 50 / 3
_ID_DIMENSIONS = 6
_NEW_SHARE = 0.4  # of the items come on sale during the half year


@dataclass(frozen=True)
class Purchases:
    """The log, sorted by time. All arrays are (n_purchases,)."""

    user: npt.NDArray[np.int64]
    item: npt.NDArray[np.int64]
    time: npt.NDArray[np.datetime64]
    quantity: npt.NDArray[np.int64]


@dataclass(frozen=True)
class World:
    """The truth of one shop.

    Attributes
    ----------
    factors : factor name -> int64 (n_items,), the position of the item's value in ``FACTORS``
    price : float64 (n_items,), in dollars before rounding to a price tag
    popularity : float64 (n_items,), log scale
    strengths : block -> standard deviation of that block's utility over the items
    scores : block -> float64 (n_users, n_items), the block's part of the utility
    vectors : block -> float64 (n_items, d), the item side of the block: what a perfect encoder would see
    """

    seed: int
    n_users: int
    n_items: int
    strengths: Mapping[str, float]
    factors: Mapping[str, npt.NDArray[np.int64]]
    price: npt.NDArray[np.float64]
    popularity: npt.NDArray[np.float64]
    scores: Mapping[str, npt.NDArray[np.float64]] = field(repr=False)
    vectors: Mapping[str, npt.NDArray[np.float64]] = field(repr=False)
    purchases: Purchases = field(repr=False)

    def value(self, factor: str, item: int) -> object:
        """What a factor is for one item, such as ``"stripes"``."""
        return FACTORS[factor][self.factors[factor][item]]


def build_world(
    *,
    seed: int,
    n_users: int,
    n_items: int,
    strengths: Mapping[str, float],
    density: float = 1.0,
    copied: tuple[str, str, float] | None = None,
    told_by_brand: bool = True,
) -> World:
    """Draw the products, the tastes and the purchases of one shop.

    Parameters
    ----------
    strengths : block -> how strongly customers' tastes follow it (standard deviation of its utility)
    density : purchases per customer, as a multiple of about 17
    copied : (from block, to block, share): for that share of the items, each factor of the second block is a fixed function of
        the first block's factors, so that the second tells nothing new
    told_by_brand : whether a brand leans towards a corner of the *id* block, so that attributes know a little of it

    Notes
    -----
    Cost: O(orders × n_items).
    """
    factors = _draw_factors(seed, n_items)
    if copied is not None:
        factors = _copy_block(factors, *copied, rng=generator(seed, "copied"))
    hidden = generator(seed, "id block").standard_normal((n_items, _ID_DIMENSIONS))
    corners = hidden if told_by_brand else np.zeros_like(hidden)
    factors = factors | {"brand": _brand(factors["making"], corners, generator(seed, "brand"))}
    price = _prices(factors, generator(seed, "price"))
    vectors = {block: _vectors(block, factors, price, hidden) for block in BLOCKS}
    scores = {block: strengths[block] * _scores(block, vectors[block], seed, n_users) for block in BLOCKS}
    popularity = generator(seed, "popularity").normal(0, 0.6, n_items)
    purchases = _purchases(np.sum(list(scores.values()), axis=0) + popularity, price, density, generator(seed, "purchases"))
    return World(seed, n_users, n_items, dict(strengths), factors, price, popularity, scores, vectors, purchases)


# ---------------------------------------------------------------- products


def _draw_factors(seed: int, n_items: int) -> dict[str, npt.NDArray[np.int64]]:
    """Every factor of every item; kinds in the shop's proportions, the rest mildly uneven and independent."""
    factors = {}
    for name, values in FACTORS.items():
        rng = generator(seed, "factor", name)
        weights = np.array(list(_SHARE.values()), float) if name == "kind" else rng.uniform(0.7, 1.3, len(values))
        quota = np.cumsum(weights) / weights.sum()  # an even spread along the cumulative shares, then shuffled
        drawn = np.searchsorted(quota, (np.arange(n_items) + 0.5) / n_items)
        factors[name] = rng.permutation(drawn).astype(np.int64)
    return factors


def _copy_block(
    factors: dict[str, npt.NDArray[np.int64]], source: str, target: str, share: float, rng: np.random.Generator
) -> dict[str, npt.NDArray[np.int64]]:
    """Make the target block's factors functions of the source block's: each has one source factor as its only cause."""
    n_items = len(factors["kind"])
    chosen = rng.permutation(n_items)[: round(share * n_items)]
    copied = dict(factors)
    causes = list(BLOCKS[source])
    for position, name in enumerate(BLOCKS[target]):
        cause = factors[causes[position % len(causes)]]
        column = factors[name].copy()
        column[chosen] = cause[chosen] % len(FACTORS[name])
        copied[name] = column
    return copied


def _brand(making: npt.NDArray[np.int64], hidden: npt.NDArray[np.float64], rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """A brand leans towards a way of making and towards a corner of the hidden block."""
    n_brands = len(FACTORS["brand"])
    leaning = rng.standard_normal((n_brands, len(FACTORS["making"])))[:, making].T
    corner = hidden @ rng.standard_normal((hidden.shape[1], n_brands)) / np.sqrt(hidden.shape[1])
    return np.argmax(1.2 * leaning + 0.8 * corner + rng.gumbel(0, 0.7, leaning.shape), axis=1)


def _prices(factors: Mapping[str, npt.NDArray[np.int64]], rng: np.random.Generator) -> npt.NDArray[np.float64]:
    base = np.array(list(_PRICE.values()))[factors["kind"]]
    making = np.array(list(_PRICE_OF_MAKING.values()))[factors["making"]]
    tier = np.exp(rng.normal(0, 0.22, len(FACTORS["brand"])))[factors["brand"]]
    return base * making * tier * np.exp(rng.normal(0, 0.12, len(base)))


def _vectors(
    block: str, factors: Mapping[str, npt.NDArray[np.int64]], price: npt.NDArray[np.float64], hidden: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """The item side of a block: one-hot factors (price within its kind), weighted; (n_items, d)."""
    columns = []
    weights = BLOCKS[block]
    norm = np.sqrt(sum(weight**2 for weight in weights.values()))
    for name, weight in weights.items():
        if name == "id":
            columns.append(hidden / np.sqrt(hidden.shape[1]) * weight / norm)
        elif name == "price":
            log = np.log(price)
            level = log - np.log(np.array(list(_PRICE.values())))[factors["kind"]]
            columns.append((level / (level.std() + 1e-9))[:, None] * weight / norm)
        else:
            columns.append(np.eye(len(FACTORS[name]))[factors[name]] * weight / norm)
    return np.hstack(columns)


# ---------------------------------------------------------------- tastes and purchases


def _scores(block: str, vectors: npt.NDArray[np.float64], seed: int, n_users: int) -> npt.NDArray[np.float64]:
    """How much each customer likes each item for this block alone: mean 0 over items, mean standard deviation 1.

    A taste for a factor singles out one or two of its values (a sparse Dirichlet draw); for continuous ones it is normal.
    """
    rng = generator(seed, "taste", block)
    tastes, start = [], 0
    for name in BLOCKS[block]:
        size = {"id": _ID_DIMENSIONS, "price": 1}.get(name) or len(FACTORS[name])
        drawn = (
            rng.standard_normal((n_users, size))
            if name in ("id", "price")
            else rng.dirichlet(np.full(size, 0.25), n_users) * np.sqrt(size)
        )
        tastes.append(drawn)
        start += size
    raw = np.hstack(tastes) @ vectors.T
    raw -= raw.mean(axis=1, keepdims=True)
    care = np.exp(rng.normal(0, 0.3, (n_users, 1)))  # some customers care more about this block than others
    return raw / raw.std() * care


def _purchases(
    utility: npt.NDArray[np.float64], price: npt.NDArray[np.float64], density: float, rng: np.random.Generator
) -> Purchases:
    """Orders over half a year: customers come several times, buy one to four things, seldom the same one twice."""
    n_users, n_items = utility.shape
    most = max(3, int(0.6 * n_items))
    wanted: npt.NDArray[np.float64] = rng.lognormal(0, 0.6, size=(n_users,))
    lines = np.clip(np.rint(wanted / wanted.mean() * _LINES_PER_USER * density), 3, most).astype(int)
    on_sale = np.where(rng.random(n_items) < 1 - _NEW_SHARE, 0.0, rng.uniform(0, 0.97 * DAYS, n_items))
    joined = np.where(rng.random(n_users) < 0.7, 0.0, rng.uniform(0, 0.6 * DAYS, n_users))
    users: list[npt.NDArray[np.int64]] = []
    items: list[npt.NDArray[np.int64]] = []
    times: list[npt.NDArray[np.int64]] = []
    for user in range(n_users):
        bought = np.zeros(n_items, bool)
        left = lines[user]
        sizes = []
        while left > 0:
            sizes.append(min(left, 1 + rng.binomial(3, 0.3)))
            left -= sizes[-1]
        days = np.sort(joined[user] + (DAYS - joined[user]) * rng.random(len(sizes)))
        for day, size in zip(days, sizes, strict=True):
            closed = (on_sale > day) | (bought & (rng.random(n_items) > 0.04))
            wish = np.where(closed, -np.inf, utility[user] + rng.gumbel(0, 1, n_items))
            basket = np.argpartition(-wish, size)[:size] if size < n_items else np.arange(n_items)
            basket = basket[np.isfinite(wish[basket])]
            bought[basket] = True
            users.append(np.full(len(basket), user))
            items.append(basket)
            times.append(np.full(len(basket), _moment(day, rng)))
    buyer, item, time = np.concatenate(users), np.concatenate(items), np.concatenate(times)
    order = np.lexsort((item, buyer, time))
    cheap = price[item] < 40
    quantity = 1 + rng.binomial(np.where(cheap, 3, 1), 0.12)
    return Purchases(buyer[order], item[order], START + time[order].astype("timedelta64[s]"), quantity[order])


def _moment(day: float, rng: np.random.Generator) -> int:
    """Seconds since the start: the day as drawn, the hour mostly at lunch or in the evening."""
    lunch = rng.random() < 0.35
    hour = np.clip(rng.normal(12.6 if lunch else 20.3, 1.3 if lunch else 1.8), 6, 23.98)
    return int(day) * 86400 + int(hour * 3600)
