"""From what a person names - files, a folder, a database's URL - to two tables of text, with what is already known of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

from diagnostics.config import threshold
from diagnostics.dataset.columns import Proposal, propose_roles
from diagnostics.dataset.formats import Reader, Shop, choose_format
from diagnostics.dataset.guard import read_table, refuse_unreadable
from diagnostics.dataset.mapping import Mapped, apply_mapping
from diagnostics.dataset.sampling import draw, is_folder_of_parquet, is_large, read_folder
from diagnostics.dataset.source import Source, TableSource
from diagnostics.dataset.tables import Role, Table
from diagnostics.dataset.warehouse import is_url, parse_url, read_source
from diagnostics.errors import Cancelled, TenbinError
from diagnostics.schema import Progress

__all__ = ["PREVIEW_ROWS", "Steps", "open_shop", "proposed"]

PREVIEW_ROWS = 20_000
"""Rows from which the roles of the columns are proposed before a table is read whole."""


class Steps:
    """Tells how far the work is, and stops it when the person pressed Cancel."""

    def __init__(self, progress: Progress | None = None, cancelled: Callable[[], bool] | None = None) -> None:
        self._progress = progress
        self.cancelled = cancelled or (lambda: False)

    def __call__(self, code: str, done: float) -> None:
        if self.cancelled():
            raise Cancelled
        if self._progress is not None:
            self._progress(code, done)

    def within(self, code: str, first: float = 0.0, last: float = 1.0) -> Callable[[float], None]:
        """A progress of one part of a step, which takes it from the share ``first`` to ``last``."""
        return lambda done: self(code, first + (last - first) * done)


def open_shop(
    catalog: Source | None,
    interactions: Source,
    mapped: Mapped,
    format: str,
    steps: Steps,
    *,
    max_rows: int | None = None,
    seed: int = 0,
) -> Shop:
    """Read both tables, by way of the published format where they are of one; ``max_rows`` stops early, for a preview.

    Of tables too large to hold, the users that ``seed`` draws are read (``sampling``).

    Raises
    ------
    TenbinError
        As ``choose_format`` and the readers.
    Cancelled
    """

    of_one_name = _name(catalog) == _name(interactions)  # in different folders: they get names that tell them apart

    def read(source: Source, role: Role) -> Table:
        code = "read_catalog" if role == "catalog" else "read_interactions"
        steps(code, 0.0)
        within, stop = steps.within(code), steps.cancelled
        if is_folder_of_parquet(source):
            table = read_folder(source, role, max_rows=max_rows, progress=within, cancelled=stop)
        elif is_url(source):
            table = read_source(str(source), role, max_rows=max_rows, progress=within, cancelled=stop)
        else:
            sheet = mapped.sheets.get(role)
            table = read_table(Path(source), role, max_rows=max_rows, sheet=sheet, progress=within, cancelled=stop)
        steps(code, 1.0)
        if not of_one_name:
            return table
        name = f"{role}-{table.name}"
        return dataclasses.replace(table, name=name, note=table.note.model_copy(update={"name": name}))

    for source in (catalog, interactions):
        if source is not None and not is_url(source):
            refuse_unreadable(Path(source))
    if not any(source is not None and (is_url(source) or is_folder_of_parquet(source)) for source in (catalog, interactions)):
        published = choose_format(None if catalog is None else Path(catalog), Path(interactions), format)
        if published is not None:
            sample = _drawn(published, mapped, read, steps, seed) if max_rows is None and _is_long(catalog, interactions) else None
            return sample or published(read)
    if catalog is None:
        raise TenbinError("E_NO_CATALOG", file=_name(interactions))
    if max_rows is None and (is_large(interactions, "interactions") or is_large(catalog, "catalog")):
        preview = open_shop(catalog, interactions, mapped, format, Steps(cancelled=steps.cancelled), max_rows=PREVIEW_ROWS)
        whole = _source(catalog, interactions, preview, mapped)
        if whole is None:  # a column is missing: the caller says which
            return preview
        tables: dict[Role, Table] = {"catalog": preview.catalog, "interactions": preview.interactions}
        told = steps.within("read_interactions")
        drawn = draw(whole, tables, seed=seed, whole=read, step=told, cancelled=steps.cancelled)
        return Shop(drawn.catalog, drawn.interactions, sampled=drawn.sampled, source=drawn.source)
    return Shop(read(catalog, "catalog"), read(interactions, "interactions"))


def _is_long(*places: Source | None) -> bool:
    """Whether a file of a published format may be too long to be held."""
    named = [Path(place) for place in places if place is not None]
    files = [file for place in named for file in (place.iterdir() if place.is_dir() else [place]) if file.is_file()]
    return any(file.stat().st_size > threshold("sample_text_bytes") for file in files)


def _drawn(
    published: Callable[[Reader], Shop], mapped: Mapped, read: Callable[[Source, Role], Table], steps: Steps, seed: int
) -> Shop | None:
    """A published format whose log is too large to hold, opened with the rows of the users that were drawn in place of all rows.

    None where its log is small enough, or is no plain text and left to its reader, which refuses what is too large for it.

    Raises
    ------
    TenbinError
        As ``draw``; ``E_NO_CATALOG`` where the items would have to be gathered from the log.
    """
    seen: dict[Role, Path] = {}
    raw: dict[Role, Table] = {}

    def beginning(place: Path, role: Role) -> Table:
        seen[role], raw[role] = place, read_table(place, role, max_rows=PREVIEW_ROWS, cancelled=steps.cancelled)
        return raw[role]

    preview = published(beginning)
    log = seen.get("interactions")
    if log is None or raw["interactions"].note.delimiter is None or not is_large(log, "interactions"):
        return None
    if "catalog" not in seen:
        raise TenbinError("E_NO_CATALOG", file=log.name)
    whole = _source(seen["catalog"], log, preview, mapped)
    if whole is None:
        return preview
    roles: dict[str, dict[str, list[str]]] = {
        table: {role: found for role, names in whole.roles[table].items() if (found := _as_written(shown, names))}
        for table, shown in raw.items()
    }
    delimiters: dict[str, str | None] = {role: table.note.delimiter for role, table in raw.items()}
    told = steps.within("read_interactions")
    source = dataclasses.replace(whole, roles=roles, delimiters=delimiters)
    drawn = draw(source, raw, seed=seed, whole=read, step=told, cancelled=steps.cancelled)
    tables: dict[Role, Table] = {"catalog": drawn.catalog, "interactions": drawn.interactions}
    return dataclasses.replace(published(lambda place, role: tables[role]), sampled=drawn.sampled, source=drawn.source)


def _source(catalog: Source, interactions: Source, preview: Shop, mapped: Mapped) -> TableSource | None:
    """Both tables with the roles that their beginning shows; None where a column that is needed is not found."""
    tables = {"catalog": preview.catalog, "interactions": preview.interactions}
    proposal = proposed(preview, mapped)
    roles: dict[str, dict[str, list[str]]] = {table: {} for table in tables}
    for role in proposal.roles:
        (table,) = (name for name, read in tables.items() if read.name == role.file)
        roles[table].setdefault(role.role, []).append(role.column)
    if "item_id" not in roles["catalog"] or not {"item_id", "user_id"} <= roles["interactions"].keys():
        return None
    delimiters = {name: None if table.note.packed else table.note.delimiter for name, table in tables.items()}
    return TableSource(catalog, interactions, roles, delimiters=delimiters, sheets=mapped.sheets)


def _as_written(table: Table, names: Sequence[str]) -> list[str]:
    """Columns as the file names them: RecBole writes a type behind a name. A column that the format has made is in no file."""
    columns = [str(column) for column in table.frame.columns]
    return [column for name in names for column in columns if name in (column, column.rpartition(":")[0])]


def proposed(shop: Shop, mapped: Mapped) -> Proposal:
    """Which column plays which role, with a person's corrections."""
    proposal = propose_roles(shop.catalog, shop.interactions, shop.known)
    return apply_mapping(proposal, mapped, {"catalog": shop.catalog, "interactions": shop.interactions})


def _name(source: Source | None) -> str | None:
    return None if source is None else parse_url(str(source)).name if is_url(source) else Path(source).name
