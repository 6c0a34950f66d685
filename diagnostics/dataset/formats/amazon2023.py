"""Amazon Reviews 2023: ``meta_NAME.jsonl`` describes the items, ``NAME.jsonl`` holds the reviews; both may be gzipped.

Items are told apart by ``parent_asin``, as the reviews name them. Pictures are web addresses and are never fetched: give a folder
of pictures named by ``parent_asin`` to use them.
"""

from __future__ import annotations

import gzip
import zlib
from dataclasses import replace
from pathlib import Path

import pandas as pd

from diagnostics.dataset.formats.shop import Format, Found, Reader, Shop, first_bytes, known
from diagnostics.dataset.tables import as_text
from diagnostics.errors import TenbinError

__all__ = ["AMAZON2023"]

_FILES = "meta_NAME.jsonl, NAME.jsonl (.gz)"
_ADDRESSES = ("images", "videos", "bought_together")
_LISTS = ("description", "features")
_BETWEEN = " | "  # how the reader of JSON lines writes a list of texts
_LEVELS = 3  # of the categories; deeper ones hardly repeat
_LOG = {"user_id": "user_id", "item_id": "parent_asin", "rating": "rating", "timestamp": "timestamp"}


def _recognise(catalog: Path | None, interactions: Path) -> Found | None:
    folder = interactions if interactions.is_dir() else None
    items, reviews = [] if catalog is None else [catalog], [interactions]
    if folder is not None:
        files = [path for pattern in ("*.jsonl", "*.jsonl.gz") for path in sorted(folder.glob(pattern))]
        items = items or [path for path in files if path.name.startswith("meta")]
        reviews = [path for path in files if not path.name.startswith("meta")]
    if len(items) != 1 or len(reviews) != 1:
        return None
    named = _tells(items[0], b'"parent_asin"', b'"title"') and _tells(reviews[0], b'"parent_asin"', b'"user_id"', b'"rating"')
    return Found(items[0], reviews[0], folder) if named else None


def _tells(path: Path, *keys: bytes) -> bool:
    line = _first_line(path)
    return line.startswith(b"{") and all(key in line for key in keys)


def _first_line(path: Path) -> bytes:
    head = first_bytes(path)
    if head[:2] == b"\x1f\x8b":
        try:
            with gzip.GzipFile(path) as file:
                head = file.read(65_536)
        except (OSError, EOFError, zlib.error):
            return b""
    return head.split(b"\n")[0]


def _open(found: Found, read: Reader) -> Shop:
    items, log = read(found.catalog or found.interactions, "catalog"), read(found.interactions, "interactions")
    for table in (items, log):
        if "parent_asin" not in table.frame.columns:
            raise TenbinError("E_NOT_THIS_FORMAT", file=table.name, format="amazon2023", expected="parent_asin")
    frame = items.frame.drop(columns=[name for name in _ADDRESSES if name in items.frame.columns])
    for name in _LISTS:
        if name in frame.columns:
            frame[name] = as_text(frame[name]).str.replace(_BETWEEN, "\n", regex=False)
    levels: list[str] = []
    if "categories" in frame.columns:
        parts = as_text(frame["categories"]).str.split(_BETWEEN, expand=True, regex=False).iloc[:, :_LEVELS]
        levels = [f"category_{level}" for level in range(1, parts.shape[1] + 1)]
        named = {name: parts.iloc[:, place].astype("str") for place, name in enumerate(levels)}
        frame = frame.drop(columns="categories").assign(**named)
    items = replace(items, frame=pd.DataFrame(frame))
    told = {"item_id": "parent_asin", "title": "title", "description": _LISTS, "category": levels, "price": "price"}
    return Shop(items, log, (*known(items, "amazon2023", told), *known(log, "amazon2023", _LOG)), format="amazon2023")


AMAZON2023 = Format(_FILES, _recognise, _open)
