"""What a look at one modality's values gives: issues with scores and lists, findings, and which values only pretend.

How bad a fault is on one item, its *badness*, is in [0, 1] throughout: 1 where nothing of the value is left, 0.5 where it just
reaches the limit (``above``, ``below``). An issue's score is 1 minus the mean badness over all items of the shop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diagnostics.config import threshold
from diagnostics.schema import BoolArray, Catalog, Finding, QualityIssue

__all__ = ["EXAMPLES", "WHOLE_SHOP", "Check", "Worklist", "above", "below", "example_ids", "per_count"]

EXAMPLES = 20
WHOLE_SHOP = "all"
"""Stands for the modality in what is about no single one; no modality may be called so."""
Severity = Literal["info", "warning", "problem"]
Groups = list[NDArray[np.int64]]

_BREAKS_THE_VALUE = frozenset(
    {
        "broken_characters",
        "constant_vector",
        "copied_vectors",
        "flat_picture",
        "mean_vector",
        "mixed_currency",
        "off_scale_vector",
        "picture_too_large",
        "picture_unreadable",
        "price_not_positive",
        "vector_not_finite",
        "zero_vector",
    }
)
"""Faults after which nothing of the value can be used: even few of them are worth a look."""


def example_ids(catalog: Catalog, items: Iterable[int]) -> tuple[str, ...]:
    """The ids of the first ``EXAMPLES`` items, in the order given."""
    return tuple(str(catalog.item_ids[item]) for item in list(items)[:EXAMPLES])


def above(value: ArrayLike, limit: float) -> NDArray[np.float64]:
    """Badness of a value that should stay below a positive limit: 0.5 at the limit, towards 1 far above it."""
    size = np.maximum(np.nan_to_num(np.asarray(value, dtype=np.float64)), 0)
    return np.asarray(size / (size + limit))


def below(value: ArrayLike, limit: float) -> NDArray[np.float64]:
    """Badness of a value that should stay above a positive limit: 0.5 at the limit, 1 at zero."""
    size = np.clip(np.nan_to_num(np.asarray(value, dtype=np.float64)), 0, 2 * limit)
    return np.asarray(1 - size / (2 * limit))


def per_count(number: ArrayLike) -> NDArray[np.float64]:
    """Badness of something that happens ``number`` times in one value: 0.5 for once, towards 1 for often."""
    return above(number, 1.0)


@dataclass(frozen=True)
class Worklist:
    """Every item with one fault, worst first: what a person works through. ``badness`` float64, one per item."""

    modality: str
    code: str
    items: NDArray[np.int64]
    badness: NDArray[np.float64]
    value: Callable[[int], str]


@dataclass
class Check:
    """Collects what is found in one modality.

    Attributes
    ----------
    disguised : bool (n_items,), items whose value is a placeholder, boilerplate or a copy: they only seem to have one
    named_only : bool (n_items,), items of which nothing but a bare name is written, where a description belongs: gaps in the open
    described : bool (n_items,), items with a description of their own; None where hardly any is described
    blank : bool (n_items,), of those without, the items where nothing is written
    worklists : one per issue or finding, with every item
    languages, lengths : of texts, as in ``ModalityProfile``
    value : a few words that show an item's value in a worklist
    """

    catalog: Catalog
    modality: str
    value: Callable[[int], str] = field(default=lambda item: "")
    issues: list[QualityIssue] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    worklists: list[Worklist] = field(default_factory=list)
    languages: dict[str, float] = field(default_factory=dict)
    lengths: dict[str, int] = field(default_factory=dict)
    described: BoolArray | None = None
    blank: BoolArray | None = None
    disguised: BoolArray = field(init=False)
    named_only: BoolArray = field(init=False)

    def __post_init__(self) -> None:
        self.disguised = np.zeros(self.catalog.n_items, dtype=bool)
        self.named_only = np.zeros(self.catalog.n_items, dtype=bool)

    @property
    def unreal(self) -> BoolArray:
        """Items that have no real value whatever they have."""
        return self.disguised | self.named_only

    def add_issue(self, code: str, faulty: BoolArray, badness: NDArray | None = None) -> None:
        """Note the faulty items, worst (highest ``badness``, then catalog order) first; nothing where none is faulty.

        Parameters
        ----------
        badness : float (n_items,) in [0, 1]; 1 for every faulty item where it is not given
        """
        items = np.flatnonzero(faulty)
        if len(items) == 0:
            return
        bad = np.ones(len(items)) if badness is None else np.asarray(badness[items], dtype=np.float64)
        worst = np.argsort(-bad, kind="stable")
        self.worklists.append(Worklist(self.modality, code, items[worst], bad[worst], self.value))
        share = len(items) / self.catalog.n_items
        self.issues.append(
            QualityIssue(
                code=code,
                count=len(items),
                share=share,
                item_ids=example_ids(self.catalog, items[worst]),
                score=float(np.clip(1 - bad.sum() / self.catalog.n_items, 0, 1)),
                flagged=share >= threshold("issue_grave" if code in _BREAKS_THE_VALUE else "issue_common"),
            )
        )

    def add_stand_ins(self, code: str, groups: Groups) -> BoolArray:
        """Note groups of strangers that share a value, or a part of it; returned are their items.

        Badness is the share of a group's values that repeat another's: 0.8 for five items, 0.99 for a hundred.
        """
        sizes = np.ones(self.catalog.n_items)
        for group in groups:
            sizes[group] = len(group)
        self.add_issue(code, sizes > 1, 1 - 1 / sizes)
        if groups:
            self._tell(code, "warning", groups)
        return np.asarray(sizes > 1)

    def add_groups(self, codes: tuple[str, str], stand_ins: Groups, variants: Groups) -> BoolArray:
        """Note items that share one value: strangers (the first code; returned are their items) and kin (the second; innocent)."""
        accused = self.add_stand_ins(codes[0], stand_ins)
        if variants:
            items = np.concatenate(variants)
            together = np.concatenate([np.full(len(group), 1 - 1 / len(group)) for group in variants])
            self.worklists.append(Worklist(self.modality, codes[1], items, together, self.value))
            self._tell(codes[1], "info", variants)
        return accused

    def _tell(self, code: str, severity: Severity, groups: Groups) -> None:
        items = np.concatenate(groups)
        values = {
            "count": len(items),
            "share": len(items) / self.catalog.n_items,
            "groups": len(groups),
            "largest": max(len(group) for group in groups),
        }
        examples = example_ids(self.catalog, items)
        self.findings.append(Finding(code=code, severity=severity, modality=self.modality, values=values, item_ids=examples))
