"""A log or catalog too large to hold: whole users are drawn in the engine, with the items they touched, until a limit is met.

A user's turn depends on the seed and on the user's id alone, so the same file gives the same sample on any machine, and a log that
has grown keeps the users that it had.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from diagnostics.config import threshold
from diagnostics.dataset import guard
from diagnostics.dataset.cells import item_key, key, match_items
from diagnostics.dataset.databases import SESSIONS
from diagnostics.dataset.engine import Engine, parquet_files
from diagnostics.dataset.guard import read_table
from diagnostics.dataset.source import ROW_NUMBER, Source, TableSource, is_parquet, open_place
from diagnostics.dataset.tables import Role, Table
from diagnostics.dataset.warehouse import count_rows, is_url, parse_url
from diagnostics.errors import TenbinError
from diagnostics.schema import Message, Sampled

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["Sample", "draw", "is_folder_of_parquet", "is_large", "read_folder"]

Step = Callable[[float], None]
Stop = Callable[[], bool]
_SPARE = 1.5  # so many times the limit is fetched, as some users have more rows than others
_TEXT = (".csv", ".tsv", ".tab", ".txt", ".inter")
_LIMITS: Mapping[Role, str] = {"catalog": "sample_items", "interactions": "sample_rows"}


@dataclass(frozen=True)
class Sample:
    """The two tables as far as they are held, what was kept, and where all of it is."""

    catalog: Table
    interactions: Table
    sampled: Sampled
    source: TableSource


def is_folder_of_parquet(source: Source) -> bool:
    """Whether a source is a folder that holds Parquet files and no others, as Spark and warehouses write them."""
    if is_url(source) or not Path(source).is_dir():
        return is_url(source) and parse_url(str(source)).kind == "spark"
    found = False
    try:
        for path in Path(source).rglob("*"):  # one by one: the first other file ends the search, even in the root of a disk
            if path.is_file() and not path.name.startswith((".", "_")):
                if path.suffix != ".parquet":
                    return False
                found = True
    except OSError:  # a folder inside that may not be entered
        return False
    return found


def is_large(source: Source, role: Role) -> bool:
    """Whether a source holds more rows than are read whole; told from its metadata, by counting, or from a text file's size.

    Raises
    ------
    TenbinError
        As ``count_rows``; ``E_FILE_MISSING``, ``E_BAD_PARQUET``.
    """
    limit = threshold(_LIMITS[role])
    if is_url(source) and parse_url(str(source)).kind != "spark":
        return count_rows(parse_url(str(source))) > limit
    path = (parse_url(str(source)).path or Path()) if is_url(source) else Path(source)
    if path.is_dir() and is_folder_of_parquet(path):
        return guard.count_rows(path, parquet_files(path)) > limit
    if not path.is_file():
        return False
    return guard.count_rows(path, [path]) > limit if is_parquet(path) else _is_long_text(path)


def _is_long_text(path: Path) -> bool:
    return path.stat().st_size > threshold("sample_text_bytes") and path.suffix.lower() in _TEXT


def read_folder(
    source: Source, role: Role, *, max_rows: int | None = None, progress: Step | None = None, cancelled: Stop | None = None
) -> Table:
    """A folder of Parquet files as one table of text.

    Raises
    ------
    TenbinError
        As ``read_table``; ``E_BAD_PARQUET``, ``E_NO_PARQUET``, ``E_NEEDS_EXTRA``.
    Cancelled
    """
    if not is_url(source):
        guard.count_rows(Path(source), parquet_files(Path(source)))  # a file made to do harm must not reach the engine
    with Engine() as engine:
        table = open_place(engine, source, role)
        return _lay(
            engine, table if max_rows is None else table.limit(max_rows), role, _name(source), "parquet", progress, cancelled
        )


def _name(source: Source) -> str:
    return parse_url(str(source)).name if is_url(source) else Path(source).name


def draw(
    source: TableSource,
    previews: Mapping[Role, Table],
    *,
    seed: int,
    whole: Callable[[Source, Role], Table],
    step: Step,
    cancelled: Stop | None = None,
) -> Sample:
    """Keep whole users until the limits ``sample_rows`` and ``sample_items`` are met.

    Parameters
    ----------
    source : both tables with the roles of their columns; previews : the beginning of both, for their names and how they are written
    whole : reads a table that is small enough to be held, the catalog or the log; step : told the share done

    Raises
    ------
    TenbinError
        As ``open_place``; ``E_TEXT_TOO_LARGE`` when a large file is no plain text, or reads differently than its beginning;
        ``E_TOO_LARGE``; ``E_NO_USABLE_ROW`` when the log names no user, ``E_USERS_TOO_LARGE`` when every one exceeds the limits.
    Cancelled
    """

    def part(first: float, last: float) -> Step:
        return lambda done: step(first + (last - first) * done)

    with Engine() as engine:
        held_log = None if is_large(source.interactions, "interactions") else whole(source.interactions, "interactions")
        if held_log is None:
            log, of_log = _place(engine, source, previews, "interactions", part(0.0, 0.3), cancelled)
        else:
            log, of_log = engine.table(held_log.frame.assign(**{ROW_NUMBER: range(len(held_log.frame))})), ()
        held = None if is_large(source.catalog, "catalog") else whole(source.catalog, "catalog")
        if held is None:
            items, of_items = _place(engine, source, previews, "catalog", part(0.3, 0.35), cancelled)
        else:
            items = engine.table(held.frame)
        id_column = source.roles["catalog"]["item_id"][0]
        user, item = (log[source.roles["interactions"][role][0]] for role in ("user_id", "item_id"))

        n_rows, n_items = (int(engine.run(table.count().name("n"))["n"][0].as_py()) for table in (log, items))
        users, n_users = _users(engine, log.select(tenbin_user=user), n_rows, seed, part(0.35, 0.55), cancelled)
        if not n_users:
            raise TenbinError("E_NO_USABLE_ROW", file=previews["interactions"].name, n=n_rows, reason="missing_user_id")
        rows = log.select(tenbin_user=user, tenbin_item=item_key(item)).inner_join(engine.table(users), "tenbin_user")
        ids = engine.run(items.select(item=item_key(items[id_column])).distinct(), cancelled=cancelled)["item"].drop_null()
        users, touched = _within_items(users, _touched(engine, rows, ids.to_numpy(), part(0.55, 0.7), cancelled))
        if not len(users):
            limit = int(threshold("sample_rows"))
            name = source.roles["interactions"]["user_id"][0]
            raise TenbinError("E_USERS_TOO_LARGE", file=previews["interactions"].name, column=name, n=n_users, limit=limit)
        drawn = engine.table(users[["tenbin_user"]])
        mine = log.semi_join(drawn, user == drawn.tenbin_user)
        shown = previews["interactions"]
        if held_log is None:
            interactions = _lay(engine, mine, "interactions", shown.name, shown.note.format, part(0.7, 0.9), cancelled)
            interactions = _remarked(interactions, of_log)
        else:
            kept = np.sort(engine.run(mine.select(ROW_NUMBER), cancelled=cancelled)[ROW_NUMBER].to_numpy())
            interactions = replace(held_log, frame=held_log.frame.iloc[kept].reset_index(drop=True), rows=held_log.rows[kept])
        if held is None:
            chosen, shown = _items(engine, items, id_column, touched, seed), previews["catalog"]
            held = _lay(engine, chosen, "catalog", shown.name, shown.note.format, part(0.9, 1.0), cancelled)
            held = _remarked(held, of_items)
    sampled = Sampled(
        rows=n_rows,
        rows_kept=len(interactions.frame),
        users=n_users,
        users_kept=users["name"].nunique(),
        items=n_items,
        items_kept=held.n_rows,
    )
    return Sample(held, interactions, sampled, source)


def _place(
    engine: Engine, source: TableSource, previews: Mapping[Role, Table], role: Role, step: Step, cancelled: Stop | None
) -> tuple[ir.Table, tuple[Message, ...]]:
    """A large table, whose columns must be those that its beginning showed, and what is to be said of its lines."""
    given = source.catalog if role == "catalog" else source.interactions
    shown = previews[role]
    if not is_url(given) and Path(given).is_file() and not is_parquet(Path(given)) and source.delimiters.get(role) is None:
        raise TenbinError("E_TEXT_TOO_LARGE", file=shown.name, found=shown.note.encoding or shown.note.format)
    remarks: list[Message] = []

    def aside(n: int) -> None:
        if n:
            remarks.append(Message(code="reading.remark.lines_aside", values={"file": shown.name, "n": n}))

    table = source.place(engine, role, aside=aside, step=step, cancelled=cancelled)
    missing = [name for names in source.roles[role].values() for name in names if name not in table.columns]
    if missing:
        raise TenbinError("E_TEXT_TOO_LARGE", file=shown.name, found=missing[0])
    return table, tuple(remarks)


def _remarked(table: Table, remarks: tuple[Message, ...]) -> Table:
    return replace(table, note=table.note.model_copy(update={"remarks": (*table.note.remarks, *remarks)}))


def _digest(text: ir.StringValue, seed: int) -> ir.StringValue:
    """A number that the seed and the text decide, the same in every engine, as 32 digits to sort by."""
    import ibis

    return (ibis.literal(f"{seed}:") + text).hexdigest("md5")


def _users(engine: Engine, log: ir.Table, n_rows: int, seed: int, step: Step, cancelled: Stop | None) -> tuple[pd.DataFrame, int]:
    """Users in the order of their digests until the limit of rows is met, and how many there are in all.

    A user with more rows than the limit is passed over.

    ``tenbin_user`` is the value in the log, ``name`` the same as text, ``upto`` the rows up to and including the user's.
    """
    import ibis

    limit = int(threshold("sample_rows"))
    counted = log.group_by("tenbin_user").agg(n=log.count())
    # a name that depends on the count is made once per user; otherwise DuckDB filters by it before counting, row by row
    named = counted.mutate(name=(counted.n > 0).ifelse(key(counted.tenbin_user), None))
    known = named.filter(named.name.notnull())
    known = known.mutate(digest=_digest(known.name, seed))
    share = _SPARE * limit / max(n_rows, 1)
    while True:
        first = known if share >= 1 else known.filter(known.digest < f"{int(share * 16**8):08x}")
        every = known.agg(n=known.name.nunique()).select(
            "n", tenbin_user=ibis.null(log.tenbin_user.type()), digest=ibis.null("string")
        )
        columns = ("tenbin_user", "name", "digest", "n")
        both = ibis.union(first.select(*columns), every.mutate(name=ibis.null("string")).select(*columns))
        found = engine.run(both, step=step, cancelled=cancelled).to_pandas()
        total = found["name"].isna()
        users = found[~total].sort_values(["digest", "name"], ignore_index=True)
        users = users[users.groupby("name")["n"].transform("sum") <= limit]  # a crawler, or a shop's own account, is no sample
        if share >= 1 or users["n"].sum() > limit:
            # two ways of writing one name are one user: the last row of a name says where its turn ends
            users["upto"] = users["n"].cumsum().groupby(users["name"]).transform("max")
            return users.loc[users["upto"] <= limit, ["tenbin_user", "name", "upto"]], int(found.loc[total, "n"].iloc[0])
        share *= 2


def _touched(engine: Engine, rows: ir.Table, item_ids: npt.NDArray[np.object_], step: Step, cancelled: Stop | None) -> pd.DataFrame:
    """Each item of the catalog that a user touched: ``upto``, the user's turn, and ``item``, in the order of the turns."""
    known = match_items(engine, rows.tenbin_item, item_ids, cancelled=cancelled)
    pairs = rows.inner_join(known, rows.tenbin_item == known.written).select("upto", "item").distinct()
    return engine.run(pairs, step=step, cancelled=cancelled).to_pandas().sort_values(["upto", "item"], ignore_index=True)


def _within_items(users: pd.DataFrame, touched: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """As many of the users as touch no more items than the limit, and these items; who alone touches more is passed over."""
    limit = int(threshold("sample_items"))
    alone = touched.groupby("upto")["item"].size()
    greedy = alone.index[alone > limit]
    users, touched = users[~users["upto"].isin(greedy)], touched[~touched["upto"].isin(greedy)]
    first = touched.drop_duplicates("item")
    if len(first) > limit:
        end = first["upto"].iloc[limit]  # the turn of the user who would touch one item too many
        users, first = users[users["upto"] < end], first[first["upto"] < end]
    return users, first


def _items(engine: Engine, catalog: ir.Table, column: str, touched: pd.DataFrame, seed: int) -> ir.Table:
    """The rows of the items that were touched, and of as many others as there is room for, in the order of their digests."""
    import ibis

    room = max(0, int(threshold("sample_items")) - len(touched))
    known = engine.table(touched[["item"]].rename(columns={"item": "tenbin_touched"}))
    rows = catalog.mutate(tenbin_item=item_key(catalog[column]))
    ids = rows.select("tenbin_item").distinct()
    others = ids.filter(ids.tenbin_item.notnull()).anti_join(known, ids.tenbin_item == known.tenbin_touched)
    more = others.order_by([_digest(others.tenbin_item, seed), others.tenbin_item]).limit(room)
    wanted = ibis.union(known.select(tenbin_touched="tenbin_touched"), more.select(tenbin_touched="tenbin_item"))
    return rows.semi_join(wanted, rows.tenbin_item == wanted.tenbin_touched).drop("tenbin_item")


def _lay(engine: Engine, table: ir.Table, role: Role, name: str, kind: str, step: Step | None, cancelled: Stop | None) -> Table:
    """Rows of the engine as a table of text, in the order of their file, else sorted by all their cells.

    A file's rows are numbered as a spreadsheet shows them: the header is row 1. Empty lines, which the engine passes over, do not
    count here. Rows of a database are numbered from 1.
    """
    import pyarrow.parquet as pq

    numbered = ROW_NUMBER in table.columns
    ordered = table.order_by(ROW_NUMBER) if numbered else table.order_by([table[column] for column in table.columns])
    arrow = engine.run(ordered, step=step, cancelled=cancelled)
    path = engine.folder / f"{role}-sample.parquet"
    pq.write_table(arrow.drop_columns(ROW_NUMBER) if numbered else arrow, path, compression="zstd")
    rows = arrow[ROW_NUMBER].to_numpy().astype(np.int64) + (1 if kind in SESSIONS else 2) if numbered else None
    del arrow
    laid = read_table(path, role, cancelled=cancelled)
    note = laid.note.model_copy(update={"name": name, "format": kind})
    return replace(laid, name=name, note=note, rows=laid.rows if rows is None else rows)
