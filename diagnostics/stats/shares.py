"""The exact interval of a share: how often something came out, of so many times that it could."""

from __future__ import annotations

from scipy.special import betaincinv

from diagnostics.schema import Estimate

__all__ = ["estimate_share"]


def estimate_share(count: int, n: int, *, level: float = 0.95) -> Estimate:
    """``count / n`` with its two-sided exact interval; no value where nothing was tried.

    Source: Clopper and Pearson, Biometrika 1934, by quantiles of the beta distribution. It covers the truth at least as often as it
    says, for any ``n``.
    """
    if n == 0:
        return Estimate(value=None, level=level, n=0)
    tail = (1 - level) / 2
    low = float(betaincinv(count, n - count + 1, tail)) if count else 0.0
    high = float(betaincinv(count + 1, n - count, 1 - tail)) if count < n else 1.0
    return Estimate(value=count / n, low=low, high=high, level=level, n=n)
