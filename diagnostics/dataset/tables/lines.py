"""Lines without a header, split by a sign that stands in no cell: how the older published formats are written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from diagnostics.dataset.encodings import refuse_binary
from diagnostics.dataset.tables.rows import LONGEST_ROW_BYTES
from diagnostics.dataset.tables.table import Asked, Layout, Role, Table
from diagnostics.errors import TenbinError

__all__ = ["read_lines"]


def read_lines(path: Path, role: Role, *, separator: str, columns: Sequence[str], kind: str) -> Table:
    """A file whose every line has the same cells; a line with another number of cells is set aside.

    Parameters
    ----------
    separator : stands between cells, ``::`` or a tab; columns : what the cells are called; kind : the published format

    Raises
    ------
    TenbinError
        ``E_NOT_A_TABLE``, ``E_EMPTY_FILE``, ``E_LONG_LINE``, ``E_NOT_THIS_FORMAT`` when no line has so many cells.
    """
    data = path.read_bytes()
    refuse_binary(data[:65_536], path.name)
    if not data.strip(b" \t\r\n\0"):
        raise TenbinError("E_EMPTY_FILE", file=path.name)
    try:
        text, encoding = data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:  # the older files are written in Latin-1, in which nothing is undecodable
        text, encoding = data.decode("latin-1"), "latin-1"
    lines = pa.array(text.replace("\r\n", "\n").rstrip("\n").split("\n"), pa.large_string())
    if pc.max(pc.binary_length(lines)).as_py() > LONGEST_ROW_BYTES:
        raise TenbinError("E_LONG_LINE", file=path.name, limit=LONGEST_ROW_BYTES)
    cells = pc.split_pattern(lines, separator, max_splits=len(columns))  # one too many is enough to know
    fits = np.asarray(pc.equal(pc.list_value_length(cells), len(columns)))
    if not fits.any():
        raise TenbinError("E_NOT_THIS_FORMAT", file=path.name, format=kind, expected=separator.join(columns[:5]))
    numbers = np.arange(1, len(lines) + 1, dtype=np.int64)
    layout = Layout(Asked(path.name, role), columns)
    kept = cells.filter(pa.array(fits))
    layout.add_columns([pc.list_element(kept, at) for at in range(len(columns))], numbers[fits])
    for number, line in zip(numbers[~fits].tolist(), lines.filter(pa.array(~fits)).to_pylist(), strict=True):
        if line.strip():
            layout.set_aside(number, line.split(separator, len(columns)), "ragged")
    return layout.table(kind, encoding=encoding, delimiter=separator)
