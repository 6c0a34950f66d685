"""Trainings that decide how others train, on validation alone: which learning rate, and what the balancer ``auto`` is.

They are jobs like any other, done with the plan's first seed, so a seed repeats them and a resumed run finds them again. Those that
depend on them read their records and come to the same decision each time; test customers are looked at only after that.

Learning rate. Per backbone the plain joint model is trained with the multiples of its usual rate that the preset names. The usual
one stays unless another is better by the margin of ``learning_rate_margin``: defaults were chosen on several data sets, one
training on one is noise.

``auto``. Successive halving (Jamieson and Talwalkar, AISTATS 2016) over a small grid of methods and strengths: in the heats all of
them are trained for a few epochs, in the finals the best few to the end. The best finalist is chosen, or nothing at all where plain
training with that seed did no worse.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from diagnostics.config import threshold
from diagnostics.schema import BalancerChoice, RateChoice, Trial

if TYPE_CHECKING:
    from diagnostics.probe.run import JobResult

__all__ = ["AUTO", "GRID", "balancer_choice", "best_rate", "chosen_balancer", "ranked", "rate_choices", "trial_of"]

AUTO = "auto"
"""In the place of a balancer: the method and strength that did best on validation."""

GRID: Mapping[str, Sequence[float]] = {
    "ckd": (1.0, 3.0),
    "ogm_ge": (1.0, 3.0),
    "agm": (1.0,),
    "cggm": (1.0,),
    "pmr": (1.0,),
    "mmpareto": (1.0,),
    "modality_dropout": (1.0, 2.0),
    "mslr": (1.0,),
}
"""What ``auto`` tries: one method of each kind, and where its strength is a matter of taste a stronger one too."""


def trial_of(meta: Mapping[str, Any]) -> Trial:
    """A training's record as a result shows it."""
    return Trial.model_validate({name: meta[name] for name in Trial.model_fields})


def _value(trial: Trial) -> float:
    return -1.0 if trial.validation is None else trial.validation


def best_rate(default: float, trials: Iterable[Trial]) -> float:
    """The learning rate to train with: the usual one, unless another's best validation is better by the margin."""
    tried = list(trials)
    usual = max((_value(trial) for trial in tried if trial.learning_rate == default), default=-1.0)
    best = max(tried, key=_value, default=None)
    if best is None or _value(best) <= max(usual, 0.0) * (1 + threshold("learning_rate_margin")):
        return default
    return best.learning_rate


def ranked(trials: Iterable[Trial]) -> list[Trial]:
    """Best validation first; of equals the one that was listed first. Those that diverged are left out."""
    return sorted((trial for trial in trials if trial.validation is not None), key=_value, reverse=True)


def chosen_balancer(finals: Iterable[Trial], plain: Trial) -> Trial:
    """The best finalist, or the plain training where none was better than it."""
    best = ranked(finals)[:1]
    return best[0] if best and _value(best[0]) > _value(plain) else plain


def rate_choices(results: Mapping[str, JobResult], defaults: Mapping[str, float]) -> tuple[RateChoice, ...]:
    """What each backbone was trained with; ``defaults``: the usual learning rate of each backbone of the plan."""
    made = []
    for backbone, default in defaults.items():
        tried = _records(results, backbone, "rate")
        made.append(RateChoice(backbone=backbone, learning_rate=best_rate(default, tried), default=default, tried=tried))
    return tuple(made)


def balancer_choice(results: Mapping[str, JobResult], backbone: str) -> BalancerChoice | None:
    """What ``auto`` chose on a backbone; None where it has not come to that."""
    done = [result.meta for result in results.values() if result.meta["backbone"] == backbone and result.meta["plain"]]
    if not done:
        return None
    chosen, plain = trial_of(done[0]["chosen"]), trial_of(done[0]["plain"])
    tried = (*_records(results, backbone, "heat"), *_records(results, backbone, "final"))
    return BalancerChoice(
        backbone=backbone,
        balancer=chosen.balancer,
        strength=chosen.strength,
        validation=_value(chosen),
        plain=_value(plain),
        tried=tried,
    )


def _records(results: Mapping[str, JobResult], backbone: str, stage: str) -> tuple[Trial, ...]:
    return tuple(
        trial_of(result.meta) for result in results.values() if (result.meta["backbone"], result.meta["stage"]) == (backbone, stage)
    )
