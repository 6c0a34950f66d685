"""Lets a torch recommender from outside be probed and balanced without changing its forward code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.func import functional_call

from models.backbones.autograd import gradients_of, step
from models.backbones.protocol import Adjust, BranchGradients, Features, FloatArray, MarginGradients, Margins
from models.memory import Memory, below, load_adam, memory_of_adam, prefixed
from models.sampling import Triples

__all__ = ["TorchBackbone"]

_PAIRS_PER_BLOCK = 1 << 20


class TorchBackbone:
    """Wraps any ``module(users, items, features) -> scores`` as a backbone.

    ``users`` and ``items`` are int64 tensors (n,), ``features`` a dict of float32 tensors (n_items, f), the scores float32 (n,).
    A counterfactual replaces the other modalities' features by their catalog mean (zero, features are centred) and, where the
    module names them, their user preference tables by the users' mean; the module's own forward runs unchanged, with the dropout
    masks of the whole model's, and what it keeps of a batch (as batch normalisation does) is the whole model's alone. Departure: a
    foreign forward has no place for a presence mask, so an item that lacks a modality gets the catalog's mean.

    Parameters
    ----------
    module : the recommender, on the CPU; everything in ``module.parameters()`` is trained but what is frozen
    features : modality -> Features; ``branches`` : modality -> names of the parameters that belong to it alone (for gradients)
    preferences : modality -> name of its user preference table (n_users, d), if it has one

    Raises
    ------
    ValueError
        What is named does not exist, a branch's parameters are named more than once or frozen, or shapes do not fit; the first
        batch, too, if the module's scores are not one for each pair.
    """

    content_in_score = True

    def __init__(
        self,
        module: torch.nn.Module,
        n_users: int,
        n_items: int,
        features: Mapping[str, Features],
        *,
        branches: Mapping[str, Sequence[str]] | None = None,
        preferences: Mapping[str, str] | None = None,
        learning_rate: float = 2e-3,
        l2: float = 0.0,
    ) -> None:
        self.module, self.n_users, self.n_items = module, n_users, n_items
        self.modalities = tuple(features)
        self._features = {name: torch.from_numpy(np.array(f.values, dtype=np.float32)) for name, f in features.items()}
        self._branches = {name: tuple(names) for name, names in (branches or {}).items()}
        self._preferences = dict(preferences or {})
        self._demand_sound()
        self._rate, self._l2 = learning_rate, l2
        self._reset_optimiser()

    def _demand_sound(self) -> None:
        """Raises ValueError for what the class says of it."""
        parameters = dict(self.module.named_parameters())
        named = [name for names in self._branches.values() for name in names]
        for name, values in self._features.items():
            if len(values) != self.n_items:
                raise ValueError(f"the features of {name!r} have {len(values)} rows; there are {self.n_items} items")
        if unknown := sorted((set(self._branches) | set(self._preferences)) - set(self.modalities)):
            raise ValueError(f"there are no features of {unknown}; modalities: {list(self.modalities)}")
        if unknown := sorted({*named, *self._preferences.values()} - set(parameters)):
            raise ValueError(f"the module has no parameters named {unknown}")
        if shared := sorted({name for name in named if named.count(name) > 1}):
            raise ValueError(f"{shared} are named more than once; a branch has its parameters to itself")
        if frozen := sorted(name for name in named if not parameters[name].requires_grad):
            raise ValueError(f"{frozen} are frozen, so that no gradient reaches the branch they are named for")
        for modality, name in self._preferences.items():
            if len(parameters[name]) != self.n_users:
                raise ValueError(f"{name!r}, the preferences of {modality!r}, has {len(parameters[name])} rows, not {self.n_users}")

    def _reset_optimiser(self) -> None:
        self._optimiser = torch.optim.Adam(self.module.parameters(), lr=self._rate, weight_decay=self._l2)

    def _scores(self, users: torch.Tensor, items: torch.Tensor, factual: frozenset[str]) -> torch.Tensor:
        """The module's scores with only some modalities factual; what it notes of a counterfactual batch is forgotten."""
        features = {name: x if name in factual else torch.zeros_like(x) for name, x in self._features.items()}
        replaced: dict[str, Any] = {}
        parameters = dict(self.module.named_parameters())
        for name, table in self._preferences.items():
            if name not in factual:
                replaced[table] = parameters[table].mean(dim=0, keepdim=True).expand_as(parameters[table])
        if self.module.training and factual != frozenset(self.modalities):
            replaced |= {name: kept.clone() for name, kept in self.module.named_buffers()}
        scores: torch.Tensor = functional_call(self.module, replaced, (users, items, features))
        if scores.shape != users.shape:
            raise ValueError(f"the module's forward gave scores {tuple(scores.shape)} for {len(users)} pairs; it must give (n,)")
        return scores

    def _margin(self, triples: Triples, factual: frozenset[str]) -> torch.Tensor:
        users = torch.from_numpy(triples.user).long()
        good, bad = torch.from_numpy(triples.positive).long(), torch.from_numpy(triples.negative).long()
        return self._scores(users, good, factual) - self._scores(users, bad, factual)

    def forward(self, triples: Triples, *, counterfactual: bool = False) -> Margins:
        self.module.train()
        everything = frozenset(self.modalities)
        drawn = torch.get_rng_state()
        full = self._margin(triples, everything)
        names = self.modalities if counterfactual else ()

        def again(factual: frozenset[str]) -> torch.Tensor:
            if factual == everything:  # of the only modality
                return full
            with torch.random.fork_rng(devices=()):
                torch.set_rng_state(drawn)
                return self._margin(triples, factual)

        keep = [again(frozenset([name])) for name in names]

        @torch.no_grad()
        def without() -> FloatArray:
            return _columns([again(everything - {name}) for name in names], len(full))

        self._outputs = [full, *keep]
        return Margins(_array(full), _columns(keep, len(full)), without)

    @property
    def branches(self) -> tuple[str, ...]:
        """The modalities for which the caller named parameters."""
        return tuple(name for name in self.modalities if self._branches.get(name))

    def _own(self) -> dict[str, list[torch.nn.Parameter]]:
        parameters = dict(self.module.named_parameters())
        return {name: [parameters[own] for own in self._branches[name]] for name in self.branches}

    def _handed_back(self, gradients: MarginGradients) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        given = [gradients.full] if gradients.keep is None else [gradients.full, *gradients.keep.T]
        tensors = [torch.from_numpy(np.ascontiguousarray(gradient, dtype=np.float32)) for gradient in given]
        return self._outputs[: len(tensors)], tensors

    def branch_gradients(self, gradients: MarginGradients) -> BranchGradients:
        return gradients_of(*self._handed_back(gradients), self._own())

    def backward(self, gradients: MarginGradients, *, adjust: Adjust | None = None) -> dict[str, float]:
        self._optimiser.zero_grad()
        torch.autograd.backward(*self._handed_back(gradients))
        size = {name: float((p.grad**2).sum()) for name, p in self.module.named_parameters() if p.grad is not None}
        step(self._optimiser, self._own(), adjust)
        squared = {modality: sum(size.get(name, 0.0) for name in names) for modality, names in self._branches.items()}
        return {"id": sum(size.values()) - sum(squared.values())} | {name: squared.get(name, 0.0) for name in self.modalities}

    def prepare(self) -> None:
        """Nothing is cached; dropout and the like are switched off until the next ``forward``."""
        self.module.eval()

    @torch.no_grad()
    def score(
        self, users: npt.NDArray[np.integer], sets: Sequence[frozenset[str]], items: npt.NDArray[np.integer] | None = None
    ) -> FloatArray:
        scored = torch.arange(self.n_items) if items is None else torch.from_numpy(np.asarray(items, dtype=np.int64))
        width = scored.shape[-1]
        out = np.empty((len(sets), len(users), width), dtype=np.float32)
        step = max(1, _PAIRS_PER_BLOCK // max(width, 1))
        for begin in range(0, len(users), step):
            block = torch.from_numpy(np.asarray(users[begin : begin + step], dtype=np.int64))
            repeated = block.repeat_interleave(width)
            tiled = scored.repeat(len(block)) if scored.ndim == 1 else scored[begin : begin + step].reshape(-1)
            for number, chosen in enumerate(sets):
                scores = self._scores(repeated, tiled, chosen).reshape(len(block), width)
                out[number, begin : begin + step] = scores.numpy()
        return out

    @torch.no_grad()
    def margins(self, triples: Triples) -> FloatArray:
        return _array(self._margin(triples, frozenset(self.modalities)))

    def state(self) -> dict[str, npt.NDArray[np.generic]]:
        return {name: value.detach().cpu().numpy().copy() for name, value in self.module.state_dict().items()}

    def load_state(self, state: Mapping[str, npt.NDArray[np.generic]]) -> None:
        self.module.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in state.items()})
        self._reset_optimiser()
        self.prepare()

    def memory(self) -> Memory:
        """See ``protocol.Backbone``; a module draws from torch's own generator, so that one counts too."""
        adam = memory_of_adam(self._optimiser, dict(self.module.named_parameters()))
        return prefixed("state", self.state()) | prefixed("adam", adam) | {"draw": torch.get_rng_state().numpy().copy()}

    def load_memory(self, memory: Memory) -> None:
        """See ``protocol.Backbone``."""
        self.load_state(below("state", memory))
        load_adam(self._optimiser, dict(self.module.named_parameters()), below("adam", memory))
        torch.set_rng_state(torch.from_numpy(np.array(memory["draw"])))


def _array(tensor: torch.Tensor) -> FloatArray:
    array: FloatArray = tensor.detach().numpy()
    return array


def _columns(tensors: list[torch.Tensor], n: int) -> FloatArray:
    return np.stack([_array(one) for one in tensors], axis=1) if tensors else np.empty((n, 0), dtype=np.float32)
