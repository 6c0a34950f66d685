"""Intervals in closed form for means and ratios over items that may come in families, such as the colours of one product."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri, stdtrit

from diagnostics.schema import Estimate

__all__ = ["estimate_left_out", "estimate_ratio", "family_codes", "fold_of_groups", "proportion_difference", "student"]

Array = npt.NDArray[np.float64]
Groups = npt.NDArray[np.integer]


def estimate_ratio(
    top: npt.ArrayLike, bottom: npt.ArrayLike, groups: Groups, *, level: float = 0.95, unit: str = "share"
) -> Estimate:
    """``sum(top) / sum(bottom)`` with its interval; items of one group count as one draw, since they are alike.

    Parameters
    ----------
    top, bottom : (n_items,); a bottom of ones makes it a mean
    groups : int (n_items,), the family of each item; ``n`` of the estimate is the number of items

    Notes
    -----
    Source: Cochran, "Sampling Techniques", 1977, ratio estimator of one-stage cluster sampling: the variance is
    G / (G - 1) * sum over groups of (top_g - ratio * bottom_g)^2, over the squared sum of ``bottom``; Student t with G - 1 degrees
    of freedom. An empty sample, or a bottom that sums to nothing, gives no value.
    """
    above, below = np.asarray(top, dtype=np.float64), np.asarray(bottom, dtype=np.float64)
    whole = float(below.sum())
    if len(above) == 0 or whole <= 0:
        return Estimate(value=None, level=level, n=len(above), unit=unit)
    ratio = float(above.sum()) / whole
    residuals = np.bincount(family_codes(groups), weights=above - ratio * below)
    if len(residuals) < 2:
        return Estimate(value=ratio, level=level, n=len(above), unit=unit)
    error = float(np.sqrt(len(residuals) / (len(residuals) - 1) * (residuals**2).sum())) / whole
    reach = student(level, len(residuals) - 1) * error
    return Estimate(value=ratio, low=ratio - reach, high=ratio + reach, level=level, n=len(above), unit=unit)


def estimate_left_out(whole: float, left_out: npt.ArrayLike, n: int, *, level: float = 0.95, unit: str = "share") -> Estimate:
    """The interval of any figure from its values with one part of the sample left out at a time (delete-a-group jackknife).

    Parameters
    ----------
    whole : the figure on all items; ``n`` : how many items
    left_out : (n_parts,), the figure without part 1, without part 2, ...

    Notes
    -----
    Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 11: variance (G - 1) / G * sum of squared
    deviations from their mean; Student t with G - 1 degrees of freedom.
    """
    parts = np.asarray(left_out, dtype=np.float64)
    spread = (len(parts) - 1) / len(parts) * ((parts - parts.mean()) ** 2).sum()
    reach = student(level, len(parts) - 1) * float(np.sqrt(spread))
    return Estimate(value=whole, low=whole - reach, high=whole + reach, level=level, n=n, unit=unit)


def fold_of_groups(groups: Groups, n_folds: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """A fold for each item, whole families in one fold, folds of about one size; int64 (n_items,) in [0, n_folds)."""
    codes = family_codes(groups)
    sizes = np.bincount(codes)
    order = rng.permutation(len(sizes))
    before = np.concatenate([[0], np.cumsum(sizes[order])[:-1]])
    fold = np.empty(len(sizes), dtype=np.int64)
    fold[order] = before * n_folds // max(len(codes), 1)
    return fold[codes]


def proportion_difference(first: int, n_first: int, second: int, n_second: int, *, level: float = 0.95) -> Estimate:
    """Difference of two shares, ``first / n_first - second / n_second``, with an interval that holds for small counts too.

    Source: Newcombe, "Interval estimation for the difference between independent proportions", Statistics in Medicine 1998,
    method 10 (two Wilson score intervals).
    """
    p, q = first / n_first, second / n_second
    (p_low, p_high), (q_low, q_high) = _wilson(p, n_first, level), _wilson(q, n_second, level)
    low = p - q - float(np.hypot(p - p_low, q_high - q))
    high = p - q + float(np.hypot(p_high - p, q - q_low))
    return Estimate(value=p - q, low=low, high=high, level=level, n=n_first + n_second, unit="difference")


def student(level: float, freedom: int) -> float:
    """How many standard errors an interval reaches to each side."""
    return float(stdtrit(freedom, (1 + level) / 2))


def _wilson(share: float, n: int, level: float) -> tuple[float, float]:
    z = float(ndtri((1 + level) / 2))
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z * float(np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))) / (1 + z**2 / n)
    return max(middle - reach, 0.0), min(middle + reach, 1.0)


def family_codes(groups: Groups) -> npt.NDArray[np.int64]:
    """The families numbered from 0 without gaps; int64 (n_items,)."""
    return np.unique(groups, return_inverse=True)[1].reshape(-1)
