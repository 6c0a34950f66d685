"""A paired comparison that remembers its sample, so that a rule can ask it for intervals, signs and left-out seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from diagnostics.config import threshold as limit_of
from diagnostics.schema import Estimate
from diagnostics.stats.intervals import bootstrap_means, minimum_detectable_effect
from diagnostics.stats.multiplicity import holm
from diagnostics.stats.seed_noise import SeedNoise, spread_of

__all__ = ["Contrast", "Position", "holm_positions"]

Position = Literal["above", "below", "open"]

_FEWEST_BEYOND = 5


@dataclass(frozen=True)
class Contrast:
    """Differences of one metric, float64 (n_seeds, n_users): treated minus control, paired by seed and user.

    ``noise``: what all trainings of the probe say of seeds; ``weight``: the sum of the squared weights with which arms enter;
    ``level``: of its intervals.
    """

    differences: npt.NDArray[np.float64]
    noise: SeedNoise | None = None
    weight: float = 2.0
    level: float = 0.95

    @classmethod
    def between(
        cls, treated: npt.NDArray[np.float64], control: npt.NDArray[np.float64], noise: SeedNoise | None = None
    ) -> Contrast:
        return cls(np.atleast_2d(treated) - np.atleast_2d(control), noise)

    def of_users(self, chosen: npt.NDArray[np.bool_] | npt.NDArray[np.integer]) -> Contrast:
        """The same comparison among some of the users."""
        return replace(self, differences=self.differences[:, chosen])

    @property
    def measured(self) -> bool:
        return self.differences.size > 0

    @property
    def n_users(self) -> int:
        return self.differences.shape[1] if self.measured else 0

    @property
    def value(self) -> float:
        return float(self.differences.mean()) if self.measured else float("nan")

    @cached_property
    def _draws(self) -> npt.NDArray[np.float64]:
        return bootstrap_means(self.differences, noise=self.noise, weight=self.weight)

    def estimate(self) -> Estimate:
        """Mean and interval, in the metric's own units."""
        if not self.measured:
            return Estimate(value=None, level=self.level, unit="difference")
        low, high = self.bounds()
        return Estimate(value=self.value, low=low, high=high, level=self.level, n=self.n_users, unit="difference")

    def student(self) -> Estimate:
        """Mean and interval in closed form: for the many small groups of a map, each too small to resample and too many."""
        if not self.measured or self.n_users < 2:
            return Estimate(value=self.value if self.measured else None, level=self.level, n=self.n_users, unit="difference")
        reach = self.reach()
        low, high = self.value - reach, self.value + reach
        return Estimate(value=self.value, low=low, high=high, level=self.level, n=self.n_users, unit="difference")

    def reach(self, n_comparisons: int = 1, n_seeds: int | None = None) -> float:
        """Half the width of the interval in closed form; with ``n_seeds``, as it would be with that many seeds."""
        from scipy.stats import t

        spread = spread_of(self.differences, self.noise, self.weight)
        if n_seeds is not None:
            spread = replace(spread, seeds=spread.seeds * len(self.differences) / n_seeds)
        tail = (1 - self.level) / 2 / n_comparisons
        return float(t.isf(tail, spread.freedom)) * spread.standard_error

    def span(self) -> dict[str, float | None]:
        """Value and interval ends, under the names that messages use."""
        estimate = self.estimate()
        return {"value": estimate.value, "low": estimate.low, "high": estimate.high}

    def bounds(self, n_comparisons: int = 1) -> tuple[float, float]:
        """Interval ends, corrected for ``n_comparisons`` (Bonferroni) for rules that look at several modalities at once.

        Resampled; in closed form where so few resamples lie beyond an end that they could not tell where it is.
        """
        if not self.measured:
            return float("-inf"), float("inf")
        tail = (1 - self.level) / 2 / n_comparisons
        if tail * limit_of("bootstrap_resamples") < _FEWEST_BEYOND and self.n_users > 1:
            reach = self.reach(n_comparisons)
            return self.value - reach, self.value + reach
        low, high = np.quantile(self._draws, [tail, 1 - tail])
        return float(low), float(high)

    def position(self, threshold: float, n_comparisons: int = 1) -> Position:
        """Where the interval lies: all ``above`` the threshold, all ``below`` it, or ``open``."""
        low, high = self.bounds(n_comparisons)
        return "above" if low > threshold else "below" if high < threshold else "open"

    def same_side_for_all_seeds(self, threshold: float) -> bool:
        """Whether every seed's mean lies on the same side of the threshold as the whole mean."""
        means = self.differences.mean(axis=1)
        return bool(np.all((means > threshold) == (self.value > threshold)))

    def stays_without_any_seed(self, threshold: float) -> bool:
        """Whether leaving out any one seed keeps the interval's position."""
        n_seeds = len(self.differences)
        if n_seeds < 2:
            return False
        here = self.position(threshold)
        fewer = (replace(self, differences=np.delete(self.differences, seed, axis=0)) for seed in range(n_seeds))
        return all(one.position(threshold) == here for one in fewer)

    def p_value(self, threshold: float = 0.0) -> float:
        """Two-sided, of the hypothesis that the true difference is the threshold; 1 where nothing was measured."""
        from scipy.stats import t

        if not self.measured or self.n_users < 2:
            return 1.0
        spread = spread_of(self.differences, self.noise, self.weight)
        distance = abs(self.value - threshold)
        if spread.standard_error == 0:
            return 0.0 if distance > 0 else 1.0
        return float(2 * t.sf(distance / spread.standard_error, spread.freedom))

    def minimum_detectable_effect(self) -> float | None:
        """The smallest true difference that this comparison would have found four times in five."""
        if not self.measured or self.n_users < 2:
            return None
        return minimum_detectable_effect(self.differences, noise=self.noise, weight=self.weight)


def holm_positions(contrasts: Mapping[str, Contrast], threshold: float) -> dict[str, Position]:
    """Where each of several comparisons lies against one threshold, with at most 1 - level chance of any wrong claim (Holm)."""
    adjusted = holm([one.p_value(threshold) for one in contrasts.values()])
    sides: dict[str, Position] = {}
    for (name, one), p in zip(contrasts.items(), adjusted, strict=True):
        sides[name] = ("above" if one.value > threshold else "below") if p < 1 - one.level else "open"  # open, too, where p is NaN
    return sides
