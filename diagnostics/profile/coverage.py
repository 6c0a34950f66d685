"""How much of the shop each modality covers: by item, by purchase, by revenue, and in which combinations (A1)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from diagnostics.schema import BoolArray, Coverage, Dataset, PresencePattern

__all__ = ["compute_coverage", "presence_patterns"]


def compute_coverage(dataset: Dataset, present: BoolArray, disguised: BoolArray) -> Coverage:
    """Shares of items, of log rows and of revenue whose item has a *real* value: present and not disguised.

    ``disguised`` is the share of all items that only seem to have one. Revenue is the sum of known row values; None where the log
    has no value or they do not sum to more than 0.
    """
    real = present & ~disguised
    bought = dataset.log.item_index
    money = dataset.log.value
    revenue = None
    if money is not None:
        positive = np.where(np.isfinite(money) & (money > 0), money, 0.0)
        total = float(positive.sum())
        revenue = min(float(positive[real[bought]].sum()) / total, 1.0) if total > 0 else None
    return Coverage(
        items=_share(real),
        interactions=_share(real[bought]),
        revenue=revenue,
        disguised=_share(present & disguised),
    )


def presence_patterns(dataset: Dataset, real: Mapping[str, BoolArray]) -> tuple[PresencePattern, ...]:
    """Every combination of modalities that occurs, with its items and its share of the log; most items first."""
    names = list(real)
    table = np.column_stack([real[name] for name in names])
    patterns, pattern_of, items = np.unique(table, axis=0, return_inverse=True, return_counts=True)
    pattern_of = pattern_of.ravel()
    rows = np.bincount(pattern_of[dataset.log.item_index], minlength=len(patterns))
    order = np.argsort(-items, kind="stable")
    return tuple(
        PresencePattern(
            modalities=tuple(name for name, has in zip(names, patterns[row], strict=True) if has),
            items=int(items[row]),
            interactions=float(rows[row] / max(dataset.log.n_rows, 1)),
        )
        for row in order
    )


def _share(flags: BoolArray) -> float:
    return float(flags.mean()) if len(flags) else 0.0
