"""Distinct (user, item) pairs for training, selection and the final test: by time, or within each user."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from diagnostics.config import threshold
from diagnostics.errors import TenbinError
from diagnostics.schema import IndexArray, InteractionLog, Split
from diagnostics.seeds import generator

__all__ = ["split"]

_SHARE = 0.1  # of rows (time) or of a user's items (user), for validation and again for test
_FEWEST_ITEMS = 3  # with fewer, a user cannot have one item in each part
_ROUNDED_FROM = 10  # below this many items a user gives exactly one to validation and one to test

Pairs = npt.NDArray[np.int64]


def split(log: InteractionLog, n_items: int, *, kind: str = "auto", seed: int = 0) -> Split:
    """Divide the log so that no pair stands in two parts and every test user has training history.

    By time: cut-offs are whole timestamps with about 80, 10 and 10 % of the rows before, between and after; pairs that
    training already has are dropped from validation and test, as are users unknown to training. By user: a seeded random
    80/10/10 of each user's distinct items; a user with fewer than 10 gives one and one, with fewer than 3 trains only.

    Parameters
    ----------
    kind : ``auto`` (time if the log spans ``time_split_min_days``), ``time`` or ``user``

    Raises
    ------
    TenbinError
        ``E_NO_TIMESTAMPS`` when a time split is asked for and cannot be made; ``E_TOO_FEW_INTERACTIONS`` when no test remains;
        ``E_UNKNOWN_SPLIT``.
    """
    if kind not in ("auto", "time", "user"):
        raise TenbinError("E_UNKNOWN_SPLIT", found=kind, choices=["auto", "time", "user"])
    reason = "chosen"
    if kind == "auto":
        kind, reason = _choose(log)
    found = _by_time(log, n_items, reason) if kind == "time" else None
    if kind == "time" and found is None:
        if reason == "chosen":
            raise TenbinError("E_NO_TIMESTAMPS")
        reason = "no_later_purchases"
    if found is None:
        found = _by_user(log, n_items, reason, seed)
    if not len(found.test) or not len(found.validation):
        raise TenbinError("E_TOO_FEW_INTERACTIONS", n=log.n_rows)
    return found


def _choose(log: InteractionLog) -> tuple[str, str]:
    if log.timestamp is None or not log.n_rows:
        return "user", "no_timestamps"
    early, late = log.timestamp[[log.n_rows // 100, log.n_rows - 1 - log.n_rows // 100]]  # a few wrong dates decide nothing
    days = (late - early) / np.timedelta64(1, "D")
    if days < threshold("time_split_min_days"):
        return "user", "span_too_short"
    return "time", "span_long_enough"


def _by_time(log: InteractionLog, n_items: int, reason: str) -> Split | None:
    """None where whole timestamps cannot make three parts, or nobody of the last part is known before."""
    if log.timestamp is None:
        return None
    moments, first_row = np.unique(log.timestamp, return_index=True)
    if len(moments) < 3:
        return None
    # `first_row[m]` rows lie before moment m, so a cut at moment m leaves that many in front of it.
    one = 1 + int(np.argmin(np.abs(first_row[1:-1] - (1 - 2 * _SHARE) * log.n_rows)))
    two = one + 1 + int(np.argmin(np.abs(first_row[one + 1 :] - (1 - _SHARE) * log.n_rows)))
    keys = log.user_index.astype(np.int64) * n_items + log.item_index
    train = _distinct(keys[: first_row[one]])
    known = _distinct(train // n_items)
    validation = _distinct(keys[first_row[one] : first_row[two]])
    validation = validation[~np.isin(validation, train)]
    test = _distinct(keys[first_row[two] :])
    test = test[~np.isin(test, np.concatenate([train, validation]))]
    validation, test = (part[np.isin(part // n_items, known)] for part in (validation, test))
    if not len(validation) or not len(test):
        return None
    if reason != "chosen" and first_row[one] < (1 - 2 * _SHARE) * log.n_rows / 2:
        return None  # so few moments that most of the log would be held out
    return _made("time", reason, log, n_items, (train, validation, test), (str(moments[one]), str(moments[two])))


def _by_user(log: InteractionLog, n_items: int, reason: str, seed: int) -> Split:
    keys = _distinct(log.user_index.astype(np.int64) * n_items + log.item_index)
    user = keys // n_items
    count = np.bincount(user, minlength=log.n_users)
    shuffled = keys[np.lexsort((generator(seed, "split").random(len(keys)), user))]  # users in order, their items at random
    place = np.arange(len(keys)) - np.concatenate([[0], np.cumsum(count)[:-1]])[user]  # of a pair within its user
    share = np.where(count < _ROUNDED_FROM, 1, np.floor(_SHARE * count + 0.5).astype(np.int64))
    share = np.where(count < _FEWEST_ITEMS, 0, share)[user]
    in_test, in_validation = place < share, (place >= share) & (place < 2 * share)
    parts = (shuffled[~in_test & ~in_validation], shuffled[in_validation], shuffled[in_test])
    return _made("user", reason, log, n_items, parts)


def _made(
    kind: str, reason: str, log: InteractionLog, n_items: int, parts: tuple[Pairs, Pairs, Pairs], cut_offs: tuple[str, ...] = ()
) -> Split:
    train, validation, test = (_pairs(part, n_items) for part in parts)
    return Split(
        kind="time" if kind == "time" else "user",
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
