"""How far a profile has come, and whether to go on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from diagnostics.errors import Cancelled
from diagnostics.schema import Progress

__all__ = ["Steps", "Tell", "silent"]

Tell = Callable[[float], None]
"""Takes the share done of one piece of work, in [0, 1]; raises ``Cancelled`` where the work is to stop."""


def silent(done: float) -> None:
    """Nobody wants to know, and nobody cancels."""


@dataclass
class Steps:
    """A known number of pieces of work, one after the other.

    Attributes
    ----------
    total : how many there are
    progress : called with ``profile`` and the share done of all
    cancelled : asked as often as progress is told; True stops
    finished : how many are done
    """

    total: int
    progress: Progress
    cancelled: Callable[[], bool]
    finished: int = 0

    def tell(self, done: float) -> None:
        """The share done of the present piece. Raises ``Cancelled``."""
        if self.cancelled():
            raise Cancelled
        self.progress("profile", min((self.finished + done) / self.total, 1.0))

    def next(self) -> None:
        """The present piece is done. Raises ``Cancelled``."""
        self.finished += 1
        self.tell(0.0)

    def within(self, begin: float, end: float) -> Tell:
        """``tell`` for a part of the present piece, from the share ``begin`` to the share ``end`` of it."""
        return lambda done: self.tell(begin + (end - begin) * done)
