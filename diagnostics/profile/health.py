"""The encoded vectors themselves: length, dead and crowded directions, effective rank (A4)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from diagnostics.profile.neighbours import off_scale
from diagnostics.schema import FeatureBlock, FeatureHealth
from diagnostics.seeds import generator

__all__ = ["feature_health"]

_SAMPLE = 1000


def feature_health(blocks: Sequence[FeatureBlock], *, seed: int = 0) -> list[FeatureHealth | None]:
    """One record per block, None where no item has the modality.

    ``norm_ratio`` compares with the shop's usual mean norm, so that of three modalities one that is far off does not make the
    others look off: the median over modalities; of two in the middle the one nearer to 1, where the encoders that we know leave
    vectors. None for a single modality and for vectors of zeros. Mean cosine and effective rank are taken on at most 1,000 items,
    drawn with the seed. Rows of another order of magnitude have no say (``off_scale``): damaged ones say nothing of the others.

    Notes
    -----
    Effective rank: exp of the entropy of the covariance's eigenvalues taken as shares (Roy and Vetterli, EUSIPCO 2007, who take
    singular values; ours are their squares, i.e. shares of variance). Mean cosine over pairs of different items:
    (|sum of unit rows|^2 - n) / (n (n - 1)).
    """
    healths = [_health(block, seed) for block in blocks]
    norms = sorted(health.norm_mean for health in healths if health is not None and health.norm_mean > 0)
    if len(norms) < 2:
        return healths
    middle = norms[(len(norms) - 1) // 2 : len(norms) // 2 + 1]
    usual = min(middle, key=lambda norm: abs(np.log(norm)))
    return [
        health if health is None or health.norm_mean <= 0 else health.model_copy(update={"norm_ratio": health.norm_mean / usual})
        for health in healths
    ]


def _health(block: FeatureBlock, seed: int) -> FeatureHealth | None:
    rows = np.flatnonzero(block.present)
    if len(rows) == 0:
        return None
    rows = rows[off_scale(block.values[rows]) == 0]
    values = block.values[rows]
    norms = np.linalg.norm(values.astype(np.float64), axis=1)
    spread = values.std(axis=0, dtype=np.float64)
    sample = np.arange(len(rows))
    if len(rows) > _SAMPLE:
        sample = np.sort(generator(seed, "health", block.name).choice(len(rows), _SAMPLE, replace=False))
    chosen = values[sample].astype(np.float64)
    n = len(chosen)
    unit = chosen[norms[sample] > 0] / norms[sample][norms[sample] > 0, None]
    total = len(unit)
    cosine = (float((unit.sum(axis=0) ** 2).sum()) - total) / (total * (total - 1)) if total > 1 else 0.0
    centred = chosen - chosen.mean(axis=0)
    gram = centred @ centred.T if n <= centred.shape[1] else centred.T @ centred
    eigenvalues = np.clip(np.linalg.eigvalsh(gram), 0, None)
    shares = eigenvalues[eigenvalues > 0] / eigenvalues.sum() if eigenvalues.sum() > 0 else np.ones(1)
    return FeatureHealth(
        dimensions=values.shape[1],
        encoder=block.encoder,
        norm_mean=float(norms.mean()),
        norm_cv=float(norms.std() / norms.mean()) if norms.mean() > 0 else 0.0,
        dead_dimensions=float(np.mean(spread <= 1e-6 * max(float(spread.max()), 1e-30))),
        mean_cosine=float(np.clip(cosine, -1, 1)),
        effective_rank=float(np.exp(-(shares * np.log(shares)).sum())),
        zero_rows=float(np.mean(norms == 0)),
    )
