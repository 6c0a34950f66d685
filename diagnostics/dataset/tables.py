"""One file becomes one table of text: every cell as the shop wrote it, every row that does not fit kept apart with its reason."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, repeat
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from diagnostics.dataset.encodings import UNDECODABLE, decode, refuse_binary, show_bytes
from diagnostics.errors import TenbinError
from diagnostics.schema import FileNote

__all__ = ["READERS", "Table", "as_text", "read_table", "rejected_table"]

_DELIMITERS = {".tsv": "\t,;|", ".tab": "\t,;|"}
_SNIFFED_LINES = 200
_LONGEST_CELL_LINES = 1000  # a quote still open after this many lines was never meant to be one
_CHUNK_ROWS = 50_000
_BLOCK_LINES = 2_000
_MISSING = frozenset({"", "nan", "null", "none", "n/a", "#n/a", "na", "nat", "<na>", r"\n"})


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


Role = Literal["catalog", "interactions", "images", "features", "mapping"]


def read_table(path: Path, role: Role, *, max_rows: int | None = None) -> Table:
    """Read a CSV, TSV or Parquet file as text, whatever its name says.

    ``max_rows`` stops early, for a preview.

    Raises
    ------
    TenbinError
        ``E_FILE_MISSING``, ``E_FILE_UNREADABLE``, ``E_EMPTY_FILE``, ``E_HEADER_ONLY``, ``E_NOT_A_TABLE``, ``E_UNDECODABLE``,
        ``E_BAD_PARQUET``.
    """
    if not path.exists():
        raise TenbinError("E_FILE_MISSING", file=str(path))
    if not path.is_file():
        raise TenbinError("E_NOT_A_FILE", file=str(path))
    try:
        with path.open("rb") as file:
            head = file.read(4)
    except OSError as error:
        raise TenbinError("E_FILE_UNREADABLE", file=str(path), found=error.strerror or "") from error
    table = READERS["parquet" if head == b"PAR1" else "delimited"](path, role, max_rows)
    if not len(table.frame):
        raise TenbinError("E_NO_USABLE_ROW" if len(table.rejected) else "E_HEADER_ONLY", file=table.name, n=len(table.rejected))
    return table


def as_text(column: pd.Series) -> pd.Series:
    """Cells without surrounding blanks, as pandas text; empty ones and the usual spellings of "no value" become NA."""
    text = column.astype("str").str.strip()
    return text.mask(text.str.len().le(5) & text.str.lower().isin(_MISSING))


def rejected_table(columns: list[str], cells: list[list[str]], rows: list[int], reasons: list[str], delimiter: str) -> pd.DataFrame:
    """Rows that do not fit the header, laid under it as far as they go; surplus cells stay together in ``tenbin_rest``."""
    width = len(columns)
    table = {name: [row[i] if i < len(row) else "" for row in cells] for i, name in enumerate(columns)}
    if any(len(row) > width for row in cells):
        table["tenbin_rest"] = [delimiter.join(row[width:]) for row in cells]
    frame = pd.DataFrame({name: pd.Series([show_bytes(cell) for cell in column], dtype="str") for name, column in table.items()})
    frame["tenbin_row"] = np.array(rows, dtype=np.int64)
    frame["tenbin_reason"] = pd.Series(reasons, dtype="str")
    return frame


# ---------------------------------------------------------------- delimited text


def _read_delimited(path: Path, role: Role, max_rows: int | None) -> Table:
    data = path.read_bytes()
    if not data.strip(b"\xef\xbb\xbf\xff\xfe \t\r\n\x00"):
        raise TenbinError("E_EMPTY_FILE", file=path.name)
    refuse_binary(data, path.name)
    text, encoding = decode(data, path.name)
    del data
    suspicious = "\0" in text or UNDECODABLE.search(text) is not None
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    del text
    while lines and not lines[-1].strip():
        lines.pop()
    delimiter, width = _sniff(lines, _DELIMITERS.get(path.suffix.lower(), ",\t;|"))
    records = enumerate(_records(lines, delimiter, width), start=1)

    odd_cells: list[list[str]] = []
    odd_rows: list[int] = []
    odd_reasons: list[str] = []

    def set_aside(row: int, cells: list[str], reason: str) -> None:
        odd_cells.append(cells)
        odd_rows.append(row)
        odd_reasons.append(reason)

    header: list[str] | None = None
    for row, (cells, reason) in records:
        if len(cells) == width and any(cell.strip() for cell in cells):
            header = _unique_names([show_bytes(cell) for cell in cells])
            break
        if any(cell.strip() for cell in cells):
            set_aside(row, cells, reason or "before_header")
    if header is None:
        raise TenbinError("E_EMPTY_FILE", file=path.name)
    if any(name.startswith("PK\x03\x04") for name in header):
        raise TenbinError("E_NOT_A_TABLE", file=path.name, found="ZIP")

    numbers: list[int] = []
    chunks: list[list[pa.Array]] = []
    plain_header = [name.strip() for name in header]
    while batch := list(islice(records, _CHUNK_ROWS)):
        kept: list[list[str]] = []
        for row, (cells, reason) in batch:
            if suspicious:
                reason = _suspicion(cells) or reason
            if len(cells) == width + 1 and not cells[-1].strip():
                cells = cells[:-1]  # a delimiter at the end of the line
            if reason is None and len(cells) != width:
                if not any(cell.strip() for cell in cells):
                    continue  # an empty line is no row
                reason = "ragged"
            if reason is None and cells[0].strip() == plain_header[0] and [cell.strip() for cell in cells] == plain_header:
                reason = "repeated_header"
            if reason is None:
                kept.append(cells)
                numbers.append(row)
            else:
                set_aside(row, cells, reason)
        if kept:
            chunks.append([pa.array(column, pa.large_string()) for column in zip(*kept, strict=True)])
        if max_rows is not None and len(numbers) >= max_rows:
            break
    frame = pd.DataFrame(
        {
            name: pd.Series(pa.chunked_array([chunk[i] for chunk in chunks], pa.large_string()), dtype="str")
            for i, name in enumerate(header)
        }
    )
    rows = np.array(numbers, dtype=np.int64)
    blank = (frame == "").all(axis=1).to_numpy() if width > 1 else np.zeros(len(frame), dtype=bool)
    if blank.any():  # ",,,," at the end of a spreadsheet's export is an empty line too
        frame, rows = frame.loc[~blank].reset_index(drop=True), rows[~blank]
    rejected = rejected_table(header, odd_cells, odd_rows, odd_reasons, delimiter)
    kind = "tsv" if delimiter == "\t" else "csv"
    note = _note(path.name, role, kind, frame, len(frame) + len(rejected), encoding=encoding, delimiter=delimiter)
    return Table(path.name, frame, rows, note, rejected)


def _suspicion(cells: list[str]) -> str | None:
    line = "".join(cells)
    if UNDECODABLE.search(line):
        return "undecodable"
    return "nul_byte" if "\0" in line else None


def _sniff(lines: list[str], delimiters: str) -> tuple[str, int]:
    """The delimiter that most of the first lines agree on, and the number of columns of the header: the first line with two."""
    sample = [line for line in lines[:_SNIFFED_LINES] if line.strip() and line.count('"') % 2 == 0]
    best, answer = (0.5, 1), (delimiters[0], 1)
    for delimiter in delimiters:
        widths = Counter(len(_cells(line, delimiter)) for line in sample)
        width, agreeing = max(widths.items(), key=lambda pair: (pair[1], pair[0]), default=(1, 0))
        score = (round(agreeing / max(len(sample), 1), 2), width)
        if width > 1 and score > best:
            best, answer = score, (delimiter, width)
    delimiter, width = answer
    if width > 1:
        filled = ([cell for cell in _cells(line, delimiter) if cell.strip()] for line in sample)
        header = next((line for line, cells in zip(sample, filled, strict=True) if len(cells) > 1), None)
        width = width if header is None else len(_cells(header, delimiter))
    return delimiter, width


def _cells(record: str, delimiter: str) -> list[str]:
    if '"' not in record:
        return record.split(delimiter)
    try:
        return next(csv.reader((record,), delimiter=delimiter))
    except (csv.Error, StopIteration):
        return record.split(delimiter)


def _records(lines: list[str], delimiter: str, width: int) -> Iterator[tuple[list[str], str | None]]:
    """One list of cells per row. A quoted cell may span lines; a quote that never closes spoils its own line only."""
    at, end = 0, len(lines)
    while at < end:
        block = lines[at : at + _BLOCK_LINES]
        plain = _plain_block(block, delimiter)
        if plain is not None:
            yield from zip(plain, repeat(None))
            at += len(block)
            continue
        until = at + len(block)
        while at < until:
            cells, reason, at = _next_record(lines, at, delimiter, width)
            yield cells, reason


def _plain_block(block: list[str], delimiter: str) -> list[list[str]] | None:
    """The cells of many lines at once, where each line is one row; None where a quote may join lines."""
    try:
        rows = list(csv.reader(block, delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    return rows if len(rows) == len(block) else None


def _next_record(lines: list[str], at: int, delimiter: str, width: int) -> tuple[list[str], str | None, int]:
    """The row that begins at a line: its cells, why it cannot be used, and the line after it."""
    line = lines[at]
    after = at + 1
    if line.count('"') % 2 == 0:
        return _cells(line, delimiter), None, after
    alone = _strict(line, delimiter)
    if alone is not None and len(alone) == width:  # a lone quote inside an unquoted cell, such as 5" pipe
        return alone, None, after
    close = next((i for i in range(after, min(after + _LONGEST_CELL_LINES, len(lines))) if lines[i].count('"') % 2), None)
    joined = None if close is None else _strict("\n".join(lines[at : close + 1]), delimiter)
    if close is not None and joined is not None and len(joined) == width:
        return joined, None, close + 1
    return line.split(delimiter), "broken_quote", after


def _strict(record: str, delimiter: str) -> list[str] | None:
    try:
        rows = list(csv.reader(record.splitlines(keepends=True), delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else None


def _unique_names(cells: list[str]) -> list[str]:
    names: list[str] = []
    for position, cell in enumerate(cells, start=1):
        name = plain = " ".join(cell.replace("\0", "").split()) or f"#{position}"
        repeat = 2
        while name in names:
            name = f"{plain} ({repeat})"
            repeat += 1
        names.append(name)
    return names


# ---------------------------------------------------------------- parquet


def _read_parquet(path: Path, role: Role, max_rows: int | None) -> Table:
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            flat = [field.name for field in file.schema_arrow if not pa.types.is_nested(field.type)]
            if max_rows is None:
                arrow = file.read(columns=flat)
            else:
                first = next(file.iter_batches(batch_size=max_rows, columns=flat), None)
                arrow = pa.Table.from_batches([] if first is None else [first], file.read_row_groups([], columns=flat).schema)
    except (pa.ArrowException, OSError) as error:
        raise TenbinError("E_BAD_PARQUET", file=path.name) from error
    names = _unique_names([str(name) for name in arrow.column_names])
    frame = pd.DataFrame({name: _parquet_text(column) for name, column in zip(names, arrow.columns, strict=True)})
    rows = np.arange(2, len(frame) + 2, dtype=np.int64)
    note = _note(path.name, role, "parquet", frame, len(frame))
    return Table(path.name, frame, rows, note, rejected_table(names, [], [], [], ","))


def _parquet_text(column: pa.ChunkedArray) -> pd.Series:
    """A typed column as the text a person would write: whole numbers without ``.0``, times in ISO form."""
    import pyarrow.compute as pc

    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_floating(kind):
        finite = column.filter(pc.is_finite(column))
        if len(finite) and pc.all(pc.equal(finite, pc.floor(finite))).as_py() and pc.max(pc.abs(finite)).as_py() < 2**53:
            column = pc.if_else(pc.is_finite(column), column, pa.scalar(None, kind)).cast(pa.int64())
    try:
        text = column.cast(pa.large_string())
    except pa.ArrowException:  # bytes that are no text
        text = pa.chunked_array([pa.nulls(len(column), pa.large_string())])
    return pd.Series(text, dtype="str")


READERS: Mapping[str, Callable[[Path, Role, int | None], Table]] = {
    "delimited": _read_delimited,
    "parquet": _read_parquet,
}
"""Every reader of one table, by name. A reader takes the path, what the file is for and a row limit, and returns a ``Table``."""


def _note(
    name: str, role: Role, kind: str, frame: pd.DataFrame, rows: int, encoding: str | None = None, delimiter: str | None = None
) -> FileNote:
    preview = tuple(tuple("" if pd.isna(cell) else str(cell) for cell in row) for row in frame.head(5).itertuples(index=False))
    return FileNote(
        name=name,
        role=role,
        format=kind,
        encoding=encoding,
        delimiter=delimiter,
        rows=rows,
        columns=tuple(str(name) for name in frame.columns),
        preview=preview,
    )
