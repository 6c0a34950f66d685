"""What a look at one modality's values gives: issues with counts and examples, findings, and which values only pretend."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from diagnostics.schema import BoolArray, Catalog, Finding, QualityIssue

__all__ = ["EXAMPLES", "Check", "example_ids"]

EXAMPLES = 20
Severity = Literal["info", "warning", "problem"]


def example_ids(catalog: Catalog, items: Iterable[int]) -> tuple[str, ...]:
    """The ids of the first ``EXAMPLES`` items, in the order given."""
    return tuple(str(catalog.item_ids[item]) for item in list(items)[:EXAMPLES])


@dataclass
class Check:
    """Collects what is found in one modality.

    Attributes
    ----------
    disguised : bool (n_items,), items whose value is a placeholder, boilerplate or a copy: they only seem to have one
    """

    catalog: Catalog
    modality: str
    issues: list[QualityIssue] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    disguised: BoolArray = field(init=False)

    def __post_init__(self) -> None:
        self.disguised = np.zeros(self.catalog.n_items, dtype=bool)

    def add_issue(self, code: str, faulty: BoolArray, badness: np.ndarray | None = None) -> None:
        """Note the faulty items, worst (highest ``badness``, then catalog order) first; nothing where none is faulty."""
        items = np.flatnonzero(faulty)
        if len(items) == 0:
            return
        if badness is not None:
            items = items[np.argsort(-badness[items], kind="stable")]
        share = len(items) / self.catalog.n_items
        self.issues.append(QualityIssue(code=code, count=len(items), share=share, item_ids=example_ids(self.catalog, items)))

    def add_groups(self, codes: tuple[str, str], stand_ins: list[np.ndarray], variants: list[np.ndarray]) -> None:
        """Note items that share one value: strangers (the first code; disguised) and kin (the second; innocent)."""
        if stand_ins:
            sizes = np.zeros(self.catalog.n_items)
            for group in stand_ins:
                sizes[group] = len(group)
            self.disguised |= sizes > 0
            self.add_issue(codes[0], sizes > 0, sizes)
        found: list[tuple[str, Severity, list[np.ndarray]]] = [(codes[0], "warning", stand_ins), (codes[1], "info", variants)]
        for code, severity, groups in found:
            if not groups:
                continue
            items = np.concatenate(groups)
            self.findings.append(
                Finding(
                    code=code,
                    severity=severity,
                    modality=self.modality,
                    values={
                        "count": len(items),
                        "share": len(items) / self.catalog.n_items,
                        "groups": len(groups),
                        "largest": max(len(group) for group in groups),
                    },
                    item_ids=example_ids(self.catalog, items),
                )
            )
