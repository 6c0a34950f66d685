"""How many items, rows and how much revenue fall on each part of the shop, by the modalities that its items have (A1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["LARGEST_CATEGORIES", "OTHER_CATEGORIES", "segment_counts"]

LARGEST_CATEGORIES = 30
"""Categories that are listed by name; about as many bars as a page can show. The rest is one segment."""

OTHER_CATEGORIES = "*"
"""Segment of all categories that are too small to be listed; items without a category form the segment ``""``."""

_HEAD, _MIDDLE = 5, 8  # tenths of all rows


def segment_counts(items: ir.Table, events: ir.Table, n_modalities: int) -> ir.Table:
    """One row per segment of the shop and pattern of flags: its items, log rows and revenue; all else is sums of these.

    Parameters
    ----------
    items : one row per item: ``item``, ``has_0`` ..., ``disguised_0`` ..., and where known ``category`` (text), ``added`` (time)
    events : one row per interaction: ``item``, and where known ``time`` and ``value``
    n_modalities : at most 31

    Returns
    -------
    ``by`` (popularity, category, month, launch), ``name`` (text) or ``month`` (int, year x 12 + month - 1), ``pattern`` (bit 2i:
    has a real value of modality i, bit 2i + 1: a disguised one), ``n_items``, ``n`` (log rows), ``revenue`` (sum of known values
    above 0). The four ``popularity`` segments hold every item once. Rows of items that are not in ``items`` are left out.

    Notes
    -----
    One pass over the log, by item and month; the rest works on its result. Equally frequent items are ordered by their key.
    """
    import ibis

    pairs = _sold_per_month(events)
    patterns = items.select("item", pattern=_pattern(items, n_modalities))
    sold = pairs.group_by("item").agg(n=pairs.n.sum(), revenue=pairs.revenue.sum(), first=pairs.month.min())
    described = items.select(
        "item",
        category=items.category.cast("string") if "category" in items.columns else ibis.null("string"),
        added=_month(items.added) if "added" in items.columns else ibis.null("int32"),
        pattern=_pattern(items, n_modalities),
    )
    joined = described.left_join(sold, "item")
    known = joined.select(
        "item",
        "category",
        "pattern",
        launch=ibis.coalesce(joined.added, joined.first),
        n=joined.n.fill_null(0).cast("int64"),
        revenue=joined.revenue.fill_null(0.0),
    )
    monthly = pairs.inner_join(patterns, "item")
    return ibis.union(
        _by_popularity(known),
        _by_category(known),
        _counted(monthly.filter(monthly.month.notnull()), "month", month=monthly.month),
        _counted(known.filter(known.launch.notnull()), "launch", month=known.launch),
        distinct=False,
    )


def _pattern(items: ir.Table, n_modalities: int) -> ir.IntegerValue:
    import ibis

    code = ibis.literal(0, "int64")
    for number in range(n_modalities):
        code = code + items[f"has_{number}"].ifelse(ibis.literal(4**number, "int64"), 0)
        code = code + items[f"disguised_{number}"].ifelse(ibis.literal(2 * 4**number, "int64"), 0)
    return code


def _month(time: ir.TimestampValue) -> ir.IntegerValue:
    return (time.year() * 12 + time.month() - 1).cast("int32")


def _sold_per_month(events: ir.Table) -> ir.Table:
    """The log by item and month: a few million rows at most, where the log may have any number."""
    import ibis

    positive = ibis.literal(0.0)
    if "value" in events.columns:
        value = events.value.cast("float64")
        counts = value.notnull() & ~value.isnan() & ~value.isinf() & (value > 0)
        positive = counts.ifelse(value, 0.0)
    month = _month(events.time) if "time" in events.columns else ibis.null("int32")
    rows = events.select("item", month=month, paid=positive)
    return rows.group_by("item", "month").agg(n=rows.count(), revenue=rows.paid.sum())


def _by_popularity(known: ir.Table) -> ir.Table:
    """Items from the most sold to the least: the first 50 % of all rows, the next 30 %, the last 20 %, and what never sold."""
    import ibis

    so_far = ibis.cumulative_window(order_by=[known.n.desc(), known.item])
    ranked = known.mutate(before=known.n.sum().over(so_far) - known.n, total=known.n.sum().over(ibis.window()))
    name = ibis.cases(
        (ranked.n == 0, "unsold"),
        (ranked.before * 10 < ranked.total * _HEAD, "head"),
        (ranked.before * 10 < ranked.total * _MIDDLE, "middle"),
        else_="tail",
    )
    return _counted(ranked, "popularity", name=name)


def _by_category(known: ir.Table) -> ir.Table:
    """The largest categories by name; nothing where no item has a category."""
    import ibis

    grouped = known.group_by("category", "pattern").agg(n_items=known.count(), n=known.n.sum(), revenue=known.revenue.sum())
    sized = grouped.mutate(
        size=grouped.category.isnull().ifelse(0, grouped.n_items.sum().over(group_by="category")),
        named=grouped.category.notnull().sum().over(ibis.window()),
    )
    ranked = sized.mutate(place=ibis.dense_rank().over(order_by=[sized.size.desc(), sized.category]))
    name = ibis.cases((ranked.category.isnull(), ""), (ranked.place < LARGEST_CATEGORIES, ranked.category), else_=OTHER_CATEGORIES)
    listed = ranked.filter(ranked.named > 0)
    return _summed(listed, "category", name=name, n_items=listed.n_items.sum())


def _counted(rows: ir.Table, by: str, **segment: ir.Value) -> ir.Table:
    return _summed(rows, by, n_items=rows.count(), **segment)


def _summed(
    rows: ir.Table, by: str, *, n_items: ir.IntegerScalar, name: ir.StringValue | None = None, month: ir.IntegerValue | None = None
) -> ir.Table:
    """The rows by segment and pattern, in the columns that all segments share."""
    import ibis

    key = name if name is not None else month
    grouped = rows.group_by(segment=key, pattern=rows.pattern).agg(n_items=n_items, n=rows.n.sum(), revenue=rows.revenue.sum())
    return grouped.select(
        by=ibis.literal(by),
        name=grouped.segment if name is not None else ibis.null("string"),
        month=grouped.segment if month is not None else ibis.null("int32"),
        pattern=grouped.pattern,
        n_items=grouped.n_items.cast("int64"),
        n=grouped.n.cast("int64"),
        revenue=grouped.revenue,
    )
