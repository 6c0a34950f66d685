"""How the files were read: roles of columns, rows set aside, what was noticed."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from diagnostics.schema.codes import Share
from diagnostics.schema.records import Finding, Message, Record

__all__ = ["ColumnRole", "FileNote", "Question", "ReadingNotes", "Sampled", "SetAside"]


class FileNote(Record):
    """How one file was read."""

    name: str
    role: Literal["catalog", "interactions", "images", "features", "mapping"]
    format: str
    encoding: str | None = None
    delimiter: str | None = None
    packed: Literal["gzip", "zip"] | None = None
    sheet: str | None = None  # of a workbook, or the file inside a zip
    rows: int = 0
    columns: tuple[str, ...] = ()
    preview: tuple[tuple[str, ...], ...] = ()  # first five rows as text
    remarks: tuple[Message, ...] = ()  # what was noticed while reading: ``reading.remark.*``


class ColumnRole(Record):
    """Which of the shop's columns plays which role, and why we think so."""

    file: str
    role: str  # item_id title description category price image | user_id item_id timestamp price quantity amount event_type
    column: str
    score: Share
    reason: Message
    samples: tuple[str, ...] = ()


class Question(Record):
    """Two or more columns that could play one role equally well: a person must choose, nothing was guessed.

    Words: ``reading.question.<role>``.
    """

    file: str
    role: str
    candidates: tuple[ColumnRole, ...]


class Sampled(Record):
    """A log or catalog too large to train on whole: which part was kept. Users are drawn whole, with all their rows."""

    rows: int
    rows_kept: int
    users: int
    users_kept: int
    items: int
    items_kept: int


class SetAside(Record):
    """Rows of one file that could not be used, by reason (words: ``set_aside.<reason>``)."""

    file: str
    reason: str
    count: int = Field(ge=0)


class ReadingNotes(Record):
    """What reading found: files, roles, the cleaning funnel. Tells the Data page everything it shows."""

    files: tuple[FileNote, ...] = ()
    columns: tuple[ColumnRole, ...] = ()
    set_aside: tuple[SetAside, ...] = ()
    questions: tuple[Question, ...] = ()
    published_format: str | None = None  # mmrec, recbole, amazon2023, movielens, hm: recognised by itself or chosen
    sampled: Sampled | None = None
    event_weights: dict[str, float] = Field(default_factory=dict)  # event type -> what one such event counts; 0: not at all
    rating_threshold: float | None = None  # ratings from here on count as "liked"; lower ones are set aside
    weak_pairs: int = 0  # (user, item) pairs whose events do not add up to one interaction; not trained or tested on
    unused_columns: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    merged_duplicates: int = 0  # rows that repeat a (user, item) pair; kept as weight, counted once in ranking
    items_without_interactions: int = 0
    images_unmatched: int = 0
    remarks: tuple[Message, ...] = ()  # columns left out and why, the segment column, repairs that were made
    findings: tuple[Finding, ...] = ()
