"""What a published format hands over: two tables and what is known of them. Everything after that is the same for every shop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from diagnostics.dataset.source import TableSource
from diagnostics.dataset.tables import Role, Table, as_text, rejected_table
from diagnostics.dataset.vectors import Vectors
from diagnostics.schema import ColumnRole, FileNote, Message, Sampled

__all__ = ["Format", "Found", "Reader", "Shop", "first_bytes", "known", "made_table", "only_file"]

Reader = Callable[[Path, Role], Table]
"""Reads one file as text, as ``read_table`` does."""


@dataclass(frozen=True)
class Shop:
    """A shop's tables, read but not yet understood.

    Attributes
    ----------
    catalog, interactions : the two tables
    known : roles that need no proposal
    images : the folder of pictures that belongs to the format
    features : modality name -> vectors, or the file that holds them
    feature_ids : object array of str, the item of each row of every file of ``features``; None where such a file names its items
    format : the name of the published format; None for a shop's own files
    sampled, source : what was kept of tables too large to hold, and where all of their rows are; None where all are held
    """

    catalog: Table
    interactions: Table
    known: tuple[ColumnRole, ...] = ()
    images: Path | None = None
    features: Mapping[str, Path | Vectors] = field(default_factory=dict)
    feature_ids: npt.NDArray[np.object_] | None = None
    format: str | None = None
    sampled: Sampled | None = None
    source: TableSource | None = None


@dataclass(frozen=True)
class Found:
    """The files of a published format: ``catalog`` is None where it has none; ``folder`` is set where a person named the whole."""

    catalog: Path | None
    interactions: Path
    folder: Path | None


@dataclass(frozen=True)
class Format:
    """A published format, which consists of ``files``.

    ``recognise`` takes the catalog (None where only a folder or a log is given) and the folder or file of the interactions, and
    tells from names and first lines which files are meant, or None; ``open`` reads them.
    """

    files: str
    recognise: Callable[[Path | None, Path], Found | None]
    open: Callable[[Found, Reader], Shop]


def known(table: Table, format: str, roles: Mapping[str, str | Sequence[str]]) -> tuple[ColumnRole, ...]:
    """Roles that a format gives to columns, those that the table does not have left out."""
    found = []
    for role, named in roles.items():
        for column in [named] if isinstance(named, str) else named:
            if column in table.frame.columns:
                samples = as_text(table.frame[column].head(1000)).dropna().drop_duplicates().head(3)
                reason = Message(code="reading.reason.published", values={"format": format})
                shown = tuple(str(value)[:120] for value in samples)
                found.append(ColumnRole(file=table.name, role=role, column=column, score=1.0, reason=reason, samples=shown))
    return tuple(found)


def made_table(name: str, role: Role, format: str, columns: Mapping[str, Sequence[str | None] | pd.Series]) -> Table:
    """A table that no single file holds as it stands, such as the items that a log names."""
    frame = pd.DataFrame({column: pd.Series(cells, dtype="str") for column, cells in columns.items()})
    preview = tuple(tuple("" if pd.isna(cell) else str(cell) for cell in row) for row in frame.head(5).itertuples(index=False))
    note = FileNote(name=name, role=role, format=format, rows=len(frame), columns=tuple(frame.columns), preview=preview)
    rows = np.arange(1, len(frame) + 1, dtype=np.int64)
    return Table(name, frame, rows, note, rejected_table(list(frame.columns), [], ","))


def first_bytes(path: Path, n: int = 65_536) -> bytes:
    """The beginning of a file; nothing where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(n)
    except OSError:
        return b""


def only_file(place: Path, pattern: str) -> Path | None:
    """The one file of a folder whose name fits, or the file itself if it does; None where there is none, or more than one."""
    if place.is_file():
        return place if place.match(pattern) else None
    found = [path for path in sorted(place.glob(pattern)) if path.is_file()]
    return found[0] if len(found) == 1 else None
