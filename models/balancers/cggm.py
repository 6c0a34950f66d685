"""CGGM: classifier-guided gradient modulation, by how fast each modality improves on its own.

Paper: Guo et al., "Classifier-guided Gradient Modulation for Enhanced Multimodal Learning", NeurIPS 2024 (arXiv 2411.01409). A
classifier per modality gives its utility e_m; with speed de_m = e_m(t + 1) - e_m(t), the gradient of branch m is multiplied by
B_m = rho (sum of the others' de) / (sum of all de): fast ones slow down. A second loss pulls the direction of the fusion's gradient
towards each classifier's, weighted by B_m.

Departures. (1) No extra classifier: the keep-m margin is modality m's own prediction, and e_m = mean sigma(K_m) stands in for its
accuracy. (2) Batches differ, so the speed is what a fast running mean of e_m is ahead of a slow one, not below 0; where nobody
improves nobody is changed. (3) rho = M / (M - 1), so that the mean of B_m is 1 for any number M of modalities. (4) The direction
loss needs derivatives of gradients; in its place ``pull`` B_m BPR(K_m) is added to the loss, whose gradient *is* the classifier's
direction. (5) B_m multiplies the step, see ``ogm_ge``.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from models.backbones.protocol import BranchGradients, MarginGradients, Margins
from models.balancers.protocol import BaseBalancer, keep_bpr
from models.losses import FloatArray, sigmoid
from models.sampling import Triples

__all__ = ["CGGM"]


class CGGM(BaseBalancer):
    """See the module. ``pull`` is the weight of the direction term; ``fast``, ``slow``: what of a running mean survives a step."""

    adjusts = True
    remembers = ("_means",)

    def __init__(self, *, pull: float = 0.1, fast: float = 0.9, slow: float = 0.99) -> None:
        super().__init__()
        self._pull, self._survives = pull, np.array([[fast], [slow]], dtype=np.float32)
        self._means: FloatArray | None = None
        self._factor: FloatArray = np.ones(0, dtype=np.float32)

    def gradients(self, margins: Margins, triples: Triples, bpr_gradient: FloatArray) -> MarginGradients:
        """See ``Balancer``."""
        utility = sigmoid(margins.keep[: triples.n_bpr]).mean(axis=0)
        before = np.stack([utility, utility]) if self._means is None else self._means
        self._means = self._survives * before + (1 - self._survives) * utility
        speed = np.maximum(self._means[0] - self._means[1], 0)
        total, m = speed.sum(), len(speed)
        self._factor = m / (m - 1) * (total - speed) / total if total > 0 else np.ones_like(speed)
        self.note(weight=self._factor, signal=speed, utility=utility)
        return MarginGradients(bpr_gradient, self._pull * self._factor * keep_bpr(margins))

    def adjust(self, branches: BranchGradients) -> Mapping[str, float]:
        """See ``Balancer``."""
        return dict(zip(self.names, self._factor.tolist(), strict=True))
