"""Trains one job: one arm with one seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from diagnostics.errors import Cancelled
from diagnostics.probe.arms import ENSEMBLE, Job, jobs
from diagnostics.probe.inputs import ProbeInputs
from diagnostics.probe.run import JobResult, set_name
from diagnostics.schema import ProbeEvent, ProbePlan
from diagnostics.seeds import generator, seed_for
from models.backbones import BACKBONES
from models.backbones.protocol import Backbone
from models.balancers import BALANCERS
from models.ranking import UserItems, metrics_per_user, rank_targets
from models.training import Interactions, Settings, score_sets, train

__all__ = ["train_job"]

Score = Callable[[npt.NDArray[np.int64], Sequence[frozenset[str]]], npt.NDArray[np.float32]]


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
    plan = plan.model_copy(update=plan.options.get("backbones", {}).get(job.arm.backbone, {}))
    data = _interactions(inputs, plan)
    alone: dict[str, Backbone] = {}
    for name, teacher_id in zip(job.arm.modalities, job.needs, strict=bool(job.needs)):
        alone[name] = _backbone(inputs, plan, job.arm.backbone, (name,), job.seed)
        saved = teachers[teacher_id].arrays
        alone[name].load_state({key.removeprefix("state."): value for key, value in saved.items() if key.startswith("state.")})
    if job.arm.balancer == ENSEMBLE:
        arrays = _test(_ensemble(alone), [frozenset(job.arm.modalities)], inputs, data, plan)
        meta = {"sets": [set_name(job.arm.modalities, plan.modalities)], "best_epoch": 0, "epochs": 0, "converged": True}
        yield JobResult(job.job_id, arrays, meta)
        return
    backbone = _backbone(inputs, plan, job.arm.backbone, job.arm.modalities, job.seed)
    balancer = BALANCERS[job.arm.balancer]({name: teacher.margins for name, teacher in alone.items()})
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
    sets = list(dict.fromkeys(score_sets(backbone.modalities).values()))
    arrays = _test(backbone.score, sets, inputs, data, plan)
    if any(job.job_id in other.needs for other in jobs(plan)):
        arrays |= {f"state.{key}": value for key, value in backbone.state().items()}
    meta = {
        "sets": [set_name(chosen, plan.modalities) for chosen in sets],
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
        train=np.asarray(inputs.train),
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


def _ensemble(alone: Mapping[str, Backbone]) -> Score:
    """The mean of the uni-modal models' scores, each standardised per user so that none outshouts the others."""

    def score(users: npt.NDArray[np.int64], sets: Sequence[frozenset[str]]) -> npt.NDArray[np.float32]:
        total = np.float32(0)
        for name, model in alone.items():
            one = model.score(users, [frozenset([name])])
            total = total + (one - one.mean(axis=2, keepdims=True)) / (one.std(axis=2, keepdims=True) + np.float32(1e-12))
        return np.asarray(total)

    return score


def _test(
    score: Score, sets: list[frozenset[str]], inputs: ProbeInputs, data: Interactions, plan: ProbePlan
) -> dict[str, npt.NDArray[np.generic]]:
    """Recall and NDCG of every test user with each set of modalities factual; float32 (n_sets, n_test_users) each."""
    test = UserItems.from_pairs(inputs.test, inputs.n_users)
    users = test.users
    ranks = rank_targets(lambda block: score(block, sets), users, data.seen, test)
    metrics = [metrics_per_user(row, test.counts[users], plan.k) for row in ranks]
    return {name: np.stack([metric[name] for metric in metrics]).astype(np.float32) for name in ("recall", "ndcg")}
