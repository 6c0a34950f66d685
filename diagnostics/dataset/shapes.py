"""Cells that differ in their digits only are read together: a column of a million prices or times has a handful of shapes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["Shape", "shapes"]

_LONGEST = 64  # bytes; no price and no time is longer
_MOST_SHAPES = 60  # of one length; a column with more is free text
_FEWEST_CELLS = 20  # for fewer, looking at them one by one is quicker
_WIDEST_RUN = 18  # digits that an int64 holds


@dataclass(frozen=True)
class Shape:
    """All cells of a column that are equal but for their digits.

    Attributes
    ----------
    cells : int64 (n_cells,), their places in the column
    example : one of them
    runs : int64 (n_cells, n_runs), the whole number that each run of digits spells
    widths : number of digits of each run
    """

    cells: npt.NDArray[np.int64]
    example: str
    runs: npt.NDArray[np.int64]
    widths: tuple[int, ...]


def shapes(column: pd.Series) -> Iterator[Shape]:
    """The frequent shapes of a text column. Missing cells, long cells and cells of rare shapes belong to none.

    Full-width digits count as digits. Cost: linear in the bytes of the column.
    """
    text = pa.array(column, type=pa.large_string())
    if isinstance(text, pa.ChunkedArray):
        text = text.combine_chunks()
    if pc.any(pc.match_substring_regex(text, "[０-９]")).as_py():
        text = pc.utf8_normalize(text, "NFKC")
    _, offsets, data = text.buffers()
    starts = np.frombuffer(offsets, dtype=np.int64)[text.offset : text.offset + len(text) + 1]
    raw = np.frombuffer(data, dtype=np.uint8) if data is not None else np.empty(0, dtype=np.uint8)
    lengths = np.diff(starts)
    usable = (lengths > 0) & (lengths <= _LONGEST) & np.asarray(text.is_valid())
    for length in np.unique(lengths[usable]).tolist():
        cells = np.flatnonzero(usable & (lengths == length))
        table = raw[starts[cells][:, None] + np.arange(length)]
        digit = table - np.uint8(48) < 10  # an unsigned byte below "0" wraps round
        masked = np.where(digit, np.uint8(48), table)
        for _ in range(_MOST_SHAPES):
            if len(cells) < _FEWEST_CELLS:
                break
            same = (masked == masked[0]).all(axis=1)
            if same.sum() >= _FEWEST_CELLS:
                found = _shape(cells[same], table[same], digit[0])
                if found is not None:
                    yield found
            cells, table, digit, masked = cells[~same], table[~same], digit[~same], masked[~same]


def _shape(cells: npt.NDArray[np.int64], table: npt.NDArray[np.uint8], digit: npt.NDArray[np.bool_]) -> Shape | None:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], digit.astype(np.int8), [0]])))
    spans = list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
    if any(end - start > _WIDEST_RUN for start, end in spans):
        return None
    runs = np.zeros((len(cells), len(spans)), dtype=np.int64)
    for place, (start, end) in enumerate(spans):
        for at in range(start, end):
            runs[:, place] = runs[:, place] * 10 + (table[:, at] - np.uint8(48))
    return Shape(cells, table[0].tobytes().decode("utf-8"), runs, tuple(end - start for start, end in spans))
