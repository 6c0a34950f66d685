"""Lists to work through: for each issue and each finding all items concerned, worst first, as CSV files for a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from diagnostics.profile.checks import Check, Worklist
from diagnostics.schema import BoolArray, Dataset

__all__ = ["COLUMNS", "gap_worklists", "write_worklists"]

COLUMNS = ("rank", "item_id", "title", "times_sold", "badness", "value")
_EXCERPT = 120  # characters of a title or a value: enough to recognise it


def gap_worklists(dataset: Dataset, check: Check, present: BoolArray) -> list[Worklist]:
    """The items without a real value, and those that only seem to have one: best sellers first, since they are worth most."""
    sold = dataset.times_sold
    found = []
    for code, items in (
        ("modality_incomplete", np.flatnonzero(~present | check.unreal)),
        ("disguised_missing", np.flatnonzero(present & check.disguised)),
    ):
        if len(items):
            order = items[np.argsort(-sold[items], kind="stable")]
            found.append(Worklist(check.modality, code, order, np.ones(len(order)), check.value))
    return found


def write_worklists(folder: Path, dataset: Dataset, worklists: Iterable[Worklist]) -> tuple[Path, ...]:
    """Write ``<modality>-<code>.csv`` for each list and return the paths.

    As every table that the product hands out (``dataset.to_csv_bytes``): UTF-8 with BOM, and no cell runs as a formula. Line ends
    inside a cell become blanks. Columns: ``COLUMNS``. Within one badness the order is that of the list. Lists that an earlier
    profile left in the folder are removed: what they name may be repaired by now.
    """
    import pandas as pd

    from diagnostics.dataset import remove_earlier, to_csv_bytes

    catalog = dataset.catalog
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for worklist in worklists:
        items = worklist.items
        titles = [""] * len(items) if catalog.titles is None else catalog.titles[items]
        columns = (
            np.arange(1, len(items) + 1),
            [" ".join(str(item_id).splitlines()) for item_id in catalog.item_ids[items]],
            [_excerpt(title) for title in titles],
            dataset.times_sold[items],
            [f"{badness:.3f}" for badness in worklist.badness.tolist()],
            [_excerpt(worklist.value(item)) for item in items.tolist()],
        )
        path = folder / f"{worklist.modality}-{worklist.code}.csv"
        path.write_bytes(to_csv_bytes(pd.DataFrame(dict(zip(COLUMNS, columns, strict=True))))[0])
        written.append(path)
    remove_earlier(folder, written, ",".join(COLUMNS))
    return tuple(written)


def _excerpt(value: str | None) -> str:
    text = " ".join((value or "")[: 4 * _EXCERPT].split())
    return text if len(text) <= _EXCERPT else f"{text[: _EXCERPT - 1]}…"
