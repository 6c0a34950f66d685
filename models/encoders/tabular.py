"""Categories and prices as numbers in which every column of the shop weighs the same.

A category column becomes one 0/1 number per frequent value, one for all rare values together, divided so that the column's total
variance is 1; an amount becomes its standardised logarithm, which has variance 1 by itself. So a column with forty colours
cannot drown a column with two genders. [own]
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from models.encoders.protocol import Encoded, Step

__all__ = ["Table", "TabularEncoder"]

MAX_DIMENSIONS, MAX_VALUES, MIN_ITEMS = 1024, 64, 3


@dataclass(frozen=True)
class Table:
    """The columns to encode, one entry per item each.

    Attributes
    ----------
    categories : name -> object array of str or None
    amounts : name -> float64, such as a price; NaN, zero and negative mean unknown
    fitted_on : bool (n_items,), the items from which values and scales are learnt; None means all
    """

    categories: Mapping[str, NDArray[np.object_]] = field(default_factory=dict)
    amounts: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    fitted_on: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        if not self.categories and not self.amounts:
            raise ValueError("a table needs a column")
        if len({len(column) for column in (*self.categories.values(), *self.amounts.values())}) > 1:
            raise ValueError("the columns differ in length")

    def __len__(self) -> int:
        return len(next(iter((*self.categories.values(), *self.amounts.values()))))


class TabularEncoder:
    """Encodes attributes; missing stays missing in each column.

    A missing category is a block of zeros, which no real value has. A missing amount is 0, the average, and a second number, an
    indicator, is 1. An item with no value in any column is absent. A column that is the same everywhere tells nothing and is left
    out. At most ``MAX_VALUES`` values per column and ``MAX_DIMENSIONS`` numbers in all; values on fewer than ``MIN_ITEMS`` items
    are rare.
    """

    name: ClassVar[str] = "one-hot-log"
    version: ClassVar[str] = "1"

    def encode(self, values: Table, *, step: Step | None = None) -> Encoded:
        """float32 (n_items, d), d bounded; columns in the order of the table."""
        n_items = len(values)
        fitted = np.ones(n_items, dtype=bool) if values.fitted_on is None else values.fitted_on
        most = max(1, min(MAX_VALUES, MAX_DIMENSIONS // (len(values.categories) + 2 * len(values.amounts)) - 1))
        present = np.zeros(n_items, dtype=bool)
        blocks: list[NDArray[np.float64]] = []
        for categories in values.categories.values():
            known = np.array([value is not None for value in categories], dtype=bool)
            present |= known
            blocks.append(_one_hot(categories, known, fitted, most))
        for amounts in values.amounts.values():
            known = np.isfinite(amounts) & (amounts > 0)
            present |= known
            blocks.append(_log_standardised(amounts, known, fitted))
        result = np.concatenate([block for block in blocks if block.shape[1]] or [np.zeros((n_items, 1))], axis=1).astype(
            np.float32
        )
        result[~present] = np.nan
        if step:
            step(1.0)
        return Encoded(result, present, {"reason": np.where(present, "", "missing")})


def _one_hot(
    categories: NDArray[np.object_], known: NDArray[np.bool_], fitted: NDArray[np.bool_], most: int
) -> NDArray[np.float64]:
    """(n_items, values + 1 where some are rare), total variance 1 on the fitted items; no column where nothing varies."""
    names, counts = np.unique(categories[known & fitted].astype(str), return_counts=True)
    by_count = np.lexsort((names, -counts))[:most]
    column_of = {str(names[row]): column for column, row in enumerate(by_count[counts[by_count] >= MIN_ITEMS])}
    rare = len(column_of)
    result = np.zeros((len(categories), rare + 1))
    result[known, [column_of.get(str(value), rare) for value in categories[known]]] = 1.0
    result = result[:, result.any(axis=0)]
    spread = result[fitted].var(axis=0).sum()
    return result / np.sqrt(spread) if spread > 0 else result[:, :0]


def _log_standardised(amounts: NDArray[np.float64], known: NDArray[np.bool_], fitted: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(n_items, 1), or 2 with an indicator where some are unknown; no column where nothing varies."""
    logarithm = np.log(np.where(known, amounts, 1.0))
    sample = logarithm[known & fitted]
    if len(sample) == 0 or (spread := sample.std()) < 1e-9:
        return np.zeros((len(amounts), 0))
    standardised = np.where(known, (logarithm - sample.mean()) / spread, 0.0)
    return standardised[:, None] if known.all() else np.column_stack([standardised, ~known])
