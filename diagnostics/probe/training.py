"""Trains one job: one arm with one seed."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from diagnostics.config import threshold
from diagnostics.errors import Cancelled
from diagnostics.probe.arms import ENSEMBLE, Job, jobs, plan_for
from diagnostics.probe.checkpoint import Keeper, checkpoint, course_of
from diagnostics.probe.inputs import ProbeInputs
from diagnostics.probe.run import JobResult
from diagnostics.probe.settling import fast_branch, features_of, settings_of
from diagnostics.probe.testing import ensemble, exposure, joint_sets, replaced, test
from diagnostics.probe.trials import AUTO, best_rate, chosen_balancer, ranked, trial_of
from diagnostics.schema import Arm, ProbeEvent, ProbePlan, Trial
from diagnostics.seeds import generator, seed_for
from models.backbones import BACKBONES
from models.backbones.protocol import Backbone, Features
from models.balancers import BALANCERS
from models.balancers.protocol import Balancer
from models.convergence import convergence
from models.memory import below, prefixed
from models.ranking import UserItems
from models.training import Course, EpochRecord, Interactions, Settings, score_sets, scorer, train

__all__ = ["OpenedJob", "closed_job", "diverged_trial", "event_of", "interactions", "opened_job", "train_job"]


def train_job(
    inputs: ProbeInputs,
    plan: ProbePlan,
    job: Job,
    given: Mapping[str, JobResult],
    cancelled: Callable[[], bool] = lambda: False,
    keeper: Keeper | None = None,
) -> Iterator[ProbeEvent | JobResult]:
    """Trains one job, yielding an event per validated epoch and the ``JobResult`` last. ``given``: results of what it needs.

    ``keeper`` is offered a checkpoint after each of these. A training goes on after the last one that it kept: it then yields the
    events of the epochs before anew, and the result is the same, bit for bit.

    Everything drawn at random depends on the job's seed alone: arms of one seed share their order of pairs and their negatives,
    so that their difference is paired.

    Raises
    ------
    Cancelled
        ``cancelled`` said so after one of them.
    FloatingPointError
        The training diverged.
    """
    if job.arm.balancer == ENSEMBLE:
        yield _averaged(inputs, plan, job, given)
        return
    opened = opened_job(inputs, plan, job, given, interactions(inputs, plan))
    backbone, balancer, settings = opened.backbone, opened.balancer, opened.settings
    course = course_of(keeper.last() if keeper else None, backbone, balancer)
    yield from (event_of(job, record, settings) for record in list(course.records))
    try:
        for record in train(backbone, opened.data, balancer, settings, seed=opened.seed, course=course):
            yield event_of(job, record, settings)
            stop = cancelled()
            if keeper is not None:
                keeper.keep(lambda: checkpoint(course, backbone, balancer), now=stop)
            if stop:
                raise Cancelled
    except FloatingPointError:
        if not job.stage:
            raise
        yield diverged_trial(opened, job, course)
        return
    yield closed_job(opened, inputs, job, course)


@dataclass(frozen=True)
class OpenedJob:
    """A training that can begin: ``plan`` with the job's own settings, ``seed`` of its triples, and of ``JobResult.meta`` what is
    known beforehand."""

    plan: ProbePlan
    data: Interactions
    backbone: Backbone
    balancer: Balancer
    settings: Settings
    seed: int
    meta: dict[str, Any]


def opened_job(inputs: ProbeInputs, plan: ProbePlan, job: Job, given: Mapping[str, JobResult], data: Interactions) -> OpenedJob:
    """Everything that a job's training begins with; ``given`` as in ``train_job``, ``data`` from ``interactions``."""
    plan, chosen, meta = _settled(plan, job, given)
    teachers = {name: model.margins for name, model in _teachers(inputs, plan, job, given).items()}
    features = features_of(inputs.features, job.arm, inputs.lengths, inputs.real)
    return OpenedJob(
        plan=plan,
        data=data,
        backbone=_backbone(inputs, plan, job.arm.backbone, features, job.seed),
        balancer=fast_branch(job.arm) or BALANCERS[chosen.balancer](teachers, chosen.strength),
        settings=_settings(plan, job),
        seed=seed_for(job.seed, "sampling") % 2**31,
        meta=meta,
    )


def _settled(plan: ProbePlan, job: Job, given: Mapping[str, JobResult]) -> tuple[ProbePlan, Trial, dict[str, Any]]:
    """The plan with the job's own settings, what to balance with, and of ``JobResult.meta`` what is known beforehand."""
    plan = plan_for(plan, job.arm.backbone)
    tried = [given[job_id].meta for job_id in job.trials]
    rate = best_rate(plan.learning_rate, [trial_of(meta) for meta in tried if meta["stage"] == "rate"])
    plan = settings_of(plan.model_copy(update={"learning_rate": rate * job.option if job.stage == "rate" else rate}), job.arm)
    chosen, plain = _chosen(job, tried)
    meta = {
        "stage": job.stage,
        "backbone": job.arm.backbone,
        "learning_rate": plan.learning_rate,
        "balancer": chosen.balancer,
        "strength": chosen.strength,
        "chosen": None if plain is None else chosen.model_dump(),
        "plain": None if plain is None else plain.model_dump(),
    }
    return plan, chosen, meta


def _teachers(inputs: ProbeInputs, plan: ProbePlan, job: Job, given: Mapping[str, JobResult]) -> dict[str, Backbone]:
    """The trained uni-modal models that the job learns from, by modality."""
    alone: dict[str, Backbone] = {}
    for name, teacher_id in zip(job.arm.modalities, job.teachers, strict=bool(job.teachers)):
        alone[name] = _backbone(inputs, plan, job.arm.backbone, {name: inputs.features[name]}, job.seed)
        alone[name].load_state(below("state", given[teacher_id].arrays))
    return alone


def _averaged(inputs: ProbeInputs, plan: ProbePlan, job: Job, given: Mapping[str, JobResult]) -> JobResult:
    """The ensemble of the job's teachers: nothing is trained."""
    plan, _, meta = _settled(plan, job, given)
    score = ensemble(_teachers(inputs, plan, job, given), inputs.n_users)
    arrays, tested = test(score, [frozenset(job.arm.modalities)], inputs, interactions(inputs, plan), plan)
    made = {"best_epoch": 0, "epochs": 0, "convergence": "converged", "validation": None}
    return JobResult(job.job_id, arrays, meta | made | tested)


def diverged_trial(opened: OpenedJob, job: Job, course: Course) -> JobResult:
    """A trial whose loss was not finite: no reason to fail what asks for it."""
    return JobResult(job.job_id, {}, opened.meta | {"epochs": course.epochs, "validation": None})


def closed_job(opened: OpenedJob, inputs: ProbeInputs, job: Job, course: Course) -> JobResult:
    """What a training that has come to its end leaves behind; its backbone holds the best state."""
    plan, backbone, records = opened.plan, opened.backbone, course.records
    best = max(records, key=lambda record: (record.best, record.epoch))
    meta = opened.meta | {
        "best_epoch": best.epoch,
        "epochs": course.epochs,
        "convergence": convergence(
            [record.validation for record in records], [record.loss for record in records], plan.patience, opened.settings.rising
        ),
        "validation": best.validation,
    }
    if job.stage:
        return JobResult(job.job_id, {}, meta)
    arrays, tested = _tested(backbone, inputs, opened.data, plan, job)
    if any(job.job_id in other.teachers for other in jobs(plan)):
        arrays |= prefixed("state", backbone.state())
    return JobResult(job.job_id, arrays, meta | tested)


def _tested(
    backbone: Backbone, inputs: ProbeInputs, data: Interactions, plan: ProbePlan, job: Job
) -> tuple[dict[str, npt.NDArray[np.generic]], dict[str, Any]]:
    """What the model is asked on the test customers: of the plain joint model that is judged, everything (see ``testing``)."""
    judged = Arm(backbone=plan.arms[0].backbone, modalities=plan.modalities)
    if job.arm != judged or not plan.modalities:
        sets = list(dict.fromkeys(score_sets(backbone.modalities, apart=backbone.content_in_score).values()))
        return test(scorer(backbone, sets), sets, inputs, data, plan)
    sets, bare = joint_sets(backbone)
    arrays, meta = test(scorer(backbone, sets, bare), sets, inputs, data, plan, bare=bare)
    arrays |= exposure(backbone, inputs, data, plan)
    if not backbone.content_in_score:
        return arrays, meta
    again = functools.partial(_backbone, inputs, plan, job.arm.backbone, seed=job.seed)
    changed, names = replaced(backbone, lambda features: again(features=features), inputs, data, plan, seed=job.seed)
    return arrays | changed, meta | names


def event_of(job: Job, record: EpochRecord, settings: Settings) -> ProbeEvent:
    """An epoch's record as the run tells it."""
    return ProbeEvent(
        kind="epoch",
        arm=job.name,
        seed=job.seed,
        epoch=record.epoch,
        max_epochs=settings.max_epochs,
        loss=record.loss,
        validation=record.validation,
        branches=record.branches,
        dynamics=record.dynamics,
        seconds=record.seconds,
    )


def _chosen(job: Job, tried: Sequence[Mapping[str, Any]]) -> tuple[Trial, Trial | None]:
    """What to balance with, as the trial that speaks for it; and, where ``auto`` chose, the plain training it was compared with."""
    unbalanced = Trial(learning_rate=0.0, epochs=0, validation=None)
    by_stage = {stage: [trial_of(meta) for meta in tried if meta["stage"] == stage] for stage in ("", "heat", "final")}
    if job.stage == "final":
        runners = ranked(by_stage["heat"]) or [unbalanced]
        return runners[min(int(job.option), len(runners)) - 1], None
    if job.arm.balancer == AUTO:
        (plain,) = by_stage[""]
        return chosen_balancer(by_stage["final"], plain), plain
    if job.arm.balancer == ENSEMBLE:
        return unbalanced, None
    strength = job.option if job.stage == "heat" else 1.0
    return unbalanced.model_copy(update={"balancer": job.arm.balancer, "strength": strength}), None


def _settings(plan: ProbePlan, job: Job) -> Settings:
    every = plan.validate_every
    if job.stage == "heat":
        heat = plan.options["auto"]["heat_epochs"]
        return Settings(min(heat, plan.max_epochs), heat, plan.batch_size, plan.k, validate_every=every)
    rising = threshold("still_rising")
    return Settings(plan.max_epochs, plan.patience, plan.batch_size, plan.k, plan.longest, rising, validate_every=every)


def _backbone(inputs: ProbeInputs, plan: ProbePlan, name: str, features: Mapping[str, Features], seed: int) -> Backbone:
    return BACKBONES[name](
        inputs.n_users,
        inputs.n_items,
        features,
        train=np.asarray(inputs.train),
        dimensions=plan.dimensions,
        learning_rate=plan.learning_rate,
        l2=plan.l2,
        seed=seed_for(seed, "start") % 2**31,
    )


def interactions(inputs: ProbeInputs, plan: ProbePlan) -> Interactions:
    """The same fixed sample of validation users for every arm and seed, so that curves can be compared."""
    validation = UserItems.from_pairs(inputs.validation, inputs.n_users)
    users, limit = validation.users, int(plan.options["validation_users"])
    if len(users) > limit:
        users = np.sort(generator(0, "validation users").choice(users, limit, replace=False))
    return Interactions(np.asarray(inputs.train), UserItems.from_pairs(inputs.train, inputs.n_users), validation, users)
