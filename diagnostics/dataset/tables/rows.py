"""Delimited text into rows: a fast way for text that follows the rules, a careful one for all else, and both agree."""

from __future__ import annotations

import csv

import numpy as np
import pyarrow as pa

from diagnostics.dataset.encodings import UNDECODABLE
from diagnostics.dataset.tables.table import Row

__all__ = ["LONGEST_ROW_BYTES", "careful_rows", "cells_of", "fast_rows", "line_end", "strict_cells", "suspicion"]

_LONGEST_CELL_LINES = 1000  # a quote still open after this many lines was never meant to be one
LONGEST_ROW_BYTES = 16_000_000
"""A row that is longer is no row."""
_FAST_BYTES = 1_000_000
_BLOCK_LINES = 2_000
_QUOTE, _NEWLINE = 34, 10


def line_end(data: bytes, place: int) -> int:
    """Where the line that holds a byte ends: just after its newline, or at the end of the text."""
    found = data.find(b"\n", min(place, len(data)))
    return len(data) if found < 0 else found + 1


def fast_rows(data: bytes, start: int, delimiter: str, width: int) -> tuple[pa.Table, int] | None:
    """About a megabyte of rows at once, and where the next row begins; None where only the careful way gives the right cells.

    Taken are lines without zero bytes, without empty ones among them, all of one width, in sound UTF-8, in which every quote
    opens a cell at its beginning, closes it at its end, or is one of a pair inside a quoted cell. On such text RFC 4180 leaves
    no choice, so the cells are those of ``careful_rows``.
    """
    end = start + _FAST_BYTES
    cut = data.rfind(b"\n", start, end) + 1 if end < len(data) else len(data)
    end = cut or line_end(data, end)
    block = data[start:end]
    if not block or len(block) > LONGEST_ROW_BYTES or b"\0" in block:
        return None
    quoted = b'"' in block
    if quoted:
        length = _regular_length(block, delimiter, whole=end == len(data))
        if not length:
            return None
        block = block[:length]
    elif block[0] == _NEWLINE or b"\n\n" in block:
        return None
    names = [str(at) for at in range(width)]
    from pyarrow import csv as arrow_csv

    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(block),
            arrow_csv.ReadOptions(column_names=names, block_size=len(block) + 1, use_threads=False),
            arrow_csv.ParseOptions(
                delimiter=delimiter, quote_char='"' if quoted else False, newlines_in_values=quoted, ignore_empty_lines=False
            ),
            arrow_csv.ConvertOptions(column_types={name: pa.large_string() for name in names}, strings_can_be_null=False),
        )
    except pa.ArrowInvalid:  # ragged rows or broken characters
        return None
    return table.combine_chunks(), start + len(block)


def _regular_length(block: bytes, delimiter: str, *, whole: bool) -> int:
    """How many bytes of text with quotes are whole rows that leave no doubt; 0 where there is doubt."""
    raw = np.frombuffer(block, dtype=np.uint8)
    quotes, breaks = np.flatnonzero(raw == _QUOTE), np.flatnonzero(raw == _NEWLINE)
    between = np.searchsorted(quotes, breaks) % 2 == 0  # an even number of quotes before it: the newline ends a row
    ends = breaks[between]
    lines = np.flatnonzero(between)
    if whole and len(quotes) % 2 == 0 and (not len(ends) or ends[-1] + 1 < len(raw)):
        ends, lines = np.append(ends, len(raw)), np.append(lines, len(breaks))
    if not len(ends) or ends[0] == 0 or (np.diff(ends) == 1).any() or (np.diff(lines, prepend=-1) > _LONGEST_CELL_LINES).any():
        return 0
    length = min(int(ends[-1]) + 1, len(raw))
    quotes = quotes[quotes < length]
    around = np.concatenate([[_NEWLINE], raw[:length], [_NEWLINE]])
    edge = np.zeros(256, dtype=bool)
    edge[[_QUOTE, _NEWLINE, ord(delimiter)]] = True
    opening, closing = quotes[0::2], quotes[1::2]
    return length if edge[around[opening]].all() and edge[around[closing + 2]].all() else 0


def careful_rows(data: bytes, start: int, end: int, delimiter: str, width: int) -> tuple[list[Row], int]:
    """Every row that begins between two places, ``end`` being the end of a line, and where the next one begins.

    A quoted cell may span lines; a quote that never closes spoils its own line only. Rows with zero bytes or with characters
    that were not in the file's encoding are marked.
    """
    csv.field_size_limit(LONGEST_ROW_BYTES)  # the library's own limit, 131,072 characters, tears long descriptions
    after = end
    for _ in range(_LONGEST_CELL_LINES):
        if after == len(data):
            break
        after = line_end(data, after)
    text = data[start:after].decode("utf-8", "surrogatepass")
    suspicious = "\0" in text or UNDECODABLE.search(text) is not None
    lines = text.split("\n")
    until = data.count(b"\n", start, end) + (end == len(data))
    rows: list[Row] = []
    at = 0
    while at < until:
        block = lines[at : min(at + _BLOCK_LINES, until)]
        plain = _plain_block(block, delimiter, width)
        if plain is not None:
            rows += [(cells, None) for cells in plain]
            at += len(block)
            continue
        stop = at + len(block)
        while at < stop:
            cells, reason, at = _next_row(lines, at, delimiter, width)
            rows.append((cells, reason))
    if suspicious:
        rows = [(cells, suspicion(cells) or reason) for cells, reason in rows]
    taken = sum(len(line.encode("utf-8", "surrogatepass")) + 1 for line in lines[until:at])
    return rows, min(end + taken, len(data))


def cells_of(record: str, delimiter: str) -> list[str]:
    """The cells of one row, as far as they can be told apart."""
    if '"' not in record:
        return record.split(delimiter)
    try:
        return next(csv.reader((record,), delimiter=delimiter))
    except (csv.Error, StopIteration):
        return record.split(delimiter)


def suspicion(cells: list[str]) -> str | None:
    """Why a row's characters cannot be right, if so: bytes that are not in the file's encoding, or zero bytes."""
    line = "".join(cells)
    if UNDECODABLE.search(line):
        return "undecodable"
    return "nul_byte" if "\0" in line else None


def _plain_block(block: list[str], delimiter: str, width: int) -> list[list[str]] | None:
    """The cells of many lines at once, where each line is one row; None where a quote may join lines."""
    try:
        rows = list(csv.reader(block, delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    if len(rows) != len(block) or any(len(row) != width and line.count('"') % 2 for row, line in zip(rows, block, strict=True)):
        return None
    return rows


def _next_row(lines: list[str], at: int, delimiter: str, width: int) -> tuple[list[str], str | None, int]:
    """The row that begins at a line: its cells, why it cannot be used, and the line after it."""
    line = lines[at]
    after = at + 1
    if line.count('"') % 2 == 0:
        return cells_of(line, delimiter), None, after
    alone = strict_cells(line, delimiter)
    if alone is not None and len(alone) == width:  # a lone quote inside an unquoted cell, such as 5" pipe
        return alone, None, after
    close = next((i for i in range(after, min(after + _LONGEST_CELL_LINES, len(lines))) if lines[i].count('"') % 2), None)
    joined = None if close is None else strict_cells("\n".join(lines[at : close + 1]), delimiter)
    if close is not None and joined is not None and len(joined) == width:
        return joined, None, close + 1
    return line.split(delimiter), "broken_quote", after


def strict_cells(record: str, delimiter: str) -> list[str] | None:
    """The cells of text that is exactly one row by the rules; None where it is not."""
    try:
        rows = list(csv.reader((f"{line}\n" for line in record.split("\n")), delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else None
