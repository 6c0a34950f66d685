"""A real shop with a planted defect: H&M's own week of purchases, descriptions and photos, damaged in one known way.

The shop is cut down to its best-selling articles and the customers who bought several of them, so that a diagnosis takes a minute.
Descriptions stay texts, so that what looks at texts is tried too; photos enter as the vectors of our own encoder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

import diagnostics as tenbin
from diagnostics.dataset.features import encode
from diagnostics.dataset.splits import split
from diagnostics.schema import Catalog, Dataset, InteractionLog
from diagnostics.seeds import generator

__all__ = ["DAMAGES", "damaged"]

DAMAGES: Mapping[str, str] = {
    "masked": "missing:text:large",
    "permuted": "uninformative:image:large",
    "copied": "redundant:image:large",
    "scaled": "scale_mismatch:image:large",
    "boilerplate": "missing_disguised:text:large",
}
"""What is done to the shop -> the plant that it amounts to."""

_ARTICLES, _FEWEST, _CUSTOMERS = 600, 5, 1500
_MASKED = 0.7
_SENTENCE = "Please see our size guide and care instructions before you order. Colours may differ from the picture."


def damaged(folder: Path, plant: str, seed: int) -> Dataset:
    """The shop in ``folder`` (articles.csv, transactions.csv, images/) with one defect; sound for ``none``."""
    whole = tenbin.read_dataset(folder / "articles.csv", folder / "transactions.csv", images=folder / "images")
    shop = _smaller(whole, generator(seed, "real shop"))
    pictures = next(block for block in encode(shop) if block.name == "image")
    catalog = replace(shop.catalog, images=None, attributes={}, price=None, vectors={"image": pictures.values})
    damage = next((name for name, meant in DAMAGES.items() if meant == plant), "none")
    catalog = _damage(replace(shop, catalog=catalog), damage, generator(seed, damage))
    return replace(shop, catalog=catalog, fingerprint=f"{shop.fingerprint}:{damage}:{seed}")


def _smaller(shop: Dataset, rng: np.random.Generator) -> Dataset:
    """The articles that sell best and customers who have several of them."""
    articles = np.sort(np.argsort(-shop.times_sold, kind="stable")[:_ARTICLES])
    keys = np.unique(shop.log.user_index.astype(np.int64) * shop.catalog.n_items + shop.log.item_index)
    user, item = keys // shop.catalog.n_items, keys % shop.catalog.n_items
    inside = np.isin(item, articles)
    user, item = user[inside], np.searchsorted(articles, item[inside])
    enough = np.flatnonzero(np.bincount(user) >= _FEWEST)
    customers = np.sort(rng.choice(enough, min(_CUSTOMERS, len(enough)), replace=False))
    kept = np.isin(user, customers)
    log = InteractionLog(
        shop.log.user_ids[customers], np.searchsorted(customers, user[kept]).astype(np.int32), item[kept].astype(np.int32)
    )
    return replace(shop, catalog=_rows(shop.catalog, articles), log=log, split=split(log, len(articles), kind="user"), rejected={})


def _rows(catalog: Catalog, rows: npt.NDArray[np.integer]) -> Catalog:
    """Some of the products."""
    columns = ("titles", "texts", "descriptions", "category", "product", "price", "price_texts", "paid", "added")
    given = {name: getattr(catalog, name) for name in columns}
    return replace(
        catalog,
        item_ids=catalog.item_ids[rows],
        images=None if catalog.images is None else tuple(catalog.images[row] for row in rows),
        attributes={name: column[rows] for name, column in catalog.attributes.items()},
        vectors={name: values[rows] for name, values in catalog.vectors.items()},
        **{name: None if column is None else column[rows] for name, column in given.items()},
    )


def _damage(shop: Dataset, damage: str, rng: np.random.Generator) -> Catalog:
    catalog = shop.catalog
    pictures = catalog.vectors["image"].copy()
    hit = rng.permutation(catalog.n_items)[: round(_MASKED * catalog.n_items)]
    if damage in ("masked", "boilerplate"):
        said = None if damage == "masked" else _SENTENCE
        columns = {name: getattr(catalog, name) for name in ("titles", "texts", "descriptions")}
        changed = {name: column.copy() for name, column in columns.items() if column is not None}
        for column in changed.values():
            column[hit] = said
        return replace(catalog, **changed)
    if damage == "permuted":
        there = np.flatnonzero(np.isfinite(pictures).all(axis=1))
        pictures[there] = pictures[rng.permutation(there)]
    elif damage == "copied":
        pictures = next(block.values for block in encode(shop) if block.name == "text")
    elif damage == "scaled":
        pictures *= np.float32(1000)
    return replace(catalog, vectors={"image": pictures})
