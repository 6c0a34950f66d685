"""How much two modalities say the same of a product (A7)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from diagnostics.config import threshold
from diagnostics.profile.neighbours import NEAREST
from diagnostics.profile.views import Items, View
from diagnostics.schema import Estimate, Redundancy
from diagnostics.seeds import generator, seed_for
from diagnostics.stats.intervals import within_limits
from diagnostics.stats.prediction import held_out_r2
from diagnostics.stats.ratios import estimate_left_out, estimate_ratio, fold_of_groups

__all__ = ["debiased_cka", "redundancy"]

_SHUFFLES = 99  # the smallest p is then 0.01
_PARTS = 20

Array = npt.NDArray[np.float64]


def redundancy(first: View, second: View, products: npt.NDArray[np.int64]) -> Redundancy | None:
    """Three measures on the items that have both: likeness of the spaces, mutual prediction, common neighbours.

    All on the first 128 principal components, neighbours on the full vectors. Variants of one product count as one draw in every
    interval and are held out together. None for fewer than ``signal_min_items`` items.
    """
    items = np.intersect1d(first.items, second.items, assume_unique=True)
    if len(items) < threshold("signal_min_items"):
        return None
    family = products[items]
    x, y = (view.components[view.at(items)].astype(np.float64) for view in (first, second))
    seed = seed_for(first.seed, "redundancy", first.name, second.name)
    overlap, chance, p_value = _common_neighbours(first, second, items, family)
    return Redundancy(
        modalities=(first.name, second.name),
        cka=debiased_cka(x, y, family, seed=seed),
        second_from_first=held_out_r2(x, y, family, seed=seed),
        first_from_second=held_out_r2(y, x, family, seed=seed),
        neighbour_overlap=overlap,
        neighbour_chance=chance,
        p_value=p_value,
        n_items=len(items),
    )


def debiased_cka(x: Array, y: Array, family: npt.NDArray[np.int64] | None = None, *, seed: int = 0) -> Estimate:
    """Linear centred kernel alignment of two views (n, p) and (n, q): about 0 for unrelated ones, 1 for the same up to rotation.

    The interval leaves out a twentieth of the families at a time. Cost: n (p + q)^2.

    Source: Kornblith et al. 2019, "Similarity of neural network representations revisited"; with the unbiased estimator of HSIC by
    Song et al. 2012 (equation 5), as Nguyen, Raghu, Kornblith 2021 use it: the plain one tends to 1 as dimensions grow. Written in
    sums over items, so that no table of items against items is made, and leaving a part out is a subtraction.
    """
    groups = np.arange(len(x)) if family is None else family
    fold = fold_of_groups(groups, _PARTS, np.random.default_rng(seed))
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    sides = ((x, y), (x, x), (y, y))
    parts = [[_sums(left[fold == part], right[fold == part]) for left, right in sides] for part in range(_PARTS)]
    totals = [tuple(sum(pieces) for pieces in zip(*(part[side] for part in parts), strict=True)) for side in range(len(sides))]
    left_out = [
        _alignment([tuple(a - b for a, b in zip(whole, gone, strict=True)) for whole, gone in zip(totals, part, strict=True)])
        for part in parts
    ]
    return estimate_left_out(_alignment(totals), left_out, len(x), unit="ratio")


def _alignment(sides: list[tuple]) -> float:
    both, own_x, own_y = (_hsic(*side) for side in sides)
    return float(both / np.sqrt(own_x * own_y)) if own_x > 0 and own_y > 0 else 0.0


def _sums(x: Array, y: Array) -> tuple:
    """What ``_hsic`` needs of some items; the sums of two sets of items are the sums of their union."""
    own_x, own_y = (x**2).sum(axis=1), (y**2).sum(axis=1)
    return len(x), x.T @ y, x.sum(axis=0), y.sum(axis=0), own_x.sum(), own_y.sum(), own_y @ x, own_x @ y, own_x @ own_y


def _hsic(n: int, cross: Array, x: Array, y: Array, own_x: float, own_y: float, y_on_x: Array, x_on_y: Array, own: float) -> float:
    """Song's unbiased HSIC of linear kernels K = x x', L = y y' whose diagonals are set to zero.

    (tr(KL) + 1'K1 1'L1 / ((n - 1)(n - 2)) - 2 / (n - 2) 1'KL1) / (n (n - 3)).
    """
    trace = (cross**2).sum() - own
    all_x, all_y = x @ x - own_x, y @ y - own_y
    rows = x @ cross @ y - x @ y_on_x - y @ x_on_y + own
    return float((trace + all_x * all_y / ((n - 1) * (n - 2)) - 2 / (n - 2) * rows) / (n * (n - 3)))


def _common_neighbours(first: View, second: View, items: Items, family: npt.NDArray[np.int64]) -> tuple[Estimate, Estimate, float]:
    """Share of the ten nearest in common, the same under 99 shuffles of the second view, and the p-value of the former."""
    n = len(items)
    near, other = (view.neighbours.among(view.at(items)) for view in (first, second))
    is_near = np.zeros((n, n), dtype=bool)
    is_near[np.arange(n)[:, None], near] = True
    overlap = is_near[np.arange(n)[:, None], other].mean(axis=1)
    rng = generator(first.seed, "common neighbours", first.name, second.name)
    shuffled = np.empty(_SHUFFLES)
    for turn in range(_SHUFFLES):
        order = rng.permutation(n)
        shuffled[turn] = is_near[order[:, None], order[other]].mean()
    low, high = np.quantile(shuffled, [0.025, 0.975])
    chance = Estimate(value=NEAREST / (n - 1), low=float(low), high=float(high), n=n)
    return (
        within_limits(estimate_ratio(overlap, np.ones(n), family)),
        chance,
        float((1 + (shuffled >= overlap.mean()).sum()) / (1 + _SHUFFLES)),
    )
