"""From files to a Dataset: everything is used, or set aside and counted."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from diagnostics.dataset import read, retold, write_rejected
from diagnostics.dataset.features import encode
from diagnostics.dataset.keys import find_items
from diagnostics.errors import Cancelled, TenbinError
from diagnostics.messages import has, text
from diagnostics.schema import Dataset
from tests.dataset.shops import ENGLISH, catalog_rows, lines, log_rows, write_shop

LOG = ("user_id", "item_id", "date", "quantity")


def read_lines(folder: Path, log: list[tuple[str, ...]], header: tuple[str, ...] = LOG, **options: object) -> Dataset:
    catalog, path = write_shop(folder)
    path.write_text(lines(header, log), encoding="utf-8")
    return read(catalog, path, **options)  # type: ignore[arg-type]


def reasons(dataset: Dataset, file: str) -> dict[str, int]:
    return {entry.reason: entry.count for entry in dataset.notes.set_aside if entry.file == file}


def test_a_small_shop_by_hand(tmp_path: Path) -> None:
    dataset = read(*write_shop(tmp_path))
    catalog, log = dataset.catalog, dataset.log
    assert catalog.item_ids.tolist() == [f"{i:04d}" for i in range(1, 13)]
    assert catalog.titles is not None and catalog.texts is not None and catalog.price is not None
    assert catalog.titles[0] == "Shirt 1"
    assert catalog.texts[0] == "Shirt 1\nA shirt with 1 buttons"
    assert catalog.price.tolist() == [100.0 * i for i in range(1, 13)]
    assert catalog.attributes["colour"][:2].tolist() == ["blue", "red"]
    assert catalog.category is catalog.attributes["colour"]
    assert log.n_users == 8
    assert log.n_rows == 40
    assert log.timestamp is not None and log.value is not None
    assert str(log.timestamp[0]) == "2024-01-01T00:00:00"
    first = catalog.item_ids[log.item_index[0]]
    assert (log.user_ids[log.user_index[0]], first, log.value[0]) == ("u00", "0001", 200.0)  # 100 each, two pieces
    assert dataset.split.kind == "user"
    assert (dataset.notes.set_aside, dataset.rejected, dataset.notes.items_without_interactions) == ((), {}, 0)
    assert len(dataset.fingerprint) == 32


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp932", "euc_jp"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_the_same_shop_in_any_encoding_is_the_same_dataset(tmp_path: Path, encoding: str, delimiter: str) -> None:
    plain, other = tmp_path / "a", tmp_path / "b"
    plain.mkdir()
    other.mkdir()
    assert read(*write_shop(plain)).fingerprint == read(*write_shop(other, encoding=encoding, delimiter=delimiter)).fingerprint


def test_the_fingerprint_follows_content_and_not_the_order_of_the_log(tmp_path: Path) -> None:
    rows = [row for row in log_rows() if row[0] != "u07"]
    base = read_lines(tmp_path, rows).fingerprint
    assert read_lines(tmp_path, rows, seed=0).fingerprint == base
    assert read_lines(tmp_path, rows[:-1]).fingerprint != base
    assert read_lines(tmp_path, rows, seed=1).fingerprint != base  # another split gives other numbers


def test_every_unusable_row_is_counted_and_kept(tmp_path: Path) -> None:
    bad = [
        ("", "0001", "2024-01-01", "1"),
        ("u01", "NULL", "2024-01-01", "1"),
        ("u01", "9999", "2024-01-01", "1"),
        ("u01", "0001", "2020-13-01", "1"),
        ("u01", "0001", "", "1"),
        ("u01", "0001", "2024-01-01", "-1"),
        ("u01", "4.90E+12", "2024-01-01", "1"),
        ("u01", "0001"),
    ]
    dataset = read_lines(tmp_path, [*bad, *log_rows()])
    assert dataset.log.n_rows == 40
    expected = [
        "missing_user_id",
        "missing_item_id",
        "unknown_item",
        "bad_time",
        "missing_time",
        "returned",
        "spreadsheet_number",
        "ragged",
    ]
    rejected = dataset.rejected["log.csv"]
    assert list(zip(rejected["tenbin_row"], rejected["tenbin_reason"], strict=True)) == list(
        zip(range(2, 10), expected, strict=True)
    )
    assert reasons(dataset, "log.csv") == dict.fromkeys(expected, 1)
    assert rejected["date"][3] == "2020-13-01"
    assert all(has(f"set_aside.{reason}", lang) for reason in expected for lang in ("en", "ja"))
    note = next(note for note in dataset.notes.files if note.role == "interactions")
    assert note.rows == 48 == dataset.log.n_rows + len(rejected)


def test_of_two_items_with_one_id_the_first_is_kept(tmp_path: Path) -> None:
    catalog, log = write_shop(tmp_path)
    rows = [*catalog_rows(), ("0003", "Another", "", "red", "1"), ("", "No id", "", "red", "1")]
    catalog.write_text(lines(ENGLISH, rows), encoding="utf-8")
    dataset = read(catalog, log)
    assert dataset.catalog.titles is not None
    assert dataset.catalog.titles[2] == "Shirt 3"
    assert reasons(dataset, "items.csv") == {"duplicate_item": 1, "missing_item_id": 1}
    assert dataset.rejected["items.csv"]["tenbin_row"].tolist() == [14, 15]


def test_a_tenth_of_garbage_does_not_stop_the_reading(tmp_path: Path) -> None:
    draw = np.random.default_rng(5)
    good = [",".join(row) for row in log_rows(n_users=200)]
    garbage = ['"', "\x00\x01\x02", "a,b,c,d,e,f", "", "????", '"x","y', "u1,,,", ",0001,2024-01-01,1"]
    mixed = list(good)
    for _ in range(len(good) // 10):
        mixed.insert(int(draw.integers(0, len(mixed))), garbage[int(draw.integers(0, len(garbage)))])
    catalog, log = write_shop(tmp_path)
    log.write_bytes("\n".join([",".join(LOG), *mixed]).encode() + b"\nu1,0001,\xff\xfe,1\n")
    dataset = read(catalog, log)
    dropped = sum(reasons(dataset, "log.csv").values())
    assert dataset.log.n_rows == len(good)
    assert dropped == len(mixed) - len(good) - mixed.count("") + 1


def test_a_price_in_the_log_is_shown_and_never_learnt_from(tmp_path: Path) -> None:
    catalog, log = write_shop(tmp_path)
    catalog.write_text(lines(ENGLISH[:4], [row[:4] for row in catalog_rows()]), encoding="utf-8")
    paid = [(u, i, d, q, {"0001": str(100 + 10 * int(u[1:]))}.get(i, "50")) for u, i, d, q in log_rows()]
    log.write_text(lines((*LOG, "unit_price"), paid), encoding="utf-8")
    dataset = read(catalog, log)
    users_of_1 = [int(u[1:]) for u, i, *_ in paid if i == "0001"]
    assert dataset.catalog.paid is not None and dataset.log.value is not None
    assert dataset.catalog.paid[0] == np.median([100 + 10 * u for u in users_of_1])
    assert dataset.log.value[0] == 200.0
    assert any(remark.code == "reading.remark.price_from_log" for remark in dataset.notes.remarks)

    assert dataset.catalog.price is None and dataset.catalog.price_to_show is dataset.catalog.paid
    ours = replace(dataset, catalog=replace(dataset.catalog, texts=None))
    without = replace(ours, catalog=replace(ours.catalog, paid=None))
    (block,), (plain,) = encode(ours), encode(without)
    assert block.name == "attributes" and np.array_equal(block.values, plain.values, equal_nan=True)
    bare = replace(ours.catalog, attributes={})
    assert bare.modalities == ()  # a price that only sales reveal is no kind of product information


def test_quantities_may_carry_a_counter_and_odd_ones_are_counted(tmp_path: Path) -> None:
    written = ("3個", "２点", "数個", "1")
    rows = [(u, i, d, written[place % 4]) for place, (u, i, d, _) in enumerate(log_rows())]
    dataset = read_lines(tmp_path, rows, ("会員番号", "商品コード", "購入日", "数量"))
    price, log = dataset.catalog.price, dataset.log
    assert price is not None and log.value is not None
    pieces = pd.Series(log.value / price[log.item_index]).value_counts().to_dict()
    assert pieces == {3.0: 10, 2.0: 10, 1.0: 20}
    (remark,) = (remark for remark in dataset.notes.remarks if remark.code == "reading.remark.quantity_unreadable")
    assert remark.values == {"file": "log.csv", "column": "数量", "n": 10, "found": "数個"}
    assert all(text(remark.code, lang, **remark.values) for lang in ("en", "ja"))


def test_an_amount_is_money_already(tmp_path: Path) -> None:
    rows = [(u, i, d, q, "980円") for u, i, d, q in log_rows()]
    dataset = read_lines(tmp_path, rows, ("会員番号", "商品コード", "購入日", "数量", "金額"))
    assert dataset.log.value is not None
    assert set(dataset.log.value.tolist()) == {980.0}


def test_event_types_are_kept(tmp_path: Path) -> None:
    rows = [(u, i, d, "view" if int(i) % 2 else "purchase") for u, i, d, _ in log_rows()]
    dataset = read_lines(tmp_path, rows, ("user_id", "item_id", "date", "event_type"))
    assert dataset.log.event_type is not None
    odd = np.array([int(item) % 2 == 1 for item in dataset.catalog.item_ids[dataset.log.item_index]])
    assert (dataset.log.event_type[odd] == "view").all() and (dataset.log.event_type[~odd] == "purchase").all()


def test_repeats_are_counted_and_kept(tmp_path: Path) -> None:
    rows = log_rows()
    dataset = read_lines(tmp_path, [*rows, *rows[:7]])
    assert (dataset.log.n_rows, dataset.notes.merged_duplicates) == (47, 7)


def test_items_nobody_bought_are_counted(tmp_path: Path) -> None:
    rows = [row for row in log_rows() if row[1] not in ("0001", "0002")]
    assert read_lines(tmp_path, rows).notes.items_without_interactions == 2


def test_ids_that_lost_their_zeros_in_the_log_are_matched(tmp_path: Path) -> None:
    dataset = read_lines(tmp_path, [(u, i.lstrip("0"), d, q) for u, i, d, q in log_rows()])
    assert dataset.log.n_rows == 40
    assert dataset.catalog.item_ids[0] == "0001"
    remark = next(remark for remark in dataset.notes.remarks if remark.code == "reading.remark.zeros")
    assert "12" in text(remark.code, "ja", **remark.values)


def test_a_few_ids_that_lost_their_zeros_are_repaired() -> None:
    """One id in ten begins with a zero: the others match as written, and these still mean one product each."""
    catalog = np.array(["012345", "0777", "777", "00888", "0888", *(f"{n}" for n in range(200_000, 200_020))], dtype=object)
    written = pd.Series(["12345", "200001", None, "12345", "777", "888", "999", "000200002"], dtype="str")
    places, (remark,) = find_items(written, catalog, "log.csv")
    assert places.tolist() == [0, 6, -1, 0, 2, -1, -1, 7]  # 888 could be two products
    assert remark.values == {"file": "log.csv", "n": 2}
    assert find_items(written.iloc[[1, 4, 6]], catalog, "log.csv")[1] == []


def test_a_log_in_no_order_is_sorted_by_time(tmp_path: Path) -> None:
    rows = log_rows()
    dataset = read_lines(tmp_path, rows[::-1])
    assert dataset.log.timestamp is not None
    assert (np.diff(dataset.log.timestamp.astype(np.int64)) >= 0).all()
    assert dataset.split.train.tolist() == read_lines(tmp_path, rows).split.train.tolist()


def test_two_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    (tmp_path / "l").mkdir()
    catalog, log = write_shop(tmp_path)
    left, right = catalog.rename(tmp_path / "c" / "data.csv"), log.rename(tmp_path / "l" / "data.csv")
    right.write_text(right.read_text(encoding="utf-8") + "u01,9999,2024-01-01,1\n", encoding="utf-8")
    dataset = read(left, right)
    assert [note.name for note in dataset.notes.files] == ["catalog-data.csv", "interactions-data.csv"]
    assert list(dataset.rejected) == ["interactions-data.csv"]


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[str] = []
    read(*write_shop(tmp_path), progress=lambda code, done: told.append(code))
    assert list(dict.fromkeys(told)) == ["read_catalog", "read_interactions", "split"]


@pytest.mark.parametrize("last", ["read_catalog", "read_interactions", "split"])
def test_reading_stops_when_it_is_cancelled(tmp_path: Path, last: str) -> None:
    told: list[str] = []
    with pytest.raises(Cancelled):
        read(*write_shop(tmp_path), progress=lambda code, done: told.append(code), cancelled=lambda: last in told)
    assert told[-1] == last
    with pytest.raises(Cancelled):
        read(*write_shop(tmp_path), cancelled=lambda: True)


def test_the_date_an_item_joined_and_its_own_description(tmp_path: Path) -> None:
    catalog, log = write_shop(tmp_path)
    rows = [(*row, f"2023-{place % 12 + 1:02d}-05", f"S{place // 2}") for place, row in enumerate(catalog_rows())]
    rows[3] = (*rows[3][:-2], "soon", "S1")
    for added, product in (("発売日", "親商品コード"), ("date_added", "item_group_id"), ("created_at", "style_no")):
        catalog.write_text(lines((*ENGLISH, added, product), rows), encoding="utf-8")
        found = read(catalog, log).catalog
        assert found.added is not None and found.descriptions is not None and found.product is not None
        assert found.added[:2].astype(str).tolist() == ["2023-01-05T00:00:00", "2023-02-05T00:00:00"]
        assert np.isnat(found.added).tolist() == [place == 3 for place in range(12)]
        assert found.descriptions[0] == "A shirt with 1 buttons"
        assert found.product[:4].tolist() == ["S0", "S0", "S1", "S1"]
        assert list(found.attributes) == ["colour"]


def test_a_code_of_each_item_is_no_product(tmp_path: Path) -> None:
    catalog, log = write_shop(tmp_path)
    catalog.write_text(lines((*ENGLISH, "model_no"), [(*row, f"M{row[0]}") for row in catalog_rows()]), encoding="utf-8")
    assert read(catalog, log).catalog.product is None


@pytest.mark.parametrize(
    ("catalog", "log", "code"),
    [
        (b"", None, "E_EMPTY_FILE"),
        (None, b"user_id,item_id\n", "E_HEADER_ONLY"),
        (None, b"user_id:item_id:date\nu1:0001:2024-01-01\nu2:0002:2024-01-01\n", "E_ONE_COLUMN"),
        (b"item_id name colour\n1 a b\n2 c d\n", None, "E_ONE_COLUMN"),
        (b"name,colour\nshirt,red\nskirt,blue\nsock,red\ncap,red\n", None, "E_NO_ITEM_COLUMN"),
        (None, b"user_id,date,shop\nu1,2024-01-01,a\nu2,2024-01-02,b\n", "E_NO_ITEM_COLUMN"),
        (None, b"item_id,date\n0001,2024-01-01\n0002,2024-01-02\n", "E_NO_USER_COLUMN"),
        (None, b"PK\x03\x04........", "E_BAD_ARCHIVE"),
        (b"\x89PNG\r\n\x1a\n....", None, "E_NOT_A_TABLE"),
        (None, b"user_id,item_id\nu1,A9\nu2,B7\n", "E_NO_COMMON_ITEM"),
        (None, b"user_id,item_id\n,0001\n,0002\n", "E_NO_USABLE_ROW"),
        (None, b"user_id,item_id,quantity\nu1,A9,1\nu2,B7,2\nu1,B7,3\n", "E_NO_COMMON_ITEM"),  # 1 is no product 0001
        (None, b"user_id,item_id\nu1,0001\nu2,0002\n", "E_TOO_FEW_INTERACTIONS"),
    ],
)
def test_what_cannot_be_used_is_explained(tmp_path: Path, catalog: bytes | None, log: bytes | None, code: str) -> None:
    left, right = write_shop(tmp_path)
    if catalog is not None:
        left.write_bytes(catalog)
    if log is not None:
        right.write_bytes(log)
    with pytest.raises(TenbinError) as caught:
        read(left, right)
    assert caught.value.code == code
    for lang in ("en", "ja"):
        words = caught.value.words(lang)
        assert words.startswith(code)
        assert code == "E_TOO_FEW_INTERACTIONS" or (left.name if catalog is not None else right.name) in words


def test_where_no_row_can_be_used_the_commonest_reason_is_said(tmp_path: Path) -> None:
    catalog, log = write_shop(tmp_path)
    log.write_bytes(b"user_id,item_id\n,0001\n,0002\nu1,\n")
    with pytest.raises(TenbinError) as caught:
        read(catalog, log)
    assert text("set_aside.missing_user_id", "en") in caught.value.words("en")
    assert text("set_aside.missing_user_id", "ja") in caught.value.words("ja")


def test_swapped_files_are_noticed(tmp_path: Path) -> None:
    catalog, log = write_shop(tmp_path)
    with pytest.raises(TenbinError) as caught:
        read(log, catalog)
    assert caught.value.code == "E_FILES_SWAPPED"
    assert "log.csv" in caught.value.words("ja") and "items.csv" in caught.value.words("ja")


def test_a_chosen_date_column_without_dates_names_the_cell(tmp_path: Path) -> None:
    with pytest.raises(TenbinError) as caught:
        read(*write_shop(tmp_path), mapping={"interactions": {"timestamp": "quantity", "quantity": ""}})
    assert caught.value.code == "E_BAD_TIMES"
    assert {"file": "log.csv", "row": 2, "column": "quantity", "found": "2"}.items() <= caught.value.values.items()


def test_a_chosen_price_column_without_numbers_names_the_cell(tmp_path: Path) -> None:
    with pytest.raises(TenbinError) as caught:
        read(*write_shop(tmp_path), mapping={"catalog": {"price": "colour"}})
    assert caught.value.code == "E_BAD_PRICES"
    assert {"row": 2, "column": "colour", "found": "blue"}.items() <= caught.value.values.items()


def test_a_date_column_we_guessed_wrongly_is_left_alone(tmp_path: Path) -> None:
    dataset = read_lines(tmp_path, [(u, i, "spring", q) for u, i, _, q in log_rows()])
    assert dataset.log.timestamp is None
    assert dataset.split.reason == "no_timestamps"
    assert "reading.remark.times_unreadable" in {remark.code for remark in dataset.notes.remarks}


@pytest.mark.parametrize(("ahead", "told"), [(3, 3), (0, None)])
def test_dates_in_the_future_are_told_of(tmp_path: Path, ahead: int, told: int | None) -> None:
    catalog, log = write_shop(tmp_path)
    head, *rows = log.read_text(encoding="utf-8").splitlines()
    parts = [row.split(",") for row in rows]
    late = [",".join([*row[:2], "2099-01-01", *row[3:]]) if number < ahead else ",".join(row) for number, row in enumerate(parts)]
    log.write_text("\n".join([head, *late]) + "\n", encoding="utf-8")
    remarks = {remark.code: remark.values for remark in read(catalog, log).notes.remarks}
    assert remarks.get("reading.remark.future_times", {}).get("n") == told


def test_rejected_rows_are_written_for_excel(tmp_path: Path) -> None:
    dataset = read_lines(
        tmp_path, [*log_rows(), ('=cmd|"/c calc"!A1', "9999", "２０２４年１月", "-1"), ("-5", "9999", "2024-01-01", "1")]
    )
    paths = write_rejected(dataset, tmp_path / "out")
    assert [path.name for path in paths] == ["log.csv"]
    content = paths[0].read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    table = content.decode("utf-8-sig").split("\r\n")
    assert table[0] == "user_id,item_id,date,quantity,tenbin_row,tenbin_reason,tenbin_why"
    assert (
        "'=cmd|" in table[1]
        and "２０２４年１月" in table[1]
        and table[1].endswith(f",42,unknown_item,{text('set_aside.unknown_item', 'en')}")
    )
    assert table[2].startswith("-5,9999,2024-01-01,1,43,unknown_item,")
    (japanese,) = write_rejected(dataset, tmp_path / "ja", "ja")
    assert retold(paths[0], "ja") == japanese.read_bytes() != content
    assert retold(japanese, "en") == content


def test_split_reasons_have_words() -> None:
    for code in ("chosen", "no_timestamps", "span_too_short", "span_long_enough", "no_later_purchases"):
        assert has(f"split_reason.{code}", "en") and has(f"split_reason.{code}", "ja")


def test_reading_imports_neither_torch_nor_sklearn() -> None:
    code = "import sys, diagnostics.dataset; sys.exit(any(name in sys.modules for name in ('torch', 'sklearn', 'onnxruntime')))"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False).returncode == 0


def test_segments_are_kinds_of_things_before_colours(tmp_path: Path) -> None:
    catalog, log = write_shop(tmp_path)
    rows = [(*row, ("tops", "socks", "caps")[n % 3]) for n, row in enumerate(catalog_rows())]
    catalog.write_text(lines((*ENGLISH, "category"), rows), encoding="utf-8")
    dataset = read(catalog, log)
    assert dataset.catalog.category is dataset.catalog.attributes["category"]
    remark = next(remark for remark in dataset.notes.remarks if remark.code == "reading.remark.segments")
    assert (remark.values["column"], remark.values["n"]) == ("category", 3)
    assert "category" in text(remark.code, "en", **remark.values)
