"""Starts runs for the dashboard, each as a command line of its own, and finds them again after a reload, a crash or a week.

One engine, two faces: what runs here is exactly ``python -m diagnostics diagnose``; whoever watches only reads the run's folder.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

from diagnostics.config import home
from diagnostics.errors import TenbinError
from diagnostics.runs.request import RunRequest
from diagnostics.runs.store import RunFolder

__all__ = ["attach", "runs", "start"]

_STALE_LOCK_S = 30.0  # starting takes well under a second; an older lock was left by a process that was killed
_children: list[subprocess.Popen[bytes]] = []


def start(request: RunRequest) -> RunFolder:
    """Start a run in a process of its own, or attach to the one that already does, or did, exactly this.

    A run that was cancelled, failed or interrupted starts again in its folder and keeps the trainings it had finished.
    """
    passwords = request.passwords
    request = request.without_passwords().resolved()
    folder = RunFolder(_root() / request.token)
    with _lock(folder.path):
        if folder.claimed and folder.status() in ("queued", "running", "finished"):
            return folder
        folder.begin(request.model_dump_json(indent=1))
        with (folder.path / "log.txt").open("ab") as log:
            process = _spawn_detached(
                ["diagnose", *request.arguments(), "--out", str(folder.path), "--json-progress"], log, passwords
            )
        folder.claim(process.pid)
    _children[:] = [child for child in (*_children, process) if child.poll() is None]  # reaps those that have ended
    return folder


def attach(token: str) -> RunFolder:
    """The run with this token.

    Raises
    ------
    TenbinError
        ``E_NO_SUCH_RUN`` when there is none, or when the token is not sixteen hex digits: it may come from a URL.
    """
    folder = RunFolder(_root() / token) if re.fullmatch(r"[0-9a-f]{16}", token) else None
    if folder is None or not folder.path.is_dir():
        raise TenbinError("E_NO_SUCH_RUN", found=token)
    return folder


def runs() -> tuple[RunFolder, ...]:
    """Every run in Tenbin's own folder, newest first."""
    if not _root().is_dir():
        return ()
    folders = [path for path in _root().iterdir() if re.fullmatch(r"[0-9a-f]{16}", path.name) and (path / "request.json").exists()]
    return tuple(RunFolder(path) for path in sorted(folders, key=lambda path: -(path / "request.json").stat().st_mtime_ns))


def _root() -> Path:
    return home() / "runs"


def _spawn_detached(arguments: list[str], log: IO[bytes], passwords: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Our command line in a process that neither closing the dashboard nor Ctrl-C in its terminal ends.

    Databases' passwords go by the environment: everybody can read a command line.
    """
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.DETACHED_PROCESS
    return subprocess.Popen(  # noqa: S603  (our own interpreter, our own module; no shell)
        [sys.executable, "-m", "diagnostics", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        cwd=Path(__file__).parents[2],
        env={**os.environ, **passwords},
        start_new_session=sys.platform != "win32",
        creationflags=flags,
    )


@contextlib.contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Two people who press Start at once start one run."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder / "starting"
    while True:
        try:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL))
            break
        except FileExistsError:
            with contextlib.suppress(FileNotFoundError):
                if time.time() - lock.stat().st_mtime > _STALE_LOCK_S:
                    lock.unlink()
            time.sleep(0.05)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
