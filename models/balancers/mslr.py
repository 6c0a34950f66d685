"""MSLR: a learning rate for each modality.

Paper: Yao and Mihalcea, "Modality-specific Learning Rates for Effective Multimodal Additive Late-fusion", Findings of ACL 2022.
Each modality of a sum keeps the learning rate that suits it alone ("keep"), moves towards a common one ("smooth"), or has it
changed as training goes on ("dynamic").

Departures. "keep" is ``rates``, by modality, as multiples of the backbone's rate. "dynamic", our rule and always on: a modality's
rate is multiplied by ``decay`` after each epoch in which the held-out BPR loss of its own keep-m margin rose, down to ``floor``
times where it began: one that starts to overfit slows down while the others go on. "smooth" is left out. The factor is on the
step, see ``ogm_ge``; on a gradient Adam would undo it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from models.backbones.protocol import Backbone, BranchGradients
from models.balancers.held_out import HeldOut
from models.balancers.protocol import BaseBalancer
from models.losses import FloatArray

if TYPE_CHECKING:
    from models.training import Interactions

__all__ = ["MSLR"]


class MSLR(BaseBalancer):
    """See the module."""

    counterfactual = False
    adjusts = True
    remembers = ("_slowed", "_last")

    def __init__(
        self, *, rates: Mapping[str, float] | None = None, decay: float = 0.5, floor: float = 1 / 32, seed: int = 0
    ) -> None:
        super().__init__()
        self._rates, self._decay, self._floor, self._held_out = dict(rates or {}), decay, floor, HeldOut(seed=seed)
        self._slowed: npt.NDArray[np.floating] = np.ones(0)
        self._last: FloatArray | None = None
        self._factors: dict[str, float] = {}

    def new_epoch(self, backbone: Backbone, data: Interactions) -> None:
        """See ``Balancer``."""
        super().new_epoch(backbone, data)
        loss = self._held_out.losses(backbone, data)[1][1:]
        if self._last is None:
            self._slowed = np.ones_like(loss)
        else:
            self._slowed = np.maximum(np.where(loss > self._last, self._decay, 1) * self._slowed, self._floor)
        self._last = loss
        rate = [self._rates.get(name, 1.0) * slowed for name, slowed in zip(self.names, self._slowed.tolist(), strict=True)]
        self._factors = dict(zip(self.names, rate, strict=True))
        self.note(weight=rate, signal=loss)

    def adjust(self, branches: BranchGradients) -> Mapping[str, float]:
        """See ``Balancer``."""
        return self._factors
