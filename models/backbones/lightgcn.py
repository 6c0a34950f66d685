"""LightGCN: preferences smoothed over who bought what, for purchase history and for each modality's branch.

Paper: He et al., "LightGCN: Simplifying and Powering Graph Convolution Network for Recommendation", SIGIR 2020. Equation 7:
E^(k+1) = A E^(k), with A the symmetrically normalised graph of users and items; equation 8: the final vectors are the mean of
layers 0 to K. Without modalities this is the paper's model. Every modality adds a branch of its own through the same layers: user
preferences p_u^m and mapped content E_m x_i^m in the place of ID factors.

Departures. (1) An item bias, as in VBPR. (2) Content branches are ours; the score is the sum of the branches', so it stays
separable. (3) An item that lacks a modality gets a learnt vector of its own. (4) L2 on the layer-0 vectors of the batch's users
and items, as the authors do, but once per occurrence. (5) Layer-0 tables are wholly updated, as every vector takes part.

Per batch: 2 K nnz P d operations forward and the same backward (A is symmetric, so its transpose is itself), beside which the
triples (9 n P d) are small; hence larger batches than VBPR's.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.backbones.protocol import MarginGradients, Margins
from models.backbones.separable import ID, FloatArray, SeparableBackbone
from models.graphs import Bipartite
from models.kernels import part_gradients, part_margins
from models.sampling import Triples

__all__ = ["LightGCNContent"]


class LightGCNContent(SeparableBackbone):
    """See the module. ``layers`` is the paper's K."""

    layers = 2

    def _connect(self, train: npt.NDArray[np.int32]) -> None:
        self._graph = Bipartite.from_pairs(train, self.n_users, self.n_items)
        self._every_user = np.arange(self.n_users, dtype=np.int32)
        self._every_item = np.arange(self.n_items, dtype=np.int32)

    def _final(self) -> tuple[FloatArray, FloatArray]:
        users, items = super()._final()
        return self._smooth(users.reshape(self.n_users, -1), items.reshape(self.n_items, -1))

    def _smooth(self, users: FloatArray, items: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Mean of layers 0 to K, of vectors or, as A is symmetric, of gradients; (n, n_parts * d) in, (n, n_parts, d) out."""
        users, items = self._graph.mean_of_layers(users, items, self.layers)
        return users.reshape(self.n_users, self._parts, self._d), items.reshape(self.n_items, self._parts, self._d)

    def forward(self, triples: Triples, *, counterfactual: bool = False) -> Margins:
        users, items = self._final()
        parts = np.empty((len(triples.user), self._parts), dtype=np.float32)
        part_margins(users, items, triples.user, triples.positive, triples.negative, parts)
        bias = self._bias[:, 0]
        parts[:, 0] += bias[triples.positive] - bias[triples.negative]
        self._batch = (triples, users, items)
        return self._margins_of(parts, counterfactual=counterfactual)

    def backward(self, gradients: MarginGradients) -> dict[str, float]:
        triples, users, items = self._batch
        u, i, j = triples.user, triples.positive, triples.negative
        weight = self._part_weights(gradients)
        user_gradient, item_gradient = np.zeros_like(users), np.zeros_like(items)
        part_gradients(users, items, u, i, j, weight, user_gradient, item_gradient)
        user_gradient, item_gradient = self._smooth(
            user_gradient.reshape(self.n_users, -1), item_gradient.reshape(self.n_items, -1)
        )
        bias_gradient = np.bincount(i, weight[:, 0], self.n_items) - np.bincount(j, weight[:, 0], self.n_items)

        n = triples.n_bpr
        share = self._l2 / np.float32(n)
        own_users, own_items = super()._final()
        user_gradient += own_users * (np.bincount(u[:n], minlength=self.n_users) * share).astype(np.float32)[:, None, None]
        touched = np.bincount(i[:n], minlength=self.n_items) + np.bincount(j[:n], minlength=self.n_items)
        item_gradient += own_items * (touched * share).astype(np.float32)[:, None, None]

        user, item, bias, *maps = self._optimisers
        user.update(self._every_user, user_gradient.reshape(self.n_users, -1))
        item.update(self._every_item, np.ascontiguousarray(item_gradient[:, 0]))
        bias.update(self._every_item, bias_gradient.astype(np.float32)[:, None])
        squared = np.einsum("upd,upd->p", user_gradient, user_gradient)
        squared[0] += np.sum(item_gradient[:, 0] ** 2)
        for part, (optimiser, x) in enumerate(zip(maps, self._features, strict=True), start=1):
            gradient = x.T @ item_gradient[:, part]
            squared[part] += np.sum(gradient**2)
            optimiser.update(np.arange(len(gradient), dtype=np.int32), gradient)
        return dict(zip((ID, *self.modalities), squared.tolist(), strict=True))
