"""What modalities tell about which items are bought together: only one, only the other, both alike, only together (A8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce

import numpy as np
import numpy.typing as npt

from diagnostics.config import threshold
from diagnostics.profile.views import Collaborative, View, clusters
from diagnostics.schema import Estimate, SharedInformation
from diagnostics.seeds import generator, seed_for
from diagnostics.stats.intervals import reaching, within_limits
from diagnostics.stats.prediction import own_shares
from diagnostics.stats.ratios import estimate_left_out, fold_of_groups, student

__all__ = ["decompose", "own_share_of_each", "shared_information"]

_PARTS, _SHUFFLES = 20, 10
_ITEMS_PER_CELL = 10  # of the table of codes: with fewer, chance alone fills it with information
_MOST_CODES = 10
_ROUNDS, _SWEEPS = 150, 4

Array = npt.NDArray[np.float64]


def shared_information(
    first: View, second: View, bought: Collaborative, products: npt.NDArray[np.int64]
) -> SharedInformation | None:
    """Unique, shared and synergistic information of two modalities about the items' taste clusters, in bits.

    Each modality's components and the collaborative factors are cut into a few clusters (k-means); on these codes the information
    is decomposed. What ten shuffles of the taste clusters still seem to tell is subtracted, so a part may come out slightly
    negative: read it as none. Intervals leave out a twentieth of the products at a time, clusters held fixed, and reach at least as
    far as shuffles differ. None for fewer than ``signal_min_items`` items that have both and ``factor_min_rows`` buyers.

    Source: Liang et al. 2023 (arXiv 2302.12247), PID-CVX on cluster codes, with taste clusters as the task.
    """
    items = np.intersect1d(np.intersect1d(first.items, second.items, assume_unique=True), bought.items, assume_unique=True)
    n = len(items)
    if n < threshold("signal_min_items"):
        return None
    count = int(np.clip(np.cbrt(n / _ITEMS_PER_CELL), 2, _MOST_CODES))
    rng = generator(first.seed, "information", first.name, second.name)
    one, two = (clusters(view.components[view.at(items)], count, rng) for view in (first, second))
    taste = clusters(bought.factors[np.searchsorted(bought.items, items)], count, rng)
    fold = fold_of_groups(products[items], _PARTS, rng)
    tables = [_table(one, two, taste, count)]
    tables += [_table(one[fold != part], two[fold != part], taste[fold != part], count) for part in range(_PARTS)]
    tables += [_table(one, two, rng.permutation(taste), count) for _ in range(_SHUFFLES)]
    parts = decompose(np.stack(tables))
    shuffled = parts[1 + _PARTS :]
    floor, reach = shuffled.mean(axis=0), student(0.95, _SHUFFLES - 1) * shuffled.std(axis=0, ddof=1) * np.sqrt(1 + 1 / _SHUFFLES)
    unique_first, unique_second, shared, synergy, total = (
        reaching(estimate_left_out(float(parts[0, at] - floor[at]), parts[1 : 1 + _PARTS, at], n, unit="bits"), reach[at])
        for at in range(5)
    )
    return SharedInformation(
        modalities=(first.name, second.name),
        unique_first=unique_first,
        unique_second=unique_second,
        shared=shared,
        synergy=synergy,
        total=total,
        n_items=n,
    )


def own_share_of_each(views: Sequence[View], bought: Collaborative, products: npt.NDArray[np.int64]) -> Mapping[str, Estimate]:
    """Of what all modalities together foretell of the items' collaborative factors, the share that only each one tells.

    On items that have every modality and ``factor_min_rows`` buyers. Where these are fewer than ``signal_min_items``, the rarest
    modality is left out, and the next one, as long as two are left. It asks for no training of a recommender, and of small shops
    it tells more than a retrained knock-out or the bits of ``shared_information``, which need whole clusters.
    """
    of_bought = [np.intersect1d(view.items, bought.items, assume_unique=True) for view in views]
    kept = sorted(range(len(views)), key=lambda place: -len(of_bought[place]))
    while len(kept) > 1:
        items = reduce(np.intersect1d, [of_bought[place] for place in kept])
        if len(items) >= threshold("signal_min_items"):
            break
        kept.pop()
    else:
        return {}
    chosen = [views[place] for place in sorted(kept)]
    content = [view.components[view.at(items)] for view in chosen]
    factors = bought.factors[np.searchsorted(bought.items, items)]
    shares = own_shares(content, factors, products[items], seed=seed_for(chosen[0].seed, "own share"))
    return {view.name: within_limits(share) for view, share in zip(chosen, shares, strict=True)}


def decompose(tables: Array) -> Array:
    """Unique to the first, unique to the second, shared, synergy and total, in bits; (n_tables, 5).

    Parameters
    ----------
    tables : (n_tables, n_first, n_second, n_targets), counts or probabilities

    Notes
    -----
    The definition of Bertschinger et al. 2014, which Liang et al. use: among all distributions with the same pairs (first, target)
    and (second, target), take the one whose two sources together tell least of the target; what the real one tells beyond it is
    synergy. The closed form of Williams and Beer 2010 was not taken: it calls two unrelated halves of a target shared.

    The least is found by alternating projections (Csiszar and Tusnady 1984): I(target; both) is the least mean Kullback-Leibler
    distance from the tables of the single targets to one common table, so in turn the common table becomes their mean, and each
    target's table the one nearest to the common table among those with its margins (iterative proportional fitting). Both sets
    are convex, so it descends to the global least.
    """
    p = tables / tables.sum(axis=(1, 2, 3), keepdims=True)
    target = p.sum(axis=(1, 2), keepdims=True)
    given = np.divide(p, target, out=np.zeros_like(p), where=target > 0)
    rows, columns = given.sum(axis=2, keepdims=True), given.sum(axis=1, keepdims=True)
    each = rows * columns
    for _ in range(_ROUNDS):
        common = (each * target).sum(axis=3, keepdims=True)
        each = np.where(rows * columns > 0, common, 0.0)
        for _ in range(_SWEEPS):
            each = each * _divide(rows, each.sum(axis=2, keepdims=True))
            each = each * _divide(columns, each.sum(axis=1, keepdims=True))
    least = _information(each * target)
    total = _information(p)
    alone = [_information(p.sum(axis=axis, keepdims=True)) for axis in (2, 1)]
    return np.stack([least - alone[1], least - alone[0], alone[0] + alone[1] - least, total - least, total], axis=1)


def _divide(top: Array, bottom: Array) -> Array:
    return np.divide(top, bottom, out=np.zeros(np.broadcast_shapes(top.shape, bottom.shape)), where=bottom > 0)


def _information(p: Array) -> Array:
    """Mutual information of the last axis with the two before it, in bits; (n_tables,)."""
    alone = p.sum(axis=3, keepdims=True) * p.sum(axis=(1, 2), keepdims=True)
    return np.sum(p * np.log2(_divide(p, alone), out=np.zeros_like(p), where=p > 0), axis=(1, 2, 3))


def _table(one: npt.NDArray, two: npt.NDArray, taste: npt.NDArray, count: int) -> Array:
    flat = (one * count + two) * count + taste
    return np.bincount(flat, minlength=count**3).reshape(count, count, count).astype(np.float64)
