"""No balancing: the recommendation loss alone."""

from __future__ import annotations

from models.backbones.protocol import MarginGradients, Margins
from models.losses import FloatArray
from models.sampling import Triples

__all__ = ["NoBalancer"]


class NoBalancer:
    """Plain joint training, the control of every comparison."""

    n_extra = 0
    counterfactual = False

    def gradients(self, margins: Margins, triples: Triples, bpr_gradient: FloatArray) -> MarginGradients:
        return MarginGradients(bpr_gradient)

    def epoch_log(self) -> dict[str, dict[str, float]]:
        return {}
