"""Distinct (user, item) pairs for training, selection and the final test: by time, within each user, or as the shop gives them.

Where events have weights, a pair counts, and dates from, the event with which its weights first add up to 1; a pair whose weights
never do is weak: it is neither trained nor tested on. Without weights that event is simply the first.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from diagnostics.config import threshold
from diagnostics.errors import TenbinError
from diagnostics.schema import IndexArray, InteractionLog, Split, SplitKind
from diagnostics.seeds import generator

__all__ = ["split", "weak_pairs"]

_SHARE = 0.1  # of rows (time) or of a user's items (user), for validation and again for test
_FEWEST_ITEMS = 3  # with fewer, a user cannot have one item in each part
_ROUNDING = 1e-6  # five weights of 0.2 add up to 1
_ROUNDED_FROM = 10  # below this many items a user gives exactly one to validation and one to test

Pairs = npt.NDArray[np.int64]


def split(
    log: InteractionLog, n_items: int, *, kind: str = "auto", seed: int = 0, parts: npt.NDArray[np.int8] | None = None
) -> Split:
    """Divide the log so that no pair stands in two parts and every test user has training history.

    By time: cut-offs are whole timestamps with about 80, 10 and 10 % of the rows before, between and after; pairs that
    training already has are dropped from validation and test, as are users unknown to training. By user: a seeded random
    80/10/10 of each user's distinct items; a user with fewer than 10 gives one and one, with fewer than 3 trains only. As given:
    each pair goes where its row's label says, with the same two droppings.

    Parameters
    ----------
    kind : ``time``, ``user``, ``given``, or ``auto``: given where there are ``parts``, else time if the log spans
        ``time_split_min_days``
    parts : int8 (n_rows,), 0 train, 1 validation, 2 test

    Raises
    ------
    TenbinError
        ``E_NO_TIMESTAMPS`` when a time split is asked for and cannot be made; ``E_NO_GIVEN_SPLIT``; ``E_TOO_FEW_INTERACTIONS``
        when no test remains; ``E_UNKNOWN_SPLIT``.
    """
    if kind not in ("auto", "time", "user", "given"):
        raise TenbinError("E_UNKNOWN_SPLIT", found=kind, choices=["auto", "time", "user", "given"])
    if kind == "given" and parts is None:
        raise TenbinError("E_NO_GIVEN_SPLIT")
    reason = "chosen"
    if kind == "auto":
        kind, reason = _choose(log) if parts is None else ("given", "given")
    keys, row = _pairs_and_rows(log, n_items)
    found = _by_time(log, n_items, reason, keys, row) if kind == "time" else None
    if kind == "given" and parts is not None:
        found = _made("given", reason, log, n_items, _apart([keys[parts[row] == part] for part in range(3)], n_items))
    if kind == "time" and found is None:
        if reason == "chosen":
            raise TenbinError("E_NO_TIMESTAMPS")
        reason = "no_later_purchases"
    if found is None:
        found = _by_user(log, n_items, reason, seed, keys)
    if not len(found.test) or not len(found.validation):
        raise TenbinError("E_TOO_FEW_INTERACTIONS", n=log.n_rows)
    return found


def weak_pairs(log: InteractionLog, n_items: int) -> int:
    """The number of distinct (user, item) pairs whose events do not add up to one interaction."""
    if log.weight is None:
        return 0
    return len(_distinct(_keys(log, n_items))) - len(_pairs_and_rows(log, n_items)[0])


def _keys(log: InteractionLog, n_items: int) -> Pairs:
    return log.user_index.astype(np.int64) * n_items + log.item_index


def _pairs_and_rows(log: InteractionLog, n_items: int) -> tuple[Pairs, npt.NDArray[np.int64]]:
    """Pairs that count, and the row of each with which it does, in the order of rows. Without weights every row stands here."""
    keys = _keys(log, n_items)
    if log.weight is None:
        return keys, np.arange(log.n_rows)
    order = np.argsort(keys, kind="stable")
    weight = log.weight[order].astype(np.float64)
    starts = np.append(True, keys[order][1:] != keys[order][:-1])
    total = np.cumsum(weight)
    total -= (total - weight)[starts][np.cumsum(starts) - 1]  # up to and with each event, within its pair
    reached = total >= 1 - _ROUNDING
    first = reached & ~(np.append(False, reached[:-1]) & ~starts)
    row = np.sort(order[first])
    return keys[row], row


def _choose(log: InteractionLog) -> tuple[str, str]:
    if log.timestamp is None or not log.n_rows:
        return "user", "no_timestamps"
    early, late = log.timestamp[[log.n_rows // 100, log.n_rows - 1 - log.n_rows // 100]]  # a few wrong dates decide nothing
    days = (late - early) / np.timedelta64(1, "D")
    if days < threshold("time_split_min_days"):
        return "user", "span_too_short"
    return "time", "span_long_enough"


def _by_time(log: InteractionLog, n_items: int, reason: str, keys: Pairs, row: npt.NDArray[np.int64]) -> Split | None:
    """None where whole timestamps cannot make three parts, or nobody of the last part is known before."""
    if log.timestamp is None:
        return None
    moments, first_row = np.unique(log.timestamp, return_index=True)
    if len(moments) < 3:
        return None
    # `first_row[m]` rows lie before moment m, so a cut at moment m leaves that many in front of it.
    one = 1 + int(np.argmin(np.abs(first_row[1:-1] - (1 - 2 * _SHARE) * log.n_rows)))
    two = one + 1 + int(np.argmin(np.abs(first_row[one + 1 :] - (1 - _SHARE) * log.n_rows)))
    bounds = np.searchsorted(row, [first_row[one], first_row[two]])
    train, validation, test = _apart(np.split(keys, bounds), n_items)
    if not len(validation) or not len(test):
        return None
    if reason != "chosen" and first_row[one] < (1 - 2 * _SHARE) * log.n_rows / 2:
        return None  # so few moments that most of the log would be held out
    return _made("time", reason, log, n_items, [train, validation, test], (str(moments[one]), str(moments[two])))


def _apart(parts: Sequence[Pairs], n_items: int) -> list[Pairs]:
    """Each pair once, in the first part that has it; validation and test without users whom training does not know."""
    train, validation, test = (_distinct(part) for part in parts)
    known = _distinct(train // n_items)
    validation = validation[~_among(validation, train)]
    test = test[~_among(test, train) & ~_among(test, validation)]
    return [train, *(part[_among(part // n_items, known)] for part in (validation, test))]


def _among(keys: Pairs, ordered: Pairs) -> npt.NDArray[np.bool_]:
    """Which keys stand in an ordered list; by bisection, which is many times faster here than ``np.isin``'s hashing."""
    if not len(ordered):
        return np.zeros(len(keys), dtype=bool)
    return np.asarray(ordered[np.minimum(np.searchsorted(ordered, keys), len(ordered) - 1)] == keys)


def _by_user(log: InteractionLog, n_items: int, reason: str, seed: int, keys: Pairs) -> Split:
    keys = _distinct(keys)
    user = keys // n_items
    count = np.bincount(user, minlength=log.n_users)
    shuffled = keys[np.lexsort((generator(seed, "split").random(len(keys)), user))]  # users in order, their items at random
    place = np.arange(len(keys)) - np.concatenate([[0], np.cumsum(count)[:-1]])[user]  # of a pair within its user
    share = np.where(count < _ROUNDED_FROM, 1, np.floor(_SHARE * count + 0.5).astype(np.int64))
    share = np.where(count < _FEWEST_ITEMS, 0, share)[user]
    in_test, in_validation = place < share, (place >= share) & (place < 2 * share)
    parts = [shuffled[~in_test & ~in_validation], shuffled[in_validation], shuffled[in_test]]
    return _made("user", reason, log, n_items, parts)


def _made(
    kind: SplitKind, reason: str, log: InteractionLog, n_items: int, parts: Sequence[Pairs], cut_offs: tuple[str, ...] = ()
) -> Split:
    train, validation, test = (_pairs(part, n_items) for part in parts)
    return Split(
        kind=kind,
        reason=reason,
        n_users=log.n_users,
        n_items=n_items,
        train=train,
        validation=validation,
        test=test,
        cut_offs=cut_offs,
    )


def _distinct(keys: Pairs) -> Pairs:
    """Each key once, in order; by sorting, which is several times faster here than ``np.unique``'s hashing."""
    ordered = np.sort(keys)
    return ordered[np.append(True, ordered[1:] != ordered[:-1])] if len(ordered) else ordered


def _pairs(keys: Pairs, n_items: int) -> IndexArray:
    ordered = np.sort(keys)
    return np.column_stack([ordered // n_items, ordered % n_items]).astype(np.int32)
