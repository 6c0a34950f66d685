"""How far a probe is and how long it still takes, judged only by epochs that were timed in this very run."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from diagnostics.probe import Job

__all__ = ["Outlook"]

_SPREADS = 2.0  # standard deviations either way: about 19 of 20 trainings
_PACE_SPREAD = 0.1  # of the time left: other programs take their share of the computer


class Outlook:
    """Counts epochs and seconds per arm and extrapolates them to the jobs that are still to come.

    An arm is expected to take as many epochs as its finished jobs took on average, failing these as those of its backbone, then as
    all finished jobs, failing these the most it may take; and as many seconds an epoch as measured for it, failing that for its
    backbone, then for all arms. The range goes by how much those finished jobs differ: with n of them whose lengths have standard
    deviation s, a sum of k more spreads by s sqrt(k + k^2 / n), as each varies and their mean is known to s / sqrt(n) only. Before
    any has finished it reaches from one epoch more to the most.

    Parameters
    ----------
    jobs : every job of the plan.
    max_epochs : the most epochs a job may take.
    finished : job id -> epochs, for jobs finished by an earlier attempt.
    workers : trainings that run side by side; may be changed at any time.
    """

    def __init__(self, jobs: Sequence[Job], max_epochs: int, finished: Mapping[str, int], workers: int) -> None:
        self._arm = {job.job_id: job.name for job in jobs}
        self._backbone = {job.name: job.arm.backbone for job in jobs}
        self._max_epochs = max_epochs
        self.workers = workers
        self._epochs = defaultdict(int, finished)  # job -> epochs so far
        self._over = set(finished)  # finished or given up
        self._running: set[str] = set()
        self._lengths: dict[str, list[int]] = defaultdict(list)  # arm -> epochs of its finished jobs
        self._seconds: dict[str, list[float]] = defaultdict(list)  # arm -> seconds of each timed epoch
        self._shown = 0.0
        for job_id, epochs in finished.items():
            self._lengths[self._arm[job_id]].append(epochs)

    def start(self, job: Job) -> None:
        """A job begins, or goes on: it then tells of the epochs before, too."""
        self._running.add(job.job_id)

    def epoch(self, job: Job, seconds: float) -> None:
        """A job has finished one more epoch, which took so long."""
        self._seconds[job.name].append(seconds)
        self._epochs[job.job_id] += 1

    def finish(self, job: Job) -> None:
        """A job has finished; its length informs the expectation of its siblings."""
        self._lengths[job.name].append(self._epochs[job.job_id])
        self.drop(job)

    def drop(self, job: Job) -> None:
        """A job will take no more time, finished or not."""
        self._over.add(job.job_id)
        self._running.discard(job.job_id)

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
        return self._side_by_side({job_id: self._epochs_left(job_id) for job_id in self._arm}) if self._timed else None

    def eta_range_s(self) -> tuple[float, float] | None:
        """The least and the most seconds still to go, as far as finished trainings tell; None until an epoch has been timed."""
        eta = self.eta_s()
        if eta is None:
            return None
        open_jobs = [job_id for job_id in self._arm if job_id not in self._over]
        least = self._side_by_side(dict.fromkeys(open_jobs, 1.0))
        most = self._side_by_side({job_id: max(self._max_epochs - self._epochs[job_id], 1.0) for job_id in open_jobs})
        by_arm: dict[str, list[str]] = defaultdict(list)
        for job_id in open_jobs:
            by_arm[self._arm[job_id]].append(job_id)
        variance = (_PACE_SPREAD * eta) ** 2
        for own in by_arm.values():
            known, k = self._known(self._lengths, own[0]), len(own)
            if len(known) < 2:
                return least, most
            spread = statistics.stdev(known) * (k + k * k / len(known)) ** 0.5
            variance += (spread * (self._pace(own[0]) or 0.0) / max(self.workers, 1)) ** 2
        spread = _SPREADS * variance**0.5
        return max(eta - spread, min(least, eta)), min(eta + spread, max(most, eta))

    @property
    def _timed(self) -> bool:
        return any(self._seconds.values())

    def _side_by_side(self, epochs: Mapping[str, float]) -> float:
        """Seconds for so many epochs of each job."""
        seconds = {job_id: (self._pace(job_id) or 0.0) * n for job_id, n in epochs.items()}
        longest = max((seconds.get(job_id, 0.0) for job_id in self._running), default=0.0)
        return max(sum(seconds.values()) / max(self.workers, 1), longest)

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
