"""Small shops by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from diagnostics.schema import Catalog, Dataset, FeatureBlock, InteractionLog, ReadingNotes, Split

Pairs = list[tuple[int, int]]


def column(values: list) -> np.ndarray:
    """An object array of the values."""
    result = np.empty(len(values), dtype=object)
    result[:] = values
    return result


@pytest.fixture
def make_dataset() -> Callable[..., Dataset]:
    """A data set from lists: ``train``, ``test`` are (user, item) pairs, the log holds both; the rest goes into the catalog."""

    def make(
        n_items: int,
        train: Pairs,
        test: Sequence[tuple[int, int]] = (),
        *,
        n_users: int | None = None,
        value: list | None = None,
        **catalog: Any,
    ) -> Dataset:
        rows = np.array([*train, *test], dtype=np.int32).reshape(-1, 2)
        users = n_users or int(rows[:, 0].max(initial=0)) + 1
        columns = {name: column(entry) if isinstance(entry, list) else entry for name, entry in catalog.items()}
        columns.setdefault("item_ids", column([f"{number * 7919 % 1_000_003:07d}" for number in range(n_items)]))
        log = InteractionLog(
            column([f"u{user}" for user in range(users)]),
            rows[:, 0],
            rows[:, 1],
            value=None if value is None else np.array(value, dtype=np.float64),
        )
        parts = [np.array(part, dtype=np.int32).reshape(-1, 2) for part in (train, [], test)]
        return Dataset(Catalog(**columns), log, "hand-made", ReadingNotes(), Split("user", "asked", users, n_items, *parts))

    return make


@pytest.fixture
def make_block() -> Callable[..., FeatureBlock]:
    """A feature block from numbers; rows with NaN are absent."""

    def make(values: Any, name: str = "vec", kind: str = "vector", **facts: Any) -> FeatureBlock:
        array = np.asarray(values, dtype=np.float32).copy()
        present = np.isfinite(array).all(axis=1)
        array[~present] = np.nan
        return FeatureBlock(name, kind, "by hand", array, present, facts)  # type: ignore[arg-type]

    return make
