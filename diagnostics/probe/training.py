"""Trains one job: one arm with one seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import combinations

import numpy as np

from diagnostics.errors import Cancelled
from diagnostics.probe.arms import Job, jobs
from diagnostics.probe.inputs import ProbeInputs
from diagnostics.probe.run import JobResult, set_name
from diagnostics.schema import ProbeEvent, ProbePlan
from diagnostics.seeds import generator, seed_for
from models.backbones import BACKBONES
from models.backbones.protocol import Backbone
from models.balancers import BALANCERS
from models.ranking import UserItems, metrics_per_user, rank_targets
from models.training import Interactions, Settings, train

__all__ = ["train_job"]


def train_job(
    inputs: ProbeInputs,
    plan: ProbePlan,
    job: Job,
    teachers: Mapping[str, JobResult],
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[ProbeEvent | JobResult]:
    """Trains one job, yielding an event per epoch and the ``JobResult`` last.

    Everything drawn at random depends on the job's seed alone: arms of one seed share their order of pairs and their negatives,
    so that their difference is paired.

    Raises
    ------
    Cancelled
        ``cancelled`` said so after an epoch.
    FloatingPointError
        The training diverged.
    """
    data = _interactions(inputs, plan)
    backbone = _backbone(inputs, plan, job.arm.backbone, job.arm.modalities, job.seed)
    margins = {}
    for name, teacher_id in zip(job.arm.modalities, job.needs, strict=bool(job.needs)):
        teacher = _backbone(inputs, plan, job.arm.backbone, (name,), job.seed)
        saved = teachers[teacher_id].arrays
        teacher.load_state({key.removeprefix("state."): value for key, value in saved.items() if key.startswith("state.")})
        margins[name] = teacher.margins
    balancer = BALANCERS[job.arm.balancer](margins)
    settings = Settings(plan.max_epochs, plan.patience, plan.batch_size, plan.k)
    records = []
    for record in train(backbone, data, balancer, settings, seed=seed_for(job.seed, "sampling") % 2**31):
        records.append(record)
        yield ProbeEvent(
            kind="epoch",
            arm=job.arm.arm_id,
            seed=job.seed,
            epoch=record.epoch,
            max_epochs=plan.max_epochs,
            loss=record.loss,
            validation=record.validation,
            branches=record.branches,
            dynamics=record.dynamics,
            seconds=record.seconds,
        )
        if cancelled():
            raise Cancelled
    best = max(records, key=lambda record: (record.best, record.epoch))
    arrays, names = _test(backbone, inputs, data, plan)
    if any(job.job_id in other.needs for other in jobs(plan)):
        arrays |= {f"state.{key}": value for key, value in backbone.state().items()}
    meta = {
        "sets": names,
        "best_epoch": best.epoch,
        "epochs": len(records),
        "converged": len(records) < plan.max_epochs,
        "validation": best.validation,
    }
    yield JobResult(job.job_id, arrays, meta)


def _backbone(inputs: ProbeInputs, plan: ProbePlan, name: str, modalities: tuple[str, ...], seed: int) -> Backbone:
    return BACKBONES[name](
        inputs.n_users,
        inputs.n_items,
        {modality: inputs.features[modality] for modality in modalities},
        dimensions=plan.dimensions,
        learning_rate=plan.learning_rate,
        l2=plan.l2,
        seed=seed_for(seed, "start") % 2**31,
    )


def _interactions(inputs: ProbeInputs, plan: ProbePlan) -> Interactions:
    """The same fixed sample of validation users for every arm and seed, so that curves can be compared."""
    validation = UserItems.from_pairs(inputs.validation, inputs.n_users)
    users, limit = validation.users, int(plan.options["validation_users"])
    if len(users) > limit:
        users = np.sort(generator(0, "validation users").choice(users, limit, replace=False))
    return Interactions(np.asarray(inputs.train), UserItems.from_pairs(inputs.train, inputs.n_users), validation, users)


def _test(backbone: Backbone, inputs: ProbeInputs, data: Interactions, plan: ProbePlan) -> tuple[dict[str, np.ndarray], list[str]]:
    """Recall and NDCG per test user with every set of modalities factual (above four: none, each, all but one, all)."""
    n = len(backbone.modalities)
    sizes = range(n + 1) if n <= 4 else sorted({0, 1, n - 1, n})
    sets = [frozenset(chosen) for size in sizes for chosen in combinations(backbone.modalities, size)]
    test = UserItems.from_pairs(inputs.test, inputs.n_users)
    users = test.users
    ranks = rank_targets(lambda block: backbone.score(block, sets), users, data.seen, test)
    metrics = [metrics_per_user(row, test.counts[users], plan.k) for row in ranks]
    arrays: dict[str, np.ndarray] = {
        name: np.stack([metric[name] for metric in metrics]).astype(np.float32) for name in ("recall", "ndcg")
    }
    return arrays, [set_name(chosen, plan.modalities) for chosen in sets]
