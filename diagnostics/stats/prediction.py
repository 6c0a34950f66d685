"""How well one thing predicts another on cases held out, with intervals: shares of variance (ridge) and ranking (AUC)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from diagnostics.schema import Estimate
from diagnostics.stats.ratios import Groups, estimate_ratio, fold_of_groups

__all__ = ["estimate_auc", "held_out_r2", "logistic"]

Array = npt.NDArray[np.float64]
_FOLDS = 5
_PENALTIES = np.logspace(-6, 2, 17)  # times the predictors' largest eigenvalue: from none to hardly any slope


def held_out_r2(predictors: npt.ArrayLike, targets: npt.ArrayLike, groups: Groups, *, seed: int = 0) -> Estimate:
    """Share of the targets' variance that a ridge regression foretells on held-out items; 0 or less: nothing.

    Parameters
    ----------
    predictors : (n_items, p); targets : (n_items, q), all q weighed by their variance
    groups : int (n_items,); a family is held out whole, or its other members would give the answer away

    Notes
    -----
    1 - squared error / squared distance to the training items' mean, both summed over five held-out fifths; the interval is that
    of the ratio of the two sums. The penalty is chosen on the training items by generalised cross-validation (Golub, Heath, Wahba
    1979). Cost: five times n p (p + q) and one eigenvalue problem of size p.
    """
    x, y = np.asarray(predictors, dtype=np.float64), np.asarray(targets, dtype=np.float64)
    fold = fold_of_groups(groups, _FOLDS, np.random.default_rng(seed))
    wrong, spread = np.zeros(len(x)), np.zeros(len(x))
    for held in range(_FOLDS):
        out = fold == held
        if not out.any() or out.all():
            continue
        x_mean, y_mean = x[~out].mean(axis=0), y[~out].mean(axis=0)
        slopes = _ridge(x[~out] - x_mean, y[~out] - y_mean)
        centred = y[out] - y_mean
        wrong[out] = ((centred - (x[out] - x_mean) @ slopes) ** 2).sum(axis=1)
        spread[out] = (centred**2).sum(axis=1)
    ratio = estimate_ratio(wrong, spread, groups)
    if ratio.value is None or ratio.low is None or ratio.high is None:
        return ratio
    return ratio.model_copy(update={"value": 1 - ratio.value, "low": 1 - ratio.high, "high": 1 - ratio.low})


def _ridge(x: Array, y: Array) -> Array:
    """Slopes (p, q) of centred data at the penalty with the least generalised cross-validation error."""
    roots, axes = np.linalg.eigh(x.T @ x)
    roots = np.clip(roots, 0, None)
    along = axes.T @ (x.T @ y)
    penalties = _PENALTIES * max(float(roots[-1]), 1e-12)
    shrunk = 1 / (roots[None, :] + penalties[:, None])
    power = (along**2).sum(axis=1)
    residual = (y**2).sum() - 2 * shrunk @ power + (shrunk**2 * roots) @ power
    freedom = 1 + shrunk @ roots
    scores = residual / np.maximum(len(x) - freedom, 1e-9) ** 2
    return axes @ (shrunk[int(np.argmin(scores))][:, None] * along)


def logistic(predictors: Array, outcome: npt.NDArray[np.bool_], *, penalty: float = 1.0) -> Array:
    """Log-odds model of a yes/no outcome: (p + 1,), the constant first; a small ridge penalty keeps it finite.

    Source: Newton steps (iteratively reweighted least squares), McCullagh and Nelder 1989; the constant is not penalised.
    """
    x = np.column_stack([np.ones(len(predictors)), predictors])
    ridge = np.diag([1e-9, *[penalty] * predictors.shape[1]])
    weights = np.zeros(x.shape[1])
    for _ in range(25):
        chance = 1 / (1 + np.exp(-np.clip(x @ weights, -30, 30)))
        slope = x.T @ (outcome - chance) - ridge @ weights
        bend = (x * (chance * (1 - chance))[:, None]).T @ x + ridge
        step = np.linalg.solve(bend, slope)
        weights += step
        if np.abs(step).max() < 1e-6:
            break
    return weights


def estimate_auc(
    score: npt.ArrayLike, outcome: npt.NDArray[np.bool_], *, folds: int | None = None, level: float = 0.95
) -> Estimate:
    """The chance that a case with the outcome scores above one without it (ties half), with its interval.

    Parameters
    ----------
    folds : how many models gave the scores in turn, each on the cases it was not fitted to; None: the scores come from elsewhere

    Notes
    -----
    Source: DeLong, DeLong, Clarke-Pearson 1988, by mid-ranks as Sun and Xu 2014. Models fitted to overlapping cases err alike, so
    their variance is multiplied by 1 + folds / (folds - 1) (Nadeau and Bengio 2003); without it, data missing at random looked
    foreseeable three times too often in our simulations. The ends are kept within [0, 1].
    """
    scores = np.asarray(score, dtype=np.float64)
    yes, no = scores[outcome], scores[~outcome]
    if len(yes) < 2 or len(no) < 2:
        return Estimate(value=None, level=level, n=len(scores))
    ranks = _mid_ranks(np.concatenate([yes, no]))
    above = (ranks[: len(yes)] - _mid_ranks(yes)) / len(no)  # of each yes: share of the noes below it
    below = 1 - (ranks[len(yes) :] - _mid_ranks(no)) / len(yes)
    auc = float(above.mean())
    error = float(np.sqrt(above.var(ddof=1) / len(yes) + below.var(ddof=1) / len(no)))
    reach = float(ndtri((1 + level) / 2)) * error * (1.0 if folds is None else np.sqrt(1 + folds / (folds - 1)))
    return Estimate(value=auc, low=max(auc - reach, 0.0), high=min(auc + reach, 1.0), level=level, n=len(scores))


def _mid_ranks(values: Array) -> Array:
    """Ranks from 1; equal values share the middle of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[place]
