"""What a validation curve says of a training: whether it was over when it ended."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["convergence", "rising"]


def rising(validation: Sequence[float], patience: int, least: float) -> bool:
    """Whether the last ``patience`` epochs brought a gain, over the best of all before them, of more than a share ``least``."""
    before, after = validation[:-patience], validation[-patience:]
    return not before or max(after) > (1 + least) * max(before)


def convergence(validation: Sequence[float], losses: Sequence[float], patience: int, least: float) -> str:
    """How a training ended, in one word.

    ``diverged``: its training loss ended above where it began, or is not a number. ``rising``: cut off while it still gained, see
    ``rising``. ``early_stopped``: what it had learnt best it was unlearning, by more than a share ``least`` in each of the last
    ``patience`` epochs; the best epoch is kept. ``converged``: it had stopped changing.
    """
    if not losses or not losses[-1] <= losses[0]:
        return "diverged"
    if rising(validation, patience, least):
        return "rising"
    return "early_stopped" if max(validation[-patience:]) < (1 - least) * max(validation) else "converged"
