"""How far a probe is and how long it still takes, judged only by epochs that were timed in this very run."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diagnostics.probe import Job

__all__ = ["Outlook"]

_SPREADS = 2.0  # standard deviations either way: about 19 of 20 trainings
_PACE_SPREAD = 0.1  # of the time left: other programs take their share of the computer


@dataclass
class _Tally:
    """How many numbers there were, their sum and that of their squares: a long run has millions of epochs to ask about."""

    n: int = 0
    total: float = 0.0
    squares: float = 0.0

    def add(self, value: float) -> None:
        self.n, self.total, self.squares = self.n + 1, self.total + value, self.squares + value * value

    @property
    def mean(self) -> float:
        return self.total / self.n

    @property
    def spread(self) -> float:
        """Standard deviation of at least two."""
        return (max(self.squares - self.total * self.mean, 0.0) / (self.n - 1)) ** 0.5


_Tallies = dict[tuple[str, str], _Tally]
"""("arm", its name), ("backbone", its name) and ("", "") for all -> what was measured."""


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
    together : ids of jobs that are trained as one, beside the others; each one's seconds are its share.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        max_epochs: int,
        finished: Mapping[str, int],
        workers: int,
        together: Collection[str] = frozenset(),
    ) -> None:
        self._together = frozenset(together)
        self._arm = {job.job_id: job.name for job in jobs}
        self._backbone = {job.name: job.arm.backbone for job in jobs}
        self._max_epochs = max_epochs
        self.workers = workers
        self._epochs = defaultdict(int, finished)  # job -> epochs so far
        self._over = set(finished)  # finished or given up
        self._running: set[str] = set()
        self._lengths: _Tallies = defaultdict(_Tally)  # epochs of finished jobs
        self._seconds: _Tallies = defaultdict(_Tally)  # of timed epochs
        self._shown = 0.0
        for job_id, epochs in finished.items():
            self._count(self._lengths, self._arm[job_id], epochs)

    def start(self, job: Job) -> None:
        """A job begins, or goes on: it then tells of the epochs before, too."""
        self._running.add(job.job_id)

    def epoch(self, job: Job, seconds: float) -> None:
        """A job has finished one more epoch, which took so long."""
        self._count(self._seconds, job.name, seconds)
        self._epochs[job.job_id] += 1

    def finish(self, job: Job) -> None:
        """A job has finished; its length informs the expectation of its siblings."""
        self._count(self._lengths, job.name, self._epochs[job.job_id])
        self.drop(job)

    def drop(self, job: Job) -> None:
        """A job will take no more time, finished or not."""
        self._over.add(job.job_id)
        self._running.discard(job.job_id)

    def end(self) -> None:
        """Nothing that is left will be trained."""
        self._over.update(self._arm)
        self._running.clear()

    def done(self) -> float:
        """The share of the work that is done, in [0, 1]; never falls."""
        paces = {arm: self._pace(arm) or 1.0 for arm in self._backbone}
        left = self._epochs_left()
        spent = sum(paces[self._arm[job_id]] * epochs for job_id, epochs in self._epochs.items())
        to_do = sum(paces[self._arm[job_id]] * epochs for job_id, epochs in left.items())
        self._shown = max(self._shown, spent / (spent + to_do) if to_do else 1.0)
        return self._shown

    def eta_s(self) -> float | None:
        """Seconds still to go; None until an epoch has been timed."""
        return self._side_by_side(self._epochs_left()) if self._seconds else None

    def eta_range_s(self) -> tuple[float, float] | None:
        """The least and the most seconds still to go, as far as finished trainings tell; None until an epoch has been timed."""
        eta = self.eta_s()
        if eta is None:
            return None
        open_jobs = [job_id for job_id in self._arm if job_id not in self._over]
        least = self._side_by_side(dict.fromkeys(open_jobs, 1.0))
        most = self._side_by_side({job_id: max(self._max_epochs - self._epochs.get(job_id, 0), 1.0) for job_id in open_jobs})
        variance = (_PACE_SPREAD * eta) ** 2
        apart = {self._arm[job_id] for job_id in self._together}
        for arm, k in Counter(self._arm[job_id] for job_id in open_jobs).items():
            known = self._known(self._lengths, arm)
            if known is None or known.n < 2:
                return least, most
            spread = known.spread * (k + k * k / known.n) ** 0.5
            variance += (spread * (self._pace(arm) or 0.0) / (1 if arm in apart else max(self.workers, 1))) ** 2
        spread = _SPREADS * variance**0.5
        return max(eta - spread, min(least, eta)), min(eta + spread, max(most, eta))

    def _side_by_side(self, epochs: Mapping[str, float]) -> float:
        """Seconds for so many epochs of each job."""
        paces = {arm: self._pace(arm) or 0.0 for arm in self._backbone}
        seconds = {job_id: paces[self._arm[job_id]] * n for job_id, n in epochs.items()}
        longest = max((seconds.get(job_id, 0.0) for job_id in self._running - self._together), default=0.0)
        as_one = sum(n for job_id, n in seconds.items() if job_id in self._together)
        return max((sum(seconds.values()) - as_one) / max(self.workers, 1), longest, as_one)

    def _epochs_left(self) -> dict[str, float]:
        """Of every job that is not over."""
        known = {arm: self._known(self._lengths, arm) for arm in self._backbone}
        lengths = {arm: float(self._max_epochs) if one is None else one.mean for arm, one in known.items()}
        return {
            job_id: max(lengths[arm] - self._epochs.get(job_id, 0), 1.0)
            for job_id, arm in self._arm.items()
            if job_id not in self._over
        }

    def _pace(self, arm: str) -> float | None:
        timed = self._known(self._seconds, arm)
        return None if timed is None else timed.mean

    def _count(self, measured: _Tallies, arm: str, value: float) -> None:
        for key in (("arm", arm), ("backbone", self._backbone[arm]), ("", "")):
            measured[key].add(value)

    def _known(self, measured: _Tallies, arm: str) -> _Tally | None:
        """What was measured of the arm, failing that of its backbone, failing that of every arm."""
        keys = ("arm", arm), ("backbone", self._backbone[arm]), ("", "")
        return next((measured[key] for key in keys if key in measured), None)
