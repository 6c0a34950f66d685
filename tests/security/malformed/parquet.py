"""Parquet that lies about itself, unfolds into gigabytes, or holds what is no text and no number."""

from __future__ import annotations

import datetime
import decimal
import io
import struct
from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.dataset.shops import ENGLISH, catalog_rows
from tests.security.malformed.case import Case, raw

__all__ = ["PARQUET", "parquet_bytes"]


def parquet_bytes(**columns: pa.Array) -> bytes:
    """The product table as Parquet, with columns added or put in another's place."""
    sound = {name: pa.array([row[at] for row in catalog_rows()]) for at, name in enumerate(ENGLISH)}
    buffer = io.BytesIO()
    pq.write_table(pa.table({**sound, **columns}), buffer, use_dictionary=True)
    return buffer.getvalue()


def _case(name: str, content: Callable[[], bytes], *outcomes: str, role: str = "catalog") -> Case:
    return Case("parquet", f"{name}.parquet", role, raw(content), frozenset(outcomes))


def _footer(length: int) -> bytes:
    """A file whose last bytes say that its footer is so long."""
    return parquet_bytes()[:-8] + struct.pack("<I", length) + b"PAR1"


def _runs(rows: int, columns: int) -> bytes:
    """Rows that all say the same: a few kilobytes that unfold into gigabytes."""
    buffer = io.BytesIO()
    schema = pa.schema([(f"c{at}", pa.dictionary(pa.int32(), pa.string())) for at in range(columns)])
    with pq.ParquetWriter(buffer, schema, compression="zstd") as writer:
        part = 2_000_000
        one = pa.DictionaryArray.from_arrays(np.zeros(part, dtype=np.int32), pa.array(["x" * 1000]))
        batch = pa.table([one] * columns, schema=schema)
        for _ in range(rows // part):
            writer.write_table(batch)
    return buffer.getvalue()


def _lies() -> Iterator[Case]:
    for length in (0, 1, 100, 2**31 - 1, 2**32 - 1):
        yield _case(f"footer-of-{length}", lambda length=length: _footer(length), "E_BAD_PARQUET")
    yield _case("only-magic", lambda: b"PAR1PAR1", "E_BAD_PARQUET")
    yield _case("magic-and-zeros", lambda: b"PAR1" + bytes(5000) + b"PAR1", "E_BAD_PARQUET")
    yield _case("encrypted", lambda: b"PARE" + parquet_bytes()[4:-4] + b"PARE", "E_BAD_PARQUET", "E_NOT_A_TABLE", "E_UNDECODABLE")
    yield _case(
        "with-a-text-in-front",
        lambda: b"hello" + parquet_bytes(),
        "E_NOT_A_TABLE",
        "E_UNDECODABLE",
        "E_NO_ITEM_COLUMN",
        "E_HEADER_ONLY",
        "E_NO_USABLE_ROW",
        "E_BAD_PARQUET",
    )
    for share in (0.05, 0.3, 0.6, 0.9, 0.99):
        yield _case(f"torn-at-{share}", lambda share=share: parquet_bytes()[: int(len(parquet_bytes()) * share)], "E_BAD_PARQUET")
    yield _case("bomb", lambda: _runs(20_000_000, 4), "E_NO_ITEM_COLUMN", "E_READER_MEMORY", "E_UNPACKED_TOO_LARGE")


def _contents() -> Iterator[Case]:
    n = len(catalog_rows())
    when = datetime.datetime(2024, 1, 1)
    kinds: dict[str, Callable[[], pa.Array]] = {
        "binary": lambda: pa.array([b"\xff\x00\xfe"] * n),
        "not-utf-8": lambda: pa.Array.from_buffers(pa.string(), n, pa.array([b"\xff\xfe"] * n).buffers()),
        "null": lambda: pa.nulls(n),
        "struct": lambda: pa.array([{"a": {"b": 1}}] * n),
        "list": lambda: pa.array([["a", None]] * n),
        "lists-of-lists": lambda: pa.array([[[1], []]] * n),
        "map": lambda: pa.array([[("a", 1)]] * n, pa.map_(pa.string(), pa.int64())),
        "far-time": lambda: pa.array([2**62] * n, pa.int64()).cast(pa.timestamp("ns")),
        "farther-time": lambda: pa.array([2**62] * n, pa.timestamp("us")),
        "time-zone": lambda: pa.array([when] * n, pa.timestamp("us", "Asia/Tokyo")),
        "unknown-zone": lambda: pa.array([when] * n, pa.timestamp("us", "Nowhere/Town")),
        "duration": lambda: pa.array([2**60] * n, pa.duration("s")),
        "decimal": lambda: pa.array([decimal.Decimal("9" * 70)] * n, pa.decimal256(76, 0)),
        "half": lambda: pa.array([1.5] * n, pa.float16()),
        "infinite": lambda: pa.array([float("inf")] * n),
        "large": lambda: pa.array([2**64 - 1] * n, pa.uint64()),
        "bool": lambda: pa.array([True] * n),
        "long": lambda: pa.array(["x" * 10_000_000] + ["y"] * (n - 1)),
        "surrogates": lambda: pa.Array.from_buffers(pa.string(), n, pa.array([b"\xed\xa0\x80"] * n).buffers()),
        "zero-bytes": lambda: pa.array(["a\0b"] * n),
    }  # fmt: skip
    for name, column in kinds.items():
        yield _case(f"kind-{name}", lambda column=column: parquet_bytes(colour=column()), "read", "aside", "E_BAD_PARQUET")
        yield _case(
            f"id-{name}",
            lambda column=column: parquet_bytes(item_id=column()),
            "read",
            "aside",
            "E_BAD_PARQUET",
            "E_NO_ITEM_COLUMN",
            "E_NO_COMMON_ITEM",
            "E_NO_USABLE_ROW",
        )

    def table(columns: list[pa.Array], names: list[str]) -> bytes:
        buffer = io.BytesIO()
        pq.write_table(pa.Table.from_arrays(columns, names), buffer)
        return buffer.getvalue()

    ids = pa.array([row[0] for row in catalog_rows()])
    yield _case("without-columns", lambda: table([], []), "E_HEADER_ONLY", "E_EMPTY_FILE")
    yield _case("without-rows", lambda: table([pa.array([], pa.string())], ["item_id"]), "E_HEADER_ONLY")
    yield _case(
        "names-twice", lambda: table([ids, ids, ids], ["item_id", "item_id", "item_id"]), "read", "aside", "E_NO_ITEM_COLUMN"
    )
    yield _case("names-empty", lambda: table([ids, ids], ["", "\0"]), "read", "aside", "E_NO_ITEM_COLUMN", "E_NO_COMMON_ITEM")
    yield _case("wide", lambda: table([ids] * 5000, [f"c{at}" for at in range(5000)]), "E_TOO_MANY_COLUMNS")

    def deep() -> bytes:
        value: object = 1
        for _ in range(60):
            value = {"a": value}
        return parquet_bytes(colour=pa.array([value] * n))

    yield _case("deep", deep, "read", "aside", "E_BAD_PARQUET")


PARQUET: tuple[Case, ...] = (*_lies(), *_contents())
"""All cases of Parquet."""
