"""Texts that say the same of everything: what is left when a product's own name, its attributes and all numbers are taken out."""

from __future__ import annotations

import re
from dataclasses import dataclass

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
    names: dict[str | None, _Name] = {name: _Name.of(name) for column in columns for name in set(column.tolist())}
    return [_skeleton(text, [names[column[item]] for column in columns]) if text else "" for item, text in enumerate(descriptions)]


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


@dataclass(frozen=True)
class _Name:
    """What a name is made of: ``words`` between blanks and marks; ``parts`` where it is written without blanks, longest first."""

    words: frozenset[str] = frozenset()
    parts: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str | None) -> _Name:
        if not name or len(name) > _LONGEST_NAME:
            return cls()
        whole = " ".join(name.casefold().split())
        parts = (whole, *sorted(whole.split(), key=len, reverse=True)) if _WIDE.search(whole) else ()
        return cls(frozenset(_WORD.findall(whole)), tuple(part for part in parts if len(part) > 1))


def _skeleton(text: str, names: list[_Name]) -> str:
    plain = " ".join(text.casefold().split())
    for name in names:
        for part in name.parts:
            plain = plain.replace(part, _GAP)
    words = frozenset().union(*(name.words for name in names))
    plain = _NUMBER.sub("0", _WORD.sub(lambda found: _GAP if found[0] in words else found[0], plain))
    return _GAPS.sub(_GAP, plain)
