"""Is a missing value chance, or do certain products lack it: the slow sellers, a category, the newest (A2)?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from diagnostics.config import threshold
from diagnostics.schema import Absence, AbsenceCode, AbsenceDriver, BoolArray, Dataset, Estimate, Kind
from diagnostics.seeds import generator
from diagnostics.stats.prediction import held_out_auc
from diagnostics.stats.ratios import proportion_difference

__all__ = ["Traits", "absence", "driver_sentences", "group_of"]

_MODEL_ITEMS = 20_000  # the model's ranking is then known to half a point; drivers are counted on all items
_MODEL_CATEGORIES = 50

Numbers = npt.NDArray[np.float64]
_SPAN = "–"


@dataclass(frozen=True)
class _Group:
    """Some items, to be compared with the others of which the same is known."""

    code: AbsenceCode
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
        catalog = dataset.catalog
        return cls(dataset.times_sold.astype(np.float64), catalog.price_to_show, _launch(dataset), catalog.category)

    def numbers(self, kind: Kind) -> dict[tuple[AbsenceCode, AbsenceCode], Numbers]:
        """(name of the lower third, of the upper third) -> the trait; of attributes, price is itself a part.

        Where more than a third of the items was never sold, these are no third: sales are then NaN for them.
        """
        many_unsold = np.mean(self.sold == 0) > 1 / 3
        sold = np.where(self.sold == 0, np.nan, self.sold) if many_unsold else self.sold
        found: dict[tuple[AbsenceCode, AbsenceCode], Numbers] = {("less_popular", "more_popular"): sold}
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
    None where fewer than ``absence_min_items`` items lack it or have it. ``auc`` is that of a logistic regression on
    held-out fifths of the items: 0.5 is chance. A driver is a group of items: a third of the shop, a category, those without a
    sale, a price or a category, the products of one month of launch, in which something may have stopped. Drivers are sought
    one after the other, strongest first, each among the items of no driver before it: then a dear category is not named again
    as "dearer", and ten categories without photos do not hide each other. A driver lacks the value in at least
    ``absence_difference`` more cases than the others, by Fisher's exact test with Holm's correction over all groups tried
    (``absence_error``). Told are the shares in the whole group and in the items of no driver.

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
    if driver.code == "month" and traits.launch is not None and driver.group is not None:
        first, _, last = driver.group.partition(_SPAN)
        months = _months(traits.launch)
        return np.asarray((months >= np.datetime64(first, "M")) & (months <= np.datetime64(last or first, "M")))
    return next(group.members for group in _groups(traits, kind) if (group.code, group.name) == (driver.code, driver.group))


def driver_sentences(found: Absence | None) -> list[dict[str, object]]:
    """The drivers as messages, as findings hold them; none where absence was not measured."""
    return [
        {
            "code": f"absence.{driver.code}",
            "values": {
                "group": driver.group or "",
                "missing": driver.missing,
                "elsewhere": driver.missing_elsewhere,
                "n": driver.n_items,
            },
        }
        for driver in (found.drivers if found else ())
    ]


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
    return held_out_auc(_predictors(traits, kind)[chosen], missing[chosen], rng)


def _predictors(traits: Traits, kind: Kind) -> Numbers:
    """Each number's rank, its square and whether it is unknown; one column per frequent category. (n_items, p)."""
    columns = [(traits.sold == 0).astype(np.float64)]
    for values in traits.numbers(kind).values():
        known = np.isfinite(values)
        rank = np.zeros(len(values))
        order = np.unique(values[known], return_inverse=True)[1].astype(np.float64)
        rank[known] = (order - order.mean()) / (order.std() or 1.0)
        columns += [rank, rank**2] + ([] if known.all() else [(~known).astype(np.float64)])
    categories = traits.categories(kind)
    if categories is not None:
        names = [name for name, _ in _frequent(categories)[:_MODEL_CATEGORIES]]
        columns += [np.array([value == name for value in categories], dtype=np.float64) for name in (*names, None)]
    return np.column_stack(columns)


def _frequent(categories: npt.NDArray[np.object_]) -> list[tuple[str, int]]:
    """The categories with at least ``absence_group_items`` items, largest first."""
    known = categories[np.array([value is not None for value in categories], dtype=bool)].astype(str)
    names, counts = np.unique(known, return_counts=True)
    enough = [(str(name), int(n)) for name, n in zip(names, counts, strict=True) if n >= threshold("absence_group_items")]
    return sorted(enough, key=lambda entry: (-entry[1], entry[0]))


# ---------------------------------------------------------------- the drivers


def _drivers(traits: Traits, kind: Kind, missing: BoolArray) -> tuple[AbsenceDriver, ...]:
    groups = _groups(traits, kind)
    found: list[_Group] = []
    rest = np.ones(len(missing), dtype=bool)  # items of no driver yet
    while groups:
        chances = np.array([_fisher(group, missing, rest) for group in groups])
        left = [
            group
            for group, chance in zip(groups, _holm(chances), strict=True)
            if chance < threshold("absence_error") and _difference(group, missing, rest) >= threshold("absence_difference")
        ]
        if not left:
            break
        best = max(left, key=lambda group: _explained(group, missing, rest))
        found.append(best)
        groups = [group for group in groups if group is not best]
        rest = rest & ~best.members
    return tuple(_driver(group, missing, rest) for group in _spans(found))


def _spans(found: list[_Group]) -> list[_Group]:
    """The groups in their order, neighbouring months told as one where the first of them stands."""
    months = sorted(group.name for group in found if group.code == "month" and group.name is not None)
    told: list[_Group] = []
    for group in found:
        if group.code != "month" or group.name is None:
            told.append(group)
            continue
        first = last = months.index(group.name)
        while first > 0 and _follows(months[first - 1], months[first]):
            first -= 1
        while last + 1 < len(months) and _follows(months[last], months[last + 1]):
            last += 1
        name = months[first] if first == last else f"{months[first]}{_SPAN}{months[last]}"
        if any((other.code, other.name) == ("month", name) for other in told):
            continue
        parts = [other.members for other in found if other.code == "month" and other.name in months[first : last + 1]]
        told.append(_Group("month", name, np.logical_or.reduce(parts), group.known))
    return told


def _follows(month: str, other: str) -> bool:
    return bool(np.datetime64(month, "M") + 1 == np.datetime64(other, "M"))


def _months(launch: Numbers) -> npt.NDArray[np.datetime64]:
    """The month of each launch, NaT where it is not known."""
    known = np.isfinite(launch)
    days = np.where(known, launch, 0).astype(np.int64).astype("datetime64[D]")
    return np.where(known, days.astype("datetime64[M]"), np.datetime64("NaT", "M"))


def _groups(traits: Traits, kind: Kind) -> list[_Group]:
    everyone = np.ones(len(traits.sold), dtype=bool)
    groups = [_Group("never_sold", None, traits.sold == 0, everyone)]
    for (low, high), values in traits.numbers(kind).items():
        known = np.isfinite(values)
        lower, upper = np.quantile(values[known], [1 / 3, 2 / 3])
        for code, members in ((low, known & (values <= lower)), (high, known & (values >= upper))):
            if members.sum() <= known.sum() / 2:  # many equal values may make more than half of the shop "the lower third"
                groups.append(_Group(code, None, members, known))
        if low == "cheaper":
            groups.append(_Group("no_price", None, ~known, everyone))
    if traits.launch is not None:
        months, known = _months(traits.launch), np.isfinite(traits.launch)
        groups += [_Group("month", str(month), months == month, known) for month in np.unique(months[known])]
    categories = traits.categories(kind)
    if categories is not None:
        known = np.array([value is not None for value in categories], dtype=bool)
        groups.append(_Group("no_category", None, ~known, everyone))
        for name, _ in _frequent(categories):
            groups.append(_Group("category", name, np.array([value == name for value in categories], dtype=bool), known))
    least = threshold("absence_group_items")
    return [group for group in groups if least <= group.members.sum() <= group.known.sum() - least]


def _counts(group: _Group, missing: BoolArray, rest: BoolArray) -> tuple[int, int, int, int]:
    """(missing in the group, items of the group, missing elsewhere, items elsewhere), among the items of ``rest``."""
    inside, outside = group.members & rest, group.known & ~group.members & rest
    return int(missing[inside].sum()), int(inside.sum()), int(missing[outside].sum()), int(outside.sum())


def _driver(group: _Group, missing: BoolArray, rest: BoolArray) -> AbsenceDriver:
    """The group beside the items of no driver, of which the same is known; beside all others where these are too few."""
    few = (group.known & rest).sum() < threshold("absence_group_items")
    inside, n_inside, outside, n_outside = _counts(group, missing, rest | group.members | few)
    return AbsenceDriver(
        code=group.code,
        group=group.name,
        missing=inside / n_inside,
        missing_elsewhere=outside / n_outside,
        difference=proportion_difference(inside, n_inside, outside, n_outside),
        n_items=n_inside,
    )


def _difference(group: _Group, missing: BoolArray, rest: BoolArray) -> float:
    """How much larger the share of the missing is in the group, within ``rest``; 0 where either side has too few items."""
    inside, n_inside, outside, n_outside = _counts(group, missing, rest)
    if min(n_inside, n_outside) < threshold("absence_group_items"):
        return 0.0
    return inside / n_inside - outside / n_outside


def _explained(group: _Group, missing: BoolArray, rest: BoolArray) -> float:
    """The same in standard errors: the order of naming."""
    inside, n_inside, outside, n_outside = _counts(group, missing, rest)
    share = (inside + outside) / (n_inside + n_outside)
    error = np.sqrt(max(share * (1 - share), 1e-12) * (1 / n_inside + 1 / n_outside))
    return float((inside / n_inside - outside / n_outside) / error)


def _fisher(group: _Group, missing: BoolArray, rest: BoolArray) -> float:
    """Chance of at least so many missing in the group if they had fallen on any items of ``rest`` (hypergeometric upper tail)."""
    inside, n_inside, outside, n_outside = _counts(group, missing, rest)
    drawn = inside + outside
    at = np.arange(inside, min(n_inside, drawn) + 1)
    at = at[drawn - at <= n_outside]
    ways = _log_choose(n_inside, at) + _log_choose(n_outside, drawn - at) - _log_choose(n_inside + n_outside, np.array([drawn]))
    return float(min(np.exp(ways).sum(), 1.0))


def _log_choose(n: int, k: npt.NDArray) -> Numbers:
    return np.asarray(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))


def _holm(chances: Numbers) -> Numbers:
    """Holm's step-down correction: each chance as if it were the only one looked at."""
    order = np.argsort(chances)
    adjusted = np.maximum.accumulate(chances[order] * np.arange(len(chances), 0, -1)) if len(chances) else chances
    result = np.empty(len(chances))
    result[order] = np.minimum(adjusted, 1.0)
    return result
