"""A thousand generated tables, written by the standard library in every encoding and with every separator, come back cell by cell.

What does not come back must be flagged: as rows set aside, as an error with a code, or as a remark on the file.
"""

from __future__ import annotations

import csv
import io
import random
from collections import Counter
from pathlib import Path

import pytest

from diagnostics.dataset.tables import Asked, read_table
from diagnostics.dataset.tables.delimited import lay_delimited
from diagnostics.dataset.tables.rows import fast_rows
from diagnostics.errors import TenbinError

ENCODINGS = (
    *("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"),
    *("cp932", "euc_jp", "euc_jis_2004", "cp1252", "latin-1"),
)
DELIMITERS = (",", "\t", ";", "|", "^", "~", "\x01", "\x1f")
LINE_ENDS = ("\r\n", "\n", "\r")
QUOTING = (csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC)
HEADERS = {
    "japanese": ("商品コード", "商品名", "説明文", "価格", "カテゴリ", "登録日", "備考"),
    "western": ("item_id", "name", "description", "price", "category", "added", "note"),
}
JAPANESE = (
    *("ソース", "表示", "能登の塩", "十勝の乳製品", "綿のシャツ（青）", "値段は税込みです。", "限定品", "送料無料"),
    *("ご注文は2024年1月5日まで", "赤いスニーカー", "ﾎﾟﾘｴｽﾃﾙ100%", "長袖・半袖", "～5,000円", "秋冬物", "子ども用のくつした"),
    *("①番人気", "㈱山田商店", "髙島屋限定", "Ⅲ型", "№12"),
)
WESTERN = (
    *("Café crème", "Größe M", "naïve", "señorita blouse", "Åsa's choice"),
    *("100 % cotton", "plain socks", "5 EUR", "for him & her"),
)
EMOJI = ("🎁 gift", "👗✨", "𠮷野家")
AWKWARD = (
    *("", "", " ", " padded ", "0012", "007", "4901234567894", "1,280", "12.50", "-3", "2024-01-05", "it's", "=SUM(A1)"),
    *('a "quoted" word', '"', '""', '5" pipe', "two\nlines", "three\n\nlines", "a;b", "a|b", "a,b,c", "tab\there", "^~"),
    *("null", "NaN", "\\", "#1", "4.90E+12", "wide\u3000blank", "\u3000", "line\u2028separator", "vertical\x0btab"),
)


def fits(text: str, encoding: str) -> bool:
    try:
        return text.encode(encoding).decode(encoding) == text
    except UnicodeEncodeError:
        return False


def generated(seed: int) -> tuple[list[list[str]], str, str, bytes]:
    """A table with its header, its encoding, its separator and its bytes."""
    rng = random.Random(seed)
    encoding, delimiter = ENCODINGS[seed % len(ENCODINGS)], DELIMITERS[seed // len(ENCODINGS) % len(DELIMITERS)]
    western = encoding in ("cp1252", "latin-1") or (encoding.startswith("utf") and rng.random() < 0.15)
    words = [*WESTERN] if western else [*JAPANESE]
    words = [word for word in (*words, *EMOJI) if fits(word, encoding)]
    awkward = [word for word in AWKWARD if fits(word, encoding)]
    width = rng.randint(2, 7)
    header = list(HEADERS["western" if western else "japanese"][:width])
    rows = []
    for number in range(rng.choice((1, 2, 5, 20, 60))):
        cells = [rng.choice(words) if rng.random() < 0.5 else rng.choice(awkward) for _ in range(width - 1)]
        rows.append([f"{number:05d}", *cells])
    written = io.StringIO(newline="")
    end = rng.choice(LINE_ENDS)
    quoting = csv.QUOTE_ALL if end == "\r" else rng.choice(QUOTING)  # with \r the library leaves cells with \n without quotes
    csv.writer(written, delimiter=delimiter, quoting=quoting, lineterminator=end).writerows([header, *rows])
    return [header, *rows], encoding, delimiter, written.getvalue().encode(encoding)


def outcome(path: Path, seed: int) -> str:
    table, _, delimiter, data = generated(seed)
    path.write_bytes(data)
    try:
        back = read_table(path, "catalog")
    except TenbinError as error:
        return error.code
    cells = [list(back.frame.columns), *back.frame.astype(object).to_numpy().tolist()]
    if cells == table and back.note.delimiter == delimiter:
        return "equal"
    if len(back.rejected) or back.note.remarks:
        return "flagged"
    return "silently wrong"


def test_a_thousand_tables_come_back_equal_or_flagged(tmp_path: Path) -> None:
    outcomes = {seed: outcome(tmp_path / "t.csv", seed) for seed in range(1000)}
    assert [seed for seed, word in outcomes.items() if word == "silently wrong"] == []
    assert Counter(outcomes.values())["equal"] >= 995, Counter(outcomes.values())


BITS = (
    *("1", "0012", "商品", "x", "", " ", '"a"', '"a,b"', '"two\nlines"', '"say ""hi"""'),
    *(
        '"',
        '5" pipe',
        '""',
        '"closed" late',
        ' "spaced"',
        "\0",
        "\u2028",
        "\udcff",
        "id",
        '"\n"',
        '"three\n\nlines"',
        "\u3000",
        '","',
    ),
)
LINES = ("", "id,name,n", "  ", ",,", '"', "a,b", "1,2,3,", "1,2,3,4", "\u3000")


def soup(seed: int) -> bytes:
    """Rows of a table with a defect here and there, as UTF-8 with lone surrogates."""
    rng = random.Random(seed)
    tame, wild = BITS[: rng.choice((4, 10))], rng.choice((0.0, 0.02, 0.2))
    lines = ["id,name,n"]
    for _ in range(rng.randrange(1, 120)):
        if rng.random() < wild / 2:
            lines.append(rng.choice(LINES))
        else:
            lines.append(",".join(rng.choice(BITS if rng.random() < wild else tame) for _ in range(3)))
    return "\n".join(lines).encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("sizes", [(40, 30, 20), (300, 200, 100), (3000, 500, 10)])
def test_the_fast_way_gives_the_cells_of_the_careful_way(monkeypatch: pytest.MonkeyPatch, sizes: tuple[int, int, int]) -> None:
    for place, size in zip(("rows._FAST_BYTES", "delimited._CAREFUL_BYTES", "delimited._FIRST_BYTES"), sizes, strict=True):
        monkeypatch.setattr(f"diagnostics.dataset.tables.{place}", size)
    fast = 0
    for seed in range(100):
        data = soup(seed)
        try:
            slow = lay_delimited(data, "utf-8", Asked("t.csv", "catalog"), careful=True)
        except TenbinError as error:
            with pytest.raises(TenbinError, match=error.code):
                lay_delimited(data, "utf-8", Asked("t.csv", "catalog"))
            continue
        quick = lay_delimited(data, "utf-8", Asked("t.csv", "catalog"))
        assert quick.frame.equals(slow.frame), seed
        assert quick.rows.tolist() == slow.rows.tolist(), seed
        assert quick.rejected.equals(slow.rejected), seed
        assert quick.note == slow.note, seed
        fast += fast_rows(data, len(b"id,name,n\n"), ",", 3) is not None
    assert fast > 10  # the comparison is one
