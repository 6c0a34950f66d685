"""JSON in every shape that programs write, laid flat."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from diagnostics.dataset.tables import Table, read_table
from diagnostics.errors import TenbinError

RECORDS = [{"id": "0012", "名": "塩", "n": 1280}, {"id": "0013", "名": None, "n": 980.5}]
LAID = [["0012", "塩", "1280"], ["0013", "", "980.5"]]


def read(tmp_path: Path, content: Any, encoding: str = "utf-8", **options: Any) -> Table:
    path = tmp_path / "t.csv"  # content decides, not the name
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, indent=options.pop("indent", None))
    path.write_bytes(text.encode(encoding, "surrogatepass"))
    return read_table(path, "catalog", **options)


def cells(table: Table) -> list[list[str]]:
    return table.frame.astype(object).where(table.frame.notna(), "").to_numpy().tolist()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp932"])
@pytest.mark.parametrize(
    "content",
    [
        RECORDS,
        {"data": RECORDS},
        {"status": "ok", "result": {"count": 2, "items": RECORDS}},
        {"id": ["0012", "0013"], "名": ["塩", None], "n": [1280, 980.5]},
        {"id": {"0": "0012", "1": "0013"}, "名": {"0": "塩", "1": None}, "n": {"0": 1280, "1": 980.5}},
        {"columns": ["id", "名", "n"], "data": [["0012", "塩", 1280], ["0013", None, 980.5]]},
        [["id", "名", "n"], ["0012", "塩", 1280], ["0013", None, 980.5]],
    ],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_every_shape_is_the_same_table(tmp_path: Path, content: Any, encoding: str, indent: int | None) -> None:
    table = read(tmp_path, content, encoding, indent=indent)
    assert (list(table.frame.columns), cells(table), table.note.format) == (["id", "名", "n"], LAID, "json")
    assert table.rows.tolist() == [1, 2]


def test_records_by_their_key_keep_it(tmp_path: Path) -> None:
    table = read(tmp_path, {"A-1": {"name": "salt"}, "A-2": {"name": "vinegar"}})
    assert (list(table.frame.columns), cells(table)) == (["key", "name"], [["A-1", "salt"], ["A-2", "vinegar"]])


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_one_record_per_line(tmp_path: Path, end: str) -> None:
    table = read(tmp_path, end.join(json.dumps(record, ensure_ascii=False) for record in RECORDS) + end)
    assert (cells(table), table.note.format, table.rows.tolist()) == (LAID, "jsonl", [1, 2])


def test_lines_that_are_no_records_are_set_aside_word_for_word(tmp_path: Path) -> None:
    table = read(tmp_path, '{"id": "1"}\n{"id": "2", \n\n[1, 2]\n{"id": "3", "x": "y"}\n')
    assert cells(table) == [["1", ""], ["3", "y"]]
    assert table.rows.tolist() == [1, 5]
    assert table.rejected[["tenbin_row", "tenbin_reason"]].values.tolist() == [[2, "broken_json"], [4, "broken_json"]]
    assert table.rejected["tenbin_rest"].tolist() == ['{"id": "2",', "[1, 2]"]


def test_of_a_torn_array_the_whole_records_are_used(tmp_path: Path) -> None:
    table = read(tmp_path, '[\n{"id": "1", "n": 1},\n{"id": "2", "n": 2},\n{"id": "3", "n')
    assert cells(table) == [["1", "1"], ["2", "2"]]
    assert table.rejected["tenbin_reason"].tolist() == ["broken_json"]


def test_numbers_stay_as_they_were_written(tmp_path: Path) -> None:
    table = read(tmp_path, '[{"jan": 4.90E+12, "price": 1.10, "count": 3.0, "big": 12345678901234567890, "ok": true, "none": NaN}]')
    assert cells(table) == [["4.90E+12", "1.10", "3", "12345678901234567890", "true", ""]]


def test_nested_values_are_flattened_one_level_and_the_note_says_so(tmp_path: Path) -> None:
    records = [
        {
            "id": 1,
            "maker": {"name": "塩屋", "address": {"city": "輪島"}},
            "tags": ["赤", "青"],
            "images": [{"url": "a", "n": 1}],
        },
        {"id": 2, "maker": {"name": "酢屋"}, "tags": [], "colour": "white"},
    ]
    table = read(tmp_path, records)
    assert table.frame.columns.tolist() == ["id", "maker.name", "maker.address", "tags", "images", "colour"]
    assert cells(table) == [
        ["1", "塩屋", '{"city": "輪島"}', "赤 | 青", '[{"url": "a", "n": 1}]', ""],
        ["2", "酢屋", "", "", "", "white"],
    ]
    assert {remark.code.rpartition(".")[2]: remark.values["columns"] for remark in table.note.remarks} == {
        "flattened": ["maker"],
        "lists_joined": ["tags"],
        "kept_as_json": ["images", "maker.address"],
    }


def test_a_record_of_many_properties_stays_one_column(tmp_path: Path) -> None:
    records = [{"id": i, "details": {f"property {i}": i, "weight": "1 kg"}} for i in range(60)]
    table = read(tmp_path, records)
    assert table.frame.columns.tolist() == ["id", "details"]
    assert table.frame["details"][7] == "property 7: 7 | weight: 1 kg"


def test_of_several_lists_a_person_chooses(tmp_path: Path) -> None:
    content = {"items": RECORDS, "shops": [{"shop": "東京"}]}
    with pytest.raises(TenbinError) as caught:
        read(tmp_path, content)
    assert (caught.value.code, caught.value.values["choices"]) == ("E_CHOOSE_SHEET", ["items", "shops"])
    assert cells(read(tmp_path, content, sheet="shops")) == [["東京"]]


def test_half_an_emoji_and_zero_bytes_do_no_harm(tmp_path: Path) -> None:
    table = read(
        tmp_path, '[{"id": "1", "t": "cut \\ud83d"}, {"id": "2", "t": "zero \\u0000"}, {"id": "3", "t": "\\ud83c\\udf81"}]'
    )
    assert cells(table) == [["1", "cut \ufffd"], ["3", "🎁"]]
    assert table.rejected[["tenbin_row", "tenbin_reason"]].values.tolist() == [[2, "nul_byte"]]


def test_a_preview_stops_early(tmp_path: Path) -> None:
    lines = "\n".join(json.dumps({"id": i}) for i in range(1000))
    assert cells(read(tmp_path, lines, max_rows=3)) == [["0"], ["1"], ["2"]]
    assert cells(read(tmp_path, [{"id": i} for i in range(1000)], indent=1, max_rows=2)) == [["0"], ["1"]]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("[]", "E_EMPTY_FILE"),
        ('{"a": 1,, }', "E_BAD_JSON"),
        ('[{"a": ' + "[" * 100_000, "E_BAD_JSON"),
        ("[" * 100_000, "E_BAD_JSON"),
        ("[[1, 2], 3]", "E_BAD_JSON"),
        (json.dumps([{f"c{i}": i for i in range(5000)}]), "E_TOO_MANY_COLUMNS"),
        (json.dumps([{f"c{i}": i} for i in range(5000)]), "E_TOO_MANY_COLUMNS"),
    ],
)
def test_what_holds_no_records_is_named(tmp_path: Path, content: str, code: str) -> None:
    with pytest.raises(TenbinError) as caught:
        read(tmp_path, content)
    assert caught.value.code == code
    assert "t.csv" in caught.value.words("ja")
