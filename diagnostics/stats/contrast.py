"""A paired comparison that remembers its sample, so that a rule can ask it for intervals, signs and left-out seeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from diagnostics.schema import Estimate
from diagnostics.stats.intervals import bootstrap_means, estimate_mean, minimum_detectable_effect

__all__ = ["Contrast", "Position"]

Position = Literal["above", "below", "open"]


@dataclass(frozen=True)
class Contrast:
    """Differences of one metric, float64 (n_seeds, n_users): treated minus control, paired by seed and user."""

    differences: npt.NDArray[np.float64]

    @classmethod
    def between(cls, treated: npt.NDArray[np.float64], control: npt.NDArray[np.float64]) -> Contrast:
        return cls(np.atleast_2d(treated) - np.atleast_2d(control))

    @property
    def measured(self) -> bool:
        return self.differences.size > 0

    @property
    def n_users(self) -> int:
        return self.differences.shape[1] if self.measured else 0

    @property
    def value(self) -> float:
        return float(self.differences.mean()) if self.measured else float("nan")

    def estimate(self) -> Estimate:
        """Mean and 95 % interval, in the metric's own units."""
        return estimate_mean(self.differences, unit="difference")

    def span(self) -> dict[str, float | None]:
        """Value and interval ends, under the names that messages use."""
        estimate = self.estimate()
        return {"value": estimate.value, "low": estimate.low, "high": estimate.high}

    def bounds(self, n_comparisons: int = 1) -> tuple[float, float]:
        """Interval ends at 1 - 0.05 / ``n_comparisons`` (Bonferroni), for rules that look at several modalities at once."""
        if not self.measured:
            return float("-inf"), float("inf")
        tail = 0.025 / n_comparisons
        low, high = np.quantile(bootstrap_means(self.differences), [tail, 1 - tail])
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
        return all(Contrast(np.delete(self.differences, seed, axis=0)).position(threshold) == here for seed in range(n_seeds))

    def minimum_detectable_effect(self) -> float | None:
        """The smallest true difference that this comparison would have found four times in five."""
        return minimum_detectable_effect(self.differences) if self.measured and self.n_users > 1 else None
