"""Whole runs of the command line that are killed: seen as interrupted, they go on, and come to the same diagnosis."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import time
from pathlib import Path

from tests.faults.injection import OPERATIONS, Fault
from tests.faults.runs import arguments, diagnosis_of, living, resume, start, status_of, until

__all__ = ["kill_runs"]


def kill_runs(shop: Path, folder: Path, count: int, seed: int = 0) -> dict[str, int]:
    """``count`` runs, each killed once and resumed once; the counts, or an AssertionError.

    A third dies in the run's own process at a named operation, a third in the training process, where most operations belong to
    checkpoints, and a third, training and all, at a random moment.
    """
    draw = random.Random(seed)
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    unbroken = folder / "unbroken"
    began = time.monotonic()
    assert start(arguments(shop, unbroken), home, Fault(str(unbroken), process="any")).wait(300) == 0
    length = time.monotonic() - began
    operations = {
        process: json.loads(Path(f"{unbroken}.{process}.counts").read_text(encoding="utf-8")) for process in ("run", "training")
    }
    expected = diagnosis_of(unbroken)
    counts = {"kills": 0, "in_run": 0, "in_training": 0, "at_random": 0, "during_a_checkpoint": 0, "resumes": 0, "equal": 0}
    for number in range(count):
        out = folder / f"killed{number}"
        kind = ("in_run", "in_training", "at_random")[number % 3]
        if kind == "at_random":
            run = start(arguments(shop, out), home)
            time.sleep(draw.uniform(0.1, 0.95 * length))
            run.send_signal(signal.SIGKILL)
            run.wait(60)
        else:
            process = kind.removeprefix("in_")
            operation = OPERATIONS[draw.randrange(len(OPERATIONS))]
            n = draw.randint(1, operations[process][operation])
            run = start(arguments(shop, out), home, Fault(str(out), process, operation, n))
            run.wait(300)
            assert kind == "in_training" or run.returncode == -signal.SIGKILL
        counts["kills"] += 1
        counts[kind] += 1
        counts["during_a_checkpoint"] += any((out / "run" / "checkpoints").glob(".*.tmp"))
        if run.returncode == -signal.SIGKILL:
            assert not (out / "pid.json").exists() or status_of(out) in ("interrupted", "finished"), status_of(out)
        until(lambda out=out: living(out) == [], 10)
        kept = _results(out)
        assert resume(shop, out, home) == 0
        assert kept.items() <= _results(out).items(), "what was finished was trained again"
        counts["resumes"] += 1
        assert diagnosis_of(out) == expected, f"{out}: another diagnosis after a kill {kind}"
        counts["equal"] += 1
        shutil.rmtree(out)
    assert os.environ.get("TENBIN_TEST_FAULT") is None
    return counts


def _results(out: Path) -> dict[str, int]:
    """When each training's result was written."""
    return {path.name: path.stat().st_mtime_ns for path in (out / "run" / "results").glob("*.safetensors")}
