"""What its curves say of a training: whether it had begun, and whether it was over when it ended."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["begun", "convergence", "flat", "rising"]

_COIN = math.log(2)  # the BPR loss of one who tells pairs apart no better than a coin
_BEGUN = 0.8 * _COIN
_HUGE = 10 * _COIN  # nobody who has learnt anything is so sure of what is wrong
_FEW = 3  # epochs; of fewer, one that happens to be lower would be an end
_PART = 5  # what has long been learning is looked at over a fifth of its epochs


def flat(validation: Sequence[float], patience: int) -> bool:
    """Whether a curve has come to rest: its last n values are on average no higher than the n before; n is ``patience``, or more.

    Means see through chance, which a best value rather collects: on H&M what learns slowly (distillation, FREEDOM, purchase history
    alone) dips for ten epochs on its way up, and a wait of eight for a better one lost 2 to 6 % of its recall, this 0 to 1.4 % (one
    of eight still 5 %). What learns quickly ends as soon. So does a curve that falls.
    """
    n = max(patience, len(validation) // _PART)
    return len(validation) >= 2 * n and sum(validation[-n:]) <= sum(validation[-2 * n : -n])


def rising(validation: Sequence[float], patience: int, least: float) -> bool:
    """Whether the last ``patience`` epochs brought a gain, over the best of all before them, of more than a share ``least``."""
    before, after = validation[:-patience], validation[-patience:]
    return not before or max(after) > (1 + least) * max(before)


def begun(losses: Sequence[float], patience: int, least: float) -> bool:
    """Whether a training is under way, so that a validation that does not rise means something.

    It is not while its pairs are told apart hardly better than by a coin, and ever better: a deeply buried modality, or a small
    learning rate, may need twenty epochs before any list changes. A loss that no longer falls by a share ``least`` within
    ``patience`` epochs will not begin to.
    """
    if len(losses) <= patience or min(losses) <= _BEGUN:
        return True
    return losses[-1] >= (1 - least) * losses[-1 - patience]


def convergence(validation: Sequence[float], losses: Sequence[float], patience: int, least: float) -> str:
    """How a training ended, in one word.

    ``diverged``: its training loss ended above where it began by more than a share ``least``, is ten times a coin's, or no number;
    one whose steps are far too large may fall from an enormous loss to a huge one. ``rising``: cut off while it still gained, see
    ``rising``. ``early_stopped``: what it had learnt best it was unlearning, by more than a share ``least`` in each of the last
    ``patience`` epochs; the best epoch is kept. ``converged``: it had stopped changing.
    """
    if not losses or not losses[-1] <= min((1 + least) * losses[0], _HUGE):
        return "diverged"
    if len(validation) <= patience:  # one that was not to end by itself is judged by its last fifth, of three epochs or more
        patience = max(len(validation) // _PART, _FEW)
    if rising(validation, patience, least):
        return "rising"
    return "early_stopped" if max(validation[-patience:]) < (1 - least) * max(validation) else "converged"
