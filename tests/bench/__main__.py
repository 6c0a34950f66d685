"""``python -m tests.bench [NAME ...] [--rounds N] [--out FILE.json] [--page FILE.md]``: runs benchmarks, prints their tables."""

from __future__ import annotations

import argparse
import json
import shlex
from collections.abc import Callable
from pathlib import Path

from tests.bench import hm, learning, pictures, tables
from tests.bench.page import machine, page

BENCHMARKS: dict[str, Callable[..., list[dict[str, object]]]] = {
    "tables": tables.against_peers,
    "large": tables.large,
    "pictures": pictures.against_cleanvision,
    "hm": hm.a_real_shop,
    "learning": learning.everything,
    **{f"learning_{name}": learning.part(name) for name in learning.PARTS},
    "learning_quality_hm": learning.quality_of_a_real_shop,
}
"""Name -> a function that takes ``rounds`` and returns what its races measured. A name with a "_" is part of another, or takes
hours, and is run when it is asked for."""


def main() -> None:
    """Run the benchmarks that were named, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Benchmarks side by side with other tools.")
    parser.add_argument(
        "names",
        nargs="*",
        choices=[[], *BENCHMARKS],
        metavar="NAME",
        help=f"of {', '.join(BENCHMARKS)}; by default those without _",
    )
    parser.add_argument("--rounds", type=int, default=3, help="how often each contestant runs; the median counts")
    parser.add_argument("--out", type=Path, help="also write the figures to this JSON file")
    parser.add_argument("--page", type=Path, help="also write them to this Markdown file")
    asked = parser.parse_args()
    where = machine()
    print(where)
    default = [name for name in BENCHMARKS if "_" not in name]
    found = [race for name in asked.names or default for race in BENCHMARKS[name](rounds=asked.rounds)]
    if asked.out is not None:
        asked.out.write_text(json.dumps(found, indent=1), encoding="utf-8")
    if asked.page is not None:
        command = shlex.join(["python", "-m", "tests.bench", *asked.names, "--rounds", str(asked.rounds)])
        asked.page.write_text(page(command, where, found), encoding="utf-8")


if __name__ == "__main__":
    main()
