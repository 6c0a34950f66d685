"""VBPR: one user preference vector and one linear item map per modality, beside the ID factors.

Paper: He and McAuley, "VBPR: Visual Bayesian Personalized Ranking from Implicit Feedback", AAAI 2016. Equation 4 with several
modalities: s(u, i) = b_i + <p_u, q_i> + sum_m <p_u^m, E_m x_i^m>.

Departures. (1) Any number of modalities, each with its own E_m and p_u^m, so that the score is a sum of parts and every
counterfactual is a partial sum: replacing a modality's item features by their mean and its user preferences by theirs adds a
constant per user, which no ranking sees. (2) The paper's global visual bias beta'x is left out, as the later literature does.
(3) An item that lacks a modality gets a learnt vector of its own per modality. (4) Features are projected once beforehand (see
``models.projection``); only rows that a batch touches are computed and updated; the others
coast when they are next looked at (see ``kernels.coast_rows``), so that this is dense Adam. (5) In large logs the item maps, which
are most of the work, take a step on every fourth batch only, on the mean of the four batches' gradients, with four times the rate
and with betas that remember as many batches as before (Malladi et al., NeurIPS 2022, how Adam scales, but for the rate, which they
double); everything else learns from every batch. Best validation Recall@20 of eight seeds on H&M with that, less without: joint
-.0014 (standard error .0006) of .213, on test customers -.0006 (.0004); one modality -.0018 (.0013) to +.0010 (.0005); with ``ckd``
+.0008 (.004). On the generated log of the benchmarks -.0006 of .189, and with twice the rate -.007.

Per batch of n triples over n_i distinct items, d dimensions, P parts, f features: 2 n_i f d (P - 1) operations for the item maps
and as many for their gradients, or, where the maps step on every k-th batch, 2 n_items f d (P - 1) each for k batches; and 9 n P d
in the two triple kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from models.backbones import LARGE
from models.backbones.protocol import Adjust, BranchGradients, MarginGradients, Margins
from models.backbones.separable import FloatArray, SeparableBackbone
from models.kernels import NO_DECAY, add_parts, distinct, part_gradients, part_margins, take_parts
from models.sampling import Triples

__all__ = ["VBPR", "batches_of_map_step"]


def batches_of_map_step(n_pairs: int) -> int:
    """On how many batches of a log of ``n_pairs`` training pairs the item maps take one step."""
    return 4 if n_pairs >= LARGE else 1


class _Shown(Mapping[str, list[FloatArray]]):
    """Gradients by branch, made when somebody looks: most methods only say how large a step is to be."""

    def __init__(self, names: tuple[str, ...], make: Callable[[], BranchGradients]) -> None:
        self._names, self._make = names, make
        self._made: BranchGradients = {}
        self._maps: list[FloatArray] = []

    def __getitem__(self, name: str) -> list[FloatArray]:
        if not self._made:
            self._made = self._make()
            self._maps = [self._made[one][1].copy() for one in self._names]
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def changes(self) -> list[FloatArray]:
        """By what the maps' gradients were changed, if anybody looked."""
        return [self._made[name][1] - before for name, before in zip(self._names, self._maps, strict=False)]


class VBPR(SeparableBackbone):
    """See the module. Parameters: see ``SeparableBackbone``; ``defaults`` suggested, ``defaults_large`` for large logs.

    Twice the batch halves what the item maps cost. On H&M (49,000 pairs) the joint model finds as much with it (best validation
    Recall@20 .2180 against .2147), on the sample shops (10,000 to 20,000 pairs) less (.445 against .456).
    """

    cost, cost_large, epochs = 1.0, 0.8, 1.0
    defaults: ClassVar[dict[str, float]] = {"learning_rate": 1e-3, "batch_size": 1024, "l2": 3e-3}
    defaults_large: ClassVar[dict[str, float]] = {"learning_rate": 1.5e-3, "batch_size": 2048, "l2": 3e-3}

    _waiting: int  # batches since the maps' last step

    def _connect(self, train: npt.NDArray[np.int32]) -> None:
        self._maps_every = batches_of_map_step(len(train))
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
        if self._maps_every == 1:
            for part, (x, projection) in enumerate(zip(self._inputs(items), self._maps, strict=True), start=1):
                np.matmul(x, projection, out=item_rows[:, part])
        elif self._parts > 1:
            if not self._waiting:
                self._map_all()
            take_parts(self._content, items, item_rows)
        parts = np.empty((len(u), self._parts), dtype=np.float32)
        part_margins(user_rows, item_rows, u, i, j, parts)
        parts[:, 0] += biases[i, 0] - biases[j, 0]
        self._batch = (users, items, u, i, j, user_rows, item_rows, triples.n_bpr)
        return self.margins_of(parts, counterfactual=counterfactual)

    def _pull(self, gradients: MarginGradients, decay: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """The gradients of the batch's user rows, item rows (n, n_parts, d) and biases (n,)."""
        _, _, u, i, j, user_rows, item_rows, n_bpr = self._batch
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
        return self._by_branch(user_gradient.copy(), self._map_gradients(self._inputs(self._batch[1]), item_gradient))

    def backward(self, gradients: MarginGradients, *, adjust: Adjust | None = None) -> dict[str, float]:
        users, items, *_, n_bpr = self._batch
        # L2 on what the BPR triples touched, once per occurrence, as the losses of the field do.
        decay = np.full(n_bpr, self.l2 / np.float32(n_bpr), dtype=np.float32)
        user_gradient, item_gradient, to_bias = self._pull(gradients, decay)
        bias_gradient = to_bias[:, None]
        if self._maps_every == 1 or self._parts == 1:
            return self._learn(users, items, user_gradient, item_gradient, bias_gradient, self._inputs(items), adjust)
        shown = _Shown(
            self.modalities, lambda: self._by_branch(user_gradient, self._map_gradients(self._inputs(items), item_gradient))
        )
        squared = self._squares(user_gradient, item_gradient, [])
        factors = self._factors(adjust, shown)
        self._learn_rows(users, items, user_gradient, item_gradient, bias_gradient, factors)
        self._wait(items, item_gradient, shown.changes(), factors)
        if self._waiting == self._maps_every:
            for name, gradient in zip(self.modalities, self._learn_what_waits(), strict=True):
                squared[name] += self._maps_every * float(np.vdot(gradient, gradient))  # the other batches have none
        return squared

    # ---- maps that wait

    def _inputs(self, items: npt.NDArray[np.int32]) -> list[FloatArray]:
        """The features of some items, by modality."""
        rooms = [self._room(f"inputs {part}", len(items), x.shape[1]) for part, x in enumerate(self._features)]
        return [np.take(x, items, axis=0, out=room, mode="clip") for x, room in zip(self._features, rooms, strict=True)]  # no copy

    def _map_all(self) -> None:
        """Every item's content as the maps have it until their next step, (n_items, n_parts - 1, d)."""
        self._content = self._room("content", self.n_items, self._parts - 1, self._d)
        for part, (x, projection) in enumerate(zip(self._features, self._maps, strict=True)):
            np.matmul(x, projection, out=self._content[:, part])

    def _wait(
        self, items: npt.NDArray[np.int32], item_gradient: FloatArray, changes: Sequence[FloatArray], factors: Sequence[float]
    ) -> None:
        """Adds a batch's gradients, by what a method has changed those of the maps, and its factors to what waits."""
        if not self._waiting:
            self._of_items = self._room("waiting", self.n_items, self._parts - 1, self._d)
            self._of_items[...] = 0
            self._changes: list[FloatArray] = [np.zeros_like(projection) for projection in self._maps]
            self._asked = np.zeros(self._parts - 1)
        add_parts(item_gradient, items, self._of_items)
        for total, change in zip(self._changes, changes, strict=bool(changes)):
            total += change
        self._asked += factors
        self._waiting += 1

    def _learn_what_waits(self) -> list[FloatArray]:
        """The maps' step on the mean of what waits; returns the mean gradients without any method's changes."""
        share = np.float32(1 / self._waiting)
        means = [share * (x.T @ self._of_items[:, part]) for part, x in enumerate(self._features)]
        changed: list[FloatArray] = [mean + share * change for mean, change in zip(means, self._changes, strict=True)]
        self._learn_maps(changed, (self._asked / self._waiting).tolist())
        self._waiting = 0
        return means

    def _settle(self) -> None:
        if self._waiting:  # an epoch ends between two steps
            self._learn_what_waits()
        super()._settle()

    def _reset_optimiser(self) -> None:
        self._waiting = 0
        super()._reset_optimiser()

    def _bought(self) -> FloatArray:
        _, _, _, i, _, _, item_rows, n_bpr = self._batch
        bought: FloatArray = item_rows[i[:n_bpr]]
        return bought
