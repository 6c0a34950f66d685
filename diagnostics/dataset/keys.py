"""Ids as keys: for seeing that two files mean the same items though they spell them differently."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import pandas as pd

from diagnostics.schema import Message

__all__ = ["bare_key", "find_items", "key_without_zeros", "loose_key", "plain_ids", "spelled_alike"]

_KEPT_AS_TEXT = r"""^(?:="(.*)"|'(\d[\d-]*))$"""  # how a spreadsheet is told that digits are text


def plain_ids(ids: pd.Series) -> pd.Series:
    """Ids as the shop gave them, without what programs write around them: ``="000123"`` and ``'000123`` are 000123.

    ``4912.0`` is 4912 where no id has other decimals: the column was once saved as floating-point numbers.
    """
    odd = ids.str.startswith(("=", "'")).fillna(False)
    if odd.any():
        ids = ids.mask(odd, ids[odd].str.replace(_KEPT_AS_TEXT, r"\1\2", regex=True))
    saved_as_float = ids.str.fullmatch(r"\d+\.0").fillna(False)
    if saved_as_float.any() and not ids[~saved_as_float].str.fullmatch(r"\d+\.\d+").any():
        ids = ids.mask(saved_as_float, ids.str.slice(stop=-2))
    return ids


def key_without_zeros(ids: pd.Series) -> pd.Series:
    """Ids without leading zeros, for seeing that two files mean the same items; an id of zeros only stays one zero."""
    return ids.str.lstrip("0").mask(ids.str.fullmatch("0+"), "0")


def loose_key(ids: pd.Series) -> pd.Series:
    """Ids as one would read them aloud: full-width signs made ordinary, small letters, no blanks, hyphens and leading zeros."""
    plain = ids.str.normalize("NFKC").str.casefold().str.replace(r"[\s\-‐‑–—−]+", "", regex=True)
    return key_without_zeros(plain)


def spelled_alike(one: pd.Series, other: pd.Series) -> bool:
    """Whether two columns hold the same ids row by row, spelling aside."""
    return bool((loose_key(one) == loose_key(other)).mean() > 0.95)


def bare_key(value: str) -> str:
    """One id without anything but its letters and digits, and without leading zeros."""
    return re.sub(r"[\W_]+", "", value).lower().lstrip("0")


def find_items(items: pd.Series, item_ids: npt.NDArray[np.object_], file: str) -> tuple[npt.NDArray[np.int64], list[Message]]:
    """The index of each row's item, -1 for an item that is not in the catalog.

    Where a file has lost leading zeros (a spreadsheet or a database took its ids for numbers), or spells ids in another way
    (capital letters, full-width signs, hyphens), an id that is not in the catalog as written means the one item that it names
    without these; it stays unknown where it could mean several.
    """
    codes, unique = pd.factorize(items)
    written = plain_ids(pd.Series(np.asarray(unique, dtype=object), dtype="str"))
    place = pd.Index(item_ids).get_indexer(pd.Index(written.astype(object)))
    mine = pd.Series(item_ids, dtype="str")
    remarks: list[Message] = []
    for code, as_key in (("zeros", key_without_zeros), ("spelled", loose_key)):
        strange = np.flatnonzero(place < 0)
        if not len(strange):
            break
        keys = as_key(mine)
        single = np.flatnonzero(~keys.duplicated(keep=False))
        loose = pd.Index(keys.iloc[single].astype(object)).get_indexer(pd.Index(as_key(written.iloc[strange]).astype(object)))
        known = strange[loose >= 0]
        place[known] = single[loose[loose >= 0]]
        if len(known):
            example = {"found": str(written.iloc[known[0]])[:60]} if code == "spelled" else {}
            said = {"file": file, "n": len(known), **example}
            remarks.append(Message(code=f"reading.remark.{code}", values=said))
    return np.append(place, -1)[codes].astype(np.int64), remarks
