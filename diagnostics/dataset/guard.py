"""Reading behind a wall: the files that a shop hands in are opened by another process, which may fail, hang or be killed.

The functions here take and return what the readers of the same name do. The process that does the work is started once and
kept, has a limit of memory and, for each file, a limit of time that grows with the file's size. Where a limit is reached, or the
process dies, the caller gets a ``TenbinError`` that names the file and the cure, and the next call gets a new process.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import queue
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import numpy.typing as npt

from diagnostics.config import home, reader_memory_bytes, threshold
from diagnostics.dataset import parcels
from diagnostics.dataset.pictures import Pictures
from diagnostics.dataset.tables import Role, Table
from diagnostics.dataset.vectors import Vectors
from diagnostics.errors import Cancelled, TenbinError

__all__ = ["count_rows", "find_pictures", "read_lines", "read_table", "read_vectors", "refuse_unreadable"]

Step = Callable[[float], None]
Stop = Callable[[], bool]

_MOST_AT_ONCE = 2  # readers at a time: each may take the whole limit of memory
_POLL_S = 0.05
_KEPT_BYTES = 50_000_000  # a process that has read a larger file keeps much of its memory, so it is let go
_START_S = 60.0  # for a process to start on a computer that is busy, or whose disk sleeps
_PACKED = (b"PK\x03\x04", b"\x1f\x8b", b"PAR1")


def read_table(
    path: Path,
    role: Role,
    *,
    max_rows: int | None = None,
    sheet: str | None = None,
    progress: Step | None = None,
    cancelled: Stop | None = None,
) -> Table:
    """A file as a table of text, read behind the wall; see ``tables.read_table``.

    Parameters
    ----------
    progress : called with the share that is done; cancelled : asked often, True stops within a tenth of a second

    Raises
    ------
    TenbinError
        As the reader, and ``E_READER_MEMORY``, ``E_TOO_SLOW``, ``E_READER_FAILED``.
    Cancelled
        When ``cancelled`` said so.
    """
    arguments = {"path": str(path), "role": role, "max_rows": max_rows, "sheet": sheet}
    with _parcel() as folder:
        _ask("table", path, arguments, folder, progress, cancelled)
        return parcels.load_table(folder)


def read_lines(path: Path, role: Role, *, separator: str, columns: Sequence[str], kind: str) -> Table:
    """Lines without a header, read behind the wall; see ``tables.lines.read_lines``. Raises as ``read_table`` does."""
    arguments = {"path": str(path), "role": role, "separator": separator, "columns": list(columns), "kind": kind}
    with _parcel() as folder:
        _ask("lines", path, arguments, folder, None, None)
        return parcels.load_table(folder)


def count_rows(root: Path, paths: Sequence[Path]) -> int:
    """How many rows the Parquet files of ``root`` say they hold; each is opened behind the wall before anything else opens it.

    Raises
    ------
    TenbinError
        ``E_BAD_PARQUET``; as ``read_table``.
    """
    with _parcel() as folder:
        parcels.save_names(folder / "paths.arrow", [str(path) for path in paths])
        _ask("rows", root, {}, folder, None, None)
        return parcels.load_count(folder)


def find_pictures(
    root: Path,
    item_ids: npt.NDArray[np.object_],
    paths: Sequence[str | None] | None = None,
    *,
    progress: Step | None = None,
    cancelled: Stop | None = None,
) -> Pictures:
    """Match pictures to items, behind the wall; see ``pictures.find_pictures``. Raises as ``read_table`` does."""
    with _parcel() as folder:
        parcels.save_names(folder / "items.arrow", [str(item) for item in item_ids])
        if paths is not None:
            parcels.save_names(folder / "asked.arrow", paths)
        _ask("pictures", root, {"root": str(root)}, folder, progress, cancelled)
        return parcels.load_pictures(folder)


def read_vectors(path: Path, *, progress: Step | None = None, cancelled: Stop | None = None) -> Vectors:
    """Ready-made vectors, read behind the wall; see ``vectors.read_vectors``. Raises as ``read_table`` does."""
    with _parcel() as folder:
        _ask("vectors", path, {"path": str(path)}, folder, progress, cancelled)
        return parcels.load_vectors(folder)


def refuse_unreadable(path: Path) -> None:
    """Refuse, before anything else is done with it, a path that is neither a folder nor a file that opens.

    Raises
    ------
    TenbinError
        ``E_FILE_MISSING``, ``E_NOT_A_FILE`` (a device or a pipe), ``E_FILE_UNREADABLE``.
    """
    try:
        if not stat.S_ISDIR(path.stat().st_mode):
            if not path.is_file():  # a device or a pipe must not even be opened
                raise TenbinError("E_NOT_A_FILE", file=str(path))
            with path.open("rb") as file:
                file.read(1)
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise TenbinError("E_FILE_MISSING", file=str(path)) from error
    except OSError as error:
        raise TenbinError("E_FILE_UNREADABLE", file=str(path), found=error.strerror or "") from error


@contextlib.contextmanager
def _parcel() -> Iterator[Path]:
    """A private folder in Tenbin's own, gone afterwards; what is memory-mapped stays readable where the system allows that."""
    try:
        (home() / "reading").mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=home() / "reading"))
    except OSError as error:
        raise TenbinError("E_OUT_NOT_WRITABLE", file=str(home())) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if folder.exists():  # Windows does not remove what is mapped
            atexit.register(shutil.rmtree, folder, ignore_errors=True)


def _ask(call: str, path: Path, arguments: dict[str, Any], folder: Path, progress: Step | None, cancelled: Stop | None) -> None:
    """Have one file read, or raise what a person can act on."""
    if cancelled and cancelled():
        raise Cancelled
    size, seconds = _effort(path)
    request = {"call": call, "folder": str(folder), "directory": str(Path.cwd()), "seconds": seconds, "arguments": arguments}
    with _POOL.turn() as reader:
        answer = reader.answer(request, progress, cancelled)
        if answer["kind"] not in ("done", "refused") or size > _KEPT_BYTES:
            reader.end()
    kind = answer["kind"]
    if kind == "cancelled":
        raise Cancelled
    if kind == "refused":
        raise TenbinError(answer["code"], **answer["values"])
    if kind == "late":
        raise TenbinError("E_TOO_SLOW", file=path.name, limit=seconds)
    if kind == "no_memory":
        raise TenbinError("E_READER_MEMORY", file=path.name, limit=reader_memory_bytes())
    if kind != "done":
        raise TenbinError("E_READER_FAILED", file=path.name, found=answer["found"]) from RuntimeError(answer["trace"])


def _effort(path: Path) -> tuple[int, float]:
    """The size of a file and the seconds that reading it may take; what cannot be looked at is left to the reader to refuse."""
    try:
        if path.is_dir():
            return 0, threshold("reader_seconds_folder")
        if not path.is_file():  # a device or a pipe must not even be opened
            return 0, threshold("reader_seconds")
        size = path.stat().st_size
        with path.open("rb") as file:
            packed = file.read(4).startswith(_PACKED)
    except (OSError, ValueError):
        return 0, threshold("reader_seconds")
    times = threshold("reader_seconds_packed") if packed else 1.0
    return size, threshold("reader_seconds") + times * threshold("reader_seconds_per_mb") * size / 1e6


class _Reader:
    """One process that reads, and a thread that passes its lines on."""

    def __init__(self, memory_bytes: int) -> None:
        root = str(Path(__file__).parents[2])
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))}
        self.memory_bytes = memory_bytes
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  (lives as long as the process)
        self._process = subprocess.Popen(  # noqa: S603  (our own interpreter, our own module)
            [sys.executable, "-m", "diagnostics.dataset.guard_child", str(memory_bytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=environment,
            text=True,
            encoding="utf-8",
        )
        self._answers: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        threading.Thread(target=self._pass_on, daemon=True).start()
        self._wait_s = _START_S

    @property
    def alive(self) -> bool:
        """Whether it can take another request."""
        return self._process.poll() is None

    def answer(self, request: dict[str, Any], progress: Step | None, cancelled: Stop | None) -> dict[str, Any]:
        """What the process said in the end, or ``late``, ``cancelled``, ``no_memory`` or ``failed``."""
        with contextlib.suppress(OSError):  # it has just died; its end is on the way
            orders = cast("IO[str]", self._process.stdin)
            orders.write(json.dumps(request) + "\n")
            orders.flush()
        deadline = time.monotonic() + self._wait_s + request["seconds"]
        while time.monotonic() < deadline:
            try:
                said = self._answers.get(timeout=_POLL_S)
            except queue.Empty:
                said = {"kind": "waiting"}
            if said["kind"] == "ready":
                self._wait_s, deadline = 0.0, time.monotonic() + request["seconds"]
            elif said["kind"] == "progress" and progress:
                progress(said["done"])
            elif said["kind"] not in ("progress", "waiting"):
                return said
            if cancelled and cancelled():
                return {"kind": "cancelled"}
        return {"kind": "late"}

    def end(self) -> None:
        """Kill the process and forget it."""
        self._process.kill()
        self._process.wait()
        with contextlib.suppress(OSError):
            cast("IO[str]", self._process.stdin).close()
        self._log.close()

    def _pass_on(self) -> None:
        for line in cast("IO[str]", self._process.stdout):
            self._answers.put(json.loads(line))
        self._answers.put(self._last_words(self._process.wait()))

    def _last_words(self, status: int) -> dict[str, Any]:
        """Why the process is gone: killed by the alarm, by the system for want of memory, or by a library's crash."""
        import signal

        if status == -getattr(signal, "SIGALRM", 0):
            return {"kind": "late"}
        with contextlib.suppress(OSError, ValueError):  # closed already: ended on purpose
            self._log.seek(0)
            said = self._log.read()[-10_000:]
            if status == -getattr(signal, "SIGKILL", 0) or any(sign in said for sign in (b"memory allocation of", b"bad_alloc")):
                return {"kind": "no_memory"}
        return {"kind": "failed", "found": f"exit {status}", "trace": ""}


class _Pool:
    """Readers that wait for work; a few at a time, so that several people can read at once and memory stays bounded."""

    def __init__(self) -> None:
        self._turns = threading.BoundedSemaphore(_MOST_AT_ONCE)
        self._idle: list[_Reader] = []
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def turn(self) -> Iterator[_Reader]:
        """A reader of one's own, for one file."""
        with self._turns:
            reader = self._take()
            try:
                yield reader
            except BaseException:  # Ctrl-C or a failing callback: the process may still be at work
                reader.end()
                raise
            if reader.alive:
                with self._lock:
                    self._idle.append(reader)

    def _take(self) -> _Reader:
        with self._lock:
            while self._idle:
                reader = self._idle.pop()
                if reader.alive and reader.memory_bytes == reader_memory_bytes():
                    return reader
                reader.end()
        return _Reader(reader_memory_bytes())

    def close(self) -> None:
        """End all that wait."""
        with self._lock:
            while self._idle:
                self._idle.pop().end()


_POOL = _Pool()
atexit.register(_POOL.close)
