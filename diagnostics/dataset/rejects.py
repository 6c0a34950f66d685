"""Rows that cannot be used are set aside: counted by reason, kept word for word, and written where a person can repair them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from diagnostics.dataset.downloads import remove_earlier, to_csv_bytes
from diagnostics.dataset.tables import Table
from diagnostics.messages import has, text
from diagnostics.schema import SetAside

if TYPE_CHECKING:
    from diagnostics.schema import Dataset

__all__ = ["Sieve", "count_reasons", "places_table", "rejected_csv", "retold", "write_rejected"]

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

    @property
    def commonest(self) -> str:
        """The reason that holds against most rows; "" where none is set aside."""
        reasons = pd.Series([*self._reasons[~self.kept], *self._table.rejected["tenbin_reason"]], dtype="str")
        return str(reasons.mode().iloc[0]) if len(reasons) else ""

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


def rejected_csv(rows: pd.DataFrame, lang: str) -> bytes:
    """Rows that were set aside, as a CSV file (UTF-8 with BOM, as Excel expects); ``tenbin_why`` tells the reason in words.

    A cell that a spreadsheet would run as a formula gets an apostrophe in front; everything else is as the shop wrote it.
    """
    why = {code: _why(str(code), lang) for code in rows["tenbin_reason"].unique()}
    return to_csv_bytes(rows.assign(tenbin_why=rows["tenbin_reason"].map(why)))[0]


def retold(file: Path, lang: str) -> bytes:
    """A file of ``write_rejected`` with its reasons in another language."""
    rows = pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    return rejected_csv(rows.drop(columns="tenbin_why", errors="ignore"), lang)


def _why(code: str, lang: str) -> str:
    return text(f"set_aside.{code}", lang) if has(f"set_aside.{code}", lang) else code


def write_rejected(dataset: Dataset, folder: Path, lang: str = "en") -> tuple[Path, ...]:
    """Write the rows that were set aside, one ``rejected_csv`` per file, and return the paths; those of an earlier run go."""
    folder.mkdir(parents=True, exist_ok=True)
    written: dict[str, Path] = {}
    for name, rows in dataset.rejected.items():
        plain = _file_name(name)
        path = next(  # names may differ in nothing but what a file's name cannot hold
            folder / f"{tried}.csv"
            for tried in (plain, *(f"{plain}-{number}" for number in range(2, len(written) + 3)))
            if tried.casefold() not in written
        )
        written[path.stem.casefold()] = path
        path.write_bytes(rejected_csv(rows, lang))
    remove_earlier(folder, written.values(), "tenbin_row,tenbin_reason,tenbin_why")
    return tuple(written.values())


def _file_name(name: str) -> str:
    """A file's name without ``.csv``, and without anything that could lead out of a folder or that some system refuses."""
    plain = _NOT_IN_NAMES.sub("_", name).strip(". ").removesuffix(".csv")[:_LONGEST_NAME].strip(". ")
    return f"_{plain}" if not plain or _RESERVED.fullmatch(plain) else plain
