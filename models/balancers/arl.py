"""ARL: asymmetric representation learning, the dissenting voice: depend on a modality in inverse proportion to its variance.

Paper: Wei et al., "Improving Multimodal Learning via Imbalanced Learning", ICCV 2025 (arXiv 2507.10203). The generalisation error
of a sum of modalities is least where the dependence on each is inversely proportional to its prediction's variance, so balance is
not the aim. Each modality's variance is computed from its own prediction, its optimisation is re-weighted to force that ratio, and
the modalities' own prediction errors (their bias) are minimised beside the joint loss.

Departures. (1) The variance of m's prediction that the bought item wins is that of a coin: v_m = mean sigma(K_m) (1 - sigma(K_m)).
(2) The actual dependence is the counterfactual one, a_m = mean(sigma(D_full) - sigma(D_without-m)), smoothed, floored at ``floor``;
the step of branch m is multiplied by (share of 1 / v_m) / (share of a_m), within [1 / limit, limit], then scaled to mean 1. (3) The
bias term is ``bias`` sum_m BPR(K_m).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from models.backbones.protocol import BranchGradients, MarginGradients, Margins
from models.balancers.protocol import BaseBalancer, keep_bpr
from models.losses import FloatArray, sigmoid
from models.sampling import Triples

__all__ = ["ARL"]


class ARL(BaseBalancer):
    """See the module. ``smoothing``: what of the old variance and dependence survives a step."""

    adjusts = True
    remembers = ("_steps", "_measured")

    def __init__(self, *, bias: float = 0.1, smoothing: float = 0.9, floor: float = 0.01, limit: float = 4.0) -> None:
        super().__init__()
        self._bias, self._smoothing, self._floor, self._limit = bias, smoothing, floor, limit
        self._steps = 0
        self._measured: FloatArray = np.zeros((2, 0), dtype=np.float32)
        self._factor: FloatArray = np.ones(0, dtype=np.float32)

    def gradients(self, margins: Margins, triples: Triples, bpr_gradient: FloatArray) -> MarginGradients:
        """See ``Balancer``."""
        n = triples.n_bpr
        full, without, keep = sigmoid(margins.full[:n]), sigmoid(margins.without[:n]), sigmoid(margins.keep[:n])
        now = np.stack([(keep * (1 - keep)).mean(axis=0), full.mean() - without.mean(axis=0)])
        self._steps += 1
        self._measured = now if self._steps == 1 else now + np.float32(self._smoothing) * (self._measured - now)
        wanted = 1 / np.maximum(self._measured[0], self._floor)
        actual = np.maximum(self._measured[1], self._floor)
        wanted, actual = wanted / wanted.sum(), actual / actual.sum()
        factor = np.clip(wanted / actual, 1 / self._limit, self._limit)
        self._factor = factor / factor.mean()
        self.note(weight=self._factor, recommended=wanted, dependence=actual, clip_share=factor != wanted / actual)
        return MarginGradients(bpr_gradient, self._bias * keep_bpr(margins))

    def adjust(self, branches: BranchGradients) -> Mapping[str, float]:
        """See ``Balancer``."""
        return dict(zip(self.names, self._factor.tolist(), strict=True))
