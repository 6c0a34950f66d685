"""What a report is made of: sections of paragraphs, facts, points, tables and figures, every number already written.

A report holds words, not measurements: whoever writes it to a file or to a screen formats nothing and computes nothing, so all
of them show the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from diagnostics.report.figures import Chart
from diagnostics.schema import Diagnosis

__all__ = [
    "Block",
    "Cell",
    "Column",
    "Fact",
    "Facts",
    "Figure",
    "Folded",
    "Headline",
    "Paragraph",
    "Point",
    "Points",
    "Report",
    "Section",
    "Table",
]

Icon = Literal["", "check", "star", "balance", "fix", "skip", "question", "warning", "problem", "info", "low", "copy", "gap", "off"]
"""A sign that always stands beside a word; each writer draws it its own way."""


@dataclass(frozen=True)
class Paragraph:
    """A paragraph: ``lead`` heads what follows, ``note`` is an aside."""

    text: str
    tone: Literal["lead", "body", "note"] = "body"


@dataclass(frozen=True)
class Fact:
    """One number a manager will quote: what it is, the number, its interval, and what it means."""

    label: str
    value: str
    interval: str = ""
    note: str = ""


@dataclass(frozen=True)
class Facts:
    """The few numbers that stand out."""

    items: tuple[Fact, ...]


@dataclass(frozen=True)
class Point:
    """A title, a paragraph, and a short remark beside the title such as the effort."""

    title: str
    text: str = ""
    icon: Icon = ""
    aside: str = ""


@dataclass(frozen=True)
class Points:
    """A list of points, numbered where their order matters."""

    items: tuple[Point, ...]
    ordered: bool = False


@dataclass(frozen=True)
class Column:
    """A column's title, and whether its cells are numbers."""

    title: str
    numeric: bool = False


@dataclass(frozen=True)
class Cell:
    """One cell: the words, and where it helps a share to draw as a bar, a word that judges it, and a sign."""

    text: str
    bar: float | None = None
    note: str = ""
    icon: Icon = ""


@dataclass(frozen=True)
class Table:
    """Rows of cells under titles."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str = ""

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError("a row has another length than the header")

    @property
    def has_bars(self) -> bool:
        return any(cell.bar is not None for row in self.rows for cell in row)


@dataclass(frozen=True)
class Figure:
    """A chart with what to see in it."""

    chart: Chart
    caption: str = ""


@dataclass(frozen=True)
class Folded:
    """Detail that a reader opens on demand, such as how a number was computed."""

    title: str
    blocks: tuple[Block, ...]


Block = Paragraph | Facts | Points | Table | Figure | Folded


@dataclass(frozen=True)
class Section:
    """A question, its answer in one sentence, and the evidence."""

    key: str
    title: str
    answer: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Headline:
    """The verdict: a sign and a word for the action, the sentence, how sure we are and why."""

    icon: Icon
    action: str
    sentence: str
    paragraph: str
    confidence_icon: Icon
    confidence: str
    confidence_reason: str


@dataclass(frozen=True)
class Report:
    """A diagnosis in one language, ready to be written."""

    lang: str
    title: str
    subtitle: str
    headline: Headline
    sections: tuple[Section, ...]
    diagnosis: Diagnosis = field(repr=False)

    def section(self, key: str) -> Section:
        """The section with that key; the keys are those of ``build.SECTIONS``."""
        for section in self.sections:
            if section.key == key:
                return section
        raise KeyError(f"no section {key!r}; there are {', '.join(section.key for section in self.sections)}")
