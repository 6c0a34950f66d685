"""Parquet: typed columns as the text a person would write."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from diagnostics.dataset.encodings import show_bytes
from diagnostics.dataset.tables.table import Asked, Layout, Table
from diagnostics.errors import TenbinError
from diagnostics.schema import Message

__all__ = ["count_rows", "lay_arrow", "read_parquet"]


def read_parquet(file: BinaryIO, asked: Asked) -> Table:
    """A Parquet file as text. Lists of text are joined by `` | ``, records become columns, other nested columns are left out.

    Raises
    ------
    TenbinError
        ``E_BAD_PARQUET``, ``E_TOO_MANY_COLUMNS``.
    """
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file) as opened:
            taken = [field.name for field in opened.schema_arrow if not _is_vector(field.type)]
            if asked.max_rows is None:
                arrow = opened.read(columns=taken)
            else:
                first = next(opened.iter_batches(batch_size=max(asked.max_rows, 1), columns=taken), None)
                arrow = pa.Table.from_batches([] if first is None else [first], opened.read_row_groups([], columns=taken).schema)
    except (pa.ArrowException, OSError) as error:
        raise TenbinError("E_BAD_PARQUET", file=asked.name) from error
    return lay_arrow(arrow, asked, "parquet")


def count_rows(path: Path) -> int:
    """How many rows a Parquet file says it holds.

    Raises
    ------
    TenbinError
        ``E_BAD_PARQUET``.
    """
    import pyarrow.parquet as pq

    try:
        return int(pq.read_metadata(path).num_rows)
    except (pa.ArrowException, OSError) as error:
        raise TenbinError("E_BAD_PARQUET", file=path.name) from error


def lay_arrow(arrow: pa.Table, asked: Asked, kind: str) -> Table:
    """A typed table as text: whole numbers without ``.0``, times in ISO form and of their own zone, nothing where there is nothing.

    Raises
    ------
    TenbinError
        ``E_TOO_MANY_COLUMNS``.
    """
    import pyarrow.compute as pc

    flat = arrow.flatten()
    joined = [field.name for field in flat.schema if _is_text_list(field.type)]
    flat = flat.select([at for at, field in enumerate(flat.schema) if not pa.types.is_nested(field.type) or field.name in joined])
    layout = Layout(asked, [str(name) for name in flat.column_names])
    columns = [
        _as_text(pc.binary_join(column, " | ") if field.name in joined else column)
        for field, column in zip(flat.schema, flat.columns, strict=True)
    ]
    if columns:
        layout.add_columns([column.combine_chunks() for column in columns], np.arange(2, len(flat) + 2))
    if joined:
        layout.remarks.append(Message(code="reading.remark.lists_joined", values={"file": asked.name, "columns": joined}))
    return layout.table(kind, blanks=True)


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _is_text_list(kind: pa.DataType) -> bool:
    return (pa.types.is_list(kind) or pa.types.is_large_list(kind)) and _is_text(kind.value_type)


def _is_vector(kind: pa.DataType) -> bool:
    return pa.types.is_nested(kind) and not pa.types.is_struct(kind) and not _is_text_list(kind)


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow.compute as pc

    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_float16(kind):
        column, kind = column.cast(pa.float32()), pa.float32()
    if pa.types.is_floating(kind):
        finite = column.filter(pc.is_finite(column))
        if len(finite) and pc.all(pc.equal(finite, pc.floor(finite))).as_py() and pc.max(pc.abs(finite)).as_py() < 2**53:
            column = pc.if_else(pc.is_finite(column), column, pa.scalar(None, kind)).cast(pa.int64())
    if _is_text(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        column = column.cast(pa.large_binary())  # what a file calls text may be none; only a cast from bytes looks
        try:
            return column.cast(pa.large_string())
        except pa.ArrowInvalid:
            shown = [None if raw is None else show_bytes(raw.decode("utf-8", "surrogateescape")) for raw in column.to_pylist()]
            return pa.chunked_array([pa.array(shown, pa.large_string())])
    try:
        if pa.types.is_timestamp(kind) and kind.tz is not None:
            column = pc.local_timestamp(column)  # the shop's own time of day
        return column.cast(pa.large_string())
    except pa.ArrowException:  # nothing that can be written as text
        return pa.chunked_array([pa.nulls(len(column), pa.large_string())])
