"""Every column of the two tables in numbers: how full, how varied, its range, its middle and its most common values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["COMMON_VALUES", "column_counts", "column_kind"]

COMMON_VALUES = 5
"""Most common values that are kept of each column."""


def column_kind(column: ir.Value) -> str:
    """``number``, ``time``, ``flag`` or ``text``: how a column's values are compared and written."""
    kind = column.type()
    if kind.is_boolean():
        return "flag"
    if kind.is_numeric():
        return "number"
    return "time" if kind.is_timestamp() or kind.is_date() else "text"


def column_counts(columns: Sequence[tuple[ir.Table, str, str]]) -> ir.Table:
    """Numbers and common values of many columns in one query.

    Parameters
    ----------
    columns : (table, column, kind) of each; ``text`` takes any column as text, keys of any type for instance

    Returns
    -------
    Rows of three sorts, told apart by ``what``, for each ``column`` (its place in ``columns``):

    - ``all``: ``n`` (rows), ``missing``, ``distinct``; ``low``, ``high``, ``total`` of numbers; ``low_day``, ``high_day`` of times
    - ``middle``: ``low`` or ``low_day`` is the lower median, a value that occurs
    - ``common``: ``text``, ``low`` or ``low_day`` is a value that occurs ``n`` > 1 times; ``place`` 0 is the most frequent, equally
      frequent ones stand in their own order

    Notes
    -----
    Each column is grouped by value once; the groups spill to disk where they do not fit in memory. Times count to the day. NaN
    and infinities count as missing.
    """
    import ibis

    values = ibis.union(*[_values(place, *column) for place, column in enumerate(columns)], distinct=False)
    return ibis.union(_all(values), _middle(values), _common(values), distinct=False)


def _values(place: int, table: ir.Table, column: str, kind: str) -> ir.Table:
    """The distinct values of one column and how often each occurs; the text of a value that occurs once is not kept."""
    import ibis

    value = table[column]
    if kind == "number":
        number = value.cast("float64")
        value = (number.isnan() | number.isinf()).ifelse(ibis.null("float64"), number) if value.type().is_floating() else number
    elif kind == "time":
        value = value.cast("date")
    elif kind == "flag":
        value = value.ifelse("true", "false")
    rows = table.select(value=value)
    grouped = rows.group_by("value").agg(n=rows.count())
    text = grouped.value.cast("string") if kind in ("text", "flag") else None
    return grouped.select(
        column=ibis.literal(place, "int32"),
        known=grouped.value.notnull(),
        text=ibis.null("string") if text is None else (grouped.n > 1).ifelse(text, ibis.null("string")),
        number=grouped.value if kind == "number" else ibis.null("float64"),
        day=grouped.value if kind == "time" else ibis.null("date"),
        n=grouped.n,
    )


def _all(values: ir.Table) -> ir.Table:
    found = values.group_by("column").agg(
        n=values.n.sum(),
        missing=values.known.ifelse(0, values.n).sum(),
        distinct=values.known.cast("int64").sum(),
        low=values.number.min(),
        high=values.number.max(),
        total=(values.number * values.n).sum(),
        low_day=values.day.min(),
        high_day=values.day.max(),
    )
    return _row("all", found)


def _middle(values: ir.Table) -> ir.Table:
    import ibis

    ordered = values.filter(values.number.notnull() | values.day.notnull())
    upwards = ibis.cumulative_window(group_by=ordered.column, order_by=[ordered.number, ordered.day])
    ranked = ordered.mutate(upto=ordered.n.sum().over(upwards), all=ordered.n.sum().over(group_by=ordered.column))
    upper = ranked.filter(ranked.upto * 2 >= ranked["all"])
    return _row("middle", upper.group_by("column").agg(low=upper.number.min(), low_day=upper.day.min()))


def _common(values: ir.Table) -> ir.Table:
    import ibis

    repeated = values.filter(values.known & (values.n > 1))
    best = [repeated.n.desc(), repeated.text, repeated.number, repeated.day]
    ranked = repeated.mutate(place=ibis.row_number().over(group_by=repeated.column, order_by=best))
    found = ranked.filter(ranked.place < COMMON_VALUES)
    return _row("common", found.select("column", "text", "n", "place", low=found.number, low_day=found.day))


def _row(what: str, found: ir.Table) -> ir.Table:
    """``found`` in the columns that all sorts of rows share, empty where it has none."""
    import ibis

    types = {
        "column": "int32",
        "text": "string",
        "n": "int64",
        "missing": "int64",
        "distinct": "int64",
        "place": "int64",
        "low": "float64",
    }
    types |= {"high": "float64", "total": "float64", "low_day": "date", "high_day": "date"}
    given = {name: found[name].cast(kind) if name in found.columns else ibis.null(kind) for name, kind in types.items()}
    return found.select(what=ibis.literal(what), **given)
