"""``python -m tests.bench [NAME ...] [--rounds N] [--out FILE.json]``: runs the benchmarks and prints their tables."""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Callable
from pathlib import Path

from tests.bench import pictures, tables

BENCHMARKS: dict[str, Callable[..., list[dict[str, object]]]] = {
    "tables": tables.against_peers,
    "large": tables.large,
    "pictures": pictures.against_cleanvision,
}
"""Name -> a function that takes ``rounds`` and returns what its races measured."""


def main() -> None:
    """Run the benchmarks that were named, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Benchmarks side by side with other tools.")
    parser.add_argument(
        "names", nargs="*", choices=[[], *BENCHMARKS], metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; all by default"
    )
    parser.add_argument("--rounds", type=int, default=3, help="how often each contestant runs; the median counts")
    parser.add_argument("--out", type=Path, help="also write the figures to this JSON file")
    asked = parser.parse_args()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(f"{platform.system()} {platform.machine()}, {cores} cores, Python {platform.python_version()}")
    found = [race for name in asked.names or BENCHMARKS for race in BENCHMARKS[name](rounds=asked.rounds)]
    if asked.out is not None:
        asked.out.write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
