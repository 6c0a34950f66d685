"""Trainings that obey the protocol of ``diagnostics.probe.train_job`` but whose arithmetic a reader can do in the head.

The scheduler is the real one and so are its processes; only what is trained is quick. Each ``JobResult`` holds the number that
its job must always yield: 1,000 times its modalities plus its seed, plus the numbers of its teachers.
"""

from __future__ import annotations

import errno
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from diagnostics.errors import Cancelled
from diagnostics.probe import Job, JobResult, Keeper, ProbeInputs
from diagnostics.schema import ProbeEvent, ProbePlan

EPOCHS = 3


def number(job: Job, teachers: float = 0.0) -> float:
    return 1000.0 * len(job.arm.modalities) + job.seed + teachers


def train(
    inputs: ProbeInputs, plan: ProbePlan, job: Job, teachers: Mapping[str, JobResult], cancelled: Callable[[], bool], keeper: Keeper
) -> Iterator[ProbeEvent | JobResult]:
    """Three epochs of a hundredth of a second; seed 13 raises, seed 14 dies, seed 15 never ends, seed 16 prints.

    For seed 17 memory runs out, seed 18 is killed as a system does that has none left, for seed 19 the disk is full.
    """
    for epoch in range(1, EPOCHS + 1):
        time.sleep(0.01)
        yield ProbeEvent(kind="epoch", arm=job.arm.arm_id, seed=job.seed, epoch=epoch, validation=0.1 * epoch)
        if cancelled():
            raise Cancelled
    if job.seed == 13 and job.arm.modalities == ("text",):
        raise FloatingPointError("a cell's value")
    if job.seed == 17 and job.arm.modalities == ("text",):
        raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")
    if job.seed == 18 and job.arm.modalities == ("text",):
        os.kill(os.getpid(), signal.SIGKILL)
    if job.seed == 19:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if job.seed == 14 and job.arm.modalities == ("text",):
        os._exit(9)
    if job.seed == 15:
        time.sleep(600)
    if job.seed == 16:
        print("a library talks on standard output")
    given = sum(float(teacher.arrays["number"][0]) for teacher in teachers.values())
    caps = [float(os.environ[name]) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")]
    arrays = {"number": np.array([number(job, given)]), "pid": np.array([os.getpid()]), "caps": np.array(caps)}
    yield JobResult(job.job_id, arrays, {"epochs": EPOCHS, "train": len(inputs.train)})


def count(
    inputs: ProbeInputs, plan: ProbePlan, job: Job, teachers: Mapping[str, JobResult], cancelled: Callable[[], bool], keeper: Keeper
) -> Iterator[ProbeEvent | JobResult]:
    """Like ``train``, and leaves a mark for each time that it ran in the folder named by the plan."""
    folder = Path(plan.options["marks"])
    (folder / f"{job.job_id}.{time.time_ns()}").touch()
    yield from train(inputs, plan, job, teachers, cancelled, keeper)
