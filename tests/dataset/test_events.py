"""What events count: kinds by name, weights that add up, ratings with a threshold, the division that a shop gives itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from diagnostics.config import threshold
from diagnostics.dataset import read, read_mapping, split, write_mapping
from diagnostics.dataset.events import EVENT_KINDS, event_kind, liked_from, n_purchases, parse_ratings, weigh
from diagnostics.dataset.splits import weak_pairs
from diagnostics.errors import TenbinError
from diagnostics.messages import has, text
from diagnostics.schema import Dataset, InteractionLog
from tests.dataset.shops import lines, log_rows, write_shop


def read_log(folder: Path, header: tuple[str, ...], rows: list[tuple[str, ...]], **options: object) -> Dataset:
    catalog, log = write_shop(folder)
    log.write_text(lines(header, rows), encoding="utf-8")
    return read(catalog, log, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("view", "view PageView product_view pv click view_cart 閲覧 商品詳細閲覧 クリック"),
        ("view", "商品詳細表示 ページ表示 カート表示 商品ビュー 商品詳細ページ閲覧"),
        ("cart", "cart AddToCart add-to-cart addtocart begin_checkout カート カート追加 買い物かごに追加"),
        ("favourite", "fav favorite favourite wishlist add_to_wishlist like お気に入り お気に入り登録 いいね"),
        ("purchase", "purchase PURCHASE buy order transaction 購入 注文 購買 売上"),
        ("rating", "rating review 評価 レビュー投稿 商品レビュー"),
        ("shown", "impression exposure 表示 インプレッション 表示回数 商品表示回数 レコメンド表示 バナー表示"),
        ("undone", "remove_from_cart refund order_cancelled dislike カートから削除 返品 購入キャンセル お気に入り解除"),
        ("cart", "add_shipping_info add_payment_info AddPaymentInfo 決済方法選択"),
        ("unrelated", "session_start scroll search 検索 ログイン login sign_up 会員登録 user_engagement"),
        ("view", "検索結果クリック"),
        (None, "7 subscribe 入会"),
    ],
)
def test_words_of_events(kind: str | None, words: str) -> None:
    assert {word: event_kind(word) for word in words.split()} == dict.fromkeys(words.split(), kind)


def test_every_kind_has_a_weight_with_a_reason() -> None:
    assert [threshold(f"event_weight_{kind}") for kind in ("purchase", "cart", "view", "shown")] == [1, 0.5, 0.2, 0]
    assert all(0 <= threshold(f"event_weight_{kind}") <= 1 for kind in EVENT_KINDS)


def test_weights_by_word_by_kind_and_by_default() -> None:
    events = pd.Series(["閲覧", "カート", "購入", "閲覧", None, "入会"], dtype="str")
    found = weigh(events, {"view": 0.3, "カート": 0.6}, "log.csv")
    assert found.rows.tolist() == pytest.approx([0.3, 0.6, 1, 0.3, 1, 0])
    assert found.stated == {"閲覧": 0.3, "カート": 0.6, "購入": 1.0, "入会": 0.0}
    assert [remark.code.rsplit(".", 1)[1] for remark in found.remarks] == ["unknown_beside_purchases", "blank_events"]
    assert weigh(events, {"入会": 0.8}, "log.csv").stated["入会"] == 0.8
    unsure = weigh(pd.Series(["閲覧", "入会"], dtype="str"), {}, "log.csv")  # nothing else can be the purchase
    assert unsure.stated == {"閲覧": 0.2, "入会": 1.0}
    assert [remark.code.rsplit(".", 1)[1] for remark in unsure.remarks] == ["unknown_events"]
    idle = weigh(pd.Series(["購入", "表示", "返品", "表示"], dtype="str"), {}, "log.csv").remarks
    assert [remark.values for remark in idle] == [{"file": "log.csv", "types": ["表示", "返品"], "n": 3}]
    found = replace(found, remarks=(*found.remarks, *idle))
    for remark in (*found.remarks, *unsure.remarks):
        assert all(text(remark.code, lang, **remark.values) for lang in ("en", "ja"))


def test_without_a_purchase_the_strongest_event_counts_one() -> None:
    assert weigh(pd.Series(["view", "cart"], dtype="str"), {}, "x").stated == {"view": 0.4, "cart": 1.0}
    assert weigh(pd.Series(["view"] * 3, dtype="str"), {}, "x").rows.tolist() == [1, 1, 1]
    assert weigh(pd.Series(["impression"], dtype="str"), {}, "x").rows.tolist() == [0]


def test_a_weight_for_nothing_is_explained() -> None:
    with pytest.raises(TenbinError) as caught:
        weigh(pd.Series(["閲覧"], dtype="str"), {"veiw": 0.3}, "log.csv")
    assert (caught.value.code, caught.value.values["nearest"]) == ("E_UNKNOWN_EVENT", "view")


# ---------------------------------------------------------------- pairs that add up


def weighted(events: list[tuple[int, int, int, float]]) -> InteractionLog:
    """(user, item, day, weight) in any order."""
    rows = sorted(events, key=lambda event: event[2])
    users, items, days, weights = (np.array(column) for column in zip(*rows, strict=True))
    time = np.datetime64("2024-01-01", "s") + days.astype("timedelta64[D]").astype("timedelta64[s]")
    names = np.array([f"u{user}" for user in range(int(users.max()) + 1)], dtype=object)
    return InteractionLog(names, users.astype(np.int32), items.astype(np.int32), time, weight=weights.astype(np.float32))


def pairs(part: np.ndarray) -> set[tuple[int, int]]:
    return {(int(user), int(item)) for user, item in part}


def test_five_looks_make_one_interaction_and_four_do_not() -> None:
    sure = [(user, item, 0, 1.0) for user in range(3) for item in range(4)]
    log = weighted([*sure, *[(0, 8, day, 0.2) for day in range(5)], *[(1, 9, day, 0.2) for day in range(4)]])
    found = split(log, 10, kind="user")
    everything = pairs(found.train) | pairs(found.validation) | pairs(found.test)
    assert everything == {(user, item) for user, item, *_ in sure} | {(0, 8)}
    assert weak_pairs(log, 10) == 1


def test_a_pair_dates_from_the_event_that_completes_it() -> None:
    """A look in the training time and a purchase in the test time: the purchase is to be predicted, the look gives nothing away."""
    filler = [(user, item, day, 1.0) for user in range(4) for day, item in enumerate(range(10, 40))]
    looked = [(0, 1, 0, 0.2), (0, 1, 29, 1.0)]
    begun = [(1, 2, 0, 0.5), (1, 2, 1, 0.5)]
    log = weighted([*filler, *looked, *begun])
    found = split(log, 50, kind="time")
    assert (0, 1) in pairs(found.test)
    assert (0, 1) not in pairs(found.train)
    assert (1, 2) in pairs(found.train)


def test_a_log_without_weights_is_split_as_one_where_all_count_one() -> None:
    draw = np.random.default_rng(3)
    events = [(int(u), int(i), int(d), 1.0) for u, i, d in zip(*draw.integers(0, (12, 30, 60), (400, 3)).T, strict=True)]
    log = weighted(events)
    plain = InteractionLog(log.user_ids, log.user_index, log.item_index, log.timestamp)
    for kind in ("time", "user"):
        one, other = split(log, 30, kind=kind), split(plain, 30, kind=kind)
        assert all(np.array_equal(getattr(one, part), getattr(other, part)) for part in ("train", "validation", "test"))
    assert weak_pairs(log, 30) == weak_pairs(plain, 30) == 0


def test_views_carts_and_purchases_of_a_shop(tmp_path: Path) -> None:
    kinds = ("購入", "購入", "購入", "カート", "閲覧")
    rows = [(u, i, d, kinds[place % 5]) for place, (u, i, d, _) in enumerate(log_rows(n_users=24))]
    rows.append(("u00", "0002", "2024-01-09", "返品"))
    dataset = read_log(tmp_path, ("会員ID", "商品ID", "日時", "イベント種別"), [*rows, ("u00", "0001", "2024-01-01", "購入")])
    assert dataset.notes.event_weights == {"購入": 1.0, "カート": 0.5, "閲覧": 0.2, "返品": 0.0}
    assert {entry.reason: entry.count for entry in dataset.notes.set_aside} == {"event_not_counted": 1}
    assert dataset.log.weight is not None and set(np.round(dataset.log.weight.astype(float), 3)) == {1.0, 0.5, 0.2}
    tested = len(dataset.split.train) + len(dataset.split.validation) + len(dataset.split.test)
    assert tested == 72  # each purchase; a cart or a look alone is none
    assert dataset.notes.weak_pairs == 48
    assert all(has(f"set_aside.{reason}", lang) for reason in ("event_not_counted", "low_rating") for lang in ("en", "ja"))


def test_a_log_of_views_alone_is_used(tmp_path: Path) -> None:
    rows = [(u, i, d, "view") for u, i, d, _ in log_rows()]
    dataset = read_log(tmp_path, ("user_id", "item_id", "date", "event_type"), rows)
    assert (dataset.log.n_rows, dataset.notes.weak_pairs, dataset.log.weight) == (40, 0, None)
    assert dataset.notes.event_weights == {"view": 1.0}


def test_weights_in_a_mapping_change_what_counts(tmp_path: Path) -> None:
    rows = [(u, i, d, "view" if int(i) % 2 else "purchase") for u, i, d, _ in log_rows()]
    header = ("user_id", "item_id", "date", "event_type")
    assert read_log(tmp_path, header, rows, mapping={"events": {"view": 1}}).notes.weak_pairs == 0
    none = read_log(tmp_path, header, rows, mapping={"events": {"view": 0}})
    assert {entry.reason for entry in none.notes.set_aside} == {"event_not_counted"}
    assert none.log.n_rows == sum(row[3] == "purchase" for row in rows)


# ---------------------------------------------------------------- ratings


@pytest.mark.parametrize(
    ("ratings", "liked"),
    [
        ([1, 2, 5], 4),
        ([0.5, 4.5], 4),
        ([1, 7, 9.5], 8),
        ([0, 55, 100], 80),
        ([0, 0.4, 1], 0.8),
        ([-1, 1], 0.8),
        ([1, 2, 3], 2.4),
        ([1, np.nan, 4], 3.2),
        ([3, 250], 200),
    ],
)
def test_from_which_rating_on_a_product_is_liked(ratings: list[float], liked: float) -> None:
    assert liked_from(np.array(ratings, dtype=float)) == (pytest.approx(liked), ())
    assert liked_from(np.array(ratings, dtype=float), 3.5) == (3.5, ())


def test_a_few_slips_do_not_move_the_scale() -> None:
    """One 50 typed for a 5 made every rating below 40 disliked."""
    usual = [1.0, 2.0, 3.0, 4.0, 5.0] * 20
    threshold_, (remark,) = liked_from(np.array([*usual, 50.0, np.nan]), file="log.csv", column="stars")
    assert threshold_ == 4
    assert remark.values == {"file": "log.csv", "column": "stars", "n": 1, "top": 5.0, "found": 50.0}
    assert all(text(remark.code, lang, **remark.values) for lang in ("en", "ja"))
    assert liked_from(np.array([*usual, 50.0, 50.0, 60.0])) == (80, ())  # three are no slip: the scale goes to 100
    assert liked_from(np.array(usual * 10 + [9.0] * 5))[0] == 4  # 5 of 1,005
    assert liked_from(np.array(usual * 10 + [9.0] * 50)) == (8, ())
    assert liked_from(np.array([1.0, 2.0, 3.0] * 40 + [5.0])) == (4, ())  # few fives on a scale of five are no slip


def test_low_ratings_are_set_aside_and_missing_ones_kept(tmp_path: Path) -> None:
    rows = [(u, i, d, ("5", "4", "良い", "", "2", "3.5")[place % 6]) for place, (u, i, d, _) in enumerate(log_rows(n_users=12))]
    dataset = read_log(tmp_path, ("会員ID", "商品ID", "日時", "評価"), rows)
    assert dataset.notes.rating_threshold == 4
    assert {entry.reason: entry.count for entry in dataset.notes.set_aside} == {"low_rating": 20}
    assert dataset.log.n_rows == 40
    looser = read_log(tmp_path, ("user_id", "item_id", "date", "rating"), rows, mapping={"ratings": {"threshold": 3}})
    assert (looser.notes.rating_threshold, looser.log.n_rows) == (3, 50)


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("★★☆☆☆ ★★★★★ ☆☆☆☆☆ ⭐⭐⭐ ⭐️⭐️", [2, 5, 0, 3, 2]),
        ("☆☆☆ ☆☆☆☆☆ ☆4", [np.nan, np.nan, 4]),  # three of three, or none of three?
        ("2点 ４ 4.5点 ４．５点 星4 4つ星 ★4 4.0★", [2, 4, 4.5, 4.5, 4, 4, 4, 4]),
        ("4/5 4.5|/|5 4|out|of|5 5段階中4 5点満点中3点 4|of|5|stars 4,5/5", [4, 4.5, 4, 4, 3, 4, 4.5]),
        ("良い 6/5 2024/4/5 4/5/6 ★3★4 n/a", [np.nan] * 6),
    ],
)
def test_ratings_are_read_as_shops_write_them(written: str, read_as: list[float]) -> None:
    cells = pd.Series([cell.replace("|", " ") for cell in written.split()], dtype="str")
    np.testing.assert_array_equal(parse_ratings(cells), read_as)


def test_stars_set_the_disliked_aside_and_unreadable_ratings_are_stated(tmp_path: Path) -> None:
    stars = ("★★★★★", "★★☆☆☆", "4点", "良い")
    rows = [(u, i, d, stars[place % 4]) for place, (u, i, d, _) in enumerate(log_rows(n_users=12))]
    header = ("会員ID", "商品ID", "日時", "評価")
    dataset = read_log(tmp_path, header, rows)
    assert (dataset.notes.rating_threshold, dataset.log.n_rows) == (4, 45)
    assert {entry.reason: entry.count for entry in dataset.notes.set_aside} == {"low_rating": 15}
    (remark,) = (remark for remark in dataset.notes.remarks if "rating" in remark.code)
    assert (remark.code, remark.values["n"], remark.values["found"]) == ("reading.remark.rating_unreadable", 15, "良い")
    words = [(u, i, d, ("良い", "悪い", "")[place % 3]) for place, (u, i, d, _) in enumerate(log_rows(n_users=12))]
    (unused,) = (remark for remark in read_log(tmp_path, header, words).notes.remarks if "rating" in remark.code)
    assert unused.values == {"file": "log.csv", "column": "評価", "n": 40, "found": "良い"}
    assert all(text(said.code, lang, **said.values) for said in (remark, unused) for lang in ("en", "ja"))
    none = read_log(tmp_path, header, words, mapping={"interactions": {"rating": ()}})
    assert not any("rating" in remark.code for remark in none.notes.remarks)


def test_a_chosen_rating_column_without_numbers_names_the_cell(tmp_path: Path) -> None:
    rows = [(u, i, d, "good") for u, i, d, _ in log_rows()]
    header = ("user_id", "item_id", "date", "note")
    with pytest.raises(TenbinError) as caught:
        read_log(tmp_path, header, rows, mapping={"interactions": {"rating": "note"}})
    assert caught.value.code == "E_BAD_RATINGS"
    assert {"row": 2, "column": "note", "found": "good"}.items() <= caught.value.values.items()


# ---------------------------------------------------------------- a division that the shop gives


def test_a_column_of_parts_is_kept(tmp_path: Path) -> None:
    names = {0: "train", 1: "train", 2: "train", 3: "valid", 4: "test"}
    rows = [(u, i, d, names[place % 5]) for place, (u, i, d, _) in enumerate(log_rows())]
    rows.append(("u00", "0001", "2024-01-01", "holdout"))
    header = ("user_id", "item_id", "date", "part")
    mapping = {"interactions": {"split": "part"}}
    dataset = read_log(tmp_path, header, rows, mapping=mapping)
    assert (dataset.split.kind, dataset.split.reason) == ("given", "given")
    ids = dataset.catalog.item_ids
    tested = {(f"u{user:02d}", ids[item]) for user, item in dataset.split.test}
    assert tested == {(u, i) for u, i, _, part in rows if part == "test"}
    assert {entry.reason: entry.count for entry in dataset.notes.set_aside} == {"bad_split_label": 1}
    assert read_log(tmp_path, header, rows, mapping=mapping, split="user").split.kind == "user"
    assert all(has(f"split_reason.{dataset.split.reason}", lang) for lang in ("en", "ja"))


def test_a_given_division_never_tests_what_training_has() -> None:
    users, items = np.array([0, 0, 0, 0, 1, 2, 2]), np.array([0, 1, 1, 2, 0, 0, 1])
    parts = np.array([0, 0, 2, 1, 2, 0, 2], dtype=np.int8)
    log = InteractionLog(np.array(["a", "b", "c"], dtype=object), users.astype(np.int32), items.astype(np.int32))
    found = split(log, 3, parts=parts)
    assert (pairs(found.train), pairs(found.validation), pairs(found.test)) == ({(0, 0), (0, 1), (2, 0)}, {(0, 2)}, {(2, 1)})


def test_a_given_division_that_is_not_there() -> None:
    log = InteractionLog(np.array(["a"], dtype=object), np.zeros(3, np.int32), np.arange(3, dtype=np.int32))
    with pytest.raises(TenbinError) as caught:
        split(log, 3, kind="given")
    assert caught.value.code == "E_NO_GIVEN_SPLIT"


# ---------------------------------------------------------------- saved and used again


def test_a_whole_mapping_is_written_and_read_back(tmp_path: Path) -> None:
    rows = [(u, i, d, "閲覧" if int(i) % 2 else "購入") for u, i, d, _ in log_rows()]
    first = read_log(tmp_path, ("user_id", "item_id", "date", "event"), rows, mapping={"events": {"閲覧": 0.5}})
    path = write_mapping(
        first.notes.columns,
        "items.csv",
        "log.csv",
        tmp_path / "saved.toml",
        sheets={"catalog": "商品 一覧"},
        events=first.notes.event_weights,
        rating_threshold=3.5,
    )
    mapped = read_mapping(path)
    assert (mapped.sheets, mapped.rating_threshold) == ({"catalog": "商品 一覧"}, 3.5)
    assert mapped.events == {"閲覧": 0.5, "購入": 1.0}
    path.write_text(path.read_text(encoding="utf-8").replace('sheet = "商品 一覧"\n', ""), encoding="utf-8")
    again = read(tmp_path / "items.csv", tmp_path / "log.csv", mapping=path)
    assert again.fingerprint == first.fingerprint
    assert again.notes.event_weights == first.notes.event_weights


@pytest.mark.parametrize(
    ("mapping", "code"),
    [
        ({"events": {"view": -1}}, "E_BAD_MAPPING"),
        ({"events": {"view": "much"}}, "E_BAD_MAPPING"),
        ({"events": {"view": float("nan")}}, "E_BAD_MAPPING"),
        ({"events": 1}, "E_BAD_MAPPING"),
        ({"ratings": {"treshold": 3}}, "E_UNKNOWN_ROLE"),
        ({"ratings": {"threshold": True}}, "E_BAD_MAPPING"),
        ({"catalog": {"sheet": 1}}, "E_BAD_MAPPING"),
    ],
)
def test_what_a_mapping_cannot_say(mapping: dict[str, object], code: str) -> None:
    with pytest.raises(TenbinError) as caught:
        read_mapping(mapping)
    assert caught.value.code == code


def test_a_view_or_a_cart_brings_no_money(tmp_path: Path) -> None:
    """Ten views of a product of 100 and one purchase are 100 of revenue, not 1,100; an unknown event is no second purchase."""
    kinds = ("view", "purchase", "add_payment_info", "purchase", "promo", "")
    rows = [(u, i, d, kinds[place % 6], "100") for place, (u, i, d, _) in enumerate(log_rows(n_users=24))]
    dataset = read_log(tmp_path, ("user_id", "item_id", "date", "event_type", "price"), rows)
    log = dataset.log
    assert log.value is not None and log.event_type is not None
    money = {kind: set(np.nan_to_num(log.value[log.event_type == kind]).tolist()) for kind in kinds}
    assert money == {"view": {0.0}, "purchase": {100.0}, "add_payment_info": {0.0}, "promo": set(), "": {100.0}}
    assert n_purchases(log) == sum(kind in ("purchase", "scroll", "") for *_, kind, _ in rows) < log.n_rows
    assert np.nansum(log.value) == 100 * sum(kind in ("purchase", "scroll", "") for *_, kind, _ in rows)

    only_views = [(u, i, d, "view", "100") for u, i, d, _ in log_rows()]
    assert read_log(tmp_path, ("user_id", "item_id", "date", "event_type", "price"), only_views).log.value is None
