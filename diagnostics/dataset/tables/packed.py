"""Tables in gzip and zip: unpacked into a file that has no name, never further than the limits, and never into a folder."""

from __future__ import annotations

import contextlib
import gzip
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import IO, BinaryIO, cast

from diagnostics.config import threshold
from diagnostics.dataset.tables.table import Asked
from diagnostics.errors import TenbinError

__all__ = ["UNPACKERS", "Unpacked", "refuse_bomb"]

_TABLES = frozenset(
    [".csv", ".tsv", ".tab", ".txt", ".dat", ".xlsx", ".xlsm", ".xlsb", ".xls", ".ods", ".parquet", ".json", ".jsonl", ".ndjson"]
)
_PIECE_BYTES = 1_000_000
_SMALL_BYTES = 64_000_000  # what fits easily may be packed as tightly as it likes

Unpacked = tuple[BinaryIO, Asked, str | None]
"""A file unpacked, what is asked of it, and its name in the archive if that had a choice to offer."""


def refuse_bomb(packed_bytes: int, unpacked_bytes: int, name: str) -> None:
    """Refuse what unpacks to more than any table, or to a large multiple of its size.

    Raises
    ------
    TenbinError
        ``E_UNPACKED_TOO_LARGE``.
    """
    limit = int(threshold("unpacked_max_bytes"))
    if unpacked_bytes > _SMALL_BYTES:
        limit = min(limit, max(_SMALL_BYTES, int(packed_bytes * threshold("unpacked_max_ratio"))))
    if unpacked_bytes > limit:
        raise TenbinError("E_UNPACKED_TOO_LARGE", file=name, limit=limit)


@contextlib.contextmanager
def _gzip(file: BinaryIO, asked: Asked) -> Iterator[Unpacked]:
    size = file.seek(0, 2)
    file.seek(0)
    with _spilled(cast("IO[bytes]", gzip.GzipFile(fileobj=file)), size, asked.name) as unpacked:
        yield unpacked, asked, None


@contextlib.contextmanager
def _zip(file: BinaryIO, asked: Asked) -> Iterator[Unpacked]:
    """The only table of a zip, or the member that was asked for: ``sheet`` may be ``member`` or ``member/sheet``."""
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise TenbinError("E_BAD_ARCHIVE", file=asked.name) from error
    with archive:
        members = {_name(member): member for member in archive.infolist() if _is_content(member)}
        tables = [name for name in members if PurePosixPath(name.lower().removesuffix(".gz")).suffix in _TABLES]
        choices = tables or list(members)
        wanted, inner = asked.sheet, asked.sheet
        chosen = next((name for name in members if wanted is not None and (wanted == name or wanted.startswith(f"{name}/"))), None)
        if chosen is not None and wanted is not None:
            inner = wanted[len(chosen) + 1 :] or None
        elif len(choices) == 1:
            chosen = choices[0]
        elif wanted is not None:
            raise TenbinError("E_UNKNOWN_SHEET", file=asked.name, found=wanted, choices=choices)
        elif not tables:
            raise TenbinError("E_NOT_A_TABLE", file=asked.name, found="ZIP")
        else:
            raise TenbinError("E_CHOOSE_MEMBER", file=asked.name, table=asked.role, sheet=choices[0], choices=choices)
        member = members[chosen]
        refuse_bomb(member.compress_size, member.file_size, asked.name)
        try:
            opened = archive.open(member)
        except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, NotImplementedError) as error:  # torn, or locked
            raise TenbinError("E_BAD_ARCHIVE", file=asked.name) from error
        with _spilled(opened, member.compress_size, asked.name) as unpacked:
            try:
                yield unpacked, replace(asked, sheet=inner), chosen if len(members) > 1 else None
            except TenbinError as error:
                if error.code != "E_CHOOSE_SHEET" or len(choices) == 1:
                    raise
                sheets = [f"{chosen}/{name}" for name in cast("list[str]", error.values["choices"])]  # which of which file
                raise TenbinError("E_CHOOSE_SHEET", **{**error.values, "sheet": sheets[0], "choices": sheets}) from None


UNPACKERS: Mapping[str, Callable[[BinaryIO, Asked], contextlib.AbstractContextManager[Unpacked]]] = {"gzip": _gzip, "zip": _zip}
"""Every kind of archive that may hold a table."""


@contextlib.contextmanager
def _spilled(packed: IO[bytes], packed_bytes: int, name: str) -> Iterator[BinaryIO]:
    """The content of a stream in a temporary file, which is gone when the process is, however that ends."""
    with packed, tempfile.TemporaryFile() as file:
        written = 0
        try:
            while piece := packed.read(_PIECE_BYTES):
                written += len(piece)
                refuse_bomb(packed_bytes, written, name)
                file.write(piece)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            raise TenbinError("E_BAD_ARCHIVE", file=name) from error
        except gzip.BadGzipFile as error:
            raise TenbinError("E_BAD_ARCHIVE", file=name) from error
        file.seek(0)
        yield cast("BinaryIO", file)


def _is_content(member: zipfile.ZipInfo) -> bool:
    """Whether a member is a file that a person packed, not the folder itself nor what systems leave behind."""
    parts = PurePosixPath(member.filename).parts
    return not (not parts or member.is_dir() or "__MACOSX" in parts or parts[-1].startswith((".", "~$")))


def _name(member: zipfile.ZipInfo) -> str:
    """The member's name; Japanese Windows writes cp932 where the library expects cp437."""
    if member.flag_bits & 0x800:
        return member.filename
    try:
        return member.filename.encode("cp437").decode("cp932")
    except UnicodeError:
        return member.filename
