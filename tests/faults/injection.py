"""A disk that fails, or a process that dies, at the n-th write, fsync, rename or open below a folder.

Everything that Python itself does to files passes here; what C libraries do (SQLite) does not.
"""

from __future__ import annotations

import builtins
import contextlib
import io
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

__all__ = ["OPERATIONS", "Fault", "begin", "injected"]

OPERATIONS = ("write", "fsync", "rename", "open")
VARIABLE = "TENBIN_TEST_FAULT"


@dataclass(frozen=True)
class Fault:
    """``operation`` number ``n`` (1-based) below ``folder`` fails with ``errno``, or, where that is 0, kills its process.

    ``process``: in which kind of process, ``run``, ``training`` or ``any``. n = 0 never happens: operations are only counted.
    """

    folder: str
    process: str = "run"
    operation: str = "write"
    n: int = 0
    errno: int = 0

    def to_environment(self) -> dict[str, str]:
        return {VARIABLE: json.dumps(asdict(self))}

    @classmethod
    def of_environment(cls, process: str) -> Fault | None:
        """The fault that this process was started with, if it is meant for its kind."""
        fault = cls(**json.loads(os.environ[VARIABLE])) if VARIABLE in os.environ else None
        return fault if fault is not None and fault.process in (process, "any") else None


class _File:
    """A file whose writes are counted."""

    def __init__(self, file: Any, count: Any) -> None:
        self._file, self._count = file, count

    def write(self, data: Any) -> int:
        self._count("write", None)
        return self._file.write(data)

    def __enter__(self) -> _File:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[Any]:
        return iter(self._file)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


@contextlib.contextmanager
def injected(fault: Fault) -> Iterator[Counter[str]]:
    """Count every operation below the folder, and let the one that is meant fail; gives the counts."""
    counts: Counter[str] = Counter()
    folder = os.path.realpath(fault.folder)
    real_open, real_os_open, real_fsync, real_replace = io.open, os.open, os.fsync, os.replace

    def inside(path: Any) -> bool:
        return isinstance(path, str | os.PathLike) and os.path.realpath(path).startswith(folder)

    def count(operation: str, path: Any) -> None:
        counts[operation] += 1
        if operation != fault.operation or counts[operation] != fault.n:
            return
        if fault.errno == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        raise OSError(fault.errno, os.strerror(fault.errno), str(path))

    def open_(file: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        if not inside(file):
            return real_open(file, mode, *arguments, **options)
        count("open", file)
        opened = real_open(file, mode, *arguments, **options)
        return _File(opened, count) if set(mode) & set("wax+") else opened

    def os_open(path: Any, *arguments: Any, **options: Any) -> int:
        if inside(path):
            count("open", path)
        return real_os_open(path, *arguments, **options)

    def fsync(descriptor: int) -> None:
        count("fsync", None)
        real_fsync(descriptor)

    def replace(source: Any, target: Any, **options: Any) -> None:
        if inside(target):
            count("rename", target)
        real_replace(source, target, **options)

    builtins.open, io.open, os.open, os.fsync, os.replace = open_, open_, os_open, fsync, replace  # type: ignore[assignment]
    try:
        yield counts
    finally:
        builtins.open, io.open, os.open, os.fsync, os.replace = real_open, real_open, real_os_open, real_fsync, real_replace


def begin(process: str) -> None:
    """Inject what the environment asks for into this whole process; its counts are written beside the folder when it ends."""
    import atexit

    fault = Fault.of_environment(process)
    if fault is None:
        return
    stack = contextlib.ExitStack()
    counts = stack.enter_context(injected(fault))

    def note() -> None:
        stack.close()
        Path(f"{fault.folder}.{process}.counts").write_text(json.dumps(counts), encoding="utf-8")

    atexit.register(note)
    sys.stderr.write(f"{process}: {fault}\n")
