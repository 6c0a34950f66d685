"""The process in which a shop's files are opened: ``python -m diagnostics.dataset.guard_child MEMORY_BYTES``, started by ``guard``.

It takes requests as JSON lines on standard input, reads one file at a time, lays what it found into the folder named in the
request and answers with JSON lines on standard output. Its limits hold whatever a file makes it do: the system refuses memory
beyond the limit and ends the process by an alarm when its time is over, even in the middle of a library's work. When its standard
input ends, its parent is gone, and it removes the folder at hand and ends. Nothing is ever pickled.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["main"]

_Say = Callable[..., None]
_GRACE_S = 2.0  # the alarm is for orphans and for a parent that is stuck; usually the parent is first


def main(memory_bytes: int) -> None:
    """Serve requests until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; only the parent decides what it means
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # whatever a library prints is not one of our lines

    def say(**record: Any) -> None:
        answers.write(json.dumps(record, default=str) + "\n")

    from diagnostics.dataset.pictures import find_pictures  # noqa: F401  (what every reader needs is loaded before the limits)
    from diagnostics.dataset.tables import read_table  # noqa: F401

    _limit_memory(memory_bytes)
    at_hand: list[Path] = []
    say(kind="ready")
    for line in _requests(at_hand):
        request = json.loads(line)
        _set_alarm(request["seconds"] + _GRACE_S)
        say(**_answer(request, say))
        _set_alarm(0.0)
        at_hand.clear()


def _requests(at_hand: list[Path]) -> Any:
    """Lines of standard input, read by a thread that notices at once when there will be no more."""
    import queue

    lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def listen() -> None:
        for line in sys.stdin:
            at_hand.append(Path(json.loads(line)["folder"]))
            lines.put(line)
        for folder in at_hand:
            shutil.rmtree(folder, ignore_errors=True)
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    while True:
        yield lines.get()


def _answer(request: dict[str, Any], say: _Say) -> dict[str, Any]:
    """Do what was asked; whatever goes wrong becomes an answer. Traces carry places in our code, never what a file holds."""
    from diagnostics.errors import TenbinError

    folder, arguments = Path(request["folder"]), request["arguments"]
    try:
        os.chdir(request["directory"])  # a relative path means what it means to the parent
        tempfile.tempdir = str(folder)  # what is unpacked goes when the folder goes
        save = _READERS[request["call"]](folder, say, **arguments)
    except TenbinError as error:
        return {"kind": "refused", "code": error.code, "values": error.values}
    except MemoryError:
        return {"kind": "no_memory"}
    except BaseException as error:  # a panic in a library written in Rust is no Exception
        trace = "".join(traceback.format_tb(error.__traceback__))
        return {"kind": "failed", "found": type(error).__name__, "trace": trace}
    try:
        save()
    except MemoryError:
        return {"kind": "no_memory"}
    except OSError as error:
        return {"kind": "refused", "code": "E_OUT_NOT_WRITABLE", "values": {"file": str(folder.parent), "found": error.strerror}}
    return {"kind": "done"}


def _table(folder: Path, say: _Say, path: str, **options: Any) -> Callable[[], None]:
    from diagnostics.dataset.parcels import save_table
    from diagnostics.dataset.tables import read_table

    table = read_table(Path(path), step=lambda done: say(kind="progress", done=done), **options)
    return lambda: save_table(folder, table)


def _lines(folder: Path, say: _Say, path: str, **options: Any) -> Callable[[], None]:
    from diagnostics.dataset.parcels import save_table
    from diagnostics.dataset.tables.lines import read_lines

    table = read_lines(Path(path), **options)
    return lambda: save_table(folder, table)


def _rows(folder: Path, say: _Say) -> Callable[[], None]:
    from diagnostics.dataset.parcels import load_names, save_count
    from diagnostics.dataset.tables.parquet import count_rows

    total = sum(count_rows(Path(path)) for path in load_names(folder / "paths.arrow") if path is not None)
    return lambda: save_count(folder, total)


def _pictures(folder: Path, say: _Say, root: str) -> Callable[[], None]:
    import numpy as np

    from diagnostics.dataset.parcels import load_names, save_pictures
    from diagnostics.dataset.pictures import find_pictures

    items, paths = load_names(folder / "items.arrow"), folder / "asked.arrow"
    asked = load_names(paths) if paths.exists() else None
    found = find_pictures(Path(root), np.array(items, dtype=object), asked, step=lambda done: say(kind="progress", done=done))
    return lambda: save_pictures(folder, found)


def _vectors(folder: Path, say: _Say, path: str) -> Callable[[], None]:
    from diagnostics.dataset.parcels import save_vectors
    from diagnostics.dataset.vectors import read_vectors

    vectors = read_vectors(Path(path))
    return lambda: save_vectors(folder, vectors)


_READERS: dict[str, Callable[..., Callable[[], None]]] = {
    "table": _table,
    "lines": _lines,
    "rows": _rows,
    "pictures": _pictures,
    "vectors": _vectors,
}


def _limit_memory(memory_bytes: int) -> None:
    """Let the system refuse memory beyond the limit, and write no memory image of a crash, which would hold customers' data.

    On Linux the limit is on data, so that neither memory-mapped files nor the address space that allocators merely reserve, and
    that this process has already reserved, count. macOS accepts but does not keep such a limit, and Windows has none; there, only
    time is limited.
    """
    if sys.platform == "win32":
        return
    import resource

    reserved = Path("/proc/self/statm")
    pages = int(reserved.read_text(encoding="ascii").split()[5]) if reserved.exists() else 0
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes + pages * resource.getpagesize(),) * 2)


def _set_alarm(seconds: float) -> None:
    """The system ends this process after so many seconds, even if it is deep inside a library; 0 takes the alarm back."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


if __name__ == "__main__":
    main(int(sys.argv[1]))
