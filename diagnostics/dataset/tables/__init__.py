"""One file becomes one table of text: every cell as the shop wrote it, every row that does not fit kept apart with its reason.

The content decides what a file is, not its name. ``READERS`` is the list of all kinds of table; each reader takes an open file
and what is asked of it and returns a ``Table``.
"""

from __future__ import annotations

import codecs
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from diagnostics.dataset.tables.delimited import read_delimited
from diagnostics.dataset.tables.excel import read_excel
from diagnostics.dataset.tables.packed import UNPACKERS
from diagnostics.dataset.tables.parquet import lay_arrow, read_parquet
from diagnostics.dataset.tables.records import looks_like_json, read_json
from diagnostics.dataset.tables.table import MISSING, Asked, Role, Table, as_text, rejected_table
from diagnostics.errors import TenbinError

__all__ = ["MISSING", "READERS", "Asked", "Role", "Table", "as_text", "lay_arrow", "read_table", "rejected_table"]

READERS: Mapping[str, Callable[[BinaryIO, Asked], Table]] = {
    "delimited": read_delimited,
    "excel": read_excel,
    "json": read_json,
    "parquet": read_parquet,
}
"""Every reader of one table, by name."""

_HEAD_BYTES = 4096
_DEEPEST = 2  # a gzip in a zip; anything deeper is a trap
_WORKBOOK = ("xl/workbook.xml", "xl/workbook.bin", "mimetype")


def read_table(
    path: Path,
    role: Role,
    *,
    max_rows: int | None = None,
    sheet: str | None = None,
    step: Callable[[float], None] | None = None,
) -> Table:
    """Read a file as one table of text: CSV and its relatives, Excel, JSON, JSON lines or Parquet, also in gzip or zip.

    Parameters
    ----------
    max_rows : at most so many rows, for a preview
    sheet : which sheet of a workbook, which file of a zip (``member`` or ``member/sheet``), which list of a JSON file
    step : told the share that is done, in [0, 1], by the reader of plain text

    Raises
    ------
    TenbinError
        ``E_FILE_MISSING``, ``E_NOT_A_FILE``, ``E_FILE_UNREADABLE``, ``E_EMPTY_FILE``, ``E_HEADER_ONLY``, ``E_NO_USABLE_ROW``,
        ``E_NOT_A_TABLE``, ``E_UNDECODABLE``, ``E_CHOOSE_SHEET``, ``E_CHOOSE_MEMBER``, ``E_UNKNOWN_SHEET``, ``E_BAD_PARQUET``,
        ``E_BAD_EXCEL``, ``E_BAD_JSON``, ``E_BAD_ARCHIVE``, ``E_UNPACKED_TOO_LARGE``, ``E_TOO_MANY_COLUMNS``.
    """
    try:
        if not path.exists():
            raise TenbinError("E_FILE_MISSING", file=str(path))
        if not path.is_file():
            raise TenbinError("E_NOT_A_FILE", file=str(path))
        with path.open("rb") as file:
            table = _read(file, Asked(path.name, role, max_rows, sheet, step))
    except OSError as error:
        raise TenbinError("E_FILE_UNREADABLE", file=str(path), found=error.strerror or "") from error
    if not len(table.frame):
        if not len(table.rejected):
            raise TenbinError("E_HEADER_ONLY", file=table.name)
        reason = str(table.rejected["tenbin_reason"].mode().iloc[0])
        raise TenbinError("E_NO_USABLE_ROW", file=table.name, n=len(table.rejected), reason=reason)
    return table


def _read(file: BinaryIO, asked: Asked, depth: int = 0) -> Table:
    kind = _kind(file)
    file.seek(0)
    if kind not in UNPACKERS:
        return READERS[kind](file, asked)
    if depth == _DEEPEST:
        raise TenbinError("E_NOT_A_TABLE", file=asked.name, found=kind)
    with UNPACKERS[kind](file, asked) as (content, inner, member):
        table = _read(content, inner, depth + 1)
    note = table.note.model_copy(update={"packed": kind, "sheet": table.note.sheet or member})
    return replace(table, note=note)


def _kind(file: BinaryIO) -> str:
    """The reader or unpacker that a file's content asks for."""
    head = file.read(_HEAD_BYTES)
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        return "excel"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "excel" if _is_workbook(file, head) else "zip"
    wide = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = head.decode("utf-16" if wide else "utf-8-sig", "replace")
    return "json" if looks_like_json(text) else "delimited"


def _is_workbook(file: BinaryIO, head: bytes) -> bool:
    try:
        with zipfile.ZipFile(file) as archive:
            return any(name in _WORKBOOK for name in archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return b"[Content_Types].xml" in head  # a torn one
