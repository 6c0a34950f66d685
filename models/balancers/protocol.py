"""What a balancing method is: it turns margins into gradients, and tells what it did."""

from __future__ import annotations

from typing import Protocol

from models.backbones.protocol import MarginGradients, Margins
from models.losses import FloatArray
from models.sampling import Triples

__all__ = ["Balancer"]


class Balancer(Protocol):
    """A method plugged into the one training loop. It sees margins only, so it never changes a backbone's forward."""

    n_extra: int
    """Uniform triples it wants appended to every batch."""
    counterfactual: bool
    """Whether it needs ``Margins.keep`` and ``Margins.without``."""

    def gradients(self, margins: Margins, triples: Triples, bpr_gradient: FloatArray) -> MarginGradients:
        """The whole gradient for a batch. ``bpr_gradient`` float32 (n_bpr,) is the recommendation loss's own."""

    def epoch_log(self) -> dict[str, dict[str, float]]:
        """What it did since the last call: measure -> modality -> value. Clears its memory of the epoch."""
