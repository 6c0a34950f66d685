"""From measured values to what is worth telling."""

from __future__ import annotations

import numpy as np

from diagnostics.config import threshold
from diagnostics.profile.checks import Check, example_ids
from diagnostics.profile.standalone import Ranking
from diagnostics.schema import BoolArray, Dataset, Estimate, Evidence, Finding, ModalityProfile, NotChecked

__all__ = ["modality_findings", "not_checked"]

_LATER = ("missing_not_at_random", "hubness", "homophily", "redundancy", "shared_information", "new_item_ceiling")


def modality_findings(dataset: Dataset, modality: ModalityProfile, real: BoolArray, check: Check) -> list[Finding]:
    """What stands out in one modality; ``item_ids`` name the best-selling items concerned, or the examples of the check."""
    found = list(check.findings)
    sold = np.bincount(dataset.log.item_index, minlength=dataset.catalog.n_items)
    coverage = modality.coverage
    if coverage.items < threshold("incomplete_coverage"):
        found.append(
            Finding(
                code="modality_incomplete",
                severity="warning",
                modality=modality.name,
                evidence=(_evidence("coverage_items", coverage.items, "incomplete_coverage"),),
                values={"share": coverage.items, "interactions": coverage.interactions, "missing": int((~real).sum())},
                item_ids=_best_sellers(dataset, ~real, sold),
            )
        )
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


def not_checked(ranking: Ranking) -> tuple[NotChecked, ...]:
    """The measures of METHOD section 5 A that this version does not take, and those that this data does not allow."""
    later = tuple(NotChecked(code=code, reason="not_in_this_version") for code in _LATER)
    users = len(ranking.targets.users)
    if users == 0:
        return (NotChecked(code="standalone", reason="no_test_users"), *later)
    if len(ranking.sample) < users:
        sampled = NotChecked(code="standalone_all_users", reason="sampled", values={"n": len(ranking.sample), "total": users})
        return (sampled, *later)
    return later


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
    chosen = np.flatnonzero(items)
    return example_ids(dataset.catalog, chosen[np.argsort(-sold[chosen], kind="stable")])
