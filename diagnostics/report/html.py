"""Writes a report as one HTML file that works offline: no script, no address outside the file, everything escaped."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from diagnostics.report.model import Report
from diagnostics.report.svg import draw
from diagnostics.report.words import Words

__all__ = ["write_html"]

# Drawn on a grid of 16 x 16; each stands beside a word, so its shape supports and never carries the meaning.
_ICONS = {
    "check": "M3 8.5l3.2 3.2L13 5",
    "star": "M8 2l1.8 3.9 4.2.5-3.1 2.9.8 4.2L8 11.4 4.3 13.5l.8-4.2L2 6.4l4.2-.5z",
    "balance": "M8 2.5v11M4.5 13.5h7M2.5 5h11M2.5 5L1 9.5h4L3.5 5M13.5 5L12 9.5h4L14.5 5",
    "fix": "M10.5 2.2a3.6 3.6 0 00-3.2 5L2.2 12.3l1.6 1.6 5-5.1a3.6 3.6 0 004.9-4.3L11.5 6.6 9.6 4.7l1.9-2.2z",
    "skip": "M3 4l5 4-5 4zM12 4v8",
    "question": "M5.6 6a2.4 2.4 0 114 1.8c-1 .8-1.6 1.2-1.6 2.4M8 13v.2",
    "warning": "M8 2.5l6.2 11H1.8zM8 6.5v3.5M8 11.7v.2",
    "problem": "M5 2h6l3 3v6l-3 3H5l-3-3V5zM8 5v4M8 11v.2",
    "info": "M8 1.6a6.4 6.4 0 100 12.8A6.4 6.4 0 008 1.6zM8 7.4v3.6M8 4.8v.2",
    "low": "M2.5 4.5L8 10l2-2 4 4M14 8v4h-4",
    "copy": "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
    "gap": "M6 2.6A5.6 5.6 0 108 13.6M10 2.8a5.6 5.6 0 012.6 1.8M13.6 7a5.6 5.6 0 01-1 4",
    "off": "M3.5 8h9",
}


def write_html(report: Report) -> bytes:
    """The whole report as UTF-8 HTML. User text reaches it only through Jinja's autoescape."""
    return _environment().get_template("report.html.j2").render(report=report, words=Words(report.lang)).encode()


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["kind"] = lambda block: type(block).__name__
    environment.globals.update(icon=_icon, draw=draw)
    return environment


def _icon(name: str) -> Markup:
    if not name:
        return Markup("")
    return Markup('<svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d="{}"/></svg>').format(_ICONS[name])
