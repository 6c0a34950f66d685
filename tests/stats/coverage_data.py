"""How often intervals of what is measured before any training cover the truth, by simulation.

``python -m tests.stats.coverage_data`` prints the share covered over 1,000 data sets of each design. Where no formula gives the
truth (a cross-validated figure is that of models fitted to four fifths of the items), it is the mean of all estimates.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from diagnostics.profile.redundancy import debiased_cka
from diagnostics.schema import Estimate
from diagnostics.stats.prediction import estimate_auc, held_out_auc, held_out_r2, own_shares
from diagnostics.stats.ratios import estimate_ratio, proportion_difference
from diagnostics.stats.shares import estimate_share

Draw = Callable[[np.random.Generator], list[Estimate]]
FIXED = np.random.default_rng(9)
TURN, SLOPES, MANY = FIXED.normal(size=(8, 6)), FIXED.normal(size=(20, 5)) / np.sqrt(20), FIXED.normal(size=(100, 10)) / 10
N = 200


def _related(rng: np.random.Generator, slopes: np.ndarray, noise: float, *, family: int = 1, heavy: bool = False) -> list[Estimate]:
    """Items with as many traits as ``slopes`` has rows, families of ``family`` items alike in traits and noise."""
    groups = np.repeat(np.arange(N // family), family)
    x, rest = (_alike(rng, groups, width) for width in slopes.shape)
    if heavy:
        x, rest = x * np.exp(rng.normal(0, 0.5, (len(x), 1))), rng.standard_t(3, size=rest.shape)
    return [held_out_r2(x, x @ slopes + noise * rest, groups)]


def _alike(rng: np.random.Generator, groups: np.ndarray, width: int) -> np.ndarray:
    """(n, width) of unit variance; of what makes a family, its members share 64 %."""
    single = rng.normal(size=(len(groups), width))
    if groups[-1] == len(groups) - 1:
        return single
    return 0.8 * rng.normal(size=(groups[-1] + 1, width))[groups] + 0.6 * single


def _shared(rng: np.random.Generator, noise: float, *, family: int = 1) -> list[Estimate]:
    """Two modalities that see three traits each of their own and two of both, one of them among twenty columns of noise."""
    groups = np.repeat(np.arange(N // family), family)
    traits = _alike(rng, groups, 8)
    y = traits @ TURN + noise * _alike(rng, groups, 6)
    n = len(groups)
    return own_shares([np.hstack([traits[:, :5], rng.normal(size=(n, 20))]), traits[:, 3:]], y, groups)


def _copied(rng: np.random.Generator) -> list[Estimate]:
    """A modality of eight traits, and one of four of them: half of what the first tells is its own."""
    traits = rng.normal(size=(N, 8))
    return own_shares([traits, traits[:, :4]], traits @ TURN + 2 * rng.normal(size=(N, 6)), np.arange(N))[:1]


def _foreseen(rng: np.random.Generator, slope: float) -> list[Estimate]:
    """Gaps that one of six traits foretells, by a model that is fitted on four fifths in turn."""
    x = rng.normal(size=(300, 6))
    return [held_out_auc(x, rng.random(300) < 1 / (1 + np.exp(1 - slope * x[:, 0])), rng)]


def _given(rng: np.random.Generator) -> list[Estimate]:
    outcome = np.arange(120) < 40
    return [estimate_auc(rng.normal(size=120) + outcome, outcome)]


def _bought(rng: np.random.Generator, family: int) -> list[Estimate]:
    """Purchases of products, in families, and of those the share with a trait that goes by family."""
    groups = np.repeat(np.arange(N // family), family)
    weight = rng.lognormal(0, 0.7, len(groups))
    has = rng.random(N // family)[groups] < 0.4
    return [estimate_ratio(weight * has, weight, groups)]


def _apart(rng: np.random.Generator) -> list[Estimate]:
    return [proportion_difference(int(rng.binomial(40, 0.1)), 40, int(rng.binomial(200, 0.3)), 200)]


def _views(rng: np.random.Generator, noise: float, family: int = 1) -> list[Estimate]:
    groups = np.repeat(np.arange(N // family), family)
    traits = _alike(rng, groups, 5)
    x, y = (np.hstack([traits, noise * _alike(rng, groups, 10)]) for _ in range(2))
    return [debiased_cka(x, y, groups, seed=int(rng.integers(1 << 30)))]


DESIGNS: Mapping[str, Mapping[str, tuple[Draw, float | None]]] = {
    "held_out_r2": {
        "strong": (lambda rng: _related(rng, SLOPES, 0.7), None),
        "weak": (lambda rng: _related(rng, SLOPES, 2.5), None),
        "many traits": (lambda rng: _related(rng, MANY, 1.0), None),
        "families": (lambda rng: _related(rng, SLOPES, 1.0, family=4), None),
        "heavy tails": (lambda rng: _related(rng, SLOPES, 0.7, heavy=True), None),
    },
    "own_shares": {
        "clear": (lambda rng: _shared(rng, 2.0), None),
        "noisy": (lambda rng: _shared(rng, 6.0), None),
        "families": (lambda rng: _shared(rng, 2.0, family=4), None),
        "a part of the other": (_copied, None),
    },
    "held_out_auc": {
        "strong": (lambda rng: _foreseen(rng, 1.0), None),
        "weak": (lambda rng: _foreseen(rng, 0.3), None),
        "nothing": (lambda rng: _foreseen(rng, 0.0), None),
    },
    "estimate_auc": {"normal": (_given, 0.7602499389)},
    "estimate_ratio": {"single": (lambda rng: _bought(rng, 1), 0.4), "families": (lambda rng: _bought(rng, 4), 0.4)},
    "proportion_difference": {"rare": (_apart, -0.2)},
    "debiased_cka": {
        "alike": (lambda rng: _views(rng, 0.3), None),
        "unlike": (lambda rng: _views(rng, 1.0), None),
        "families": (lambda rng: _views(rng, 0.5, 4), None),
    },
    "estimate_share (exact: at least)": {"rare": (lambda rng: [estimate_share(int(rng.binomial(60, 0.05)), 60)], 0.05)},
}
"""Estimator -> design -> what is drawn and estimated, and the truth."""


def coverage(draw: Draw, truth: float | None, n: int, seed: int = 0) -> Iterator[tuple[float, float, int]]:
    """Of each estimate that ``draw`` makes: share of intervals that cover the truth, the truth, how many there were."""
    rng = np.random.default_rng(seed)
    for made in zip(*(draw(rng) for _ in range(n)), strict=True):
        values = np.array([(one.value, one.low, one.high) for one in made if one.value is not None])
        centre = float(values[:, 0].mean()) if truth is None else truth
        yield float(((values[:, 1] <= centre) & (centre <= values[:, 2])).mean()), centre, len(values)


if __name__ == "__main__":
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    for estimator, designs in DESIGNS.items():
        every = []
        for design, (drawn, right) in designs.items():
            for covered, centre, count in coverage(drawn, right, times):
                every.append((covered, count))
                sys.stdout.write(f"{estimator:34} {design:20} truth {centre:6.3f}  {covered:.3f} of {count}\n")
        pooled = sum(share * count for share, count in every) / sum(count for _, count in every)
        sys.stdout.write(f"{estimator:34} {'all designs':20} {'':12}  {pooled:.3f}\n")
        sys.stdout.flush()
