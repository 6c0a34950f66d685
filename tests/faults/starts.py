"""The same request started twice at once, by two servers, and looked up again and again: one run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

from diagnostics.runs import RunRequest, attach, runs
from tests.faults.runs import ROOT, living, until

__all__ = ["start_twice"]

_START = "import sys; from diagnostics.runs import *; print(start(RunRequest.model_validate_json(sys.argv[1])).token)"


def start_twice(shop: Path, folder: Path, count: int, reloads: int) -> dict[str, int]:
    """``count`` double starts of a new run each, and ``reloads`` look-ups of the first; the counts, or an AssertionError."""
    counts = {"double_starts": 0, "reloads": 0, "runs": 0}
    for number in range(count):
        home = folder / f"home{number}"
        home.mkdir(parents=True)
        request = RunRequest(catalog=shop / "catalog.csv", interactions=shop / "log.csv", preset="standard", seed=number)
        command = [sys.executable, "-c", _START, request.model_dump_json()]
        environment = {**os.environ, "TENBIN_HOME": str(home)}
        presses = [subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        tokens = {press.communicate(timeout=300)[0].strip() for press in presses}
        (token,) = tokens
        with patch.dict(os.environ, {"TENBIN_HOME": str(home)}):
            (run,) = runs()
            assert run.token == token
            working = [pid for pid in living(run.path) if _is_run(pid)]
            assert len(working) == 1, working
            for _ in range(reloads if number == 0 else 0):
                again = attach(token)
                assert again == run and again.status() in ("queued", "running")
                counts["reloads"] += 1
            run.cancel()
            until(lambda run=run: run.outcome() is not None, 15)
        until(lambda run=run: living(run.path) == [], 10)
        counts["double_starts"] += 1
        counts["runs"] += 1
        shutil.rmtree(home)
    return counts


def _is_run(pid: int) -> bool:
    """Whether a process is a run rather than one of its trainings."""
    return b"diagnostics\0diagnose" in Path(f"/proc/{pid}/cmdline").read_bytes()
