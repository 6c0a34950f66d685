"""How the files were read: roles of columns, rows set aside, what was noticed."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from diagnostics.schema.codes import Share
from diagnostics.schema.records import Finding, Message, Record

__all__ = ["ColumnRole", "FileNote", "ReadingNotes", "SetAside"]


class FileNote(Record):
    """How one file was read."""

    name: str
    role: Literal["catalog", "interactions", "images", "features", "mapping"]
    format: str
    encoding: str | None = None
    delimiter: str | None = None
    rows: int = 0
    columns: tuple[str, ...] = ()
    preview: tuple[tuple[str, ...], ...] = ()  # first five rows as text


class ColumnRole(Record):
    """Which of the shop's columns plays which role, and why we think so."""

    file: str
    role: str  # item_id title description category price image | user_id item_id timestamp price quantity amount event_type
    column: str
    score: Share
    reason: Message
    samples: tuple[str, ...] = ()


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
    unused_columns: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    merged_duplicates: int = 0  # rows that repeat a (user, item) pair; kept as weight, counted once in ranking
    items_without_interactions: int = 0
    images_unmatched: int = 0
    remarks: tuple[Message, ...] = ()  # columns left out and why, the segment column, repairs that were made
    findings: tuple[Finding, ...] = ()
