"""One judging process: ``python -m diagnostics.validation.child FOLDER PRESET``. Started by ``benchmark.py`` only.

Worlds come as JSON lines on standard input, one at a time; what was said of each goes into ``FOLDER/judged`` and its name to
standard output. When its input ends, it ends.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from pathlib import Path

from diagnostics.runs.store import write_atomic
from diagnostics.validation.judging import judge
from diagnostics.validation.worlds import Task

__all__ = ["main"]


def main(folder: str, preset: str) -> None:
    """Judge world after world."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; only the parent decides what it means
    report = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # whatever a library prints goes to the log, not into our lines
    root = Path(folder)
    for line in sys.stdin:
        task = Task.model_validate_json(line)
        try:
            judged = judge(task, root / "trainings", preset=preset)
        except Exception:
            traceback.print_exc()
            report.write(f"failed {task.world.name}\n")
            continue
        write_atomic(root / "judged" / f"{task.world.name}.json", judged.model_dump_json(indent=1))
        report.write(f"judged {task.world.name}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
