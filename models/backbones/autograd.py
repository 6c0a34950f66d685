"""What recommenders share whose score is a dot product of computed vectors and whose gradients torch derives.

A model says how its users' and items' vectors follow from its parameters, with any set of modalities factual, and which losses it
adds to the recommendation loss. Products with graphs go through our compiled kernel in both directions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from models.backbones.protocol import Adjust, BranchGradients, Features, MarginGradients, Margins
from models.backbones.separable import ID, FloatArray
from models.graphs import Sparse
from models.memory import Memory, below, load_adam, memory_of_adam, prefixed
from models.ranking import inner_products
from models.sampling import Triples

__all__ = ["AutogradBackbone", "gradients_of", "multiply", "step", "sum_of_squares", "take"]


class _Product(torch.autograd.Function):
    """A fixed sparse matrix times a dense one, and back with the transpose."""

    @staticmethod
    def forward(context: Any, matrix: Sparse, dense: torch.Tensor) -> torch.Tensor:
        context.matrix = matrix
        return torch.from_numpy(matrix.dot(dense.detach().contiguous().numpy()))

    @staticmethod
    def backward(context: Any, *gradients: torch.Tensor) -> tuple[None, torch.Tensor]:
        return None, torch.from_numpy(context.matrix.transposed_dot(gradients[0].contiguous().numpy()))


def multiply(matrix: Sparse, dense: torch.Tensor) -> torch.Tensor:
    """``matrix @ dense``, differentiable with respect to ``dense``; float32 (n_rows, width)."""
    product: torch.Tensor = _Product.apply(matrix, dense)
    return product


def take(table: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Rows of a table, in the order asked for.

    ``table[rows]`` gives the same, but adds up the gradients of a row that is asked for twice in the order in which threads
    arrive, so that two runs of one seed differ in the last bits.
    """
    return table.index_select(0, rows)


def sum_of_squares(*tensors: torch.Tensor) -> torch.Tensor:
    """The sum over all entries of all tensors, one number."""
    return torch.stack([tensor.square().sum() for tensor in tensors]).sum()


def gradients_of(
    outputs: Sequence[torch.Tensor], given: Sequence[torch.Tensor], branches: Mapping[str, Sequence[torch.nn.Parameter]]
) -> BranchGradients:
    """The gradients of each branch's parameters, given those of some outputs, whose graph stays; see ``branch_gradients``."""
    flat = [parameter for own in branches.values() for parameter in own]
    found = iter(torch.autograd.grad(outputs, flat, given, retain_graph=True, allow_unused=True, materialize_grads=True))
    return {name: [next(found).numpy() for _ in own] for name, own in branches.items()}


def step(
    optimiser: torch.optim.Optimizer, branches: Mapping[str, Sequence[torch.nn.Parameter]], adjust: Adjust | None = None
) -> None:
    """One step of an optimiser, after a balancer has seen each branch's gradients; see ``protocol.Adjust``."""
    factors: Mapping[str, float] = {}
    if adjust is not None:
        for parameter in (parameter for own in branches.values() for parameter in own):
            parameter.grad = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad.contiguous()
        factors = adjust({name: [p.grad.numpy() for p in own if p.grad is not None] for name, own in branches.items()})
    slowed = [(p, p.detach().clone(), factor) for name, factor in factors.items() if factor != 1 for p in branches[name]]
    optimiser.step()
    with torch.no_grad():
        for parameter, before, factor in slowed:
            parameter.copy_(torch.lerp(before, parameter, float(factor)))


class AutogradBackbone(torch.nn.Module):
    """Counterfactuals, margins, scores and state for a model that overrides ``build``, ``vectors``, ``branch`` and others.

    A counterfactual replaces the features of the modalities that are not factual by their catalog mean (zero, as features are
    centred; the learnt vector of absent items is not used then) and the user preferences that belong to them by the users' mean.

    Parameters
    ----------
    features : modality name -> Features; ``train`` : distinct training pairs, int32 (n_pairs, 2)
    dimensions : d; learning_rate : Adam's; l2 : weight of |vectors of the batch at the start|^2 / 2 per triple
    scale : standard deviation at the start of what ``normal`` makes, the factors of history first; None: ``start_scale``
    """

    start_scale = 1e-3

    content_in_score = True
    cost_fixed = 10_000  # MGCN and MMGCN −6,000 to 11,000, GRCN and LATTICE 4,000 to 25,000
    cost_balanced = 1.8  # twelve methods on MMGCN, GRCN and MGCN 1.1 to 3.5, on average 1.8

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
        scale: float | None = None,
    ) -> None:
        super().__init__()
        self.modalities = tuple(features)
        self.n_users, self.n_items = n_users, n_items
        self.d, self.scale = dimensions, self.start_scale if scale is None else scale
        self._rate, self._l2 = learning_rate, l2
        self.draw = torch.Generator().manual_seed(seed)
        # The last column marks absence: its row of a map is the learnt vector of items that lack the modality.
        self.content = {
            name: torch.from_numpy(np.column_stack([f.values, ~f.present]).astype(np.float32)) for name, f in features.items()
        }
        self.user = self.normal(n_users, dimensions)
        self.item = self.normal(n_items, dimensions)
        self.bias = torch.nn.Parameter(torch.zeros(n_items))
        self.build(np.ascontiguousarray(train, dtype=np.int32))
        self._reset_optimiser()
        self.prepare()

    # ---- what a model says

    def build(self, train: npt.NDArray[np.int32]) -> None:
        """Add the model's own parameters and graphs to ``user``, ``item`` (n, d) and ``bias`` (n_items,)."""
        raise NotImplementedError

    def vectors(self, factual: frozenset[str]) -> tuple[torch.Tensor, torch.Tensor]:
        """Users' (n_users, D) and items' (n_items, D) vectors with only some modalities factual."""
        raise NotImplementedError

    def auxiliary(self, triples: Triples, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor | None:
        """What the model adds to the recommendation loss, on the first ``n_bpr`` triples; ``users``, ``items``: of ``vectors``."""
        return None

    def branch(self, modality: str) -> Sequence[torch.nn.Parameter]:
        """The parameters that belong to one modality alone."""
        raise NotImplementedError

    def new_epoch(self) -> None:
        """Called after each epoch, before the next: draw anew what the model draws."""

    def normal(self, *shape: int) -> torch.nn.Parameter:
        """A parameter that starts at N(0, ``scale``^2)."""
        return torch.nn.Parameter(torch.randn(*shape, generator=self.draw) * self.scale)

    def glorot(self, n_in: int, n_out: int) -> torch.nn.Parameter:
        """A parameter that starts within Glorot's range."""
        return torch.nn.Parameter((torch.rand(n_in, n_out, generator=self.draw) * 2 - 1) * (6 / (n_in + n_out)) ** 0.5)

    # ---- training

    def _reset_optimiser(self) -> None:
        self._optimiser = torch.optim.Adam(self.parameters(), lr=self._rate)

    def _margin(self, triples: Triples, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        u, i, j = (torch.from_numpy(index).long() for index in (triples.user, triples.positive, triples.negative))
        apart = take(items, i) - take(items, j)
        return (take(users, u) * apart).sum(1) + take(self.bias, i) - take(self.bias, j)

    def forward(self, triples: Triples, *, counterfactual: bool = False) -> Margins:
        """Margins of a batch; see ``protocol.Backbone``."""
        self.train()
        everything = frozenset(self.modalities)
        users, items = self.vectors(everything)
        full = self._margin(triples, users, items)
        names = self.modalities if counterfactual else ()
        alone = [self.vectors(frozenset([name])) for name in names]
        keep = [self._margin(triples, *vectors) for vectors in alone]

        @torch.no_grad()
        def without() -> FloatArray:
            return _columns([self._margin(triples, *self.vectors(everything - {name})) for name in names], len(full))

        bought = torch.from_numpy(triples.positive[: triples.n_bpr]).long()
        self._bought = {name: take(vectors[1], bought) for name, vectors in zip(names, alone, strict=True)}
        self._batch = (triples, users, items, full, keep)
        return Margins(full.detach().numpy(), _columns(keep, len(full)), without)

    @property
    def branches(self) -> tuple[str, ...]:
        """The modalities that have parameters of their own."""
        return tuple(name for name in self.modalities if self.branch(name))

    def _handed_back(self, gradients: MarginGradients) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """What the last ``forward`` put out, and the gradients of it."""
        _, _, _, full, keep = self._batch
        outputs, given = [full], [gradients.full]
        if gradients.keep is not None:
            outputs, given = [*outputs, *keep], [*given, *gradients.keep.T]
        for name, gradient in (gradients.vectors or {}).items():
            outputs, given = [*outputs, self._bought[name]], [*given, gradient]
        return outputs, [torch.from_numpy(np.ascontiguousarray(gradient, dtype=np.float32)) for gradient in given]

    def branch_gradients(self, gradients: MarginGradients) -> BranchGradients:
        """See ``protocol.Backbone``."""
        return gradients_of(*self._handed_back(gradients), {name: self.branch(name) for name in self.branches})

    def backward(self, gradients: MarginGradients, *, adjust: Adjust | None = None) -> dict[str, float]:
        """One optimiser step; see ``protocol.Backbone``."""
        triples, users, items, _, _ = self._batch
        loss = torch.stack(
            [(output * gradient).sum() for output, gradient in zip(*self._handed_back(gradients), strict=True)]
        ).sum()
        n = triples.n_bpr
        u, i, j = (torch.from_numpy(index[:n]).long() for index in (triples.user, triples.positive, triples.negative))
        if self._l2:
            squares = sum_of_squares(take(self.user, u), take(self.item, i), take(self.item, j))
            loss = loss + self._l2 / (2 * n) * squares
        extra = self.auxiliary(triples, users, items)
        self._optimiser.zero_grad(set_to_none=True)
        (loss if extra is None else loss + extra).backward()
        squared = {id(p): float(p.grad.square().sum()) for p in self.parameters() if p.grad is not None}
        step(self._optimiser, {name: self.branch(name) for name in self.branches}, adjust)
        branches = {name: sum(squared.get(id(p), 0.0) for p in self.branch(name)) for name in self.modalities}
        return {ID: sum(squared.values()) - sum(branches.values())} | branches

    # ---- scoring

    def item_vectors(self, *, batch: bool = False) -> dict[str, FloatArray]:
        """Items' vectors with one modality factual, and with none; see ``protocol.ItemVectors``."""
        if batch:
            return {name: vectors.detach().numpy() for name, vectors in self._bought.items()}
        return {name: self._vectors_of(frozenset([name]))[1] for name in (ID, *self.modalities)}

    def prepare(self) -> None:
        """Forget the vectors that were scored before; see ``protocol.Backbone``."""
        self._ready: dict[frozenset[str], tuple[FloatArray, FloatArray]] = {}
        self.new_epoch()

    def _vectors_of(self, factual: frozenset[str]) -> tuple[FloatArray, FloatArray]:
        factual = factual & frozenset(self.modalities)
        if factual not in self._ready:
            self.eval()
            with torch.no_grad():
                users, items = self.vectors(factual)
            self._ready[factual] = users.numpy(), items.contiguous().numpy()
        return self._ready[factual]

    def margins(self, triples: Triples) -> FloatArray:
        """Margins (n,) of the whole, prepared model."""
        users, items = self._vectors_of(frozenset(self.modalities))
        bias = self.bias.detach().numpy()
        margin: FloatArray = np.einsum("td,td->t", users[triples.user], items[triples.positive] - items[triples.negative])
        return margin + bias[triples.positive] - bias[triples.negative]

    def score(
        self, users: npt.NDArray[np.integer], sets: Sequence[frozenset[str]], items: npt.NDArray[np.integer] | None = None
    ) -> FloatArray:
        """See ``protocol.Backbone``."""
        chosen = slice(None) if items is None else items
        bias = self.bias.detach().numpy()[chosen]
        scores = np.empty((len(sets), len(users), bias.shape[-1]), dtype=np.float32)
        for out, factual in zip(scores, sets, strict=True):
            mine, theirs = self._vectors_of(factual)
            inner_products(mine[users], theirs[chosen], out)
            out += bias
        return scores

    # ---- state

    def state(self) -> dict[str, npt.NDArray[np.generic]]:
        """All parameters, copied."""
        return {name: parameter.detach().numpy().copy() for name, parameter in self.named_parameters()}

    def load_state(self, state: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Puts parameters back; the optimiser starts afresh."""
        with torch.no_grad():
            for name, parameter in self.named_parameters():
                parameter.copy_(torch.from_numpy(np.asarray(state[name])))
        self._reset_optimiser()
        self.prepare()

    def memory(self) -> Memory:
        """See ``protocol.Backbone``."""
        adam = memory_of_adam(self._optimiser, dict(self.named_parameters()))
        return prefixed("state", self.state()) | prefixed("adam", adam) | {"draw": self.draw.get_state().numpy().copy()}

    def load_memory(self, memory: Memory) -> None:
        """See ``protocol.Backbone``."""
        self.load_state(below("state", memory))
        load_adam(self._optimiser, dict(self.named_parameters()), below("adam", memory))
        self.draw.set_state(torch.from_numpy(np.array(memory["draw"])))


def _columns(margins: Sequence[torch.Tensor], n: int) -> FloatArray:
    if not margins:
        return np.empty((n, 0), dtype=np.float32)
    return np.stack([margin.detach().numpy() for margin in margins], axis=1)
