"""Faults of texts: length, language, title again, markup, broken characters, and words that stand on many unrelated items."""

from __future__ import annotations

import re
from collections import defaultdict

import numpy as np

from diagnostics.config import threshold
from diagnostics.profile.checks import Check, above, below, per_count
from diagnostics.profile.kinship import Kinship
from diagnostics.profile.languages import find_languages, odd_languages
from diagnostics.profile.templates import same_wording, skeletons
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
_BROKEN = re.compile(
    "\ufffd"  # a failed decoding
    "|[ÃÂ][\u0080-\u00bf]|â(?:€|\u0080)"  # UTF-8 read as Latin-1
    "|[縺繧繝]\\S{0,3}[縺繧繝]|窶[冱懊昿冰凖]"  # UTF-8 read as cp932
    "|(?:[\u0082\u0083‚ƒ].){3}"  # cp932 read as Latin-1: kana begin with these bytes
    "|(?:[¤¥][¡-þ]){3}"  # EUC-JP read as Latin-1
    "|(?:[､･][｡-ﾟ]){3}"  # EUC-JP read as cp932
)
_TIES = ("title", "id", "category", "bought_together")


def check_texts(check: Check, kinship: Kinship) -> None:
    """Look at every text of the catalog. Cost: linear in characters."""
    if check.catalog.texts is None:
        return
    texts = [(text or "").strip() for text in check.catalog.texts]
    check.value = texts.__getitem__
    descriptions = _descriptions(check.catalog, texts)
    stand_in = np.array([text.casefold() in STAND_INS for text in texts], dtype=bool)
    real = np.array([bool(text) for text in texts], dtype=bool) & ~stand_in
    check.disguised |= stand_in
    check.add_issue("stand_in_word", stand_in)
    _lengths(check, texts, descriptions, real)
    check.add_issue("title_repeated", _repeats_title(check.catalog, descriptions))
    check.add_issue("markup_in_text", *_matches(_MARKUP, texts))
    broken, badness = _matches(_BROKEN, texts)
    check.add_issue("broken_characters", broken, badness)
    _languages(check, texts, real & ~broken)
    shared = _shared_text(check, kinship, texts, descriptions, real)
    _templates(check, kinship, descriptions, real & ~shared)


def _lengths(check: Check, texts: list[str], descriptions: list[str], real: BoolArray) -> None:
    """How long the texts are, and which are too short to describe or too long to be read."""
    characters = np.array([len(text) for text in texts], dtype=np.int64)
    width = np.array([_width(text) for text in texts], dtype=np.float64)
    if real.any():
        quantiles = {f"p{part}": int(np.percentile(characters[real], part, method="nearest")) for part in (5, 50, 95)}
        check.lengths = {**quantiles, "longest": int(characters.max())}
    short, long = threshold("short_text_width"), threshold("long_text")
    bare = real & _bare_titles(check.catalog, real, descriptions, width)
    check.disguised |= bare
    check.add_issue("bare_title", bare, below(width, short))
    check.add_issue("very_short_text", real & ~bare & (width < short), below(width, short))
    check.add_issue("very_long_text", characters > long, above(characters, long))


def _languages(check: Check, texts: list[str], real: BoolArray) -> None:
    """The shop's mix of languages, and texts that fall out of it."""
    items = np.flatnonzero(real)
    if len(items) == 0:
        return
    codes, sure = find_languages([texts[item] for item in items])
    names, counts = np.unique(codes, return_counts=True)
    by_count = np.argsort(-counts, kind="stable")
    check.languages = {str(names[place]): float(counts[place] / len(items)) for place in by_count}
    odd, badness = np.zeros(len(real), dtype=bool), np.zeros(len(real))
    odd[items], badness[items] = odd_languages(codes, sure), sure
    check.add_issue("other_language", odd, badness)


def _shared_text(check: Check, kinship: Kinship, texts: list[str], descriptions: list[str], real: BoolArray) -> BoolArray:
    """One text word for word on several items: boilerplate on many strangers, a copy on few, innocent on variants."""
    sharing: dict[str, list[int]] = defaultdict(list)
    for item in np.flatnonzero(real):
        sharing[" ".join((descriptions[item] or texts[item]).split()).casefold()].append(int(item))
    groups = [np.array(items) for items in sharing.values() if len(items) > 1]
    described = [group for group in groups if descriptions[group[0]]]
    with_title = [group for group in groups if not descriptions[group[0]]]
    strangers, kin = kinship.split(described, ties=_TIES)
    titled_strangers, titled_kin = kinship.split(with_title, ties=_TIES[1:])
    many = int(threshold("copy_min_items"))
    accused = strangers + titled_strangers
    check.add_groups(
        ("boilerplate_text", "variants_share_text"),
        [group for group in accused if len(group) >= many],
        [group for group in kin + titled_kin if len(group) >= many],
    )
    check.add_issue("duplicate_text", *_marked(len(texts), [group for group in strangers if len(group) < many]))
    return _marked(len(texts), accused)[0]


def _templates(check: Check, kinship: Kinship, descriptions: list[str], eligible: BoolArray) -> None:
    """The same words with only names and numbers changed: a template on many strangers, a near copy on few."""
    bones = skeletons(check.catalog, descriptions)
    width = np.array([_width(bone.replace("§", "")) for bone in bones])
    items = np.flatnonzero(eligible & (width >= threshold("short_text_width")))
    groups = [group for group in same_wording(bones, items) if len({descriptions[item].casefold() for item in group}) > 1]
    strangers = kinship.split(groups, ties=_TIES)[0]
    many = int(threshold("copy_min_items"))
    check.add_stand_ins("template_text", [group for group in strangers if len(group) >= many])
    few = [group for group in strangers if len(group) < many and width[group].min() >= threshold("wording_width")]
    check.add_issue("near_duplicate_text", *_marked(len(bones), few))


def _marked(n: int, groups: list[np.ndarray]) -> tuple[BoolArray, np.ndarray]:
    """(items of the groups, how much of each group repeats another of it)."""
    sizes = np.ones(n)
    for group in groups:
        sizes[group] = len(group)
    return sizes > 1, 1 - 1 / sizes


def _descriptions(catalog: Catalog, texts: list[str]) -> list[str]:
    """Each item's text beside the title; "" where nothing else is there. Taken out of the whole text where it is not apart."""
    if catalog.descriptions is not None:
        return [(text or "").strip() for text in catalog.descriptions]
    titles = [None] * catalog.n_items if catalog.titles is None else catalog.titles
    without = (text.removeprefix((title or "").strip()) for text, title in zip(texts, titles, strict=True))
    return [description.strip(" \t\r\n.。:：|-–—/") for description in without]


def _bare_titles(catalog: Catalog, real: BoolArray, descriptions: list[str], width: np.ndarray) -> BoolArray:
    """Items with a very short title and nothing else, in a shop that describes most of its products: their text is missing."""
    described = np.array([bool(description) for description in descriptions], dtype=bool)
    if catalog.titles is None or not real.any() or described[real].mean() < threshold("usually_described"):
        return np.zeros(len(real), dtype=bool)
    return np.asarray(~described & (width < threshold("short_text_width")))


def _repeats_title(catalog: Catalog, descriptions: list[str]) -> BoolArray:
    """Items whose description is the title once more."""
    if catalog.titles is None:
        return np.zeros(catalog.n_items, dtype=bool)
    pairs = zip(catalog.titles, descriptions, strict=True)
    return np.array(
        [bool(title) and " ".join(title.split()).casefold() == " ".join(text.split()).casefold() for title, text in pairs]
    )


def _width(text: str) -> int:
    """Characters, those of Chinese, Japanese and Korean counted twice: they say about twice as much."""
    return len(text) if text.isascii() else sum(2 if character > "\u2e7f" else 1 for character in text)


def _matches(pattern: re.Pattern[str], texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """(texts with a match, their badness by the number of matches)."""
    counts = np.array([sum(1 for _ in pattern.finditer(text)) for text in texts])
    return counts > 0, per_count(counts)
