"""Faults of attributes and prices: words that stand for nothing, prices far from those of like items, mixed currencies and tax."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from diagnostics.config import threshold
from diagnostics.dataset.values import says_free
from diagnostics.profile.checks import Check, above
from diagnostics.profile.text import STAND_INS
from diagnostics.schema import Catalog

__all__ = ["check_attributes"]

_SMALL_CATEGORY = 20
_REST = frozenset(
    {"other", "others", "misc", "miscellaneous", "その他", "他", "none", "nil", "なし", "無し", "該当なし"}
)  # one column may say so ("hood: none" is a fact); all of them say nothing

_CURRENCIES = {
    "yen": r"¥|円|圓|jpy|\byen\b",
    "dollar": r"\$|usd|\bdollars?\b|ドル",
    "euro": r"€|eur\b|\beuros?\b|ユーロ",
    "pound": r"£|gbp|ポンド",
    "won": r"₩|krw|ウォン|원",
    "yuan": r"(?<=[\d万億])\s*元|cny|rmb",
}
_CURRENCY = re.compile("|".join(f"(?P<{name}>{signs})" for name, signs in _CURRENCIES.items()))
_WITH_TAX = re.compile(r"税込|内税|incl[a-z.]*\s*(?:of\s*)?(?:tax|vat)|(?:tax|vat)\s*incl")
_WITHOUT_TAX = re.compile(r"税抜|税別|外税|本体|\+\s*税|excl[a-z.]*\s*(?:of\s*)?(?:tax|vat)|(?:tax|vat)\s*excl|\+\s*(?:tax|vat)")


def check_attributes(check: Check) -> None:
    """Look at the attribute columns and the price."""
    catalog = check.catalog
    check.value = _row_in_words(catalog)
    if catalog.attributes:
        hollow, vague = (np.zeros(catalog.n_items, dtype=np.int64) for _ in range(2))
        filled = np.zeros(catalog.n_items, dtype=np.int64)
        for column in catalog.attributes.values():
            words = ["" if value is None else value.strip().casefold() for value in column]
            filled += np.array([bool(word) for word in words])
            hollow += np.array([word in STAND_INS and word not in _REST for word in words])
            vague += np.array([word in _REST for word in words])
        nothing = (filled > 0) & (hollow + vague == filled) & ((hollow > 0) | (vague > 1))
        check.disguised |= nothing
        check.add_issue("stand_in_word", (hollow > 0) | nothing, (hollow + vague) / np.maximum(filled, 1))
    if catalog.price is not None:
        free = np.zeros(catalog.n_items, dtype=bool)
        if catalog.price_texts is not None:
            free = np.array([text is not None and says_free(text) for text in catalog.price_texts])
        check.add_issue("price_not_positive", (catalog.price <= 0) & ~free)
        distance = _price_distance(catalog.price, catalog.category)
        check.add_issue("price_outlier", distance > threshold("price_outlier"), above(distance, threshold("price_outlier")))
    if catalog.price_texts is not None:
        _marks(check, catalog.price_texts)


def _row_in_words(catalog: Catalog) -> Callable[[int], str]:
    """An item's price and attributes on one line."""

    def value(item: int) -> str:
        cells = [f"{name}: {column[item]}" for name, column in catalog.attributes.items() if column[item] is not None]
        if catalog.price_texts is not None and catalog.price_texts[item] is not None:
            return "; ".join([str(catalog.price_texts[item]), *cells])
        price = catalog.price_to_show
        return "; ".join(cells if price is None or not np.isfinite(price[item]) else [f"{price[item]:g}", *cells])

    return value


def _marks(check: Check, written: NDArray[np.object_]) -> None:
    """Prices marked with another currency than most, or otherwise as to tax; a price without a mark is not judged."""
    marks = {text: _marks_of(text) for text in dict.fromkeys(written) if text is not None}
    for place, code in enumerate(("mixed_currency", "mixed_tax")):
        names = np.array(["" if text is None else marks[text][place] for text in written])
        known, counts = np.unique(names[names != ""], return_counts=True)
        if len(known) > 1:
            check.add_issue(code, (names != "") & (names != known[counts.argmax()]))


def _marks_of(text: str) -> tuple[str, str]:
    """(currency, with or without tax) as one price says; "" where it does not say, or says both."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    currency = _CURRENCY.search(plain)
    with_tax, without = bool(_WITH_TAX.search(plain)), bool(_WITHOUT_TAX.search(plain))
    tax = "" if with_tax == without else "with" if with_tax else "without"
    return (currency.lastgroup or "" if currency else ""), tax


def _price_distance(price: NDArray[np.float64], category: NDArray[np.object_] | None) -> NDArray[np.float64]:
    """How far each log price lies from the median of its category, in robust deviations (1.4826 x MAD); 0 where unknown.

    Categories of fewer than 20 priced items are compared with the whole catalog. The deviation is at least 10 % of a price.
    """
    known = np.isfinite(price) & (price > 0)
    logarithm = np.log(np.where(known, price, 1.0))
    groups = np.zeros(len(price), dtype=np.int64)
    if category is not None:
        names = np.array(["" if value is None else value for value in category], dtype=str)
        groups = np.unique(names, return_inverse=True)[1]
        small = np.bincount(groups[known], minlength=groups.max(initial=0) + 1) < _SMALL_CATEGORY
        groups = np.where(small[groups], -1, groups)
    distance = np.zeros(len(price))
    for group in np.unique(groups[known]):
        members = known & (groups == group)
        sample = logarithm[known] if group == -1 else logarithm[members]
        centre = np.median(sample)
        spread = max(1.4826 * float(np.median(np.abs(sample - centre))), 0.1)
        distance[members] = np.abs(logarithm[members] - centre) / spread
    return distance
