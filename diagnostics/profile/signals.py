"""Everything that needs vectors and purchases together, measured once: A2, A4 (hubness), A5 by product, A6 to A9."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from diagnostics.config import threshold
from diagnostics.profile.absence import Traits, absence
from diagnostics.profile.ceiling import new_item_ceiling
from diagnostics.profile.homophily import homophily, with_hubness
from diagnostics.profile.information import own_share_of_each, shared_information
from diagnostics.profile.redundancy import redundancy
from diagnostics.profile.standalone import Ranking, standalone_strength
from diagnostics.profile.steps import Steps, Tell
from diagnostics.profile.variants import Products, collapse, find_products
from diagnostics.profile.views import Collaborative, View, sample_items
from diagnostics.schema import (
    Absence,
    BoolArray,
    Dataset,
    Estimate,
    FeatureBlock,
    FeatureHealth,
    Homophily,
    ModalityProfile,
    NewItemCeiling,
    NotChecked,
    Redundancy,
    SharedInformation,
    Standalone,
)

__all__ = ["Signal", "Signals", "measure_signals"]


@dataclass(frozen=True)
class Signal:
    """What was measured of one modality; None where the items do not suffice. ``view`` is what it was measured on."""

    view: View
    health: FeatureHealth | None
    standalone: Standalone
    standalone_collapsed: Standalone | None
    absence: Absence | None
    homophily: Homophily | None
    new_item_ceiling: NewItemCeiling | None
    own_share: Estimate | None = None

    def added_to(self, described: ModalityProfile) -> ModalityProfile:
        """The modality's profile with these measures in it."""
        names = ("health", "standalone", "standalone_collapsed", "absence", "homophily", "new_item_ceiling", "own_share")
        return described.model_copy(update={name: getattr(self, name) for name in names})


@dataclass(frozen=True)
class Signals:
    """All modalities' measures, those of pairs, and what could not be measured and why."""

    of: Mapping[str, Signal]
    traits: Traits
    products: Products
    redundancy: tuple[Redundancy, ...]
    shared_information: tuple[SharedInformation, ...]
    not_checked: tuple[NotChecked, ...]


def measure_signals(
    dataset: Dataset,
    features: Sequence[FeatureBlock],
    real: Mapping[str, BoolArray],
    healths: Sequence[FeatureHealth | None],
    ranking: Ranking,
    *,
    seed: int = 0,
    steps: Steps,
) -> Signals:
    """Measure every modality, then every pair.

    Parameters
    ----------
    real : modality -> bool (n_items,), items with a value that is not a stand-in
    healths : one per block, to which hubness is added
    steps : one is finished for the products, one per modality and one per pair; progress is told within each

    Notes
    -----
    Neighbours, components and factors are computed once and shared. Above ``signal_items`` items a sample of that many is looked
    at, and ``not_checked`` says so; stand-alone strength and absence are measured on all.
    """
    sample = sample_items(dataset.catalog.n_items, seed)
    bought = Collaborative(dataset.split, sample, seed)
    products = find_products(dataset, features, real, seed=seed)
    half = 0.4 if products.matter else 0.8
    traits = Traits.of(dataset)
    found: dict[str, Signal] = {}
    for block, health in zip(features, healths, strict=True):
        steps.next()
        view = View.of(block, real[block.name], sample, seed=seed)
        told = replace(block, present=real[block.name])  # a stand-in speaks for no product
        alone = standalone_strength(ranking, told, tell=steps.within(0.0, half))
        collapsed = _collapsed(dataset, told, products, seed, steps.within(half, 2 * half)) if products.matter else None
        steps.tell(0.8)
        health = with_hubness(health, view)
        steps.tell(0.9)
        found[block.name] = Signal(
            view=view,
            health=health,
            standalone=alone,
            standalone_collapsed=collapsed,
            absence=absence(traits, block.kind, real[block.name], seed=seed),
            homophily=homophily(view, bought, products.of_item),
            new_item_ceiling=new_item_ceiling(view, bought, products.of_item),
        )
    pairs, informed = [], []
    for first, second in combinations((signal.view for signal in found.values()), 2):
        steps.next()
        pairs.append(redundancy(first, second, products.of_item))
        steps.tell(0.5)
        informed.append(shared_information(first, second, bought, products.of_item))
    steps.next()
    own = own_share_of_each([signal.view for signal in found.values()], bought, products.of_item)
    found = {name: replace(signal, own_share=own.get(name)) for name, signal in found.items()}
    both = list(combinations(found, 2))
    measured: dict[str, Mapping[tuple[str, ...], object]] = {
        "hubness": {(name,): signal.health and signal.health.hubness for name, signal in found.items()},
        "homophily": {(name,): signal.homophily for name, signal in found.items()},
        "new_item_ceiling": {(name,): signal.new_item_ceiling for name, signal in found.items()},
        "redundancy": dict(zip(both, pairs, strict=True)),
        "shared_information": dict(zip(both, informed, strict=True)),
        "own_share": {(name,): signal.own_share for name, signal in found.items()} if both else {},
    }
    return Signals(
        of=found,
        traits=traits,
        products=products,
        redundancy=tuple(pair for pair in pairs if pair is not None),
        shared_information=tuple(pair for pair in informed if pair is not None),
        not_checked=_not_checked(measured, len(features), len(sample), dataset.catalog.n_items),
    )


def _collapsed(dataset: Dataset, block: FeatureBlock, products: Products, seed: int, tell: Tell) -> Standalone:
    split, vectors = collapse(dataset.split, block, products)
    return standalone_strength(Ranking(split, seed), vectors, tell=tell)


def _not_checked(
    measured: Mapping[str, Mapping[tuple[str, ...], object]], n_modalities: int, n_sample: int, n_items: int
) -> tuple[NotChecked, ...]:
    """``measured``: measure -> the modalities it is about, or the pairs -> what was found; None for too few items."""
    entries, least = [], int(threshold("signal_min_items"))
    for code, results in measured.items():
        known = {name for names, result in results.items() if result is not None for name in names}
        lacking = dict.fromkeys(name for names, result in results.items() if result is None for name in names)
        if lacking and not known:
            entries.append(NotChecked(code=code, reason="too_few_items", values={"least": least}))
        elif lacking:
            whose = [name for name in lacking if name not in known] or list(lacking)
            entries.append(NotChecked(code=code, reason="too_few_items_of", values={"least": least, "modalities": whose}))
        elif not results and n_modalities == 1:
            entries.append(NotChecked(code=code, reason="single_modality"))
    if n_sample < n_items:
        entries.append(NotChecked(code="signal_all_items", reason="sampled_items", values={"n": n_sample, "total": n_items}))
    return tuple(entries)
