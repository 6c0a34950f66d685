"""Losses of the joint model and of every branch on fixed triples, of training and held out, for methods that look at both."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.backbones.protocol import Backbone
from models.kernels import sample_unseen
from models.losses import FloatArray
from models.sampling import Triples

if TYPE_CHECKING:
    from models.training import Interactions

__all__ = ["HeldOut"]


class HeldOut:
    """Draws its triples at the first call: at most ``n`` training pairs and ``n`` validation pairs, an unseen item beside each."""

    def __init__(self, n: int = 2048, seed: int = 0) -> None:
        self._n, self._rng = n, np.random.default_rng(seed)
        self._triples: list[Triples] = []

    def losses(self, backbone: Backbone, data: Interactions) -> tuple[FloatArray, FloatArray]:
        """Mean BPR losses (1 + n_modalities,) on training and on validation triples: the joint model's, then keep-m's."""
        if not self._triples:
            held_out = np.column_stack([np.repeat(np.arange(backbone.n_users), data.validation.counts), data.validation.items])
            self._triples = [self._draw(pairs.astype(np.int32), backbone.n_items, data) for pairs in (data.train, held_out)]
        found = []
        for triples in self._triples:
            margins = backbone.forward(triples, counterfactual=True)
            found.append(np.logaddexp(0, -np.column_stack([margins.full, margins.keep])).mean(axis=0))
        return found[0], found[1]

    def _draw(self, pairs: np.ndarray, n_items: int, data: Interactions) -> Triples:
        pairs = pairs[self._rng.permutation(len(pairs))[: self._n]]
        user, positive = np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1])
        negative = np.empty(len(pairs), dtype=np.int32)
        state = self._rng.integers(0, 2**63, 1).astype(np.uint64)
        sample_unseen(user, data.seen.start, data.seen.items, n_items, state, negative)
        return Triples(user, positive, negative, len(pairs))
