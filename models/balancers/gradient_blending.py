"""Gradient blending: the joint and the uni-modal losses, weighted by how much each generalises for how much it overfits.

Paper: Wang, Tran and Feiszli, "What Makes Training Multi-modal Classification Networks Hard?", CVPR 2020 (arXiv 1905.12681). With
L_T, L_V a loss on training and held-out data, O = L_V - L_T: between two checkpoints G = -(change of L_V) is what was learnt that
generalises, dO what was learnt that does not; the optimal weight of each loss is proportional to G / dO^2, weights sum to
1. Offline they are estimated once, from earlier trainings of each modality alone and of all together; online anew as training
goes on.

Departures. (1) The uni-modal heads are the keep-m margins with a BPR loss each. (2) Default is online, from the untrained model to
the start of each epoch; the first epoch is plain. So it needs no earlier run. ``blending_weights`` gives offline weights from any
records of losses, to be handed over as ``weights``. (3) A loss that has not improved on held-out data gets no weight, where the
absolute value of G would reward the harm. (4) |dO| is at least ``floor`` nats, for a ratio of two near-zeros says nothing. (5)
Held-out data are (at most 2,048 pairs of) the validation part, as the paper's are; the test part is never seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from models.backbones.protocol import Backbone, MarginGradients, Margins
from models.balancers.held_out import HeldOut
from models.balancers.protocol import BaseBalancer, keep_bpr
from models.losses import FloatArray
from models.sampling import Triples

if TYPE_CHECKING:
    from models.training import Interactions

__all__ = ["JOINT", "GradientBlending", "blending_weights"]

JOINT = "full"


def blending_weights(gain: FloatArray, overfitting: FloatArray, floor: float) -> FloatArray:
    """Weights (n,), sum 1, from each loss's gain on held-out data and its change of overfitting; the first alone if none gained."""
    weights = np.maximum(gain, 0) / np.maximum(np.abs(overfitting), floor) ** 2
    if not weights.sum() > 0:
        weights = np.eye(1, len(gain))[0]
    normalised: FloatArray = (weights / weights.sum()).astype(np.float32)
    return normalised


class GradientBlending(BaseBalancer):
    """See the module. ``weights``: fixed (offline) weights by modality, and ``"full"`` for the joint loss."""

    remembers = ("_start",)

    def __init__(self, *, weights: Mapping[str, float] | None = None, floor: float = 0.01, seed: int = 0) -> None:
        super().__init__()
        self._fixed, self._floor, self._held_out = weights, floor, HeldOut(seed=seed)
        self._start: FloatArray | None = None
        self._weights: FloatArray = np.ones(1, dtype=np.float32)

    def new_epoch(self, backbone: Backbone, data: Interactions) -> None:
        """See ``Balancer``."""
        self.names = (JOINT, *backbone.modalities)
        if self._fixed is not None:
            self._weights = np.array([self._fixed[name] for name in self.names], dtype=np.float32)
            self.note(weight=self._weights)
            return
        train, held_out = self._held_out.losses(backbone, data)
        if self._start is None:
            self._start = np.stack([train, held_out])
        gain = self._start[1] - held_out
        overfitting = (held_out - train) - (self._start[1] - self._start[0])
        self._weights = blending_weights(gain, overfitting, self._floor)
        self.note(weight=self._weights, gain=gain, overfitting=overfitting, clip_share=np.abs(overfitting) < self._floor)

    def gradients(self, margins: Margins, triples: Triples, bpr_gradient: FloatArray) -> MarginGradients:
        """See ``Balancer``."""
        return MarginGradients(self._weights[0] * bpr_gradient, self._weights[1:] * keep_bpr(margins))
