"""Tables in gzip and zip: unpacked within limits, chosen by a person where there are several."""

from __future__ import annotations

import gzip
import io
import struct
import tempfile
import tomllib
import zipfile
import zlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from diagnostics.config import THRESHOLDS, Threshold
from diagnostics.dataset.tables import packed, read_table
from diagnostics.errors import TenbinError
from tests.dataset.test_readers_excel import ITEMS, workbook

CSV = "品番,商品名\n0012,①㈱髙島屋\n0013,塩\n".encode("cp932")
CELLS = [["0012", "①㈱髙島屋"], ["0013", "塩"]]


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def code(path: Path, sheet: str | None = None) -> str:
    with pytest.raises(TenbinError) as caught:
        read_table(path, "catalog", sheet=sheet)
    assert path.name in caught.value.words("ja") and path.name in caught.value.words("en")
    return caught.value.code


def parquet() -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"品番": [row[0] for row in CELLS], "商品名": [row[1] for row in CELLS]}), sink)
    return sink.getvalue()


LINES = '{"品番":"0012","商品名":"①㈱髙島屋"}\n{"品番":"0013","商品名":"塩"}'.encode()


@pytest.mark.parametrize(("content", "kind"), [(CSV, "csv"), (parquet(), "parquet"), (LINES, "jsonl")])
@pytest.mark.parametrize("way", ["gzip", "zip", "gzip in zip"])
def test_every_kind_of_table_may_be_packed(tmp_path: Path, content: bytes, kind: str, way: str) -> None:
    path = tmp_path / "t.csv"  # content decides, not the name
    if way == "gzip":
        path.write_bytes(gzip.compress(content))
    else:
        zipped(path, {"商品.csv": content} if way == "zip" else {"a.csv.gz": gzip.compress(content)})
    table = read_table(path, "catalog")
    assert table.frame.astype(object).to_numpy().tolist() == CELLS
    assert (table.name, table.note.format, table.note.packed) == ("t.csv", kind, way.split()[-1])


def test_a_gzip_of_several_parts_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b"id,n\n1,2\n") + gzip.compress(b"3,4\n"))
    assert read_table(tmp_path / "t.csv.gz", "catalog").frame["id"].tolist() == ["1", "3"]


def test_what_systems_leave_in_a_zip_is_no_table(tmp_path: Path) -> None:
    members = {"商品.csv": CSV, "__MACOSX/._商品.csv": b"x", ".DS_Store": b"y", "~$商品.xlsx": b"z", "readme.pdf": b"%PDF"}
    assert len(read_table(zipped(tmp_path / "t.zip", members), "catalog").frame) == 2


def test_of_several_files_a_person_chooses(tmp_path: Path) -> None:
    book = workbook(tmp_path / "b.xlsx", {"商品": ITEMS, "旧商品": [*ITEMS, ["0014", "塩", 1]]}).read_bytes()
    path = zipped(tmp_path / "t.zip", {"商品.csv": CSV, "2024/購入.csv": CSV + b"0014,x\n", "b.xlsx": book})
    with pytest.raises(TenbinError) as caught:
        read_table(path, "catalog")
    assert (caught.value.code, caught.value.values["choices"]) == ("E_CHOOSE_MEMBER", ["商品.csv", "2024/購入.csv", "b.xlsx"])
    chosen = read_table(path, "catalog", sheet="2024/購入.csv")
    assert (len(chosen.frame), chosen.note.sheet) == (3, "2024/購入.csv")
    assert len(read_table(path, "catalog", sheet="b.xlsx/旧商品").frame) == 3
    with pytest.raises(TenbinError) as caught:
        read_table(path, "catalog", sheet="b.xlsx")
    assert (caught.value.code, caught.value.values["choices"]) == ("E_CHOOSE_SHEET", ["b.xlsx/商品", "b.xlsx/旧商品"])
    answer = tomllib.loads("\n".join(caught.value.words("ja").splitlines()[1:]))
    assert len(read_table(path, "catalog", sheet=answer["catalog"]["sheet"]).frame) == 2
    assert code(path, "none.csv") == "E_UNKNOWN_SHEET"


def test_member_names_of_japanese_windows_are_read_right(tmp_path: Path) -> None:
    path = tmp_path / "t.zip"
    path.write_bytes(_in_cp932(("表.csv", "購入.csv")))
    assert len(read_table(path, "catalog", sheet="購入.csv").frame) == 2


def _in_cp932(names: tuple[str, ...]) -> bytes:
    """A zip without compression, laid out by hand, with names in cp932."""
    body, directory = b"", b""
    for name in names:
        raw, place = name.encode("cp932"), len(body)
        shared = struct.pack("<HHHHIIIHH", 0, 0, 0, 33, zlib.crc32(CSV), len(CSV), len(CSV), len(raw), 0)
        body += b"PK\x03\x04" + struct.pack("<H", 20) + shared + raw + CSV
        directory += b"PK\x01\x02" + struct.pack("<HH", 20, 20) + shared + struct.pack("<HHHII", 0, 0, 0, 0, place) + raw
    end = struct.pack("<HHHHIIH", 0, 0, len(names), len(names), len(directory), len(body), 0)
    return body + directory + b"PK\x05\x06" + end


def test_bombs_are_refused_and_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temp"))
    (tmp_path / "temp").mkdir()
    monkeypatch.setattr(packed, "_SMALL_BYTES", 1_000_000)
    bomb = b"id,n\n" + b"1,2\n" * 500_000
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(bomb))
    zipped(tmp_path / "t.zip", {"t.csv": bomb})
    lying = bytearray((tmp_path / "t.zip").read_bytes())
    for place in (22, lying.index(b"PK\x01\x02") + 24):
        lying[place : place + 4] = struct.pack("<I", 900_000)  # says that it is small
    (tmp_path / "lying.zip").write_bytes(lying)
    workbook(tmp_path / "t.xlsx", {"a": [["id", "text"], ["1", "x" * 32_000], *([str(i), "x" * 32_000] for i in range(40))]})
    with zipfile.ZipFile(tmp_path / "t.xlsx", "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/more.xml", b" " * 5_000_000)
    assert code(tmp_path / "t.csv.gz") == code(tmp_path / "t.zip") == code(tmp_path / "t.xlsx") == "E_UNPACKED_TOO_LARGE"
    assert code(tmp_path / "lying.zip") == "E_BAD_ARCHIVE"
    assert list((tmp_path / "temp").iterdir()) == []


def test_nothing_larger_than_the_limit_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(THRESHOLDS, "unpacked_max_bytes", Threshold(1000, "small for a test"))
    rows = "".join(f"{i * 7919 % 1000},{i * 104729 % 1000}\n" for i in range(500))
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(f"id,n\n{rows}".encode()))
    assert code(tmp_path / "t.csv.gz") == "E_UNPACKED_TOO_LARGE"


def test_damaged_locked_and_nested_archives_are_named(tmp_path: Path) -> None:
    whole = gzip.compress(CSV * 100)
    (tmp_path / "torn.gz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "wrong.gz").write_bytes(b"\x1f\x8b" + b"x" * 50)
    archive = bytearray(zipped(tmp_path / "locked.zip", {"t.csv": CSV}).read_bytes())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        archive[archive.index(mark) + place] |= 1
    (tmp_path / "locked.zip").write_bytes(archive)
    for name in ("torn.gz", "wrong.gz", "locked.zip"):
        assert (name, code(tmp_path / name)) == (name, "E_BAD_ARCHIVE")
    deep = gzip.compress(gzip.compress(gzip.compress(CSV)))
    (tmp_path / "deep.gz").write_bytes(deep)
    zipped(tmp_path / "pictures.zip", {"a.jpg": b"\xff\xd8\xff", "b.jpg": b"\xff\xd8\xff"})
    zipped(tmp_path / "nothing.zip", {})
    assert code(tmp_path / "deep.gz") == code(tmp_path / "pictures.zip") == code(tmp_path / "nothing.zip") == "E_NOT_A_TABLE"
