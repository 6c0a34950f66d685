"""The clock of a contestant; needs nothing but Python, so that it works in every environment."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

__all__ = ["held_mb", "tell", "timed"]


@contextmanager
def timed(*packages: str) -> Iterator[list[str]]:
    """Measures what stands inside; what is put into the list is shown beside the time, and so are the packages' versions."""
    said: list[str] = []
    held = held_mb()
    started = time.perf_counter()
    yield said
    tell(time.perf_counter() - started, " ".join(said), held, *packages)


def held_mb() -> float:
    """The most memory that this process has held so far."""
    status = Path("/proc/self/status")
    if status.exists():  # where rusage begins with what the parent held when it started this process
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM:")) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def tell(seconds: float, said: str, held: float, *packages: str) -> None:
    """The last line of a contestant: what it measured itself, what is shown beside it, the memory that it held at the start."""
    versions = {package: version(package) for package in packages}
    print(json.dumps({"seconds": seconds, "held_mb": held, "peak_mb": held_mb(), "versions": versions, "said": said}))
