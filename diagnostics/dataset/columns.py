"""Which column is what: proposed from the names and from the values, each proposal with its reason and three samples.

Where two columns could play one role about equally well and say different things, nobody is proposed: that is a question to a
person, and a guess would be found out too late.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from diagnostics.config import threshold
from diagnostics.dataset.keys import bare_key, loose_key, spelled_alike
from diagnostics.dataset.looks import Column, say_the_same
from diagnostics.dataset.tables import Table
from diagnostics.dataset.vocabulary import NAMES, ORDER_WORDS, name_score, plain_name
from diagnostics.errors import TenbinError
from diagnostics.schema import ColumnRole, Message, Question

__all__ = ["CATALOG_ROLES", "INTERACTION_ROLES", "NEEDED", "REPEATABLE", "Proposal", "propose_roles"]

CATALOG_ROLES = ("item_id", "product", "title", "description", "category", "price", "image", "added")
INTERACTION_ROLES = ("user_id", "item_id", "timestamp", "price", "quantity", "amount", "event_type", "rating", "split")
REPEATABLE = frozenset({"title", "description", "category"})
"""Roles that several columns may play together."""
NEEDED = frozenset({"item_id", "user_id", "timestamp"})
"""Roles that decide every number: a question about one of them has to be answered before anything is read."""

_LEAST_SCORE = 0.3
_SURE_BY_NAME = 0.85
_LOG_ROLES = ("timestamp", "user_id", "price", "quantity", "amount", "event_type", "rating")


@dataclass(frozen=True)
class Proposal:
    """The proposed roles, what a person must choose, and what else there is to say (columns left out of the attributes, why)."""

    roles: tuple[ColumnRole, ...]
    questions: tuple[Question, ...]
    remarks: tuple[Message, ...]


@dataclass
class _Draft:
    """A proposal in the making."""

    roles: list[ColumnRole]
    questions: list[Question] = field(default_factory=list)
    remarks: list[Message] = field(default_factory=list)

    def free(self, columns: Sequence[Column]) -> list[Column]:
        """The columns that neither play a role nor stand in a question."""
        asked = (candidate for question in self.questions for candidate in question.candidates)
        taken = {(role.file, role.column) for role in (*self.roles, *asked)}
        return [column for column in columns if (column.table.name, column.name) not in taken]

    def has(self, table: Table, role: str) -> bool:
        """Whether a role of a file is given, or asked for."""
        given = [(found.file, found.role) for found in self.roles] + [(question.file, question.role) for question in self.questions]
        return (table.name, role) in given

    def settle(self, best: ColumnRole, rivals: Sequence[ColumnRole]) -> None:
        """Give the role to the best column; where rivals are as good, ask."""
        if rivals:
            self.questions.append(Question(file=best.file, role=best.role, candidates=(best, *rivals)))
        else:
            self.roles.append(best)


def propose_roles(catalog: Table, interactions: Table, known: Sequence[ColumnRole] = ()) -> Proposal:
    """Propose the role of every useful column of both files; ``known`` roles stand already and are kept.

    Raises
    ------
    TenbinError
        ``E_ONE_COLUMN`` when a file has one column only: usually a separator that we do not know.
    """
    left = [Column(catalog, str(name)) for name in catalog.frame.columns]
    right = [Column(interactions, str(name)) for name in interactions.frame.columns]
    draft = _Draft(list(known))
    _item_columns(draft, left, right)
    for table, columns in ((catalog, left), (interactions, right)):
        sure = [role for role in draft.roles if table is catalog and role.file == table.name and role.score > 0.5]
        if len(columns) == 1 and not sure:
            raise TenbinError("E_ONE_COLUMN", file=table.name, found=columns[0].name[:80])
    _single_roles(draft, left, ("price", "image", "added"))
    _product(draft, left)
    _text_roles(draft, left)
    _categories(draft, left)
    _single_roles(draft, right, _LOG_ROLES)
    if not draft.has(interactions, "user_id"):
        _user_by_values(draft, right)
    return Proposal(tuple(draft.roles), tuple(draft.questions), tuple(draft.remarks))


def _role(column: Column, role: str, score: float, reason: str, **values: object) -> ColumnRole:
    return ColumnRole(
        file=column.table.name,
        role=role,
        column=column.name,
        score=round(min(1.0, score), 3),
        reason=Message(code=f"reading.reason.{reason}", values=values),
        samples=column.samples,
    )


# ---------------------------------------------------------------- item ids


@dataclass(frozen=True)
class _Pair:
    """A column of each file that could name the same items; ``share`` of the log's cells stand in the catalog's column."""

    score: float
    mine: Column
    theirs: Column
    share: float

    @property
    def left(self) -> ColumnRole:
        return _role(self.mine, "item_id", self.score, "overlap", share=self.share)

    @property
    def right(self) -> ColumnRole:
        return _role(self.theirs, "item_id", self.score, "overlap", share=self.share)


def _item_columns(draft: _Draft, left: Sequence[Column], right: Sequence[Column]) -> None:
    """The pair of columns that best names the same items in both files: by overlap of values, uniqueness and names."""
    given = [_given(draft, side) for side in (left, right)]
    if all(given):
        return
    mine, theirs = (found or draft.free(side) for found, side in zip(given, (left, right), strict=True))
    pairs = sorted(_pairs(mine, theirs), key=lambda pair: pair.score, reverse=True)
    if not pairs:
        for found, side in zip(given, (mine, theirs), strict=True):
            draft.roles += [] if found else _named_item(side)
        return
    best = pairs[0]
    rivals = [pair for pair in pairs[1:] if pair.score >= best.score - threshold("question_margin")]
    other = [pair for pair in rivals if pair.theirs is not best.theirs and not say_the_same(pair.theirs, best.theirs, "item_id")]
    alike = [
        pair
        for pair in rivals
        if pair.mine is not best.mine
        and (pair.theirs is best.theirs or pair in other)
        and not spelled_alike(pair.mine.text, best.mine.text)
    ]
    if not given[0]:
        draft.settle(best.left, list({pair.mine.name: pair.left for pair in alike}.values()))
    if not given[1]:
        draft.settle(best.right, list({pair.theirs.name: pair.right for pair in other}.values()))


def _given(draft: _Draft, columns: Sequence[Column]) -> list[Column]:
    """The column of a file that is known to name its items."""
    named = {(role.file, role.column) for role in draft.roles if role.role == "item_id"}
    return [column for column in columns if (column.table.name, column.name) in named]


def _pairs(left: Sequence[Column], right: Sequence[Column]) -> list[_Pair]:
    found = []
    possible = [theirs for theirs in right if theirs.fraction_share <= 0.5 and not _called_otherwise(theirs)]
    written = {theirs.name: loose_key(theirs.filled).value_counts() for theirs in possible}
    for mine in left:
        if mine.fraction_share > 0.5 or mine.mean_length > 64 or mine.distinct_share < 0.5:
            continue
        keys = set(loose_key(mine.whole.dropna()).unique())
        for theirs in right:
            if theirs.name not in written or not len(theirs.filled):
                continue
            counts = written[theirs.name]
            overlap = float(counts.to_numpy()[[key in keys for key in counts.index]].sum() / len(theirs.filled))
            if overlap < 0.05:
                continue
            names = (name_score(mine.name, "item_id") + name_score(theirs.name, "item_id")) / 2
            same = 0.1 if plain_name(mine.name) == plain_name(theirs.name) else 0.0
            spread = min(1.0, theirs.distinct / max(min(len(keys), len(theirs.filled)) * 0.2, 1.0))
            total = 0.35 * overlap + 0.25 * mine.distinct_share + 0.3 * names + same + 0.1 * spread
            by_values = overlap >= 0.5 and mine.distinct_share >= 0.9 and spread >= 0.5
            if names > 0 or (by_values and name_score(theirs.name, "user_id") == 0):
                found.append(_Pair(total, mine, theirs, overlap))
    return found


def _called_otherwise(column: Column) -> bool:
    """Whether a column of the log is called a quantity, a price or the like: "1" is no product 0001 then."""
    roles = (role for role in _LOG_ROLES if role != "user_id")
    return not name_score(column.name, "item_id") and any(name_score(column.name, role) >= _SURE_BY_NAME for role in roles)


def _named_item(columns: Sequence[Column]) -> list[ColumnRole]:
    best = max(columns, key=lambda column: name_score(column.name, "item_id"), default=None)
    score = 0.0 if best is None else name_score(best.name, "item_id")
    return [] if best is None or score < _LEAST_SCORE else [_role(best, "item_id", 0.6 * score, "name")]


def _product(draft: _Draft, columns: Sequence[Column]) -> None:
    """The code that the variants of one product share: named like a product's, and coarser than the item id."""
    best: tuple[float, Column, int] | None = None
    for column in draft.free(columns):
        score = max(name_score(column.name, "product"), name_score(column.name, "item_id"))
        if score == 0 or draft.has(column.table, "product"):
            continue
        counts = column.whole.value_counts()
        shared, share = int(counts[counts > 1].sum()), len(counts) / max(int(counts.sum()), 1)
        fits = 0.01 <= share < 1 and shared >= threshold("product_least_shared") * counts.sum() and len(counts) > 1
        if fits and (best is None or score > best[0]):
            best = (score, column, shared)
    if best is not None:
        draft.roles.append(_role(best[1], "product", best[0], "shared_code", n=best[2]))


# ---------------------------------------------------------------- the other roles


def _fit(column: Column, role: str) -> float:
    """Share of the values that suit the role, in [0, 1]."""
    if not len(column.filled):
        return 0.0
    if role in ("timestamp", "added"):
        return column.time_share
    if role in ("price", "quantity", "amount", "rating"):
        return column.share_read_as(role) if column.time_share < 0.9 or column.digit_share > 0.9 else 0.0
    if role == "image":
        return max(column.image_share, 0.5)
    if role == "user_id":
        return 0.0 if column.fraction_share > 0.5 or column.distinct < 2 else 1.0
    if role == "event_type":
        return 1.0 if column.distinct <= 20 else 0.0
    return 1.0 - 0.9 * column.digit_share


def _by_values(column: Column, role: str) -> float:
    """How sure the values alone make us, where a role can be told without a name."""
    if role == "timestamp" and column.digit_share < 0.5:
        return 0.7 * column.time_share if column.time_share > 0.8 else 0.0
    if role == "image":
        return 0.7 * column.image_share if column.image_share > 0.5 else 0.0
    if role == "price":
        return 0.6 * column.currency_share if column.currency_share > 0.5 and column.number_share > 0.5 else 0.0
    return 0.0


def _offer(column: Column, role: str) -> ColumnRole | None:
    name = name_score(column.name, role)
    if role in ("amount", "quantity") and plain_name(column.name) == "amount":  # English calls both so
        name = 0.7 if column.looks_counted == (role == "quantity") else 0.0
    if name > 0:
        fit = _fit(column, role)
        usable = fit >= 0.2 or (name >= _SURE_BY_NAME and role not in ("added", "rating"))
        return _role(column, role, name * (0.4 + 0.6 * fit), "name_and_values", share=fit) if usable else None
    score = _by_values(column, role)
    return _role(column, role, score, f"values_{role}", share=_fit(column, role)) if score > 0 else None


def _single_roles(draft: _Draft, columns: Sequence[Column], wanted: Sequence[str]) -> None:
    """Give each wanted role to the free column that suits it best, the surest pair first; ask where two suit it alike."""
    if not columns:
        return
    by_name = {column.name: column for column in draft.free(columns)}
    missing = [role for role in wanted if not draft.has(columns[0].table, role)]
    made = [offer for column in by_name.values() for role in missing if (offer := _offer(column, role)) is not None]
    offers = sorted((offer for offer in made if offer.score >= _LEAST_SCORE), key=lambda offer: -offer.score)
    chosen: dict[str, ColumnRole] = {}
    used: set[str] = set()
    for offer in offers:
        if offer.role not in chosen and offer.column not in used:
            chosen[offer.role] = offer
            used.add(offer.column)
    for role in missing:
        if role not in chosen:
            continue
        best = chosen[role]
        rivals = [
            offer
            for offer in offers
            if offer.role == role
            and role not in REPEATABLE
            and offer.column not in used
            and offer.score >= best.score - threshold("question_margin")
            and 2 * by_name[offer.column].filled_share >= by_name[best.column].filled_share
            and not say_the_same(by_name[offer.column], by_name[best.column], role)
        ]
        draft.settle(best, rivals)


def _user_by_values(draft: _Draft, columns: Sequence[Column]) -> None:
    """Without a telling name: the column of codes that repeat as people do, unless its name speaks of orders."""
    found: list[Column] = []
    for column in draft.free(columns):
        repeats = len(column.filled) / max(column.distinct, 1)
        named_otherwise = ORDER_WORDS.search(column.name) or any(
            name_score(column.name, role) > 0 for role in NAMES if role != "user_id"
        )
        coded = column.fraction_share < 0.01 and 2 <= column.mean_length <= 128 and column.currency_share == 0
        if not named_otherwise and coded and column.distinct >= 20 and 1.2 <= repeats <= 1000:
            found.append(column)
    if found:
        best = max(found, key=lambda column: column.distinct)
        alike = [column for column in found if column is not best and 2 * column.distinct >= best.distinct]
        rivals = [column for column in alike if not say_the_same(column, best, "user_id")]
        made = [_role(column, "user_id", 0.4, "values_user_id", n=column.distinct) for column in (best, *rivals)]
        draft.settle(made[0], made[1:])


def _text_roles(draft: _Draft, columns: Sequence[Column]) -> None:
    """Title and description: by name; without a name, free text that differs from item to item."""
    if not columns:
        return
    table = columns[0].table
    _single_roles(draft, [column for column in columns if column.digit_share < 0.9], ("title", "description"))
    free = [
        column
        for column in draft.free(columns)
        if column.distinct_share > 0.5
        and column.digit_share < 0.5
        and column.time_share < 0.5
        and column.filled.str.contains(r"[^\W\d_]{2}", regex=True).mean() > 0.8
        and not _spells(column, columns, draft)
    ]
    if not draft.has(table, "description"):
        long = max(free, key=lambda column: column.mean_length, default=None)
        if long is not None and long.mean_length >= 25:
            draft.roles.append(_role(long, "description", 0.5, "values_description", n=round(long.mean_length)))
            free.remove(long)
    if not draft.has(table, "title"):
        names = [
            column
            for column in free
            if 3 <= column.mean_length <= 80 and column.filled.str.contains(r"\s|[^\x00-\x7f]").mean() > 0.5
        ]
        if names:
            short = max(names, key=lambda column: column.distinct_share)
            draft.roles.append(_role(short, "title", 0.45, "values_title", share=short.distinct_share))


def _categories(draft: _Draft, columns: Sequence[Column]) -> None:
    """Columns with few kinds of values become attributes; each column left out gets its reason."""
    found: dict[str, ColumnRole] = {}
    partitions: dict[bytes, str] = {}
    ids = _ids(columns, draft)
    for column in sorted(draft.free(columns), key=lambda column: (column.digit_share > 0.9, -column.mean_length)):
        # A name comes before its code: of two columns that say the same, the readable one stays.
        index, kinds = pd.factorize(column.whole)
        distinct, share = len(kinds), len(kinds) / max(int((index >= 0).sum()), 1)
        codes = index.astype(np.int32).tobytes()
        if not distinct:
            reason = "empty"
        elif distinct < 2:
            reason = "one_value"
        elif distinct > threshold("category_max_values") or share > threshold("category_max_share"):
            reason = "mostly_distinct" if share > threshold("category_max_share") else "too_many_values"
            reason = "spells_ids" if _spells(column, columns, draft) else reason
        elif column.time_share > 0.8 and column.digit_share < 0.5:
            reason = "times"
        elif column.fraction_share > 0.5:
            reason = "measures"
        elif ids is not None and _differs_within(ids.whole, column.whole):
            reason = "not_of_product"
        elif codes in partitions:
            reason = "same_as"
        else:
            partitions[codes] = column.name
            named = name_score(column.name, "category")
            found[column.name] = _role(column, "category", max(named, 0.6), "few_values", n=distinct)
            continue
        values_said = {"column": column.name, "n": distinct, "other": partitions.get(codes, "")}
        draft.remarks.append(Message(code=f"reading.left_out.{reason}", values=values_said))
    draft.roles += [found[column.name] for column in columns if column.name in found]


def _spells(column: Column, columns: Sequence[Column], draft: _Draft) -> bool:
    """Whether the column is the item id, or the beginning or end of it, written in another way."""
    ids = _ids(columns, draft)
    if ids is None or not len(column.filled):
        return False
    pairs = [
        (bare_key(a), bare_key(b)) for a, b in zip(ids.text, column.text, strict=True) if isinstance(a, str) and isinstance(b, str)
    ]
    return sum(len(b) >= 3 and (a.startswith(b) or a.endswith(b)) for a, b in pairs) >= 0.95 * max(len(pairs), 1)


def _ids(columns: Sequence[Column], draft: _Draft) -> Column | None:
    return next(iter(_given(draft, columns)), None)


def _differs_within(items: pd.Series, values: pd.Series) -> bool:
    """Whether rows of one item say different things, as in a log that serves as the catalog."""
    known = items.notna() & values.notna()
    again = items[known].duplicated()
    if again.sum() < threshold("repeated_least_share") * len(items):
        return False
    first = values[known].groupby(items[known]).transform("first")
    return bool((values[known] != first)[again].mean() > threshold("repeated_differing"))
