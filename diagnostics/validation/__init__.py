"""Puts the verdict itself to the test: worlds whose truth is known, judged as a user's data would be, and how often that is right."""

from __future__ import annotations

from diagnostics.validation.benchmark import validate
from diagnostics.validation.worlds import SETS, World, worlds

__all__ = ["SETS", "World", "validate", "worlds"]
