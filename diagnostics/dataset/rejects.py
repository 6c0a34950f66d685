"""Rows that cannot be used are set aside: counted by reason, kept word for word, and written where a person can repair them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from diagnostics.dataset.downloads import to_csv_bytes
from diagnostics.dataset.tables import Table
from diagnostics.schema import SetAside

if TYPE_CHECKING:
    from diagnostics.schema import Dataset

__all__ = ["Sieve", "count_reasons", "places_table", "write_rejected"]

_NOT_IN_NAMES = re.compile(r"[^\w.\- ]")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # devices, to Windows
_LONGEST_NAME = 100


class Sieve:
    """Marks rows of one table with the first reason that holds against each."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._reasons = np.full(len(table.frame), None, dtype=object)
        self.kept = np.ones(len(table.frame), dtype=bool)

    def drop(self, mask: npt.NDArray[np.bool_], reason: str) -> None:
        """Set the rows of ``mask`` aside, unless they already are."""
        self._reasons[mask & self.kept] = reason
        self.kept &= ~mask

    def rejected(self) -> pd.DataFrame:
        """All rows of the file that are not used, in file order, with ``tenbin_row`` and ``tenbin_reason``."""
        table = self._table
        mine = table.frame.loc[~self.kept].copy()
        mine["tenbin_row"] = table.rows[~self.kept]
        mine["tenbin_reason"] = pd.Series(self._reasons[~self.kept], index=mine.index, dtype="str")
        both = pd.concat([part for part in (table.rejected, mine) if len(part)] or [table.rejected])
        return both.sort_values("tenbin_row", kind="stable").reset_index(drop=True)


def places_table(column: str, places: list[tuple[int, str, str]]) -> pd.DataFrame:
    """Set-aside places that are no table rows (pictures, vectors): row or -1, what was written there, reason."""
    return pd.DataFrame(
        {
            column: pd.Series([written for _, written, _ in places], dtype="str"),
            "tenbin_row": pd.Series([None if row < 0 else row for row, _, _ in places], dtype="Int64"),
            "tenbin_reason": pd.Series([reason for _, _, reason in places], dtype="str"),
        }
    )


def count_reasons(rejected: Mapping[str, pd.DataFrame]) -> tuple[SetAside, ...]:
    """How many rows of each file were set aside for each reason, the most frequent first."""
    return tuple(
        SetAside(file=file, reason=str(reason), count=int(count))
        for file, rows in rejected.items()
        for reason, count in rows["tenbin_reason"].value_counts().items()
    )


def write_rejected(dataset: Dataset, folder: Path) -> tuple[Path, ...]:
    """Write the rows that were set aside, one CSV per file (UTF-8 with BOM, as Excel expects), and return the paths.

    A cell that a spreadsheet would run as a formula gets an apostrophe in front; everything else is as the shop wrote it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, rows in dataset.rejected.items():
        path = folder / f"{_file_name(name)}.csv"
        path.write_bytes(to_csv_bytes(rows)[0])
        written.append(path)
    return tuple(written)


def _file_name(name: str) -> str:
    """A file's name without ``.csv``, and without anything that could lead out of a folder or that some system refuses."""
    plain = _NOT_IN_NAMES.sub("_", name).strip(". ").removesuffix(".csv")[:_LONGEST_NAME].strip(". ")
    return f"_{plain}" if not plain or _RESERVED.fullmatch(plain) else plain
