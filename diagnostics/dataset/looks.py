"""What one column looks like from its first rows, and whether two columns say the same."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from diagnostics.dataset.events import parse_ratings
from diagnostics.dataset.tables import Table, as_text
from diagnostics.dataset.values import parse_numbers, parse_times

__all__ = ["Column", "say_the_same"]

_SAMPLE_ROWS = 5000
_IMAGE_FILE = r"(?i).+\.(jpe?g|png|webp|gif|bmp|tiff?)(\?.*)?"
_CURRENCY = r"[￥¥$€£₩]|\d\s*円"
_GLANCE_CELLS = 20  # spread over the column; enough to see that it holds no times or files, and cheap in a table of 2,000 columns
_FEWEST_DIGITS = 3  # of a time: R6.1.5
_SAME = 0.95  # of the rows that both columns fill


class Column:
    """One column of a table, by its first rows. Each look is taken once, when it is needed."""

    def __init__(self, table: Table, name: str) -> None:
        self.table, self.name = table, name
        self.text = as_text(table.frame[name].head(_SAMPLE_ROWS))
        self.filled = self.text.dropna()
        self.distinct = int(self.filled.nunique())
        self.distinct_share = self.distinct / max(len(self.filled), 1)
        self.filled_share = len(self.filled) / max(len(self.text), 1)
        self._glance: list[str] = self.filled.iloc[:: max(1, len(self.filled) // _GLANCE_CELLS)].tolist()

    @cached_property
    def whole(self) -> pd.Series:
        """Every cell of the column, as text."""
        return self.text if len(self.text) == len(self.table.frame) else as_text(self.table.frame[self.name])

    @cached_property
    def numbers(self) -> npt.NDArray[np.float64]:
        return parse_numbers(self.text)

    @cached_property
    def times(self) -> npt.NDArray[np.datetime64]:
        return parse_times(self.text).values

    @cached_property
    def number_share(self) -> float:
        return float(np.isfinite(self.numbers).sum() / max(len(self.filled), 1))

    def share_read_as(self, role: str) -> float:
        """Share of the filled cells that hold a number, or for the role ``rating`` also stars and points."""
        if role != "rating" or self.number_share >= _SAME:
            return self.number_share
        return float(np.isfinite(parse_ratings(self.filled)).mean()) if len(self.filled) else 0.0

    @cached_property
    def looks_counted(self) -> bool:
        """Whole numbers, mostly small: pieces rather than money."""
        numbers = self.numbers[np.isfinite(self.numbers)]
        return bool(len(numbers) and np.median(numbers) <= 3 and np.equal(numbers, np.round(numbers)).all())

    @cached_property
    def digit_share(self) -> float:
        return self._share(r"[+-]?\d+(\.\d+)?")

    @cached_property
    def fraction_share(self) -> float:
        return self._share(r"[+-]?\d*\.\d+(e-?\d+)?")

    @cached_property
    def time_share(self) -> float:
        if not any(sum(map(str.isdigit, cell)) >= _FEWEST_DIGITS for cell in self._glance):
            return 0.0
        return float((~np.isnat(self.times)).sum() / max(len(self.filled), 1))

    @cached_property
    def image_share(self) -> float:
        if not any("." in cell for cell in self._glance):
            return 0.0
        return self._share(_IMAGE_FILE)

    @cached_property
    def currency_share(self) -> float:
        return float(self.filled.str.contains(_CURRENCY, regex=True).mean()) if len(self.filled) else 0.0

    @cached_property
    def mean_length(self) -> float:
        return float(self.filled.str.len().mean()) if len(self.filled) else 0.0

    @property
    def samples(self) -> tuple[str, ...]:
        return tuple(str(value)[:120] for value in self.filled.drop_duplicates().head(3))

    def _share(self, pattern: str) -> float:
        return float(self.filled.str.fullmatch(pattern).mean()) if len(self.filled) else 0.0


def say_the_same(one: Column, other: Column, role: str) -> bool:
    """Whether it makes no difference which of two columns of a file plays a role.

    Two dates of one day are the same, as are two prices of one amount, and two codes that are given to the same rows. Between
    columns that are never filled in the same row there is nothing to compare: they are not the same.
    """
    both = (one.text.notna() & other.text.notna()).to_numpy(dtype=bool)
    if not both.any():
        return False
    if role in ("timestamp", "added"):
        days = (column.times[both].astype("datetime64[D]") for column in (one, other))
        return float(np.equal(*days).mean()) >= _SAME
    if role in ("price", "quantity", "amount", "rating"):
        return float(np.isclose(one.numbers[both], other.numbers[both], rtol=1e-9, equal_nan=True).mean()) >= _SAME
    first, second = (pd.factorize(column.text[both])[0] for column in (one, other))
    pairs = len(set(zip(first.tolist(), second.tolist(), strict=True)))
    return pairs == first.max() + 1 == second.max() + 1
