"""VBPR: one user preference vector and one linear item map per modality, beside the ID factors.

Paper: He and McAuley, "VBPR: Visual Bayesian Personalized Ranking from Implicit Feedback", AAAI 2016. Equation 4 with several
modalities: s(u, i) = b_i + <p_u, q_i> + sum_m <p_u^m, E_m x_i^m>.

Departures. (1) Any number of modalities, each with its own E_m and p_u^m, so that the score is a sum of parts and every
counterfactual is a partial sum: replacing a modality's item features by their mean and its user preferences by theirs adds a
constant per user, which no ranking sees. (2) The paper's global visual bias beta'x is left out, as the later literature does.
(3) An item that lacks a modality gets a learnt vector of its own per modality. (4) Features are projected once beforehand (see
``models.projection``); only rows that a batch touches are computed and updated; the others
coast when they are next looked at (see ``kernels.coast_rows``), so that this is dense Adam.

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
    """See the module. Parameters: see ``SeparableBackbone``; ``defaults`` suggested, ``defaults_large`` for large logs.

    Twice the batch halves what the item maps cost. On H&M (49,000 pairs) the joint model finds as much with it (best validation
    Recall@20 .2180 against .2147), on the sample shops (10,000 to 20,000 pairs) less (.445 against .456).
    """

    cost, epochs = 1.0, 1.0
    defaults: ClassVar[dict[str, float]] = {"learning_rate": 1e-3, "batch_size": 1024, "l2": 3e-3}
    defaults_large: ClassVar[dict[str, float]] = {"learning_rate": 1.5e-3, "batch_size": 2048, "l2": 3e-3}

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

        user, item, bias, *_ = self._optimisers
        user_rows = self._room("users", len(users), self._parts, self._d)
        item_rows = self._room("items", len(items), self._parts, self._d)
        biases = self._room("biases", len(items), 1)
        user.rows(users, user_rows.reshape(len(users), -1))
        item.rows(items, item_rows.reshape(len(items), -1))  # history's part, which comes first
        bias.rows(items, biases)
        inputs = []
        for part, (x, projection) in enumerate(zip(self._features, self._maps, strict=True), start=1):
            own = np.take(x, items, axis=0, out=self._room(f"inputs {part}", len(items), x.shape[1]), mode="clip")  # no copy
            np.matmul(own, projection, out=item_rows[:, part])
            inputs.append(own)
        parts = np.empty((len(u), self._parts), dtype=np.float32)
        part_margins(user_rows, item_rows, u, i, j, parts)
        parts[:, 0] += biases[i, 0] - biases[j, 0]
        self._batch = (users, items, u, i, j, user_rows, item_rows, inputs, triples.n_bpr)
        return self.margins_of(parts, counterfactual=counterfactual)

    def _pull(self, gradients: MarginGradients, decay: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """The gradients of the batch's user rows, item rows (n, n_parts, d) and biases (n,)."""
        _, _, u, i, j, user_rows, item_rows, _, n_bpr = self._batch
        weight = self.part_weights(gradients)
        user_gradient, item_gradient = self._room("to users", *user_rows.shape), self._room("to items", *item_rows.shape)
        user_gradient[...] = item_gradient[...] = 0
        part_gradients(user_rows, item_rows, u, i, j, weight, decay, user_gradient, item_gradient)
        self._with_vectors(gradients, item_gradient, i[:n_bpr])
        to_bias = np.bincount(i, weight[:, 0], len(item_rows)) - np.bincount(j, weight[:, 0], len(item_rows))
        return user_gradient, item_gradient, to_bias.astype(np.float32)

    def branch_gradients(self, gradients: MarginGradients) -> BranchGradients:
        """See ``protocol.Backbone``."""
        user_gradient, item_gradient, _ = self._pull(gradients, NO_DECAY)
        return self._by_branch(user_gradient.copy(), self._map_gradients(self._batch[7], item_gradient))

    def backward(self, gradients: MarginGradients, *, adjust: Adjust | None = None) -> dict[str, float]:
        users, items, _, _, _, _, _, inputs, n_bpr = self._batch
        # L2 on what the BPR triples touched, once per occurrence, as the losses of the field do.
        decay = np.full(n_bpr, self.l2 / np.float32(n_bpr), dtype=np.float32)
        user_gradient, item_gradient, bias_gradient = self._pull(gradients, decay)
        return self._learn(users, items, user_gradient, item_gradient, bias_gradient[:, None], inputs, adjust)

    def _bought(self) -> FloatArray:
        _, _, _, i, _, _, item_rows, _, n_bpr = self._batch
        bought: FloatArray = item_rows[i[:n_bpr]]
        return bought
