"""The table profile: against ydata-profiling and evidently on a middling shop, and alone on a large one."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.bench.harness import Bar, Contestant, peer, race
from tests.bench.shops import room_for, write_shop

__all__ = ["against_peers", "large"]

_HERE = Path(__file__).parent


def _ours(folder: Path, what: str) -> Contestant:
    return Contestant(f"tenbin {what}", _HERE / "ours_tables.py", (str(folder), what))


def against_peers(*, rounds: int = 3) -> list[dict[str, object]]:
    """A catalog of 100,000 products with text and a log of a million rows, as Parquet; each process reads its file itself.

    ``tenbin all`` is the whole table profile: the columns of both files, coverage, patterns and all segments of the shop. The
    columns of one file alone stand beside it, as a peer sees one file at a time. Peers count other things too (histograms).
    """
    with tempfile.TemporaryDirectory(prefix="tenbin-bench-") as made:
        folder = Path(made)
        files = dict(zip(("catalog", "log"), write_shop(folder, 100_000, 1_000_000), strict=True))
        contestants = [_ours(folder, "all"), *(_ours(folder, name) for name in files)]
        bars = []
        for tool, requirements, faster in (
            ("ydata", ("ydata-profiling", "pyarrow"), {"catalog": 10, "log": 4, "all": 4}),
            ("evidently", ("evidently", "pyarrow", "pandas<3"), {"catalog": 2, "log": 2, "all": 2}),
        ):
            python = peer(tool, *requirements)
            if python is not None:
                script = _HERE / f"peer_{tool}.py"
                contestants += [Contestant(f"{tool} {name}", script, (str(file),), python) for name, file in files.items()]
                parts = {"catalog": (f"{tool} catalog",), "log": (f"{tool} log",), "all": (f"{tool} catalog", f"{tool} log")}
                bars += [Bar(f"tenbin {name}", "seconds", than, at_least=faster[name]) for name, than in parts.items()]
                if tool == "ydata":
                    for measure in ("peak_mb", "grown_mb"):
                        bars += [Bar(f"tenbin {name}", measure, than, at_least=4) for name, than in parts.items()]
        return [race("100k products, 1M log rows", contestants, bars, rounds=rounds)]


def large(*, rounds: int = 3) -> list[dict[str, object]]:
    """A million products and fifty million log rows, with keys of text, on two cores.

    ``all`` takes the cells of both files as they stand, ``raw`` reads every one of them as a table in memory is read.
    """
    items, events = 1_000_000, 50_000_000
    with tempfile.TemporaryDirectory(prefix="tenbin-bench-") as made:
        folder = Path(made)
        if not room_for(folder, items, events):
            print("No room on the disk for 50 million log rows: the large shop is left out.")
            return []
        write_shop(folder, items, events)
        contestants = [_ours(folder, what) for what in ("all", "raw")]
        limits = {"seconds": 90, "peak_mb": 2000}
        bars = [Bar(ours.name, measure, at_most=limit) for ours in contestants for measure, limit in limits.items()]
        return [race("1M products, 50M log rows", contestants, bars, rounds=rounds)]
