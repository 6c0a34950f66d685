"""What a person asks for: the options of ``validate`` in one record."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from diagnostics.schema import Record

__all__ = ["ValidationRequest"]


class ValidationRequest(Record):
    """The options of ``python -m diagnostics validate`` but for ``--out`` and how progress is shown; see ``benchmark.validate``."""

    which: Literal["development", "held_out"] = "development"
    worlds: int = Field(default=100, ge=0)
    long: int = Field(default=10, ge=0)
    sparse: int = Field(default=0, ge=0)
    eclipsed: int = Field(default=0, ge=0)
    drawn: int = Field(default=0, ge=0)
    preset: Literal["quick", "standard", "thorough"] = "quick"
    slow_training: bool = False
    shop: Path | None = None
    threads: int | None = Field(default=None, ge=1)
    lang: Literal["en", "ja"] = "en"

    def resolved(self) -> ValidationRequest:
        """The same request with absolute paths, so that it means the same from any folder."""
        return self if self.shop is None else self.model_copy(update={"shop": self.shop.resolve()})

    def without_passwords(self) -> ValidationRequest:
        """The same request: nothing in it is secret."""
        return self
