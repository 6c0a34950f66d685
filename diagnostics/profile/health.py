"""The encoded vectors themselves: length, dead and crowded directions, effective rank (A4)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from diagnostics.schema import FeatureBlock, FeatureHealth
from diagnostics.seeds import generator

__all__ = ["feature_health"]

_SAMPLE = 1000


def feature_health(blocks: Sequence[FeatureBlock], *, seed: int = 0) -> list[FeatureHealth | None]:
    """One record per block, None where no item has the modality.

    ``norm_ratio`` compares with the median of the other modalities' mean norms. Mean cosine and effective rank are taken on at most
    1,000 items, drawn with the seed.

    Notes
    -----
    Effective rank: exp of the entropy of the covariance's eigenvalues taken as shares (Roy and Vetterli, EUSIPCO 2007, who take
    singular values; ours are their squares, i.e. shares of variance). Mean cosine over pairs of different items:
    (|sum of unit rows|^2 - n) / (n (n - 1)).
    """
    healths = [_health(block, seed) for block in blocks]
    norms = [None if health is None else health.norm_mean for health in healths]
    result: list[FeatureHealth | None] = []
    for at, health in enumerate(healths):
        others = [norm for other, norm in enumerate(norms) if other != at and norm is not None]
        middle = float(np.median(others)) if others else 0.0
        ratio = health.norm_mean / middle if health is not None and middle > 0 else None
        result.append(None if health is None else health.model_copy(update={"norm_ratio": ratio}))
    return result


def _health(block: FeatureBlock, seed: int) -> FeatureHealth | None:
    rows = np.flatnonzero(block.present)
    if len(rows) == 0:
        return None
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
