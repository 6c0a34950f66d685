"""Texts that say the same of everything: what is left when a product's own name, its attributes and all numbers are taken out."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from diagnostics.profile.likeness import gather, near_texts
from diagnostics.schema import Catalog

__all__ = ["same_wording", "skeletons"]

_GAP = "§"
_WORD = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_GAPS = re.compile(rf"{_GAP}(?:[\s\-–/&,.:・、]*{_GAP})+")
_WIDE = re.compile("[\u3041-\u30ff\u4e00-\u9fff]")
_LONGEST_NAME = 60  # characters; a longer attribute is a text of its own


def skeletons(catalog: Catalog, descriptions: list[str]) -> list[str]:
    """Each description in small letters with ``§`` for the words of its title and attributes, 0 for numbers, single blanks."""
    columns = [column for column in (catalog.titles, catalog.category, *catalog.attributes.values()) if column is not None]
    return [_skeleton(text, [column[item] for column in columns]) if text else "" for item, text in enumerate(descriptions)]


def same_wording(texts: list[str], items: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Groups of two or more of the items whose texts are the same or nearly so, in the order of the catalog."""
    if len(items) == 0:
        return []
    distinct, text_of, weight = np.unique([texts[item] for item in items], return_inverse=True, return_counts=True)
    pairs, alike = near_texts([str(text) for text in distinct])
    wording = np.arange(len(distinct))
    for group in gather(len(distinct), pairs, weight, alike):
        wording[group] = group[0]
    of_item = wording[text_of]
    order = np.argsort(of_item, kind="stable")
    runs = np.split(order, np.flatnonzero(np.diff(of_item[order])) + 1)
    return [items[run] for run in runs if len(run) > 1]


def _skeleton(text: str, names: list[str | None]) -> str:
    plain = " ".join(text.casefold().split())
    words: set[str] = set()
    for name in names:
        if not name or len(name) > _LONGEST_NAME:
            continue
        whole = " ".join(name.casefold().split())
        if _WIDE.search(whole):  # no blanks between words: the name, then its parts, wherever they stand
            for part in (whole, *sorted(whole.split(), key=len, reverse=True)):
                if len(part) > 1:
                    plain = plain.replace(part, _GAP)
        words.update(_WORD.findall(whole))
    plain = _NUMBER.sub("0", _WORD.sub(lambda found: _GAP if found[0] in words else found[0], plain))
    return _GAPS.sub(_GAP, plain)
