"""Trains many jobs together on one device: VBPR's arms and seeds stacked in one tensor (see ``models.stacked``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from diagnostics.probe.arms import Job
from diagnostics.probe.inputs import ProbeInputs
from diagnostics.probe.run import JobResult
from diagnostics.probe.training import OpenedJob, closed_job, diverged_trial, event_of, interactions, opened_job
from diagnostics.schema import ProbeEvent, ProbePlan
from models.balancers import STACKABLE

if TYPE_CHECKING:
    from models.backbones.vbpr import VBPR
    from models.stacked import Training

__all__ = ["JobStack", "stackable"]


def stackable(job: Job) -> bool:
    """Whether a job can be trained so: VBPR, of the usual size and features, by a method that looks at margins alone."""
    arm = job.arm
    return arm.backbone == "vbpr" and arm.balancer in STACKABLE and arm.variant in ("", "firm") and job.stage in ("", "rate")


@dataclass(frozen=True)
class _Stacked:
    job: Job
    opened: OpenedJob
    training: Training


class JobStack:
    """Stackable jobs of one plan, trained an epoch at a time; what is said of each is what ``train_job`` would say.

    ``device``: torch's name of it. Nothing is kept of a training that is interrupted: it begins anew.
    """

    def __init__(self, inputs: ProbeInputs, plan: ProbePlan, device: str) -> None:
        from models.stacked import Stack

        own = plan.model_copy(update=plan.options.get("backbones", {}).get("vbpr", {}))
        self._inputs, self._plan = inputs, plan
        self._live: dict[str, _Stacked] = {}
        self._stack = Stack(
            inputs.n_users,
            inputs.n_items,
            {name: inputs.features[name] for name in plan.modalities},
            interactions(inputs, plan),
            dimensions=own.dimensions,
            batch_size=own.batch_size,
            k=own.k,
            device=device,
        )

    def __len__(self) -> int:
        return len(self._live)

    @property
    def jobs(self) -> tuple[Job, ...]:
        """Those that are trained at present."""
        return tuple(one.job for one in self._live.values())

    @property
    def room(self) -> int:
        """How many more jobs the device has memory for; one at least, if there are none."""
        return max(self._stack.room, 0 if self._live else 1)

    def add(self, given: Mapping[Job, Mapping[str, JobResult]]) -> None:
        """More jobs, from the next epoch on, each with the results of those that it needs."""
        from models.stacked import Training

        for job, results in given.items():
            opened = opened_job(self._inputs, self._plan, job, results)
            model, rate, l2 = cast("VBPR", opened.backbone), opened.plan.learning_rate, opened.plan.l2
            training = Training(model, opened.balancer, opened.settings, rate, l2, opened.seed)
            self._live[job.job_id] = _Stacked(job, opened, training)
        self._stack.add({job.job_id: self._live[job.job_id].training for job in given})

    def epoch(self) -> Iterator[tuple[Job, ProbeEvent | JobResult | FloatingPointError]]:
        """One epoch of all: the event of each, and of those that are over what they leave behind or how they failed."""
        for name, said in self._stack.epoch():
            one = self._live[name]
            course, settings = one.training.course, one.opened.settings
            if isinstance(said, FloatingPointError):
                del self._live[name]
                yield one.job, diverged_trial(one.opened, one.job, course) if one.job.stage else said
                continue
            yield one.job, event_of(one.job, said, settings)
            if course.over(settings):
                del self._live[name]
                yield one.job, closed_job(one.opened, self._inputs, one.job, course)
