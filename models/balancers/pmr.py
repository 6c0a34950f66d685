"""PMR: prototypical modal rebalance, a slow modality is helped by the prototypes of its own vectors.

Paper: Fan et al., "PMR: Prototypical Modal Rebalance for Multimodal Learning", CVPR 2023 (arXiv 2211.07089). A prototype is the
mean of a class's vectors in one modality. A vector z belongs to class k with probability proportional to
exp(-distance(z, prototype k)); PCE_m is the cross entropy of that with the true class and s_m the probability of the true class.
With r_m = s_m / s_other the slow modality's loss gains clip(1 / r_m - 1, 0, 1) PCE_m.

Departures. (1) Items have no class. Their stand-in is what customers buy together: clusters (k-means) of the items' vectors in the
purchase-history branch, so that the classes come from outside the modality, as labels do. They and the prototypes are made anew
before each epoch but the first, in which nothing is known and nothing is added. (2) Any number of modalities: r_m against the mean
of all others. (3) Distances are squared and divided by their standard deviation in the batch, as nothing fixes the scale of
an item's vector. (4) The entropy term that holds the fast modality back in early epochs is left out. (5) z are the vectors of a
branch's items, hence only for backbones that have some (``protocol.ItemVectors``); where those come from keep-m vectors, history is
in them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from models.backbones.protocol import Backbone, ItemVectors, MarginGradients, Margins
from models.backbones.separable import ID
from models.balancers.protocol import BaseBalancer, mean_of_others
from models.losses import FloatArray
from models.sampling import Triples

if TYPE_CHECKING:
    from models.training import Interactions

__all__ = ["PMR", "belonging"]


def _squared_distances(vectors: FloatArray, centres: FloatArray) -> FloatArray:
    squares = (vectors**2).sum(axis=1)[:, None] + (centres**2).sum(axis=1) - 2 * vectors @ centres.T
    return np.maximum(squares, 0)


def _means(vectors: FloatArray, label: npt.NDArray[np.intp], n: int) -> FloatArray:
    """Mean vector of each of ``n`` classes, of zeros where a class is empty."""
    total = np.zeros((n, vectors.shape[1]), dtype=np.float32)
    np.add.at(total, label, vectors)
    means: FloatArray = total / np.maximum(np.bincount(label, minlength=n), 1).astype(np.float32)[:, None]
    return means


def belonging(
    vectors: FloatArray, prototypes: FloatArray, label: npt.NDArray[np.intp], there: npt.NDArray[np.bool_]
) -> tuple[float, FloatArray]:
    """Mean probability of the true class, and the gradient of the mean cross entropy with respect to ``vectors`` (n, d).

    ``there`` bool (n_classes,): classes that have items.
    """
    squares = _squared_distances(vectors, prototypes)
    scale = float(squares[:, there].std())
    if scale <= 1e-5 * float((vectors**2).sum(axis=1).mean()):  # vectors that are all alike belong everywhere and are not moved
        return 1 / int(there.sum()), np.zeros_like(vectors)
    weight = np.where(there, np.exp(-(squares - squares[:, there].min(axis=1, keepdims=True)) / scale), 0)
    probability = weight / weight.sum(axis=1, keepdims=True)
    rows = np.arange(len(label))
    true = float(probability[rows, label].mean())
    probability[rows, label] -= 1
    return true, (2 / (scale * len(label)) * (probability @ prototypes)).astype(np.float32)


class PMR(BaseBalancer):
    """See the module. ``strength`` of the added loss; ``clusters`` of items, at most half as many as there are items."""

    remembers = ("_rng", "_begun", "_centres")

    def __init__(self, *, strength: float = 1.0, clusters: int = 20, seed: int = 0) -> None:
        super().__init__()
        self._strength, self._clusters, self._rng = strength, clusters, np.random.default_rng(seed)
        self._begun = False
        self._vectors: ItemVectors | None = None
        self._centres: FloatArray | None = None
        self._prototypes: dict[str, FloatArray] = {}

    def refusal(self, backbone: Backbone) -> str | None:
        """See ``Balancer``."""
        return super().refusal(backbone) or (None if isinstance(backbone, ItemVectors) else "no_item_vectors")

    def new_epoch(self, backbone: Backbone, data: Interactions) -> None:
        """See ``Balancer``."""
        super().new_epoch(backbone, data)
        first, self._begun = not self._begun, True
        self._vectors = backbone if isinstance(backbone, ItemVectors) else None
        if first or self._vectors is None:
            return
        vectors = self._vectors.item_vectors()
        history = vectors[ID]
        if self._centres is None:
            self._centres = self._seeds(history, max(2, min(self._clusters, len(history) // 2)))
        for _ in range(5):
            self._label = _squared_distances(history, self._centres).argmin(axis=1)
            self._centres = _means(history, self._label, len(self._centres))
        self._there = np.bincount(self._label, minlength=len(self._centres)) > 0
        self._prototypes = {name: _means(vectors[name], self._label, len(self._centres)) for name in self.names}

    def _seeds(self, vectors: FloatArray, n: int) -> FloatArray:
        """Where clusters begin: items drawn with a probability proportional to their squared distance from those before."""
        chosen = [int(self._rng.integers(len(vectors)))]
        while len(chosen) < n:
            far = _squared_distances(vectors, vectors[chosen]).min(axis=1).astype(np.float64) + 1e-30
            chosen.append(int(self._rng.choice(len(vectors), p=far / far.sum())))
        return vectors[chosen]

    def gradients(self, margins: Margins, triples: Triples, bpr_gradient: FloatArray) -> MarginGradients:
        """See ``Balancer``."""
        if self._vectors is None or not self._prototypes:
            self.note(weight=np.zeros(len(self.names)))
            return MarginGradients(bpr_gradient)
        label, vectors = self._label[triples.positive[: triples.n_bpr]], self._vectors.item_vectors(batch=True)
        found = {name: belonging(vectors[name], self._prototypes[name], label, self._there) for name in self.names}
        true = np.array([found[name][0] for name in self.names], dtype=np.float32)
        ratio = true / mean_of_others(true)
        weight = np.clip(1 / ratio - 1, 0, 1)
        self.note(weight=weight, signal=ratio, probability_of_own_cluster=true)
        pull = {name: self._strength * w * found[name][1] for name, w in zip(self.names, weight, strict=True) if w > 0}
        return MarginGradients(bpr_gradient, vectors=pull)
