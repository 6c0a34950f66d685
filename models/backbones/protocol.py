"""What a recommender must offer to be probed, judged and balanced."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from models.memory import Memory
from models.sampling import Triples

__all__ = ["Adjust", "Backbone", "BranchGradients", "Features", "ItemVectors", "MarginGradients", "Margins"]

FloatArray = npt.NDArray[np.float32]
BranchGradients = dict[str, list[FloatArray]]
"""Modality -> the gradients of the parameters that belong to its branch, as views that may be written to."""
Adjust = Callable[[BranchGradients], Mapping[str, float]]
"""Sees each branch's gradients before the optimiser does, may change them in place, and returns by how much each branch's *step* is
to be multiplied (1 where it says nothing). A lasting factor belongs on the step: Adam divides gradients by their own size, and so
undoes any factor on them."""


@dataclass(frozen=True)
class Features:
    """One modality's vectors, ready for training.

    ``values`` float32 (n_items, f): centred, so that a row of zeros is the catalog's mean; rows of absent items are zero.
    ``present`` bool (n_items,): a backbone gives absent items a learnt vector instead of pretending that they are average.
    """

    values: FloatArray
    present: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Margins:
    """Margins of a batch of triples.

    ``full`` float32 (n,): the whole model. ``keep`` float32 (n, n_modalities): the model with every *other* modality replaced by
    its counterfactual (item features by the catalog's mean, user preferences by the users' mean); no columns unless asked for.
    ``leave_out`` makes ``without``, which most balancers do not ask for.
    """

    full: FloatArray
    keep: FloatArray
    leave_out: Callable[[], FloatArray]

    @cached_property
    def without(self) -> FloatArray:
        """The model with *that* modality replaced, (n, n_modalities) or no columns; first asked for before ``backward``."""
        return self.leave_out()


@dataclass(frozen=True)
class MarginGradients:
    """Gradient of the loss with respect to ``Margins``; ``without`` never carries a gradient.

    ``vectors``: modality -> gradient with respect to ``ItemVectors.item_vectors(batch=True)``, for backbones that have it.
    """

    full: FloatArray
    keep: FloatArray | None = None
    vectors: Mapping[str, FloatArray] | None = None


class Backbone(Protocol):
    """A recommender over any number of named modalities; purchase history ("id") is always in."""

    modalities: tuple[str, ...]
    n_users: int
    n_items: int

    @property
    def content_in_score(self) -> bool:
        """Whether scores change with the modalities at all; where only the losses know them, every counterfactual is the same."""

    @property
    def branches(self) -> tuple[str, ...]:
        """The modalities that have a branch whose gradients ``backward`` can show and scale."""

    def forward(self, triples: Triples, *, counterfactual: bool) -> Margins:
        """Margins of a batch, the counterfactual ones if asked for. Remembers what ``backward`` needs."""

    def branch_gradients(self, gradients: MarginGradients) -> BranchGradients:
        """What these margin gradients alone would be for each branch's parameters; nothing is learnt, ``backward`` still follows.

        The arrays are in the order, and of the shapes, that ``backward`` shows to ``adjust``.
        """

    def backward(self, gradients: MarginGradients, *, adjust: Adjust | None = None) -> dict[str, float]:
        """One optimiser step for the last ``forward``. Returns each branch's squared gradient, by modality and "id", unadjusted."""

    def score(
        self, users: npt.NDArray[np.integer], sets: Sequence[frozenset[str]], items: npt.NDArray[np.integer] | None = None
    ) -> FloatArray:
        """Scores (n_sets, n, n_items), each set's modalities factual and the others counterfactual, up to a constant per user.

        ``items``: indices of those that are scored, instead of all: (width,), or (n, width), each user's own; the result is then
        (n_sets, n, width).
        """

    def prepare(self) -> None:
        """Called before a series of ``score`` calls, after training steps: refresh what is cached."""

    def margins(self, triples: Triples) -> FloatArray:
        """Margins (n,) of the whole, prepared model; nothing is remembered. Used of frozen teachers."""

    def state(self) -> dict[str, npt.NDArray[np.generic]]:
        """All parameters, copied. ``load_state(state())`` changes nothing."""

    def load_state(self, state: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Puts parameters back; the optimiser's memory starts afresh."""

    def memory(self) -> Memory:
        """All that the next epochs depend on, copied, after an epoch's ``prepare``: parameters, optimiser, random generators."""

    def load_memory(self, memory: Memory) -> None:
        """Goes on where ``memory`` was taken, in a new object of the same kind and size: what follows is equal bit for bit."""


@runtime_checkable
class ItemVectors(Protocol):
    """What a backbone may offer besides: the vectors that stand for an item in each branch."""

    def item_vectors(self, *, batch: bool = False) -> dict[str, FloatArray]:
        """Vectors (n, d) by branch and "id": of all items of the prepared model, or, with ``batch``, of the items bought in the
        BPR triples of the last ``forward(counterfactual=True)``, which ``MarginGradients.vectors`` refers to."""
