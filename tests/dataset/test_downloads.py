"""CSV out: what a spreadsheet opens is what was in the table, or the list of what was replaced says otherwise."""

from __future__ import annotations

import csv
import io

import pandas as pd
import pytest

from diagnostics.dataset import to_csv_bytes


def cells(data: bytes, encoding: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode(encoding), newline="")))


def test_csv_has_a_byte_order_mark_and_keeps_every_character() -> None:
    frame = pd.DataFrame({"商品名": ["①㈱髙島屋", '🎁 "gift"', "two\nlines", None], "行": [2, 3, 4, 5]})
    data, replaced = to_csv_bytes(frame)
    assert data.startswith(b"\xef\xbb\xbf") and b"\r\n" in data
    assert cells(data, "utf-8-sig") == [["商品名", "行"], ["①㈱髙島屋", "2"], ['🎁 "gift"', "3"], ["two\nlines", "4"], ["", "5"]]
    assert replaced == {}


def test_cp932_keeps_what_windows_knows() -> None:
    data, replaced = to_csv_bytes(pd.DataFrame({"名": ["①㈱髙島屋のソース表示", "～－∥￥"]}), "cp932")
    assert cells(data, "cp932")[1:] == [["①㈱髙島屋のソース表示"], ["～－∥￥"]]
    assert replaced == {}


def test_cp932_lists_every_character_that_it_had_to_replace() -> None:
    data, replaced = to_csv_bytes(pd.DataFrame({"名": ["Café 🎁 𠮷野家", "5〜10 −3 ¥100", "か\u3099き🎁"]}), "cp932")
    assert cells(data, "cp932")[1:] == [["Cafe 〓 〓野家"], ["5～10 －3 ￥100"], ["がき〓"]]
    assert replaced == {"é": "e", "🎁": "〓", "𠮷": "〓", "〜": "～", "−": "－", "¥": "￥"}


@pytest.mark.parametrize("formula", ["=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-cmd", "\t=1", " =1+1", "＝1+1"])
def test_no_cell_is_run_as_a_formula(formula: str) -> None:
    data, _ = to_csv_bytes(pd.DataFrame({formula: [formula]}))
    assert cells(data, "utf-8-sig") == [[f"'{formula}"], [f"'{formula}"]]


def test_negative_numbers_are_no_formulas() -> None:
    data, _ = to_csv_bytes(pd.DataFrame({"n": [-1.5, 2.0], "text": ["-3", "+1,280"]}))
    assert cells(data, "utf-8-sig") == [["n", "text"], ["-1.5", "-3"], ["2.0", "+1,280"]]
