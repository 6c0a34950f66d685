# ruff: noqa: E501  (a case a line)
"""Files of vectors that lie about their shape, hold objects, or are something else altogether."""

from __future__ import annotations

import io
import json
import pickle
import struct
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.dataset.shops import catalog_rows
from tests.security.malformed.archives import zipped
from tests.security.malformed.case import Case, raw

__all__ = ["VECTORS"]

N = len(catalog_rows())
IDS = [row[0] for row in catalog_rows()]
REFUSED = ("E_VECTOR_BROKEN", "E_VECTOR_PICKLED", "E_VECTOR_SHAPE", "E_VECTOR_ROWS")


def _case(family: str, name: str, content: Callable[[], bytes], *outcomes: str) -> Case:
    return Case(family, name, "features", raw(content), frozenset(outcomes))


def _npy(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def _header(text: str, content: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    written = text.encode("utf-8", "surrogatepass")
    length = struct.pack("<H" if version == b"\x01\x00" else "<I", len(written))
    return b"\x93NUMPY" + version + length + written + content


def _arrays() -> Iterator[Case]:
    for shape in (
        "(999999999999, 4096)",
        "(-1, 4)",
        "(-5, -5)",
        "(12, 0)",
        "(0, 4)",
        "(12, 9999999999)",
        "(12,)",
        "()",
        "(12, 2, 2)",
        "12",
        "('a', 2)",
        "(2**40, 4)",
        "(12.0, 4)",
        "(True, 4)",
    ):
        text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n"
        yield _case("npy", f"shape-{shape}.npy", lambda text=text: _header(text, bytes(192)), *REFUSED)
    for kind in ("O", "V8", "<M8[s]", "S5", "<U5", "<c8", "|b1", "<f2", ">f8", "<i8", "<f16", "x", "<f4,<f4", "999"):
        text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': (12, 4), }}\n"
        yield _case(
            "npy",
            f"kind-{kind.strip('<>|').replace(',', '-')}.npy",
            lambda text=text: _header(text, bytes(12 * 4 * 16)),
            "read",
            "aside",
            *REFUSED,
        )
    for name, text in {
        "code": "__import__('os').system('false')", "empty": "", "deep": "(" * 2000 + ")" * 2000, "not-closed": "{'descr': '<f4'", "more-keys": "{'descr': '<f4', 'fortran_order': False, 'shape': (12, 4), 'x': 1}",
        "zero": "\0" * 100, "number": "1", "lists": "[[[[1]]]]", "long": " " * 60_000, "power": "{'descr': '<f4', 'fortran_order': False, 'shape': (9**9**9, 4)}", "half": "{'descr': '\udc80'}",
    }.items():  # fmt: skip
        yield _case("npy", f"header-{name}.npy", lambda text=text: _header(text, bytes(192)), *REFUSED)
    yield _case("npy", "header-of-4-gb.npy", lambda: b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + bytes(100), *REFUSED)
    yield _case("npy", "version-9.npy", lambda: b"\x93NUMPY\x09\x00" + _npy(np.zeros((N, 2)))[8:], *REFUSED)
    yield _case("npy", "torn.npy", lambda: _npy(np.zeros((N, 8)))[:-9], *REFUSED)
    yield _case("npy", "objects.npy", lambda: _npy(np.array([{"a": 1}] * N, dtype=object)), "E_VECTOR_PICKLED")
    yield _case("npy", "infinite.npy", lambda: _npy(np.full((N, 3), np.inf)), "read", "aside")
    yield _case("npy", "too-large-for-single.npy", lambda: _npy(np.full((N, 3), 1e300)), "read", "aside")
    yield _case("npy", "two-in-one.npy", lambda: _npy(np.zeros((N, 2))) * 2, "read", *REFUSED)
    yield _case("npy", "wrong-rows.npy", lambda: _npy(np.zeros((N + 1, 2))), "E_VECTOR_ROWS")
    yield _case("npy", "empty.npy", lambda: b"", *REFUSED)


def _archives() -> Iterator[Case]:
    good = _npy(np.ones((N, 2)))
    yield _case(
        "npz",
        "bomb.npz",
        lambda: zipped(
            ("v.npy", _header("{'descr': '<f4', 'fortran_order': False, 'shape': (60000000, 1), }\n") + bytes(240_000_000))
        ),
        "E_READER_MEMORY",
        *REFUSED,
    )
    yield _case(
        "npz", "objects.npz", lambda: zipped(("v.npy", good), ("item_id.npy", _npy(np.array([{}] * N, dtype=object)))), *REFUSED
    )
    yield _case("npz", "outside.npz", lambda: zipped(("../../v.npy", good)), "read", *REFUSED)
    yield _case("npz", "no-arrays.npz", lambda: zipped(("v.txt", b"x")), *REFUSED)
    yield _case("npz", "a-pickle.npz", lambda: zipped(("v.npy", good), ("data.pkl", pickle.dumps(1))), *REFUSED)
    yield _case("npz", "two-tables.npz", lambda: zipped(("v.npy", good), ("w.npy", good)), *REFUSED)
    yield _case("npz", "one-name-twice.npz", lambda: zipped(("v.npy", good), ("v.npy", good)), "read", *REFUSED)
    yield _case("npz", "not-an-array.npz", lambda: zipped(("v.npy", b"hello")), *REFUSED)
    yield _case(
        "npz",
        "lying-shape.npz",
        lambda: zipped(("v.npy", _header("{'descr': '<f4', 'fortran_order': False, 'shape': (999999999, 999999999), }\n"))),
        *REFUSED,
    )
    yield _case("npz", "float-ids.npz", lambda: zipped(("v.npy", good), ("item_id.npy", _npy(np.zeros(N)))), *REFUSED)
    yield _case("npz", "square-ids.npz", lambda: zipped(("v.npy", good), ("item_id.npy", _npy(np.array([IDS])))), *REFUSED)
    yield _case("npz", "byte-ids.npz", lambda: zipped(("v.npy", good), ("item_id.npy", _npy(np.array([b"\xff"] * N)))), *REFUSED)
    yield _case(
        "npz", "strangers.npz", lambda: zipped(("v.npy", good), ("item_id.npy", _npy(np.array(["x"] * N)))), "E_VECTOR_NO_ITEM"
    )
    yield _case("npz", "one-id.npz", lambda: zipped(("v.npy", good), ("item_id.npy", _npy(np.array(["0001"] * N)))), "aside")
    yield _case("npz", "empty.npz", lambda: zipped(), *REFUSED)
    yield _case("npz", "torn.npz", lambda: zipped(("v.npy", good))[:-10], *REFUSED)


def _tensors() -> Iterator[Case]:
    def tensors(header: object, content: bytes = bytes(N * 8), length: int | None = None) -> bytes:
        written = header.encode() if isinstance(header, str) else json.dumps(header).encode()
        return struct.pack("<Q", len(written) if length is None else length) + written + content

    def one(**changes: object) -> dict[str, object]:
        return {"v": {"dtype": "F32", "shape": [N, 2], "data_offsets": [0, N * 8]} | changes}

    cases: dict[str, Callable[[], bytes]] = {
        "length-most": lambda: tensors(one(), length=2**64 - 1), "length-large": lambda: tensors(one(), length=2**40), "length-0": lambda: tensors(one(), length=0), "length-short": lambda: tensors(one(), length=5),
        "offsets-outside": lambda: tensors(one(data_offsets=[0, 10**9])), "offsets-swapped": lambda: tensors(one(data_offsets=[N * 8, 0])), "offsets-negative": lambda: tensors(one(data_offsets=[-8, 0])),
        "shape-overflow": lambda: tensors(one(shape=[2**63, 2**63])), "shape-large": lambda: tensors(one(shape=[10**6, 10**6])), "shape-negative": lambda: tensors(one(shape=[-1, 2])), "unknown-kind": lambda: tensors(one(dtype="X9")),
        "overlapping": lambda: tensors(one() | {"w": one()["v"]}), "gap": lambda: tensors(one(data_offsets=[8, N * 8 + 8]), bytes(N * 8 + 8)), "no-json": lambda: tensors("{" * 50), "deep": lambda: tensors('{"v":' * 100_000), "list": lambda: tensors([1]),
        "no-header": lambda: b"", "short": lambda: b"\x01\x02", "ids-no-list": lambda: tensors(one() | {"__metadata__": {"item_id": "not json"}}), "ids-number": lambda: tensors(one() | {"__metadata__": {"item_id": "5"}}),
        "ids-deep": lambda: tensors(one() | {"__metadata__": {"item_id": "[" * 100_000}}), "ids-short": lambda: tensors(one() | {"__metadata__": {"item_id": '["0001"]'}}), "brain-float": lambda: tensors(one(dtype="BF16", data_offsets=[0, N * 4]), bytes(N * 4)),
    }  # fmt: skip
    for name, content in cases.items():
        yield _case("safetensors", f"{name}.safetensors", content, *REFUSED)


def _tables() -> Iterator[Case]:
    def table(**columns: pa.Array) -> bytes:
        buffer = io.BytesIO()
        pq.write_table(pa.table(columns), buffer)
        return buffer.getvalue()

    cases: dict[str, Callable[[], bytes]] = {
        "ragged": lambda: table(v=pa.array([[1.0] * at for at in range(N)])), "lists-of-lists": lambda: table(v=pa.array([[[1.0]]] * N)), "texts": lambda: table(v=pa.array([["a"]] * N)), "nothing": lambda: table(v=pa.nulls(N)),
        "empty-lists": lambda: table(v=pa.array([[]] * N, pa.list_(pa.float32()))), "null-lists": lambda: table(v=pa.array([None] * N, pa.list_(pa.float32()))), "two": lambda: table(v=pa.array([[1.0]] * N), w=pa.array([[1.0]] * N)),
        "structs": lambda: table(v=pa.array([{"a": 1.0}] * N)), "huge": lambda: table(v=pa.array([[1e300]] * N)), "torn": lambda: table(v=pa.array([[1.0]] * N))[:-9], "rows": lambda: table(v=pa.array([[1.0]] * 5)),
        "odd-ids": lambda: table(v=pa.array([[1.0]] * N), item_id=pa.array([[1]] * N)), "null-ids": lambda: table(v=pa.array([[1.0]] * N), item_id=pa.nulls(N)), "not-utf-8": lambda: table(v=pa.array([[1.0]] * N), item_id=pa.Array.from_buffers(pa.string(), N, pa.array([b"\xff"] * N).buffers())),
    }  # fmt: skip
    for name, content in cases.items():
        yield _case("vector-tables", f"{name}.parquet", content, "read", "aside", "E_VECTOR_NO_ITEM", *REFUSED)


VECTORS: tuple[Case, ...] = (*_arrays(), *_archives(), *_tensors(), *_tables())
"""All cases of vectors."""
