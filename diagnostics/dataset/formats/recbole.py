"""RecBole's atomic files: ``NAME.inter`` and ``NAME.item`` whose header gives each column a type, as in ``item_id:token``.

A ``float_seq`` column of the items becomes a modality of ready-made vectors; ``token_seq`` is text. Users are not described.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from diagnostics.dataset.formats.shop import Format, Found, Reader, Shop, first_bytes, known, made_table, only_file
from diagnostics.dataset.tables import Table, as_text
from diagnostics.dataset.vectors import Vectors
from diagnostics.errors import TenbinError
from diagnostics.schema import FileNote, FloatArray

__all__ = ["RECBOLE"]

_FILES = "NAME.inter, NAME.item (item_id:token, title:token_seq, price:float, ...)"
_TYPES = ("token", "token_seq", "float", "float_seq")
_LOG = {"user_id": "user_id", "item_id": "item_id", "rating": "rating", "timestamp": "timestamp"}


def _recognise(catalog: Path | None, interactions: Path) -> Found | None:
    path = only_file(interactions, "*.inter")
    header = b"" if path is None else first_bytes(path).split(b"\n")[0]
    if path is None or not any(cell.strip().endswith((b":token", b":float")) for cell in header.split(b"\t")):
        return None
    described = path.with_suffix(".item")
    return Found(catalog or (described if described.is_file() else None), path, path.parent)


def _open(found: Found, read: Reader) -> Shop:
    path = found.interactions
    log, _ = _typed(read(path, "interactions"))
    for role in ("user_id", "item_id"):
        if role not in log.frame.columns:
            raise TenbinError("E_NOT_THIS_FORMAT", file=path.name, format="recbole", expected=f"{role}:token")
    roles = known(log, "recbole", _LOG)
    if found.catalog is None:
        ids = as_text(log.frame["item_id"]).dropna().drop_duplicates()
        items = made_table(f"{path.stem} items", "catalog", "recbole", {"item_id": ids.reset_index(drop=True)})
        return Shop(items, log, (*known(items, "recbole", {"item_id": "item_id"}), *roles), format="recbole")
    items, types = _typed(read(found.catalog, "catalog"))
    vectors = {column: _vectors(items, column) for column, kind in types.items() if kind == "float_seq"}
    items = replace(items, frame=items.frame.drop(columns=list(vectors)))
    return Shop(items, log, (*known(items, "recbole", {"item_id": "item_id"}), *roles), None, vectors, None, "recbole")


def _typed(table: Table) -> tuple[Table, dict[str, str]]:
    """The table with plain column names, and the type that each column's name gave."""
    types: dict[str, str] = {}
    names: dict[str, str] = {}
    for written in table.frame.columns:
        name, _, kind = str(written).rpartition(":")
        plain = name if name and kind in _TYPES else str(written)
        names[written] = plain if plain not in types else str(written)
        types[names[written]] = kind
    note = table.note.model_copy(update={"columns": tuple(names.values()), "format": "recbole"})
    return replace(table, frame=table.frame.rename(columns=names), rejected=table.rejected.rename(columns=names), note=note), types


def _vectors(items: Table, column: str) -> Vectors:
    """A column of numbers in a row, one vector per item; a row of another length than most is missing."""
    parsed = [_numbers(cell) if isinstance(cell, str) else None for cell in as_text(items.frame[column])]
    lengths = pd.Series([len(row) for row in parsed if row is not None])
    width = 0 if lengths.empty else int(lengths.mode().iloc[0])
    if not width:
        raise TenbinError("E_VECTOR_SHAPE", file=items.name, found=column)
    missing = np.full(width, np.nan, dtype=np.float32)
    values = np.stack([missing if row is None or len(row) != width else row for row in parsed])
    note = FileNote(
        name=f"{items.name} {column}", role="features", format="recbole", rows=len(values), columns=(str(len(values)), str(width))
    )
    return Vectors(note.name, values, np.asarray(as_text(items.frame["item_id"]).fillna("").astype(object)), note)


def _numbers(cell: str) -> FloatArray | None:
    try:
        return np.array(cell.split(), dtype=np.float32)
    except ValueError:
        return None


RECBOLE = Format(_FILES, _recognise, _open)
