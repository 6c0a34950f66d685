"""BM3: purchase history learnt without negatives, every view of an item drawn towards the others.

Paper: Zhou et al., "Bootstrap Latent Representations for Multi-modal Recommendation", WWW 2023. u, i: LightGCN of the ID factors
(mean of layers), plus for items the ID factors once more; c_m = x W_m + b_m an item's content; P one predictor for all of them;
t(z) a view of z without some of its entries (dropout), through which no gradient flows; C(a, b) = 1 - cos(a, b):

    reconstruction  C(P(u), t(i)) + C(P(i), t(u))                      over the purchases of the batch
    alignment       sum_m C(P(c_m), t(i))
    intra-modality  sum_m C(P(c_m), t(c_m))
    score           s(u, i) = <P(u), P(i)>

**Content is in the losses and not in the score.** At ranking time every set of modalities gives the same scores and
margins (``content_in_score`` is False): no balancer that compares them means anything here, nor does a contribution; whether
content helps shows only in models trained without it. Branches have gradients through the last two losses;
as no gradient flows through a target, content reaches history through the predictor that both share, and in no other way.

The losses replace BPR: gradients of margins are not used, the item bias stays zero, and the loss that is recorded, BPR's, is
watched and not minimised. Departures. (1) An item takes part in the losses of the modalities that it has. (2) Features
are projected once beforehand and stay as they are; the authors' code trains them. (3) L2 on the ID factors of the batch's triples.

With ``defaults``, Recall@20 on a fashion shop's week (H&M, 9,321 x 3,432, text and attributes): .188 after 35 epochs of .9 s, one
seed; about .18 where no content teaches it. Models with negatives rank better there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import Parameter, ParameterList

from models.backbones.autograd import AutogradBackbone, take
from models.graphs import Bipartite
from models.propagation import affine, smooth, with_bias
from models.sampling import Triples

__all__ = ["BM3"]


class BM3(AutogradBackbone):
    """See the module. ``layers`` of the purchase graph; ``hidden``, the share of entries that a view leaves out."""

    content_in_score = False
    start_scale = 1e-1
    cost, epochs = 3.5, 2.4
    cost_fixed = 30_000  # 28,000 and 41,000: ten steps at least, each of many small products
    defaults: ClassVar[dict[str, float]] = {"learning_rate": 5e-3, "batch_size": 2048, "l2": 0.1}
    layers = 1
    hidden = 0.3

    def build(self, train: npt.NDArray[np.int32]) -> None:
        self._graph = Bipartite.from_pairs(train, self.n_users, self.n_items)
        self._given = [content[:, :-1].contiguous() for content in self.content.values()]
        self._present = [content[:, -1] == 0 for content in self.content.values()]
        self.maps = ParameterList([with_bias(self.glorot(x.shape[1], self.d)) for x in self._given])
        self.predictor = with_bias(self.glorot(self.d, self.d))

    def branch(self, modality: str) -> Sequence[Parameter]:
        return [self.maps[self.modalities.index(modality)]]

    def vectors(self, factual: frozenset[str]) -> tuple[torch.Tensor, torch.Tensor]:
        """The same for every set; see the module."""
        users, items = smooth(self._graph, self.user, self.item, self.layers)
        items = items + self.item
        self._targets = users.detach(), items.detach()
        return affine(users, self.predictor), affine(items, self.predictor)

    def _margin(self, triples: Triples, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        return super()._margin(triples, users.detach(), items.detach()).detach()

    def auxiliary(self, triples: Triples, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor | None:
        u, i = (torch.from_numpy(index[: triples.n_bpr]).long() for index in (triples.user, triples.positive))
        user, item = (self._view(table[index]) for table, index in zip(self._targets, (u, i), strict=True))
        loss = _apart(take(users, u), item).mean() + _apart(take(items, i), user).mean()
        for x, present, table in zip(self._given, self._present, self.maps, strict=True):
            has = present[i]
            if has.any():
                content = affine(x[i[has]], table)
                predicted = affine(content, self.predictor)
                loss = loss + _apart(predicted, item[has]).mean() + _apart(predicted, self._view(content.detach())).mean()
        return loss

    def _view(self, vectors: torch.Tensor) -> torch.Tensor:
        """The vectors without some of their entries; no gradient flows through."""
        return vectors * (torch.rand(vectors.shape, generator=self.draw) >= self.hidden)


def _apart(predicted: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return 1 - torch.nn.functional.cosine_similarity(predicted, target)
