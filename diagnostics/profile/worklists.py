"""Lists to work through: for each issue and each finding all items concerned, worst first, as CSV files for a spreadsheet."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from diagnostics.profile.checks import Check, Worklist
from diagnostics.schema import BoolArray, Dataset

__all__ = ["COLUMNS", "gap_worklists", "write_worklists"]

COLUMNS = ("rank", "item_id", "title", "times_sold", "badness", "value")
_EXCERPT = 120  # characters of a title or a value: enough to recognise it
_FORMULA = re.compile(r"^\s*[=+\-@\t\r|%](?![\d.,]*$)")


def gap_worklists(dataset: Dataset, check: Check, present: BoolArray) -> list[Worklist]:
    """The items without a real value, and those that only seem to have one: best sellers first, since they are worth most."""
    sold = _times_sold(dataset)
    found = []
    for code, items in (
        ("modality_incomplete", np.flatnonzero(~present | check.disguised)),
        ("disguised_missing", np.flatnonzero(present & check.disguised)),
    ):
        if len(items):
            order = items[np.argsort(-sold[items], kind="stable")]
            found.append(Worklist(check.modality, code, order, np.ones(len(order)), check.value))
    return found


def write_worklists(folder: Path, dataset: Dataset, worklists: Iterable[Worklist]) -> tuple[Path, ...]:
    """Write ``<modality>-<code>.csv`` for each list and return the paths.

    UTF-8 with BOM, as spreadsheets expect. A cell that a spreadsheet would run as a formula gets an apostrophe in front; line ends
    inside a cell become blanks. Columns: ``COLUMNS``. Within one badness the order is that of the list. Memory: one row at a time.
    """
    sold = _times_sold(dataset)
    catalog = dataset.catalog
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for worklist in worklists:
        path = folder / f"{worklist.modality}-{worklist.code}.csv"
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            rows = csv.writer(file, lineterminator="\r\n")
            rows.writerow(COLUMNS)
            for rank, (item, badness) in enumerate(zip(worklist.items.tolist(), worklist.badness.tolist(), strict=True), 1):
                title = "" if catalog.titles is None else catalog.titles[item]
                cells = (
                    _safe(str(catalog.item_ids[item])),
                    _excerpt(title),
                    sold[item],
                    f"{badness:.3f}",
                    _excerpt(worklist.value(item)),
                )
                rows.writerow((rank, *cells))
        written.append(path)
    return tuple(written)


def _times_sold(dataset: Dataset) -> np.ndarray:
    return np.bincount(dataset.log.item_index, minlength=dataset.catalog.n_items)


def _safe(value: str) -> str:
    text = " ".join(value.splitlines())
    return f"'{text}" if _FORMULA.match(text) else text


def _excerpt(value: str | None) -> str:
    text = " ".join((value or "")[: 4 * _EXCERPT].split())
    return _safe(text if len(text) <= _EXCERPT else f"{text[: _EXCERPT - 1]}…")
