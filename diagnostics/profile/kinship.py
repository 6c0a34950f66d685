"""Do items that share one text, picture or vector belong together (variants of a product), or are they strangers (a stand-in)?

Real shops share legitimately: the colours of one sweater have one description. So a shared value is accused only if *nothing* ties
its items together. Four ties are tried, each against what any two items of the same catalog would show [own]:
alike titles (letter pairs in common, those of the category's name aside), ids that begin alike or one product code, one kind of
product, and being bought by the same customers. A few items are of one kind by their category. Many are by another column by which
the shop sorts its products, such as cut or department; by the category only if most of them have a namesake among them, as colours
of one product have, since a sentence may well be written once for a whole category.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from diagnostics.config import threshold
from diagnostics.schema import Catalog, Dataset
from diagnostics.seeds import generator

__all__ = ["Kinship", "group_items", "id_families"]

_PAIRS = 1000
_NOT_LETTERS = re.compile(r"[\W\d_]+")


def group_items(keys: NDArray, items: NDArray[np.int64], at_least: int) -> list[NDArray[np.int64]]:
    """The items by equal key, groups of ``at_least`` items only, largest first."""
    if len(items) == 0:
        return []
    order = items[np.argsort(keys[items], kind="stable")]
    groups = np.split(order, np.flatnonzero(keys[order][1:] != keys[order][:-1]) + 1)
    return sorted((group for group in groups if len(group) >= at_least), key=len, reverse=True)


class Kinship:
    """The ties between the items of one data set; built once, asked per group."""

    def __init__(self, dataset: Dataset, *, seed: int = 0) -> None:
        catalog, split = dataset.catalog, dataset.split
        self._rng = generator(seed, "kinship")
        kinds = [None] * catalog.n_items if catalog.category is None else catalog.category.tolist()
        of_kind = {kind: _letter_pairs(f" {kind or ''} ") for kind in set(kinds)}
        self._titles = None
        if catalog.titles is not None:
            self._titles = [_own_pairs(title, of_kind[kind]) for title, kind in zip(catalog.titles, kinds, strict=True)]
        codes = [id_families(catalog, seed=seed), catalog.product]
        self._labels = {
            "id": [_Label.of(column) for column in codes if column is not None],
            "category": [] if catalog.category is None else [_Label.of(catalog.category)],
            "kind": [_Label.of(column) for column in catalog.attributes.values() if not _told_by(catalog.category, column)],
        }
        ones = np.ones(len(split.train), dtype=np.float64)
        shape = (catalog.n_items, dataset.log.n_users)
        self._names = None if catalog.titles is None else _codes(catalog.titles)
        self._buyers = sparse.csr_array((ones, (split.train[:, 1], split.train[:, 0])), shape=shape)
        everything = np.arange(catalog.n_items)
        self._title_chance = self._title_likeness(everything)
        together, expected = self._bought_together(everything)
        self._common_lift = together / expected if expected else 1.0

    def split(self, groups: Iterable[NDArray[np.int64]], *, ties: Sequence[str]) -> tuple[list[NDArray], list[NDArray]]:
        """(strangers, kin) among groups of items that share a value; ``ties`` are the kinds of tie that count as an excuse."""
        strangers: list[NDArray] = []
        kin: list[NDArray] = []
        for group in groups:
            (kin if self._belong_together(group, ties) else strangers).append(group)
        return strangers, kin

    def _belong_together(self, items: NDArray[np.int64], ties: Sequence[str]) -> bool:
        if any(label.ties(items, whole=name == "id") for name in ties for label in self._labels.get(name, ())):
            return True
        if "kind" in ties and self._namesakes(items) and any(label.ties(items, whole=False) for label in self._labels["category"]):
            return True
        if "title" in ties and _above_chance(self._title_likeness(items), self._title_chance) >= threshold("kinship_titles"):
            return True
        together, expected = self._bought_together(items)
        enough = threshold("kinship_lift") * self._common_lift * expected
        return "bought_together" in ties and together >= threshold("kinship_min_pairs") and together >= enough

    def _namesakes(self, items: NDArray[np.int64]) -> bool:
        """Whether most of the items have the very title of another one."""
        if self._names is None:
            return False
        names = self._names[items]
        _, place, counts = np.unique(names, return_inverse=True, return_counts=True)
        return bool(np.mean((counts[place] > 1) & (names >= 0)) >= threshold("kinship_namesakes"))

    def _title_likeness(self, items: NDArray[np.int64]) -> float:
        """Mean share of letter pairs in common over (a sample of) pairs of items; 0 without titles."""
        if self._titles is None or len(items) < 2:
            return 0.0
        if len(items) * (len(items) - 1) // 2 <= _PAIRS:
            first, second = np.triu_indices(len(items), k=1)
        else:
            first = self._rng.integers(0, len(items), _PAIRS)
            second = (first + self._rng.integers(1, len(items), _PAIRS)) % len(items)
        total = 0.0
        for left, right in zip(items[first], items[second], strict=True):
            a, b = self._titles[left], self._titles[right]
            total += len(a & b) / max(len(a | b), 1)
        return total / len(first)

    def _bought_together(self, items: NDArray[np.int64]) -> tuple[float, float]:
        """(pairs of these items bought by one customer, the number expected if each were bought on its own)."""
        bought = self._buyers[items]
        per_user, per_item = bought.sum(axis=0), bought.sum(axis=1)
        together = float((per_user * (per_user - 1)).sum() / 2)
        expected = float((per_item.sum() ** 2 - (per_item**2).sum()) / 2 / max(self._buyers.shape[1], 1))
        return together, expected


@dataclass(frozen=True)
class _Label:
    """One column by which items are sorted.

    Attributes
    ----------
    codes : int64 (n_items,), -1 unknown
    sizes : items of each code
    chance : share of pairs of items that agree
    """

    codes: NDArray[np.int64]
    sizes: NDArray[np.int64]
    chance: float

    @classmethod
    def of(cls, values: NDArray[np.object_]) -> _Label:
        codes = _codes(values)
        return cls(codes, np.bincount(codes[codes >= 0]), _agreement(codes))

    def ties(self, items: NDArray[np.int64], *, whole: bool) -> bool:
        """Whether the items agree far beyond chance; unless ``whole``, what most of a brand or category shares ties nothing."""
        codes = self.codes[items]
        if _above_chance(_agreement(codes), self.chance) < threshold("kinship_agreement"):
            return False
        counts = np.bincount(codes[codes >= 0])
        commonest = int(counts.argmax())
        return whole or bool(counts[commonest] < threshold("kinship_part") * self.sizes[commonest])


def _above_chance(found: float, chance: float) -> float:
    """0 at chance, 1 at full agreement (as Cohen's kappa); 0 where chance already agrees, since the tie then tells nothing."""
    return (found - chance) / (1 - chance) if chance < 0.5 else 0.0


def _agreement(labels: NDArray[np.int64]) -> float:
    """Share of pairs with one and the same known label; -1 is unknown and agrees with nothing."""
    if len(labels) < 2:
        return 0.0
    counts = np.bincount(labels[labels >= 0]).astype(np.float64)
    return float((counts * (counts - 1)).sum() / (len(labels) * (len(labels) - 1)))


def _codes(values: NDArray[np.object_]) -> NDArray[np.int64]:
    """One number per distinct value, -1 for None."""
    numbers: dict[object, int] = {None: -1}
    return np.array([numbers.setdefault(value, len(numbers) - 1) for value in values.tolist()], dtype=np.int64)


def id_families(catalog: Catalog, *, seed: int = 0) -> NDArray[np.object_] | None:
    """The first 60 % of each id, as in codes that end in colour and size; None where they say nothing of the products [own].

    Running numbers begin alike too, and mean no more than that products were entered one after the other: a placeholder on a whole
    batch must not pass for a picture of variants. So items whose ids begin alike must have titles that are alike far beyond
    chance; without titles, no more than ``kinship_family`` items may begin alike. An id too short to have parts has None.
    """
    begun = [value[: ceil(0.6 * len(value))] if len(value) >= 6 else None for value in catalog.item_ids.astype(str)]
    beginnings = np.array(begun, dtype=object)
    codes = _codes(beginnings)
    families = group_items(codes, np.flatnonzero(codes >= 0), 2)
    if not families:
        return None
    if catalog.titles is None:
        large = [family for family in families if len(family) > threshold("kinship_family")]
        beginnings[np.concatenate([np.empty(0, dtype=np.int64), *large])] = None
        return beginnings
    rng = generator(seed, "id families")
    within = [rng.choice(families[at], 2, replace=False) for at in rng.integers(0, len(families), _PAIRS)]
    anywhere = [rng.choice(catalog.n_items, 2, replace=False) for _ in range(_PAIRS)]
    alike, chance = (float(np.mean([_titles_alike(catalog, *pair) for pair in pairs])) for pairs in (within, anywhere))
    return beginnings if _above_chance(alike, chance) >= threshold("kinship_titles") else None


def _titles_alike(catalog: Catalog, one: int, other: int) -> float:
    """Share of letter pairs in common of two items' titles, what their categories are called aside."""
    kinds = [""] * 2 if catalog.category is None else [catalog.category[item] or "" for item in (one, other)]
    titles = [catalog.titles[item] if catalog.titles is not None else None for item in (one, other)]
    first, second = (_own_pairs(title, _letter_pairs(f" {kind} ")) for title, kind in zip(titles, kinds, strict=True))
    return len(first & second) / max(len(first | second), 1)


def _told_by(category: NDArray[np.object_] | None, column: NDArray[np.object_]) -> bool:
    """Whether a column sorts no finer than the category: it is the category itself, or has one value in each."""
    if category is None:
        return False
    return len(set(zip(category.tolist(), column.tolist(), strict=True))) == len(set(category.tolist()))


def _own_pairs(title: str | None, of_kind: frozenset[str]) -> frozenset[str]:
    """A title's letter pairs without those of its category's name, which tells no product; all where no other is left."""
    pairs = _letter_pairs(title)
    return (pairs - of_kind) or pairs


def _letter_pairs(title: str | None) -> frozenset[str]:
    letters = _NOT_LETTERS.sub(" ", unicodedata.normalize("NFKC", title or "").casefold())
    return frozenset(letters[at : at + 2] for at in range(len(letters) - 1)) - {" "}
