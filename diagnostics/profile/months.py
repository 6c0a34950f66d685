"""Months in which something stopped: the new products of a month lack a value far more often than those of other months (A1, A2).

A third of the shop, "the newest", is too coarse for this: what stops in May and starts again in July is in the middle of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import hypergeom

from diagnostics.config import threshold
from diagnostics.schema import BoolArray, Dataset, SegmentCoverage

__all__ = ["Span", "launched_in", "lean_months"]


@dataclass(frozen=True)
class Span:
    """Neighbouring months, as ``2024-05``, with the share of their new products that lack the value, and of all others."""

    first: str
    last: str
    missing: float
    elsewhere: float
    n_items: int

    @property
    def sentence(self) -> dict[str, object]:
        """What it says in words, as findings hold it."""
        said = {"first": self.first, "last": self.last, "missing": self.missing, "elsewhere": self.elsewhere, "n": self.n_items}
        return {"code": "absence.month" if self.first == self.last else "absence.months", "values": said}


def lean_months(segments: Sequence[SegmentCoverage]) -> tuple[Span, ...]:
    """The months whose new products lack a value far more often than those of other months; neighbours told as one span.

    A month is named by Fisher's exact test with Bonferroni's correction over the months, and where the difference is worth telling.

    Parameters
    ----------
    segments : of one modality; those by ``launch`` are looked at
    """
    months = [segment for segment in segments if segment.by == "launch"]
    n = np.array([month.n_items for month in months], dtype=np.int64)
    lost = np.array([round(month.n_items * (1 - month.items)) for month in months], dtype=np.int64)
    others = np.maximum(n.sum() - n, 1)
    chance = hypergeom.sf(lost - 1, n.sum(), lost.sum(), n) * len(months)
    named = (chance < threshold("absence_error")) & (n >= threshold("absence_group_items"))
    named &= lost / np.maximum(n, 1) - (lost.sum() - lost) / others >= threshold("absence_difference")
    spans = np.split(np.flatnonzero(named), np.flatnonzero(np.diff(np.flatnonzero(named)) > 1) + 1)
    rest = ~named
    elsewhere = float(lost[rest].sum() / max(n[rest].sum(), 1))
    return tuple(
        Span(
            first=months[span[0]].segment,
            last=months[span[-1]].segment,
            missing=float(lost[span].sum() / n[span].sum()),
            elsewhere=elsewhere,
            n_items=int(n[span].sum()),
        )
        for span in spans
        if len(span)
    )


def launched_in(dataset: Dataset, spans: Sequence[Span]) -> BoolArray:
    """Items that were new in one of the spans, by their date in the catalog or else their first sale; bool (n_items,)."""
    catalog, log = dataset.catalog, dataset.log
    month = np.full(catalog.n_items, np.datetime64("NaT", "M"))
    if log.timestamp is not None:
        month[log.item_index[::-1]] = log.timestamp[::-1].astype("datetime64[M]")  # the earliest row of an item is written last
    if catalog.added is not None:
        month = np.where(np.isnat(catalog.added), month, catalog.added.astype("datetime64[M]"))
    inside: npt.NDArray[np.bool_] = np.zeros(catalog.n_items, dtype=bool)
    for span in spans:
        inside |= (month >= np.datetime64(span.first, "M")) & (month <= np.datetime64(span.last, "M"))
    return inside
