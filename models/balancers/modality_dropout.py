"""Modality dropout: a share of the triples is learnt from with one modality alone.

Paper: Neverova et al., "ModDrop: Adaptive Multi-modal Gesture Recognition", TPAMI 2016 (arXiv 1501.00102): modalities
are dropped at random while the whole is trained, so that none can lean on another.

Departures. (1) A triple sees all modalities or, with probability ``dropped``, one drawn uniformly. For two modalities these are all
the sets there are; for more, those between are left out. (2) Dropped means counterfactual (catalog's mean), not zero. (3) Purchase
history is never dropped, and nothing is rescaled: a margin is a difference, it has no level to keep.
"""

from __future__ import annotations

import numpy as np

from models.backbones.protocol import MarginGradients, Margins
from models.balancers.protocol import BaseBalancer, keep_bpr
from models.losses import FloatArray
from models.sampling import Triples

__all__ = ["ModalityDropout"]


class ModalityDropout(BaseBalancer):
    """See the module. Parameters: ``dropped``, the share of triples that see one modality alone."""

    remembers = ("_rng",)

    def __init__(self, *, dropped: float = 0.3, seed: int = 0) -> None:
        super().__init__()
        self._dropped, self._rng = dropped, np.random.default_rng(seed)

    def gradients(self, margins: Margins, triples: Triples, bpr_gradient: FloatArray) -> MarginGradients:
        """See ``Balancer``."""
        n, m = margins.keep.shape
        alone = np.where(self._rng.random(n) < self._dropped, self._rng.integers(0, m, n), -1)
        chosen = alone[:, None] == np.arange(m)
        self.note(weight=chosen.mean(axis=0))
        return MarginGradients(np.where(alone < 0, bpr_gradient, 0).astype(np.float32), np.where(chosen, keep_bpr(margins), 0))
