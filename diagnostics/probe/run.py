"""What a probe leaves behind: every arm's result per user, nothing aggregated away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from diagnostics.probe.arms import jobs
from diagnostics.schema import Arm, ArmSummary, ProbeEvent, ProbePlan
from diagnostics.stats.intervals import estimate_mean

__all__ = ["JobResult", "ProbeRun", "set_name"]


def set_name(modalities: tuple[str, ...] | list[str] | frozenset[str], order: tuple[str, ...]) -> str:
    """The name of a set of factual modalities in ``JobResult.meta["sets"]``: joined by "+", "id" if empty."""
    return "+".join(name for name in order if name in modalities) or "id"


@dataclass(frozen=True)
class JobResult:
    """One arm trained with one seed.

    ``arrays``: ``recall`` and ``ndcg`` float32 (n_sets, n_test_users) of the trained model with each set of ``meta["sets"]``
    factual, test users in index order; ``state.*`` the parameters, where another arm distils from this one.
    ``meta``: ``sets``, ``best_epoch``, ``epochs``, ``converged``, ``validation``.
    """

    job_id: str
    arrays: dict[str, npt.NDArray[np.generic]]
    meta: dict[str, Any]


@dataclass(frozen=True)
class ProbeRun:
    """All results of a probe, finished or not. ``failures``: job_id -> reason code."""

    plan: ProbePlan
    status: Literal["finished", "cancelled"]
    events: tuple[ProbeEvent, ...]
    results: Mapping[str, JobResult]
    failures: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def _finished(self) -> dict[Arm, dict[int, JobResult]]:
        """Arm -> seed -> result, in the plan's order."""
        found: dict[Arm, dict[int, JobResult]] = {arm: {} for arm in self.plan.arms}
        for job in jobs(self.plan):
            if job.job_id in self.results:
                found[job.arm][job.seed] = self.results[job.job_id]
        return found

    def seeds_of(self, arm: Arm) -> tuple[int, ...]:
        """Seeds that this arm finished; none for an arm outside the plan."""
        return tuple(self._finished.get(arm, {}))

    def per_user(
        self, arm: Arm, *, factual: tuple[str, ...] | None = None, metric: str = "recall", seeds: tuple[int, ...] | None = None
    ) -> npt.NDArray[np.float64]:
        """A metric per seed and test user, float64 (n_seeds, n_test_users), of a trained arm with only some modalities factual.

        ``factual`` None means all the arm has. ``seeds`` restricts and orders the seeds, for pairing with another arm.
        """
        name = set_name(arm.modalities if factual is None else factual, self.plan.modalities)
        rows = [
            result.arrays[metric][result.meta["sets"].index(name)]
            for seed, result in self._finished.get(arm, {}).items()
            if seeds is None or seed in seeds
        ]
        return np.asarray(rows, dtype=np.float64)

    def paired(self, one: Arm, other: Arm) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Recall of two arms over the seeds that both finished; (n_seeds, n_test_users) each."""
        seeds = tuple(seed for seed in self.seeds_of(one) if seed in self.seeds_of(other))
        return self.per_user(one, seeds=seeds), self.per_user(other, seeds=seeds)

    def summaries(self) -> tuple[ArmSummary, ...]:
        """What each arm reached, in the plan's order; arms without a finished seed are left out."""
        made = []
        for arm in self.plan.arms:
            done = list(self._finished[arm].values())
            if not done:
                continue
            made.append(
                ArmSummary(
                    arm_id=arm.arm_id,
                    backbone=arm.backbone,
                    modalities=arm.modalities,
                    balancer=arm.balancer,
                    seeds=self.seeds_of(arm),
                    recall_at_20=estimate_mean(self.per_user(arm)),
                    ndcg_at_20=estimate_mean(self.per_user(arm, metric="ndcg")),
                    best_epochs=tuple(result.meta["best_epoch"] for result in done),
                    converged=all(result.meta["converged"] for result in done),
                )
            )
        return tuple(made)
