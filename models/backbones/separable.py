"""What recommenders share whose score is a sum of parts: one for purchase history, one per modality.

s(u, i) = b_i + <p_u, q_i> + sum_m <p_u^m, c_i^m>. Replacing a modality's item vectors by one vector and its user preferences by
theirs adds a constant per user, which no ranking and no margin sees; so every counterfactual is a partial sum of the parts, and
one pass over the parts gives the whole model and all of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from models.backbones.protocol import Adjust, BranchGradients, Features, MarginGradients, Margins
from models.graphs import Bipartite
from models.kernels import adam_rows, aligned, coast_rows, coasting_table, part_margins, squares_of_parts
from models.memory import Memory, below, prefixed
from models.ranking import Sums, inner_products
from models.sampling import Triples

__all__ = ["ID", "Adam", "SeparableBackbone"]

FloatArray = npt.NDArray[np.float32]
ID = "id"


_BETAS, _EPSILON = (0.9, 0.999), 1e-8


class Adam:
    """Adam for one table of shape (n_rows, d), of which a step touches some rows only, and equal to dense Adam all the same.

    ``table`` is from then on a view into Adam's own copy, where a row's weights stand beside its moments.

    A row that a step leaves alone would coast on its momentum. It does so here when it is next looked at (``rows``), all steps at
    once.
    """

    _coasting = np.empty((0, 6))  # for all tables, as long as the longest training so far

    def __init__(self, table: FloatArray, rate: float) -> None:
        self._state = aligned(len(table), 3, table.shape[1])
        self._state[:, 0], self._state[:, 1:] = table, 0
        self.table, self._rate, self._step = self._state[:, 0], rate, 0
        self._last, self.every = np.zeros(len(table), dtype=np.int32), np.arange(len(table), dtype=np.int32)
        self._nowhere = np.empty((0, table.shape[1]), dtype=np.float32)

    def rows(self, rows: npt.NDArray[np.int32], out: FloatArray) -> None:
        """Writes the rows as they are now to the first d columns of ``out`` float32 (n, at least d); ``rows`` int32 (n,).

        To be called before a step on them.
        """
        if self._step >= len(Adam._coasting):
            Adam._coasting = coasting_table(max(2 * self._step, 1024), *_BETAS)
        coast_rows(self._state, self._last, rows, self._rate, _EPSILON, Adam._coasting, self._step, out)

    def settle(self) -> None:
        """Bring every row to now."""
        self.rows(self.every, self._nowhere)

    def update(self, rows: npt.NDArray[np.int32], gradient: FloatArray, factors: Sequence[float] = (1.0,)) -> None:
        """One step on rows that have been looked at since the last one: ``rows`` int32 (n,), distinct; ``every`` for all.

        The first d columns of ``gradient`` (n, at least d) count. ``factors``: by which the step of each of as many equal parts of
        the columns is multiplied.
        """
        self._step += 1
        factor = np.repeat(np.asarray(factors, dtype=np.float32), self.table.shape[1] // len(factors))
        adam_rows(self._state, self._last, rows, gradient, factor, self._rate, *_BETAS, _EPSILON, self._step)

    def memory(self) -> Memory:
        """Both moments and the number of steps, copied, of rows that are all brought to now."""
        self.settle()
        return {"first": self._state[:, 1].copy(), "second": self._state[:, 2].copy(), "step": np.array(self._step)}

    def load_memory(self, memory: Memory) -> None:
        """Puts them back."""
        self._state[:, 1], self._state[:, 2], self._step = memory["first"], memory["second"], int(memory["step"])
        self._last[...] = self._step


def _total(parts: FloatArray) -> FloatArray:
    """The sum of each row (n, n_parts), column by column: many times as fast as numpy sums few numbers in a row."""
    total = parts[:, 0].copy()
    for part in range(1, parts.shape[1]):
        total += parts[:, part]
    return total


class SeparableBackbone:
    """Tables, counterfactuals, scores and state; a subclass adds how a batch is computed and learnt from.

    Preferences and ID factors start at N(0, ``scale``^2), the item maps at Glorot's range. The start is small on purpose: on a real
    fashion shop's week (H&M, 9,321 x 3,432) Recall@20 of the ID-only VBPR rose from .05 to .15 when ``scale`` fell from .1 to .001,
    because what an item never learnt from stays out of its score.

    Parameters
    ----------
    features : modality name -> Features; the order of the mapping is the order of the branches
    train : distinct training pairs, int32 (n_pairs, 2); what a graph is made of
    dimensions : d, of every part
    learning_rate : Adam's
    l2 : weight of (|p_u|^2 + |item part|^2) / 2 per triple
    """

    content_in_score = True
    cost_fixed = 4_000  # VBPR 2,900 to 6,700, FREEDOM 0 to 4,800, LightGCN with content less than nothing
    cost_balanced = 1.6  # an epoch with ckd 1.1 to 1.5, with ogm_ge and mmpareto 1.2 to 1.5; ckd takes up to twice as many

    def __init__(
        self,
        n_users: int,
        n_items: int,
        features: Mapping[str, Features],
        *,
        train: npt.NDArray[np.int32],
        dimensions: int = 64,
        learning_rate: float = 2e-3,
        l2: float = 5e-3,
        seed: int = 0,
        scale: float = 1e-3,
    ) -> None:
        rng = np.random.default_rng(seed)
        self.modalities = tuple(features)
        self.n_users, self.n_items = n_users, n_items
        self._d, self.l2, self.learning_rate = dimensions, np.float32(l2), learning_rate
        self._parts = 1 + len(self.modalities)
        self._user = rng.normal(0, scale, (n_users, self._parts * dimensions)).astype(np.float32)
        self._item = rng.normal(0, scale, (n_items, dimensions)).astype(np.float32)
        self._bias = np.zeros((n_items, 1), dtype=np.float32)
        # The last column marks absence: its row of the map is the learnt vector of items that lack the modality.
        self._features = [
            np.ascontiguousarray(np.column_stack([f.values, ~f.present]).astype(np.float32)) for f in features.values()
        ]
        self._maps = [
            rng.uniform(-1, 1, (x.shape[1], dimensions)).astype(np.float32) * np.float32(np.sqrt(6 / (x.shape[1] + dimensions)))
            for x in self._features
        ]
        self._kept: dict[str, FloatArray] = {}
        self._connect(train)
        self._reset_optimiser()
        self.prepare()

    def _connect(self, train: npt.NDArray[np.int32]) -> None:
        """Build what the model needs of the training pairs; nothing here."""

    def _room(self, name: str, *shape: int) -> FloatArray:
        """An array of this shape, whatever it holds, whose memory serves every batch: new memory costs as much as filling it."""
        size = math.prod(shape)
        if name not in self._kept or self._kept[name].size < size:
            self._kept[name] = aligned(size + size // 4)
        return self._kept[name][:size].reshape(shape)

    def _mean_of_layers(
        self, graph: Bipartite, users: FloatArray, items: FloatArray, layers: int, room: str = ""
    ) -> tuple[FloatArray, FloatArray]:
        """``graph.mean_of_layers`` of (n, n_parts, d); ``room``: whose memory it lies in, without it in memory of its own."""
        flat = users.reshape(self.n_users, -1), items.reshape(self.n_items, -1)
        rooms = []
        if room:
            rooms = [
                (self._room(f"{room} users {n}", *flat[0].shape), self._room(f"{room} items {n}", *flat[1].shape)) for n in (0, 1)
            ]
        smooth = graph.mean_of_layers(*flat, layers, rooms)
        return smooth[0].reshape(users.shape), smooth[1].reshape(items.shape)

    def _reset_optimiser(self) -> None:
        self._optimisers = [Adam(table, self.learning_rate) for table in (self._user, self._item, self._bias, *self._maps)]
        self._user, self._item, self._bias, *self._maps = (optimiser.table for optimiser in self._optimisers)

    def _settle(self) -> None:
        for optimiser in self._optimisers:
            optimiser.settle()

    def _final(self) -> tuple[FloatArray, FloatArray]:
        """Every part's vectors as they are scored, in memory of their own: (n_users, n_parts, d), or (n_users, 1, d) where one
        preference serves all parts, and (n_items, n_parts, d)."""
        return self._write_vectors(aligned(self.n_users, self._parts, self._d), aligned(self.n_items, self._parts, self._d))

    def _write_vectors(self, users: FloatArray, items: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The parameters and mapped content of every part, written to these arrays and returned."""
        users.reshape(self.n_users, -1)[...] = self._user
        items[:, 0] = self._item
        for part, (x, projection) in enumerate(zip(self._features, self._maps, strict=True), start=1):
            np.matmul(x, projection, out=items[:, part])
        return users, items

    def margins_of(self, parts: FloatArray, *, counterfactual: bool) -> Margins:
        """The margins of a batch from those of its parts (n, n_parts)."""
        full = _total(parts)
        if not counterfactual:
            return Margins(full, parts[:, :0], lambda: parts[:, :0])
        return Margins(full, parts[:, :1] + parts[:, 1:], lambda: full[:, None] - parts[:, 1:])

    def part_weights(self, gradients: MarginGradients) -> FloatArray:
        """The gradient of every part's margin (n, n_parts): the whole model's, plus keep-m's for m and for history."""
        weight = np.repeat(gradients.full[:, None], self._parts, axis=1)
        if gradients.keep is not None:
            weight[:, 1:] += gradients.keep
            weight[:, 0] += gradients.keep.sum(axis=1)
        return weight

    @property
    def branches(self) -> tuple[str, ...]:
        """Every modality has a branch of its own."""
        return self.modalities

    def _with_vectors(self, gradients: MarginGradients, item_gradient: FloatArray, bought: npt.NDArray[np.int32]) -> None:
        """Adds the gradients of the bought items' vectors; ``bought``: their rows in ``item_gradient`` (n, n_parts, d)."""
        for part, name in enumerate(self.modalities, start=1):
            if gradients.vectors is not None and name in gradients.vectors:
                np.add.at(item_gradient[:, part], bought, gradients.vectors[name])

    def _map_gradients(self, inputs: Sequence[FloatArray], item_gradient: FloatArray) -> list[FloatArray]:
        return [x.T @ item_gradient[:, part] for part, x in enumerate(inputs, start=1)]

    def _by_branch(self, user_gradient: FloatArray, maps: Sequence[FloatArray]) -> BranchGradients:
        return {name: [user_gradient[:, part], maps[part - 1]] for part, name in enumerate(self.modalities, start=1)}

    def _learn(
        self,
        users: npt.NDArray[np.int32],
        items: npt.NDArray[np.int32],
        user_gradient: FloatArray,
        item_gradient: FloatArray,
        bias_gradient: FloatArray,
        inputs: Sequence[FloatArray],
        adjust: Adjust | None,
    ) -> dict[str, float]:
        """One step on the rows ``users`` and ``items``, given the gradients of their parts (n, n_parts, d) and biases (n, 1).

        ``inputs``: the features of those items. Returns what ``protocol.Backbone.backward`` does.
        """
        maps = self._map_gradients(inputs, item_gradient)
        squared = np.zeros(self._parts)
        squares_of_parts(user_gradient, squared)
        squares_of_parts(item_gradient, squared[:1])
        squared[1:] += [np.vdot(gradient, gradient) for gradient in maps]
        asked = {} if adjust is None else adjust(self._by_branch(user_gradient, maps))
        factors = [asked.get(name, 1.0) for name in self.modalities]
        user, item, bias, *projections = self._optimisers
        user.update(users, user_gradient.reshape(len(users), -1), (1.0, *factors))
        item.update(items, item_gradient.reshape(len(items), -1))  # history's part, which comes first
        bias.update(items, bias_gradient)
        for optimiser, gradient, factor in zip(projections, maps, factors, strict=True):
            optimiser.update(optimiser.every, gradient, (factor,))
        return dict(zip((ID, *self.modalities), squared.tolist(), strict=True))

    def _bought(self) -> FloatArray:
        """The parts' vectors of the items bought in the last batch's BPR triples, (n_bpr, n_parts, d)."""
        raise NotImplementedError

    # ---- scoring

    def item_vectors(self, *, batch: bool = False) -> dict[str, FloatArray]:
        """Every part's item vectors; see ``protocol.ItemVectors``."""
        stacked = self._bought() if batch else self._stacked
        return {name: stacked[:, part] for part, name in enumerate((ID, *self.modalities))}

    def prepare(self) -> None:
        """Every part's vectors, refreshed after training."""
        self._settle()
        self._users, self._stacked = self._final()

    def margins(self, triples: Triples) -> FloatArray:
        """Margins (n,) of the whole, prepared model."""
        parts = np.empty((len(triples.user), self._parts), dtype=np.float32)
        part_margins(self._users, self._stacked, triples.user, triples.positive, triples.negative, parts)
        bias = self._bias[:, 0]
        return _total(parts) + bias[triples.positive] - bias[triples.negative]

    def score(
        self,
        users: npt.NDArray[np.integer],
        sets: Sequence[frozenset[str]],
        items: npt.NDArray[np.integer] | None = None,
        *,
        bare: Sequence[frozenset[str]] = (),
    ) -> FloatArray:
        """Scores (n_sets + n_bare, n, n_items or width): the parts that each of ``sets`` names, and always the history's; then the
        parts that each of ``bare`` names, at least one, without the history's."""
        return self.sums(users, sets, items, bare=bare).whole()

    def sums(
        self,
        users: npt.NDArray[np.integer],
        sets: Sequence[frozenset[str]],
        items: npt.NDArray[np.integer] | None = None,
        *,
        bare: Sequence[frozenset[str]] = (),
    ) -> Sums:
        """The same scores as the parts that they are sums of."""
        mine = self._users[users]
        theirs = self._stacked if items is None else self._stacked[items]
        bias = self._bias[:, 0] if items is None else self._bias[items, 0]
        wanted = [(0, *self._numbers(chosen)) for chosen in sets] + [self._numbers(chosen) for chosen in bare]
        if len(wanted) == 1 and len(wanted[0]) == self._parts:  # one product of all parts side by side
            width = mine.shape[1] * self._d
            if mine.shape[1] < self._parts:
                theirs = _total(theirs.reshape(-1, self._parts, self._d))
            whole = inner_products(mine.reshape(len(mine), width), theirs.reshape(*bias.shape, width))
            whole += bias
            return Sums(whole[None], np.ones((1, 1), dtype=bool))
        asked = sorted({part for numbers in wanted for part in numbers})
        parts = np.empty((len(asked), len(mine), bias.shape[-1]), dtype=np.float32)
        for out, part in zip(parts, asked, strict=True):
            inner_products(mine[:, min(part, mine.shape[1] - 1)], theirs[..., part, :], out)
            if part == 0:
                out += bias
        return Sums(parts, np.array([[part in numbers for part in asked] for numbers in wanted]))

    def _numbers(self, chosen: frozenset[str]) -> tuple[int, ...]:
        return tuple(part for part, name in enumerate(self.modalities, start=1) if name in chosen)

    # ---- state

    def _tables(self) -> dict[str, FloatArray]:
        return {"user": self._user, "item": self._item, "bias": self._bias} | {
            f"map.{name}": table for name, table in zip(self.modalities, self._maps, strict=True)
        }

    def state(self) -> dict[str, npt.NDArray[np.generic]]:
        """All parameters, copied."""
        self._settle()
        return {name: table.copy() for name, table in self._tables().items()}

    def load_state(self, state: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Puts parameters back; the optimiser starts afresh."""
        for name, table in self._tables().items():
            table[...] = state[name]
        self._reset_optimiser()
        self.prepare()

    def memory(self) -> Memory:
        """See ``protocol.Backbone``."""
        moments = [prefixed(name, adam.memory()) for name, adam in zip(self._tables(), self._optimisers, strict=True)]
        return prefixed("state", self.state()) | {name: array for one in moments for name, array in one.items()}

    def load_memory(self, memory: Memory) -> None:
        """See ``protocol.Backbone``."""
        self.load_state(below("state", memory))
        for name, adam in zip(self._tables(), self._optimisers, strict=True):
            adam.load_memory(below(name, memory))
