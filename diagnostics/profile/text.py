"""Faults of texts: too short, title again, markup, broken characters, and one text on many unrelated items."""

from __future__ import annotations

import re
from collections import defaultdict

import numpy as np

from diagnostics.config import threshold
from diagnostics.profile.checks import Check
from diagnostics.profile.kinship import Kinship
from diagnostics.schema import BoolArray, Catalog

__all__ = ["STAND_INS", "check_texts"]

STAND_INS = frozenset(
    {
        "-",
        "--",
        "n/a",
        "na",
        "none",
        "null",
        "nil",
        "unknown",
        "undefined",
        "unspecified",
        "tbd",
        "tba",
        "todo",
        "なし",
        "無し",
        "不明",
        "未設定",
        "未定",
        "未登録",
        "準備中",
        "該当なし",
    }
)
"""Words that stand where a value is missing, in small letters."""

_MARKUP = re.compile(r"</?[a-zA-Z][a-zA-Z0-9]*(?:\s[^<>]*)?/?>|&(?:[a-zA-Z]{2,8}|#\d{2,5});")
# UTF-8 read as Latin-1 leaves these pairs, UTF-8 read as cp932 these characters, a failed decoding the replacement character.
_BROKEN = re.compile("\ufffd|[ÃÂ][\u0080-\u00bf]|â(?:€|\u0080)|[縺繧繝]\\S{0,3}[縺繧繝]")


def check_texts(check: Check, kinship: Kinship) -> None:
    """Look at every text of the catalog. Cost: linear in characters."""
    texts = check.catalog.texts
    if texts is None:
        return
    descriptions = _descriptions(check.catalog)
    known = np.array([bool(text and text.strip()) for text in texts], dtype=bool)
    width = np.array([_width(text or "") for text in texts], dtype=np.float64)
    stand_in = np.array([(text or "").strip().casefold() in STAND_INS for text in texts], dtype=bool)
    bare = known & ~stand_in & _bare_titles(check.catalog, known, descriptions, width)
    check.disguised |= stand_in | bare
    check.add_issue("stand_in_word", stand_in)
    check.add_issue("bare_title", bare, -width)
    check.add_issue("very_short_text", known & ~stand_in & ~bare & (width < threshold("short_text_width")), -width)
    check.add_issue(
        "title_repeated", np.array([_repeats_title(check.catalog, item, descriptions[item]) for item in range(len(texts))])
    )
    check.add_issue("markup_in_text", *_matches(_MARKUP, texts))
    check.add_issue("broken_characters", *_matches(_BROKEN, texts))

    sharing: dict[str, list[int]] = defaultdict(list)
    for item, text in enumerate(texts):
        if known[item] and not stand_in[item]:
            sharing[" ".join((descriptions[item] or text).split()).casefold()].append(item)
    groups = [np.array(items) for items in sharing.values() if len(items) >= threshold("copy_min_items")]
    with_title = [group for group in groups if not descriptions[group[0]]]
    strangers, kin = kinship.split(
        [group for group in groups if descriptions[group[0]]], ties=("title", "id", "category", "bought_together")
    )
    titled_strangers, titled_kin = kinship.split(with_title, ties=("id", "category", "bought_together"))
    check.add_groups(("boilerplate_text", "variants_share_text"), strangers + titled_strangers, kin + titled_kin)


def _descriptions(catalog: Catalog) -> list[str]:
    """Each text without the title in front of it; "" where nothing else is there."""
    if catalog.texts is None:
        return []
    titles = [None] * catalog.n_items if catalog.titles is None else catalog.titles
    without = ((text or "").strip().removeprefix((title or "").strip()) for text, title in zip(catalog.texts, titles, strict=True))
    return [description.strip(" \t\r\n.。:：|-–—/") for description in without]


def _bare_titles(catalog: Catalog, known: BoolArray, descriptions: list[str], width: np.ndarray) -> BoolArray:
    """Items with a very short title and nothing else, in a shop that describes most of its products: their text is missing."""
    described = np.array([bool(description) for description in descriptions], dtype=bool)
    if catalog.titles is None or described[known].mean() < threshold("usually_described"):
        return np.zeros(len(known), dtype=bool)
    return np.asarray(~described & (width < threshold("short_text_width")))


def _repeats_title(catalog: Catalog, item: int, description: str) -> bool:
    title = (catalog.titles[item] or "").strip().casefold() if catalog.titles is not None else ""
    return bool(title) and description.casefold() == title


def _width(text: str) -> int:
    """Characters, those of Chinese, Japanese and Korean counted twice: they say about twice as much."""
    return sum(2 if character > "\u2e7f" else 1 for character in text.strip())


def _matches(pattern: re.Pattern[str], texts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(texts with a match, number of matches)."""
    counts = np.array([len(pattern.findall(text)) if text else 0 for text in texts])
    return counts > 0, counts
