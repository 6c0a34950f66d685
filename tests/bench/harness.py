"""Runs contestants one after another, each in a fresh process, and prints medians, peaks of memory and ratios.

A contestant is a script. It imports what it needs, starts its own clock, works, and prints one line of JSON as its last:
``{"seconds": ..., "said": "..."}``, which ``clock.py`` does for it, with ``held_mb``, the memory that it held when the clock
started, ``peak_mb``, the most that the whole process ever held, and ``versions``.
"""

from __future__ import annotations

import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs

__all__ = ["Bar", "Contestant", "Outcome", "peer", "race"]

ROOT = Path(__file__).parents[2]
REAL_SHOP = ROOT.parent / "shared" / "data" / "hm"
_MEASURES = {
    "seconds": "time",
    "process_s": "time with imports",
    "cpu_s": "time of cores with imports",
    "peak_mb": "memory",
    "grown_mb": "memory beyond imports",
}


@dataclass(frozen=True)
class Contestant:
    """``script`` run by ``python`` with ``arguments``; in the table it is called ``name``."""

    name: str
    script: Path
    arguments: tuple[str, ...] = ()
    python: Path = Path(sys.executable)


@dataclass(frozen=True)
class Bar:
    """A figure to reach: ``measure`` of ``name`` is at most ``at_most``, or that of ``than`` is ``at_least`` so many times it.

    ``measure`` is a field of ``Outcome``. Of several in ``than`` the times are added, and the largest peak counts.
    """

    name: str
    measure: str
    than: tuple[str, ...] = ()
    at_least: float | None = None
    at_most: float | None = None


@dataclass
class Outcome:
    """What one contestant did in every round.

    ``seconds``: its own clock; ``process_s``: its whole process with imports; ``cpu_s``: what that took of all cores, which tells
    most where other programs were running; ``peak_mb``: the most memory that it held; ``grown_mb``: the same less what it held when
    its clock started.
    """

    seconds: list[float] = field(default_factory=list)
    process_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    peak_mb: list[float] = field(default_factory=list)
    grown_mb: list[float] = field(default_factory=list)
    said: str = ""
    versions: dict[str, str] = field(default_factory=dict)

    def median(self, measure: str) -> float:
        """The median over the rounds."""
        return statistics.median(getattr(self, measure))


def race(title: str, contestants: Sequence[Contestant], bars: Sequence[Bar] = (), *, rounds: int = 3) -> dict[str, object]:
    """Runs every contestant ``rounds`` times, in turn, and prints a table and each bar with the figure reached.

    Returns the same as plain values. A contestant that fails is reported and left out; bars that need it are "not measured".
    """
    outcomes = {contestant.name: Outcome() for contestant in contestants}
    for turn in range(rounds):
        for contestant in contestants:
            if contestant.name in outcomes:
                print(f"  {title}: round {turn + 1} of {rounds}, {contestant.name}", file=sys.stderr, flush=True)
                failed = _run(contestant, outcomes[contestant.name])
                if failed:
                    print(f"  {contestant.name} failed: {failed}", file=sys.stderr, flush=True)
                    del outcomes[contestant.name]
    wide = max((len(name) for name in outcomes), default=0)
    print(f"\n{title} (median of {rounds})")
    for name, outcome in outcomes.items():
        seconds, process, cpu, peak, grown = (outcome.median(measure) for measure in _MEASURES)
        spread = f"({min(outcome.seconds):.2f} to {max(outcome.seconds):.2f})"
        print(
            f"  {name:<{wide}}  {seconds:8.2f} s {spread:<18}  with imports {process:7.2f} s, {cpu:7.2f} s of cores  "
            f"peak {peak:6.0f} MB ({grown:.0f} beyond imports)  {outcome.said}"
        )
    judged = [_judge(bar, outcomes) for bar in bars]
    for line in judged:
        print(f"  {line['says']}")
    sys.stdout.flush()
    found = {
        name: {measure: round(outcome.median(measure), 4) for measure in _MEASURES}
        | {"said": outcome.said, "versions": outcome.versions}
        for name, outcome in outcomes.items()
    }
    return {"title": title, "rounds": rounds, "contestants": found, "bars": judged}


def _run(contestant: Contestant, outcome: Outcome) -> str:
    """One round in a process of its own; "" or why it failed."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore", "TQDM_DISABLE": "1"}
    command = [str(contestant.python), str(contestant.script), *contestant.arguments]
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as complaints:
        process = subprocess.Popen(command, stdout=out, stderr=complaints, env=environment, cwd=ROOT)
        _, status, used = os.wait4(process.pid, 0)  # the only way to the time of cores of this one child
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        complaints.seek(0)
        if process.returncode != 0:
            return f"exit status {process.returncode}, {' '.join(complaints.read().splitlines()[-1:])}"
        answer = json.loads(out.read().splitlines()[-1])
    outcome.process_s.append(time.perf_counter() - started)
    outcome.cpu_s.append(used.ru_utime + used.ru_stime)
    outcome.seconds.append(float(answer["seconds"]))
    outcome.peak_mb.append(float(answer["peak_mb"]))
    outcome.grown_mb.append(outcome.peak_mb[-1] - float(answer["held_mb"]))
    outcome.said, outcome.versions = str(answer.get("said", "")), answer.get("versions", {})
    return ""


def _judge(bar: Bar, outcomes: dict[str, Outcome]) -> dict[str, object]:
    unit = _MEASURES[bar.measure]
    says = " ".join((unit, "of", *([" + ".join(bar.than), "over"] if bar.than else []), bar.name))
    if any(name not in outcomes for name in (bar.name, *bar.than)):
        return {"says": f"{says}: not measured", "reached": None, "held": None}
    reached = outcomes[bar.name].median(bar.measure)
    if bar.than:
        theirs = [outcomes[name].median(bar.measure) for name in bar.than]
        reached = (max(theirs) if bar.measure.endswith("_mb") else sum(theirs)) / reached
    held = reached <= (bar.at_most or reached) and reached >= (bar.at_least or reached)
    limit = f"at least {bar.at_least:g}" if bar.at_least is not None else f"at most {bar.at_most:g}"
    return {
        "says": f"{says}: {reached:.2f} ({limit}) {'reached' if held else 'MISSED'}",
        "reached": round(reached, 3),
        "held": held,
    }


def peer(name: str, *requirements: str) -> Path | None:
    """The Python of a throw-away environment that holds another tool; made once, kept in the user's cache folder.

    None, with one printed line, where it cannot be installed.
    """
    stamp = hashlib.blake2b(" ".join((sys.version, *requirements)).encode(), digest_size=4).hexdigest()
    folder = Path(platformdirs.user_cache_dir("tenbin-bench", appauthor=False)) / f"{name}-{stamp}"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    done = folder / "ready"
    if not done.exists():
        print(f"  installing {name} into {folder}", file=sys.stderr, flush=True)
        venv.create(folder, with_pip=True, clear=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements]
        installed = subprocess.run(install, check=False, capture_output=True, text=True)
        if installed.returncode != 0:
            print(f"{name} cannot be installed here and is left out: {' '.join(installed.stderr.splitlines()[-1:])}")
            return None
        done.touch()
    return python
