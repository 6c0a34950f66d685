"""Whole runs of the command line on a small shop, which are killed, cancelled, reloaded and started twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from diagnostics.runs import RunFolder
from tests.faults.injection import Fault

__all__ = ["ROOT", "arguments", "diagnosis_of", "living", "resume", "start", "until"]

ROOT = Path(__file__).resolve().parents[2]


def arguments(shop: Path, out: Path, *more: str) -> list[str]:
    """``diagnose`` for a shop of ``tests.cli``, with one training at a time so that operations have one order."""
    files = ["--catalog", str(shop / "catalog.csv"), "--interactions", str(shop / "log.csv")]
    return ["diagnose", *files, "--out", str(out), "--seeds", "1", "--report", "json", "--threads", "1", "--json-progress", *more]


def start(command: Sequence[str], home: Path, fault: Fault | None = None) -> subprocess.Popen[bytes]:
    """A run in a process of its own."""
    environment: Mapping[str, str] = {**os.environ, "TENBIN_HOME": str(home), **(fault.to_environment() if fault else {})}
    log = home / "said.txt"
    with log.open("ab") as said:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.faults.victim", *command], cwd=ROOT, env=environment, stdout=said, stderr=said
        )


def resume(shop: Path, out: Path, home: Path) -> int:
    """The same command again, undisturbed; its exit status."""
    return start(arguments(shop, out), home).wait(300)


def diagnosis_of(out: Path) -> bytes:
    """``diagnosis.json`` without timing and time, as bytes."""
    found = json.loads((out / "diagnosis.json").read_bytes())
    for name in ("timing", "created_at"):
        del found["provenance"][name]
    return json.dumps(found, ensure_ascii=False).encode()


def living(folder: Path) -> list[int]:
    """Processes that were given this folder and still run."""
    return [pid for pid, command in _commands() if str(folder) in command and pid != os.getpid()]


def _commands() -> Iterator[tuple[int, str]]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            state = (path.parent / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state not in "ZX":
            yield int(path.parent.name), command


def until(condition: Any, seconds: float = 300.0) -> None:
    """Wait for something that must happen."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def status_of(out: Path) -> str:
    return RunFolder(out).status()
