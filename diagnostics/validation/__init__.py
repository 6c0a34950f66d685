"""Puts the verdict itself to the test: worlds whose truth is known, judged as a user's data would be; how often that is right."""

from __future__ import annotations

from diagnostics.validation.request import ValidationRequest

__all__ = ["ValidationRequest"]
