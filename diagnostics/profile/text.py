"""Faults of texts: length, language, title again, markup, broken characters, and words that stand on many unrelated items."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

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
    "|[ã-é](?:[\u0080-\u009f][\u0080-\u00bf]|[\u00a0-\u00bf][\u0080-\u009f])"  # kana and kanji of UTF-8 likewise
    "|[縺繧繝]\\S{0,3}[縺繧繝]|窶[冱懊昿冰凖]"  # UTF-8 read as cp932
    "|(?:[\u0082\u0083‚ƒ].){3}"  # cp932 read as Latin-1: kana begin with these bytes
    "|(?:[¤¥][¡-þ]){3}"  # EUC-JP read as Latin-1
    "|(?:[､･][｡-ﾟ]){3}"  # EUC-JP read as cp932
)
_NUMBERS = re.compile(r"[\W\d_]+")
_WIDE = re.compile("[\u2e80-\U0010ffff]")
_FEW_TIES = ("title", "id", "category", "bought_together")
_MANY_TIES = ("title", "id", "kind", "bought_together")

Groups = list[np.ndarray]


def check_texts(check: Check, kinship: Kinship) -> None:
    """Look at every text of the catalog. Cost: linear in characters.

    A text is missing in disguise where nothing in it tells the product from another: words that stand for nothing, a title that
    many strangers have with nothing else beside it, or a few letters that, numbers aside, several products are called, without a
    description of its own in a shop that describes its products. Where nothing at all is written beside such a name, it is missing
    without disguise. A title of its own is a text, however short; what is wrong with the description is counted apart, in
    ``check.described``.
    """
    if check.catalog.texts is None:
        return
    texts = [(text or "").strip() for text in check.catalog.texts]
    check.value = texts.__getitem__
    descriptions = _descriptions(check.catalog, texts)
    stand_in = _stands_in(texts)
    real = np.array([bool(text) for text in texts], dtype=bool) & ~stand_in
    says_nothing = _stands_in(descriptions)
    check.add_issue("stand_in_word", stand_in | says_nothing)
    repeated = _repeats_title(check.catalog, descriptions)
    written = np.array([bool(description) for description in descriptions], dtype=bool)
    width = np.array([_width(text) for text in texts], dtype=np.float64)
    told = written & ~says_nothing & real
    usual = bool(real.any()) and bool(told[real].mean() >= threshold("usually_described"))
    apart = usual or (check.catalog.descriptions is not None and _are_kept(told))
    apart &= check.catalog.titles is not None
    blank = ~written & apart
    _lengths(check, texts, width, real, blank)
    check.add_issue("title_repeated", repeated)
    check.add_issue("markup_in_text", *_matches(_MARKUP, texts))
    broken, badness = _matches(_BROKEN, texts)
    check.add_issue("broken_characters", broken, badness)
    _languages(check, texts, real & ~broken)
    said = ["" if again else description for description, again in zip(descriptions, repeated, strict=True)]
    nameless, hollow, shared = _shared_text(check, kinship, texts, said, real)
    hollow |= _templates(check, kinship, descriptions, real & ~shared)
    own = written & ~says_nothing & ~repeated & ~hollow
    if apart:
        check.described, check.blank = own, blank
    bare = real & ~own & (usual or apart) & _bare_names(check.catalog)
    check.named_only |= bare & blank & ~nameless
    check.disguised |= stand_in | nameless | (bare & ~blank)


def _stands_in(texts: list[str]) -> BoolArray:
    """Texts that are nothing but a word for "nothing"."""
    return np.array([text.casefold() in STAND_INS for text in texts], dtype=bool)


def _are_kept(described: BoolArray) -> bool:
    """Whether a column of descriptions is one that the shop fills, if only for some of its products."""
    enough = max(threshold("described_items"), threshold("described_share") * len(described))
    return bool(described.sum() >= enough)


def _bare_names(catalog: Catalog) -> BoolArray:
    """Items without a title, and those with a short one that, numbers aside, several products have: "Lamp 7"."""
    if catalog.titles is None:
        return np.ones(catalog.n_items, dtype=bool)
    titles = [(title or "").strip() for title in catalog.titles]
    names = [" ".join(_NUMBERS.sub(" ", title.casefold()).split()) for title in titles]
    bearers = Counter(names)
    short, several = threshold("short_text_width"), threshold("copy_min_items")
    pairs = zip(titles, names, strict=True)
    return np.array([not title or (_width(title) < short and bearers[name] >= several) for title, name in pairs], dtype=bool)


def _lengths(check: Check, texts: list[str], width: np.ndarray, real: BoolArray, blank: BoolArray) -> None:
    """How long the texts are, which lack a description, and which are too short to describe or too long to be read."""
    characters = np.array([len(text) for text in texts], dtype=np.int64)
    if real.any():
        quantiles = {f"p{part}": int(np.percentile(characters[real], part, method="nearest")) for part in (5, 50, 95)}
        check.lengths = {**quantiles, "longest": int(characters.max())}
    short, long = threshold("short_text_width"), threshold("long_text")
    check.add_issue("no_description", blank)
    check.add_issue("very_short_text", real & ~blank & (width < short), below(width, short))
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


def _shared_text(
    check: Check, kinship: Kinship, texts: list[str], descriptions: list[str], real: BoolArray
) -> tuple[BoolArray, BoolArray, BoolArray]:
    """One text word for word on several items: boilerplate on many strangers, a copy on few, innocent on variants.

    Returns
    -------
    (items of which the whole text is boilerplate, items of which the description is, all accused)
    """
    sharing: dict[str, list[int]] = defaultdict(list)
    for item in np.flatnonzero(real):
        sharing[" ".join((descriptions[item] or texts[item]).split()).casefold()].append(int(item))
    groups = [np.array(items) for items in sharing.values() if len(items) > 1]
    described = [group for group in groups if descriptions[group[0]]]
    bare = [group for group in groups if not descriptions[group[0]]]
    (many, few), kin = _strangers(kinship, described)
    (bare_many, bare_few), bare_kin = _strangers(kinship, bare, but="title")
    least = int(threshold("copy_min_items"))
    check.add_groups(
        ("boilerplate_text", "variants_share_text"),
        many + bare_many,
        [group for group in kin + bare_kin if len(group) >= least],
    )
    n = len(texts)
    check.add_issue("duplicate_text", *_marked(n, few))
    hollow, nameless = _marked(n, many)[0], _marked(n, bare_many)[0]
    return nameless, hollow, hollow | nameless | _marked(n, few + bare_few)[0]


def _strangers(kinship: Kinship, groups: Groups, *, but: str = "") -> tuple[tuple[Groups, Groups], Groups]:
    """((groups of many strangers, of few), kin). ``but`` is a tie that the groups have anyhow."""
    least = int(threshold("copy_min_items"))
    many, kin = kinship.split((group for group in groups if len(group) >= least), ties=[tie for tie in _MANY_TIES if tie != but])
    few, few_kin = kinship.split((group for group in groups if len(group) < least), ties=[tie for tie in _FEW_TIES if tie != but])
    return (many, few), kin + few_kin


def _templates(check: Check, kinship: Kinship, descriptions: list[str], eligible: BoolArray) -> BoolArray:
    """The same words with only names and numbers changed: a template on many strangers (these are returned), a near copy on few.

    What is left without the names must be long enough to say something: "with an elasticated waist" is true of many products.
    """
    bones = skeletons(check.catalog, descriptions)
    width = np.array([_width(bone.replace("§", "")) for bone in bones])
    items = np.flatnonzero(eligible & (width >= threshold("wording_width")))
    groups = [group for group in same_wording(bones, items) if len({descriptions[item].casefold() for item in group}) > 1]
    (many, few), _ = _strangers(kinship, groups)
    check.add_issue("near_duplicate_text", *_marked(len(bones), few))
    return check.add_stand_ins("template_text", many)


def _marked(n: int, groups: Groups) -> tuple[BoolArray, np.ndarray]:
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
    return len(text) if text.isascii() else len(text) + len(_WIDE.findall(text))


def _matches(pattern: re.Pattern[str], texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """(texts with a match, their badness by the number of matches)."""
    counts = np.array([sum(1 for _ in pattern.finditer(text)) for text in texts])
    return counts > 0, per_count(counts)
