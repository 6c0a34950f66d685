"""LightGCN: preferences smoothed over who bought what, for purchase history and for each modality's branch.

Paper: He et al., "LightGCN: Simplifying and Powering Graph Convolution Network for Recommendation", SIGIR 2020. Equation 7:
E^(k+1) = A E^(k), with A the symmetrically normalised graph of users and items; equation 8: the final vectors are the mean of
layers 0 to K. ``LightGCN`` is the paper's model, of purchase history alone. In ``LightGCNContent`` every modality adds a branch of
its own through the same layers: user preferences p_u^m and mapped content E_m x_i^m in the place of ID factors.

Departures. (1) An item bias, as in VBPR. (2) Content branches are ours; the score is the sum of the branches', so it stays
separable. (3) An item that lacks a modality gets a learnt vector of its own. (4) L2 on the layer-0 vectors of the batch's users
and items, as the authors do, but once per occurrence. (5) Layer-0 tables are wholly updated, as every vector takes part.

Per batch: 2 K nnz P d operations forward and the same backward (A is symmetric, so its transpose is itself), beside which the
triples (9 n P d) are small; hence larger batches than VBPR's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from models.backbones.protocol import Adjust, BranchGradients, Features, MarginGradients, Margins
from models.backbones.separable import FloatArray, SeparableBackbone
from models.graphs import Bipartite
from models.kernels import NO_DECAY, part_gradients, part_margins
from models.sampling import Triples

__all__ = ["LightGCN", "LightGCNContent"]


class LightGCNContent(SeparableBackbone):
    """See the module. ``layers`` is the paper's K; ``defaults`` suggested, ``defaults_large`` for large logs.

    Best validation Recall@20 on H&M (49,000 pairs), mean of three seeds, with the first and with the second: .206 and .206; of
    history alone .190 and .194. A training takes less than half the time.
    """

    cost, epochs = 2.5, 1.6
    defaults: ClassVar[dict[str, float]] = {"learning_rate": 5e-3, "batch_size": 2048, "l2": 3e-3}
    defaults_large: ClassVar[dict[str, float]] = {"learning_rate": 1e-2, "batch_size": 8192, "l2": 3e-3}
    layers = 2

    def _connect(self, train: npt.NDArray[np.int32]) -> None:
        self._graph = Bipartite.from_pairs(train, self.n_users, self.n_items)
        self._every_user = np.arange(self.n_users, dtype=np.int32)
        self._every_item = np.arange(self.n_items, dtype=np.int32)

    def _final(self) -> tuple[FloatArray, FloatArray]:
        return self._smooth(*super()._final())

    def _smooth(self, users: FloatArray, items: FloatArray, room: str = "") -> tuple[FloatArray, FloatArray]:
        """Mean of layers 0 to K, of vectors or, as A is symmetric, of gradients; see ``_mean_of_layers``."""
        return self._mean_of_layers(self._graph, users, items, self.layers, room)

    def forward(self, triples: Triples, *, counterfactual: bool = False) -> Margins:
        shapes = (self.n_users, self._parts, self._d), (self.n_items, self._parts, self._d)
        first = self._write_vectors(self._room("users", *shapes[0]), self._room("items", *shapes[1]))
        users, items = self._smooth(*first, "forward")
        parts = np.empty((len(triples.user), self._parts), dtype=np.float32)
        part_margins(users, items, triples.user, triples.positive, triples.negative, parts)
        bias = self._bias[:, 0]
        parts[:, 0] += bias[triples.positive] - bias[triples.negative]
        self._batch = (triples, first, users, items)
        return self.margins_of(parts, counterfactual=counterfactual)

    def _pull(self, gradients: MarginGradients, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The gradients of the layer-0 vectors (n, n_parts, d), given those of the final ones."""
        triples, _, users, items = self._batch
        u, i, j = triples.user, triples.positive, triples.negative
        user_gradient, item_gradient = self._room("to users", *users.shape), self._room("to items", *items.shape)
        user_gradient[...] = item_gradient[...] = 0
        part_gradients(users, items, u, i, j, weight, NO_DECAY, user_gradient, item_gradient)
        self._with_vectors(gradients, item_gradient, i[: triples.n_bpr])
        return self._smooth(user_gradient, item_gradient, "backward")

    def branch_gradients(self, gradients: MarginGradients) -> BranchGradients:
        """See ``protocol.Backbone``."""
        user_gradient, item_gradient = self._pull(gradients, self.part_weights(gradients))
        return self._by_branch(user_gradient.copy(), self._map_gradients(self._features, item_gradient))

    def backward(self, gradients: MarginGradients, *, adjust: Adjust | None = None) -> dict[str, float]:
        triples, (own_users, own_items), _, _ = self._batch
        u, i, j, n = triples.user, triples.positive, triples.negative, triples.n_bpr
        weight = self.part_weights(gradients)
        user_gradient, item_gradient = self._pull(gradients, weight)
        bias_gradient = np.bincount(i, weight[:, 0], self.n_items) - np.bincount(j, weight[:, 0], self.n_items)

        share = self.l2 / np.float32(n)
        touched = np.bincount(i[:n], minlength=self.n_items) + np.bincount(j[:n], minlength=self.n_items)
        for gradient, own, times in (
            (user_gradient, own_users, np.bincount(u[:n], minlength=self.n_users)),
            (item_gradient, own_items, touched),
        ):
            own *= (times * share).astype(np.float32)[:, None, None]
            gradient += own
        to_bias = bias_gradient.astype(np.float32)[:, None]
        return self._learn(self._every_user, self._every_item, user_gradient, item_gradient, to_bias, self._features, adjust)

    def _bought(self) -> FloatArray:
        triples, _, _, items = self._batch
        bought: FloatArray = items[triples.positive[: triples.n_bpr]]
        return bought


class LightGCN(LightGCNContent):
    """The paper's model: purchase history alone. Whatever ``features`` it is given, it has no modalities.

    Best validation Recall@20, mean of three seeds, with the settings above for large logs and with its own: .190 and .193 on the
    benchmark's log (120,000 pairs), .194 and .195 on H&M. Larger batches want more L2; content's branches do not, see the module.
    """

    defaults_large: ClassVar[dict[str, float]] = {"learning_rate": 1.4e-2, "batch_size": 16384, "l2": 6e-3}
    content_in_score = False

    def __init__(self, n_users: int, n_items: int, features: Mapping[str, Features], **settings: Any) -> None:
        super().__init__(n_users, n_items, {}, **settings)
