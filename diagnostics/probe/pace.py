"""How long trainings are expected to take beside one another, and a plan on this computer, before anything of it is trained.

A training costs its epochs times its pairs times its parts, history being one, times what the model costs beside VBPR, which for
models that walk a graph goes by the steps of an epoch, and of each epoch what it takes however few the pairs; slow rates take more
epochs and fast ones fewer. What a pair and part of VBPR take here is measured, on all cores at once that will be at work, as they
slow each other down.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from diagnostics.config import cores, threshold
from diagnostics.probe.arms import ENSEMBLE, Job, plan_for
from diagnostics.schema import ProbePlan
from models.backbones import BACKBONES
from models.backbones.protocol import Features
from models.ranking import UserItems

__all__ = ["Effort", "effort", "guess_seconds", "longest_ways", "still_open"]

_EPOCHS, _EPOCHS_OF_PATIENCE = 16, 1.9  # of plain VBPR 32 with a patience of 8 on H&M, about 60 with 24 in a small shop
_BY_RATE = -0.5  # on H&M 85 epochs with a third of the usual rate, 48 with the usual one, 35 with three times as much
_SLOWLY = 1.3  # times as many validations where training is slow: on H&M .8 (distillation) to 2, of VBPR 1.4, of FREEDOM 1
_VALIDATION = 0.2  # of the time of an epoch of VBPR on H&M
_STEPS, _FEW_STEPS = 12, 0.15  # of an epoch on H&M, where costs were measured; what is left of a cost without any step
_NEAR = 46.0  # with 9,321 customers (H&M) 7 of 14 comparisons were open, with 870 (two shops) 29 of 30
_START_S, _REST_S, _REST_S_OF_A_PAIR = 5.0, 0.1, 6e-6  # processes that start; of each training, reading, graphs and the test
_USERS, _ITEMS, _PAIRS, _PARTS, _WIDTH = 4000, 1500, 30_000, 3, 128


@dataclass(frozen=True)
class Effort:
    """What a training is expected to take: ``epochs``, one of which costs as much as ``cost`` of VBPR on one part.

    All epochs up to a validation count as one, as they are told of together.

    ``exact``: it will be just so many. ``chance``: of being trained at all, as what it is for may be clear before.
    """

    epochs: float
    cost: float
    exact: bool = False
    chance: float = 1.0

    @property
    def work(self) -> float:
        """Epochs of VBPR on one part that take as long."""
        return self.epochs * self.cost


def guess_seconds(plan: ProbePlan, listed: Sequence[Job], n_train: int, threads: int | None = None) -> float:
    """Seconds that the jobs ``listed`` of a plan on ``n_train`` training pairs take, ``threads`` at a time; None for all cores."""
    at_work = min(threads or cores(), cores())
    efforts = [effort(plan, job, n_train) for job in listed]
    work, trained = sum(one.chance * one.work for one in efforts), sum(one.chance for one in efforts)
    rest = _REST_S + _REST_S_OF_A_PAIR * n_train
    return _START_S + (work * n_train * _seconds_of_a_part(at_work) + trained * rest) / at_work


def longest_ways(efforts: Mapping[Job, Effort]) -> dict[str, float]:
    """By job id, the work of the longest chain of jobs that begins with it, each needing the one before.

    Whoever begins the longest chains first is left with the fewest idle cores at the end (Graham 1969, list scheduling).
    """
    work = {job.job_id: effort.work for job, effort in efforts.items()}
    after: dict[str, list[str]] = {job_id: [] for job_id in work}
    for job in efforts:
        for need in job.needs:
            after.setdefault(need, []).append(job.job_id)

    @functools.cache
    def way(job_id: str) -> float:
        return work[job_id] + max(map(way, after[job_id]), default=0.0)

    return {job_id: way(job_id) for job_id in work}


def effort(plan: ProbePlan, job: Job, n_train: int) -> Effort:
    """How many epochs a job on ``n_train`` pairs will take, and what one of them costs.

    An ensemble, which is only tested, counts as one of VBPR.
    """
    parts = 1 + len(job.arm.modalities)
    if job.arm.balancer == ENSEMBLE:
        return Effort(1.0, parts, exact=True)
    backbone = BACKBONES[job.arm.backbone]
    cost = parts * backbone.cost * (1.0 if job.arm.balancer == "none" else backbone.cost_balanced)
    if job.arm.backbone != "vbpr":  # they walk their whole graph in each step
        steps = math.ceil(n_train / plan_for(plan, job.arm.backbone).batch_size)
        cost *= _FEW_STEPS + (1 - _FEW_STEPS) * steps / _STEPS
    cost *= (1 - _VALIDATION) * plan.validate_every + _VALIDATION
    cost += backbone.cost_fixed / max(n_train, 1) if job.arm.modalities else 0.0
    most = plan.max_epochs // plan.validate_every
    if job.stage == "heat":
        return Effort(min(plan.options["auto"]["heat_epochs"] // plan.validate_every, most), cost, exact=True)
    length = _EPOCHS * backbone.epochs + _EPOCHS_OF_PATIENCE * plan.patience
    length *= (job.option**_BY_RATE if job.stage == "rate" else 1.0) * (_SLOWLY if plan.slow_training else 1.0)
    return Effort(min(length, most), cost, chance=_chance(plan, job))


def _chance(plan: ProbePlan, job: Job) -> float:
    """Of a training that only a comparison of its own asks for, which may be clear before."""
    compares = bool(job.arm.variant) or job.arm.balancer != "none"
    looked_at = plan.all_seeds.index(job.seed) >= threshold("first_look")
    return float(plan.options.get("still_open", 1.0)) if compares and looked_at else 1.0


def still_open(n_users: int) -> float:
    """The share of comparisons that are not clear at the first look, with so many test customers.

    Effects that lie about what matters as a normal distribution, and intervals that shrink by the root of the customers.
    """
    return math.erf(_NEAR / math.sqrt(n_users))


@functools.cache
def _seconds_of_a_part(at_work: int) -> float:
    """What one training pair takes in one epoch of VBPR for each of its parts, while as many trainings do the same."""
    from threadpoolctl import threadpool_limits

    _usual_epoch(0, epochs=1)  # compiles, or reads what was compiled
    with threadpool_limits(1), ThreadPoolExecutor(at_work) as pool:
        seconds = list(pool.map(_usual_epoch, range(at_work)))
    return float(np.mean(seconds)) / (_PAIRS * (1 + _PARTS) + BACKBONES["vbpr"].cost_fixed)


def _usual_epoch(seed: int, epochs: int = 7) -> float:
    """Seconds of the middle one: the first finds nothing in cache, and others fall together with what else the computer does."""
    from models.balancers import BALANCERS
    from models.training import Interactions, Settings, train

    rng = np.random.default_rng(seed)
    cells = rng.choice(_USERS * _ITEMS, _PAIRS + _USERS, replace=False).astype(np.int32)
    pairs = np.column_stack([cells // _ITEMS, cells % _ITEMS])
    known, held_out = pairs[:_PAIRS], pairs[_PAIRS:]
    features = {
        str(part): Features(rng.normal(size=(_ITEMS, _WIDTH)).astype(np.float32), np.ones(_ITEMS, dtype=bool))
        for part in range(_PARTS)
    }
    backbone = BACKBONES["vbpr"](_USERS, _ITEMS, features, train=known)
    validation = UserItems.from_pairs(held_out, _USERS)
    data = Interactions(known, UserItems.from_pairs(known, _USERS), validation, validation.users)
    records = train(backbone, data, BALANCERS["none"]({}), Settings(epochs, epochs, 2048), seed=seed)
    return float(np.median([record.seconds for record in records]))
