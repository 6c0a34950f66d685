"""AGM: adaptive gradient modulation by each modality's own share of the answer.

Paper: Li et al., "Boosting Multi-modal Model Performance with Adaptive Gradient Modulation", ICCV 2023 (arXiv 2308.07686). The
response phi_m of modality m is its Shapley share of the output; s_m is the mean log-likelihood that phi_m alone gives the truth;
r_m = exp(mean over others of (s_m - s_other)) says how far m is ahead; tau_m is the running mean of r_m over all steps; the
gradient of branch m is multiplied by kappa_m = exp(-a (r_m - tau_m)).

Departures. (1) The output is the margin of a triple and the truth is that the bought item wins: s_m = mean log sigma(phi_m). (2)
phi_m = (D_full - D_without-m + K_m) / 2, the mean of m's gain when it comes last and first, history counted with whoever comes
first: exactly the Shapley share for two modalities (the shares sum to D_full), its two ends for more. (3) kappa_m multiplies the
step, see ``ogm_ge``.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from models.backbones.protocol import BranchGradients, MarginGradients, Margins
from models.balancers.protocol import BaseBalancer, mean_of_others
from models.losses import FloatArray
from models.sampling import Triples

__all__ = ["AGM"]


class AGM(BaseBalancer):
    """See the module. ``strength`` is the paper's alpha."""

    adjusts = True
    remembers = ("_steps", "_running")

    def __init__(self, *, strength: float = 1.0) -> None:
        super().__init__()
        self._strength, self._steps = strength, 0
        self._running: FloatArray = np.zeros(0, dtype=np.float32)
        self._factor = self._running

    def gradients(self, margins: Margins, triples: Triples, bpr_gradient: FloatArray) -> MarginGradients:
        """See ``Balancer``."""
        n = triples.n_bpr
        response = (margins.full[:n, None] - margins.without[:n] + margins.keep[:n]) / 2
        likelihood = -np.logaddexp(0, -response).mean(axis=0)
        ratio = np.exp(likelihood - mean_of_others(likelihood))
        self._steps += 1
        self._running = ratio if self._steps == 1 else self._running + (ratio - self._running) / self._steps
        self._factor = np.exp(-self._strength * (ratio - self._running))
        self.note(weight=self._factor, signal=ratio, reference=self._running)
        return MarginGradients(bpr_gradient)

    def adjust(self, branches: BranchGradients) -> Mapping[str, float]:
        """See ``Balancer``."""
        return dict(zip(self.names, self._factor.tolist(), strict=True))
