"""FREEDOM: what customers buy on a thinned graph of purchases, plus what lies near in content on frozen graphs of items.

Paper: Zhou and Shen, "A Tale of Two Graphs: Freezing and Denoising Graph Structures for Multimodal Recommendation", ACM MM 2023.
Items: from each modality's vectors the k nearest by cosine, unweighted, each row divided by its degree (equations 1 to 4); frozen.
The score is <u, i + h_i> with u, i smoothed over purchases (LightGCN, mean of layers) and h = sum_m alpha_m S_m e the item factors
of its neighbours in content (equations 8 to 11, one layer). Loss: BPR of the score plus ``modal_weight`` times the BPR of
<u, W_m x_i> for every modality (equation 12). Purchases are thinned anew in each epoch: an edge stays with a probability
proportional to 1 / sqrt(|items of u| |users of i|) (section 3.3); ranking uses all of them.

Departures. (1) With one layer of the item graph the content part is a sum over modalities, so the model is separable: keep-m drops
the other modalities' graphs, as constant features would. (2) Equal alpha_m for any number of modalities; the authors tune image .1,
text .9. (3) Neighbours come from the projected vectors, and W_m acts on them; the authors' public code also trains the raw vectors.
(4) An item without the modality has no neighbours and keeps its own factors. (5) An item bias, and L2 once per occurrence, as in
the other backbones here. (6) The score has no parameter that belongs to one modality: W_m acts in the second loss only. A branch's
gradient is therefore what reaches the item factors through its graph, and a factor on its step multiplies that.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from models.backbones.protocol import Adjust, BranchGradients, MarginGradients, Margins
from models.backbones.separable import ID, FloatArray, SeparableBackbone
from models.graphs import Bipartite, nearest
from models.kernels import NO_DECAY, aligned, part_gradients, part_margins
from models.losses import bpr
from models.memory import Memory, load_generator, memory_of_generator
from models.sampling import Triples

__all__ = ["FREEDOM"]


class FREEDOM(SeparableBackbone):
    """See the module. ``layers`` of the purchase graph, ``neighbours`` k, ``dropped`` the share of purchases left out per epoch;
    ``defaults`` suggested, ``defaults_large`` for large logs: best validation Recall@20 on H&M, mean of three seeds, .226 with the
    first and .224 with the second, in less than half the time."""

    cost, epochs = 1.3, 1.75
    defaults: ClassVar[dict[str, float]] = {"learning_rate": 5e-3, "batch_size": 2048, "l2": 3e-3}
    defaults_large: ClassVar[dict[str, float]] = {"learning_rate": 2e-2, "batch_size": 8192, "l2": 3e-3}
    layers = 2
    neighbours = 10
    dropped = 0.8
    modal_weight = np.float32(1e-3)

    def __init__(self, *arguments: Any, seed: int = 0, **settings: Any) -> None:
        self._rng = np.random.default_rng([seed, 1])
        super().__init__(*arguments, seed=seed, **settings)

    def _connect(self, train: npt.NDArray[np.int32]) -> None:
        self._user = np.ascontiguousarray(self._user[:, : self._d])  # one preference serves all parts
        self._train = train
        self._graph = Bipartite.from_pairs(train, self.n_users, self.n_items)
        ends = np.bincount(train[:, 0], minlength=self.n_users)[train[:, 0]] * np.bincount(train[:, 1])[train[:, 1]]
        self._stays = 1 / np.sqrt(ends) / (1 / np.sqrt(ends)).sum()
        self._alike = [nearest(x[:, :-1], x[:, -1] == 0, self.neighbours) for x in self._features]
        self._alpha = np.float32(1 / max(len(self._features), 1))

    def prepare(self) -> None:
        """Refresh what is scored, on all purchases, and thin the graph anew for the epoch that follows."""
        super().prepare()
        self._thinned_by = memory_of_generator(self._rng)
        kept = max(1, round((1 - self.dropped) * len(self._train)))
        if len(self._train):
            chosen = self._rng.choice(len(self._train), kept, replace=False, p=self._stays)
            self._thinned = Bipartite.from_pairs(self._train[np.sort(chosen)], self.n_users, self.n_items)
        else:
            self._thinned = self._graph

    def memory(self) -> Memory:
        """See ``protocol.Backbone``; and how the generator stood before it thinned the graph, to thin it so again."""
        return super().memory() | {"thinned_by": self._thinned_by}

    def load_memory(self, memory: Memory) -> None:
        """See ``protocol.Backbone``."""
        super().load_memory(memory)
        load_generator(self._rng, memory["thinned_by"])
        self.prepare()

    def _final(self) -> tuple[FloatArray, FloatArray]:
        users, items = self._parts_on(self._graph, aligned(self.n_items, self._parts, self._d))
        return users.copy(), items

    def _parts_on(self, graph: Bipartite, items: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Users (n_users, 1, d), which serve every part, and items (n_items, n_parts, d), written to ``items``."""
        own, mine = self._room("own items", *self._item.shape), self._room("own users", *self._user.shape)
        own[...], mine[...] = self._item, self._user
        users, bought = self._mean_of_layers(graph, mine[:, None], own[:, None], self.layers, "forward")
        items[:, 0] = bought[:, 0]
        for part, alike in enumerate(self._alike, start=1):
            np.multiply(self._alpha, alike.dot(own), out=items[:, part])
        return users, items

    def forward(self, triples: Triples, *, counterfactual: bool = False) -> Margins:
        users, items = self._parts_on(self._thinned, self._room("items", self.n_items, self._parts, self._d))
        parts = np.empty((len(triples.user), self._parts), dtype=np.float32)
        part_margins(users, items, triples.user, triples.positive, triples.negative, parts)
        bias = self._bias[:, 0]
        parts[:, 0] += bias[triples.positive] - bias[triples.negative]
        self._batch = (triples, users, items)
        return self.margins_of(parts, counterfactual=counterfactual)

    def _pull(self, gradients: MarginGradients, weight: FloatArray) -> tuple[FloatArray, FloatArray, BranchGradients]:
        """The gradients of all parts' vectors, and what of the items' reaches their factors through each modality's graph."""
        triples, users, items = self._batch
        u, i, j = triples.user, triples.positive, triples.negative
        user_gradient, item_gradient = self._room("to users", *users.shape), self._room("to items", *items.shape)
        user_gradient[...] = item_gradient[...] = 0
        part_gradients(users, items, u, i, j, weight, NO_DECAY, user_gradient, item_gradient)
        self._with_vectors(gradients, item_gradient, i[: triples.n_bpr])
        through = {
            name: [self._alpha * alike.transposed_dot(np.ascontiguousarray(item_gradient[:, part]))]
            for part, (name, alike) in enumerate(zip(self.modalities, self._alike, strict=True), start=1)
        }
        return user_gradient, item_gradient, through

    def branch_gradients(self, gradients: MarginGradients) -> BranchGradients:
        """See ``protocol.Backbone``."""
        return self._pull(gradients, self.part_weights(gradients))[2]

    def _bought(self) -> FloatArray:
        triples, _, items = self._batch
        bought: FloatArray = items[triples.positive[: triples.n_bpr]]
        return bought

    def backward(self, gradients: MarginGradients, *, adjust: Adjust | None = None) -> dict[str, float]:
        triples, users, _ = self._batch
        u, i, j, n = triples.user, triples.positive, triples.negative, triples.n_bpr
        weight = self.part_weights(gradients)
        user_gradient, item_gradient, through = self._pull(gradients, weight)

        squared: dict[str, float] = {}
        maps: list[FloatArray] = []
        for name, x, projection in zip(self.modalities, self._features, self._maps, strict=True):
            content = (x @ projection)[:, None]
            margin = np.empty((n, 1), dtype=np.float32)
            part_margins(users, content, u[:n], i[:n], j[:n], margin)
            content_gradient = np.zeros_like(content)
            pull = self.modal_weight * bpr(margin[:, 0])[1][:, None]
            part_gradients(users, content, u[:n], i[:n], j[:n], pull, NO_DECAY, user_gradient, content_gradient)
            maps.append(x.T @ content_gradient[:, 0])
            squared[name] = float(np.vdot(maps[-1], maps[-1]))

        bought = np.ascontiguousarray(item_gradient[:, :1])
        to_user, to_item = (
            gradient[:, 0] for gradient in self._mean_of_layers(self._thinned, user_gradient, bought, self.layers, "backward")
        )
        for name, (gradient,) in through.items():
            squared[name] += float(np.vdot(gradient, gradient))
        factors = {} if adjust is None else adjust(through)
        for name, (gradient,) in through.items():
            to_item += np.float32(factors.get(name, 1)) * gradient
        share = self.l2 / np.float32(n)
        to_user += self._user * (np.bincount(u[:n], minlength=self.n_users) * share).astype(np.float32)[:, None]
        touched = np.bincount(i[:n], minlength=self.n_items) + np.bincount(j[:n], minlength=self.n_items)
        to_item += self._item * (touched * share).astype(np.float32)[:, None]
        to_bias = np.bincount(i, weight[:, 0], self.n_items) - np.bincount(j, weight[:, 0], self.n_items)

        user, item, bias, *projections = self._optimisers
        user.update(user.every, to_user)
        item.update(item.every, to_item)
        bias.update(bias.every, to_bias.astype(np.float32)[:, None])
        for optimiser, gradient in zip(projections, maps, strict=True):
            optimiser.update(optimiser.every, gradient)
        return {ID: float(np.vdot(to_user, to_user) + np.vdot(to_item, to_item))} | squared
