"""OGM-GE: on-the-fly gradient modulation, the modality that is ahead takes smaller steps, with noise.

Paper: Peng et al., "Balanced Multimodal Learning via On-the-fly Gradient Modulation", CVPR 2022 (arXiv 2203.15332). With s_m the
score that modality m alone gives the true class, r_m = sum s_m / sum s_other, a step of branch m is multiplied by
k_m = 1 - tanh(a r_m) where r_m > 1, else by 1, and noise of the gradient's own variance is added.

Departures. (1) There is no class: s_m is p_m = mean sigma(K_m), how sure the keep-m margin is of the bought item. (2) Any number of
modalities: r_m compares with the mean of *all* others. (3) k_m multiplies the step, which under the paper's SGD is the same as
multiplying the gradient and under Adam is not (it would be divided out again). The noise is added to the gradient before that and
so shrinks with the step; its variance is taken over what the batch touched.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from models.backbones.protocol import BranchGradients, MarginGradients, Margins
from models.balancers.protocol import BaseBalancer, mean_of_others
from models.losses import FloatArray, sigmoid
from models.sampling import Triples

__all__ = ["OGMGE"]


class OGMGE(BaseBalancer):
    """See the module. ``strength`` is the paper's alpha; ``noise`` whether the generalisation enhancement (GE) is on."""

    adjusts = True
    remembers = ("_rng",)

    def __init__(self, *, strength: float = 0.3, noise: bool = True, seed: int = 0) -> None:
        super().__init__()
        self._strength, self._noise, self._rng = strength, noise, np.random.default_rng(seed)
        self._factor: FloatArray = np.ones(0, dtype=np.float32)

    def gradients(self, margins: Margins, triples: Triples, bpr_gradient: FloatArray) -> MarginGradients:
        """See ``Balancer``."""
        probability = sigmoid(margins.keep[: triples.n_bpr]).mean(axis=0)
        ratio = probability / mean_of_others(probability)
        self._factor = np.where(ratio > 1, 1 - np.tanh(self._strength * ratio), 1).astype(np.float32)
        self.note(weight=self._factor, signal=ratio, slowed_share=ratio > 1)
        return MarginGradients(bpr_gradient)

    def adjust(self, branches: BranchGradients) -> Mapping[str, float]:
        """See ``Balancer``."""
        factors = dict(zip(self.names, self._factor.tolist(), strict=True))
        for name, gradients in branches.items():
            for gradient in gradients if self._noise and factors[name] < 1 else ():
                gradient += gradient.std() * self._rng.standard_normal(gradient.shape, dtype=np.float32)
        return factors
