"""VBPR: one user preference vector and one linear item map per modality, beside the ID factors.

Paper: He and McAuley, "VBPR: Visual Bayesian Personalized Ranking from Implicit Feedback", AAAI 2016. Equation 4 with several
modalities: s(u, i) = b_i + <p_u, q_i> + sum_m <p_u^m, E_m x_i^m>.

Departures. (1) Any number of modalities, each with its own E_m and p_u^m, so that the score is a sum of parts and every
counterfactual is a partial sum: replacing a modality's item features by their mean and its user preferences by theirs adds a
constant per user, which no ranking sees. (2) The paper's global visual bias beta'x is left out, as the later literature does.
(3) An item that lacks a modality gets a learnt vector of its own per modality. (4) Features are projected once beforehand (see
``models.projection``); only rows that a batch touches are computed and updated (row-wise Adam, see ``kernels.adam_rows``).

Per batch of n triples over n_i distinct items, d dimensions, P parts, f features: 2 n_i f d (P - 1) operations for the item maps,
the same twice for their gradients, and 9 n P d in the two triple kernels.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from models.backbones.protocol import Adjust, BranchGradients, MarginGradients, Margins
from models.backbones.separable import FloatArray, SeparableBackbone
from models.kernels import NO_DECAY, distinct, part_gradients, part_margins
from models.sampling import Triples

__all__ = ["VBPR"]


class VBPR(SeparableBackbone):
    """See the module. Parameters: see ``SeparableBackbone``; ``defaults`` suggested."""

    defaults: ClassVar[dict[str, float]] = {"learning_rate": 2e-3, "batch_size": 1024, "l2": 3e-3}

    def _connect(self, train: npt.NDArray[np.int32]) -> None:
        self._user_position = np.full(self.n_users, -1, dtype=np.int32)
        self._item_position = np.full(self.n_items, -1, dtype=np.int32)

    def forward(self, triples: Triples, *, counterfactual: bool = False) -> Margins:
        users = np.empty(min(len(triples.user), self.n_users), dtype=np.int32)
        users = users[: distinct(triples.user, self.n_users, self._user_position, users)]
        both = np.concatenate([triples.positive, triples.negative])
        items = np.empty(min(len(both), self.n_items), dtype=np.int32)
        items = items[: distinct(both, self.n_items, self._item_position, items)]
        u, ij = self._user_position[triples.user], self._item_position[both]
        i, j = ij[: len(u)], ij[len(u) :]
        self._user_position[users] = -1
        self._item_position[items] = -1

        user_rows = np.take(self._user, users, axis=0).reshape(len(users), self._parts, self._d)
        item_rows = np.empty((len(items), self._parts, self._d), dtype=np.float32)
        item_rows[:, 0] = self._item[items]
        inputs = [np.take(x, items, axis=0) for x in self._features]  # np.take copies rows faster than an index does
        for part, (x, projection) in enumerate(zip(inputs, self._maps, strict=True), start=1):
            np.matmul(x, projection, out=item_rows[:, part])
        parts = np.empty((len(u), self._parts), dtype=np.float32)
        part_margins(user_rows, item_rows, u, i, j, parts)
        bias = self._bias[items, 0]
        parts[:, 0] += bias[i] - bias[j]
        self._batch = (users, items, u, i, j, user_rows, item_rows, inputs, triples.n_bpr)
        return self._margins_of(parts, counterfactual=counterfactual)

    def branch_gradients(self, gradients: MarginGradients) -> BranchGradients:
        """See ``protocol.Backbone``."""
        _, _, u, i, j, user_rows, item_rows, inputs, n_bpr = self._batch
        user_gradient, item_gradient = np.zeros_like(user_rows), np.zeros_like(item_rows)
        part_gradients(user_rows, item_rows, u, i, j, self._part_weights(gradients), NO_DECAY, user_gradient, item_gradient)
        self._with_vectors(gradients, item_gradient, i[:n_bpr])
        return self._by_branch(user_gradient, self._map_gradients(inputs, item_gradient))

    def backward(self, gradients: MarginGradients, *, adjust: Adjust | None = None) -> dict[str, float]:
        users, items, u, i, j, user_rows, item_rows, inputs, n_bpr = self._batch
        weight = self._part_weights(gradients)
        # L2 on what the BPR triples touched, once per occurrence, as the losses of the field do.
        decay = np.full(n_bpr, self._l2 / np.float32(n_bpr), dtype=np.float32)
        user_gradient, item_gradient = np.zeros_like(user_rows), np.zeros_like(item_rows)
        part_gradients(user_rows, item_rows, u, i, j, weight, decay, user_gradient, item_gradient)
        self._with_vectors(gradients, item_gradient, i[:n_bpr])
        bias_gradient = np.zeros((len(items), 1), dtype=np.float32)
        np.add.at(bias_gradient[:, 0], i, weight[:, 0])
        np.subtract.at(bias_gradient[:, 0], j, weight[:, 0])
        return self._learn(users, items, user_gradient, item_gradient, bias_gradient, inputs, adjust)

    def _bought(self) -> FloatArray:
        _, _, _, i, _, _, item_rows, _, n_bpr = self._batch
        bought: FloatArray = item_rows[i[:n_bpr]]
        return bought
