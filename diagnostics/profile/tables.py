"""What grows with rows in the profile: coverage, segments, the columns in numbers, as questions to one engine (A1)."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, cast

from diagnostics.schema import (
    BoolArray,
    ColumnSummary,
    Coverage,
    Dataset,
    PresencePattern,
    SegmentCoverage,
    TableSummary,
)

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

    from diagnostics.dataset.engine import Engine

__all__ = ["TableProfile", "from_dataset", "from_source", "measure", "measure_tables"]

_SEGMENTS = ("popularity", "category", "month", "launch")
_POPULARITY = ("head", "middle", "tail", "unsold")
_DIGITS = 12  # significant digits kept of a sum: cores add in any order, which shows in the last ones

Table = Literal["catalog", "interactions"]
Step = Callable[[float], None]


@dataclass(frozen=True)
class TableProfile:
    """What every row of the two tables says: ``coverage`` and ``segments`` by modality, ``patterns``, ``summary``."""

    coverage: Mapping[str, Coverage]
    segments: Mapping[str, tuple[SegmentCoverage, ...]]
    patterns: tuple[PresencePattern, ...]
    summary: TableSummary


@dataclass
class _Count:
    """Items, log rows and revenue of one group."""

    items: int = 0
    rows: int = 0
    revenue: float = 0.0

    def add(self, items: int, rows: int, revenue: float) -> None:
        self.items += items
        self.rows += rows
        self.revenue += revenue


def measure(
    engine: Engine,
    items: ir.Table,
    events: ir.Table,
    modalities: Sequence[str],
    *,
    parts: Collection[str] = (),
    labels: Mapping[Table, Mapping[str, str]] | None = None,
    step: Step | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> TableProfile:
    """Coverage by item, purchase, revenue and part of the shop, presence patterns, and every column in numbers.

    Parameters
    ----------
    items : one row per item: ``item`` (its key, unique), for modality i of ``modalities`` the flags ``has_<i>`` (a *real* value)
        and ``disguised_<i>`` (only seems to have one); where known ``category`` (text) and ``added`` (time); any other column,
        such as ``price``, is only summarised
    events : one row per interaction: ``item``, ``user``, where known ``time`` and ``value`` (money of the row; NaN and amounts of 0
        or less count for nothing); any other column is only summarised
    parts : those of ``modalities`` that are only a part of another one: they have no place in the patterns
    labels : how the shop calls a column, where it is not the column's own name
    step : called with the share done

    Raises
    ------
    Cancelled
    TenbinError
        ``E_TOO_LARGE``.

    Notes
    -----
    Shares of interactions and of revenue are of the rows whose item is in ``items``. Two queries, each within the engine's memory.
    """
    from diagnostics.profile.tables_columns import column_counts, column_kind
    from diagnostics.profile.tables_segments import segment_counts

    counts = engine.run(segment_counts(items, events, len(modalities)), step=_part(step, 0), cancelled=cancelled).to_pylist()
    flags = {f"{flag}_{number}" for number in range(len(modalities)) for flag in ("has", "disguised")}
    columns: list[tuple[Table, ir.Table, str, str]] = []
    for name, table in (("catalog", items), ("interactions", events)):
        for column in table.columns:
            if name == "interactions" or column not in flags:
                kind = "text" if column in ("item", "user") else column_kind(table[column])
                columns.append((cast(Table, name), table, column, kind))
    found = engine.run(column_counts([entry[1:] for entry in columns]), step=_part(step, 1), cancelled=cancelled)
    summaries = _summaries(found, [(name, column, kind) for name, _, column, kind in columns])
    everything = [row for row in counts if row["by"] == "popularity"]
    return TableProfile(
        coverage={name: _coverage(everything, number) for number, name in enumerate(modalities)},
        segments={name: _segments(counts, number) for number, name in enumerate(modalities)},
        patterns=_patterns(everything, modalities, parts) if modalities else (),
        summary=_summary(everything, summaries, labels or {}),
    )


def from_dataset(
    engine: Engine,
    dataset: Dataset,
    real: Mapping[str, BoolArray],
    disguised: Mapping[str, BoolArray],
    *,
    parts: Collection[str] = (),
    step: Step | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> TableProfile:
    """``measure`` of a data set in memory.

    ``real`` and ``disguised``: modality -> bool (n_items,), in the same order; an item may be in neither, never in both.
    """
    import pyarrow as pa

    catalog, log = dataset.catalog, dataset.log
    ids = pa.array(catalog.item_ids, pa.string())
    items: dict[str, Any] = {"item": ids}
    names: dict[str, str] = {"item": _role(dataset, "item_id", "catalog")}
    texts = {"title": catalog.titles, "description": catalog.descriptions}
    if catalog.titles is None and catalog.descriptions is None:
        texts["text"] = catalog.texts
    for role, values in texts.items():
        if values is not None:
            items[role] = pa.array(values, pa.string())
            names[role] = _role(dataset, role, "catalog")
    for place, (label, values) in enumerate(catalog.attributes.items()):
        column = "category" if values is catalog.category else f"attribute_{place}"
        items[column] = pa.array(values, pa.string())
        names[column] = label
    if catalog.category is not None and "category" not in items:
        items["category"] = pa.array(catalog.category, pa.string())
    if catalog.price is not None:
        items["price"] = pa.array(catalog.price, pa.float64(), from_pandas=True)
        names["price"] = _role(dataset, "price", "catalog")
    if catalog.added is not None:
        items["added"] = pa.array(catalog.added.astype("datetime64[s]"))
        names["added"] = _role(dataset, "added", "catalog")
    for number, name in enumerate(real):
        items[f"has_{number}"] = pa.array(real[name])
        items[f"disguised_{number}"] = pa.array(disguised[name])

    events = {
        "item": ids.take(pa.array(log.item_index)),
        "user": pa.array(log.user_ids, pa.string()).take(pa.array(log.user_index)),
    }
    if log.timestamp is not None:
        events["time"] = pa.array(log.timestamp.astype("datetime64[s]"))
    if log.value is not None:
        events["value"] = pa.array(log.value, pa.float64(), from_pandas=True)
    if log.event_type is not None:
        events["event_type"] = pa.array(log.event_type, pa.string())
    roles = {"item": "item_id", "user": "user_id", "time": "timestamp", "value": "amount", "event_type": "event_type"}
    shown = {column: _role(dataset, roles[column], "interactions") for column in events}
    if "value" in shown and not _columns_of(dataset, "amount", "interactions"):  # it is the product of two
        factors = [role for role in ("price", "quantity") if _columns_of(dataset, role, "interactions")]
        shown["value"] = " × ".join(_role(dataset, role, "interactions") for role in factors) or shown["value"]
    labels: dict[Table, dict[str, str]] = {"catalog": names, "interactions": shown}
    tables = engine.table(pa.table(items)), engine.table(pa.table(events))
    return measure(engine, *tables, list(real), parts=parts, labels=labels, step=step, cancelled=cancelled)


def from_source(
    engine: Engine,
    dataset: Dataset,
    real: Mapping[str, BoolArray],
    disguised: Mapping[str, BoolArray],
    *,
    parts: Collection[str] = (),
    step: Step | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> TableProfile:
    """``measure`` of every row where ``dataset`` holds a sample of them, found again by its ``source``.

    ``real`` and ``disguised`` are what was seen of the items of ``dataset``; other items of the catalog are left out.
    """
    import pyarrow as pa

    items, events, labels = dataset.source.tables(engine, step=_part(step, 0), cancelled=cancelled)
    seen: dict[str, Any] = {"seen_item": pa.array(dataset.catalog.item_ids, pa.string())}
    for number, name in enumerate(real):
        seen[f"has_{number}"] = pa.array(real[name])
        seen[f"disguised_{number}"] = pa.array(disguised[name])
    flags = engine.table(pa.table(seen))
    known = engine.keep(items.inner_join(flags, items.item == flags.seen_item).drop("seen_item"), cancelled=cancelled)
    return measure(engine, known, events, list(real), parts=parts, labels=labels, step=_part(step, 1), cancelled=cancelled)


def measure_tables(
    dataset: Dataset,
    real: Mapping[str, BoolArray],
    disguised: Mapping[str, BoolArray],
    *,
    parts: Collection[str] = (),
    step: Step | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> TableProfile:
    """The table profile of a data set, over every row also where only a sample of the log is held.

    Where the catalog is a sample too, nobody has looked at the other items' texts and pictures: coverage, segments and patterns
    are then those of the sample, and only ``summary`` counts every row. ``parts`` as in ``measure``.
    """
    from diagnostics.dataset.engine import Engine

    sampled = dataset.notes.sampled
    if dataset.source is None or sampled is None:
        with Engine() as engine:
            return from_dataset(engine, dataset, real, disguised, parts=parts, step=step, cancelled=cancelled)
    with dataset.source.engine() as engine:
        if sampled.items_kept == sampled.items:
            return from_source(engine, dataset, real, disguised, parts=parts, step=step, cancelled=cancelled)
        items, events, labels = dataset.source.tables(engine, step=_part(step, 0), cancelled=cancelled)
        whole = measure(engine, items, events, (), labels=labels, step=_part(step, 1), cancelled=cancelled)
    with Engine() as engine:
        seen = from_dataset(engine, dataset, real, disguised, parts=parts, cancelled=cancelled)
        return replace(seen, summary=whole.summary)


def _part(step: Step | None, place: int) -> Step | None:
    """The progress of the first half of some work (``place`` 0) or of the second (1)."""
    return None if step is None else lambda done: step((place + done) / 2)


def _role(dataset: Dataset, role: str, table: Table) -> str:
    """The shop's own name of the one column that plays a role, else the role's name."""
    columns = _columns_of(dataset, role, table)
    return columns.pop() if len(columns) == 1 else role


def _columns_of(dataset: Dataset, role: str, table: Table) -> set[str]:
    files = {file.name for file in dataset.notes.files if file.role == table}
    return {entry.column for entry in dataset.notes.columns if entry.file in files and entry.role == role}


# ---------------------------------------------------------------- coverage, from counts by segment and pattern


def _has(pattern: int, modality: int) -> bool:
    return bool(pattern >> 2 * modality & 1)


def _share(part: float, whole: float) -> float:
    return min(_rounded(part / whole), 1.0) if whole > 0 else 0.0


def _coverage(rows: Iterable[Mapping[str, Any]], modality: int) -> Coverage:
    every, real, disguised = _Count(), _Count(), _Count()
    for row in rows:
        amounts = (row["n_items"], row["n"], row["revenue"])
        every.add(*amounts)
        if _has(row["pattern"], modality):
            real.add(*amounts)
        elif row["pattern"] >> 2 * modality + 1 & 1:
            disguised.add(*amounts)
    return Coverage(
        items=_share(real.items, every.items),
        interactions=_share(real.rows, every.rows),
        revenue=_share(real.revenue, every.revenue) if every.revenue > 0 else None,
        disguised=_share(disguised.items, every.items),
    )


def _segments(rows: Iterable[Mapping[str, Any]], modality: int) -> tuple[SegmentCoverage, ...]:
    every: dict[tuple[str, Any], _Count] = defaultdict(_Count)
    real: dict[tuple[str, Any], _Count] = defaultdict(_Count)
    for row in rows:
        key = (row["by"], row["month"] if row["name"] is None else row["name"])
        amounts = (row["n_items"], row["n"], row["revenue"])
        every[key].add(*amounts)
        if _has(row["pattern"], modality):
            real[key].add(*amounts)

    def place(key: tuple[str, Any]) -> tuple[Any, ...]:
        by, segment = key
        if by == "popularity":
            return (0, _POPULARITY.index(segment))
        if by == "category":
            from diagnostics.profile.tables_segments import OTHER_CATEGORIES

            return (1, segment == "", segment == OTHER_CATEGORIES, -every[key].items, segment)
        return (_SEGMENTS.index(by), segment)

    return tuple(
        SegmentCoverage(
            by=by,  # type: ignore[arg-type]  # segment_counts gives nothing else
            segment=f"{segment // 12:04d}-{segment % 12 + 1:02d}" if by in ("month", "launch") else segment,
            n_items=every[by, segment].items,
            n_interactions=every[by, segment].rows,
            items=_share(real[by, segment].items, every[by, segment].items),
            interactions=_share(real[by, segment].rows, every[by, segment].rows) if every[by, segment].rows else None,
        )
        for by, segment in sorted(every, key=place)
    )


def _patterns(rows: Sequence[Mapping[str, Any]], modalities: Sequence[str], parts: Collection[str]) -> tuple[PresencePattern, ...]:
    """Every combination of modalities that occurs, with its items and its share of the log; most items first."""
    found: dict[tuple[bool, ...], _Count] = defaultdict(_Count)
    whole = {number: name for number, name in enumerate(modalities) if name not in parts}
    for row in rows:
        has = tuple(_has(row["pattern"], number) for number in whole)
        found[has].add(row["n_items"], row["n"], row["revenue"])
    total = sum(row["n"] for row in rows)
    return tuple(
        PresencePattern(
            modalities=tuple(name for name, there in zip(whole.values(), has, strict=True) if there),
            items=found[has].items,
            interactions=_share(found[has].rows, total),
        )
        for has in sorted(found, key=lambda has: (-found[has].items, has))
    )


# ---------------------------------------------------------------- columns in numbers


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def _written(number: float | None, day: dt.date | None) -> str | None:
    if day is not None:
        return day.isoformat()
    if number is None:
        return None
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else f"{number:.{_DIGITS}g}"


def _summaries(found: pa.Table, columns: Sequence[tuple[Table, str, str]]) -> list[ColumnSummary]:
    rows: dict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
    for row in found.to_pylist():
        rows[row["what"], row["column"]].append(row)
    nothing = dict.fromkeys(found.column_names)  # what a table without rows says
    summaries = []
    for place, (table, column, kind) in enumerate(columns):
        whole = next(iter(rows["all", place]), nothing)
        middle = next(iter(rows["middle", place]), nothing)
        n, missing = whole["n"] or 0, whole["missing"] or 0
        common = sorted(rows["common", place], key=lambda row: row["place"])
        summaries.append(
            ColumnSummary(
                table=table,
                column=column,
                kind=kind,  # type: ignore[arg-type]  # column_kind gives nothing else
                rows=n,
                missing=missing,
                distinct=whole["distinct"] or 0,
                low=_written(whole["low"], whole["low_day"]),
                middle=_written(middle["low"], middle["low_day"]),
                high=_written(whole["high"], whole["high_day"]),
                mean=None if whole["total"] is None else _rounded(whole["total"] / (n - missing)),
                common=tuple((row["text"] or _written(row["low"], row["low_day"]) or "", row["n"]) for row in common),
            )
        )
    return summaries


def _summary(
    everything: Sequence[Mapping[str, Any]], columns: Sequence[ColumnSummary], labels: Mapping[Table, Mapping[str, str]]
) -> TableSummary:
    log = {column.column: column for column in columns if column.table == "interactions"}
    time = log.get("time")
    return TableSummary(
        items=sum(row["n_items"] for row in everything),
        interactions=log["item"].rows,
        users=log["user"].distinct,
        items_sold=sum(row["n_items"] for row in everything if row["name"] != "unsold"),
        first_day=time.low if time else None,
        last_day=time.high if time else None,
        columns=tuple(
            column.model_copy(update={"column": labels.get(column.table, {}).get(column.column, column.column)})
            for column in columns
        ),
    )
