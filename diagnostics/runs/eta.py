"""How far a probe is and how long it still takes, by what was expected of its trainings and what those of this very run took."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diagnostics.probe import Effort, Job

__all__ = ["Outlook"]

_SPREADS = 2.0  # standard deviations either way: about 19 of 20 trainings
_LENGTH_SPREAD = 0.4  # of a training's length over the one expected, before two have finished: .25 to .4 in four runs of two shops
_PACE_SPREAD = 0.1  # of the time left: other programs take their share of the computer
_MODEL_SPREAD = 0.3  # of what a model takes of which nothing was timed: so far apart were two computers


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

    A job is expected to take as many times the epochs of its effort as the finished jobs of its arm did on average, failing these
    those of its backbone, then all, failing these just so many; and as many seconds an epoch, over its cost, as measured for its
    arm, failing that for its backbone, then for all arms. So models that are trained first do not stand for others that follow.

    The range goes by how much finished jobs differ. Let n of them have lengths of standard deviation s, over those expected. Open
    jobs that would take a_1 to a_k seconds if they took as long as expected then spread by s sqrt(sum a^2 + (sum a)^2 / n): each
    varies, and their mean is known to s / sqrt(n) only. A model of which nothing was timed varies as a whole, too, and an arm that
    may be trained no more by whether it is: S seconds with chance p by S sqrt(p (1 - p)). Until two jobs have finished, s is what
    other runs showed and n is 1.

    Parameters
    ----------
    efforts : every job of the plan, with what it is expected to take.
    max_epochs : the most epochs a job may take, all up to a validation counting as one here and in what follows.
    finished : job id -> epochs, for jobs finished by an earlier attempt.
    workers : trainings that run side by side; may be changed at any time.
    together : ids of jobs that are trained as one, beside the others; each one's seconds are its share.
    """

    def __init__(
        self,
        efforts: Mapping[Job, Effort],
        max_epochs: int,
        finished: Mapping[str, int],
        workers: int,
        together: Collection[str] = frozenset(),
    ) -> None:
        self._together = frozenset(together)
        self._arm = {job.job_id: job.name for job in efforts}
        self._effort = {job.name: effort for job, effort in efforts.items()}
        self._kin = {job.name: job.arm.backbone for job in efforts}
        # What is trained together goes at another pace, of which the others tell nothing.
        self._pace_kin = {job.name: job.arm.backbone + " together" * (job.job_id in self._together) for job in efforts}
        self._max_epochs = max_epochs
        self.workers = workers
        self._chance = {job.job_id: effort.chance for job, effort in efforts.items() if effort.chance < 1}
        self._epochs = defaultdict(int, finished)  # job -> epochs so far
        self._over = set(finished)  # finished or given up
        self._running: set[str] = set()
        self._lengths: _Tallies = {}  # of finished jobs
        self._seconds: _Tallies = {}  # of timed epochs
        self._shown = 0.0
        self._now: tuple[dict[str, float], dict[str, float]] | None = None  # until something changes
        for job_id, epochs in finished.items():
            self._ended(self._arm[job_id], epochs)

    def start(self, job: Job) -> None:
        """A job begins, or goes on: it then tells of the epochs before, too."""
        self._running.add(job.job_id)
        self._chance.pop(job.job_id, None)
        self._now = None

    def epoch(self, job: Job, seconds: float) -> None:
        """A job has finished one more epoch, which took so long."""
        _count(self._seconds, job.name, self._pace_kin[job.name], seconds / self._effort[job.name].cost)
        self._epochs[job.job_id] += 1
        self._now = None

    def finish(self, job: Job) -> None:
        """A job has finished; its length informs the expectation of its siblings."""
        self._ended(job.name, self._epochs[job.job_id])
        self.drop(job)

    def drop(self, job: Job) -> None:
        """A job will take no more time, finished or not."""
        self._over.add(job.job_id)
        self._running.discard(job.job_id)
        self._now = None

    def looked(self) -> None:
        """It was asked what need not be trained any more: what is left now will be."""
        self._chance.clear()
        self._now = None

    def end(self) -> None:
        """Nothing that is left will be trained."""
        self._over.update(self._arm)
        self._running.clear()
        self._now = None

    def done(self) -> float:
        """The share of the work that is done, in [0, 1]; never falls."""
        paces, left = self._paces_and_epochs_left()
        spent, to_do = (sum(paces[self._arm[job_id]] * n for job_id, n in epochs.items()) for epochs in (self._epochs, left))
        self._shown = max(self._shown, spent / (spent + to_do) if to_do else 1.0)
        return self._shown

    def eta_s(self) -> float | None:
        """Seconds still to go; None until an epoch has been timed."""
        if not self._seconds:
            return None
        paces, left = self._paces_and_epochs_left()
        return self._side_by_side(left, paces)

    def eta_range_s(self) -> tuple[float, float] | None:
        """The least and the most seconds still to go, as far as finished trainings tell; None until an epoch has been timed."""
        eta = self.eta_s()
        if eta is None:
            return None
        paces, left = self._paces_and_epochs_left()
        least = min(self._side_by_side(dict.fromkeys(left.keys() - self._chance.keys(), 1.0), paces), eta)
        longest = {job_id: max(self._most(self._arm[job_id]) - self._epochs.get(job_id, 0), 1.0) for job_id in left}
        most = max(self._side_by_side(longest, paces), eta)
        varying = [job_id for job_id in left if not self._effort[self._arm[job_id]].exact]
        doubtful: dict[str, float] = defaultdict(float)  # by arm, as all its seeds stay or fall together: standard deviations
        told: dict[_Key, list[float]] = defaultdict(list)  # by what tells of their lengths, what open jobs take
        untimed: dict[str, float] = defaultdict(float)  # what models take of which nothing was timed
        for job_id in varying:
            arm, chance = self._arm[job_id], self._chance.get(job_id, 1.0)
            pace = paces[arm] / (1 if job_id in self._together else max(self.workers, 1))
            doubtful[arm] += (1 / chance - 1) ** 0.5 * left[job_id] * pace
            seconds = chance * self._effort[arm].epochs * pace
            told[_key(self._lengths, arm, self._kin[arm], 2)].append(seconds)
            if ("backbone", self._pace_kin[arm]) not in self._seconds:
                untimed[self._pace_kin[arm]] += seconds
        variance = (_PACE_SPREAD * eta) ** 2 + sum((_MODEL_SPREAD * seconds) ** 2 for seconds in untimed.values())
        variance += sum(seconds * seconds for seconds in doubtful.values())
        for key, each in told.items():
            known = self._lengths.get(key, _Tally())
            spread, n = (known.spread, known.n) if known.n > 1 else (_LENGTH_SPREAD, 1)
            variance += spread**2 * (sum(one * one for one in each) + sum(each) ** 2 / n)
        reach = _SPREADS * variance**0.5
        return max(eta - reach, least), min(eta + reach, most)

    def _side_by_side(self, epochs: Mapping[str, float], paces: Mapping[str, float]) -> float:
        """Seconds for so many epochs of each job."""
        seconds = {job_id: paces[self._arm[job_id]] * n for job_id, n in epochs.items()}
        longest = max((seconds.get(job_id, 0.0) for job_id in self._running - self._together), default=0.0)
        as_one = sum(n for job_id, n in seconds.items() if job_id in self._together)
        return max((sum(seconds.values()) - as_one) / max(self.workers, 1), longest, as_one)

    def _paces_and_epochs_left(self) -> tuple[dict[str, float], dict[str, float]]:
        """Seconds that an epoch of each arm takes, its cost before any was timed; and of each open job the epochs, at least one."""
        if self._now is None:
            paces = {arm: one.cost * _mean(self._seconds, arm, self._pace_kin[arm]) for arm, one in self._effort.items()}
            lengths = {arm: self._length(arm) for arm in self._effort}
            left = {
                job_id: max(lengths[arm] - self._epochs.get(job_id, 0), 1.0) * self._chance.get(job_id, 1.0)
                for job_id, arm in self._arm.items()
                if job_id not in self._over
            }
            self._now = paces, left
        return self._now

    def _length(self, arm: str) -> float:
        effort = self._effort[arm]
        times = 1.0 if effort.exact else _mean(self._lengths, arm, self._kin[arm])
        return min(effort.epochs * times, self._most(arm))

    def _most(self, arm: str) -> float:
        effort = self._effort[arm]
        return effort.epochs if effort.exact else self._max_epochs

    def _ended(self, arm: str, epochs: int) -> None:
        """What diverged at once, and what always takes as long, tells nothing of how long others take."""
        if epochs and not self._effort[arm].exact:
            _count(self._lengths, arm, self._kin[arm], epochs / self._effort[arm].epochs)


def _keys(arm: str, kin: str) -> tuple[_Key, ...]:
    """From the nearest to the furthest."""
    return ("arm", arm), ("backbone", kin), ("", "")


def _count(measured: _Tallies, arm: str, kin: str, value: float) -> None:
    for key in _keys(arm, kin):
        measured.setdefault(key, _Tally()).add(value)


def _key(measured: _Tallies, arm: str, kin: str, least: int) -> _Key:
    """The nearest of which at least so many were measured; the furthest where there is none."""
    return next((key for key in _keys(arm, kin) if key in measured and measured[key].n >= least), ("", ""))


def _mean(measured: _Tallies, arm: str, kin: str) -> float:
    """As expected where nothing was measured."""
    found = measured.get(_key(measured, arm, kin, 1))
    return 1.0 if found is None else found.mean
