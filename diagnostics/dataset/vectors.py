"""Ready-made vectors of items: ``.npy``, ``.npz``, ``.parquet`` and ``.safetensors``. Nothing is ever unpickled.

Row i belongs to row i of the catalog file, or to the item named in an id column or array ``item_id``. A row of NaN is missing.
"""

from __future__ import annotations

import json
import os
import re
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from diagnostics.dataset.keys import find_items
from diagnostics.errors import TenbinError
from diagnostics.schema import FileNote, FloatArray, Message

__all__ = ["VECTOR_READERS", "Vectors", "align_vectors", "check_name", "read_vectors"]

_ID = "item_id"
_LARGEST_BYTES = 64_000_000_000
_RESERVED = frozenset({"id", "joint", "all", "none", "popularity", "random", "item_knn", "full", "ensemble"})


class Vectors:
    """Numbers as read from one file: ``values`` float32 (n_rows, d); ``ids`` object array of str (n_rows,) or None."""

    def __init__(self, name: str, values: FloatArray, ids: npt.NDArray[np.object_] | None, note: FileNote) -> None:
        self.name, self.values, self.ids, self.note = name, values, ids, note


def check_name(name: str) -> None:
    """A modality's name stands in arm names such as ``vbpr:text+image:ckd`` and in file names, so some signs are not allowed."""
    if not re.fullmatch(r"[^\W_][\w-]{0,39}", name) or name in _RESERVED:
        raise TenbinError("E_BAD_MODALITY_NAME", found=name)


def read_vectors(path: Path) -> Vectors:
    """Read one file of vectors.

    Raises
    ------
    TenbinError
        ``E_FILE_MISSING``, ``E_VECTOR_FORMAT`` (unknown ending), ``E_VECTOR_PICKLED`` (needs unpickling, which is never done),
        ``E_VECTOR_BROKEN``, ``E_VECTOR_INDEX`` (a table's index may be ids, or not), ``E_VECTOR_SHAPE`` (no two-dimensional array
        of numbers).
    """
    if not os.path.isfile(path):  # noqa: PTH113  (a name that the system cannot even look up is missing too)
        raise TenbinError("E_FILE_MISSING", file=str(path))
    suffix = path.suffix.lower()
    if suffix not in VECTOR_READERS:
        raise TenbinError("E_VECTOR_FORMAT", file=path.name, choices=list(VECTOR_READERS))
    try:
        values, ids = VECTOR_READERS[suffix](path)
    except TenbinError:
        raise
    except Exception as error:  # a decoder fed with a stranger's bytes may raise anything
        pickled = "Object arrays" in str(error) or _is_pickle(path)
        raise TenbinError("E_VECTOR_PICKLED" if pickled else "E_VECTOR_BROKEN", file=path.name) from error
    if values.ndim != 2 or not values.shape[1] or values.dtype.kind not in "fiub":
        found = f"{' × '.join(map(str, values.shape))} ({values.dtype})"
        raise TenbinError("E_VECTOR_SHAPE", file=path.name, found=found)
    if ids is not None and len(ids) != len(values):
        raise TenbinError("E_VECTOR_ROWS", file=path.name, found=len(ids), expected=len(values))
    numbers = np.ascontiguousarray(values, dtype=np.float32)
    columns = tuple(str(size) for size in numbers.shape)
    note = FileNote(name=path.name, role="features", format=suffix[1:], rows=len(numbers), columns=columns)
    return Vectors(path.name, numbers, ids, note)


def align_vectors(
    vectors: Vectors, item_ids: npt.NDArray[np.object_], kept: npt.NDArray[np.int64], n_rows: int, file: str
) -> tuple[FloatArray, list[tuple[int, str, str]], list[Message]]:
    """Lay vectors in the order of the catalog.

    Parameters
    ----------
    item_ids : (n_items,)
    kept : int64 (n_items,), the position of each item among the data rows of the catalog file
    n_rows : data rows of the catalog file
    file : what the remarks call the file

    Returns
    -------
    values : float32 (n_items, d), all NaN where an item has no vector or one with a number that is not finite
    aside : (row of the vector file from 1, item id, reason) with reason ``unknown_item`` or ``duplicate_item``
    remarks : on ids that were matched though they are spelled differently, see ``keys.find_items``

    Raises
    ------
    TenbinError
        ``E_VECTOR_ROWS`` when there are no ids and the numbers of rows differ; ``E_VECTOR_NO_ITEM`` when no id is in the catalog.
    """
    values = np.full((len(item_ids), vectors.values.shape[1]), np.nan, dtype=np.float32)
    aside: list[tuple[int, str, str]] = []
    remarks: list[Message] = []
    if vectors.ids is None:
        if len(vectors.values) != n_rows:
            raise TenbinError("E_VECTOR_ROWS", file=vectors.name, found=len(vectors.values), expected=n_rows)
        values[:] = vectors.values[kept]
    else:
        written = pd.Series(vectors.ids, dtype="str").str.strip()
        place, remarks = find_items(written, item_ids, file)
        exact = written.to_numpy(dtype=object) == item_ids[place]
        first = np.argsort(~exact, kind="stable")  # what names an item as it is written comes before what only means it
        repeated = np.empty(len(place), dtype=bool)
        repeated[first] = (place[first] >= 0) & pd.Series(place[first]).duplicated().to_numpy()
        for reason, mask in (("unknown_item", place < 0), ("duplicate_item", repeated)):
            aside += [(int(row) + 1, str(written.iloc[row]), reason) for row in np.flatnonzero(mask)]
        usable = (place >= 0) & ~repeated
        if not usable.any():
            raise TenbinError("E_VECTOR_NO_ITEM", file=vectors.name)
        values[place[usable]] = vectors.values[usable]
    values[~np.isfinite(values).all(axis=1)] = np.nan
    return values, aside, remarks


Raw = tuple[npt.NDArray[np.generic], npt.NDArray[np.object_] | None]


def _as_ids(ids: npt.NDArray[np.generic]) -> npt.NDArray[np.object_]:
    if ids.dtype.kind == "S":
        return np.array([bytes(value).decode("utf-8") for value in ids], dtype=object)
    if ids.dtype.kind not in "Uiu" or ids.ndim != 1:
        raise ValueError("item_id is neither text nor whole numbers")
    return np.array([str(value) for value in ids], dtype=object)


def _is_pickle(path: Path) -> bool:
    """Whether a file is a pickle, or an archive with one inside, as torch writes them, whatever its name says."""
    with path.open("rb") as file:
        if file.read(1) == b"\x80":
            return True
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith(".pkl") for name in archive.namelist())
    except zipfile.BadZipFile:
        return False


def _npy(path: Path) -> Raw:
    with path.open("rb") as file:  # np.load would also take an archive for what it is not
        values: npt.NDArray[np.generic] = np.lib.format.read_array(file, allow_pickle=False)
    return values, None


def _npz(path: Path) -> Raw:
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if sum(member.file_size for member in members) > _LARGEST_BYTES:
            raise ValueError("too large")
        if not all(member.filename.endswith(".npy") for member in members):
            raise ValueError("an archive of something else than arrays")
    with np.load(path, allow_pickle=False) as arrays:
        tables = [name for name in arrays.files if name != _ID and arrays[name].ndim == 2]
        if len(tables) != 1:
            return np.empty(0), None
        return arrays[tables[0]], _as_ids(arrays[_ID]) if _ID in arrays.files else None


def _parquet(path: Path) -> Raw:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    index = [
        field for field in table.schema if field.name.startswith("__index_level_")
    ]  # what pandas keeps of a table not in order
    if index and _ID not in table.column_names:
        if len(index) > 1 or not (pa.types.is_string(index[0].type) or pa.types.is_large_string(index[0].type)):
            raise TenbinError("E_VECTOR_INDEX", file=path.name)
        table = table.append_column(_ID, table[index[0].name])
    table, ids = table.drop_columns([field.name for field in index]), None
    if _ID in table.column_names:
        ids = np.array([str(value) for value in table[_ID].to_pylist()], dtype=object)
        table = table.drop_columns([_ID])
    lists = [field.name for field in table.schema if pa.types.is_list(field.type) or pa.types.is_fixed_size_list(field.type)]
    lists += [field.name for field in table.schema if pa.types.is_large_list(field.type)]
    if len(lists) == 1:
        return _stacked(table[lists[0]].to_pylist()), ids
    numbers = [field.name for field in table.schema if pa.types.is_floating(field.type) or pa.types.is_integer(field.type)]
    if lists or not numbers:
        return np.empty(0), None
    return np.column_stack([table[name].to_numpy(zero_copy_only=False).astype(np.float32) for name in numbers]), ids


def _stacked(rows: list[list[float | None] | None]) -> npt.NDArray[np.float32]:
    width = max((len(row) for row in rows if row is not None), default=0)
    if any(row is not None and len(row) != width for row in rows):
        raise ValueError("vectors of different lengths")
    missing = [None] * width
    return np.array([missing if row is None else row for row in rows], dtype=np.float32).reshape(len(rows), width)


def _safetensors(path: Path) -> Raw:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            names = list(file.keys())
            tables = [name for name in names if name != _ID and len(file.get_slice(name).get_shape()) == 2]
            written = (file.metadata() or {}).get(_ID)
            if len(tables) != 1:
                return np.empty(0), None
            ids = _as_ids(file.get_tensor(_ID)) if _ID in names else None
            if written is not None:
                ids = np.array([str(value) for value in json.loads(written)], dtype=object)
            return file.get_tensor(tables[0]), ids
    except SafetensorError as error:
        raise ValueError("broken safetensors") from error


VECTOR_READERS = {".npy": _npy, ".npz": _npz, ".parquet": _parquet, ".safetensors": _safetensors}
"""Every reader of vectors, by the file's ending."""
