"""Where the rows of a table that is too large to hold can be found again, and the same rows as the engine's tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from diagnostics.dataset import cells
from diagnostics.dataset.conversion import convert_text
from diagnostics.dataset.engine import Engine
from diagnostics.dataset.events import means_money, parse_ratings, weigh
from diagnostics.dataset.purchases import ROUNDING, parts_of
from diagnostics.dataset.tables import Role, read_table
from diagnostics.dataset.tables.table import unique_names
from diagnostics.dataset.values import parse_numbers, parse_quantities
from diagnostics.dataset.warehouse import fetch, is_url, parse_url
from diagnostics.errors import TenbinError
from diagnostics.schema import Catalog

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

__all__ = ["ROW_NUMBER", "Source", "TableSource", "open_place", "spark_engine"]

Step = Callable[[float], None] | None
Stop = Callable[[], bool] | None
Source = str | Path
"""What a person names: a file or folder, or a database's URL."""

ROW_NUMBER = "tenbin_row_number"
"""Column with a row's place in its file, from 0, where the file knows it."""


def open_place(
    engine: Engine,
    source: Source,
    role: Role,
    *,
    delimiter: str | None = None,
    sheet: str | None = None,
    aside: Callable[[int], None] | None = None,
    step: Step = None,
    cancelled: Stop = None,
) -> ir.Table:
    """Any source as a table of the engine, its columns named as the readers name them; nested columns are left out.

    Parquet is read where it lies. A database's table is fetched, and text is converted, into the engine's temporary folder;
    anything else is read by its reader.

    Parameters
    ----------
    delimiter : for plain text, in any of the usual encodings, the sign between its cells
    sheet : which sheet of a workbook, as ``read_table``
    aside : told how many lines of a text file are no rows of its table, where there are such

    Raises
    ------
    TenbinError
        As the readers, ``convert_text`` and ``fetch``.
    Cancelled
    """
    if is_url(source):
        address = parse_url(str(source))
        if address.kind == "spark":
            return _named(engine.table(address.path or Path()))
        path = engine.folder / f"{role}.parquet"
        fetch(address, path, progress=step, cancelled=cancelled)
        return _named(engine.table(path, row_number=ROW_NUMBER))
    path = Path(source)
    if path.is_dir():
        return _named(engine.table(path))
    if is_parquet(path):
        return _named(engine.table(path, row_number=ROW_NUMBER))
    if delimiter is not None:
        converted, n_aside = convert_text(engine.folder, path, role, ROW_NUMBER, step=step, cancelled=cancelled)
        if n_aside is None:
            return _named(engine.table(converted, row_number=ROW_NUMBER))
        if aside is not None:
            aside(n_aside)
        return engine.table(converted)
    frame = read_table(path, role, sheet=sheet).frame
    return engine.table(frame.assign(**{ROW_NUMBER: range(len(frame))}))


def is_parquet(path: Path) -> bool:
    """Whether a file begins as Parquet files do."""
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def _named(table: ir.Table) -> ir.Table:
    """Flat columns under the names that the readers give."""
    flat = [name for name, kind in table.schema().items() if not kind.is_nested()]
    return table.select(**{new: table[old] for new, old in zip(unique_names(flat), flat, strict=True)})


def spark_engine() -> Engine:
    """An engine on the Spark session of this process, or on a new one as Spark's own settings say.

    Raises
    ------
    TenbinError
        ``E_NEEDS_EXTRA`` without pyspark.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise TenbinError("E_NEEDS_EXTRA", file="spark://", found="Spark", cure="pip install pyspark") from None
    import ibis

    session = SparkSession.builder.config("spark.ui.enabled", "false").config("spark.sql.session.timeZone", "UTC").getOrCreate()
    return Engine(backend=ibis.pyspark.connect(session))


@dataclass(frozen=True)
class TableSource:
    """Every row of a shop whose log or catalog was sampled, read as the rows that are held were read.

    Attributes
    ----------
    catalog, interactions : as the person named them; a URL keeps its password here, so they are never shown
    roles : role -> columns of the catalog, and of the log
    category : the column that divides the shop
    times : how the log writes its times (``iso``, ``epoch_s``, ...), None without times
    event_weights, rating_threshold : as in the notes; events of weight 0 and lower ratings do not count
    delimiters : the sign between the cells of a table that is plain text, None for any other; ``json`` for a record per line
    sheets : which sheet of a workbook each table is
    held : the whole catalog as it was read; None where it was sampled, too
    """

    catalog: Source = field(repr=False)
    interactions: Source = field(repr=False)
    roles: Mapping[str, Mapping[str, Sequence[str]]]
    category: str | None = None
    times: str | None = None
    event_weights: Mapping[str, float] = field(default_factory=dict)
    rating_threshold: float | None = None
    delimiters: Mapping[str, str | None] = field(default_factory=dict)
    sheets: Mapping[str, str] = field(default_factory=dict)
    held: Catalog | None = field(default=None, repr=False)

    def engine(self) -> Engine:
        """The engine that reaches both tables: Spark where both lie there, else DuckDB."""
        places = (self.catalog, self.interactions)
        return spark_engine() if all(is_url(place) and parse_url(str(place)).kind == "spark" for place in places) else Engine()

    def place(
        self,
        engine: Engine,
        role: Role,
        *,
        aside: Callable[[int], None] | None = None,
        step: Step = None,
        cancelled: Stop = None,
    ) -> ir.Table:
        """One of the two tables as it lies, see ``open_place``."""
        return open_place(
            engine,
            self.catalog if role == "catalog" else self.interactions,
            role,
            delimiter=self.delimiters.get(role),
            sheet=self.sheets.get(role),
            aside=aside,
            step=step,
            cancelled=cancelled,
        )

    def tables(
        self,
        engine: Engine,
        *,
        step: Step = None,
        cancelled: Stop = None,
    ) -> tuple[ir.Table, ir.Table, dict[str, dict[str, str]]]:
        """Items, interactions, and for both (``catalog``, ``interactions``) the shop's names of their columns.

        Returns
        -------
        items : ``item``, unique; ``title``, ``description``, ``category``, ``attribute_<i>`` (text), ``price`` and ``added`` where
            the catalog has them; null where there is no value
        events : ``item``, ``user``; ``time``, ``value`` (money of the row) and ``event_type`` where the log has them. Rows that
            reading sets aside are left out: of an unknown item, without a readable time, returns, events that do not count,
            ratings that do not mean "liked", rows of no part of a given split

        Notes
        -----
        The very functions that read a table in memory decide (``cells``), so a table small enough to be held gives the same rows
        either way. Where a column could be read in several ways, its distinct values decide, not their frequency.
        """
        if self.held is None:
            place = self.place(engine, "catalog", cancelled=cancelled)
            items = engine.keep(self._items(engine, place, cancelled), cancelled=cancelled)
            items = _without_empty(engine, items, ("price", "added"), cancelled)
        else:
            items = engine.table(_catalog_table(self.held))
        opening, keeping = _halves(step)
        log = self.place(engine, "interactions", step=opening, cancelled=cancelled)
        events = engine.keep(self._events(engine, log, items, cancelled), step=keeping, cancelled=cancelled)
        events = _without_empty(engine, events, ("value",), cancelled)
        return items, events, {"catalog": self._names(items, _ITEMS), "interactions": self._names(events, _EVENTS)}

    def _items(self, engine: Engine, catalog: ir.Table, cancelled: Stop) -> ir.Table:
        """The catalog as ``catalog.read_items`` reads it."""
        roles = self.roles["catalog"]
        if "price" in roles:
            catalog = cells.number(engine, catalog, roles["price"][0], "tenbin_price", cancelled=cancelled)
        if "added" in roles:
            catalog = cells.time(engine, catalog, roles["added"][0], "tenbin_added", None, cancelled=cancelled)
        columns: dict[str, Any] = {"item": cells.item_key(catalog[roles["item_id"][0]])}
        for role, between in (("title", " "), ("description", "\n")):
            if role in roles:
                columns[role] = cells.joined([cells.key(catalog[name]) for name in roles[role]], between)
        for place, name in enumerate(roles.get("category", ())):
            columns["category" if name == self.category else f"attribute_{place}"] = cells.key(catalog[name])
        columns |= {role: catalog[f"tenbin_{role}"] for role in ("price", "added") if role in roles}
        if ROW_NUMBER in catalog.columns:
            columns[ROW_NUMBER] = catalog[ROW_NUMBER]
        items = catalog.select(**columns)
        return _first_of_each(engine, items.filter(items.item.notnull()), cancelled)

    def _events(self, engine: Engine, log: ir.Table, items: ir.Table, cancelled: Stop) -> ir.Table:
        """The log as ``purchases.read_purchases`` reads it."""
        import ibis

        roles = {role: names[0] for role, names in self.roles["interactions"].items() if names}
        ids = engine.run(items.select("item"), cancelled=cancelled)["item"].to_numpy()
        known = cells.match_items(engine, log[roles["item_id"]], ids, cancelled=cancelled)
        texts = {role: cells.key(log[roles[role]]) for role in ("user_id", "event_type", "split") if role in roles}
        rows = log.select(
            cell=cells.item_key(log[roles["item_id"]]), **texts, **{role: log[roles[role]] for role in _READ if role in roles}
        )
        rows = rows.inner_join(known, rows.cell == known.written).drop("cell", "written")
        counted, unpaid = [rows.user_id.notnull()], []
        if "event_type" in roles:
            types = _distinct(engine, rows.event_type, cancelled)
            weights = weigh(types, self.event_weights, "").stated
            unpaid = [name for name in weights if not means_money(name)]
            counted.append(rows.event_type.isin([name for name, weight in weights.items() if weight]) | rows.event_type.isnull())
        if "split" in roles:
            labels = _distinct(engine, rows.split, cancelled).dropna()
            counted.append(rows.split.isin(labels[parts_of(labels) >= 0].tolist()))
        rows = rows.filter(*counted)
        for role, parse in _NUMBERS.items():
            if role in roles:
                rows = cells.number(engine, rows, role, role, parse=parse, cancelled=cancelled)
        if "quantity" in roles:
            rows = rows.filter(rows.quantity.isnull() | (rows.quantity > 0))
        if "rating" in roles and self.rating_threshold is not None:
            rows = rows.filter(rows.rating.isnull() | (rows.rating >= self.rating_threshold - ROUNDING))
        columns = ["item", "user"]
        rows = rows.rename(user="user_id")
        if "timestamp" in roles and self.times is not None:
            rows = cells.time(engine, rows, "timestamp", "time", self.times, cancelled=cancelled)
            rows = rows.filter(rows.time.notnull())
            columns.append("time")
        pieces = rows.quantity.fill_null(1.0) if "quantity" in roles else ibis.literal(1.0)
        if "price" in items.columns:
            listed = items.select(listed_item="item", listed="price")
            rows = rows.mutate(pieces=pieces).left_join(listed, rows.item == listed.listed_item)
            pieces = rows.pieces
        money = [rows.amount] if "amount" in roles else []
        money += [rows[name] * pieces for name in ("price", "listed") if name in rows.columns]
        if money:
            value = ibis.coalesce(*money)
            rows = rows.mutate(value=rows.event_type.isin(unpaid).fill_null(False).ifelse(None, value) if unpaid else value)
            columns.append("value")
        if "event_type" in roles:
            rows = rows.mutate(event_type=rows.event_type.fill_null(""))
            columns.append("event_type")
        return rows.select(*columns)

    def _names(self, table: ir.Table, roles: Mapping[str, tuple[tuple[str, str], ...]]) -> dict[str, str]:
        """The shop's names of the columns that one column of its own stands behind."""
        attributes = self.roles["catalog"].get("category", ()) if self.held is None else self.held.attributes
        names = {"category" if name == self.category else f"attribute_{place}": name for place, name in enumerate(attributes)}
        for column, sources in roles.items():
            found = [self.roles[file][role] for file, role in sources if self.roles[file].get(role)]
            names |= {column: found[0][0]} if found and len(found[0]) == 1 else {}
        return {column: name for column, name in names.items() if column in table.columns}


_NUMBERS = {"price": parse_numbers, "quantity": parse_quantities, "amount": parse_numbers, "rating": parse_ratings}
_READ = (*_NUMBERS, "timestamp")
_ITEMS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "item": (("catalog", "item_id"),),
    **{role: (("catalog", role),) for role in ("title", "description", "price", "added")},
}
_EVENTS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "item": (("interactions", "item_id"),),
    "user": (("interactions", "user_id"),),
    "time": (("interactions", "timestamp"),),
    "value": (("interactions", "amount"), ("interactions", "price"), ("catalog", "price")),
    "event_type": (("interactions", "event_type"),),
}


def _halves(step: Step) -> tuple[Step, Step]:
    """The progress of two parts of one work, each of which takes about half of it."""
    return (None, None) if step is None else (lambda done: step(done / 2), lambda done: step((1 + done) / 2))


def _catalog_table(catalog: Catalog) -> pa.Table:
    """A catalog in memory in the columns that ``TableSource.tables`` gives."""
    import pyarrow as pa

    texts = {"title": catalog.titles, "description": catalog.descriptions}
    if catalog.titles is None and catalog.descriptions is None:
        texts = {"text": catalog.texts}
    for place, values in enumerate(catalog.attributes.values()):
        texts["category" if values is catalog.category else f"attribute_{place}"] = values
    columns = {"item": pa.array(catalog.item_ids, pa.string())}
    columns |= {name: pa.array(values, pa.string()) for name, values in texts.items() if values is not None}
    if catalog.price is not None:
        columns["price"] = pa.array(catalog.price, pa.float64(), from_pandas=True)
    if catalog.added is not None:
        columns["added"] = pa.array(catalog.added.astype("datetime64[s]"))
    return pa.table(columns)


def _distinct(engine: Engine, column: ir.StringValue, cancelled: Stop) -> pd.Series:
    cell = column.name("cell").as_table()
    return pd.Series(engine.run(cell.distinct(), cancelled=cancelled)["cell"], dtype="str")


def _without_empty(engine: Engine, table: ir.Table, names: Sequence[str], cancelled: Stop) -> ir.Table:
    """The table without those of the named columns in which there is no value."""
    there = [name for name in names if name in table.columns]
    if not there:
        return table
    counted = engine.run(table.agg(**{name: table[name].count() for name in there}), cancelled=cancelled).to_pylist()[0]
    return table.drop(*(name for name in there if not counted[name]))


def _first_of_each(engine: Engine, items: ir.Table, cancelled: Stop) -> ir.Table:
    """One row per item, the first in the file; looked for only where an item stands twice."""
    counted = engine.run(items.agg(n=items.count(), items=items.item.nunique()), cancelled=cancelled).to_pylist()[0]
    unique = items
    if counted["n"] != counted["items"]:
        if ROW_NUMBER in items.columns:
            first = items.group_by("item").agg(first=items[ROW_NUMBER].min())
            unique = items.semi_join(first, [items.item == first.item, items[ROW_NUMBER] == first.first])
        else:
            unique = items.distinct(on="item", keep="first")
    return unique.drop(ROW_NUMBER) if ROW_NUMBER in items.columns else unique
