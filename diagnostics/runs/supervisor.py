"""Starts runs for the dashboard, each as a command line of its own, and finds them again after a reload, a crash or a week.

One engine, two faces: what runs here is exactly ``python -m diagnostics diagnose``; whoever watches only reads the run's folder.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from diagnostics.config import home
from diagnostics.errors import TenbinError
from diagnostics.runs.index import RunIndex
from diagnostics.runs.request import RunRequest
from diagnostics.runs.store import RunFolder

__all__ = ["attach", "runs", "start"]

_NICE = 10  # a tenth of what the pages get, which are at 0; 19 would be for what may wait for ever
_children: list[subprocess.Popen[bytes]] = []


def start(request: RunRequest) -> RunFolder:
    """Start a run in a process of its own, or attach to the one that already does, or did, exactly this.

    A run that was cancelled, failed or interrupted starts again in its folder and keeps the trainings it had finished.
    """
    passwords = request.passwords
    request = request.without_passwords().resolved()
    folder = RunFolder(_root() / request.token)
    with folder.starting():
        if folder.claimed and folder.status() in ("queued", "running", "finished"):
            return folder
        folder.begin(request.model_dump_json(indent=1))
        folder.forget_results()
        RunIndex().enter(folder.path)
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
    folder = RunFolder(_root() / token) if _is_token(token) else None
    if folder is None or not folder.path.is_dir():
        raise TenbinError("E_NO_SUCH_RUN", found=token)
    return folder


def runs() -> tuple[RunFolder, ...]:
    """Every run in Tenbin's own folder, newest first."""
    if not _root().is_dir():
        return ()
    index = RunIndex()
    known = index.newest_first()
    asked = {path.parent: path.stat().st_mtime for path in _root().glob("*/request.json") if _is_token(path.parent.name)}
    if unknown := asked.keys() - set(known):  # the index was lost
        for folder in unknown:
            index.enter(folder, asked[folder])
        known = index.newest_first()
    return tuple(RunFolder(folder) for folder in known if folder in asked)


def _is_token(name: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{16}", name) is not None


def _root() -> Path:
    return home() / "runs"


def _spawn_detached(arguments: list[str], log: IO[bytes], passwords: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Our command line in a process that neither closing the dashboard nor Ctrl-C in its terminal ends.

    Databases' passwords go by the environment: everybody can read a command line. The run and its trainings give way to the pages,
    which must answer at once while all cores train.
    """
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.DETACHED_PROCESS | subprocess.BELOW_NORMAL_PRIORITY_CLASS
    process = subprocess.Popen(  # noqa: S603  (our own interpreter, our own module; no shell)
        [sys.executable, "-m", "diagnostics", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        cwd=Path(__file__).parents[2],
        env={**os.environ, **passwords},
        start_new_session=sys.platform != "win32",
        creationflags=flags,
    )
    if sys.platform != "win32":
        os.setpriority(os.PRIO_PROCESS, process.pid, _NICE)
    return process
