"""To which part of the shop each modality contributes: the same Shapley values, over the test purchases of one segment at a
time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from diagnostics.config import threshold
from diagnostics.schema import BoolArray, Dataset, Estimate, SegmentShare
from diagnostics.stats import Contrast, benjamini_hochberg
from diagnostics.verdict.measures import Measures

__all__ = ["segment_shares", "segments"]

Dimension = Literal["category", "price", "popularity", "age"]


def segments(dataset: Dataset) -> Iterator[tuple[Dimension, str, BoolArray]]:
    """Dimension, name and items, bool (n_items,), of every segment.

    Categories, the most bought first; fifths of the price, 1 the cheapest; tenths of what was sold in training, 1 the items that
    sell least; items that training never saw sold, and the others. A popularity tenth holds a tenth of the sales, not of the items.
    """
    split, catalog = dataset.split, dataset.catalog
    if catalog.category is not None:
        named = np.array(["" if value is None else str(value) for value in catalog.category])
        bought = named[split.test[:, 1]]
        names, counts = np.unique(bought[bought != ""], return_counts=True)
        for name in names[np.argsort(-counts, kind="stable")][: int(threshold("segment_categories"))]:
            yield "category", str(name), named == name
    price = catalog.price_to_show
    if price is not None and np.isfinite(price).sum() > 1:
        known = np.isfinite(price)
        borders = np.quantile(price[known], [0.2, 0.4, 0.6, 0.8])
        band = np.searchsorted(borders, np.where(known, price, 0.0), side="right")
        for number in range(5):
            yield "price", str(number + 1), known & (band == number)
    sold = np.bincount(split.train[:, 1], minlength=split.n_items)
    order = np.argsort(sold, kind="stable")
    before = np.cumsum(sold[order]) - sold[order]
    tenth = np.empty(split.n_items, dtype=np.int64)
    tenth[order] = np.minimum(before * 10 // max(int(sold.sum()), 1), 9)
    for number in range(10):
        yield "popularity", str(number + 1), (tenth == number) & (sold > 0)
    yield "age", "new", sold == 0
    yield "age", "known", sold > 0


def segment_shares(measures: Measures) -> tuple[SegmentShare, ...]:
    """Every modality's contribution to every segment, without a value where customers are too few; p corrected over the whole map.

    Cost: the found purchases of each retrained set once, and two passes over the test purchases per modality and segment.
    """
    test = measures.dataset.split.test
    pairs = test[np.lexsort((test[:, 1], test[:, 0]))]
    found = {name: _differences(measures, name, len(pairs)) for name in measures.modalities}
    if any(difference is None for difference in found.values()):
        return ()
    cells: list[tuple[SegmentShare, Contrast | None]] = []
    for dimension, segment, items in segments(measures.dataset):
        if not items.any():
            continue
        inside = items[pairs[:, 1]]
        users = np.unique(pairs[inside, 0], return_inverse=True)[1].reshape(-1)
        counts = np.bincount(users)
        for name, difference in found.items():
            if difference is None:
                continue
            empty = SegmentShare(
                dimension=dimension,
                segment=segment,
                modality=name,
                share=Estimate(value=None, n=len(counts)),
                n_purchases=int(inside.sum()),
            )
            if len(counts) < threshold("segment_users"):
                cells.append((empty, None))
                continue
            rows = [np.bincount(users, weights=row[inside]) / counts for row in difference.differences]
            cells.append((empty, replace(difference, differences=np.array(rows))))
    adjusted = iter(benjamini_hochberg([contrast.p_value() for _, contrast in cells if contrast is not None]))
    return tuple(cell if contrast is None else _told(cell, contrast, float(next(adjusted))) for cell, contrast in cells)


def _told(cell: SegmentShare, contrast: Contrast, p: float) -> SegmentShare:
    return cell.model_copy(update={"share": contrast.student(), "p": p, "stands_out": p < 1 - threshold("level")})


def _differences(measures: Measures, name: str, n_pairs: int) -> Contrast | None:
    """Per seed and test purchase, the modality's share in having found it; None where that was not kept."""
    total: npt.NDArray[np.float64] = np.zeros((len(measures.seeds), n_pairs))
    weights = measures.contribution_weights(name)
    for members, weight in weights.items():
        hits = measures.run.hits(measures.arm(tuple(members)), n_pairs, seeds=measures.seeds)
        if len(hits) != len(measures.seeds):
            return None
        total += weight * hits
    return measures.contrast(total, float(sum(weight**2 for weight in weights.values())))
