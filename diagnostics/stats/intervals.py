"""Intervals for means over users and training seeds.

A result is a matrix (n_seeds, n_users) of one metric. Two things could have come out otherwise: which users we saw, and which
random start the training had. Users are resampled (bootstrap, percentile ends); for the seeds, of which there are few, a resample
would understate the spread by (n - 1) / n and ignore that their variance is itself guessed, so a Student t draw on the seeds' own
part of the standard error (see ``seed_noise``) is added to each resample [own]. Of one seed only other arms tell that part; where
there are none the interval is over users only.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from diagnostics.config import threshold
from diagnostics.schema import Estimate
from diagnostics.seeds import generator
from diagnostics.stats.seed_noise import SeedNoise, spread_of

__all__ = [
    "LIMITS",
    "bootstrap_means",
    "estimate_difference",
    "estimate_mean",
    "minimum_detectable_effect",
    "planned_detectable_effect",
    "reaching",
    "within_limits",
]

Matrix = npt.NDArray[np.float64]

LIMITS = {"share": (0.0, 1.0), "cosine": (-1.0, 1.0), "ratio": (0.0, float("inf")), "epochs": (0.0, float("inf"))}
"""What a mean in some units cannot be beyond; an interval ends there too. Others have none."""


@functools.lru_cache(maxsize=2)
def _user_weights(n_users: int, n_resamples: int, seed: int) -> npt.NDArray[np.float32]:
    """How often each user is drawn in each resample, divided by n_users; float32 (n_resamples, n_users)."""
    rng = generator(seed, "bootstrap", n_users, n_resamples)
    weights = np.empty((n_resamples, n_users), dtype=np.float32)
    for row in weights:
        row[:] = np.bincount(rng.integers(0, n_users, n_users), minlength=n_users)
    weights /= np.float32(n_users)
    return weights


def bootstrap_means(values: npt.ArrayLike, *, seed: int = 0, noise: SeedNoise | None = None, weight: float = 1.0) -> Matrix:
    """Resampled means of ``values``, shape (n_users,) or (n_seeds, n_users); float64 (n_resamples,).

    ``noise``, ``weight``: what other arms say of the seeds, see ``seed_noise.spread_of``.

    Above ``bootstrap_max_users`` the mean over users is drawn from its normal limit instead, which no resample would tell apart.
    Memory: n_users x n_resamples x 4 bytes, kept for the last two numbers of users.
    """
    matrix = np.atleast_2d(np.asarray(values, dtype=np.float64))
    n_seeds, n_users = matrix.shape
    n_resamples = int(threshold("bootstrap_resamples"))
    centre = float(matrix.mean())
    per_user = matrix.mean(axis=0) - centre
    if n_users > threshold("bootstrap_max_users"):
        standard_error = float(per_user.std()) / np.sqrt(n_users)
        draws = centre + generator(seed, "users", n_users).standard_normal(n_resamples) * standard_error
    else:
        draws = centre + (_user_weights(n_users, n_resamples, seed) @ per_user.astype(np.float32)).astype(np.float64)
    spread = spread_of(matrix, noise, weight)
    if spread.seeds > 0:
        draws += generator(seed, "seeds", n_seeds).standard_t(spread.seed_freedom, n_resamples) * np.sqrt(spread.seeds)
    return draws


def estimate_mean(
    values: npt.ArrayLike,
    *,
    level: float = 0.95,
    seed: int = 0,
    unit: str = "share",
    noise: SeedNoise | None = None,
    weight: float = 1.0,
) -> Estimate:
    """Mean with its interval; ``n`` is the number of users. An empty sample gives an estimate without a value."""
    matrix = np.atleast_2d(np.asarray(values, dtype=np.float64))
    if matrix.size == 0:
        return Estimate(value=None, level=level, n=0, unit=unit)
    draws = bootstrap_means(matrix, seed=seed, noise=noise, weight=weight)
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2]).tolist()
    found = Estimate(value=float(matrix.mean()), low=low, high=high, level=level, n=matrix.shape[1], unit=unit)
    return within_limits(found)


def within_limits(found: Estimate) -> Estimate:
    """The estimate, no part of it beyond what its unit allows."""
    lowest, highest = LIMITS.get(found.unit, (float("-inf"), float("inf")))
    parts = {"value": found.value, "low": found.low, "high": found.high}
    return found.model_copy(update={part: min(max(at, lowest), highest) for part, at in parts.items() if at is not None})


def reaching(found: Estimate, reach: float) -> Estimate:
    """The estimate, its interval no shorter than ``reach`` to either side: what chance does to the figure, whoever was sampled."""
    if found.value is None:
        return found
    low, high = found.value - reach, found.value + reach
    ends = {"low": low if found.low is None else min(found.low, low), "high": high if found.high is None else max(found.high, high)}
    return found.model_copy(update=ends)


def estimate_difference(treated: npt.ArrayLike, control: npt.ArrayLike, *, level: float = 0.95, seed: int = 0) -> Estimate:
    """Mean of ``treated - control``, paired by user (and by seed where both have seeds), with its interval."""
    return estimate_mean(
        np.atleast_2d(np.asarray(treated, dtype=np.float64)) - np.atleast_2d(np.asarray(control, dtype=np.float64)),
        level=level,
        seed=seed,
        unit="difference",
    )


def minimum_detectable_effect(
    difference: npt.ArrayLike,
    *,
    power: float = 0.8,
    level: float = 0.95,
    noise: SeedNoise | None = None,
    weight: float = 1.0,
) -> float:
    """The smallest true difference that a paired comparison like this one would find with the given power.

    Source: normal approximation, (t_{(1+level)/2} + t_power) x standard error, t with the degrees of freedom of
    ``seed_noise.Spread``.
    """
    from scipy.stats import t

    matrix = np.atleast_2d(np.asarray(difference, dtype=np.float64))
    if matrix.shape[1] < 2:
        return float("inf")
    spread = spread_of(matrix, noise, weight)
    reach = t.ppf((1 + level) / 2, spread.freedom) + t.ppf(power, spread.freedom)
    return float(reach * spread.standard_error)


def planned_detectable_effect(
    tests_per_user: npt.ArrayLike, recall: float, *, power: float = 0.8, level: float = 0.95
) -> float | None:
    """The smallest true difference that a comparison of two models will find, as far as it can be foreseen before any training.

    Of m test items each is found or not, so one user's recall varies by p (1 - p) / m; two models' recalls of one user go together
    (``paired_correlation``); seeds are left out. None without users or recall.

    Parameters
    ----------
    tests_per_user : int (n_users,), at least 1
    recall : what can be found without training; a trained model finds more, which the correlation has been measured to allow for
    """
    from scipy.stats import norm

    counts = np.asarray(tests_per_user, dtype=np.float64)
    if not len(counts) or not 0 < recall < 1:
        return None
    variance = 2 * recall * (1 - recall) * (1 / counts).mean() * (1 - threshold("paired_correlation")) / len(counts)
    return float((norm.ppf((1 + level) / 2) + norm.ppf(power)) * np.sqrt(variance))
