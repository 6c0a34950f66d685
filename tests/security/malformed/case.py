"""What a malformed file is to the test that reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Case", "Make", "raw"]

Make = Callable[[Path], None]


@dataclass(frozen=True)
class Case:
    """One malformed file.

    Attributes
    ----------
    family : what kind of harm it is
    name : the file's name, under which the shop hands it in
    role : ``catalog``, ``log``, ``images``, ``features`` or ``mapping``; the rest of the shop is sound
    make : writes it at a path
    outcomes : what may come of it: an error's code, ``aside`` (read, and some of it set aside and counted) or ``read``
    at : the path to hand in instead of ``make``'s, relative to the folder with the file
    """

    family: str
    name: str
    role: str
    make: Make
    outcomes: frozenset[str]
    at: str | None = None

    def __str__(self) -> str:
        return f"{self.family}-{self.role}-{self.name}"


def raw(content: Callable[[], bytes]) -> Make:
    """Writes what ``content`` returns."""
    return lambda path: path.write_bytes(content()) and None
