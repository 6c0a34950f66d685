"""Cells of a table that only an engine can hold, read as a table in memory is read.

What is written plainly the engine reads itself; every other way of writing is taken out once, however often it stands in the table,
and read by the very functions of ``values`` and ``purchases``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from diagnostics.dataset.catalog import DESTROYED
from diagnostics.dataset.engine import Engine
from diagnostics.dataset.keys import find_items
from diagnostics.dataset.tables import MISSING
from diagnostics.dataset.values import parse_numbers, parse_times

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["item_key", "joined", "key", "match_items", "number", "time"]

Stop = Callable[[], bool] | None

_BLANKS = "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"  # all that str.strip takes away
_MISSING = f"(?i:^({'|'.join(re.escape(word) for word in sorted(MISSING))})\\z)"
_NUMBER = r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\z"
_DIGITS = r"^\d+(\.\d+)?\z"
_ISO = r"^\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?Z?)?\z"
_TWO_OFFSETS = ("2000-01-01T00:00:00Z", "2000-01-01T00:00:00+09:00")
_EPOCHS = {"epoch_s": 1e0, "epoch_ms": 1e3, "epoch_us": 1e6, "epoch_ns": 1e9}
_IN_DIGITS = frozenset({*_EPOCHS, "compact", "excel"})


def key(column: ir.Value) -> ir.StringValue:
    """Text as reading holds it: without blanks around it, whole numbers without ``.0``, null where there is no value."""
    text = column.cast("string")
    if column.type().is_integer():
        return text
    if column.type().is_floating():
        whole = (column == column.floor()) & (column.abs() < 2**53)
        text = whole.ifelse(whole.ifelse(column, 0).cast("int64").cast("string"), text)
    bare = text.re_replace(f"^[{_BLANKS}]+|[{_BLANKS}]+\\z", "")
    odd = text.re_search(f"^[{_BLANKS}]|[{_BLANKS}]\\z|{_MISSING}")  # few cells are: the others cost one search, and no join
    return odd.ifelse(bare.re_search(_MISSING).ifelse(None, bare), text)


def item_key(column: ir.Value) -> ir.StringValue:
    """An item's id as reading holds it; null also where a spreadsheet has destroyed it."""
    text = key(column)
    return text.re_search(f"^({DESTROYED})\\z").ifelse(None, text)


def joined(texts: list[ir.StringValue], between: str) -> ir.StringValue:
    """Row by row the texts that are there, none of them twice; null where there is none."""
    whole = texts[0]
    for place, text in enumerate(texts[1:], start=1):
        said = text.isnull()
        for before in texts[:place]:
            said = said | (text == before).fill_null(False)
        whole = whole.isnull().ifelse(text, said.ifelse(whole, whole + between + text))
    return whole


def number(
    engine: Engine,
    table: ir.Table,
    column: str,
    into: str,
    *,
    parse: Callable[[pd.Series], npt.NDArray[np.float64]] = parse_numbers,
    cancelled: Stop = None,
) -> ir.Table:
    """The table with a float64 column ``into``: the numbers of ``column``, null where ``parse``, the reading's own, finds none."""
    cells = table[column]
    if cells.type().is_numeric():
        return table.mutate(**{into: _finite(cells.cast("float64"))})
    rows = table.mutate(tenbin_cell=key(cells))
    plain = rows.tenbin_cell.re_search(_NUMBER).ifelse(rows.tenbin_cell, None).try_cast("float64")
    return _with_rest(engine, rows.mutate(**{into: _finite(plain)}), into, parse, cancelled)


def time(engine: Engine, table: ir.Table, column: str, into: str, writing: str | None, *, cancelled: Stop = None) -> ir.Table:
    """The table with a timestamp column ``into``: the times of ``column``, null where there is none; see ``values.parse_times``.

    ``writing`` is how reading found the column to be written; None lets each million of values decide.
    """
    import ibis

    cells = table[column]
    if cells.type().is_timestamp() or cells.type().is_date():
        return _in_range(table.mutate(**{into: cells.cast("timestamp")}), into)
    text = key(cells)
    if writing is not None:  # a column is written in digits or in words; the others of the two are no times there
        text = (text.re_search(_DIGITS) == ibis.literal(writing in _IN_DIGITS)).ifelse(text, None)
    rows = table.mutate(tenbin_cell=text)
    if writing in _EPOCHS:
        seconds = _seconds(rows.tenbin_cell.try_cast("float64") / _EPOCHS[writing])
        return _in_range(rows.mutate(**{into: seconds}), into).drop("tenbin_cell")
    plain = rows.tenbin_cell.re_search(_ISO).ifelse(rows.tenbin_cell, None).try_cast("timestamp")
    found = rows.mutate(**{into: ibis.null("timestamp") if writing in (None, *_IN_DIGITS) else plain})
    aside = _TWO_OFFSETS if writing == "utc" else ()  # what the whole log is written with, a part of it need not show

    def parse(column: pd.Series) -> npt.NDArray[np.datetime64]:
        return parse_times(pd.concat([pd.Series(aside, dtype="str"), column], ignore_index=True)).values[len(aside) :]

    return _in_range(_with_rest(engine, found, into, parse, cancelled), into)


def match_items(engine: Engine, column: ir.Value, item_ids: npt.NDArray[np.object_], *, cancelled: Stop = None) -> ir.Table:
    """Which item of the catalog each way of writing an item means, as reading matches them; see ``keys.find_items``.

    Returns
    -------
    ``written``, unique, as ``item_key`` gives it, and ``item``; what is no item of the catalog is left out.
    """
    import pyarrow as pa

    cells = column.name("cell").as_table().distinct()  # read once each, in any number of rows
    read = engine.run(cells.select(written=item_key(cells.cell)), cancelled=cancelled)["written"]
    text = pd.Series(read, dtype="str").dropna().drop_duplicates(ignore_index=True)
    places, _ = find_items(text, item_ids, "")
    known = places >= 0
    found = pa.table({"written": pa.array(text[known], pa.string()), "item": pa.array(item_ids[places[known]], pa.string())})
    return engine.lay(found.schema, found.to_batches())


def _finite(value: ir.FloatingValue) -> ir.FloatingValue:
    return (value.isnan() | value.isinf()).ifelse(None, value)


def _seconds(number: ir.FloatingValue) -> ir.TimestampValue:
    """Seconds since 1970, rounded as numpy rounds: halves to the even second. ``as_timestamp`` would bring a time zone with it."""
    import ibis

    usable = ((number >= 1e8) & (number < 1e10)).ifelse(number, None)
    whole = usable.floor()
    rest = usable - whole
    up = (rest > 0.5) | ((rest == 0.5) & (whole % 2 == 1))
    return ibis.timestamp("1970-01-01 00:00:00") + (whole + up.ifelse(1.0, 0.0)).cast("int64").as_interval("s")


def _in_range(table: ir.Table, column: str) -> ir.Table:
    """Years outside 1970-2100 are placeholders, as in reading."""
    import ibis

    value = table[column]
    usable = (value >= ibis.timestamp("1970-01-02 00:00:00")) & (value < ibis.timestamp("2100-01-01 00:00:00"))
    return table.mutate(**{column: usable.ifelse(value, None)})


def _with_rest(
    engine: Engine, rows: ir.Table, into: str, parse: Callable[[pd.Series], npt.NDArray[Any]], cancelled: Stop
) -> ir.Table:
    """Fill the gaps of a column from ``tenbin_cell``, the text that was not plain, each way of writing parsed once."""
    import pyarrow as pa

    rows = rows.mutate(tenbin_cell=rows[into].isnull().ifelse(rows.tenbin_cell, None))
    rest = rows.filter(rows.tenbin_cell.notnull()).select(cell=rows.tenbin_cell).distinct()
    kind = pa.float64() if rows[into].type().is_floating() else pa.timestamp("us")
    schema = pa.schema({"cell": pa.string(), "read": kind})

    def parsed() -> Iterator[pa.RecordBatch]:
        for batch in engine.batches(rest, cancelled=cancelled):
            read = pa.array(parse(pd.Series(batch["cell"], dtype="str")), from_pandas=True)
            yield pa.RecordBatch.from_arrays([batch["cell"].cast(pa.string()), read.cast(kind)], schema=schema)

    found = engine.lay(schema, parsed())
    both = rows.left_join(found, rows.tenbin_cell == found.cell)
    return both.mutate(**{into: both[into].coalesce(both.read)}).drop("tenbin_cell", "cell", "read")
