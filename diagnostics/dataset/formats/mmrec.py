"""MMRec folders: ``NAME.inter`` with the split in ``x_label``, one ``*_feat.npy`` per modality, perhaps the items' own ids.

Row i of each array belongs to item i. Every row of the log is an interaction, whatever its rating: that is how published results
were computed, so ratings are left aside here and the split is kept.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from diagnostics.dataset.formats.shop import Format, Found, Reader, Shop, first_bytes, known, made_table, only_file
from diagnostics.dataset.tables import Table, as_text
from diagnostics.errors import TenbinError

__all__ = ["MMREC"]

_FILES = "NAME.inter (userID, itemID, x_label), *_feat.npy, i_id_mapping.csv"
_USED = ("userID", "itemID", "timestamp", "x_label")


def _recognise(catalog: Path | None, interactions: Path) -> Found | None:
    path = only_file(interactions, "*.inter")
    if path is None or not {b"itemID", b"x_label"} <= set(first_bytes(path).split(b"\n")[0].split()):
        return None
    return Found(catalog, path, path.parent)


def _open(found: Found, read: Reader) -> Shop:
    path, folder = found.interactions, found.interactions.parent
    log = read(path, "interactions")
    log = replace(log, frame=log.frame[[column for column in _USED if column in log.frame.columns]])
    features = {file.name.removesuffix("_feat.npy"): file for file in sorted(folder.glob("*_feat.npy"))}
    places = pd.to_numeric(as_text(log.frame["itemID"]), errors="coerce")
    if not (places >= 0).any() or places.max() > 1e9:
        raise TenbinError("E_NOT_THIS_FORMAT", file=path.name, format="mmrec", expected=_FILES)
    n_items = max([int(places.max()) + 1, *(_n_rows(file) for file in features.values())])
    ids = np.array([str(place) for place in range(n_items)], dtype=object)
    names = next((file for file in sorted(folder.glob("*i_id_mapping*.csv"))), None)
    if names is not None:
        log, ids = _with_own_ids(read(names, "catalog"), log, ids)
    if found.catalog is not None:
        items = read(found.catalog, "catalog")
    else:
        items = made_table(folder.name if names is None else names.name, "catalog", "mmrec", {"itemID": ids.tolist()})
    roles = () if found.catalog is not None else known(items, "mmrec", {"item_id": "itemID"})
    said = {"user_id": "userID", "item_id": "itemID", "timestamp": "timestamp", "split": "x_label"}
    return Shop(items, log, (*roles, *known(log, "mmrec", said)), None, features, ids, "mmrec")


def _with_own_ids(table: Table, log: Table, ids: np.ndarray) -> tuple[Table, np.ndarray]:
    """The shop's own id of each item in place of its number."""
    own = [name for name in table.frame.columns if name != "itemID"]
    if "itemID" not in table.frame.columns or not own:
        raise TenbinError("E_NOT_THIS_FORMAT", file=table.name, format="mmrec", expected="i_id_mapping.csv (asin, itemID)")
    pairs = zip(as_text(table.frame["itemID"]), as_text(table.frame[own[0]]), strict=True)
    names = {str(place): str(name) for place, name in pairs if isinstance(place, str) and isinstance(name, str)}
    written = as_text(log.frame["itemID"])
    frame = log.frame.assign(itemID=written.map(names).fillna(written).astype("str"))
    return replace(log, frame=frame), np.array([names.get(place, place) for place in ids], dtype=object)


def _n_rows(path: Path) -> int:
    """The rows that an array file says it has; 0 where it says nothing sensible, which its reader will explain."""
    try:
        with path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape = read(file)[0]
    except (OSError, ValueError):
        return 0
    return int(shape[0]) if shape and shape[0] <= 1e9 else 0


MMREC = Format(_FILES, _recognise, _open)
