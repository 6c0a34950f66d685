# ruff: noqa: E501  (a case a line)
"""Delimited text that is too wide, too long, torn, mixed up, or full of signs that programs trip over."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from tests.dataset.shops import ENGLISH, catalog_rows, lines, log_rows
from tests.security.malformed.case import Case, raw

__all__ = ["TEXT", "catalog_bytes", "log_bytes"]

LOG = ("user_id", "item_id", "date", "quantity")


def catalog_bytes(encoding: str = "utf-8", delimiter: str = ",") -> bytes:
    """A sound product table."""
    return lines(ENGLISH, catalog_rows(), delimiter).encode(encoding)


def log_bytes(encoding: str = "utf-8", delimiter: str = ",") -> bytes:
    """A sound purchase log."""
    return lines(LOG, log_rows(), delimiter).encode(encoding)


def _case(family: str, name: str, content: Callable[[], bytes], *outcomes: str, role: str = "catalog") -> Case:
    return Case(family, f"{name}.csv", role, raw(content), frozenset(outcomes))


def _spoiled(row: int, change: Callable[[tuple[str, ...]], tuple[str, ...]]) -> bytes:
    """The product table with one row changed."""
    rows = catalog_rows()
    rows[row] = change(rows[row])
    return lines(ENGLISH, rows).encode("utf-8", "surrogatepass")


def _names(change: Callable[[str], str]) -> bytes:
    """The product table with every name changed; quoted, so that any sign is legal."""
    rows = [(row[0], '"' + change(row[1]).replace('"', '""') + '"', *row[2:]) for row in catalog_rows()]
    return lines(ENGLISH, rows).encode("utf-8", "surrogatepass")


def _wide() -> Iterator[Case]:
    for width in (5_000, 20_000, 100_000):
        header = lambda width=width: ",".join(["item_id", *(f"c{i}" for i in range(width - 1))])  # noqa: E731
        many = lambda header=header, width=width: "\n".join(  # noqa: E731
            [header(), *(",".join([f"{i:04d}", *["1"] * (width - 1)]) for i in range(1, 6))]
        )
        yield _case("columns", f"unlike-{width}", lambda many=many: many().encode(), "read", "E_TOO_MANY_COLUMNS")
        same = lambda width=width: (",".join(["item_id"] + ["name"] * (width - 1)) + "\n0001" + ",x" * (width - 1)).encode()  # noqa: E731
        yield _case("columns", f"of-one-name-{width}", same, "read", "E_TOO_MANY_COLUMNS")
    yield _case("columns", "only-commas", lambda: b"," * 100_000, "E_EMPTY_FILE", "E_TOO_MANY_COLUMNS", "E_NO_USABLE_ROW")
    yield _case(
        "columns", "lines-of-commas", lambda: (b"," * 500 + b"\n") * 500, "E_EMPTY_FILE", "E_NO_USABLE_ROW", "E_HEADER_ONLY"
    )
    for sign in ("a", "あ", "\u200b"):
        yield _case(
            "columns",
            f"name-of-a-megabyte-{ord(sign):x}",
            lambda sign=sign: catalog_bytes().replace(b"colour", (sign * 300_000).encode()),
            "read",
            "aside",
        )
    blank = lambda: catalog_bytes().replace(b"name,description,colour", b",,")  # noqa: E731
    yield _case("columns", "without-names", blank, "read")


def _long() -> Iterator[Case]:
    for size in (1_000_000, 4_000_000):
        for quoted in (True, False):
            cell = lambda size=size, quoted=quoted: ('"' + "a, " * (size // 3) + '"') if quoted else "ab " * (size // 3)  # noqa: E731
            yield _case(
                "long-cells",
                f"text-{size}-{quoted}",
                lambda cell=cell: _spoiled(3, lambda row: (row[0], cell(), *row[2:])),
                "read",
                "aside",
            )
        yield _case("long-cells", f"id-{size}", lambda size=size: _spoiled(3, lambda row: ("9" * size, *row[1:])), "read", "aside")
        yield _case(
            "long-cells", f"price-{size}", lambda size=size: _spoiled(3, lambda row: (*row[:4], "9" * size)), "read", "aside"
        )
        yield _case(
            "long-cells",
            f"price-signs-{size}",
            lambda size=size: _spoiled(3, lambda row: (*row[:4], "￥" * (size // 3))),
            "read",
            "aside",
        )
        yield _case(
            "long-cells",
            f"date-{size}",
            lambda size=size: log_bytes().replace(b"2024-01-05", b"2024-01-05 " * (size // 11), 1),
            "aside",
            role="log",
        )
        yield _case(
            "long-cells",
            f"japanese-date-{size}",
            lambda size=size: log_bytes().replace(b"2024-01-05", "令和6年1月".encode() * (size // 15), 1),
            "aside",
            role="log",
        )
        yield _case(
            "long-cells",
            f"quantity-{size}",
            lambda size=size: log_bytes().replace(b",2\n", b"," + b"2" * size + b"\n", 1),
            "read",
            "aside",
            role="log",
        )
    for size in (20_000_000, 200_000_000):
        yield _case(
            "long-lines",
            f"without-end-{size}",
            lambda size=size: b"item_id," * (size // 8),
            "E_HEADER_ONLY",
            "E_TOO_MANY_COLUMNS",
            "E_LONG_LINE",
        )
        yield _case(
            "long-lines",
            f"one-word-{size}",
            lambda size=size: b"x" * size,
            "E_HEADER_ONLY",
            "E_NO_ITEM_COLUMN",
            "E_ONE_COLUMN",
            "E_ONE_COLUMN",
            "E_LONG_LINE",
        )
    yield _case("long-lines", "blanks", lambda: b" " * 20_000_000, "E_EMPTY_FILE", "E_LONG_LINE")
    yield _case("long-lines", "after-the-table", lambda: catalog_bytes() + b"z" * 20_000_000, "aside", "E_LONG_LINE")


def _zero() -> Iterator[Case]:
    yield _case("zero-bytes", "in-a-cell", lambda: catalog_bytes().replace(b"Shirt 3", b"Shi\0rt 3"), "aside")
    yield _case("zero-bytes", "in-the-header", lambda: catalog_bytes().replace(b"colour", b"col\0our"), "read", "aside")
    yield _case("zero-bytes", "between-cells", lambda: catalog_bytes().replace(b"red", b"\0"), "aside")
    yield _case("zero-bytes", "at-the-end", lambda: catalog_bytes() + b"\0" * 5000, "aside")
    yield _case("zero-bytes", "nothing-else", lambda: b"\0" * 5000, "E_EMPTY_FILE", "E_NOT_A_TABLE")
    yield _case("zero-bytes", "a-megabyte-in-a-log", lambda: log_bytes() + b"\0" * 1_000_000, "aside", role="log")
    yield _case("zero-bytes", "every-second", lambda: catalog_bytes().replace(b"", b"\0")[1:], "read")
    yield _case(
        "zero-bytes",
        "every-second-but-one",
        lambda: catalog_bytes().replace(b"", b"\0")[1:].replace(b"S\0h\0", b"S\0h"),
        "aside",
        "E_UNDECODABLE",
        "E_NO_ITEM_COLUMN",
        "E_ONE_COLUMN",
        "E_NO_USABLE_ROW",
        "E_HEADER_ONLY",
    )


def _exponents() -> Iterator[Case]:
    for written in ("4.90E+12", "4.90123E+12", "1e5", "1E+05", "+1e5", "１E5", "1e999999999", "-1e-7", "4,90E+12"):
        yield _case(
            "exponents",
            f"catalog-{written}",
            lambda written=written: _spoiled(2, lambda row: (f'"{written}"', *row[1:])),
            "read",
            "aside",
        )
        yield _case(
            "exponents",
            f"log-{written}",
            lambda written=written: log_bytes().replace(b",0003,", f',"{written}",'.encode()),
            "aside",
            role="log",
        )
    for written in ("1e5", "1e400", "1e-400", "inf", "-inf", "nan", "0x1F", "1_000", "9" * 400, "-0", "١٢٣"):
        yield _case(
            "exponents",
            f"price-{written[:9]}",
            lambda written=written: _spoiled(2, lambda row: (*row[:4], written)),
            "read",
            "aside",
        )
        yield _case(
            "exponents",
            f"quantity-{written[:9]}",
            lambda written=written: log_bytes().replace(b",2\n", f",{written}\n".encode(), 3),
            "read",
            "aside",
            role="log",
        )
    for written in (
        "99999-01-01",
        "0000-00-00",
        "-1",
        "1e308",
        "253402300800000",
        "2024-02-30",
        "令和0年13月99日",
        "24:00",
        "١-١-٢٠٢٤",
    ):
        yield _case(
            "exponents",
            f"date-{written}",
            lambda written=written: log_bytes().replace(b"2024-01-05", written.encode()),
            "read",
            "aside",
            role="log",
        )
        yield _case(
            "exponents",
            f"every-date-{written}",
            lambda written=written: lines(LOG, [(*row[:2], written, row[3]) for row in log_rows()]).encode(),
            "read",
            "aside",
            "E_BAD_TIMES",
            role="log",
        )


def _quotes() -> Iterator[Case]:
    yield _case("quotes", "only", lambda: b'"' * 10_001, "E_HEADER_ONLY", "E_EMPTY_FILE", "E_NO_ITEM_COLUMN", "E_ONE_COLUMN")
    yield _case(
        "quotes",
        "lines-of-one",
        lambda: b'"\n' * 20_000,
        "E_HEADER_ONLY",
        "E_EMPTY_FILE",
        "E_NO_ITEM_COLUMN",
        "E_ONE_COLUMN",
        "E_NO_USABLE_ROW",
    )
    yield _case(
        "quotes",
        "lines-of-three",
        lambda: b'"""\n' * 20_001,
        "E_HEADER_ONLY",
        "E_EMPTY_FILE",
        "E_NO_ITEM_COLUMN",
        "E_ONE_COLUMN",
        "E_NO_USABLE_ROW",
    )
    yield _case(
        "quotes",
        "never-closed",
        lambda: b'"' + catalog_bytes(),
        "read",
        "aside",
        "E_NO_ITEM_COLUMN",
        "E_ONE_COLUMN",
        "E_HEADER_ONLY",
    )
    yield _case("quotes", "never-closed-in-a-row", lambda: catalog_bytes().replace(b"Shirt 4", b'"Shirt 4'), "aside")
    yield _case("quotes", "in-every-row", lambda: catalog_bytes().replace(b"Shirt", b'5" Shirt'), "read", "aside")
    yield _case(
        "quotes", "opened-in-every-row", lambda: b"item_id,name\n" + b'0001,"x\n' * 20_000, "E_NO_USABLE_ROW", "aside", "read"
    )
    yield _case("quotes", "after-the-end", lambda: catalog_bytes().replace(b"Shirt 4", b'"Shirt" 4'), "read", "aside")
    yield _case("quotes", "backslashes", lambda: catalog_bytes().replace(b"Shirt 4", b'"Shirt \\" 4"'), "read", "aside")
    yield _case("quotes", "single", lambda: catalog_bytes().replace(b"Shirt 4", b"'Shirt, 4'"), "aside")


def _mixed() -> Iterator[Case]:
    japanese = "シャツ、髙島屋①、"
    for first, second in (
        ("utf-8", "cp932"),
        ("cp932", "utf-8"),
        ("cp932", "euc_jp"),
        ("utf-8", "utf-16-le"),
        ("latin-1", "utf-8"),
    ):

        def both(first: str = first, second: str = second) -> bytes:
            rows = [
                (row[0], japanese if first != "latin-1" and second != "latin-1" else "Tête", *row[2:]) for row in catalog_rows()
            ]
            text = lines(ENGLISH, rows)
            half = text.index("0007")
            return text[:half].encode(first, "replace") + text[half:].encode(second, "replace")

        yield _case("encodings", f"{first}-then-{second}", both, "aside", "E_UNDECODABLE", "read")
    yield _case("encodings", "mark-in-the-middle", lambda: catalog_bytes().replace(b"0004", b"\xef\xbb\xbf0004"), "read", "aside")
    yield _case("encodings", "two-marks", lambda: b"\xef\xbb\xbf\xef\xbb\xbf" + catalog_bytes(), "read", "aside")
    yield _case(
        "encodings",
        "wrong-mark",
        lambda: b"\xff\xfe" + catalog_bytes(),
        "E_UNDECODABLE",
        "E_NO_ITEM_COLUMN",
        "E_ONE_COLUMN",
        "E_HEADER_ONLY",
        "E_NOT_A_TABLE",
    )
    yield _case("encodings", "only-a-mark", lambda: b"\xef\xbb\xbf", "E_EMPTY_FILE")
    yield _case("encodings", "utf-16-odd", lambda: catalog_bytes("utf-16")[:-1], "read", "aside")
    yield _case("encodings", "utf-32", lambda: catalog_bytes("utf-32"), "read")
    yield _case("encodings", "utf-32-torn", lambda: catalog_bytes("utf-32")[:-3], "read", "aside")
    yield _case("encodings", "utf-7", lambda: catalog_bytes().replace(b"Shirt", b"+MLcw4zDE-"), "read")
    yield _case("encodings", "overlong", lambda: catalog_bytes().replace(b"Shirt 4", b"\xc0\xaf\xe0\x80\xaf"), "aside", "read")
    yield _case("encodings", "surrogates", lambda: _spoiled(3, lambda row: (row[0], "\ud800x\udfff", *row[2:])), "aside", "read")
    yield _case("encodings", "beyond-unicode", lambda: catalog_bytes().replace(b"Shirt 4", b"\xf7\xbf\xbf\xbf"), "aside", "read")
    yield _case(
        "encodings",
        "all-bytes",
        lambda: bytes(range(256)) * 50,
        "E_NOT_A_TABLE",
        "E_UNDECODABLE",
        "E_HEADER_ONLY",
        "E_NO_ITEM_COLUMN",
        "E_ONE_COLUMN",
    )
    yield _case(
        "encodings",
        "ebcdic",
        lambda: catalog_bytes("cp500"),
        "E_UNDECODABLE",
        "E_NOT_A_TABLE",
        "E_NO_ITEM_COLUMN",
        "E_ONE_COLUMN",
        "E_HEADER_ONLY",
    )


def _signs() -> Iterator[Case]:
    signs = {
        "right-to-left": "\u202egnp.exe\u2066", "no-width": "\u200b\u200d\ufeff", "bell": "a\x07\x1b[31mred", "escape": "\x1b]0;title\x07",
        "vertical-tab": "a\x0bb\x0cc", "file-separators": "a\x1cb\x1db\x1eb", "next-line": "a\x85b", "line-separators": "a\u2028b\u2029c",
        "return": "a\rb", "delete": "a\x7fb", "private": "\ue000\U000f0000", "non-characters": "\ufffe\uffff", "combining": "Z" + "\u0301" * 5000,
        "one-glyph": "﷽" * 2000, "tags": "\U000e0041\U000e0042", "braces": "{0.__class__}{x:count}%s%n", "markup": "<script>alert(1)</script>",
        "markdown": "[x](javascript:alert(1)) $x^2$ :red[x]", "sql": "'; DROP TABLE items; --", "path": "../../../etc/passwd",
    }  # fmt: skip
    for name, written in signs.items():
        yield _case("signs", name, lambda written=written: _names(lambda old: old + written), "read", "aside", "E_NOT_A_TABLE")
        yield _case(
            "signs",
            f"{name}-in-the-header",
            lambda written=written: catalog_bytes().replace(
                b"colour", ('"' + written.replace('"', '""') + '"').encode("utf-8", "surrogatepass")
            ),
            "read",
            "aside",
            "E_NO_ITEM_COLUMN",
            "E_ONE_COLUMN",
        )
    for formula in ("=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1+1", '=HYPERLINK("http://x")', "＝1+1"):
        yield _case("formulas", formula.encode().hex(), lambda formula=formula: _names(lambda old: formula) + b"ragged\n", "aside")


def _shapes() -> Iterator[Case]:
    draw = random.Random("shapes")
    yield _case("shapes", "empty", lambda: b"", "E_EMPTY_FILE")
    yield _case("shapes", "line-ends", lambda: b"\r\n\n\r" * 5000, "E_EMPTY_FILE")
    yield _case("shapes", "header-only", lambda: b"item_id,name\n", "E_HEADER_ONLY")
    yield _case("shapes", "header-thrice", lambda: b"item_id,name\n" * 3, "E_NO_USABLE_ROW", "E_HEADER_ONLY")
    yield _case("shapes", "one-column", lambda: b"0001\n0002\n", "E_TOO_FEW_INTERACTIONS", "E_NO_ITEM_COLUMN", "E_ONE_COLUMN")
    yield _case("shapes", "one-sign", lambda: b",", "E_EMPTY_FILE", "E_HEADER_ONLY")
    yield _case(
        "shapes",
        "one-id-for-all",
        lambda: lines(ENGLISH, [("0001", *row[1:]) for row in catalog_rows()]).encode(),
        "aside",
        "E_NO_COMMON_ITEM",
        "E_TOO_FEW_INTERACTIONS",
        "E_TOO_FEW_INTERACTIONS",
    )
    yield _case(
        "shapes",
        "log-of-strangers",
        lambda: lines(LOG, [(row[0], f"X{row[1]}", *row[2:]) for row in log_rows()]).encode(),
        "E_NO_COMMON_ITEM",
        "E_TOO_FEW_INTERACTIONS",
        role="log",
    )
    yield _case(
        "shapes",
        "log-of-one",
        lambda: lines(LOG, log_rows()[:1]).encode(),
        "E_TOO_FEW_INTERACTIONS",
        "E_TOO_LITTLE_DATA",
        role="log",
    )
    yield _case("shapes", "catalog-as-log", catalog_bytes, "E_NO_USER_COLUMN", role="log")
    for number in range(8):
        rows = [["x" * draw.randrange(9) for _ in range(draw.randrange(9))] for _ in range(60)]
        yield _case(
            "shapes",
            f"ragged-{number}",
            lambda rows=rows: "\n".join(",".join(row) for row in rows).encode() + b"\n",
            "aside",
            "E_NO_ITEM_COLUMN",
            "E_ONE_COLUMN",
            "E_NO_USABLE_ROW",
            "E_NO_COMMON_ITEM",
            "E_TOO_FEW_INTERACTIONS",
            "E_EMPTY_FILE",
            "E_HEADER_ONLY",
        )


TEXT: tuple[Case, ...] = (*_wide(), *_long(), *_zero(), *_exponents(), *_quotes(), *_mixed(), *_signs(), *_shapes())
"""All cases of delimited text."""
