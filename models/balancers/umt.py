"""UMT: uni-modal teacher, every branch of the joint model is drawn towards the model that learnt from that modality alone.

Paper: Du et al., "On Uni-Modal Feature Learning in Supervised Multi-Modal Learning", ICML 2023 (arXiv 2305.01233):
loss = task + sum_m lambda |phi_m - phi_m^teacher|^2, phi_m the features of modality m before fusion, teachers frozen.

Departure. What is drawn together is not vectors but the margins that follow from them: lambda mean (T_m - K_m)^2 over the BPR
triples, T_m the teacher's. A dot product does not change when user and item vectors are rotated together, so that two equally good
models have unrelated vectors; margins are what both mean by them, and every backbone has them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from models.backbones.protocol import MarginGradients, Margins
from models.balancers.protocol import TaughtBalancer
from models.losses import FloatArray
from models.sampling import Triples

__all__ = ["UMT"]


class UMT(TaughtBalancer):
    """See the module. ``teachers``: see ``TaughtBalancer``; ``strength``: lambda."""

    def __init__(self, teachers: Mapping[str, Callable[[Triples], FloatArray]], *, strength: float = 0.01) -> None:
        super().__init__(teachers)
        self._strength = strength

    def gradients(self, margins: Margins, triples: Triples, bpr_gradient: FloatArray) -> MarginGradients:
        """See ``Balancer``."""
        gap = margins.keep - np.stack(self.taught(triples), axis=1)
        self.note(weight=np.ones(gap.shape[1]), signal=-gap.mean(axis=0), squared_gap=np.square(gap).mean(axis=0))
        return MarginGradients(bpr_gradient, 2 * self._strength / len(gap) * gap)
