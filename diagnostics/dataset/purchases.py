"""The log's table becomes interactions: who, what, when and for how much, with every unusable row set aside."""

from __future__ import annotations

import time
from collections.abc import Sequence, Set
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from diagnostics.dataset.catalog import columns_of, destroyed_by_spreadsheet, nothing_usable, objects
from diagnostics.dataset.columns import INTERACTION_ROLES
from diagnostics.dataset.events import liked_from, means_money, parse_ratings, weigh
from diagnostics.dataset.keys import find_items
from diagnostics.dataset.mapping import Mapped
from diagnostics.dataset.rejects import Sieve
from diagnostics.dataset.tables import Table, as_text
from diagnostics.dataset.values import parse_numbers, parse_quantities, parse_times
from diagnostics.dataset.vocabulary import name_score
from diagnostics.errors import TenbinError
from diagnostics.schema import ColumnRole, InteractionLog, Message

__all__ = ["ROUNDING", "Purchases", "parts_of", "read_purchases"]

_LEAST_READABLE_TIMES = 0.5
_DAY_S = 86_400  # clocks and time zones may differ by it
_SURE_BY_NAME = 0.9  # a usual name of the role, not one that only contains it


@dataclass(frozen=True)
class Purchases:
    """The usable rows of the log.

    Attributes
    ----------
    log : one entry per usable row
    unit_price : float64 (n_rows,), what one piece cost in that row, NaN where unknown, None without such a column
    parts : int8 (n_rows,), 0 train, 1 validation, 2 test, where the shop has divided its log itself; else None
    event_weights : event type -> what one such event counts
    rating_threshold : the rating from which on a product counts as liked; None without ratings
    """

    log: InteractionLog
    unit_price: npt.NDArray[np.float64] | None
    parts: npt.NDArray[np.int8] | None
    event_weights: dict[str, float]
    rating_threshold: float | None
    rejected: pd.DataFrame
    remarks: tuple[Message, ...]


def read_purchases(
    table: Table,
    roles: Sequence[ColumnRole],
    item_ids: npt.NDArray[np.object_],
    catalog_price: npt.NDArray[np.float64] | None,
    catalog_name: str,
    mapped: Mapped | None = None,
) -> Purchases:
    """Keep the rows with a user, an item of the catalog and, where the log has times, a time.

    Money is the row's amount, else its price times its quantity (1 where not written), else the catalog's price; a view, a cart
    or another event that is no purchase brings none.
    Rows with a quantity of zero or less are returns and are set aside, as are events that count nothing and ratings below the
    one from which on a product counts as liked (a row without a rating is kept: it happened).

    Raises
    ------
    TenbinError
        ``E_NO_COMMON_ITEM`` when no row names an item of the catalog, ``E_BAD_TIMES`` and ``E_BAD_RATINGS`` when the column that
        a person chose for the time or the rating holds none, ``E_UNKNOWN_EVENT``, ``E_NO_USABLE_ROW``,
        ``E_SPREADSHEET_IDS``.
    """
    mapped = mapped or Mapped()
    column = {role: found[0] for role in INTERACTION_ROLES if (found := columns_of(roles, table.name, role))}
    users, items = as_text(table.frame[column["user_id"]]), as_text(table.frame[column["item_id"]])
    sieve = Sieve(table)
    sieve.drop(users.isna().to_numpy(), "missing_user_id")
    sieve.drop(items.isna().to_numpy(), "missing_item_id")
    sieve.drop(destroyed_by_spreadsheet(items), "spreadsheet_number")
    item_index, remarks = find_items(items, item_ids, table.name)
    if sieve.kept.any() and not (item_index[sieve.kept] >= 0).any():
        raise TenbinError("E_NO_COMMON_ITEM", file=table.name, column=column["item_id"], catalog=catalog_name)
    sieve.drop(item_index < 0, "unknown_item")

    times = None
    if "timestamp" in column:
        times, said = _times(table, column["timestamp"], sieve, chosen=_chosen(roles, table.name, "timestamp"))
        remarks += said
    quantity = None
    if "quantity" in column:
        quantity, said = _quantities(table, column["quantity"])
        sieve.drop(quantity <= 0, "returned")
        remarks += said
    events = as_text(table.frame[column["event_type"]]) if "event_type" in column else None
    weights = None
    if events is not None:
        weights = weigh(events, mapped.events, table.name)
        sieve.drop(weights.rows == 0, "event_not_counted")
        remarks += weights.remarks
    threshold = None
    if "rating" in column:
        threshold, said = _drop_disliked(table, column["rating"], sieve, mapped, chosen=_chosen(roles, table.name, "rating"))
        remarks += said
    elif "rating" not in mapped.roles.get("interactions", {}):
        remarks += _ratings_not_used(table, {found.column for found in roles if found.file == table.name})
    parts = None
    if "split" in column:
        parts = parts_of(as_text(table.frame[column["split"]]))
        sieve.drop(parts < 0, "bad_split_label")
    if not sieve.kept.any():
        raise nothing_usable(table, sieve, column["item_id"])

    kept = np.flatnonzero(sieve.kept)
    if times is not None:
        kept = kept[np.argsort(times[kept], kind="stable")]
    user_index, user_ids = pd.factorize(users.iloc[kept], sort=True)
    unit = _numbers(table, column.get("price"))
    amount = _numbers(table, column.get("amount"))
    unit_price = _unit_price(unit, amount, quantity)
    listed = None if catalog_price is None else catalog_price[np.maximum(item_index, 0)]
    paid = None if events is None else _paid(events)
    value = _value(amount, unit, listed, quantity, paid)
    log = InteractionLog(
        user_ids=np.asarray(user_ids, dtype=np.object_),
        user_index=user_index.astype(np.int32),
        item_index=item_index[kept].astype(np.int32),
        timestamp=None if times is None else times[kept],
        value=None if value is None else value[kept],
        event_type=None if events is None else objects(events.iloc[kept].fillna("")),
        weight=None if weights is None or (weights.rows[kept] == 1).all() else weights.rows[kept],
        bought=None if paid is None or paid[kept].all() or not paid[kept].any() else paid[kept],
    )
    return Purchases(
        log=log,
        unit_price=None if unit_price is None else unit_price[kept],
        parts=None if parts is None else parts[kept],
        event_weights={} if weights is None else weights.stated,
        rating_threshold=threshold,
        rejected=sieve.rejected(),
        remarks=tuple(remarks),
    )


def _drop_disliked(table: Table, column: str, sieve: Sieve, mapped: Mapped, *, chosen: bool) -> tuple[float | None, list[Message]]:
    """Set aside what customers did not like; the rating from which on they did, None where the column holds no ratings.

    What cannot be read is counted and stated, and kept: the customer had the product.
    """
    text = as_text(table.frame[column])
    ratings = parse_ratings(text)
    odd = np.flatnonzero(text.notna().to_numpy() & np.isnan(ratings))
    remarks: list[Message] = []
    if len(odd):
        found = str(text.iloc[odd[0]])[:60]
        if chosen and not np.isfinite(ratings).any():
            raise TenbinError("E_BAD_RATINGS", file=table.name, row=int(table.rows[odd[0]]), column=column, found=found)
        said = {"file": table.name, "column": column, "n": len(odd), "found": found}
        remarks.append(Message(code="reading.remark.rating_unreadable", values=said))
    if not np.isfinite(ratings).any():
        return None, remarks
    threshold, odd_ones = liked_from(ratings, mapped.rating_threshold, file=table.name, column=column)
    sieve.drop(ratings < threshold - ROUNDING, "low_rating")
    return threshold, [*remarks, *odd_ones]


def _ratings_not_used(table: Table, taken: Set[str]) -> list[Message]:
    """A remark on each free column that is named like ratings and is not written in numbers."""
    remarks = []
    for column in map(str, table.frame.columns):
        if column not in taken and name_score(column, "rating") >= _SURE_BY_NAME:
            text = as_text(table.frame[column])
            odd = text[text.notna().to_numpy() & np.isnan(parse_numbers(text))]
            if len(odd):
                said = {"file": table.name, "column": column, "n": len(odd), "found": str(odd.iloc[0])[:60]}
                remarks.append(Message(code="reading.remark.rating_not_used", values=said))
    return remarks


def parts_of(labels: pd.Series) -> npt.NDArray[np.int8]:
    """0, 1 and 2 for train, validation and test, -1 for any other label."""
    codes, unique = pd.factorize(labels)
    return np.array([*(_PARTS.get(str(label).casefold(), -1) for label in unique), -1], dtype=np.int8)[codes]


ROUNDING = 1e-9
"""What two ways of computing a rating may differ by."""

_PART_WORDS = ("0 train training 学習", "1 validation valid val dev 検証", "2 test testing テスト")
_PARTS = {word: part for part, words in enumerate(_PART_WORDS) for word in words.split()}


def _chosen(roles: Sequence[ColumnRole], file: str, role: str) -> bool:
    return any(found.file == file and found.role == role and found.reason.code == "reading.reason.chosen" for found in roles)


def _times(table: Table, column: str, sieve: Sieve, *, chosen: bool) -> tuple[npt.NDArray[np.datetime64] | None, list[Message]]:
    text = as_text(table.frame[column])
    read = parse_times(text)
    unreadable = np.isnat(read.values)
    written = text.notna().to_numpy()
    if (~unreadable & sieve.kept).sum() < _LEAST_READABLE_TIMES * sieve.kept.sum():
        if chosen:
            faulty = np.flatnonzero(unreadable & written)
            first = int(faulty[0]) if len(faulty) else 0
            found = "" if pd.isna(text.iloc[first]) else str(text.iloc[first])[:60]
            raise TenbinError(
                "E_BAD_TIMES", file=table.name, row=int(table.rows[first]), column=column, found=found, n=int(unreadable.sum())
            )
        return None, [Message(code="reading.remark.times_unreadable", values={"file": table.name, "column": column})]
    sieve.drop(unreadable & ~written, "missing_time")
    sieve.drop(unreadable, "bad_time")
    said = {"file": table.name, "column": column}
    told = [Message(code=f"reading.times.{read.writing}", values=said)] if read.writing != "iso" else []
    ahead = int((sieve.kept & (read.values > np.datetime64(int(time.time()) + _DAY_S, "s"))).sum())
    if ahead:  # the latest rows are the test: dates that cannot be would decide the answer
        told.append(Message(code="reading.remark.future_times", values={**said, "n": ahead}))
    return read.values, told


def _numbers(table: Table, column: str | None) -> npt.NDArray[np.float64] | None:
    return None if column is None else parse_numbers(as_text(table.frame[column]))


def _quantities(table: Table, column: str) -> tuple[npt.NDArray[np.float64], list[Message]]:
    """How many pieces each row says; what cannot be read is counted and stated, and counts as one piece."""
    text = as_text(table.frame[column])
    pieces = parse_quantities(text)
    odd = text[text.notna().to_numpy() & np.isnan(pieces)]
    if odd.empty:
        return pieces, []
    said = {"file": table.name, "column": column, "n": len(odd), "found": str(odd.iloc[0])[:60]}
    return pieces, [Message(code="reading.remark.quantity_unreadable", values=said)]


Money = npt.NDArray[np.float64]


def _pieces(quantity: Money | None) -> Money | float:
    return 1.0 if quantity is None else np.where(np.isfinite(quantity) & (quantity > 0), quantity, 1.0)


def _paid(events: pd.Series) -> npt.NDArray[np.bool_]:
    """Whether money was paid in each row, by its type of event; a blank one counts as a purchase."""
    codes, unique = pd.factorize(events)
    return np.array([*(means_money(str(written)) for written in unique), True])[codes]


def _value(
    amount: Money | None, unit: Money | None, listed: Money | None, quantity: Money | None, paid: npt.NDArray[np.bool_] | None
) -> Money | None:
    """Money of each row, from the surest source that has it; NaN in rows in which nothing was paid."""
    value: Money | None = None
    for source in (amount, *(None if price is None else price * _pieces(quantity) for price in (unit, listed))):
        if source is not None:
            value = source if value is None else np.where(np.isfinite(value), value, source)
    if value is not None and paid is not None:
        value = np.where(paid, value, np.nan)
    return value if value is not None and np.isfinite(value).any() else None


def _unit_price(unit: Money | None, amount: Money | None, quantity: Money | None) -> Money | None:
    return unit if unit is not None else None if amount is None else amount / _pieces(quantity)
