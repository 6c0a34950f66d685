"""Which items are variants of one product, are they bought together, and what is left of a modality's strength without them (A5).

The variants trap: the colours of a sweater share one description and are bought together. Then a text recommender looks strong for
suggesting a colour of what the customer already has, which helps nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from diagnostics.config import threshold
from diagnostics.profile.kinship import id_families
from diagnostics.profile.neighbours import unit_rows
from diagnostics.schema import BoolArray, Dataset, FeatureBlock, FloatArray, IndexArray, Split

__all__ = ["Products", "collapse", "find_products"]

Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Products:
    """The items as products.

    Attributes
    ----------
    of_item : int64 (n_items,), each item's product; numbers from 0
    sharing : modality -> bool (n_items,), items that share this modality's value with another variant of their product
    together : times that a customer has two variants of one product in training
    lift : ``together`` over what is expected if every item were bought on its own, relative to the same of any two items
    """

    of_item: Labels
    sharing: Mapping[str, BoolArray]
    together: int
    lift: float

    @property
    def variants(self) -> BoolArray:
        """Items whose product has another item; bool (n_items,)."""
        return np.asarray(np.bincount(self.of_item)[self.of_item] > 1)

    @property
    def matter(self) -> bool:
        """Whether variants are common enough to be looked at."""
        return bool(len(self.of_item)) and float(self.variants.mean()) >= threshold("variants_share")

    @property
    def bought_together(self) -> bool:
        """Whether customers take variants of one product together far more often than other items."""
        return self.together >= threshold("kinship_min_pairs") and self.lift >= threshold("kinship_lift")


def find_products(dataset: Dataset, features: Sequence[FeatureBlock], real: Mapping[str, BoolArray], *, seed: int = 0) -> Products:
    """Join items to products by what they share, stand-ins left out [own].

    Two items are variants of one product when they have

    - the same product code, where the shop has such a column, or
    - the same whole text (title and description), or
    - ids that begin alike (``id_families``) and the same description, the same title or the same vector of pictures or of a
      ready-made modality.

    Attributes are no evidence: unlike products are often both small, red and 10 dollars. Cost: linear in items.

    Parameters
    ----------
    real : modality -> bool (n_items,), items with a value that is not a stand-in
    """
    catalog = dataset.catalog
    everything = np.ones(catalog.n_items, dtype=bool)
    written = real.get("text", ~everything)
    families = id_families(catalog, seed=seed)
    beginnings = np.full(catalog.n_items, -1, dtype=np.int64) if families is None else _codes(families, everything)
    texts, descriptions = _folded(catalog.texts, written), _folded(catalog.descriptions, written)
    same = {"text": texts if catalog.descriptions is None else descriptions}
    for block in features:
        if block.kind in ("image", "vector"):
            same[block.name] = _equal_rows(block.values, real[block.name])
    keys = [texts, _folded(catalog.product, everything)]
    keys += [_both(beginnings, codes) for codes in (descriptions, _folded(catalog.titles, everything), *same.values())]
    joined = np.concatenate([_links(codes) for codes in keys])
    graph = sparse.coo_array((np.ones(len(joined)), (joined[:, 0], joined[:, 1])), shape=(catalog.n_items,) * 2)
    of_item = connected_components(graph, directed=False)[1].astype(np.int64)
    sharing = {name: _repeated(_both(of_item, codes)) for name, codes in same.items() if (codes >= 0).any()}
    return Products(of_item, sharing, *_bought_together(dataset.split, of_item))


def collapse(split: Split, block: FeatureBlock, products: Products) -> tuple[Split, FeatureBlock]:
    """The shop with one entry per product: who has which product, and each product's mean vector.

    A customer has a product who has one of its variants in training. A test purchase of a product that the customer already has is
    dropped, and so is the product from the candidates: it is neither a hit nor a miss. A product's vector is the mean of the unit
    vectors of its variants that have one.
    """
    of_item = products.of_item
    count = int(of_item.max(initial=-1)) + 1

    def keys(pairs: IndexArray) -> Labels:
        return np.unique(pairs[:, 0].astype(np.int64) * count + of_item[pairs[:, 1]])

    def pairs(keys: Labels) -> IndexArray:
        return np.column_stack([keys // count, keys % count]).astype(np.int32)

    train = keys(split.train)
    test = np.setdiff1d(keys(split.test), train, assume_unique=True)
    validation = np.setdiff1d(keys(split.validation), np.union1d(train, test), assume_unique=True)
    by_product = replace(split, n_items=count, train=pairs(train), validation=pairs(validation), test=pairs(test))
    unit = unit_rows(block.values, block.present)[block.present]
    mine = of_item[block.present]
    members = np.bincount(mine, minlength=count)
    to_product = sparse.csr_array((np.ones(len(mine), dtype=np.float32), (mine, np.arange(len(mine)))), shape=(count, len(mine)))
    present = members > 0
    values = np.full((count, block.values.shape[1]), np.nan, dtype=np.float32)
    values[present] = (to_product @ unit)[present] / members[present, None]
    return by_product, FeatureBlock(block.name, block.kind, block.encoder, values, present)


def _folded(values: npt.NDArray[np.object_] | None, known: BoolArray) -> Labels:
    """One number per distinct text, small and capital letters and spaces aside; -1 where there is none."""
    if values is None:
        return np.full(len(known), -1, dtype=np.int64)
    folded = np.array([None if value is None else " ".join(value.split()).casefold() or None for value in values], dtype=object)
    return _codes(folded, known)


def _codes(values: npt.NDArray[np.object_], known: BoolArray) -> Labels:
    """One number per distinct value, -1 for None and for what is not known."""
    numbers: dict[object, int] = {}
    return np.array(
        [
            numbers.setdefault(value, len(numbers)) if has and value is not None else -1
            for value, has in zip(values.tolist(), known.tolist(), strict=True)
        ],
        dtype=np.int64,
    )


def _equal_rows(values: FloatArray, known: BoolArray) -> Labels:
    """One number per distinct row, -1 for what is not known. Rows are told apart by a hash of 128 bits, not copied."""
    codes = np.full(len(values), -1, dtype=np.int64)
    rows = np.flatnonzero(known)
    digests = b"".join(blake2b(np.ascontiguousarray(values[row]).data, digest_size=16).digest() for row in rows)
    codes[rows] = np.unique(np.frombuffer(digests, dtype="V16"), return_inverse=True)[1]
    return codes


def _both(first: Labels, second: Labels) -> Labels:
    """One number per distinct pair, -1 where either is unknown."""
    return np.where((first >= 0) & (second >= 0), first * (second.max(initial=0) + 1) + second, -1)


def _links(codes: Labels) -> npt.NDArray[np.int64]:
    """Each item with the first one of its code; (n, 2)."""
    items = np.flatnonzero(codes >= 0)
    _, first, place = np.unique(codes[items], return_index=True, return_inverse=True)
    return np.column_stack([items, items[first[place]]])


def _repeated(codes: Labels) -> BoolArray:
    """Items whose code, which is not -1, stands on another item too."""
    _, place, counts = np.unique(codes, return_inverse=True, return_counts=True)
    return np.asarray((counts[place] > 1) & (codes >= 0))


def _bought_together(split: Split, of_item: Labels) -> tuple[int, float]:
    """(pairs of variants of one product that one customer has, how many times the chance of any two items that is)."""
    users, items = split.train[:, 0].astype(np.int64), split.train[:, 1]
    count = int(of_item.max(initial=-1)) + 1
    sold = np.bincount(items, minlength=len(of_item)).astype(np.float64)
    of_product = np.bincount(of_item, weights=sold, minlength=count)
    own = np.unique(users * max(count, 1) + of_item[items], return_counts=True)[1].astype(np.float64)
    per_user = np.bincount(users).astype(np.float64)
    within, anywhere = (own * (own - 1)).sum() / 2, (per_user * (per_user - 1)).sum() / 2
    possible, all_pairs = ((of_product**2).sum() - (sold**2).sum()) / 2, (sold.sum() ** 2 - (sold**2).sum()) / 2
    expected = anywhere * possible / all_pairs if all_pairs > 0 else 0.0
    return int(within), float(within / expected) if expected > 0 else 0.0
