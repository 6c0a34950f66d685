"""Workbooks: cells as a person would write them, and the one sheet that is meant."""

from __future__ import annotations

import datetime
import io
import tomllib
import zipfile
from pathlib import Path

import pytest
import xlsxwriter

from diagnostics.dataset.tables import Table, read_table
from diagnostics.errors import TenbinError

Cells = list[list[object]]
ITEMS: Cells = [["商品コード", "商品名", "価格"], ["0012", "①㈱髙島屋", 1280], ["0013", "ソース", 980.5]]


def workbook(path: Path, sheets: dict[str, Cells], first: tuple[int, int] = (0, 0), hidden: str | None = None) -> Path:
    book = xlsxwriter.Workbook(path, {"default_date_format": "yyyy-mm-dd", "strings_to_numbers": False})
    day, moment = book.add_format({"num_format": "yyyy/m/d"}), book.add_format({"num_format": "yyyy/m/d h:mm"})
    hours, era = book.add_format({"num_format": "[h]:mm"}), book.add_format({"num_format": '[$-411]ggge"年"m"月"d"日"'})
    for name, rows in sheets.items():
        sheet = book.add_worksheet(name)
        if name == hidden:
            sheet.hide()
        for at, row in enumerate(rows, start=first[0]):
            for column, cell in enumerate(row, start=first[1]):
                if isinstance(cell, datetime.datetime):
                    sheet.write_datetime(at, column, cell, moment)
                elif isinstance(cell, datetime.date):
                    sheet.write_datetime(at, column, cell, era if cell.year == 2024 else day)
                elif isinstance(cell, datetime.timedelta):
                    sheet.write_datetime(at, column, cell, hours)
                elif isinstance(cell, str) and not cell.startswith("="):
                    sheet.write_string(at, column, cell)
                elif cell is not None:
                    sheet.write(at, column, cell)
    book.close()
    return path


def cells(table: Table) -> list[list[str]]:
    return table.frame.astype(object).to_numpy().tolist()


def test_cells_are_written_as_a_person_would(tmp_path: Path) -> None:
    rows: Cells = [
        ["id", "n", "when", "on", "hours"],
        ["0012", 12.0, datetime.date(2024, 1, 5), True, datetime.timedelta(hours=36)],
        ["007", 0.1, datetime.datetime(2023, 1, 5, 12, 30), False, datetime.timedelta(minutes=90, seconds=5)],
        ["4901234567894", 4901234567894, datetime.date(2019, 12, 31), None, None],
        ["text 1.0", -3.5, None, None, None],
    ]
    table = read_table(workbook(tmp_path / "t.csv", {"a": rows}), "catalog")  # content decides, not the name
    assert cells(table) == [
        ["0012", "12", "2024-01-05", "TRUE", "36:00:00"],
        ["007", "0.1", "2023-01-05 12:30:00", "FALSE", "1:30:05"],
        ["4901234567894", "4901234567894", "2019-12-31", "", ""],
        ["text 1.0", "-3.5", "", "", ""],
    ]
    assert (table.note.format, table.note.sheet, table.note.encoding, table.rows.tolist()) == ("excel", "a", None, [2, 3, 4, 5])


def test_a_title_of_two_cells_is_above_the_header(tmp_path: Path) -> None:
    rows: Cells = [
        ["出力日", "2024/01/05"],
        ["品番", "名前", "価格", "色", "重さ"],
        *([str(n), "皿", n, "赤", 2] for n in range(3)),
    ]
    table = read_table(workbook(tmp_path / "t.xlsx", {"商品": rows}, first=(3, 2)), "catalog")
    assert list(table.frame.columns) == rows[1]
    assert table.rows.tolist() == [6, 7, 8]
    assert table.rejected[["tenbin_row", "tenbin_reason"]].values.tolist() == [[4, "before_header"]]


def test_a_table_may_stand_anywhere_on_its_sheet(tmp_path: Path) -> None:
    rows: Cells = [["商品マスタ"], [], *ITEMS, [None, None, None], ["0014", "塩\n（能登）", None], ITEMS[0]]
    table = read_table(workbook(tmp_path / "t.xlsx", {"商品": rows}, first=(3, 2)), "catalog")
    assert list(table.frame.columns) == ITEMS[0]
    assert cells(table) == [["0012", "①㈱髙島屋", "1280"], ["0013", "ソース", "980.5"], ["0014", "塩\n（能登）", ""]]
    assert table.rows.tolist() == [7, 8, 10]
    assert table.rejected[["tenbin_row", "tenbin_reason"]].values.tolist() == [[4, "before_header"], [11, "repeated_header"]]
    assert table.rejected["商品コード"].tolist() == ["商品マスタ", "商品コード"]


def test_the_only_sheet_with_a_table_is_taken(tmp_path: Path) -> None:
    sheets: dict[str, Cells] = {"表紙": [["2024年度"], ["担当：山田"]], "商品": ITEMS, "控え": ITEMS, "空": []}
    table = read_table(workbook(tmp_path / "t.xlsx", sheets, hidden="控え"), "catalog")
    assert table.note.sheet == "商品"
    assert [(remark.code, remark.values["sheet"]) for remark in table.note.remarks] == [("reading.remark.sheet", "商品")]


def test_of_several_tables_a_person_chooses(tmp_path: Path) -> None:
    path = workbook(tmp_path / "t.xlsx", {"商品": ITEMS, "旧商品": [*ITEMS, ["0014", "塩", 100]], "空": []})
    with pytest.raises(TenbinError) as caught:
        read_table(path, "catalog")
    assert (caught.value.code, caught.value.values["choices"]) == ("E_CHOOSE_SHEET", ["商品", "旧商品"])
    assert "旧商品" in caught.value.words("ja")
    assert tomllib.loads("\n".join(caught.value.words("en").splitlines()[1:])) == {"catalog": {"sheet": "商品"}}
    assert len(read_table(path, "catalog", sheet="旧商品").frame) == 3
    with pytest.raises(TenbinError) as caught:
        read_table(path, "catalog", sheet="商品マスタ")
    assert (caught.value.code, caught.value.values["choices"]) == ("E_UNKNOWN_SHEET", ["商品", "旧商品", "空"])


def test_a_hidden_sheet_is_read_when_asked_for(tmp_path: Path) -> None:
    path = workbook(tmp_path / "t.xlsx", {"商品": ITEMS, "控え": [*ITEMS, ["0014", "塩", 100]]}, hidden="控え")
    assert len(read_table(path, "catalog", sheet="控え").frame) == 3


def test_furigana_is_not_part_of_a_cell(tmp_path: Path) -> None:
    path = workbook(tmp_path / "plain.xlsx", {"商品": ITEMS})
    spoken = tmp_path / "t.xlsx"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(spoken, "w") as new:
        for member in old.infolist():
            data = old.read(member).replace(
                "<t>ソース</t>".encode(), '<t>醤油</t><rPh sb="0" eb="2"><t>ショウユ</t></rPh>'.encode()
            )
            new.writestr(member, data)
    assert cells(read_table(spoken, "catalog"))[1] == ["0013", "醤油", "980.5"]


def test_a_sheet_without_column_names_gets_numbers(tmp_path: Path) -> None:
    table = read_table(workbook(tmp_path / "t.xlsx", {"a": [["0012", "塩", 100], ["0013", "酢", 200]]}), "catalog")
    assert list(table.frame.columns) == ["#1", "#2", "#3"]
    assert [remark.code for remark in table.note.remarks] == ["reading.remark.no_header"]
    assert table.rows.tolist() == [1, 2]


def test_a_preview_stops_early(tmp_path: Path) -> None:
    rows: Cells = [["id", "n"], *([f"i{i}", i] for i in range(3000))]
    table = read_table(workbook(tmp_path / "t.xlsx", {"a": rows}), "catalog", max_rows=5)
    assert table.frame["id"].tolist() == ["i0", "i1", "i2", "i3", "i4"]


def test_an_open_document_is_a_workbook_too(tmp_path: Path) -> None:
    cell = '<table:table-cell office:value-type="{}" {}><text:p>{}</text:p></table:table-cell>'
    text = [[cell.format("string", "", word) for word in row] for row in (["品番", "商品名"], ["0012", "塩"])]
    text[1].append(cell.format("float", 'office:value="3"', "3"))
    text[0].append(cell.format("string", "", "数量"))
    rows = "".join(f"<table:table-row>{''.join(row)}</table:table-row>" for row in text)
    spaces = " ".join(f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text"))
    content = f"<office:document-content {spaces}><office:body><office:spreadsheet>"
    content += f'<table:table table:name="商品">{rows}</table:table></office:spreadsheet></office:body></office:document-content>'
    with zipfile.ZipFile(tmp_path / "t.ods", "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
        archive.writestr("content.xml", f'<?xml version="1.0" encoding="UTF-8"?>{content}')
    table = read_table(tmp_path / "t.ods", "catalog")
    assert (list(table.frame.columns), cells(table)) == (["品番", "商品名", "数量"], [["0012", "塩", "3"]])


def test_damaged_locked_and_empty_workbooks_are_named(tmp_path: Path) -> None:
    whole = io.BytesIO(workbook(tmp_path / "whole.xlsx", {"商品": ITEMS}).read_bytes()).getvalue()
    workbook(tmp_path / "empty.xlsx", {"a": []})
    workbook(tmp_path / "header.xlsx", {"a": [["id", "name"]]})
    (tmp_path / "torn.xlsx").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "locked.xls").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 4096)
    expected = {
        "torn.xlsx": "E_BAD_EXCEL",
        "locked.xls": "E_BAD_EXCEL",
        "empty.xlsx": "E_EMPTY_FILE",
        "header.xlsx": "E_HEADER_ONLY",
    }
    for name, code in expected.items():
        with pytest.raises(TenbinError) as caught:
            read_table(tmp_path / name, "catalog")
        assert (name, caught.value.code) == (name, code)
        assert name in caught.value.words("ja")
