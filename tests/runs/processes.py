"""The processes that train for a run."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

__all__ = ["training_processes"]


def training_processes(folder: Path) -> dict[int, list[str]]:
    """Those of a run that still live, by their ids, with the words of their commands; found by the folder they were given."""
    if Path("/proc/self/cmdline").exists():
        commands = {}
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                commands[int(path.parent.name)] = path.read_text(errors="replace").replace("\0", " ")
    else:
        found = subprocess.run(["ps", "-ww", "-eo", "pid=,args="], capture_output=True, text=True, check=True).stdout
        commands = {int(line.split()[0]): line for line in found.splitlines()}
    return {
        pid: command.split() for pid, command in commands.items() if "diagnostics.runs.child" in command and str(folder) in command
    }
