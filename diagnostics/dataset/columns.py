"""Which column is what: proposed from the names and from the values, each proposal with its reason and three samples."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from diagnostics.config import threshold
from diagnostics.dataset.tables import Table, as_text
from diagnostics.dataset.values import parse_numbers, parse_times
from diagnostics.dataset.vocabulary import NAMES, ORDER_WORDS, name_score, plain_name
from diagnostics.errors import TenbinError
from diagnostics.schema import ColumnRole, Message

__all__ = ["CATALOG_ROLES", "INTERACTION_ROLES", "REPEATABLE", "Proposal", "key_without_zeros", "propose_roles"]

CATALOG_ROLES = ("item_id", "title", "description", "category", "price", "image")
INTERACTION_ROLES = ("user_id", "item_id", "timestamp", "price", "quantity", "amount", "event_type")
REPEATABLE = frozenset({"title", "description", "category"})
"""Roles that several columns may play together."""

_SAMPLE_ROWS = 5000
_LEAST_SCORE = 0.3
_IMAGE_FILE = r"(?i).+\.(jpe?g|png|webp|gif|bmp|tiff?)(\?.*)?"
_CURRENCY = r"[￥¥$€£₩]|\d\s*円"
_SURE_BY_NAME = 0.85


@dataclass(frozen=True)
class Proposal:
    """The proposed roles, and what else there is to say about columns (those left out of the attributes, and why)."""

    roles: tuple[ColumnRole, ...]
    remarks: tuple[Message, ...]


class _Column:
    """What one column looks like, from its first rows. Each look is taken once, when it is needed."""

    def __init__(self, table: Table, name: str) -> None:
        self.table, self.name = table, name
        self.text = as_text(table.frame[name].head(_SAMPLE_ROWS))
        self.filled = self.text.dropna()
        self.distinct = int(self.filled.nunique())
        self.distinct_share = self.distinct / max(len(self.filled), 1)

    @cached_property
    def number_share(self) -> float:
        return float(np.isfinite(parse_numbers(self.filled)).mean()) if len(self.filled) else 0.0

    @cached_property
    def looks_counted(self) -> bool:
        """Whole numbers, mostly small: pieces rather than money."""
        numbers = parse_numbers(self.filled)
        numbers = numbers[np.isfinite(numbers)]
        return bool(len(numbers) and np.median(numbers) <= 3 and np.equal(numbers, np.round(numbers)).all())

    @cached_property
    def digit_share(self) -> float:
        return self._share(r"[+-]?\d+(\.\d+)?")

    @cached_property
    def fraction_share(self) -> float:
        return self._share(r"[+-]?\d*\.\d+(e-?\d+)?")

    @cached_property
    def time_share(self) -> float:
        return float((~np.isnat(parse_times(self.filled).values)).mean()) if len(self.filled) else 0.0

    @cached_property
    def image_share(self) -> float:
        return self._share(_IMAGE_FILE)

    @cached_property
    def currency_share(self) -> float:
        return float(self.filled.str.contains(_CURRENCY, regex=True).mean()) if len(self.filled) else 0.0

    @cached_property
    def mean_length(self) -> float:
        return float(self.filled.str.len().mean()) if len(self.filled) else 0.0

    @property
    def samples(self) -> tuple[str, ...]:
        return tuple(str(value)[:120] for value in self.filled.drop_duplicates().head(3))

    def _share(self, pattern: str) -> float:
        return float(self.filled.str.fullmatch(pattern).mean()) if len(self.filled) else 0.0


def propose_roles(catalog: Table, interactions: Table) -> Proposal:
    """Propose the role of every useful column of both files.

    Raises
    ------
    TenbinError
        ``E_ONE_COLUMN`` when a file has one column only: usually a separator that we do not know.
    """
    left = [_Column(catalog, name) for name in catalog.frame.columns]
    right = [_Column(interactions, name) for name in interactions.frame.columns]
    ids = _item_columns(left, right)
    for table, columns, found in ((catalog, left, ids[0]), (interactions, right, ids[1])):
        is_list_of_ids = table is catalog and found is not None and found.score > 0.5
        if len(columns) == 1 and not is_list_of_ids:
            raise TenbinError("E_ONE_COLUMN", file=table.name, found=columns[0].name[:80])
    roles: list[ColumnRole] = [found for found in ids if found is not None]
    roles += _single_roles(left, ("price", "image"), roles)
    roles += _text_roles(left, roles)
    kinds, remarks = _categories(left, roles)
    roles += kinds
    roles += _single_roles(right, ("timestamp", "user_id", "price", "quantity", "amount", "event_type"), roles)
    if not _has(roles, interactions.name, "user_id"):
        roles += _user_by_values(right, roles)
    return Proposal(tuple(roles), tuple(remarks))


def _has(roles: Sequence[ColumnRole], file: str, role: str) -> bool:
    return any(found.file == file and found.role == role for found in roles)


def _role(column: _Column, role: str, score: float, reason: str, **values: object) -> ColumnRole:
    return ColumnRole(
        file=column.table.name,
        role=role,
        column=column.name,
        score=round(min(1.0, score), 3),
        reason=Message(code=f"reading.reason.{reason}", values=values),
        samples=column.samples,
    )


def _free(columns: Sequence[_Column], roles: Sequence[ColumnRole]) -> list[_Column]:
    taken = {(role.file, role.column) for role in roles}
    return [column for column in columns if (column.table.name, column.name) not in taken]


# ---------------------------------------------------------------- item ids


def key_without_zeros(ids: pd.Series) -> pd.Series:
    """Ids without leading zeros, for seeing that two files mean the same items; an id of zeros only stays one zero."""
    return ids.str.lstrip("0").mask(ids.str.fullmatch("0+"), "0")


def _item_columns(left: Sequence[_Column], right: Sequence[_Column]) -> tuple[ColumnRole | None, ColumnRole | None]:
    """The pair of columns that best names the same items in both files: by overlap of values, uniqueness and names."""
    best: tuple[float, _Column | None, _Column | None, float] = (0.0, None, None, 0.0)
    by_name = [column for column in right if name_score(column.name, "item_id") > 0]
    for mine in left:
        if mine.fraction_share > 0.5 or mine.mean_length > 64 or mine.distinct_share < 0.5:
            continue
        keys = pd.Index(key_without_zeros(as_text(mine.table.frame[mine.name]).dropna()).unique())
        for theirs in right:
            if theirs.fraction_share > 0.5 or not len(theirs.filled):
                continue
            matching = key_without_zeros(theirs.filled).isin(keys)
            overlap = float(matching.mean())
            if overlap < 0.05:
                continue
            names = (name_score(mine.name, "item_id") + name_score(theirs.name, "item_id")) / 2
            same = 0.1 if plain_name(mine.name) == plain_name(theirs.name) else 0.0
            spread = min(1.0, theirs.distinct / max(min(len(keys), len(theirs.filled)) * 0.2, 1.0))
            total = 0.35 * overlap + 0.25 * mine.distinct_share + 0.3 * names + same + 0.1 * spread
            if names == 0 and (
                overlap < 0.5 or mine.distinct_share < 0.9 or spread < 0.5 or name_score(theirs.name, "user_id") > 0
            ):
                continue
            if total > best[0]:
                best = (total, mine, theirs, overlap)
    score, first, second, share = best
    if first is not None and second is not None:
        return _role(first, "item_id", score, "overlap", share=share), _role(second, "item_id", score, "overlap", share=share)
    return _named_item(left), _named_item(by_name)


def _named_item(columns: Sequence[_Column]) -> ColumnRole | None:
    best = max(columns, key=lambda column: name_score(column.name, "item_id"), default=None)
    score = 0.0 if best is None else name_score(best.name, "item_id")
    return None if best is None or score < _LEAST_SCORE else _role(best, "item_id", 0.6 * score, "name")


# ---------------------------------------------------------------- the other roles


def _fit(column: _Column, role: str) -> float:
    """Share of the values that suit the role, in [0, 1]."""
    if not len(column.filled):
        return 0.0
    if role == "timestamp":
        return column.time_share
    if role in ("price", "quantity", "amount"):
        return column.number_share if column.time_share < 0.9 or column.digit_share > 0.9 else 0.0
    if role == "image":
        return max(column.image_share, 0.5)
    if role == "user_id":
        return 0.0 if column.fraction_share > 0.5 or column.distinct < 2 else 1.0
    if role == "event_type":
        return 1.0 if column.distinct <= 20 else 0.0
    return 1.0 - 0.9 * column.digit_share


def _by_values(column: _Column, role: str) -> float:
    """How sure the values alone make us, where a role can be told without a name."""
    if role == "timestamp" and column.digit_share < 0.5:
        return 0.7 * column.time_share if column.time_share > 0.8 else 0.0
    if role == "image":
        return 0.7 * column.image_share if column.image_share > 0.5 else 0.0
    if role == "price":
        return 0.6 * column.currency_share if column.currency_share > 0.5 and column.number_share > 0.5 else 0.0
    return 0.0


def _single_roles(columns: Sequence[_Column], wanted: Sequence[str], taken: Sequence[ColumnRole]) -> list[ColumnRole]:
    """Give each wanted role to the free column that suits it best, the surest pair first."""
    offers: list[tuple[float, int, ColumnRole]] = []
    for position, column in enumerate(_free(columns, taken)):
        for role in wanted:
            name = name_score(column.name, role)
            if role in ("amount", "quantity") and plain_name(column.name) == "amount":  # English calls both so
                name = 0.7 if column.looks_counted == (role == "quantity") else 0.0
            if name > 0:
                fit = _fit(column, role)
                score = name * (0.4 + 0.6 * fit)
                if fit >= 0.2 or name >= _SURE_BY_NAME:
                    offers.append((score, -position, _role(column, role, score, "name_and_values", share=fit)))
            elif (score := _by_values(column, role)) > 0:
                offers.append((score, -position, _role(column, role, score, f"values_{role}", share=_fit(column, role))))
    chosen: dict[str, ColumnRole] = {}
    used: set[str] = set()
    for score, _, offer in sorted(offers, key=lambda entry: entry[:2], reverse=True):
        if score >= _LEAST_SCORE and offer.role not in chosen and offer.column not in used:
            chosen[offer.role] = offer
            used.add(offer.column)
    return [chosen[role] for role in wanted if role in chosen]


def _user_by_values(columns: Sequence[_Column], roles: Sequence[ColumnRole]) -> list[ColumnRole]:
    """Without a telling name: the column of codes that repeat as people do, unless its name speaks of orders."""
    best: tuple[int, _Column] | None = None
    for column in _free(columns, roles):
        repeats = len(column.filled) / max(column.distinct, 1)
        named_otherwise = ORDER_WORDS.search(column.name) or any(
            name_score(column.name, role) > 0 for role in NAMES if role != "user_id"
        )
        coded = column.fraction_share < 0.01 and 2 <= column.mean_length <= 128 and column.currency_share == 0
        if named_otherwise or not coded or column.distinct < 20 or not 1.2 <= repeats <= 1000:
            continue
        if best is None or column.distinct > best[0]:
            best = (column.distinct, column)
    return [] if best is None else [_role(best[1], "user_id", 0.4, "values_user_id", n=best[0])]


def _text_roles(columns: Sequence[_Column], taken: Sequence[ColumnRole]) -> list[ColumnRole]:
    """Title and description: by name; without a name, free text that differs from item to item."""
    found = _single_roles([column for column in columns if column.digit_share < 0.9], ("title", "description"), taken)
    free = [
        column
        for column in _free(columns, [*taken, *found])
        if column.distinct_share > 0.5
        and column.digit_share < 0.5
        and column.time_share < 0.5
        and column.filled.str.contains(r"[^\W\d_]{2}", regex=True).mean() > 0.8
        and not _spells(column, columns, taken)
    ]
    have = {role.role for role in found}
    if "description" not in have:
        long = max(free, key=lambda column: column.mean_length, default=None)
        if long is not None and long.mean_length >= 25:
            found.append(_role(long, "description", 0.5, "values_description", n=round(long.mean_length)))
            free.remove(long)
    if "title" not in have:
        names = [
            column
            for column in free
            if 3 <= column.mean_length <= 80 and column.filled.str.contains(r"\s|[^\x00-\x7f]").mean() > 0.5
        ]
        if names:
            short = max(names, key=lambda column: column.distinct_share)
            found.append(_role(short, "title", 0.45, "values_title", share=short.distinct_share))
    return found


def _categories(columns: Sequence[_Column], taken: Sequence[ColumnRole]) -> tuple[list[ColumnRole], list[Message]]:
    """Columns with few kinds of values become attributes; each column left out gets its reason."""
    found: list[ColumnRole] = []
    remarks: list[Message] = []
    partitions: dict[bytes, str] = {}
    for column in sorted(_free(columns, taken), key=lambda column: (column.digit_share > 0.9, -column.mean_length)):
        # A name comes before its code: of two columns that say the same, the readable one stays.
        index, kinds = pd.factorize(as_text(column.table.frame[column.name]))
        distinct, share = len(kinds), len(kinds) / max(int((index >= 0).sum()), 1)
        codes = index.astype(np.int32).tobytes()
        if not distinct:
            reason = "empty"
        elif distinct < 2:
            reason = "one_value"
        elif distinct > threshold("category_max_values") or share > threshold("category_max_share"):
            reason = "mostly_distinct" if share > threshold("category_max_share") else "too_many_values"
            reason = "spells_ids" if _spells(column, columns, taken) else reason
        elif column.time_share > 0.8 and column.digit_share < 0.5:
            reason = "times"
        elif column.fraction_share > 0.5:
            reason = "measures"
        elif codes in partitions:
            reason = "same_as"
        else:
            partitions[codes] = column.name
            named = name_score(column.name, "category")
            found.append(_role(column, "category", max(named, 0.6), "few_values", n=distinct))
            continue
        values_said = {"column": column.name, "n": distinct, "other": partitions.get(codes, "")}
        remarks.append(Message(code=f"reading.left_out.{reason}", values=values_said))
    position = {column.name: i for i, column in enumerate(columns)}
    return sorted(found, key=lambda role: position[role.column]), remarks


def _spells(column: _Column, columns: Sequence[_Column], taken: Sequence[ColumnRole]) -> bool:
    """Whether the column is the item id, or the beginning or end of it, written in another way."""
    named = [role.column for role in taken if role.role == "item_id" and role.file == column.table.name]
    ids = next((other for other in columns if named and other.name == named[0]), None)
    if ids is None or not len(column.filled):
        return False
    pairs = [(_bare(a), _bare(b)) for a, b in zip(ids.text, column.text, strict=True) if isinstance(a, str) and isinstance(b, str)]
    return sum(len(b) >= 3 and (a.startswith(b) or a.endswith(b)) for a, b in pairs) >= 0.95 * max(len(pairs), 1)


def _bare(value: str) -> str:
    return re.sub(r"[\W_]+", "", value).lower().lstrip("0")
