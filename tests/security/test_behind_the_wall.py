"""What is opened outside of ``read_table`` is opened behind the wall too: lines of published formats, footers of Parquet files."""

from __future__ import annotations

import struct
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from diagnostics.dataset import propose, read
from diagnostics.dataset.sampling import is_large
from diagnostics.dataset.tables import lines as here
from diagnostics.dataset.tables import parquet
from diagnostics.errors import TenbinError
from diagnostics.messages import LANGUAGES
from tests.dataset.shops import write_shop

FILMS = b"".join(b"%d::Film %d (1999)::Drama|War\n" % (i, i) for i in range(1, 13))
SEEN = [(user, (user + step) % 12 + 1, 978_300_000 + 86_400 * step) for user in range(9) for step in range(5)]
RATINGS = b"".join(b"%d::%d::5::%d\n" % row for row in SEEN)


def movielens(folder: Path, ratings: bytes = RATINGS, films: bytes = FILMS) -> Path:
    folder.mkdir()
    (folder / "ratings.dat").write_bytes(ratings)
    (folder / "movies.dat").write_bytes(films)
    return folder


def refused(folder: Path) -> str:
    with pytest.raises(TenbinError) as caught:
        read(None, folder)
    for lang in LANGUAGES:
        assert caught.value.words(lang).startswith(f"{caught.value.code}: ")
    return caught.value.code


def test_another_process_opens_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("opened in this process")

    monkeypatch.setattr(here, "read_lines", never)
    monkeypatch.setattr(parquet, "count_rows", never)
    monkeypatch.setattr(pq, "read_metadata", never)
    assert read(None, movielens(tmp_path / "ml")).log.n_rows == 45
    (tmp_path / "log").mkdir()
    pq.write_table(pa.table({"user_id": ["a"]}), tmp_path / "log" / "part-0.parquet")
    assert not is_large(tmp_path / "log", "interactions")
    assert not is_large(tmp_path / "log" / "part-0.parquet", "interactions")


@pytest.mark.parametrize(
    ("ratings", "code"),
    [
        (b"1" * 10_000_000, "E_NOT_THIS_FORMAT"),
        (b"::" * 5_000_000, "E_NOT_THIS_FORMAT"),
        (b"1::2::5::978300000\n" + b"x" * 16_000_001, "E_LONG_LINE"),
        (b"\0" * 100_000, "E_EMPTY_FILE"),
        (b"\x80\x04\x95" + RATINGS, "E_NOT_A_TABLE"),
        (bytes(range(1, 32)) * 1000 + RATINGS, "E_NOT_A_TABLE"),
        (b"\n \n", "E_EMPTY_FILE"),
    ],
)
def test_a_hostile_file_of_lines_is_refused(tmp_path: Path, ratings: bytes, code: str) -> None:
    assert refused(movielens(tmp_path / "ml", ratings)) == code


def test_a_long_line_and_one_with_nuls_are_set_aside(tmp_path: Path) -> None:
    odd = b"::".join([b"7"] * 3_000_000) + b"\n" + b"7::\0::5::978300000\n\n"
    dataset = read(None, movielens(tmp_path / "ml", odd + RATINGS))
    assert dataset.log.n_rows == 45
    counts = {entry.reason: entry.count for entry in dataset.notes.set_aside if entry.file == "ratings.dat"}
    assert counts == {"ragged": 1, "unknown_item": 1}


@pytest.mark.parametrize(
    "content",
    [
        b"PAR1" + b"\x15" * 500 + struct.pack("<I", 500) + b"PAR1",
        b"PAR1" + struct.pack("<I", 2**31 - 1) + b"PAR1",
        b"PAR1" + b"\x19\xfc" + b"\xff" * 9 + struct.pack("<I", 11) + b"PAR1",  # a list of two thousand million columns
        b"PAR1",
    ],
)
def test_a_hostile_footer_is_refused_before_the_engine_sees_it(tmp_path: Path, content: bytes) -> None:
    catalog, _ = write_shop(tmp_path)
    folder = tmp_path / "log"
    folder.mkdir()
    pq.write_table(pa.table({"user_id": ["a"], "item_id": ["0001"], "date": ["2024-01-01"]}), folder / "part-0.parquet")
    (folder / "part-1.parquet").write_bytes(content)
    for job in (propose, read):
        with pytest.raises(TenbinError) as caught:
            job(catalog, folder)
        assert (caught.value.code, caught.value.values["file"]) == ("E_BAD_PARQUET", "part-1.parquet")
    (tmp_path / "log.parquet").write_bytes(content)
    with pytest.raises(TenbinError) as caught:
        read(catalog, tmp_path / "log.parquet")
    assert caught.value.code == "E_BAD_PARQUET"
