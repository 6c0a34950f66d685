"""Checkpoints after every epoch, whatever they cost: a small run has few that last."""

from __future__ import annotations

from diagnostics.config import THRESHOLDS, Threshold

__all__ = ["keep_every_epoch"]


def keep_every_epoch() -> None:
    """In this process, from now on."""
    THRESHOLDS["checkpoint_seconds"] = Threshold(0.0, "a test's epochs take milliseconds")
    THRESHOLDS["checkpoint_share"] = Threshold(1e9, "a test looks at what is kept, not at what it costs")
