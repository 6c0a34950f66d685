"""How far a probe is and how long it still takes, by what was expected of its trainings and what those of this very run took."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diagnostics.probe import Expected, Job

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


_Key = tuple[str, str]
_Tallies = dict[_Key, _Tally]
"""("arm", its name), ("backbone", its name) and ("", "") for all -> what was measured, over what was expected."""


class Outlook:
    """Counts epochs and seconds and extrapolates them to the jobs that are still to come.

    A job is expected to take as many times its expected epochs as the finished jobs of its arm did on average, failing these those
    of its backbone, then all, failing these just so many; and as many seconds an epoch, for what an epoch was expected to cost, as
    measured for its arm, failing that for its backbone, then for all arms. So trainings of another kind than those that come first
    are told from these without being taken to be like them. The range goes by how much finished jobs differ: with n of them whose
    lengths have standard deviation s, k more that take a_1 to a_k seconds, in lengths expected, spread by s sqrt(sum a^2 + (sum
    a)^2 / n), as each varies and their mean is known to s / sqrt(n) only. Before two have finished it reaches from one epoch more
    to the most.

    Parameters
    ----------
    expected : every job of the plan, with what is expected of it beside the others.
    max_epochs : the most epochs a job may take.
    finished : job id -> epochs, for jobs finished by an earlier attempt.
    workers : trainings that run side by side; may be changed at any time.
    together : ids of jobs that are trained as one, beside the others; each one's seconds are its share.
    """

    def __init__(
        self,
        expected: Mapping[Job, Expected],
        max_epochs: int,
        finished: Mapping[str, int],
        workers: int,
        together: Collection[str] = frozenset(),
    ) -> None:
        self._together = frozenset(together)
        self._arm = {job.job_id: job.name for job in expected}
        self._backbone = {job.name: job.arm.backbone for job in expected}
        self._expected = {job.name: one for job, one in expected.items()}
        self._max_epochs = max_epochs
        self.workers = workers
        self._epochs = defaultdict(int, finished)  # job -> epochs so far
        self._over = set(finished)  # finished or given up
        self._running: set[str] = set()
        self._lengths: _Tallies = defaultdict(_Tally)  # of finished jobs
        self._seconds: _Tallies = defaultdict(_Tally)  # of timed epochs
        self._shown = 0.0
        for job_id, epochs in finished.items():
            self._count(self._lengths, self._arm[job_id], epochs, self._expected[self._arm[job_id]].epochs)

    def start(self, job: Job) -> None:
        """A job begins, or goes on: it then tells of the epochs before, too."""
        self._running.add(job.job_id)

    def epoch(self, job: Job, seconds: float) -> None:
        """A job has finished one more epoch, which took so long."""
        self._count(self._seconds, job.name, seconds, self._expected[job.name].cost)
        self._epochs[job.job_id] += 1

    def finish(self, job: Job) -> None:
        """A job has finished; its length informs the expectation of its siblings."""
        self._count(self._lengths, job.name, self._epochs[job.job_id], self._expected[job.name].epochs)
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
        paces = self._paces(1.0)
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
        if open_jobs and self._lengths.get(("", ""), _Tally()).n < 2:
            return least, most
        variance, paces = (_PACE_SPREAD * eta) ** 2, self._paces(0.0)
        told: dict[_Key, list[float]] = defaultdict(list)  # by what tells of their lengths, the seconds of open jobs
        for job_id in open_jobs:
            arm = self._arm[job_id]
            at_a_time = 1 if job_id in self._together else max(self.workers, 1)
            told[self._key(self._lengths, arm, 2)].append(self._expected[arm].epochs * paces[arm] / at_a_time)
        for key, seconds in told.items():
            known = self._lengths[key]
            variance += known.spread**2 * (sum(one * one for one in seconds) + sum(seconds) ** 2 / known.n)
        spread = _SPREADS * variance**0.5
        return max(eta - spread, min(least, eta)), min(eta + spread, max(most, eta))

    def _side_by_side(self, epochs: Mapping[str, float]) -> float:
        """Seconds for so many epochs of each job."""
        paces = self._paces(0.0)
        seconds = {job_id: paces[self._arm[job_id]] * n for job_id, n in epochs.items()}
        longest = max((seconds.get(job_id, 0.0) for job_id in self._running - self._together), default=0.0)
        as_one = sum(n for job_id, n in seconds.items() if job_id in self._together)
        return max((sum(seconds.values()) - as_one) / max(self.workers, 1), longest, as_one)

    def _epochs_left(self) -> dict[str, float]:
        """Of every job that is not over; at least one of what is trained at all."""
        lengths = {arm: one.epochs * self._mean(self._lengths, arm, 1.0) for arm, one in self._expected.items()}
        return {
            job_id: max(lengths[arm] - self._epochs.get(job_id, 0), 1.0) if lengths[arm] else 0.0
            for job_id, arm in self._arm.items()
            if job_id not in self._over
        }

    def _paces(self, unknown: float) -> dict[str, float]:
        """Seconds that an epoch of each arm takes; ``unknown``: of what was expected to cost 1, before any was timed."""
        return {arm: one.cost * self._mean(self._seconds, arm, unknown) for arm, one in self._expected.items()}

    def _count(self, measured: _Tallies, arm: str, value: float, expected: float) -> None:
        for key in (("arm", arm), ("backbone", self._backbone[arm]), ("", "")) if expected else ():
            measured[key].add(value / expected)

    def _mean(self, measured: _Tallies, arm: str, unknown: float) -> float:
        found = measured.get(self._key(measured, arm, 1))
        return found.mean if found else unknown

    def _key(self, measured: _Tallies, arm: str, least: int) -> _Key:
        """The arm's, its backbone's, or that of every arm: the first of which so many were measured, failing all the last."""
        keys = ("arm", arm), ("backbone", self._backbone[arm])
        return next((key for key in keys if key in measured and measured[key].n >= least), ("", ""))
