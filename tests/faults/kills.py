"""``kill -9`` at named points and at random ones; every resumed run must come to the unbroken run's diagnosis, byte for byte.

Python and torch take seconds to start, a small run a fraction of one. So this process starts once and forks for each run: what
dies is a process of its own, with the scheduler, the trainings, the store and the checkpoints that are the real ones.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import time
import traceback
from pathlib import Path
from unittest.mock import patch

from diagnostics import diagnose
from diagnostics.probe import prepare
from diagnostics.profile import profile
from diagnostics.runs import execute, worker
from tests.faults.disk import Inline, small_probe, small_shop
from tests.faults.injection import OPERATIONS, Fault, injected
from tests.faults.keeping import keep_every_epoch

__all__ = ["kill"]


def kill(folder: Path, count: int, seed: int = 0) -> dict[str, int]:
    """``count`` runs, each killed once, half at a named operation and half at a random moment; the counts, or an AssertionError."""
    keep_every_epoch()
    draw = random.Random(seed)
    dataset, blocks = small_shop()
    plan, _ = small_probe()
    measured, inputs = profile(dataset, blocks), prepare(dataset, blocks, plan)

    def run(place: Path) -> bytes:
        found = diagnose(dataset, measured, execute(place, plan, inputs, threads=1)).model_dump(mode="json")
        for name in ("timing", "created_at"):
            del found["provenance"][name]
        return json.dumps(found, ensure_ascii=False).encode()

    counts = {"kills": 0, "named": 0, "random": 0, "during_a_checkpoint": 0, "resumes": 0, "equal": 0}
    with patch.object(worker, "Crew", Inline):
        run(folder / "compiled")
        began = time.monotonic()
        with injected(Fault(str(folder))) as operations:
            expected = run(folder / "unbroken")
        length = time.monotonic() - began
        while counts["kills"] < count:
            place = folder / f"killed{counts['kills']}"
            named = counts["kills"] % 2 == 0
            operation = OPERATIONS[draw.randrange(len(OPERATIONS))]
            fault = Fault(str(folder), operation=operation, n=draw.randint(1, operations[operation]) if named else 0)
            if not _killed(fault, run, place, None if named else draw.uniform(0.0, length)):
                shutil.rmtree(place)  # it was quicker than the random moment
                continue
            counts["kills"] += 1
            counts["named" if named else "random"] += 1
            counts["during_a_checkpoint"] += any((place / "run" / "checkpoints").glob(".*.tmp"))
            found = run(place)
            counts["resumes"] += 1
            assert found == expected, f"another diagnosis after a kill at {fault}"
            counts["equal"] += 1
            shutil.rmtree(place)
    return counts


def _killed(fault: Fault, run: object, place: Path, after: float | None) -> bool:
    """Run in a fork until it is killed, by the fault itself or ``after`` seconds; False if it came to its end before."""
    process = os.fork()
    if process == 0:
        try:
            with injected(fault):
                run(place)  # type: ignore[operator]
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    if after is not None:
        time.sleep(after)
        os.kill(process, signal.SIGKILL)
    status = os.waitpid(process, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


if __name__ == "__main__":
    print(json.dumps(kill(Path(sys.argv[1]), int(sys.argv[2]))))
