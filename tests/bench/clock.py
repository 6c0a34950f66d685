"""The clock of a contestant; needs nothing but Python, so that it works in every environment."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version

__all__ = ["PEAK_UNIT", "held_mb", "tell", "timed"]

PEAK_UNIT = 2**20 if sys.platform == "darwin" else 2**10
"""What the operating system's peak of memory is divided by to give megabytes."""


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
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / PEAK_UNIT


def tell(seconds: float, said: str, held: float, *packages: str) -> None:
    """The last line of a contestant: what it measured itself, what is shown beside it, the memory that it held at the start."""
    versions = {package: version(package) for package in packages}
    print(json.dumps({"seconds": seconds, "held_mb": held, "versions": versions, "said": said}))
