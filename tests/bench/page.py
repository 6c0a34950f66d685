"""What the benchmarks found as a page of Markdown: the command, the machine, the versions, every figure and every bar."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["machine", "page"]

_COLUMNS = {
    "seconds": ("time", "s"),
    "process_s": ("with imports", "s"),
    "cpu_s": ("of all cores", "s"),
    "peak_mb": ("peak", "MB"),
    "grown_mb": ("beyond imports", "MB"),
}


def machine() -> str:
    """The machine in one line: system, processor, cores that may be used, memory, Python, and how busy it is with other things."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return (
        f"{platform.system()} {_processor()}, {cores} cores, {memory:.0f} GB, Python {platform.python_version()}, "
        f"load {os.getloadavg()[0]:.1f}"
    )


def _processor() -> str:
    """The processor's name where the system tells it, else its kind."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text(encoding="utf-8").splitlines() if told.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def page(command: str, where: str, races: Sequence[Mapping[str, Any]]) -> str:
    """The page: ``where`` is what ``machine`` said before the first race, ``races`` is what they returned."""
    lines = [f"`{command}`", "", where, ""]
    for race in races:
        lines += [f"### {race['title']}", "", f"Median of {race['rounds']}, each in a fresh process.", ""]
        lines += ["| | " + " | ".join(name for name, _ in _COLUMNS.values()) + " | |"]
        lines += ["|---|" + "---:|" * len(_COLUMNS) + "---|"]
        for name, found in race["contestants"].items():
            figures = (_figure(found[measure], unit) for measure, (_, unit) in _COLUMNS.items())
            lines.append(f"| {name} | {' | '.join(figures)} | {found['said']} |")
        lines += ["", *(f"- {bar['says']}" for bar in race["bars"])]
        versions = sorted(
            {f"{package} {number}" for found in race["contestants"].values() for package, number in found["versions"].items()}
        )
        lines += ["", f"Versions: {', '.join(versions)}.", ""] if versions else [""]
    return "\n".join(lines)


def _figure(value: float, unit: str) -> str:
    return f"{value:,.0f} {unit}" if unit == "MB" or value >= 100 else f"{value:.2f} {unit}"
