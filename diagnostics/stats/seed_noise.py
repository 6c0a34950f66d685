"""How much of a result a training's random start decides, learnt from all trainings of a probe together.

A metric (n_seeds, n_users) is y = mean + user + seed + rest. The means of its seeds vary by the seed's own part and by the rest,
divided by the number of users; the latter is in the users' spread already and must not be counted twice (Brennan,
"Generalizability Theory", 2001). The seed's own part, of which five seeds say little, is much alike in the arms of one probe. So it
is pooled over them, and each comparison's own variance is drawn towards the pooled one as far as the arms agree: the moderated
variance of Smyth, "Linear models and empirical Bayes methods", 2004, equations 2 to 8, here with the rest taken apart [own].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import polygamma

__all__ = ["SeedNoise", "Spread", "noise_of_levels", "pool_seed_noise", "spread_of"]

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SeedNoise:
    """What the arms of a probe say of one training's seed variance: ``variance`` of its mean metric, worth ``freedom`` degrees.

    ``says_all``: it holds what a result's own seeds say, which must then not be heard a second time.
    """

    variance: float
    freedom: float
    says_all: bool = False


@dataclass(frozen=True)
class Spread:
    """The parts of a mean's variance. ``users``: of the sample of users, with ``user_freedom``; ``seeds``: of the random starts.

    The rest that users and seeds share is in ``users`` alone. ``seeds`` rests on ``seed_freedom`` degrees.
    """

    users: float
    user_freedom: float
    seeds: float
    seed_freedom: float

    @property
    def standard_error(self) -> float:
        return float(np.sqrt(self.users + self.seeds))

    @property
    def freedom(self) -> float:
        """Of the whole variance. Source: Satterthwaite 1946."""
        parts = self.users**2 / max(self.user_freedom, 1.0) + self.seeds**2 / max(self.seed_freedom, 1.0)
        return float((self.users + self.seeds) ** 2 / parts) if parts > 0 else max(self.user_freedom, 1.0)


def spread_of(matrix: Matrix, noise: SeedNoise | None = None, weight: float = 1.0) -> Spread:
    """The variance of the mean of ``matrix`` (n_seeds, n_users), in its parts.

    Parameters
    ----------
    noise : what other arms say; None: the matrix alone decides. Of one seed it is all that is known of seeds; without it they
        are left out
    weight : sum of the squared weights with which arms enter, 1 for one arm and 2 for a difference of two
    """
    n_seeds, n_users = matrix.shape
    of_users = float(matrix.mean(axis=0).var(ddof=1)) / n_users if n_users > 1 else 0.0
    if n_seeds < 2:
        if noise is None or noise.freedom <= 0:
            return Spread(of_users, n_users - 1, 0.0, 1.0)
        return Spread(of_users, n_users - 1, weight * noise.variance, noise.freedom)
    found, rest = _seed_variance(matrix)
    freedom = n_seeds - 1.0
    if noise is not None and noise.freedom > 0:
        told = weight * noise.variance
        if noise.says_all:
            return Spread(of_users, n_users - 1, told / n_seeds, noise.freedom)
        found = (noise.freedom * (told + rest) + freedom * found) / (noise.freedom + freedom)
        freedom += noise.freedom
    return Spread(of_users, n_users - 1, max(found - rest, 0.0) / n_seeds, freedom)


def pool_seed_noise(arms: Sequence[Matrix]) -> SeedNoise | None:
    """What several arms (n_seeds, n_users), paired by seed and user, say together; None where there are too few to compare.

    Arms share what a seed does to all of them, which no comparison of arms sees: they are taken as deviations from their mean.
    """
    if len(arms) < 3 or arms[0].shape[0] < 2:
        return None
    stacked = np.stack(arms)
    n_arms, n_seeds = stacked.shape[:2]
    apart = stacked - stacked.mean(axis=0)
    both = [_seed_variance(one) for one in apart]
    share = (n_arms - 1) / n_arms  # of an arm's own variance, what is left after the mean of all is taken off
    found, rest = (np.array(values) / share for values in zip(*both, strict=True))
    variance = max(float(found.mean() - rest.mean()), 0.0)
    expected = variance + rest
    if not (found > 0).all() or not (expected > 0).all():
        return SeedNoise(variance, 0.0)
    return SeedNoise(variance, min(_prior_freedom(found / expected, n_seeds - 1.0), (n_seeds - 1.0) * (n_arms - 1.0)))


def noise_of_levels(arms: Sequence[Matrix]) -> SeedNoise | None:
    """The same of single arms' results instead of comparisons: with what a seed does to all arms, of which each seed tells once.

    Every arm shows that part, with the same seeds: one more arm, or the arm itself once more, adds no degree of freedom to it.
    """
    own = pool_seed_noise(arms)
    if own is None or own.freedom <= 0:
        return own
    both = [_seed_variance(one) for one in arms]
    shared = max(float(np.mean([found - rest for found, rest in both])) - own.variance, 0.0)
    parts = shared**2 / (len(arms[0]) - 1) + own.variance**2 / own.freedom
    whole = shared + own.variance
    return SeedNoise(whole, whole**2 / parts if parts > 0 else own.freedom, says_all=True)


def _seed_variance(matrix: Matrix) -> tuple[float, float]:
    """The variance of the seeds' means, and how much of it is the rest's."""
    n_seeds, n_users = matrix.shape
    means = matrix.mean(axis=1)
    if n_users < 2:
        return float(means.var(ddof=1)), 0.0
    left = matrix - matrix.mean(axis=0) - means[:, None] + matrix.mean()
    rest = float(np.square(left).sum()) / ((n_seeds - 1) * (n_users - 1)) / n_users
    return float(means.var(ddof=1)), rest


def _prior_freedom(ratios: npt.NDArray[np.float64], freedom: float) -> float:
    """How many degrees the pooled variance is worth, from how much more the ratios differ than chance lets them."""
    logs = np.log(ratios)
    excess = float(logs.var(ddof=1) - polygamma(1, freedom / 2))
    return np.inf if excess <= 0 else 2 * _trigamma_inverse(excess)


def _trigamma_inverse(value: float) -> float:
    """x with trigamma(x) = value > 0, by Newton's method (Smyth 2004, appendix)."""
    x = 0.5 + 1 / value
    for _ in range(50):
        now = float(polygamma(1, x))
        step = now * (1 - now / value) / float(polygamma(2, x))
        x += step
        if -step / x < 1e-8:
            break
    return x
