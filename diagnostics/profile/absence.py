"""Is a missing value chance, or do certain products lack it: the slow sellers, a category, the newest (A2)?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln, ndtr

from diagnostics.config import threshold
from diagnostics.schema import Absence, AbsenceDriver, BoolArray, Dataset, Estimate, Kind
from diagnostics.seeds import generator
from diagnostics.stats.prediction import estimate_auc, logistic
from diagnostics.stats.ratios import proportion_difference

__all__ = ["Traits", "absence", "group_of"]

_FOLDS = 5
_MODEL_ITEMS = 20_000  # the model's ranking is then known to half a point; drivers are counted on all items
_MODEL_CATEGORIES = 50
_CONDITIONAL_ERROR = 0.01

Numbers = npt.NDArray[np.float64]
Code = Literal["less_popular", "more_popular", "cheaper", "dearer", "newer", "older", "category"]


@dataclass(frozen=True)
class _Group:
    """Some items, to be compared with the others of which the same is known."""

    code: Code
    name: str | None
    members: BoolArray
    known: BoolArray


@dataclass(frozen=True)
class Traits:
    """What is known of every item besides the modality in question.

    Attributes
    ----------
    sold : float64 (n_items,), log rows
    price : float64 (n_items,), NaN unknown; None without a price
    launch : float64 (n_items,), days since 1970 of joining the catalog or of the first sale, NaN unknown; None where neither can
        be told
    category : object array of str or None; None without categories
    """

    sold: Numbers
    price: Numbers | None
    launch: Numbers | None
    category: npt.NDArray[np.object_] | None

    @classmethod
    def of(cls, dataset: Dataset) -> Traits:
        """From a data set. A first sale tells an item's age only in a log of ``launch_min_days`` days or more."""
        catalog, log = dataset.catalog, dataset.log
        sold = np.bincount(log.item_index, minlength=catalog.n_items).astype(np.float64)
        return cls(sold, catalog.price_to_show, _launch(dataset), catalog.category)

    def numbers(self, kind: Kind) -> dict[tuple[Code, Code], Numbers]:
        """(name of the lower third, of the upper third) -> the trait; of attributes, price is itself a part."""
        found: dict[tuple[Code, Code], Numbers] = {("less_popular", "more_popular"): self.sold}
        if self.price is not None and kind != "attributes":
            found["cheaper", "dearer"] = self.price
        if self.launch is not None:
            found["older", "newer"] = self.launch
        return {names: values for names, values in found.items() if len(np.unique(values[np.isfinite(values)])) > 1}

    def categories(self, kind: Kind) -> npt.NDArray[np.object_] | None:
        """Each item's category; None where there are none, and for attributes, of which it is one."""
        return None if kind == "attributes" else self.category


def absence(traits: Traits, kind: Kind, real: BoolArray, *, seed: int = 0) -> Absence | None:
    """How well popularity, category, price and age foretell which items lack a modality, and what goes with the gaps.

    Parameters
    ----------
    real : bool (n_items,), whether the item has a value that is not a stand-in

    Returns
    -------
    None where fewer than ``absence_min_items`` items lack it or have it. ``auc`` is that of a logistic regression on held-out
    fifths of the items: 0.5 is chance. A driver is a group of items, a third of the shop or a category, that lacks the value in
    at least ``absence_difference`` more cases than the others, by Fisher's exact test with Holm's correction over all groups tried
    (``absence_error``), and still does so among items alike in the drivers named before it (Cochran, Mantel, Haenszel): strongest
    first, so that a dear category is not named again as "dearer".

    Notes
    -----
    "Goes with", not "because of". Of a first sale taken for an item's launch, a slow seller looks newer than it is.
    """
    missing = ~real
    if min(missing.sum(), real.sum()) < threshold("absence_min_items"):
        return None
    return Absence(auc=_auc(traits, kind, missing, seed), drivers=_drivers(traits, kind, missing))


def group_of(driver: AbsenceDriver, traits: Traits, kind: Kind) -> BoolArray:
    """The items that a driver is about; bool (n_items,)."""
    return next(group.members for group in _groups(traits, kind) if (group.code, group.name) == (driver.code, driver.group))


def _launch(dataset: Dataset) -> Numbers | None:
    log, added = dataset.log, dataset.catalog.added
    if added is not None and not np.isnat(added).all():
        return np.where(np.isnat(added), np.nan, added.astype("datetime64[s]").astype(np.float64) / 86400)
    if log.timestamp is None or len(log.timestamp) == 0:
        return None
    days = log.timestamp.astype("datetime64[s]").astype(np.int64) / 86400
    if days[-1] - days[0] < threshold("launch_min_days"):
        return None
    first = np.full(dataset.catalog.n_items, np.nan)
    first[log.item_index[::-1]] = days[::-1]  # the earliest row of an item is written last
    return first


# ---------------------------------------------------------------- the model


def _auc(traits: Traits, kind: Kind, missing: BoolArray, seed: int) -> Estimate:
    rng = generator(seed, "absence", kind)
    chosen = np.arange(len(missing))
    if len(chosen) > _MODEL_ITEMS:
        rare = np.flatnonzero(missing == (missing.mean() < 0.5))
        kept = rng.permutation(rare)[: _MODEL_ITEMS // 2]
        rest = rng.permutation(np.setdiff1d(chosen, rare))[: _MODEL_ITEMS - len(kept)]
        chosen = np.sort(np.concatenate([kept, rest]))
    predictors, outcome = _predictors(traits, kind)[chosen], missing[chosen]
    fold = np.empty(len(chosen), dtype=np.int64)
    for value in (False, True):  # every fold has its part of the rare outcome
        places = rng.permutation(np.flatnonzero(outcome == value))
        fold[places] = np.arange(len(places)) % _FOLDS
    score = np.empty(len(chosen))
    for held in range(_FOLDS):
        weights = logistic(predictors[fold != held], outcome[fold != held])
        foretold = predictors[fold == held] @ weights[1:]
        score[fold == held] = (foretold - foretold.mean()) / (foretold.std() or 1.0)
    return estimate_auc(score, outcome, folds=_FOLDS)


def _predictors(traits: Traits, kind: Kind) -> Numbers:
    """Each number's rank, its square and whether it is unknown; one column per frequent category. (n_items, p)."""
    columns = []
    for values in traits.numbers(kind).values():
        known = np.isfinite(values)
        rank = np.zeros(len(values))
        order = np.unique(values[known], return_inverse=True)[1].astype(np.float64)
        rank[known] = (order - order.mean()) / (order.std() or 1.0)
        columns += [rank, rank**2] + ([] if known.all() else [(~known).astype(np.float64)])
    categories = traits.categories(kind)
    if categories is not None:
        names = [name for name, _ in _frequent(categories)[:_MODEL_CATEGORIES]]
        columns += [np.array([value == name for value in categories], dtype=np.float64) for name in names]
    return np.column_stack(columns) if columns else np.zeros((len(traits.sold), 1))


def _frequent(categories: npt.NDArray[np.object_]) -> list[tuple[str, int]]:
    """The categories with at least ``absence_group_items`` items, largest first."""
    known = categories[np.array([value is not None for value in categories], dtype=bool)].astype(str)
    names, counts = np.unique(known, return_counts=True)
    enough = [(str(name), int(n)) for name, n in zip(names, counts, strict=True) if n >= threshold("absence_group_items")]
    return sorted(enough, key=lambda entry: (-entry[1], entry[0]))


# ---------------------------------------------------------------- the drivers


def _drivers(traits: Traits, kind: Kind, missing: BoolArray) -> tuple[AbsenceDriver, ...]:
    groups = _groups(traits, kind)
    chances = np.array([_fisher(group, missing) for group in groups])
    suspects = [groups[at] for at in np.flatnonzero(_holm(chances) < threshold("absence_error"))]
    found: list[AbsenceDriver] = []
    layers = np.zeros(len(missing), dtype=np.int64)
    while suspects:
        left = [
            group
            for group in suspects
            if _driver(group, missing).missing - _driver(group, missing).missing_elsewhere >= threshold("absence_difference")
            and (not found or _stratified(group, missing, layers) < _CONDITIONAL_ERROR)
        ]
        if not left:
            break
        best = max(left, key=lambda group: _explained(group, missing))
        found.append(_driver(best, missing))
        layers = layers * 2 + best.members
        layers = np.unique(layers, return_inverse=True)[1]
        suspects = [group for group in left if group is not best]
    return tuple(found)


def _groups(traits: Traits, kind: Kind) -> list[_Group]:
    groups = []
    for (low, high), values in traits.numbers(kind).items():
        known = np.isfinite(values)
        lower, upper = np.quantile(values[known], [1 / 3, 2 / 3])
        for code, members in ((low, known & (values <= lower)), (high, known & (values >= upper))):
            if members.sum() <= known.sum() / 2:  # many equal values may make more than half of the shop "the lower third"
                groups.append(_Group(code, None, members, known))
    categories = traits.categories(kind)
    if categories is not None:
        known = np.array([value is not None for value in categories], dtype=bool)
        for name, _ in _frequent(categories):
            groups.append(_Group("category", name, np.array([value == name for value in categories], dtype=bool), known))
    least = threshold("absence_group_items")
    return [group for group in groups if least <= group.members.sum() <= group.known.sum() - least]


def _counts(group: _Group, missing: BoolArray) -> tuple[int, int, int, int]:
    """(missing in the group, items of the group, missing elsewhere, items elsewhere)."""
    others = group.known & ~group.members
    return int(missing[group.members].sum()), int(group.members.sum()), int(missing[others].sum()), int(others.sum())


def _driver(group: _Group, missing: BoolArray) -> AbsenceDriver:
    inside, n_inside, outside, n_outside = _counts(group, missing)
    return AbsenceDriver(
        code=group.code,
        group=group.name,
        missing=inside / n_inside,
        missing_elsewhere=outside / n_outside,
        difference=proportion_difference(inside, n_inside, outside, n_outside),
        n_items=n_inside,
    )


def _explained(group: _Group, missing: BoolArray) -> float:
    """Items that lack the value beyond what the others' share would say, in standard errors: the order of naming."""
    inside, n_inside, outside, n_outside = _counts(group, missing)
    share = (inside + outside) / (n_inside + n_outside)
    error = np.sqrt(max(share * (1 - share), 1e-12) * (1 / n_inside + 1 / n_outside))
    return float((inside / n_inside - outside / n_outside) / error)


def _fisher(group: _Group, missing: BoolArray) -> float:
    """Chance of at least so many missing in the group if they had fallen on any items (hypergeometric upper tail)."""
    inside, n_inside, outside, n_outside = _counts(group, missing)
    drawn = inside + outside
    at = np.arange(inside, min(n_inside, drawn) + 1)
    at = at[drawn - at <= n_outside]
    ways = _log_choose(n_inside, at) + _log_choose(n_outside, drawn - at) - _log_choose(n_inside + n_outside, np.array([drawn]))
    return float(min(np.exp(ways).sum(), 1.0))


def _log_choose(n: int, k: npt.NDArray) -> Numbers:
    return np.asarray(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))


def _stratified(group: _Group, missing: BoolArray, layers: npt.NDArray[np.int64]) -> float:
    """The same chance within layers of items alike in the drivers before; normal limit, with continuity correction."""
    known = group.known
    layer, member, lost = layers[known], group.members[known], missing[known]
    n = np.bincount(layer).astype(np.float64)
    inside, gaps, both = (np.bincount(layer, weights=flags, minlength=len(n)) for flags in (member, lost, member & lost))
    mixed = n > 1
    expected = inside[mixed] * gaps[mixed] / n[mixed]
    spread = expected * (n - inside)[mixed] * (n - gaps)[mixed] / (n[mixed] * (n[mixed] - 1))
    if spread.sum() <= 0:
        return 1.0
    return float(ndtr(-(both[mixed].sum() - expected.sum() - 0.5) / np.sqrt(spread.sum())))


def _holm(chances: Numbers) -> Numbers:
    """Holm's step-down correction: each chance as if it were the only one looked at."""
    order = np.argsort(chances)
    adjusted = np.maximum.accumulate(chances[order] * np.arange(len(chances), 0, -1)) if len(chances) else chances
    result = np.empty(len(chances))
    result[order] = np.minimum(adjusted, 1.0)
    return result
