"""MMPareto: each branch follows a direction that serves both the joint and its own uni-modal objective.

Paper: Wei and Hu, "MMPareto: Boosting Multimodal Learning with Innocent Unimodal Assistance", ICML 2024 (arXiv 2405.17730). For
the parameters of modality m with gradients g of the joint and u of the uni-modal loss: where they agree (<g, u> >= 0) the step
follows their mean; where they conflict, the point of least norm between them, a g + (1 - a) u with
a = <u, u - g> / |u - g|^2, to which both have a positive angle, rescaled to the length that g + u would have times ``rescale``.
Both weights are doubled, so that agreeing gradients simply add up.

Departures. (1) The uni-modal loss is the BPR of the keep-m margin; purchase history, which all objectives share, follows the joint
loss alone: assistance reaches branches only. (2) The joint gradient holds the backbone's L2 and its own further losses. (3) The
weights are never (0, 0): in a conflict 0 < a < 1, and where one gradient is zero both keep their 1/2. Where the two point exactly
against each other no direction serves both, and the branch rests for that step.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from models.backbones.protocol import Backbone, BranchGradients, MarginGradients, Margins
from models.balancers.protocol import BaseBalancer, keep_bpr
from models.losses import FloatArray
from models.sampling import Triples

if TYPE_CHECKING:
    from models.training import Interactions

__all__ = ["MMPareto", "pareto_weights"]


def pareto_weights(joint: float, alone: float, product: float) -> tuple[float, float]:
    """Weights, sum 1, of two gradients given their squared norms and their product."""
    apart = joint + alone - 2 * product
    if product >= 0 or joint == 0 or alone == 0:
        return 0.5, 0.5
    return (alone - product) / apart, (joint - product) / apart


class MMPareto(BaseBalancer):
    """See the module. ``rescale`` is the paper's factor on the length after a conflict."""

    adjusts = True

    def __init__(self, *, rescale: float = 1.0) -> None:
        super().__init__()
        self._rescale = rescale
        self._backbone: Backbone | None = None
        self._alone: BranchGradients = {}

    def new_epoch(self, backbone: Backbone, data: Interactions) -> None:
        """See ``Balancer``."""
        super().new_epoch(backbone, data)
        self._backbone = backbone

    def gradients(self, margins: Margins, triples: Triples, bpr_gradient: FloatArray) -> MarginGradients:
        """See ``Balancer``."""
        if self._backbone is not None:
            self._alone = self._backbone.branch_gradients(MarginGradients(np.zeros_like(margins.full), keep_bpr(margins)))
        return MarginGradients(bpr_gradient)

    def adjust(self, branches: BranchGradients) -> Mapping[str, float]:
        """See ``Balancer``."""
        weights, cosines = [], []
        for name in self.names:
            pairs = list(zip(branches[name], self._alone[name], strict=True))
            joint, alone = (float(sum(np.vdot(one, one) for one in column)) for column in zip(*pairs, strict=True))
            product = float(sum(np.vdot(g, u) for g, u in pairs))
            of_joint, of_alone = pareto_weights(joint, alone, product)
            added, length = joint + alone + 2 * product, 1.0
            if product < 0:
                found = of_joint**2 * joint + of_alone**2 * alone + 2 * of_joint * of_alone * product
                length = self._rescale * (max(added, 0) / found) ** 0.5 / 2 if found > 0 and added > 0 else 1.0
            for g, u in pairs:
                g *= np.float32(2 * length * of_joint)
                g += np.float32(2 * length * of_alone) * u
            weights.append(of_alone)
            cosines.append(product / (joint * alone) ** 0.5 if joint * alone > 0 else 0.0)
        self.note(weight=weights, signal=cosines, conflict_share=np.array(cosines) < 0)
        return {}
