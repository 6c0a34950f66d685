"""Bytes to tables: every encoding and every kind of broken row."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from diagnostics.dataset.encodings import UNDECODABLE, decode, read_utf8, show_bytes
from diagnostics.dataset.tables import Table, read_table
from diagnostics.dataset.values import parse_times
from diagnostics.errors import TenbinError
from diagnostics.messages import text

JAPANESE = "商品コード,商品名,価格\n0012,①㈱髙島屋のソース表示,1280\n0013,能登の塩　ｶﾀｶﾅ付き,980\n0014,十勝の乳製品,1000\n"
PLAIN_JAPANESE = JAPANESE.replace("①㈱髙島屋", "高島屋")


def read(tmp_path: Path, content: str | bytes, name: str = "t.csv") -> Table:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return read_table(path, "catalog")


@pytest.mark.parametrize(
    ("encoding", "found"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("cp932", "cp932"),
        ("euc_jis_2004", "euc_jis_2004"),
    ],
)
def test_japanese_text_survives_in_every_encoding(tmp_path: Path, encoding: str, found: str) -> None:
    simpler = encoding == "euc_jis_2004"  # has no 髙
    table = read(tmp_path, (JAPANESE.replace("髙", "高") if simpler else JAPANESE).encode(encoding))
    assert table.note.encoding == found
    assert table.frame["商品コード"].tolist() == ["0012", "0013", "0014"]
    assert table.frame["商品名"].tolist() == [
        f"①㈱{'高' if simpler else '髙'}島屋のソース表示",
        "能登の塩　ｶﾀｶﾅ付き",
        "十勝の乳製品",
    ]


def test_plain_euc_jp_is_not_taken_for_half_width_katakana(tmp_path: Path) -> None:
    table = read(tmp_path, PLAIN_JAPANESE.encode("euc_jp"))
    assert table.note.encoding == "euc_jp"
    assert table.frame["商品名"][0] == "高島屋のソース表示"


def test_half_width_katakana_of_old_systems_is_cp932(tmp_path: Path) -> None:
    table = read(tmp_path, "ｼｮｳﾋﾝ,ﾅﾏｴ\n1,ｱｶｲｼｬﾂ\n2,ｱｵｲｼｬﾂ\n".encode("cp932"))
    assert (table.note.encoding, table.frame["ﾅﾏｴ"].tolist()) == ("cp932", ["ｱｶｲｼｬﾂ", "ｱｵｲｼｬﾂ"])


def test_western_accents_are_not_taken_for_japanese(tmp_path: Path) -> None:
    table = read(tmp_path, "id,name\n1,Crème brûlée\n2,Café Zürich €5\n".encode("cp1252"))
    assert (table.note.encoding, table.frame["name"].tolist()) == ("cp1252", ["Crème brûlée", "Café Zürich €5"])


def test_second_bytes_that_look_like_ascii_do_not_split_cells(tmp_path: Path) -> None:
    table = read(tmp_path, "品番|商品名\n1|ソ表能予\n2|ポ―ト\n".encode("cp932"))  # 0x5C and 0x7C as second bytes
    assert (table.note.delimiter, table.frame["商品名"].tolist()) == ("|", ["ソ表能予", "ポ―ト"])


def test_undecodable_rows_are_set_aside_and_shown(tmp_path: Path) -> None:
    good = "".join(f"{i},名前{i}\n" for i in range(20)).encode()
    table = read(tmp_path, b"id,name\n" + good + b"98,\xff\xfe broken\n99,ok\n")
    assert table.frame["id"].tolist() == [*map(str, range(20)), "99"]
    assert table.rejected[["tenbin_row", "tenbin_reason"]].values.tolist() == [[22, "undecodable"]]
    assert table.rejected["name"][0] == r"\xff\xfe broken"


def test_bytes_of_no_encoding_are_refused_with_their_row(tmp_path: Path) -> None:
    noise = bytes(range(0x80, 0xA0)) + b"\xff\xfd\xa0" * 40 + b"\n"
    with pytest.raises(TenbinError) as caught:
        read(tmp_path, b"id,name\n1,a\n" + noise * 9)
    assert (caught.value.code, caught.value.values["row"]) == ("E_UNDECODABLE", 3)


def test_a_damaged_column_name_costs_its_column_only(tmp_path: Path) -> None:
    table = read(tmp_path, "品番,名前,n\n1,赤い服,1\n2,青い服,2\n".encode().replace("前".encode(), b"\xff"))
    assert list(table.frame.columns) == ["品番", r"名\xff", "n"]
    assert len(table.frame) == 2


def test_garbage_in_some_rows_does_not_spoil_the_file(tmp_path: Path) -> None:
    noise = bytes(range(0x80, 0xA0)) + b"\xff\xfd\xa0" * 4
    table = read(tmp_path, b"id,name\n1,a\n" + noise + b"\n2,b\n")
    assert table.frame["id"].tolist() == ["1", "2"]
    assert table.rejected[["tenbin_row", "tenbin_reason"]].values.tolist() == [[3, "undecodable"]]


class Counting(io.BytesIO):
    """Counts what is read from it."""

    taken = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.taken += len(data)
        return data


@pytest.mark.parametrize("late", [False, True])
def test_of_a_large_file_a_sample_tells_the_encoding(late: bool) -> None:
    plain = b"id,name,n\n" + b"".join(b"%d,plain,1\n" % i for i in range(400_000))
    row = "1,ソース表示,①\n".encode("cp932")
    data = plain[: len(plain) // 2] + row * 3 + plain[len(plain) // 2 :] if late else plain[:10] + row * 400_000
    file = Counting(data)
    found, encoding, rival = read_utf8(file, "t.csv")
    assert (encoding, rival) == ("cp932", None)
    assert found.decode() == data.decode("cp932")
    assert file.taken < len(data) * (2 if late else 1) + 2_200_000  # each byte is decoded once; one more look where all is ASCII


def test_an_encoding_in_doubt_is_said(tmp_path: Path) -> None:
    remarks = read(tmp_path, b"id,name\n1,\xb1\xb2\n").note.remarks  # half-width kana, or one kanji, or two signs
    assert [remark.code for remark in remarks] == ["reading.remark.encoding_doubt"]
    assert "t.csv" in text(remarks[0].code, "ja", **remarks[0].values)


def test_characters_cut_by_the_pieces_of_reading_stay_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diagnostics.dataset.encodings._PIECE_BYTES", 7)
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-be", "cp932", "euc_jp"):
        words = (PLAIN_JAPANESE * 5).replace("\n", "\r\n")
        assert read_utf8(io.BytesIO(words.encode(encoding)), "t.csv")[:2] == ((PLAIN_JAPANESE * 5).encode(), encoding)


def test_garbage_does_not_drown_japanese_column_names(tmp_path: Path) -> None:
    noise = bytes(range(0x80, 0xA0)) + b"\xff\xfd\xa0" * 4
    table = read(tmp_path, "会員ID,商品ID\n".encode("cp932") + (b"1,a\n" * 4 + noise + b"\n") * 50)
    assert list(table.frame.columns) == ["会員ID", "商品ID"]
    assert (len(table.frame), len(table.rejected), table.note.encoding) == (200, 50, "cp932")


def test_decoding_keeps_every_byte() -> None:
    data = "日本語".encode() + b"\xff" + "日本語".encode() * 5
    text, encoding = decode(data, "t.csv")
    assert encoding == "utf-8"
    assert UNDECODABLE.search(text)
    assert text.encode("utf-8", "surrogateescape") == data
    assert r"\xff" in show_bytes(text)


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    rows = [["id", "text", "n"], ["1", "a b", "3"], ["2", "c d", "4"]]
    table = read(tmp_path, "\n".join(delimiter.join(row) for row in rows))
    assert (table.note.delimiter, table.frame.shape) == (delimiter, (2, 3))


@pytest.mark.parametrize("delimiter", ["^", "~", "\x01", "\x1f"])
def test_rare_separators_are_found_where_no_usual_one_fits(tmp_path: Path, delimiter: str) -> None:
    rows = [["id", "text", "n"], ["1", "a, b", "3"], ["2", "c; d", "4"], ["3", "e", "5"]]
    table = read(tmp_path, "\n".join(delimiter.join(row) for row in rows))
    assert (table.note.delimiter, table.frame.shape) == (delimiter, (3, 3))


def test_ranges_in_every_row_do_not_make_the_tilde_a_separator(tmp_path: Path) -> None:
    table = read(tmp_path, "id,size\n" + "".join(f"{i},5~{i}cm\n" for i in range(20)))
    assert (table.note.delimiter, table.frame["size"][3]) == (",", "5~3cm")


@pytest.mark.parametrize("rows", ["u1,i1,2024-01-05,1\nu2,i2,2024-01-06,2\n", "1,赤い服,￥980\n2,青い服,￥1280\n"])
def test_a_file_without_column_names_loses_no_row(tmp_path: Path, rows: str) -> None:
    table = read(tmp_path, rows)
    assert list(table.frame.columns) == [f"#{i}" for i in range(1, rows.split()[0].count(",") + 2)]
    assert (len(table.frame), table.rows.tolist()) == (2, [1, 2])
    assert [remark.code for remark in table.note.remarks] == ["reading.remark.no_header"]


@pytest.mark.parametrize("header", ["id,2023,2024", "品番,価格,在庫", "id,1st,2nd"])
def test_names_above_numbers_are_names(tmp_path: Path, header: str) -> None:
    table = read(tmp_path, f"{header}\n" + "".join(f"{i},{i * 10},{i + 2000}\n" for i in range(5)))
    assert (list(table.frame.columns), table.note.remarks) == (header.split(","), ())


def test_commas_inside_cells_do_not_beat_semicolons(tmp_path: Path) -> None:
    table = read(tmp_path, "id;text;n\n1;a, b, c;3\n2;d;4\n3;e, f;5\n")
    assert table.note.delimiter == ";"


def test_rows_that_do_not_fit_are_set_aside_word_for_word(tmp_path: Path) -> None:
    table = read(tmp_path, "id,name,n\n1,a,1\n2,b\n3,c,3,surplus,more\n\n4,d,4\nid,name,n\n5,e\0,5\n6,f,6\n,,\n")
    assert table.frame["id"].tolist() == ["1", "4", "6"]
    assert table.rows.tolist() == [2, 6, 9]
    assert table.rejected[["tenbin_row", "tenbin_reason"]].values.tolist() == [
        [3, "ragged"],
        [4, "ragged"],
        [7, "repeated_header"],
        [8, "nul_byte"],
    ]
    assert table.rejected["tenbin_rest"].tolist()[1] == "surplus,more"
    assert table.n_rows == table.note.rows == 7


def test_quoted_cells_may_span_lines_and_hold_delimiters(tmp_path: Path) -> None:
    table = read(tmp_path, 'id,text\r\n1,"one, ""two""\r\nthree"\r\n2,plain\r\n')
    assert table.frame["text"].tolist() == ['one, "two"\nthree', "plain"]
    assert table.rows.tolist() == [2, 3]


def test_a_quote_that_never_closes_spoils_its_own_row_only(tmp_path: Path) -> None:
    rows = [f"{i},text {i}" for i in range(1, 30)]
    rows[4] = '5,"never closed'
    rows[20] = '21,a 5" pipe'
    table = read(tmp_path, "id,text\n" + "\n".join(rows))
    assert len(table.frame) == 28
    assert table.frame["text"][19] == 'a 5" pipe'
    assert table.rejected[["tenbin_row", "tenbin_reason"]].values.tolist() == [[6, "broken_quote"]]


def test_lines_above_the_header_are_set_aside(tmp_path: Path) -> None:
    table = read(tmp_path, "商品マスタ\n2024/01/05 出力\n品番,商品名\n1,a\n2,b\n3,c\n")
    assert list(table.frame.columns) == ["品番", "商品名"]
    assert table.rejected["tenbin_reason"].tolist() == ["before_header", "before_header"]
    assert table.rows.tolist() == [4, 5, 6]


def test_titles_padded_with_separators_are_above_the_header(tmp_path: Path) -> None:
    above = "商品一覧,,,,\n出力日:,2024/01/01,,,\n,,,,\n"
    table = read(tmp_path, (above + "品番,商品名,価格,,色\n1,a,10,,赤\n2,b,20,x,\n").encode("cp932"))
    assert list(table.frame.columns) == ["品番", "商品名", "価格", "#4", "色"]
    assert table.rows.tolist() == [5, 6]
    assert table.rejected[["tenbin_row", "tenbin_reason"]].values.tolist() == [[1, "before_header"], [2, "before_header"]]


def test_a_short_header_keeps_its_place(tmp_path: Path) -> None:
    table = read(tmp_path, "id,text\n1,a, b\n2,c, d\n3,e\n4,f,\n")
    assert list(table.frame.columns) == ["id", "text"]
    assert table.frame["id"].tolist() == ["3", "4"]
    assert table.rejected["tenbin_rest"].tolist() == [" b", " d"]


def test_columns_get_distinct_names(tmp_path: Path) -> None:
    assert list(read(tmp_path, "a,,a,b\n1,2,3,4\n").frame.columns) == ["a", "#2", "a (2)", "b"]


def test_a_long_description_is_one_cell(tmp_path: Path) -> None:
    long = 'He said ""no"", \n' * 20_000
    table = read(tmp_path, f'id,text,n\n1,"{long}",1\n2,"{"x" * 3_000_000}",2\n3,c,3\n')
    assert table.frame["n"].tolist() == ["2", "3"]  # a cell of 20,000 lines is a quote that was never closed
    assert len(table.frame["text"][0]) == 3_000_000
    table = read(tmp_path, f'id,text,n\n1,"{long[: 18 * 900]}",1\n2,b,2\n')
    assert table.frame["text"][0] == long[: 18 * 900].replace('""', '"')


def test_a_table_of_vectors_is_refused_with_its_width(tmp_path: Path) -> None:
    with pytest.raises(TenbinError) as caught:
        read(tmp_path, ",".join(f"c{i}" for i in range(100_000)) + "\n" + ",".join("1" * 100_000) + "\n")
    assert (caught.value.code, caught.value.values["n"]) == ("E_TOO_MANY_COLUMNS", 100_000)


def test_a_preview_takes_the_beginning_only(tmp_path: Path) -> None:
    table = read(tmp_path, "id,n\n" + "".join(f"{i},{i}\n" for i in range(100_000)), "big.csv")
    part = read_table(tmp_path / "big.csv", "catalog", max_rows=50)
    assert part.frame.equals(table.frame.head(50)) and part.rows.tolist() == list(range(2, 52))


def test_parquet_becomes_the_text_a_person_would_write(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"  # content decides, not the name
    columns = {
        "id": pa.array(["001", "002", None]),
        "whole": pa.array([1.0, None, 3.0]),
        "part": pa.array([0.5, float("nan"), 1.25]),
        "kind": pa.array(["a", "b", "a"]).dictionary_encode(),
        "when": pa.array(pd.to_datetime(["2024-01-05 12:30", "2024-01-06 00:00", None])),
        "vector": pa.array([[1.0], [2.0], [3.0]]),
    }
    pq.write_table(pa.table(columns), path)
    frame = read_table(path, "catalog").frame
    assert "vector" not in frame
    assert frame["id"].tolist()[:2] == ["001", "002"]
    assert frame["whole"].tolist()[::2] == ["1", "3"]
    assert frame["part"].tolist()[::2] == ["0.5", "1.25"]
    assert frame["kind"].tolist() == ["a", "b", "a"]
    assert frame["when"][0].startswith("2024-01-05 12:30")


def test_a_time_of_a_zone_is_written_as_its_clocks_show_it(tmp_path: Path) -> None:
    when = pd.to_datetime(["2023-01-12T04:39:40+09:00", None], format="ISO8601")
    pq.write_table(pa.table({"id": ["1", "2"], "when": pa.array(when.tz_convert("Asia/Tokyo"))}), tmp_path / "t.parquet")
    cells = read_table(tmp_path / "t.parquet", "interactions").frame["when"]
    assert str(parse_times(cells).values[0]) == "2023-01-12T04:39:40" and pd.isna(cells[1])


def test_nested_parquet_is_flattened_and_vectors_are_left_out(tmp_path: Path) -> None:
    columns = {
        "id": pa.array(["1", "2"]),
        "maker": pa.array([{"name": "塩屋", "since": 1950}, None]),
        "tags": pa.array([["赤", "青"], None]),
        "vector": pa.array([[1.0, 2.0], [3.0, 4.0]]),
    }
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet", "catalog")
    assert table.frame.columns.tolist() == ["id", "maker.name", "maker.since", "tags"]
    assert table.frame.iloc[0].tolist() == ["1", "塩屋", "1950", "赤 | 青"]
    assert table.frame.iloc[1].isna().tolist() == [False, True, True, True]
    assert [remark.values["columns"] for remark in table.note.remarks] == [["tags"]]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "E_EMPTY_FILE"),
        (b"\xef\xbb\xbf \n\n", "E_EMPTY_FILE"),
        (b"id,name\n", "E_HEADER_ONLY"),
        (b"PK\x03\x04aaaa", "E_BAD_ARCHIVE"),
        (b"\x89PNG\r\n\x1a\n0000", "E_NOT_A_TABLE"),
        (b"\xff\xd8\xff\xe0JFIF", "E_NOT_A_TABLE"),
        (b"\x80\x04\x95\x10.", "E_NOT_A_TABLE"),
        (bytes(range(1, 32)) * 20, "E_NOT_A_TABLE"),
        (b"PAR1 but nothing else", "E_BAD_PARQUET"),
        (b"<!DOCTYPE html><html>\n<title>Log in, please</title>\n", "E_NOT_A_TABLE"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes, code: str) -> None:
    with pytest.raises(TenbinError) as caught:
        read(tmp_path, content)
    assert caught.value.code == code
    assert "t.csv" in caught.value.words("en")
    assert "t.csv" in caught.value.words("ja")


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    for path, code in ((tmp_path / "none.csv", "E_FILE_MISSING"), (tmp_path, "E_NOT_A_FILE")):
        with pytest.raises(TenbinError) as caught:
            read_table(path, "catalog")
        assert caught.value.code == code
