"""Where the rows of a table that is too large to hold can be found again, and the same rows as the engine's tables."""

from __future__ import annotations

import glob
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diagnostics.dataset.engine import Engine, attend
from diagnostics.dataset.tables import Role, read_table
from diagnostics.dataset.tables.table import unique_names
from diagnostics.dataset.warehouse import fetch, is_url, parse_url
from diagnostics.errors import TenbinError

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["ROW_NUMBER", "Source", "TableSource", "key", "open_place", "spark_engine"]

Source = str | Path
"""What a person names: a file or folder, or a database's URL."""

ROW_NUMBER = "tenbin_row_number"
"""Column with a row's place in its file, from 0, where the file knows it."""

_MISSING = ("", "nan", "null", "none", "n/a", "#n/a", "na", "nat", "<na>", r"\n")
_UNITS = {"epoch_s": 1, "epoch_ms": 1_000, "epoch_us": 1_000_000, "epoch_ns": 1_000_000_000}


def open_place(
    engine: Engine,
    source: Source,
    role: Role,
    *,
    delimiter: str | None = None,
    step: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> ir.Table:
    """Any source as a table of the engine, its columns named as the readers name them; nested columns are left out.

    Parquet is read where it lies. A database's table is fetched, and text is converted, into the engine's temporary folder;
    anything else is read by its reader.

    Parameters
    ----------
    delimiter : for plain text in UTF-8, the sign between its cells

    Raises
    ------
    TenbinError
        As the readers and ``fetch``; ``E_TEXT_TOO_LARGE`` when a text file cannot be converted.
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
        return _named(engine.table(_from_text(engine, path, role, delimiter, step, cancelled)))
    return engine.table(read_table(path, role).frame)


def is_parquet(path: Path) -> bool:
    """Whether a file begins as Parquet files do."""
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def _named(table: ir.Table) -> ir.Table:
    """Flat columns under the names that the readers give."""
    flat = [name for name, kind in table.schema().items() if not kind.is_nested()]
    return table.select(**{new: table[old] for new, old in zip(unique_names(flat), flat, strict=True)})


def _from_text(
    engine: Engine,
    path: Path,
    role: Role,
    delimiter: str,
    step: Callable[[float], None] | None,
    cancelled: Callable[[], bool] | None,
) -> Path:
    """A text file as Parquet, every cell as it is written."""
    import duckdb

    target = engine.folder / f"{role}.parquet"
    connection = engine.backend.con.cursor()

    def convert() -> None:
        text = connection.read_csv(
            glob.escape(str(path)), sep=delimiter, header=True, all_varchar=True, quotechar='"', escapechar='"', encoding="utf-8"
        )
        text.write_parquet(str(target), compression="zstd")

    try:
        attend(convert, interrupt=connection.interrupt, step=step, cancelled=cancelled)
    except duckdb.Error as error:
        found = str(error).split("\n")[0][:200]
        raise TenbinError("E_TEXT_TOO_LARGE", file=path.name, found=found) from None
    finally:
        connection.close()
    return target


def key(column: ir.Value) -> ir.StringValue:
    """Ids as the readers write them: text without blanks around it, whole numbers without ``.0``, null where there is none."""
    text = column.cast("string")
    if column.type().is_floating():
        whole = (column == column.floor()) & (column.abs() < 2**53)
        text = whole.ifelse(whole.ifelse(column, 0).cast("int64").cast("string"), text)
    elif not column.type().is_integer():
        text = text.strip()
    else:
        return text
    return text.lower().isin(_MISSING).ifelse(None, text)


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
    """Every row of a shop whose log or catalog was sampled.

    Attributes
    ----------
    catalog, interactions : as the person named them; a URL keeps its password here, so they are never shown
    roles : role -> columns of the catalog, and of the log
    category : the column that divides the shop
    times : how the log writes its times (``iso``, ``epoch_s``, ...), None without times
    event_weights, rating_threshold : as in the notes; events of weight 0 and lower ratings do not count
    """

    catalog: Source = field(repr=False)
    interactions: Source = field(repr=False)
    roles: Mapping[str, Mapping[str, Sequence[str]]]
    category: str | None = None
    times: str | None = None
    event_weights: Mapping[str, float] = field(default_factory=dict)
    rating_threshold: float | None = None
    delimiters: Mapping[str, str | None] = field(default_factory=dict)

    def engine(self) -> Engine:
        """The engine that reaches both tables: Spark where both lie there, else DuckDB."""
        places = (self.catalog, self.interactions)
        return spark_engine() if all(is_url(place) and parse_url(str(place)).kind == "spark" for place in places) else Engine()

    def tables(
        self,
        engine: Engine,
        *,
        step: Callable[[float], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> tuple[ir.Table, ir.Table, dict[str, dict[str, str]]]:
        """Items, interactions, and for both (``catalog``, ``interactions``) the shop's names of their columns.

        Returns
        -------
        items : ``item``, unique; ``title``, ``description``, ``category``, ``attribute_<i>`` (text), ``price`` and ``added`` where
            the catalog has them; null where there is no value
        events : ``item``, ``user``; ``time``, ``value`` (money of the row) and ``event_type`` where the log has them. Returns,
            events that do not count and ratings that do not mean "liked" are left out, as reading leaves them out
        """
        catalog = open_place(engine, self.catalog, "catalog", delimiter=self.delimiters.get("catalog"), cancelled=cancelled)
        log = open_place(
            engine, self.interactions, "interactions", delimiter=self.delimiters.get("interactions"), step=step, cancelled=cancelled
        )
        items, item_names = self._items(catalog)
        items = _first_of_each(engine, items, cancelled)
        events, event_names = self._events(log, items)
        return items, events, {"catalog": item_names, "interactions": event_names}

    def _items(self, catalog: ir.Table) -> tuple[ir.Table, dict[str, str]]:
        roles = self.roles["catalog"]
        columns: dict[str, Any] = {"item": key(catalog[roles["item_id"][0]])}
        names = {"item": roles["item_id"][0]}
        for role in ("title", "description"):
            for place, name in enumerate(roles.get(role, ())):
                label = role if not place else f"{role}_{place}"
                columns[label], names[label] = key(catalog[name]), name
        for place, name in enumerate(roles.get("category", ())):
            label = "category" if name == self.category else f"attribute_{place}"
            columns[label], names[label] = key(catalog[name]), name
        for name in roles.get("price", ()):
            columns["price"], names["price"] = _number(catalog[name]), name
        for name in roles.get("added", ()):
            moment = _moment(catalog[name], "iso")
            if moment is not None:
                columns["added"], names["added"] = moment, name
        if ROW_NUMBER in catalog.columns:
            columns[ROW_NUMBER] = catalog[ROW_NUMBER]
        items = catalog.select(**columns)
        return items.filter(items.item.notnull()), names

    def _events(self, log: ir.Table, items: ir.Table) -> tuple[ir.Table, dict[str, str]]:
        import ibis

        roles = {role: names[0] for role, names in self.roles["interactions"].items() if names}
        columns: dict[str, Any] = {"item": key(log[roles["item_id"]]), "user": key(log[roles["user_id"]])}
        names = {"item": roles["item_id"], "user": roles["user_id"]}
        moment = _moment(log[roles["timestamp"]], self.times) if "timestamp" in roles and self.times else None
        if moment is not None:
            columns["time"], names["time"] = moment, roles["timestamp"]
        counted: list[Any] = []
        quantity = _number(log[roles["quantity"]]) if "quantity" in roles else None
        pieces = ibis.literal(1.0) if quantity is None else quantity.fill_null(1.0)
        known = {role: _number(log[roles[role]]) for role in ("amount", "price") if role in roles}
        sources = [value if role == "amount" else value * pieces for role, value in known.items()]
        if sources:
            columns["value"], names["value"] = ibis.coalesce(*sources), roles[next(iter(known))]
        elif "price" in items.columns:
            columns["value"], names["value"] = pieces, self.roles["catalog"]["price"][0]
        if quantity is not None:
            counted.append(quantity.isnull() | (quantity > 0))
        if "event_type" in roles:
            event = key(log[roles["event_type"]])
            columns["event_type"], names["event_type"] = event, roles["event_type"]
            idle = [name for name, weight in self.event_weights.items() if weight == 0]
            counted += [event.isnull() | event.notin(idle)] if idle else []
        if "rating" in roles and self.rating_threshold is not None:
            rating = _number(log[roles["rating"]])
            counted.append(rating.isnull() | (rating >= self.rating_threshold - 1e-9))
        events = (log.filter(*counted) if counted else log).select(**columns)
        events = events.filter(events.item.notnull() & events.user.notnull())
        if not sources and "price" in items.columns:  # the catalog's price, as often as it was bought
            listed = items.select(listed_item="item", listed="price")
            priced = events.left_join(listed, events.item == listed.listed_item)
            events = priced.mutate(value=priced.listed * priced.value).drop("listed", "listed_item")
        return events, names


def _first_of_each(engine: Engine, items: ir.Table, cancelled: Callable[[], bool] | None) -> ir.Table:
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


def _number(column: ir.Value) -> ir.FloatingValue:
    """A number as float64, null where there is none; text as far as it is a plain number."""
    return column.cast("float64") if column.type().is_numeric() else column.cast("string").strip().try_cast("float64")


def _moment(column: ir.Value, writing: str | None) -> ir.TimestampValue | None:
    """A time, from a typed column, text in ISO form or seconds since 1970; None for a way of writing that an engine cannot read."""
    kind = column.type()
    if kind.is_timestamp() or kind.is_date():
        return column.cast("timestamp")
    if writing in _UNITS:
        return (_number(column) / _UNITS[writing]).floor().cast("int64").as_timestamp("s")
    if writing == "iso" and kind.is_string():
        return column.strip().try_cast("timestamp")
    return None
