"""Every write, fsync, rename and open of a whole small run is let fail once with every error of a disk.

The scheduler, the training, the store and the checkpoints are the real ones; only the training process is this one, so that a run
takes a tenth of a second and every operation of it can have its turn.
"""

from __future__ import annotations

import errno
import shutil
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from diagnostics.probe import Job, ProbeInputs, ProbeRun, prepare
from diagnostics.probe import plan as plan_of
from diagnostics.runs import execute, worker
from diagnostics.runs.child import serve
from diagnostics.runs.disk import code_of
from diagnostics.schema import Dataset, FeatureBlock, ProbePlan
from tests.faults.injection import OPERATIONS, Fault, injected
from tests.faults.keeping import keep_every_epoch
from tests.probe.worlds import dataset_of

__all__ = ["ERRORS", "Inline", "fail_everything", "small_probe", "small_shop"]

ERRORS = (errno.ENOSPC, errno.EIO, errno.EACCES)
_LIMIT_S = 120.0  # two runs take a second, on a busy computer ten; what takes this long hangs


class Inline:
    """In the place of ``Crew``: jobs are trained in this very process, one at a time."""

    size = 1

    def __init__(self, run_dir: Path, key: str, train: str, size: int, device: str | None = None) -> None:
        run_dir.mkdir(parents=True, exist_ok=True)
        self._folder, self._key, self._train = run_dir / "run", key, train
        self._jobs: deque[Job] = deque()

    def __enter__(self) -> Inline:
        return self

    def __exit__(self, *error: object) -> None:
        self._jobs.clear()

    @property
    def busy(self) -> bool:
        return bool(self._jobs)

    def takes(self, job: Job) -> bool:
        return not self._jobs

    def give(self, job: Job) -> None:
        self._jobs.append(job)

    def messages(self) -> Iterator[tuple[Job, dict[str, Any]]]:
        while self._jobs:
            job, said = self._jobs.popleft(), []
            serve(self._folder, self._key, self._train, iter([job.job_id]), lambda said=said, **record: said.append(record))
            yield from ((job, record) for record in said)


def small_shop() -> tuple[Dataset, list[FeatureBlock]]:
    """Forty customers, thirty products, two modalities."""
    rng = np.random.default_rng(0)
    text, image = rng.normal(size=(30, 3)), rng.normal(size=(30, 3))
    utility = rng.normal(size=(40, 3)) @ text.T + rng.normal(size=(40, 3)) @ image.T
    return dataset_of({"text": text, "image": image}, utility, per_user=6)


def small_probe() -> tuple[ProbePlan, ProbeInputs]:
    """Five kinds of training, of which one distils from others, one seed, at most three epochs each."""
    dataset, blocks = small_shop()
    plan = plan_of(dataset, n_seeds=1).model_copy(update={"max_epochs": 3, "dimensions": 8, "batch_size": 64})
    plan = plan.model_copy(update={"options": plan.options | {"extension": 1.0}})
    return plan, prepare(dataset, blocks, plan)


def _outcome(run: ProbeRun) -> dict[str, Any]:
    """All that a diagnosis is made of, timing apart."""
    events = [event.model_dump(exclude={"seconds", "done", "eta_s", "eta_range_s"}) for event in run.events]
    results = {
        name: (result.meta, {key: (array.dtype.str, array.tobytes()) for key, array in result.arrays.items()})
        for name, result in run.results.items()
    }
    return {"status": run.status, "failures": dict(run.failures), "events": events, "results": results}


def fail_everything(folder: Path, *, every: int = 1, first: int = 0) -> dict[str, int]:
    """Fails each ``every``-th operation and error, from number ``first`` on, and goes on afterwards; counts, or an AssertionError.

    A failure must end the run with an error of the disk, or, where the operation could be done without, leave its outcome as it is.
    Going on must then give the unbroken run's outcome.
    """
    keep_every_epoch()
    plan, inputs = small_probe()
    counts = {"operations": 0, "failures": 0, "stopped": 0, "done_without": 0, "equal_afterwards": 0}
    with patch.object(worker, "Crew", Inline):
        with injected(Fault(str(folder))) as operations:
            expected = _outcome(execute(folder / "unbroken", plan, inputs, threads=1))
        assert expected["status"] == "finished" and not expected["failures"]
        counts["operations"] = sum(operations.values())
        number = 0
        for operation in OPERATIONS:
            for n in range(1, operations[operation] + 1):
                for error in ERRORS:
                    number += 1
                    if (number - 1 - first) % every:
                        continue
                    place = folder / f"{operation}.{n}.{error}"
                    counts["failures"] += 1
                    began = time.monotonic()
                    with injected(Fault(str(folder), operation=operation, n=n, errno=error)):
                        try:
                            found = _outcome(execute(place, plan, inputs, threads=1))
                            counts["done_without"] += 1
                            assert found == expected, place.name
                        except OSError as refused:
                            counts["stopped"] += 1
                            assert code_of(refused) is not None and refused.errno == error, (place.name, refused)
                    assert _outcome(execute(place, plan, inputs, threads=1)) == expected, place.name
                    assert time.monotonic() - began < _LIMIT_S, place.name
                    assert not list(place.rglob(".*.tmp")), place.name
                    counts["equal_afterwards"] += 1
                    shutil.rmtree(place)
    return counts
