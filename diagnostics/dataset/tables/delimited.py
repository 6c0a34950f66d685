"""CSV, TSV and their relatives: which sign separates the cells, where the header is, and the rows below it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import PurePath
from typing import BinaryIO

import numpy as np
import pyarrow.compute as pc

from diagnostics.dataset.encodings import read_utf8, refuse_binary
from diagnostics.dataset.tables.rows import LONGEST_ROW_BYTES, careful_rows, cells_of, fast_rows, line_end, strict_cells
from diagnostics.dataset.tables.table import Asked, Layout, Table, find_header
from diagnostics.errors import TenbinError
from diagnostics.schema import Message

__all__ = ["lay_delimited", "read_delimited"]

_DELIMITERS = {".tsv": "\t,;|", ".tab": "\t,;|"}
_USUAL = ",\t;|"
_RARE = "^~\x01\x1f"  # \x01 and \x1f: exports of Hive and of mainframes
_LEAST_AGREEING = 0.5
_HEADS, _RARELY = 0.3, 0.2  # what a first row of the usual width counts for a separator, and being a rare one against it
_SNIFFED_BYTES = 400_000
_SNIFFED_LINES = 200
_LONGEST_SNIFFED_ROW = 50  # lines; a longer "cell" is a stray quote
_FIRST_BYTES = 65_536
_CAREFUL_BYTES = 262_144
_BLANK = b" \t\n\v\f\x1c\x1d\x1e\x1f"
_SPARE_LINES = 2_000
_DECODED = 0.4  # the share of the time after which a file is text; laying it under its header takes the rest


def read_delimited(file: BinaryIO, asked: Asked) -> Table:
    """Text with one row per line and a separator between cells, in any of the usual encodings.

    Raises
    ------
    TenbinError
        ``E_EMPTY_FILE``, ``E_NOT_A_TABLE``, ``E_LONG_LINE``, ``E_UNDECODABLE``, ``E_TOO_MANY_COLUMNS``.
    """
    refuse_binary(file.read(65_536), asked.name)
    file.seek(0)
    first = file.readline(LONGEST_ROW_BYTES + 1)
    if len(first) > LONGEST_ROW_BYTES and b"\r" not in first:  # refused before it is taken apart, which costs fifty times its size
        raise TenbinError("E_LONG_LINE", file=asked.name, limit=LONGEST_ROW_BYTES)
    file.seek(0)
    lines = None if asked.max_rows is None else asked.max_rows + _SPARE_LINES
    step = asked.step
    decoded = None if step is None else lambda done: step(_DECODED * done)
    data, encoding, rival = read_utf8(file, asked.name, lines, decoded)
    table = lay_delimited(data, encoding, asked)
    if rival is None:
        return table
    doubt = Message(code="reading.remark.encoding_doubt", values={"file": asked.name, "encoding": encoding, "rival": rival})
    return replace(table, note=table.note.model_copy(update={"remarks": (*table.note.remarks, doubt)}))


def lay_delimited(data: bytes, encoding: str, asked: Asked, *, careful: bool = False) -> Table:
    """Text as UTF-8 with ``\\n`` at its line ends, laid under its header. ``careful`` takes the slow way throughout.

    Raises as ``read_delimited``. Cost: linear; where rows follow the rules, about 0.3 s for a million of five cells.
    """
    data = _without_blank_end(data)
    if not data.strip(b" \t\n\0"):
        raise TenbinError("E_EMPTY_FILE", file=asked.name)
    sample = data[: line_end(data, _SNIFFED_BYTES)].decode("utf-8", "surrogatepass").split("\n")
    delimiter, width = _sniff(sample, _DELIMITERS.get(PurePath(asked.name).suffix.lower(), _USUAL))
    rows, at = careful_rows(data, 0, len(data) if careful else line_end(data, _FIRST_BYTES), delimiter, width)
    found = find_header(asked, rows, width)
    while found is None and at < len(data):
        more, at = careful_rows(data, at, line_end(data, at + _CAREFUL_BYTES), delimiter, width)
        rows += more
        found = find_header(asked, rows, width)
    if found is None:
        raise TenbinError("E_EMPTY_FILE", file=asked.name)
    layout, first = found
    layout.add_rows(first + 1, rows[first:])
    row = len(rows) + 1
    while at < len(data) and not layout.full:
        if asked.step is not None:
            asked.step(_DECODED + (1 - _DECODED) * at / len(data))
        block = None if width == 1 else fast_rows(data, at, delimiter, width)
        if block is not None and not _names_again(block[0].column(0), layout):
            table, at = block
            layout.add_columns([column.chunk(0) for column in table.columns], np.arange(row, row + len(table)))
            row += len(table)
        else:
            rows, at = careful_rows(data, at, line_end(data, at + _CAREFUL_BYTES), delimiter, width)
            layout.add_rows(row, rows)
            row += len(rows)
    return layout.table("tsv" if delimiter == "\t" else "csv", encoding=encoding, delimiter=delimiter)


def _names_again(column: object, layout: Layout) -> bool:
    """Whether the header may stand among the rows."""
    return bool(pc.any(pc.equal(pc.utf8_trim_whitespace(column), layout.columns[0].strip())).as_py())


def _without_blank_end(data: bytes) -> bytes:
    end = line_end(data, len(data.rstrip(_BLANK)))
    data = data[:end].removesuffix(b"\n")
    while data:
        cut = data.rfind(b"\n") + 1
        if data[cut:].decode("utf-8", "surrogatepass").strip():
            break
        data = data[: max(cut - 1, 0)]  # a line of wide blanks
    return data


def _sniff(lines: list[str], delimiters: str) -> tuple[str, int]:
    """The separator that most of the first rows agree on, the first of all most of all, and the number of columns of the header:
    of the first row with two."""
    best, answer = (0.0, 1), (delimiters[0], 1)
    for delimiter in delimiters + _RARE:
        rows = _first_rows(lines, delimiter)
        widths = Counter(map(len, rows))
        width, agreeing = max(widths.items(), key=lambda pair: (pair[1], pair[0]), default=(1, 0))
        share = round(agreeing / max(len(rows), 1), 2)
        heads = _HEADS if rows and len(rows[0]) == width else 0.0
        score = (share + heads - (_RARELY if delimiter in _RARE else 0.0), width)
        if width > 1 and share > _LEAST_AGREEING and score > best:
            header = next((row for row in rows if sum(bool(cell.strip()) for cell in row) > 1), None)
            best, answer = score, (delimiter, width if header is None else len(header))
    return answer


def _first_rows(lines: list[str], delimiter: str) -> list[list[str]]:
    """The cells of the first rows; lines whose quotes do not add up, alone or with those below them, are left out."""
    rows: list[list[str]] = []
    at = 0
    while at < len(lines) and len(rows) < _SNIFFED_LINES:
        line = lines[at]
        at += 1
        if line.count('"') % 2:
            reach = range(at, min(at + _LONGEST_SNIFFED_ROW, len(lines)))
            close = next((i for i in reach if lines[i].count('"') % 2), None)
            joined = None if close is None else strict_cells("\n".join(lines[at - 1 : close + 1]), delimiter)
            if close is not None and joined is not None:
                rows.append(joined)
                at = close + 1
        elif line.strip():
            rows.append(cells_of(line, delimiter))
    return rows
