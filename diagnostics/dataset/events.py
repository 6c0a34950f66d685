"""What one event counts: kinds of events in English and Japanese with their weights, ratings and from which on a product is liked.

A recommender learns from "this person wanted this product". A purchase says so; a look says it faintly. So every event has a
weight, and a customer's events with one product count as an interaction once their weights add up to 1. Where a log holds nothing
as strong as a purchase, its strongest events count 1 and the others in proportion, so that a log of views alone still works.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from diagnostics.config import threshold
from diagnostics.dataset.values import parse_numbers
from diagnostics.dataset.vocabulary import nearest, plain_name
from diagnostics.errors import TenbinError
from diagnostics.schema import FloatArray, InteractionLog, Message

__all__ = [
    "EVENT_KINDS",
    "MONEY_KINDS",
    "Weights",
    "event_kind",
    "liked_from",
    "means_money",
    "n_purchases",
    "parse_ratings",
    "rows_are",
    "weigh",
]

_WORDS: dict[str, str] = {  # a phrase may speak of several kinds: the first of this list decides (remove_from_cart, view_cart);
    # of Japanese words that lie in one another the longest counts: 表示 is the shop's doing, 詳細表示 the customer's
    "undone": """
        remove removed delete deleted cancel canceled cancelled cancellation return returned refund refunded dislike unlike
        removefromcart 削除 解除 取消 取り消し キャンセル 返品 返金 低評価
    """,
    "shown": "impression impressions imp shown exposure exposed recommended 表示 表示回数 レコメンド表示 露出 インプレッション",
    "view": """
        view views viewed pageview pv click clicks clicked detail details browse browsed visit visited select viewitem itemview
        productview 閲覧 クリック タップ アクセス ビュー
        参照 訪問 詳細 詳細表示 商品表示 ページ表示 画面表示 カート表示
    """,
    "cart": """
        cart addtocart basket bag checkout addshippinginfo addpaymentinfo カート かご カゴ バスケット 買い物袋
        決済情報 決済方法 支払方法 支払い方法 配送先
    """,
    "favourite": """
        favorite favorites favourite favourites fav like liked likes wish wishlist bookmark bookmarked save saved clip
        addtowishlist addtofavorites
        お気に入り いいね ほしい物 欲しい物 ブックマーク クリップ 高評価
    """,
    "rating": "rating rate rated review reviewed 評価 レビュー 口コミ クチコミ",
    "purchase": """
        purchase purchased purchases buy bought order ordered orders transaction sale sales sold paid payment conversion cv
        購入 購買 注文 買上 販売 売上 決済 成約 受注
    """,
    "unrelated": """
        search searched login logon signin logout signout signup session scroll scrolled engagement
        検索 ログイン ログアウト サインイン 会員登録 新規登録 スクロール セッション
    """,
}
EVENT_KINDS = tuple(_WORDS)
"""The kinds of events that we know; ``event_weight_<kind>`` in ``config`` is what each counts, and why."""

MONEY_KINDS = frozenset({"purchase"})
"""The kinds of events in which money changes hands; the price beside a view is what the product would have cost."""

_KNOWN = {word: kind for kind, words in reversed(_WORDS.items()) for word in words.split()}
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def event_kind(written: str) -> str | None:
    """The kind of event that a shop's word means: ``AddToCart`` and ``カート追加`` are ``cart``; None for an unknown word."""
    spaced = _CAMEL.sub(" ", unicodedata.normalize("NFKC", written)).casefold()
    words = set(re.split(r"[\W_]+", spaced)) | {plain_name(written)}
    found = [word for word in _KNOWN if (word in words if word.isascii() else word in spaced)]
    whole = [word for word in found if word.isascii() or not any(word != other and word in other for other in found)]
    kinds = {_KNOWN[word] for word in whole}
    return next((kind for kind in EVENT_KINDS if kind in kinds), None)


def means_money(written: str) -> bool:
    """Whether the amount beside an event was paid: it is a purchase, or of a type that we do not know and count as one."""
    kind = event_kind(written)
    return kind is None or kind in MONEY_KINDS


def n_purchases(log: InteractionLog) -> int:
    """How many rows of the log are purchases; all of them where it does not tell events apart."""
    if log.event_type is None:
        return log.n_rows
    return sum(int(n) for written, n in pd.Series(log.event_type).value_counts().items() if means_money(str(written)))


def rows_are(log: InteractionLog) -> Literal["purchases", "events"]:
    """What the rows of the log may be called where they are counted."""
    return "purchases" if n_purchases(log) == log.n_rows else "events"


@dataclass(frozen=True)
class Weights:
    """``rows`` float32 (n_rows,), what each row counts; ``stated`` the same by event type; ``remarks`` what was not understood."""

    rows: FloatArray
    stated: dict[str, float]
    remarks: tuple[Message, ...]


def weigh(events: pd.Series, given: Mapping[str, float], file: str) -> Weights:
    """The weight of each event.

    A weight that a person gave to the shop's own word comes first, then one given to a kind, then our default for the kind.
    Blank cells count 1, and so do unknown types in a log without a known purchase; beside known purchases an unknown type counts
    nothing, for it is none of them. They are stated, as are those that count nothing. Where the largest weight in the log is
    below 1, all are divided by it.

    Parameters
    ----------
    events : text (n_rows,), NA where blank

    Raises
    ------
    TenbinError
        ``E_UNKNOWN_EVENT`` when a weight was given to something that is neither in the log nor a kind.
    """
    codes, unique = pd.factorize(events)
    types = [str(value) for value in unique]
    by_name = {plain_name(name): weight for name, weight in given.items()}
    known = {plain_name(name) for name in (*types, *EVENT_KINDS)}
    for name in given:
        if plain_name(name) not in known:
            choices = [*types[:20], *EVENT_KINDS]
            raise TenbinError("E_UNKNOWN_EVENT", file=file, found=name, choices=choices, nearest=nearest(name, choices))
    kinds = {written: event_kind(written) for written in types}
    for_unknown = 0.0 if MONEY_KINDS.intersection(kinds.values()) else 1.0
    stated: dict[str, float] = {}
    unknown: list[str] = []
    for written, kind in kinds.items():
        weight = by_name.get(plain_name(written))
        if weight is None and kind is not None:
            weight = by_name.get(kind, threshold(f"event_weight_{kind}"))
        if weight is None:
            unknown.append(written)
        stated[written] = for_unknown if weight is None else float(weight)
    blank = int((codes < 0).sum())
    largest = max([*stated.values(), *([1.0] if blank else [])], default=1.0)
    if 0 < largest < 1:
        stated = {written: weight / largest for written, weight in stated.items()}
    remarks = []
    if unknown:
        code = "reading.remark.unknown_events" if for_unknown else "reading.remark.unknown_beside_purchases"
        remarks.append(Message(code=code, values={"file": file, "types": unknown[:10], "n": len(unknown)}))
    if blank:
        remarks.append(Message(code="reading.remark.blank_events", values={"file": file, "n": blank}))
    idle = [written for written in types if stated[written] == 0 and written not in unknown]
    if idle:
        n = int(events.isin(idle).sum())
        remarks.append(Message(code="reading.remark.idle_events", values={"file": file, "types": idle[:10], "n": n}))
    rows = np.array([*stated.values(), 1.0], dtype=np.float32)[codes]  # code -1, a blank cell, takes the last
    return Weights(rows, stated, tuple(remarks))


def parse_ratings(column: pd.Series) -> npt.NDArray[np.float64]:
    """Ratings as float64: a number, points (``4点``), a share of the best (``4 / 5``), stars (``★★☆☆☆``); NaN where it is none.

    Hollow stars alone are no stars where others are full, and unreadable where none is: some shops write three of them for three.

    Parameters
    ----------
    column : text (n_rows,), NA where blank
    """
    values = parse_numbers(column)
    odd = column.notna().to_numpy(dtype=bool) & np.isnan(values)
    if odd.any():
        codes, unique = pd.factorize(column[odd])
        cells = ["".join(unicodedata.normalize("NFKC", str(cell)).casefold().split()) for cell in unique]
        some_full = any("★" in cell or "⭐" in cell for cell in cells)
        values[odd] = np.array([_rating(cell, some_full) for cell in cells])[codes]
    return values


_STARS = re.compile(r"(?:[★⭐☆]\ufe0f?)+")
_RATING = re.compile(
    r"(?:\d+(?:点満点|段階|点|つ星)中?の?)?(?:★|☆|星)?(?P<given>\d+(?:[.,]\d+)?)(?:点|★|☆|つ星|stars?|points?|pts?)?"
    r"(?:(?:/|outof|of)(?P<best>\d+(?:\.\d+)?)(?:点|★|☆|stars?|points?|pts?)?)?"
)


def _rating(cell: str, some_full: bool) -> float:
    if _STARS.fullmatch(cell):
        return float(cell.count("★") + cell.count("⭐")) if some_full else np.nan
    match = _RATING.fullmatch(cell)
    if match is None:
        return np.nan
    given = float(match["given"].replace(",", "."))
    return np.nan if match["best"] and given > float(match["best"]) else given


def liked_from(
    ratings: npt.NDArray[np.float64], given: float | None = None, *, file: str = "", column: str = ""
) -> tuple[float, tuple[Message, ...]]:
    """The rating from which on a product counts as liked: 4 of 5, and in proportion on scales up to 1, 10 or 100.

    The scale is the shortest usual one that holds all ratings but a few (``rating_odd_share``, or two, though never one in ten):
    a 50 typed for a 5 must not stretch it. A scale that ends at 2, 3 or 4 is taken as it is. The ratings beyond the scale are
    stated; ``given`` is a person's own threshold.
    """
    if given is not None:
        return given, ()
    known = np.sort(ratings[np.isfinite(ratings)])[::-1]
    odd = int(max(threshold("rating_odd_share") * len(known), min(2, len(known) / 10)))
    end = _scale(known[odd])
    beyond = known[known > end]
    top = float(known[len(beyond)])
    if not 1 < top <= 4:
        top = end
    said = {"file": file, "column": column, "n": len(beyond), "top": end, "found": float(known[0])}
    remarks = (Message(code="reading.remark.odd_ratings", values=said),) if len(beyond) else ()
    return threshold("rating_liked") * top / 5, remarks


def _scale(top: float) -> float:
    return next((float(end) for end in (1, 5, 10, 100) if top <= end), float(top))
