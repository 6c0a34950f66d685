"""One file as text: the named container that every reader fills, and what all readers share in filling it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from diagnostics.config import threshold
from diagnostics.dataset.encodings import UNDECODABLE, show_bytes
from diagnostics.errors import TenbinError
from diagnostics.schema import FileNote, Message

__all__ = ["MISSING", "Asked", "Layout", "Role", "Row", "Table", "as_text", "find_header", "rejected_table", "unique_names"]

MISSING = frozenset({"", "nan", "null", "none", "n/a", "#n/a", "na", "nat", "<na>", r"\n"})
"""What a cell without a value may hold, in lower case."""

_VALUE = re.compile(r"[-+(]?[￥¥$€£]?\d[\d\s,.:/eE%+\-年月日時分秒円T)]*Z?")
_MOSTLY = 0.9
_SEEN_ROWS = 100

Role = Literal["catalog", "interactions", "images", "features", "mapping"]
Row = tuple[list[str], str | None]
"""The cells of one row, and why it cannot be used, if so."""


@dataclass(frozen=True)
class Table:
    """A file as text.

    Attributes
    ----------
    name : the file's name
    frame : one pandas text column per column of the file; a missing cell is NA
    rows : int64 (n_rows,), the number of each row as a spreadsheet shows it (the header is usually row 1)
    note : how the file was read
    rejected : rows that are not rows of this table, as text, with ``tenbin_row`` and ``tenbin_reason``
    n_rows : data rows of the file, kept or not
    """

    name: str
    frame: pd.DataFrame
    rows: npt.NDArray[np.int64]
    note: FileNote
    rejected: pd.DataFrame

    @property
    def n_rows(self) -> int:
        return len(self.frame) + len(self.rejected)


@dataclass(frozen=True)
class Asked:
    """What a reader is asked for: the file's name as the shop knows it, what it is for, at most so many rows, and which sheet.

    ``step`` is told the share that is done, by readers that can tell.
    """

    name: str
    role: Role
    max_rows: int | None = None
    sheet: str | None = None
    step: Callable[[float], None] | None = None


class Layout:
    """Rows laid under a header as they come; what does not fit is set aside with its reason.

    Raises
    ------
    TenbinError
        ``E_TOO_MANY_COLUMNS``.
    """

    def __init__(self, asked: Asked, header: Sequence[str]) -> None:
        limit = int(threshold("table_max_columns"))
        if len(header) > limit:
            raise TenbinError("E_TOO_MANY_COLUMNS", file=asked.name, n=len(header), limit=limit)
        self.asked, self.columns, self.width = asked, unique_names(header), len(header)
        self.remarks: list[Message] = []
        self._plain_header = [name.strip() for name in self.columns]
        self._chunks: list[list[pa.Array]] = []
        self._numbers: list[npt.NDArray[np.int64]] = []
        self._aside: list[tuple[int, list[str], str]] = []
        self.n_kept = 0

    @property
    def full(self) -> bool:
        """Whether there are as many rows as were asked for."""
        return self.asked.max_rows is not None and self.n_kept >= self.asked.max_rows

    def set_aside(self, row: int, cells: list[str], reason: str) -> None:
        """Keep a row that cannot be used, word for word."""
        self._aside.append((row, cells, reason))

    def add_rows(self, first_row: int, rows: Iterable[Row]) -> None:
        """Rows as lists of cells, numbered from ``first_row``. An empty line is no row."""
        kept: list[list[str]] = []
        numbers: list[int] = []
        for row, (cells, reason) in enumerate(rows, start=first_row):
            if len(cells) == self.width + 1 and not cells[-1].strip():
                cells = cells[:-1]  # a delimiter at the end of the line
            if reason is None and (len(cells) != self.width or self.width == 1):
                if not any(cell.strip() for cell in cells):
                    continue
                reason = "ragged" if len(cells) != self.width else None
            if reason is None and self.is_header(cells):
                reason = "repeated_header"
            if reason is None:
                kept.append(cells)
                numbers.append(row)
            else:
                self.set_aside(row, cells, reason)
        if kept:
            self.add_columns([pa.array(column, pa.large_string()) for column in zip(*kept, strict=True)], np.array(numbers))

    def is_header(self, cells: Sequence[str]) -> bool:
        """Whether a row says the column names again."""
        return cells[0].strip() == self._plain_header[0] and [cell.strip() for cell in cells] == self._plain_header

    def add_columns(self, columns: list[pa.Array], numbers: npt.NDArray[np.int64]) -> None:
        """Rows as columns of text, each with its number."""
        self._chunks.append(columns)
        self._numbers.append(numbers)
        self.n_kept += len(numbers)

    def table(
        self,
        kind: str,
        *,
        encoding: str | None = None,
        delimiter: str | None = None,
        sheet: str | None = None,
        blanks: bool = False,
    ) -> Table:
        """Everything that was laid, as one table. Rows of empty cells only are dropped, unless ``blanks`` are to stay."""
        limit = self.asked.max_rows
        frame = pd.DataFrame({name: self._column(at)[:limit] for at, name in enumerate(self.columns)})
        rows = np.concatenate([np.empty(0, dtype=np.int64), *self._numbers])[:limit].astype(np.int64)
        if not blanks:  # ",,,," at the end of a spreadsheet's export is an empty line too
            blank = np.ones(len(frame), dtype=bool)
            for name in self.columns:
                if not blank.any():
                    break
                blank &= (frame[name].isna() | (frame[name] == "")).to_numpy()
            if blank.any():
                frame, rows = frame.loc[~blank].reset_index(drop=True), rows[~blank]
        rejected = rejected_table(self.columns, self._aside, delimiter or ",")
        preview = tuple(tuple("" if pd.isna(cell) else str(cell) for cell in row) for row in frame.head(5).itertuples(index=False))
        note = FileNote(
            name=self.asked.name,
            role=self.asked.role,
            format=kind,
            encoding=encoding,
            delimiter=delimiter,
            sheet=sheet,
            rows=len(frame) + len(rejected),
            columns=tuple(self.columns),
            preview=preview,
            remarks=tuple(self.remarks),
        )
        return Table(self.asked.name, frame, rows, note, rejected)

    def _column(self, at: int) -> pd.Series:
        chunks = [chunk[at] for chunk in self._chunks]
        whole = pa.concat_arrays(chunks) if chunks else pa.array([], pa.large_string())
        for chunk in self._chunks:
            chunk[at] = None  # so that a large table is never held twice
        return pd.Series(whole, dtype="str")


def find_header(asked: Asked, rows: Sequence[Row], width: int, first_row: int = 1) -> tuple[Layout, int] | None:
    """A layout under the column names, and which of the rows is the first below them; lines above the names are set aside.

    A row with one cell filled, or with no more than half as many as the usual row below it, is a line above the names, unless the
    next full row can only be data: then some of the columns have no name.

    Where the first full row looks like the data below it (a number above numbers, no name above any), the columns are called
    ``#1``, ``#2``, ... and the row is data. None when no row is full.
    """
    sparse: int | None = None
    for at, (cells, reason) in enumerate(rows):
        if len(cells) != width or not (filled := _filled(cells)):
            continue
        below = [row for row, _ in rows[at + 1 : at + 1 + _SEEN_ROWS] if len(row) == width]
        usual = float(np.median([count for row in below if (count := _filled(row))] or [0]))
        if filled < min(2, usual):
            continue
        if 2 * filled <= usual:
            sparse = at
            continue
        nameless = reason is None and _is_data(cells, below)
        if nameless and sparse is not None and sparse == at - 1:
            at, cells, nameless = sparse, rows[sparse][0], False
        layout = Layout(asked, [""] * width if nameless else [show_bytes(cell) for cell in cells])
        if nameless:
            layout.remarks.append(Message(code="reading.remark.no_header", values={"file": asked.name, "n": width}))
        for number, (above, why) in enumerate(rows[:at], start=first_row):
            if any(cell.strip() for cell in above):
                layout.set_aside(number, above, why or "before_header")
        return layout, at if nameless else at + 1
    return None


def _filled(cells: list[str]) -> int:
    return sum(bool(cell.strip()) for cell in cells)


def _is_data(first: list[str], below: list[list[str]]) -> bool:
    votes = 0
    for at, cell in enumerate(first):
        values = [row[at].strip() for row in below if row[at].strip()]
        if not values or sum(_VALUE.fullmatch(value) is not None for value in values) < _MOSTLY * len(values):
            continue
        if not _VALUE.fullmatch(cell.strip()):
            return False  # a name above numbers
        votes += 1
    return votes > 0


def as_text(column: pd.Series) -> pd.Series:
    """Cells without surrounding blanks, as pandas text; empty ones and the usual spellings of "no value" become NA."""
    text = column.astype("str").str.strip()
    return text.mask(text.str.len().le(5) & text.str.lower().isin(MISSING))


def rejected_table(columns: Sequence[str], aside: Sequence[tuple[int, list[str], str]], delimiter: str) -> pd.DataFrame:
    """Rows that do not fit the header (number, cells, reason), laid under it; surplus cells stay together in ``tenbin_rest``."""
    width = len(columns)
    cells = [[show_bytes(cell) for cell in row] for _, row, _ in aside]
    table = {name: [row[i] if i < len(row) else "" for row in cells] for i, name in enumerate(columns)}
    if any(len(row) > width for row in cells):
        table["tenbin_rest"] = [delimiter.join(row[width:]) for row in cells]
    frame = pd.DataFrame({name: pd.Series(column, dtype="str") for name, column in table.items()})
    frame["tenbin_row"] = np.array([number for number, _, _ in aside], dtype=np.int64)
    frame["tenbin_reason"] = pd.Series([reason for _, _, reason in aside], dtype="str")
    return frame


def unique_names(cells: Sequence[str]) -> list[str]:
    """Column names that differ: ``#2`` for the second column without one, ``price (2)`` for the second ``price``."""
    names: dict[str, None] = {}
    repeats: dict[str, int] = {}
    for position, cell in enumerate(cells, start=1):
        name = plain = " ".join(UNDECODABLE.sub("\ufffd", cell).replace("\0", "").split()) or f"#{position}"
        while name in names:
            repeats[plain] = repeats.get(plain, 1) + 1
            name = f"{plain} ({repeats[plain]})"
        names[name] = None
    return list(names)
