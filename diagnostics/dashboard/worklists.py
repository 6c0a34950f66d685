"""The worklists that lie in a run's folder, one CSV per fault, made ready to look at and to hand on."""

from __future__ import annotations

import csv
import itertools
from dataclasses import dataclass
from pathlib import Path

from diagnostics.messages import has
from diagnostics.report.words import Words

__all__ = ["Worklist", "worklists"]

_SHOWN = 20


@dataclass(frozen=True)
class Worklist:
    """One list: which kind of information it is about, what is wrong in words, its file, and its first rows under our headings."""

    modality: str
    title: str
    path: Path
    rows: tuple[dict[str, str], ...]


def worklists(run: Path, words: Words) -> tuple[Worklist, ...]:
    """The worklists of a run, by file name; none where the run wrote none."""
    return tuple(_read(path, words) for path in sorted((run / "worklists").glob("*.csv")))


def _read(path: Path, words: Words) -> Worklist:
    modality, _, code = path.stem.rpartition("-")
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = tuple(
            {_heading(name, words): value or "" for name, value in row.items() if isinstance(name, str)}
            for row in itertools.islice(csv.DictReader(file), _SHOWN)
        )
    issue = words.coded("issue", code, "title") if has(f"issue.{code}.title", words.lang) else words.coded("dashboard.list", code)
    return Worklist(modality, words("report.issues.of", modality=modality, issue=issue), path, rows)


def _heading(name: str, words: Words) -> str:
    """Our own columns in the reader's language; any other as it stands in the file."""
    return words(f"dashboard.worklist.{name}") if has(f"dashboard.worklist.{name}", words.lang) else name
