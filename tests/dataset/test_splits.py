"""Properties that every split must have, on logs drawn at random."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnostics.dataset import split
from diagnostics.errors import TenbinError
from diagnostics.schema import InteractionLog, Split

N_ITEMS = 40


def make_log(users: np.ndarray, items: np.ndarray, days: np.ndarray | None) -> InteractionLog:
    names = np.array([f"u{i}" for i in range(int(users.max()) + 1)], dtype=object)
    time = None
    if days is not None:
        order = np.argsort(days, kind="stable")
        users, items = users[order], items[order]
        time = np.datetime64("2024-01-01", "s") + days[order].astype("timedelta64[D]").astype("timedelta64[s]")
    return InteractionLog(names, users.astype(np.int32), items.astype(np.int32), time)


def random_log(seed: int, n_rows: int, n_days: int) -> InteractionLog:
    draw = np.random.default_rng(seed)
    return make_log(draw.integers(0, 15, n_rows), draw.integers(0, N_ITEMS, n_rows), draw.integers(0, n_days, n_rows))


def pairs(part: np.ndarray) -> set[tuple[int, int]]:
    return {(int(user), int(item)) for user, item in part}


def check(found: Split, log: InteractionLog) -> None:
    parts = [pairs(part) for part in (found.train, found.validation, found.test)]
    assert [len(part) for part in parts] == [len(found.train), len(found.validation), len(found.test)]
    assert not parts[0] & parts[1]
    assert not parts[0] & parts[2]
    assert not parts[1] & parts[2]
    assert set().union(*parts) <= pairs(np.column_stack([log.user_index, log.item_index]))
    trained = {user for user, _ in parts[0]}
    assert {user for user, _ in parts[1] | parts[2]} <= trained
    assert found.train.dtype == np.int32


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n_rows=st.integers(60, 400),
    n_days=st.integers(1, 90),
    kind=st.sampled_from(["auto", "user", "time"]),
)
def test_no_pair_twice_and_every_tested_user_has_history(seed: int, n_rows: int, n_days: int, kind: str) -> None:
    log = random_log(seed, n_rows, n_days)
    try:
        found = split(log, N_ITEMS, kind=kind, seed=seed)
    except TenbinError as error:
        assert error.code == "E_NO_TIMESTAMPS"
        assert kind == "time"
        return
    check(found, log)
    if kind == "user":
        assert len(found.train) + len(found.validation) + len(found.test) == len(
            pairs(np.column_stack([log.user_index, log.item_index]))
        )


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), n_days=st.integers(40, 120))
def test_a_time_split_cuts_between_whole_timestamps(seed: int, n_days: int) -> None:
    log = random_log(seed, 500, n_days)
    found = split(log, N_ITEMS)
    assert (found.kind, found.reason) == ("time", "span_long_enough")
    assert log.timestamp is not None
    one, two = (np.datetime64(cut, "s") for cut in found.cut_offs)
    rows = np.column_stack([log.user_index, log.item_index])
    assert pairs(found.train) == pairs(rows[log.timestamp < one])
    assert pairs(found.validation) <= pairs(rows[(log.timestamp >= one) & (log.timestamp < two)])
    assert pairs(found.test) <= pairs(rows[log.timestamp >= two])
    assert (log.timestamp < one).mean() == pytest.approx(0.8, abs=0.05)
    assert (log.timestamp >= two).mean() == pytest.approx(0.1, abs=0.05)


@pytest.mark.parametrize(("n", "held_out"), [(1, 0), (2, 0), (3, 1), (9, 1), (10, 1), (14, 1), (15, 2), (24, 2), (25, 3), (40, 4)])
def test_how_many_items_a_user_gives(n: int, held_out: int) -> None:
    helper = np.ones(3, dtype=int)  # a second user, so that there is something to test
    log = make_log(np.concatenate([np.zeros(n, dtype=int), helper]), np.concatenate([np.arange(n), np.arange(3)]), None)
    found = split(log, N_ITEMS)
    assert (found.kind, found.reason) == ("user", "no_timestamps")
    assert [(part[:, 0] == 0).sum() for part in (found.train, found.validation, found.test)] == [
        n - 2 * held_out,
        held_out,
        held_out,
    ]


def test_a_user_split_depends_on_the_seed_and_not_on_the_order_of_rows() -> None:
    log = random_log(1, 300, 5)
    again = make_log(log.user_index[::-1], log.item_index[::-1], None)
    first, second, other = (
        split(log, N_ITEMS, kind="user"),
        split(again, N_ITEMS, kind="user"),
        split(log, N_ITEMS, kind="user", seed=1),
    )
    assert np.array_equal(first.test, second.test)
    assert not np.array_equal(first.test, other.test)


def test_a_short_log_is_split_by_user_and_says_so() -> None:
    assert split(random_log(1, 200, 27), N_ITEMS).reason == "span_too_short"


def test_repeated_purchases_never_leak() -> None:
    users, items = np.repeat(np.arange(10), 6), np.tile([0, 1, 2, 0, 1, 3], 10)
    found = split(make_log(users, items, np.tile([0, 1, 2, 50, 60, 61], 10)), 4)
    assert pairs(found.test) | pairs(found.validation) == {(user, 3) for user in range(10)} or found.reason == "no_later_purchases"
    check(found, make_log(users, items, None))


def test_what_cannot_be_split_is_explained() -> None:
    tiny = make_log(np.array([0, 0]), np.array([0, 1]), None)
    for kind, code in (("auto", "E_TOO_FEW_INTERACTIONS"), ("time", "E_NO_TIMESTAMPS"), ("random", "E_UNKNOWN_SPLIT")):
        with pytest.raises(TenbinError) as caught:
            split(tiny, 2, kind=kind)
        assert caught.value.code == code


def test_one_wrong_date_does_not_choose_the_split() -> None:
    rng = np.random.default_rng(0)
    days = np.sort(rng.integers(0, 5, 1000))
    times = np.datetime64("2024-03-01T00:00:00", "s") + days * np.timedelta64(86400, "s")
    times[0] = np.datetime64("1970-01-01T00:00:00", "s")
    users, items = rng.integers(0, 50, 1000).astype(np.int32), rng.integers(0, 40, 1000).astype(np.int32)
    log = InteractionLog(np.array([f"u{u}" for u in range(50)], dtype=object), users, items, times)
    found = split(log, 40)
    assert (found.kind, found.reason) == ("user", "span_too_short")
