"""MMGCN: a graph of purchases for each modality, in which content, customers' own preferences and ID factors mix.

Paper: Wei et al., "MMGCN: Multi-modal Graph Convolution Network for Personalized Recommendation of Micro-video", ACM MM 2019.
For a node v (user or item) with neighbours N(v), in modality m, layer by layer:

    h    = LeakyReLU(mean over w in N(v) of W_1 w_m)              (aggregation, mean)
    v'   = LeakyReLU(W_2 v_m) + v_id                              (the node itself, tied to its ID across modalities)
    v_m <- LeakyReLU(W_3 h + v')                                  (combination, element-wise)

and the score is <sum_m u_m, sum_m i_m> of the last layer. An item starts as its content, a user as a preference of each modality.

Departures. (1) In the code that papers used, ID factors and preferences are plain tensors that no optimiser sees; here all are
learnt. (2) Content enters through a linear map E_m, of d dimensions as everything is. (3) A modality that is not factual still
has its branch, on zero content and the mean preference: purchase history flows there by ID, as it does in the model. Without any
modality there is one such branch. (4) An item that lacks a modality gets a learnt vector of its own. (5) An item bias. (6) L2 once
per occurrence on ID factors, preferences and, unlike the paper, the final vectors: without it they only grow. (7) LeakyReLU keeps
.2 of what is below zero, as graph attention does, where the paper leaves it open: at .01 final vectors have next to no negative
entries.

With ``defaults``, Recall@20 on a fashion shop's week (H&M, 9,321 x 3,432, text and attributes): .202 and .200 with two seeds, 45
epochs of 1.2 s of one core; .146 with a slope of .01; .208 with one layer and a slope of .4; VBPR .208.

Per batch, for each modality and layer: products of all n nodes with (d, d), less than 6 n d^2 operations, twice that for their
gradients (half of the time), and 4 nnz d for the graph, hence large batches. A branch is computed once per batch, whatever the
sets that are asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import Parameter, ParameterList

from models.backbones.autograd import AutogradBackbone, multiply, sum_of_squares, take
from models.backbones.protocol import Margins
from models.graphs import Sparse
from models.sampling import Triples

__all__ = ["MMGCN"]

Pair = tuple[torch.Tensor, torch.Tensor]


class MMGCN(AutogradBackbone):
    """See the module. ``layers`` of every branch; ``slope`` of LeakyReLU below zero; ``defaults`` suggested."""

    cost, epochs = 9.0, 1.6
    defaults: ClassVar[dict[str, float]] = {"learning_rate": 8e-3, "batch_size": 4096, "l2": 2e-2}
    layers = 2
    slope = 0.2

    def build(self, train: npt.NDArray[np.int32]) -> None:
        self._to_users = _mean_of(train, self.n_users, self.n_items)
        self._to_items = _mean_of(train[:, ::-1], self.n_items, self.n_users)
        self._names = self.modalities or ("",)
        self.preference = ParameterList([self.normal(self.n_users, self.d) for _ in self._names])
        self.map = ParameterList([self.glorot(x.shape[1], self.d) for x in self.content.values()])
        self.weights = ParameterList(
            [Parameter(torch.stack([self.glorot(self.d, self.d) for _ in range(3 * self.layers)]).detach()) for _ in self._names]
        )

    def branch(self, modality: str) -> Sequence[Parameter]:
        m = self.modalities.index(modality)
        return [self.preference[m], self.map[m], self.weights[m]]

    def new_epoch(self) -> None:
        """Forget the branches that were computed."""
        self._branches: dict[tuple[int, bool], Pair] = {}

    def forward(self, triples: Triples, *, counterfactual: bool = False) -> Margins:
        self._branches = {}
        return super().forward(triples, counterfactual=counterfactual)

    def vectors(self, factual: frozenset[str]) -> Pair:
        both = [self._branch(m, name in factual) for m, name in enumerate(self._names)]
        return sum((users for users, _ in both[1:]), both[0][0]), sum((items for _, items in both[1:]), both[0][1])

    def auxiliary(self, triples: Triples, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        """L2 on the preferences and on the final vectors of the batch."""
        n = triples.n_bpr
        u, i, j = (torch.from_numpy(index[:n]).long() for index in (triples.user, triples.positive, triples.negative))
        touched = [*(take(own, u) for own in self.preference), take(users, u), take(items, i), take(items, j)]
        return self._l2 / (2 * n) * sum_of_squares(*touched)

    def _branch(self, m: int, factual: bool) -> Pair:
        """One modality's last layer; computed once as long as parameters stay, with its gradient where one is wanted."""
        found = self._branches.get((m, factual))
        if found is None or (torch.is_grad_enabled() and not found[0].requires_grad):
            found = self._branches[m, factual] = self._computed(m, factual)
        return found

    def _computed(self, m: int, factual: bool) -> Pair:
        if factual:
            users, items = self.preference[m], self.content[self.modalities[m]] @ self.map[m]
        else:
            users, items = self.preference[m].mean(0).expand(self.n_users, -1), torch.zeros(self.n_items, self.d)
        for first, second, third in self.weights[m].reshape(self.layers, 3, self.d, self.d):
            # W_1 and the mean change places freely: both times W_1 meets the items, of which there are fewer than users.
            near_users, near_items = multiply(self._to_users, items @ first), multiply(self._to_items, users) @ first
            users = self._combined(users, near_users, self.user, second, third)
            items = self._combined(items, near_items, self.item, second, third)
        return users, items

    def _combined(
        self, own: torch.Tensor, near: torch.Tensor, identity: torch.Tensor, second: torch.Tensor, third: torch.Tensor
    ) -> torch.Tensor:
        kept = self._leaky(own @ second) + identity
        return self._leaky(torch.addmm(kept, self._leaky(near), third))

    def _leaky(self, x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.leaky_relu(x, self.slope)


def _mean_of(pairs: npt.NDArray[np.int32], n_rows: int, n_columns: int) -> Sparse:
    """Each row divided by its number of pairs."""
    weight = np.float32(1) / np.bincount(pairs[:, 0], minlength=n_rows)[pairs[:, 0]].astype(np.float32)
    return Sparse.from_pairs(pairs, weight, (n_rows, n_columns))
