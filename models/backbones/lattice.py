"""LATTICE: preferences smoothed over purchases, and a learnt graph of items that lie near each other in content.

Paper: Zhang et al., "Mining Latent Structures for Multimedia Recommendation", ACM MM 2021. Per modality m:

    S_m = the k largest max(cos(x_i, x_j), 0) of each row, then D^(-1/2) S D^(-1/2)          (equations 1 to 3), frozen
    L_m = the same of the transformed features x W_m + b_m                                   (equation 4), learnt
    A_m = lambda S_m + (1 - lambda) L_m,   A = sum_m softmax(a)_m A_m                        (equations 5 and 6)
    h = A e (one layer),   s(u, i) = <u, v_i + h_i / |h_i|>,                                 (equations 8 to 10)

with e the ID factors and u, v smoothed over purchases by LightGCN (mean of layers), BPR loss.

Departures. (1) Which neighbours a learnt row keeps is found once per epoch, as is done in practice (the paper: per batch); how
near they are is computed in every batch, and W_m, b_m learn through it. (2) Of modalities that are not factual the graph is left
out and the softmax taken over the others: with constant features every item is as near as any other, and an average over all
items says nothing of one. With none factual there is no h. (3) An item without the modality has no neighbour but itself.
(4) Features are projected once beforehand. (5) An item bias, and L2 once per occurrence, as in the other backbones here.

Per batch: 2 M products of k n_items edges and one of the purchases, d wide, in both directions; per epoch n_items^2 d for the
neighbours of each modality.

With ``defaults``, Recall@20 on a fashion shop's week (H&M, 9,321 x 3,432, text and attributes): .229 and .231 with two seeds, .211
by history alone; 24 epochs of .6 s of one core.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import Parameter, ParameterList

from models.backbones.autograd import AutogradBackbone, multiply
from models.graphs import Bipartite, nearest
from models.propagation import Edges, affine, smooth, with_bias

__all__ = ["LATTICE"]


class LATTICE(AutogradBackbone):
    """See the module. ``layers`` of the purchase graph, ``neighbours`` k, ``frozen_share`` lambda; ``defaults`` suggested."""

    start_scale = 1e-2
    cost, epochs = 3.5, 1.4
    defaults: ClassVar[dict[str, float]] = {"learning_rate": 2e-2, "batch_size": 4096, "l2": 3e-3}
    layers = 2
    neighbours = 10
    frozen_share = 0.7

    def build(self, train: npt.NDArray[np.int32]) -> None:
        self._graph = Bipartite.from_pairs(train, self.n_users, self.n_items)
        self._given = [content[:, :-1].contiguous() for content in self.content.values()]
        self._present = [content[:, -1].numpy() == 0 for content in self.content.values()]
        self.maps = ParameterList([with_bias(self.glorot(x.shape[1], self.d)) for x in self._given])
        self.importance = ParameterList([Parameter(torch.zeros(())) for _ in self._given])
        self._frozen = []
        for x, present in zip(self._given, self._present, strict=True):
            edges = Edges.of(nearest(x.numpy(), present, self.neighbours))
            self._frozen.append(edges.fixed(edges.likeness(x)))

    def branch(self, modality: str) -> Sequence[Parameter]:
        m = self.modalities.index(modality)
        return [self.maps[m], self.importance[m]]

    def new_epoch(self) -> None:
        """Find each item's neighbours by the transformed features as they are now."""
        with torch.no_grad():
            self._learnt = [
                Edges.of(nearest(affine(x, table).numpy(), present, self.neighbours))
                for x, table, present in zip(self._given, self.maps, self._present, strict=True)
            ]

    def vectors(self, factual: frozenset[str]) -> tuple[torch.Tensor, torch.Tensor]:
        users, items = smooth(self._graph, self.user, self.item, self.layers)
        chosen = [m for m, name in enumerate(self.modalities) if name in factual]
        if not chosen:
            return users, items
        alpha = torch.softmax(torch.stack([self.importance[m] for m in chosen]), dim=0)
        content = torch.zeros_like(items)
        for weight, m in zip(alpha, chosen, strict=True):
            near = self._learnt[m].likeness(affine(self._given[m], self.maps[m]))
            learnt = self._learnt[m].product(near, self.item)
            mixed = self.frozen_share * multiply(self._frozen[m], self.item) + (1 - self.frozen_share) * learnt
            content = content + weight * mixed
        return users, items + torch.nn.functional.normalize(content)
