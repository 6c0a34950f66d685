"""How far a probe is and how long it still takes, judged only by epochs that were timed in this very run."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from diagnostics.probe import Job

__all__ = ["Outlook"]


class Outlook:
    """Counts epochs and seconds per arm and extrapolates them to the jobs that are still to come.

    An arm is expected to take as many epochs as its finished jobs took on average, failing these as those of its backbone, then as
    all finished jobs, failing these the most it may take; and as many seconds an epoch as measured for it, failing that for its
    backbone, then for all arms.

    Parameters
    ----------
    jobs : every job of the plan.
    max_epochs : the most epochs a job may take.
    finished : job id -> epochs, for jobs finished by an earlier attempt.
    workers : trainings that run side by side.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        max_epochs: int,
        finished: Mapping[str, int],
        workers: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._arm = {job.job_id: job.name for job in jobs}
        self._backbone = {job.name: job.arm.backbone for job in jobs}
        self._max_epochs = max_epochs
        self._workers = max(workers, 1)
        self._clock = clock
        self._epochs = defaultdict(int, finished)  # job -> epochs so far
        self._over = set(finished)  # finished or given up
        self._lengths: dict[str, list[int]] = defaultdict(list)  # arm -> epochs of its finished jobs
        self._seconds: dict[str, list[float]] = defaultdict(list)  # arm -> seconds of each timed epoch
        self._last: dict[str, float] = {}  # running job -> when its last epoch ended
        self._shown = 0.0
        for job_id, epochs in finished.items():
            self._lengths[self._arm[job_id]].append(epochs)

    def start(self, job: Job) -> None:
        """A job begins."""
        self._last[job.job_id] = self._clock()

    def epoch(self, job: Job) -> None:
        """A job has finished one more epoch."""
        now = self._clock()
        self._seconds[job.name].append(now - self._last[job.job_id])
        self._last[job.job_id] = now
        self._epochs[job.job_id] += 1

    def finish(self, job: Job) -> None:
        """A job has finished; its length informs the expectation of its siblings."""
        self._lengths[job.name].append(self._epochs[job.job_id])
        self.drop(job)

    def drop(self, job: Job) -> None:
        """A job will take no more time, finished or not."""
        self._over.add(job.job_id)
        self._last.pop(job.job_id, None)

    def done(self) -> float:
        """The share of the work that is done, in [0, 1]; never falls."""
        spent = left = 0.0
        for job_id in self._arm:
            pace = self._pace(job_id) or 1.0
            spent += pace * self._epochs[job_id]
            left += pace * self._epochs_left(job_id)
        share = spent / (spent + left) if left else 1.0
        self._shown = max(self._shown, share)
        return self._shown

    def eta_s(self) -> float | None:
        """Seconds still to go; None until an epoch has been timed."""
        if not any(self._seconds.values()):
            return None
        left = {job_id: (self._pace(job_id) or 0.0) * self._epochs_left(job_id) for job_id in self._arm}
        longest = max((left[job_id] for job_id in self._last), default=0.0)
        return max(sum(left.values()) / self._workers, longest)

    def _epochs_left(self, job_id: str) -> float:
        if job_id in self._over:
            return 0.0
        return max(self._length(job_id) - self._epochs[job_id], 1.0)

    def _length(self, job_id: str) -> float:
        known = self._known(self._lengths, job_id)
        return sum(known) / len(known) if known else float(self._max_epochs)

    def _pace(self, job_id: str) -> float | None:
        timed = self._known(self._seconds, job_id)
        return sum(timed) / len(timed) if timed else None

    def _known(self, measured: Mapping[str, list[Any]], job_id: str) -> list[Any]:
        """What was measured of the job's arm, failing that of its backbone, failing that of every arm."""
        arm = self._arm[job_id]
        if measured.get(arm):
            return measured[arm]
        alike = [value for name, values in measured.items() for value in values if self._backbone[name] == self._backbone[arm]]
        return alike or [value for values in measured.values() for value in values]
