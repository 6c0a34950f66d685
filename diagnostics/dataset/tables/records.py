"""JSON in its usual shapes: one record per line, an array of records, records inside a wrapper, or one array per column."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from diagnostics.config import threshold
from diagnostics.dataset.encodings import read_utf8
from diagnostics.dataset.tables.rows import suspicion
from diagnostics.dataset.tables.table import Asked, Layout, Table, unique_names
from diagnostics.errors import TenbinError
from diagnostics.schema import Message

__all__ = ["looks_like_json", "read_json"]

_OPENING = re.compile(r'\s*(\[\s*([\[{"\]]|$)|\{\s*("[^"\n]*"\s*:|\}|$))')
_ROWS_AT_ONCE = 50_000
_MOST_BROKEN = 0.5
_DEEPEST_WRAPPER = 2
_BROKEN = object()
_HALF_SIGN = re.compile(
    "[\ud800-\udc7f\udd00-\udfff]"
)  # half an emoji, as programs that cut texts leave it; bytes are \udc80-\udcff


class _Number(str):
    """A number as it was written, so that ``4.90E+12`` and ``1.10`` stay what they are."""


_HOOKS: dict[str, Any] = {"parse_int": _Number, "parse_float": _Number, "parse_constant": lambda _: None}  # NaN is no value


def looks_like_json(head: str) -> bool:
    """Whether text begins as JSON with records in it does."""
    return _OPENING.match(head) is not None


def read_json(file: BinaryIO, asked: Asked) -> Table:
    """Records as rows of text. An inner record becomes columns named ``outer.inner``, one level deep; a list of plain values is
    joined by `` | ``; whatever is nested deeper stays as JSON. The note says which columns.

    Raises
    ------
    TenbinError
        ``E_BAD_JSON`` with the line, ``E_CHOOSE_SHEET`` (several lists of records in one file), ``E_UNKNOWN_SHEET``,
        ``E_EMPTY_FILE``, ``E_UNDECODABLE``, ``E_TOO_MANY_COLUMNS``.

    Cost: about 2 s per 100,000 records of ten fields.
    """
    data, encoding, _ = read_utf8(file, asked.name, None if asked.max_rows is None else asked.max_rows + 1)
    shelves = _Shelves(asked)
    if isinstance(_parsed(_first_line(data)), dict) and b"\n" in data.strip():
        _read_lines(data, shelves)
        return shelves.table("jsonl", encoding)
    if asked.max_rows is not None:  # not by lines: all of it is needed
        file.seek(0)
        data, encoding, _ = read_utf8(file, asked.name)
    try:
        whole = json.loads(data.decode("utf-8", "surrogatepass"), **_HOOKS)
    except (ValueError, RecursionError) as error:
        if _read_lines(data, shelves) <= _MOST_BROKEN:  # torn: what is whole is used
            return shelves.table("jsonl", encoding)
        raise TenbinError("E_BAD_JSON", file=asked.name, row=getattr(error, "lineno", 1)) from error
    records = _records(whole, asked)
    if records is None:
        raise TenbinError("E_BAD_JSON", file=asked.name, row=1)
    for row, record in enumerate(records, start=1):
        shelves.add(row, record, "")
        if shelves.full:
            break
    return shelves.table("json", encoding)


def _first_line(data: bytes) -> str:
    return data.lstrip()[: max(data.lstrip().find(b"\n"), 0)].decode("utf-8", "surrogatepass")


def _parsed(line: str) -> Any:
    try:
        return json.loads(line, **_HOOKS)
    except (ValueError, RecursionError):
        return _BROKEN


def _read_lines(data: bytes, shelves: _Shelves) -> float:
    """Put one record per line on the shelves; the share of lines that are none."""
    lines = broken = at = 0
    while at < len(data) and not shelves.full:
        end = data.find(b"\n", at)
        end = len(data) if end < 0 else end
        line = data[at:end].decode("utf-8", "surrogatepass").strip()
        at, lines = end + 1, lines + 1
        if line not in ("", "[", "]"):  # the frame of an array with a record on each line
            broken += not shelves.add(lines, _parsed(line.rstrip(",")), line)
    return broken / max(lines, 1)


def _records(whole: Any, asked: Asked) -> Iterable[Any] | None:
    """The records of a parsed file, whichever way round they were written; None where there are none."""
    if isinstance(whole, list):
        if whole and all(isinstance(row, list) for row in whole):
            return (dict(zip(unique_names([_plain(name) for name in whole[0]]), row, strict=False)) for row in whole[1:])
        return whole if any(isinstance(record, dict) for record in whole) or not whole else None
    if not isinstance(whole, dict):
        return None
    columns, rows = whole.get("columns"), whole.get("data")
    if isinstance(columns, list) and isinstance(rows, list) and all(isinstance(row, list) for row in rows):
        return _records([columns, *rows], asked)
    lists = {name: found for name, found in _lists("", whole) if found}
    if asked.sheet is not None and asked.sheet not in lists:
        raise TenbinError("E_UNKNOWN_SHEET", file=asked.name, found=asked.sheet, choices=list(lists))
    if len(lists) > 1 and asked.sheet is None:
        raise TenbinError("E_CHOOSE_SHEET", file=asked.name, table=asked.role, sheet=next(iter(lists)), choices=list(lists))
    if lists:
        return lists[asked.sheet or next(iter(lists))]
    values = list(whole.values())
    if values and all(isinstance(column, list) for column in values) and len(set(map(len, values))) == 1:
        return (dict(zip(whole, row, strict=True)) for row in zip(*values, strict=True))
    if values and all(isinstance(column, dict) for column in values):
        if all(name.isdecimal() for column in values for name in column):  # columns by row number
            return ({name: column.get(row) for name, column in whole.items()} for row in dict.fromkeys(chain(*values)))
        return ({"key": key, **record} for key, record in whole.items())
    return [whole]


def _lists(prefix: str, wrapper: Mapping[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    """Every list of records in a wrapper, by its place."""
    for name, value in wrapper.items():
        if isinstance(value, list) and value and all(isinstance(record, dict) for record in value):
            yield prefix + name, value
        elif isinstance(value, dict) and prefix.count(".") < _DEEPEST_WRAPPER:
            yield from _lists(f"{prefix}{name}.", value)


class _Shelves:
    """Columns that grow as records come, each under its place in the record: (outer name, inner name or None)."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._limit, self._most_inner = int(threshold("table_max_columns")), int(threshold("json_max_inner"))
        self._open: dict[tuple[str, str | None], list[str | None]] = {}
        self._chunks: dict[tuple[str, str | None], list[pa.Array]] = {}
        self._names: set[str] = set()
        self._inner: dict[str, set[str]] = {}
        self._lengths: list[int] = []
        self._numbers: list[int] = []
        self._aside: list[tuple[int, list[str], str]] = []
        self._joined: dict[str, None] = {}
        self._deep: dict[str, None] = {}
        self._in_chunk = 0

    @property
    def full(self) -> bool:
        return self._asked.max_rows is not None and len(self._numbers) >= self._asked.max_rows

    def add(self, row: int, record: Any, line: str) -> bool:
        """Take one record; False where it is none and was set aside."""
        if not isinstance(record, dict):
            self._aside.append((row, [line], "broken_json"))
            return False
        try:
            flat = dict(self._flat(record))
        except RecursionError:
            self._aside.append((row, [line], "broken_json"))
            return False
        reason = suspicion([text for text in flat.values() if text])
        if reason is not None:
            self._aside.append((row, [text or "" for text in flat.values()], reason))
            return True
        self._names.update(record)
        if len(self._names) > self._limit:  # at once: every later record would have to fill all these columns
            raise TenbinError("E_TOO_MANY_COLUMNS", file=self._asked.name, n=len(self._names), limit=self._limit)
        for place, text in flat.items():
            column = self._open.setdefault(place, [])
            column += [None] * (self._in_chunk - len(column))
            column.append(text)
        self._in_chunk += 1
        self._numbers.append(row)
        if self._in_chunk == _ROWS_AT_ONCE:
            self._close()
        return True

    def table(self, kind: str, encoding: str) -> Table:
        """Everything on the shelves. An inner record of too many different names stays one column of ``name: value``."""
        self._close()
        many = {outer for outer, names in self._inner.items() if len(names) > self._most_inner}
        places = [
            (outer, inner)
            for outer, inner in self._chunks
            if (inner is None or outer not in many) and (inner is not None or outer in many or self._only_plain(outer))
        ]
        if not places and not self._aside:
            raise TenbinError("E_EMPTY_FILE", file=self._asked.name)
        layout = Layout(self._asked, [outer if inner is None else f"{outer}.{inner}" for outer, inner in places])
        for row, cells, reason in self._aside:
            layout.set_aside(row, [""] * len(places) + cells, reason)
        if places:
            layout.add_columns([self._whole(place) for place in places], np.array(self._numbers, dtype=np.int64))
        for code, names in (("flattened", self._inner.keys() - many), ("lists_joined", self._joined), ("kept_as_json", self._deep)):
            if names:
                values = {"file": self._asked.name, "columns": sorted(names)}
                layout.remarks.append(Message(code=f"reading.remark.{code}", values=values))
        return layout.table(kind, encoding=encoding, blanks=True)

    def _flat(self, record: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str | None], str | None]]:
        for name, value in record.items():
            if isinstance(value, dict):
                names = self._inner.setdefault(name, set())
                if len(names) <= self._most_inner:
                    names.update(value)
                    for inner, part in value.items():
                        yield (name, inner), self._text(f"{name}.{inner}", part)
                yield (name, None), " | ".join(f"{inner}: {_plain(part)}" for inner, part in value.items()) or None
            else:
                yield (name, None), self._text(name, value)

    def _text(self, name: str, value: Any) -> str | None:
        if isinstance(value, list) and not any(isinstance(part, list | dict) for part in value):
            if len(value) > 1:
                self._joined[name] = None
            return " | ".join(_plain(part) for part in value if part is not None) or None
        if isinstance(value, list | dict):
            self._deep[name] = None
        return None if value is None else _plain(value)

    def _only_plain(self, outer: str) -> bool:
        """Whether a name never held an inner record."""
        return outer not in self._inner

    def _close(self) -> None:
        for place, column in self._open.items():
            column += [None] * (self._in_chunk - len(column))
            if place not in self._chunks:
                if len(self._chunks) > self._limit + sum(map(len, self._inner.values())):
                    raise TenbinError("E_TOO_MANY_COLUMNS", file=self._asked.name, n=len(self._open), limit=self._limit)
                self._chunks[place] = [pa.nulls(length, pa.large_string()) for length in self._lengths]
        for place, chunks in self._chunks.items():
            chunks.append(pa.array(self._open.get(place, [None] * self._in_chunk), pa.large_string()))
        self._open.clear()
        self._lengths.append(self._in_chunk)
        self._in_chunk = 0

    def _whole(self, place: tuple[str, str | None]) -> pa.Array:
        return pa.concat_arrays(self._chunks.pop(place))


def _plain(value: Any) -> str:
    """One value as text: numbers as written, but whole ones without ``.0``."""
    if isinstance(value, _Number):
        return value[:-2] if value.endswith(".0") else str(value)
    if isinstance(value, str):
        return _HALF_SIGN.sub("\ufffd", value)
    return "" if value is None else _json(value)


def _json(value: Any) -> str:
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name, ensure_ascii=False)}: {_json(part)}" for name, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_json, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
