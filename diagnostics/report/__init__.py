"""One document model, one number formatter, many writers: a diagnosis becomes a report, a report becomes a file."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from diagnostics.errors import TenbinError
from diagnostics.report.build import build
from diagnostics.report.html import write_html
from diagnostics.report.model import Report
from diagnostics.schema import Diagnosis

__all__ = ["Report", "WRITERS", "build", "write_report"]


@dataclass(frozen=True)
class Writer:
    """``file_name`` may hold ``{lang}``; ``write`` turns a report into the file's bytes."""

    file_name: str
    write: Callable[[Report], bytes]


def _write_json(report: Report) -> bytes:
    return (report.diagnosis.model_dump_json(indent=2) + "\n").encode()


WRITERS = {
    "html": Writer("report.{lang}.html", write_html),
    "json": Writer("diagnosis.json", _write_json),
}
"""Format -> writer. A new format is one function from a report to bytes, listed here."""


def write_report(diagnosis: Diagnosis, out_dir: Path, formats: Sequence[str] = ("html",), lang: str = "en") -> tuple[Path, ...]:
    """Write a diagnosis to files that a person can take along.

    Parameters
    ----------
    diagnosis : Diagnosis
    out_dir : Path
        Created if absent. Files of the same name are replaced, whole or not at all.
    formats : sequence of str
        Names out of ``WRITERS``.
    lang : str
        ``en`` or ``ja``.

    Returns
    -------
    tuple of Path
        The files, in the order of ``formats``.

    Raises
    ------
    TenbinError
        ``E_UNKNOWN_CHOICE`` before anything is written.
    """
    for name in formats:
        if name not in WRITERS:
            nearest = difflib.get_close_matches(name, WRITERS, n=1, cutoff=0.0)[0]
            raise TenbinError("E_UNKNOWN_CHOICE", what="report", found=name, choices=tuple(WRITERS), nearest=nearest)
    report = build(diagnosis, lang)
    out_dir.mkdir(parents=True, exist_ok=True)
    paths = []
    for name in formats:
        writer = WRITERS[name]
        path = out_dir / writer.file_name.format(lang=lang)
        beside = path.with_name(f".{path.name}.tmp")
        beside.write_bytes(writer.write(report))
        paths.append(beside.replace(path))
    return tuple(paths)
