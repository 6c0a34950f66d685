"""From measured values to what is worth telling."""

from __future__ import annotations

import numpy as np

from diagnostics.config import threshold
from diagnostics.dataset.events import rows_are
from diagnostics.profile.absence import driver_sentences, group_of
from diagnostics.profile.checks import WHOLE_SHOP, Check, Worklist, example_ids
from diagnostics.profile.homophily import hubs
from diagnostics.profile.signals import Signals
from diagnostics.profile.standalone import K, Ranking
from diagnostics.schema import Absence, BoolArray, Dataset, Estimate, Evidence, Finding, ModalityProfile, NotChecked

__all__ = ["modality_findings", "not_checked", "shop_findings", "signal_findings"]


def modality_findings(dataset: Dataset, modality: ModalityProfile, real: BoolArray, check: Check) -> list[Finding]:
    """What stands out in one modality; ``item_ids`` name the best-selling items concerned, or the examples of the check."""
    found = list(check.findings)
    sold = dataset.times_sold
    coverage = modality.coverage
    if coverage.items < threshold("incomplete_coverage"):
        found.append(
            Finding(
                code="modality_incomplete",
                severity="warning",
                modality=modality.name,
                evidence=(_evidence("coverage_items", coverage.items, "incomplete_coverage"),),
                values={
                    "share": coverage.items,
                    "interactions": coverage.interactions,
                    "missing": int((~real).sum()),
                    "rows": rows_are(dataset.log),
                },
                item_ids=_best_sellers(dataset, ~real, sold),
            )
        )
    elif coverage.items < 1:
        missing = {
            "missing": int((~real).sum()),
            "total": len(real),
            "interactions": 1 - coverage.interactions,
            "rows": rows_are(dataset.log),
        }
        items = _best_sellers(dataset, ~real, sold)
        found.append(Finding(code="modality_gaps", severity="info", modality=modality.name, values=missing, item_ids=items))
    if coverage.disguised >= threshold("disguised_share"):
        found.append(
            Finding(
                code="disguised_missing",
                severity="problem",
                modality=modality.name,
                evidence=(_evidence("disguised_share", coverage.disguised, "disguised_share"),),
                values={"share": coverage.disguised, "count": int(check.disguised.sum())},
                item_ids=_best_sellers(dataset, check.disguised, sold),
            )
        )
    ratio = modality.health.norm_ratio if modality.health else None
    extreme = threshold("norm_ratio_extreme")
    if ratio is not None and (ratio > extreme or ratio < 1 / extreme):
        found.append(
            Finding(
                code="scale_extreme",
                severity="warning",
                modality=modality.name,
                evidence=(_evidence("norm_ratio", ratio, "norm_ratio_extreme", unit="ratio"),),
                values={"ratio": ratio},
            )
        )
    alone = modality.standalone
    if alone.lift is not None and alone.lift.low is not None and alone.lift.low <= 0:
        found.append(_uninformative(modality.name, alone.recall_at_20, alone.permuted_floor, alone.lift))
    return found


def signal_findings(dataset: Dataset, modality: ModalityProfile, real: BoolArray, signals: Signals, check: Check) -> list[Finding]:
    """What gaps, neighbours and variants tell of one modality; all the items concerned go to the check's worklists."""
    sold = dataset.times_sold
    signal = signals.of[modality.name]
    found = []

    def to_do(code: str, items: np.ndarray) -> None:
        check.worklists.append(Worklist(modality.name, code, items, np.ones(len(items)), check.value))

    if modality.absence is not None and modality.absence.drivers:
        concerned = [group_of(driver, signals.traits, modality.kind) & ~real for driver in modality.absence.drivers]
        found.append(_not_at_random(dataset, modality, modality.absence, real, concerned[0], sold))
        to_do("missing_not_at_random", _by_sales(np.logical_or.reduce(concerned), sold))
    if modality.health is not None and (modality.health.hub_share or 0.0) >= threshold("hub_share"):
        to_do("hubs", hubs(signal.view))
        found.append(
            Finding(
                code="hubs",
                severity="warning",
                modality=modality.name,
                evidence=(_evidence("hub_share", modality.health.hub_share or 0.0, "hub_share"),),
                values={"share": modality.health.hub_share},
                item_ids=example_ids(dataset.catalog, hubs(signal.view)),
            )
        )
    sharing = signals.products.sharing.get(modality.name)
    if sharing is not None and sharing.mean() >= threshold("variants_share") and signals.products.bought_together:
        trap = _variants_trap(dataset, modality, sharing, signals, sold)
        if trap:
            to_do("variants_trap", _by_sales(sharing, sold))
        found += trap
    return found


def shop_findings(dataset: Dataset, signals: Signals) -> tuple[list[Finding], list[Worklist]]:
    """What is true of the shop or of two modalities rather than of one, and the lists to work through."""
    found: list[Finding] = []
    worklists: list[Worklist] = []
    for pair in signals.redundancy:
        directions = ((pair.modalities, pair.second_from_first), (pair.modalities[::-1], pair.first_from_second))
        (source, foretold), r2 = max(directions, key=lambda direction: direction[1].value or 0.0)
        if r2.value is not None and r2.low is not None and r2.low >= threshold("redundant_r2"):
            found.append(
                Finding(
                    code="redundant_pair",
                    severity="info",
                    modality=foretold,
                    evidence=(
                        _measured("ridge_r2", r2, threshold("redundant_r2")),
                        _measured("neighbour_overlap", pair.neighbour_overlap, pair.neighbour_chance.value),
                    ),
                    values={"modality": foretold, "other": source, "share": r2.value, "n": pair.n_items},
                )
            )
    price = dataset.catalog.price_to_show
    if price is not None:
        known = np.isfinite(price)
        sold = dataset.times_sold > 0
        unsold = int((~sold).sum())
        if known.any() and not known[~sold].any() and unsold >= threshold("price_unsold_items"):
            found.append(
                Finding(
                    code="price_only_where_sold",
                    severity="warning",
                    modality=None,
                    values={"count": unsold, "share": unsold / len(sold), "known": int(known.sum())},
                    item_ids=example_ids(dataset.catalog, np.flatnonzero(~sold)),
                )
            )
            without = np.flatnonzero(~sold)
            worklists.append(Worklist(WHOLE_SHOP, "price_only_where_sold", without, np.ones(len(without)), lambda item: ""))
    return found, worklists


def not_checked(ranking: Ranking, signals: Signals) -> tuple[NotChecked, ...]:
    """The measures of METHOD section 5 A that this data does not allow, and those that looked at a sample."""
    users = len(ranking.targets.users)
    if users == 0:
        return (NotChecked(code="standalone", reason="no_test_users"), *signals.not_checked)
    found: list[NotChecked] = []
    if len(ranking.sample) < users:
        sampled = {"n": len(ranking.sample), "total": users}
        found.append(NotChecked(code="standalone_all_users", reason="sampled", values=sampled))
    if few := [name for name, signal in signals.of.items() if signal.standalone.recall_at_20.value is None]:
        found.append(NotChecked(code="standalone", reason="too_few_items_of", values={"least": K + 1, "modalities": few}))
    return (*found, *signals.not_checked)


def _not_at_random(
    dataset: Dataset, modality: ModalityProfile, absence: Absence, real: BoolArray, concerned: BoolArray, sold: np.ndarray
) -> Finding:
    """Its drivers as sentences, strongest first; ``concerned`` are the items without the value in the strongest driver's group."""
    return Finding(
        code="missing_not_at_random",
        severity="warning",
        modality=modality.name,
        effect=absence.drivers[0].difference,
        evidence=(_measured("absence_auc", absence.auc, 0.5),),
        values={"drivers": driver_sentences(absence), "count": int((~real).sum())},
        item_ids=_best_sellers(dataset, concerned, sold),
    )


def _variants_trap(
    dataset: Dataset, modality: ModalityProfile, sharing: BoolArray, signals: Signals, sold: np.ndarray
) -> list[Finding]:
    plain, collapsed = modality.standalone, modality.standalone_collapsed
    if plain.lift is None or collapsed is None or collapsed.lift is None:
        return []
    falls = (collapsed.lift.value or 0.0) < (plain.lift.value or 0.0)  # above chance: fewer candidates make hits easier
    return [
        Finding(
            code="variants_trap",
            severity="warning" if falls else "info",
            modality=modality.name,
            evidence=(
                _measured("standalone_lift", plain.lift, 0.0),
                _measured("standalone_lift_collapsed", collapsed.lift, 0.0),
            ),
            values={
                "count": int(sharing.sum()),
                "share": float(sharing.mean()),
                "products": len(np.unique(signals.products.of_item[sharing])),
                "together": signals.products.together,
                "times": signals.products.lift,
                "strength": plain.recall_at_20.value,
                "floor": plain.permuted_floor.value,
                "collapsed": collapsed.recall_at_20.value,
                "collapsed_floor": collapsed.permuted_floor.value,
            },
            item_ids=_best_sellers(dataset, sharing, sold),
        )
    ]


def _measured(measure: str, estimate: Estimate, limit: float | None) -> Evidence:
    return Evidence(
        measure=measure, value=estimate.value, low=estimate.low, high=estimate.high, threshold=limit, unit=estimate.unit
    )


def _uninformative(name: str, recall: Estimate, floor: Estimate, lift: Estimate) -> Finding:
    return Finding(
        code="uninformative_alone",
        severity="warning",
        modality=name,
        effect=lift,
        evidence=(
            Evidence(measure="standalone_lift", value=lift.value, low=lift.low, high=lift.high, threshold=0.0, unit="difference"),
        ),
        values={"recall": recall.value, "floor": floor.value},
    )


def _evidence(measure: str, value: float, limit: str, *, unit: str = "share") -> Evidence:
    return Evidence(measure=measure, value=value, threshold=threshold(limit), unit=unit)


def _best_sellers(dataset: Dataset, items: BoolArray, sold: np.ndarray) -> tuple[str, ...]:
    return example_ids(dataset.catalog, _by_sales(items, sold))


def _by_sales(items: BoolArray, sold: np.ndarray) -> np.ndarray:
    chosen = np.flatnonzero(items)
    return chosen[np.argsort(-sold[chosen], kind="stable")]
