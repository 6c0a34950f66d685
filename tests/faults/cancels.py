"""Cancel at any moment takes at most five seconds, leaves no process behind, and what was finished is told with what is missing."""

from __future__ import annotations

import json
import random
import shutil
import time
from pathlib import Path

from diagnostics.runs import RunFolder
from tests.faults.runs import arguments, living, start, until

__all__ = ["cancel"]

_WITHIN_S = 5.0


def cancel(
    shop: Path, folder: Path, count: int, seed: int = 0, latest_s: float = 20.0, within_s: float = _WITHIN_S
) -> dict[str, float]:
    """``count`` runs cancelled at random moments, at most so late; the counts, or an AssertionError."""
    draw = random.Random(seed)
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    counts = {"cancels": 0, "with_a_diagnosis": 0, "longest_s": 0.0}
    for number in range(count):
        out = folder / f"cancelled{number}"
        run = start(arguments(shop, out, "--preset", "standard", "--seeds", "5"), home)  # some minutes of work
        until(lambda out=out: (out / "pid.json").exists())
        time.sleep(draw.uniform(0.0, latest_s))
        began = time.monotonic()
        RunFolder(out).cancel()
        code = run.wait(120)
        assert code == 3, f"exit status {code}"
        took = time.monotonic() - began
        assert took <= within_s, f"took {took:.1f} s"
        assert living(out) == []
        assert RunFolder(out).status() == "cancelled"
        counts["cancels"] += 1
        counts["longest_s"] = max(counts["longest_s"], round(took, 2))
        if (out / "diagnosis.json").exists():
            counts["with_a_diagnosis"] += 1
            found = json.loads((out / "diagnosis.json").read_bytes())
            (missing,) = [one for one in found["not_checked"] if one["code"] == "cancelled_arms"]
            assert 0 <= missing["values"]["count"] <= missing["values"]["total"]
        shutil.rmtree(out)
    return counts
