"""Trains many jobs together on one device: VBPR's arms and seeds stacked in one tensor (see ``models.stacked``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from diagnostics.config import cores
from diagnostics.probe.arms import Job, plan_for
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
    """Stackable jobs of one plan, trained from validation to validation; what is said of each is what ``train_job`` would say.

    Trained models are tested in threads beside the next epochs. Nothing is kept of a training that is interrupted: it begins anew.
    ``device``: torch's name of it.
    """

    def __init__(self, inputs: ProbeInputs, plan: ProbePlan, device: str) -> None:
        from models.stacked import Stack

        own = plan_for(plan, "vbpr")
        self._inputs, self._plan, self._data = inputs, plan, interactions(inputs, plan)
        self._live: dict[str, _Stacked] = {}
        self._closing: dict[Future[JobResult], Job] = {}
        self._pool = ThreadPoolExecutor(cores())
        self._stack = Stack(
            inputs.n_users,
            inputs.n_items,
            {name: inputs.features[name] for name in plan.modalities},
            self._data,
            dimensions=own.dimensions,
            batch_size=own.batch_size,
            k=own.k,
            validate_every=own.validate_every,
            device=device,
        )

    def __len__(self) -> int:
        return len(self._live) + len(self._closing)

    @property
    def room(self) -> int:
        """How many more jobs the device has memory for; one at least, if there are none."""
        return max(self._stack.room, 0 if self._live else 1)

    def add(self, given: Mapping[Job, Mapping[str, JobResult]]) -> dict[Job, Exception]:
        """More jobs, from the next epoch on, each with the results of those that it needs; returns why some cannot begin."""
        from models.stacked import Training

        failed: dict[Job, Exception] = {}
        new: dict[str, _Stacked] = {}
        for job, results in given.items():
            try:
                opened = opened_job(self._inputs, self._plan, job, results, self._data)
            except Exception as error:
                failed[job] = error
                continue
            training = Training(cast("VBPR", opened.backbone), opened.balancer, opened.settings, opened.seed)
            new[job.job_id] = _Stacked(job, opened, training)
        if new:
            self._stack.add({name: one.training for name, one in new.items()})
            self._live |= new
        return failed

    def epoch(self) -> Iterator[tuple[Job, ProbeEvent | JobResult | Exception]]:
        """All epochs up to a validation: each job's event, and of those that are over what they leave, or how they failed."""
        for name, said in (self._stack.epoch() if self._live else {}).items():
            one = self._live[name]
            course, settings = one.training.course, one.opened.settings
            if isinstance(said, FloatingPointError):
                del self._live[name]
                yield one.job, diverged_trial(one.opened, one.job, course) if one.job.stage else said
                continue
            yield one.job, event_of(one.job, said, settings)
            if course.over(settings):
                del self._live[name]
                self._closing[self._pool.submit(closed_job, one.opened, self._inputs, one.job, course)] = one.job
        if self._closing and not self._live:
            wait(self._closing, return_when=FIRST_COMPLETED)
        for future in [future for future in self._closing if future.done()]:
            error = future.exception()
            yield self._closing.pop(future), future.result() if error is None else cast("Exception", error)
