"""Japanese shops' data, item by item as the product's page lists it; each test is named after what it holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from diagnostics.dataset import propose, read, write_rejected
from diagnostics.dataset.values import parse_numbers, parse_times
from diagnostics.errors import TenbinError
from diagnostics.messages import text
from tests.dataset.shops import JAPANESE, catalog_rows, lines, log_rows

LOG = ("会員ID", "商品ID", "購入日時", "数量")


def shop(folder: Path, header: tuple[str, ...], rows: list[tuple[str, ...]], log: list[tuple[str, ...]], encoding: str = "cp932"):
    catalog, purchases = folder / "商品マスタ.csv", folder / "購入履歴.csv"
    catalog.write_bytes(lines(header, rows).encode(encoding))
    purchases.write_bytes(lines(LOG, log).encode(encoding))
    return read(catalog, purchases)


def priced(folder: Path, cells: list[str]) -> list[float]:
    rows = [(*row[:4], cells[place % len(cells)]) for place, row in enumerate(catalog_rows())]
    price = shop(folder, JAPANESE, rows, log_rows()).catalog.price
    assert price is not None
    return price[: len(cells)].tolist()


def dated(cells: list[str]) -> list[str]:
    return parse_times(pd.Series(cells, dtype="str")).values.astype(str).tolist()


def test_cp932_with_signs_that_shift_jis_does_not_have(tmp_path: Path) -> None:
    rows = [(code, f"①㈱髙島 {name}", *rest) for code, name, *rest in catalog_rows()]
    titles = shop(tmp_path, JAPANESE, rows, log_rows()).catalog.titles
    assert titles is not None and titles[0] == "①㈱髙島 Shirt 1"


def test_cp932_second_bytes_0x5c(tmp_path: Path) -> None:
    rows = [(code, f"ソ表能十{n}予構", *rest) for n, (code, _, *rest) in enumerate(catalog_rows())]
    assert b"\x5c" in "ソ表能十予構".encode("cp932")
    titles = shop(tmp_path, JAPANESE, rows, log_rows()).catalog.titles
    assert titles is not None and titles[3] == "ソ表能十3予構"


def test_an_undecodable_byte_is_set_aside_and_never_ignored(tmp_path: Path) -> None:
    catalog, purchases = tmp_path / "c.csv", tmp_path / "l.csv"
    catalog.write_bytes(lines(JAPANESE, catalog_rows()).encode("cp932"))
    purchases.write_bytes(lines(LOG, log_rows()).encode("cp932") + b"u\x81\x391,0001,2024-01-01,1\n")
    dataset = read(catalog, purchases)
    assert dataset.log.n_rows == 40
    assert dataset.rejected["l.csv"]["tenbin_reason"].tolist() == ["undecodable"]


def test_price_in_full_width_with_yen_and_tax(tmp_path: Path) -> None:
    assert priced(tmp_path, ["￥１，２８０円（税込）", "￥９８０円（税込）"]) == [1280.0, 980.0]


def test_price_in_units_of_ten_thousand(tmp_path: Path) -> None:
    assert priced(tmp_path, ["1.2万円", "３万円"]) == [12_000.0, 30_000.0]


def test_open_price_is_unknown(tmp_path: Path) -> None:
    found = priced(tmp_path, ["オープン価格", "1280円"])
    assert np.isnan(found[0]) and found[1] == 1280.0


def test_era_years() -> None:
    assert dated(["令和6年1月5日", "令和元年5月1日", "平成31年4月30日", "昭和64年1月7日"]) == [
        "2024-01-05T00:00:00",
        "2019-05-01T00:00:00",
        "2019-04-30T00:00:00",
        "1989-01-07T00:00:00",
    ]


def test_era_years_in_short() -> None:
    assert dated(["R6.1.5", "H31.4.30", "S64.1.7"]) == ["2024-01-05T00:00:00", "2019-04-30T00:00:00", "1989-01-07T00:00:00"]


def test_excel_serial_days() -> None:
    assert dated(["45296", "45296.75"]) == ["2024-01-05T00:00:00", "2024-01-05T18:00:00"]


def test_leading_zeros_of_codes_are_kept_and_found(tmp_path: Path) -> None:
    bare = [(user, item.lstrip("0"), *rest) for user, item, *rest in log_rows()]
    dataset = shop(tmp_path, JAPANESE, catalog_rows(), bare)
    assert dataset.catalog.item_ids[0] == "0001"
    assert dataset.log.n_rows == 40


def test_two_digit_years_without_separators_and_eras_by_their_first_sign() -> None:
    assert dated(["240105", "240229", "240230"]) == ["2024-01-05T00:00:00", "2024-02-29T00:00:00", "NaT"]
    assert dated(["令6.1.5", "平31/4/30", "昭64年1月7日"]) == ["2024-01-05T00:00:00", "2019-04-30T00:00:00", "1989-01-07T00:00:00"]


@pytest.mark.parametrize("destroyed", ["catalog", "log"])
def test_where_every_jan_was_destroyed_by_excel_the_error_says_so(tmp_path: Path, destroyed: str) -> None:
    jan = {row[0]: f"49012345{n:05d}" for n, row in enumerate(catalog_rows())}
    mine = ["4.90E+12" if destroyed == "catalog" else jan[row[0]] for row in catalog_rows()]
    rows = [(code, *row[1:]) for code, row in zip(mine, catalog_rows(), strict=True)]
    log = [(user, "4.90E+12" if destroyed == "log" else jan[item], *rest) for user, item, *rest in log_rows()]
    with pytest.raises(TenbinError) as caught:
        shop(tmp_path, JAPANESE, rows, log)
    assert caught.value.code == "E_SPREADSHEET_IDS"
    for lang in ("en", "ja"):
        assert "4.90E+12" in caught.value.words(lang)


def test_codes_in_full_width_and_with_hyphens_are_matched_and_this_is_said(tmp_path: Path) -> None:
    wide = str.maketrans("0123456789", "０１２３４５６７８９")
    log = [
        (user, item.translate(wide) if number % 2 else f"{item[:2]}-{item[2:]}", *rest)
        for number, (user, item, *rest) in enumerate(log_rows())
    ]
    dataset = shop(tmp_path, JAPANESE, catalog_rows(), log)
    assert dataset.log.n_rows == 40
    (remark,) = [remark for remark in dataset.notes.remarks if remark.code == "reading.remark.spelled"]
    assert "00-01" in text(remark.code, "ja", **remark.values)


def test_jan_codes_stay_text(tmp_path: Path) -> None:
    jan = {row[0]: f"49012345{n:05d}" for n, row in enumerate(catalog_rows())}
    rows = [(jan[code], *rest) for code, *rest in catalog_rows()]
    dataset = shop(
        tmp_path, ("JANコード", *JAPANESE[1:]), rows, [(user, jan[item], *rest) for user, item, *rest in log_rows()], "utf-8-sig"
    )
    assert dataset.catalog.item_ids[:2].tolist() == ["4901234500000", "4901234500001"]


def test_jan_codes_destroyed_by_excel_are_detected(tmp_path: Path) -> None:
    log = [*log_rows(), ("u01", "4.90E+12", "2024-01-01", "1"), ("u02", "4.90123E+12", "2024-01-01", "1")]
    dataset = shop(tmp_path, JAPANESE, catalog_rows(), log)
    assert [(entry.reason, entry.count) for entry in dataset.notes.set_aside] == [("spreadsheet_number", 2)]


@pytest.mark.parametrize(
    ("column", "role"),
    [
        ("会員ID", "user_id"),
        ("顧客番号", "user_id"),
        ("商品ID", "item_id"),
        ("品番", "item_id"),
        ("JANコード", "item_id"),
        ("商品名", "title"),
        ("説明文", "description"),
        ("価格", "price"),
        ("カテゴリ", "category"),
        ("画像", "image"),
        ("購入日時", "timestamp"),
        ("数量", "quantity"),
    ],
)
def test_column_name(tmp_path: Path, column: str, role: str) -> None:
    catalog = dict(zip(("item_id", "title", "description", "category", "price"), JAPANESE, strict=True)) | {"image": "画像"}
    log = dict(zip(("user_id", "item_id", "timestamp", "quantity"), LOG, strict=True))
    sides = [side for side in (catalog, log) if role in side]
    for side in sides:
        side[role] = column
    rows = [(*row, f"{row[0]}.jpg") for row in catalog_rows()]
    (tmp_path / "c.csv").write_text(lines(tuple(catalog.values()), rows), encoding="utf-8")
    (tmp_path / "l.csv").write_text(lines(tuple(log.values()), log_rows()), encoding="utf-8")
    found = propose(tmp_path / "c.csv", tmp_path / "l.csv")
    assert {(entry.role, entry.column) for entry in found.roles} == {*catalog.items(), *log.items()}
    assert found.questions == ()


def test_out_comes_csv_with_a_bom_that_excel_in_japan_opens(tmp_path: Path) -> None:
    dataset = shop(tmp_path, JAPANESE, catalog_rows(), [*log_rows(), ("①会員㈱髙", "9999", "令和6年1月5日", "1")])
    (path,) = write_rejected(dataset, tmp_path / "out")
    written = path.read_bytes()
    assert written.startswith(b"\xef\xbb\xbf")
    assert "①会員㈱髙" in written.decode("utf-8-sig")


def test_prices_in_many_writings_in_one_column() -> None:
    cells = ["￥１，２８０円（税込）", "1.2万円", "オープン価格", "¥980-", "△500"]
    assert parse_numbers(pd.Series(cells, dtype="str")).tolist() == pytest.approx([1280, 12_000, np.nan, 980, -500], nan_ok=True)
