"""Writing so that a kill or a full disk never leaves a torn file: whole files are renamed into place, logs grow by whole lines."""

from __future__ import annotations

import errno
import json
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["append_text", "code_of", "last_line", "whole_lines", "write_atomic"]

_TAIL = 65_536
_CODES = {
    errno.ENOSPC: "E_DISK_FULL",
    errno.EDQUOT: "E_DISK_FULL",
    errno.EIO: "E_DISK_ERROR",
    errno.EACCES: "E_OUT_NOT_WRITABLE",
    errno.EPERM: "E_OUT_NOT_WRITABLE",
    errno.EROFS: "E_OUT_NOT_WRITABLE",
}


def code_of(error: BaseException) -> str | None:
    """The code of what a disk refused, which a person can do something about; None for any other error."""
    return _CODES.get(error.errno or 0) if isinstance(error, OSError) else None


def write_atomic(path: Path, data: bytes | str) -> Path:
    """Write a whole file or nothing: into a neighbour first, synced, then renamed over ``path``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        with beside.open("wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)
    return path


def _sync_folder(folder: Path) -> None:
    """Make a rename last through a power failure; Windows does so by itself and cannot open folders."""
    if sys.platform != "win32":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def append_text(path: Path, text: str) -> Path:
    """Append to a log, all of it or nothing, in a single write."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = text.encode()
    with path.open("ab", buffering=0) as file:
        before = file.tell()
        if file.write(data) != len(data):  # the disk took a part
            file.truncate(before)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    return path


def whole_lines(path: Path) -> Iterator[bytes]:
    """The lines of a file, oldest first; a last one without its end is still being written and is skipped."""
    if not path.exists():
        return
    with path.open("rb") as file:
        yield from (line for line in file if line.endswith(b"\n"))


def last_line(path: Path) -> dict[str, Any] | None:
    """The last whole record of a JSON-lines file, None where there is none; lines longer than ``_TAIL`` bytes are not expected."""
    if not path.exists():
        return None
    with path.open("rb") as file:
        file.seek(max(file.seek(0, os.SEEK_END) - _TAIL, 0))
        *_, whole, _ = (None, None, *file.read().split(b"\n"))
    record: dict[str, Any] | None = json.loads(whole) if whole else None
    return record
