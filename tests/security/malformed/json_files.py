"""JSON that is too deep, too wide, torn, or full of numbers and texts that parsers trip over."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from tests.dataset.shops import ENGLISH, catalog_rows
from tests.security.malformed.case import Case, raw

__all__ = ["JSON"]

RECORDS = [dict(zip(ENGLISH, row, strict=True)) for row in catalog_rows()]
LINES = "\n".join(json.dumps(record) for record in RECORDS)
WHOLE = json.dumps(RECORDS)
REFUSED = ("E_BAD_JSON", "E_NOT_A_TABLE", "E_EMPTY_FILE")


def _case(name: str, content: Callable[[], str | bytes], *outcomes: str) -> Case:
    def write() -> bytes:
        made = content()
        return made if isinstance(made, bytes) else made.encode("utf-8", "surrogatepass")

    return Case("json", name, "catalog", raw(write), frozenset(outcomes))


def _with(**changes: object) -> str:
    """Records per line, the fourth one changed."""
    return "\n".join(json.dumps(record | (changes if at == 3 else {})) for at, record in enumerate(RECORDS))


def _deep() -> Iterator[Case]:
    for depth in (500, 5_000, 100_000):
        yield _case(
            f"lists-{depth}.json",
            lambda depth=depth: "[" * depth + "]" * depth,
            *REFUSED,
            "E_NO_ITEM_COLUMN",
            "E_HEADER_ONLY",
            "E_NO_USABLE_ROW",
        )
        yield _case(
            f"objects-{depth}.json",
            lambda depth=depth: '{"a":' * depth + "1" + "}" * depth,
            *REFUSED,
            "E_NO_ITEM_COLUMN",
            "E_NO_USABLE_ROW",
        )
        yield _case(
            f"never-closed-{depth}.json", lambda depth=depth: '[{"a":' * depth, *REFUSED, "E_NO_USABLE_ROW", "E_HEADER_ONLY"
        )
        yield _case(
            f"in-a-record-{depth}.jsonl", lambda depth=depth: LINES.replace('"red"', "[" * depth + "]" * depth, 1), "read", "aside"
        )
        yield _case(
            f"in-a-record-object-{depth}.json",
            lambda depth=depth: WHOLE.replace('"red"', '{"a":' * depth + "1" + "}" * depth, 1),
            "read",
            "aside",
            *REFUSED,
        )
    yield _case(
        "lists-100000.csv", lambda: "[" * 100_000, *REFUSED, "E_NO_USABLE_ROW", "E_HEADER_ONLY", "E_NO_ITEM_COLUMN", "E_ONE_COLUMN"
    )


def _values() -> Iterator[Case]:
    for written in (
        "1e999999",
        "-1e-999999",
        "9" * 10_000,
        "9" * 1_000_000,
        "1." + "0" * 100_000,
        "NaN",
        "Infinity",
        "-0",
        "0x1F",
        "01",
        "+1",
        "1_0",
    ):
        yield _case(
            f"number-{written[:9]}-{len(written)}.jsonl", lambda written=written: LINES.replace('"400"', written), "read", "aside"
        )
        yield _case(
            f"id-{written[:9]}-{len(written)}.json",
            lambda written=written: WHOLE.replace('"0004"', written),
            "read",
            "aside",
            "E_BAD_JSON",
            "E_NO_USABLE_ROW",
        )
    for name, value in {
        "half": "\ud800",
        "bytes": "\udc80x",
        "zero": "a\0b",
        "long": "x" * 10_000_000,
        "markup": "<script>alert(1)</script>",
    }.items():
        yield _case(f"text-{name}.jsonl", lambda value=value: _with(name=value), "read", "aside")
        yield _case(f"key-{name}.jsonl", lambda value=value: _with(**{value[:1_000_000]: "x"}), "read", "aside")
    for name, value in {
        "list": [1, [2, [3]]],
        "object": {"a": {"b": {"c": 1}}},
        "null": None,
        "true": True,
        "empty": {},
        "many": list(range(100_000)),
    }.items():
        yield _case(f"value-{name}.jsonl", lambda value=value: _with(name=value), "read", "aside")
        yield _case(
            f"value-id-{name}.jsonl",
            lambda value=value: _with(item_id=value),
            "read",
            "aside",
            "E_NO_ITEM_COLUMN",
            "E_NO_COMMON_ITEM",
        )
    yield _case("escape-alone.jsonl", lambda: LINES.replace("Shirt 4", "\\ud83d"), "read", "aside")
    yield _case("escape-zero.jsonl", lambda: LINES.replace("Shirt 4", "\\u0000"), "read", "aside")
    yield _case("escape-unknown.jsonl", lambda: LINES.replace("Shirt 4", "\\x41"), "aside")
    yield _case(
        "mixed-kinds.jsonl",
        lambda: LINES.replace('"0004"', "4").replace('"0005"', "5.0").replace('"0006"', "true"),
        "read",
        "aside",
    )


def _shapes() -> Iterator[Case]:
    yield _case("empty-list.json", lambda: "[]", *REFUSED, "E_HEADER_ONLY")
    yield _case("empty-object.json", lambda: "{}", *REFUSED, "E_HEADER_ONLY")
    yield _case("null.json", lambda: "null", "E_HEADER_ONLY", "E_NO_ITEM_COLUMN", *REFUSED)
    yield _case(
        "list-of-numbers.json",
        lambda: json.dumps(list(range(5000))),
        *REFUSED,
        "E_NO_ITEM_COLUMN",
        "E_HEADER_ONLY",
        "E_TOO_MANY_COLUMNS",
    )
    yield _case("list-of-nulls.json", lambda: "[" + "null," * 5000 + "null]", *REFUSED, "E_HEADER_ONLY", "E_TOO_MANY_COLUMNS")
    yield _case(
        "list-of-empty.json", lambda: "[" + "{}," * 5000 + "{}]", *REFUSED, "E_NO_ITEM_COLUMN", "E_NO_USABLE_ROW", "E_HEADER_ONLY"
    )
    yield _case("mixed-list.json", lambda: json.dumps([*RECORDS, 1, None, "x", [1]]), "aside")
    yield _case("key-twice.jsonl", lambda: LINES.replace('"colour"', '"name"'), "read")
    yield _case(
        "wide.jsonl",
        lambda: json.dumps({"item_id": "0001"} | {f"k{i}": "x" for i in range(100_000)}) + "\n{}",
        "E_TOO_MANY_COLUMNS",
    )
    yield _case(
        "wide.json", lambda: json.dumps([{"item_id": "0001"} | {f"k{i}": "x" for i in range(100_000)}]), "E_TOO_MANY_COLUMNS"
    )
    yield _case(
        "own-key-each.jsonl",
        lambda: "\n".join(json.dumps({"item_id": f"{i}", f"k{i}": "x"}) for i in range(60_000)),
        "E_TOO_MANY_COLUMNS",
    )
    yield _case(
        "own-inner-key-each.jsonl",
        lambda: "\n".join(json.dumps({"item_id": f"{i:04}", "more": {f"k{i}": "x"}}) for i in range(60_000)),
        "read",
        "aside",
    )
    yield _case(
        "inner-many-outer.jsonl",
        lambda: "\n".join(json.dumps({f"o{i}": {f"k{j}": "x" for j in range(40)} for i in range(1000)}) for _ in range(3)),
        "E_TOO_MANY_COLUMNS",
    )
    yield _case("torn.json", lambda: WHOLE[:-200], "read", "aside", *REFUSED)
    yield _case("torn.jsonl", lambda: LINES[:-20], "aside")
    yield _case("half-broken.jsonl", lambda: LINES + "\n{broken\n" * 12, "aside")
    yield _case("no-commas.json", lambda: WHOLE.replace(",", " "), *REFUSED)
    yield _case(
        "comments.json",
        lambda: "// products\n" + WHOLE,
        *REFUSED,
        "E_NO_ITEM_COLUMN",
        "E_HEADER_ONLY",
        "E_NO_USABLE_ROW",
        "aside",
        "E_NO_COMMON_ITEM",
    )
    yield _case("two-values.json", lambda: WHOLE + WHOLE, *REFUSED, "aside", "read")
    yield _case("with-a-mark.json", lambda: b"\xef\xbb\xbf" + WHOLE.encode(), "read")
    yield _case("utf-16.json", lambda: WHOLE.encode("utf-16"), "read")
    yield _case(
        "script.json",
        lambda: "callback(" + WHOLE + ");",
        *REFUSED,
        "E_NO_ITEM_COLUMN",
        "E_HEADER_ONLY",
        "E_NO_USABLE_ROW",
        "E_ONE_COLUMN",
        "E_TOO_MANY_COLUMNS",
        "E_NO_COMMON_ITEM",
    )
    yield _case("many-lists.json", lambda: json.dumps({f"list{i}": RECORDS for i in range(2000)}), "E_CHOOSE_SHEET")
    yield _case("long-name.jsonl", lambda: LINES.replace("colour", "c" * 1_000_000), "read")


JSON: tuple[Case, ...] = (*_deep(), *_values(), *_shapes())
"""All cases of JSON."""
