"""Are alike products bought together (A6), and are a few products everyone's nearest neighbour (hubness, A4)?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from diagnostics.config import threshold
from diagnostics.profile.neighbours import NEAREST
from diagnostics.profile.views import Collaborative, Items, View
from diagnostics.schema import Estimate, FeatureHealth, Homophily
from diagnostics.seeds import generator
from diagnostics.stats.intervals import reaching, within_limits
from diagnostics.stats.ratios import estimate_ratio, student

__all__ = ["homophily", "hubs", "with_hubness"]

_SHUFFLES = 20


def with_hubness(health: FeatureHealth | None, view: View) -> FeatureHealth | None:
    """The health record with hubness added: how unevenly places among the ten nearest are spread over the items.

    ``hubness`` is the skewness of how often an item is among the others' ten nearest; ``hub_share`` the share of all these places
    that go to the most frequent 1 % of items. Not measured below ``signal_min_items`` items with a real value.

    Source: Radovanovic, Nanopoulos, Ivanovic, "Hubs in space", JMLR 2010 (k-occurrence); on centred cosines, as everywhere here.
    """
    if health is None or len(view.items) < threshold("signal_min_items"):
        return health
    times = _times_near(view)
    spread = times.std()
    skewness = float((((times - times.mean()) / spread) ** 3).mean()) if spread > 0 else 0.0
    share = float(np.sort(times)[-_hub_count(view) :].sum() / times.sum())
    return health.model_copy(update={"hubness": skewness, "hub_share": share})


def hubs(view: View) -> Items:
    """Catalog indices of the 1 % of items that are most often among the others' ten nearest, most often first."""
    return view.items[np.argsort(-_times_near(view), kind="stable")[: _hub_count(view)]]


def _times_near(view: View) -> npt.NDArray[np.float64]:
    return np.bincount(view.neighbours.table[:, :NEAREST].ravel(), minlength=len(view.items)).astype(np.float64)


def _hub_count(view: View) -> int:
    return int(np.ceil(len(view.items) / 100))


def homophily(view: View, bought: Collaborative, products: npt.NDArray[np.int64]) -> Homophily | None:
    """Of an item's ten nearest by content, the share that at least one customer has together with it; None for too few items.

    Items that nobody has together with anything are not asked. ``chance`` is exact: the mean over all ways of shuffling the vectors
    between the items, under which an item's neighbours are any of the others. The interval of ``lift`` is the wider of two: over
    items (variants of one product as one draw), and over 20 shuffles, which also knows what a hub that everyone buys does.
    """
    place = np.searchsorted(bought.sample, view.items)
    n = len(place)
    if n < threshold("signal_min_items"):
        return None
    together = bought.together[np.ix_(place, place)]
    partners = together.sum(axis=1)
    asked = np.flatnonzero(partners)
    if len(asked) < threshold("signal_min_items"):
        return None
    near = view.neighbours.table[:, :NEAREST]
    overlap = together[asked[:, None], near[asked]].mean(axis=1)
    chance = partners[asked] / (n - 1)
    rng = generator(view.seed, "homophily", view.name)
    shuffled = np.empty(_SHUFFLES)
    for turn in range(_SHUFFLES):
        order = rng.permutation(n)
        found = together[order[:, None], order[near]].mean(axis=1)
        shuffled[turn] = found.sum() / len(asked)  # items without partners add nothing to either sum
    ones, family = np.ones(len(asked)), products[view.items[asked]]
    floor = float(chance.mean())
    reach = student(0.95, _SHUFFLES) * float(np.sqrt(np.mean((shuffled - floor) ** 2)))  # around what is exact
    return Homophily(
        overlap=within_limits(estimate_ratio(overlap, ones, family)),
        chance=within_limits(Estimate(value=floor, low=floor - reach, high=floor + reach, n=len(asked))),
        lift=reaching(estimate_ratio(overlap - chance, ones, family, unit="difference"), reach),
    )
