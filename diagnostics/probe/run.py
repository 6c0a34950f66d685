"""What a probe leaves behind: every arm's result per user, nothing aggregated away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from diagnostics.probe.arms import Job, jobs, plain_arms
from diagnostics.probe.trials import balancer_choice, rate_choices
from diagnostics.schema import Arm, ArmSummary, BalancerChoice, Estimate, ProbeEvent, ProbePlan, RateChoice
from diagnostics.stats import SeedNoise, estimate_mean, noise_of_levels

__all__ = ["JobResult", "ProbeRun", "set_name"]


def set_name(modalities: tuple[str, ...] | list[str] | frozenset[str], order: tuple[str, ...]) -> str:
    """The name of a set of factual modalities in ``JobResult.meta["sets"]``: joined by "+", "id" if empty."""
    return "+".join(name for name in order if name in modalities) or "id"


@dataclass(frozen=True)
class JobResult:
    """One arm trained with one seed.

    ``arrays``: ``recall`` and ``ndcg`` float32 (n_sets, n_test_users) of the trained model with each set of ``meta["sets"]``
    factual, test users in index order; ``hits``, and of the plain joint model ``bare``, ``replaced`` and ``exposure``, see
    ``testing``; ``state.*`` the parameters, where another arm distils from this one.
    ``meta``: ``sets``, ``best_epoch``, ``epochs``, ``convergence``, ``validation``, and with which settings it was trained. A trial
    (see ``Job``) has no arrays: its models are never tested.
    """

    job_id: str
    arrays: dict[str, npt.NDArray[np.generic]]
    meta: dict[str, Any]

    def without_state(self) -> JobResult:
        """The same without parameters, which are most of it, and of which no result of a probe is made."""
        kept = {name: array for name, array in self.arrays.items() if not name.startswith("state.")}
        return JobResult(self.job_id, kept, self.meta)


@dataclass(frozen=True)
class ProbeRun:
    """All results of a probe, finished or not. ``failures``: job_id -> reason code.

    ``stopped_after``: the number of seeds after which it was settled what the others would have shown; None where all were asked.
    ``settled_after``: the same of single arms, of which no more was asked while others went on.
    """

    plan: ProbePlan
    status: Literal["finished", "cancelled"]
    events: tuple[ProbeEvent, ...]
    results: Mapping[str, JobResult]
    failures: Mapping[str, str] = field(default_factory=dict)
    stopped_after: int | None = None
    settled_after: Mapping[Arm, int] = field(default_factory=dict)

    def asked(self) -> tuple[Job, ...]:
        """The jobs of the plan that were not settled before their turn came, and every trial, whose arm may not be the plan's."""
        all_seeds = self.plan.all_seeds[: self.stopped_after]
        until = {arm: set(all_seeds[: self.settled_after.get(arm)]) for arm in self.plan.arms}
        return tuple(job for job in jobs(self.plan) if job.stage or job.seed in until[job.arm])

    @cached_property
    def _finished(self) -> dict[Arm, dict[int, JobResult]]:
        """Arm -> seed -> result, in the plan's order."""
        found: dict[Arm, dict[int, JobResult]] = {arm: {} for arm in self.plan.arms}
        for job in jobs(self.plan):
            if job.job_id in self.results and not job.stage:
                found[job.arm][job.seed] = self.results[job.job_id]
        return found

    def seeds_of(self, arm: Arm) -> tuple[int, ...]:
        """Seeds that this arm finished; none for an arm outside the plan."""
        return tuple(self._finished.get(arm, {}))

    def per_user(
        self, arm: Arm, *, factual: tuple[str, ...] | None = None, metric: str = "recall", seeds: tuple[int, ...] | None = None
    ) -> npt.NDArray[np.float64]:
        """A metric per seed and test user, float64 (n_seeds, n_test_users), of a trained arm with only some modalities factual.

        ``factual`` None means all the arm has. ``seeds`` restricts and orders the seeds, for pairing with another arm. Empty where
        that set was not tested, as of models whose scores do not tell modalities apart.
        """
        name = set_name(arm.modalities if factual is None else factual, self.plan.modalities)
        rows = [
            result.arrays[metric][result.meta["sets"].index(name)]
            for seed, result in self._finished.get(arm, {}).items()
            if (seeds is None or seed in seeds) and name in result.meta["sets"]
        ]
        return np.asarray(rows, dtype=np.float64)

    def level(
        self, arm: Arm, *, factual: tuple[str, ...] | None = None, metric: str = "recall", seeds: tuple[int, ...] | None = None
    ) -> Estimate:
        """Mean of ``per_user`` with its interval, for which all plain arms of the backbone tell how much a seed decides.

        Of balanced arms and ensembles, too, which may be steadier or less so: their comparisons know that, their levels do not.
        """
        noise = self._noise[arm.backbone, metric]
        return estimate_mean(self.per_user(arm, factual=factual, metric=metric, seeds=seeds), noise=noise)

    @cached_property
    def _noise(self) -> dict[tuple[str, str], SeedNoise | None]:
        """(backbone, metric) -> how much a seed decides of a level; None where too few trainings tell."""
        found = {}
        for backbone in dict.fromkeys(arm.backbone for arm in self.plan.arms):
            arms = plain_arms(self.plan, backbone)
            seeds = tuple(seed for seed in self.plan.all_seeds if all(seed in self.seeds_of(arm) for arm in arms))
            for metric in ("recall", "ndcg"):
                levels = [self.per_user(arm, metric=metric, seeds=seeds) for arm in arms]
                found[backbone, metric] = noise_of_levels(levels) if seeds else None
        return found

    def stacked(
        self, arm: Arm, array: str, row: int | None = None, *, seeds: tuple[int, ...] | None = None
    ) -> npt.NDArray[np.float64]:
        """An array of a trained arm's results, or one row of it, per seed: (n_seeds, ...); empty where it was not measured."""
        found = [
            result.arrays[array] if row is None else result.arrays[array][row]
            for seed, result in self._finished.get(arm, {}).items()
            if (seeds is None or seed in seeds) and array in result.arrays
        ]
        return np.asarray(found, dtype=np.float64)

    def meta_of(self, arm: Arm) -> dict[str, Any]:
        """What the arm's first finished training notes of itself; empty where none is finished."""
        return next((result.meta for result in self._finished.get(arm, {}).values()), {})

    def hits(self, arm: Arm, n_pairs: int, *, seeds: tuple[int, ...] | None = None) -> npt.NDArray[np.bool_]:
        """Which test purchases the whole model found, bool (n_seeds, n_pairs), in the order of users, then of items."""
        name = set_name(arm.modalities, self.plan.modalities)
        rows = [
            np.unpackbits(result.arrays["hits"][result.meta["sets"].index(name)].astype(np.uint8), count=n_pairs).astype(bool)
            for seed, result in self._finished.get(arm, {}).items()
            if (seeds is None or seed in seeds) and "hits" in result.arrays
        ]
        return np.asarray(rows, dtype=bool).reshape(len(rows), n_pairs)

    def shared_seeds(self, one: Arm, other: Arm) -> tuple[int, ...]:
        """Seeds that both arms finished."""
        return tuple(seed for seed in self.seeds_of(one) if seed in self.seeds_of(other))

    def learning_rates(self) -> tuple[RateChoice, ...]:
        """What each backbone was trained with, and what was tried."""
        others = self.plan.options.get("backbones", {})
        names = dict.fromkeys(arm.backbone for arm in self.plan.arms)
        return rate_choices(
            self.results, {name: others.get(name, {}).get("learning_rate", self.plan.learning_rate) for name in names}
        )

    def chosen(self, backbone: str) -> BalancerChoice | None:
        """What the balancer ``auto`` was on a backbone; None if it was not asked for or has not chosen yet."""
        return balancer_choice(self.results, backbone)

    @cached_property
    def summaries(self) -> tuple[ArmSummary, ...]:
        """What each arm reached, in the plan's order; arms without a finished seed are left out."""
        made = []
        for arm in self.plan.arms:
            done = list(self._finished[arm].values())
            if not done:
                continue
            ended = Counter(str(result.meta["convergence"]) for result in done)
            ended["diverged"] += sum(
                self.failures.get(Job(arm, seed).job_id) == "FloatingPointError" for seed in self.plan.all_seeds
            )
            made.append(
                ArmSummary(
                    arm_id=arm.arm_id,
                    backbone=arm.backbone,
                    modalities=arm.modalities,
                    balancer=arm.balancer,
                    variant=arm.variant,
                    seeds=self.seeds_of(arm),
                    recall_at_20=self.level(arm),
                    ndcg_at_20=self.level(arm, metric="ndcg"),
                    best_epochs=tuple(result.meta["best_epoch"] for result in done),
                    converged=not ended["rising"] and not ended["diverged"],
                    convergence=dict(sorted((+ended).items())),
                    learning_rate=done[0].meta["learning_rate"],
                )
            )
        return tuple(made)
