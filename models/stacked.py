"""Many trainings of VBPR side by side on a GPU: seeds and arms are stacked in one tensor.

A training is the same as by ``models.training.train``: the same start, triples, losses, dense Adam, measures and rule for its end.
It differs by how sums are rounded. On a CPU stacking gains nothing; one compiled training for each core is faster there.

Per step of N trainings, with I items, U users, P parts, f features and d dimensions: 6 N I f d (P - 1) operations for the item maps
and their gradients, and some 15 passes over N (U + I) P d numbers for gradients and Adam, which is what takes the time.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from models.backbones.protocol import Features
from models.backbones.separable import ID
from models.backbones.vbpr import VBPR
from models.balancers.protocol import Balancer
from models.devices import demand_determinism, free_here, free_on
from models.dynamics import Watch
from models.losses import sigmoid
from models.sampling import Sampler, Triples
from models.training import Course, EpochRecord, Interactions, Settings, Steps, recall_of_sets

__all__ = ["Stack", "Training"]

_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-8
_SCORES = 1 << 26  # of all sets and targets at a time: 256 MB
_STEPS_TOGETHER = 16


@dataclass
class Training:
    """One model to train: ``backbone`` holds the start, and when it is over the best state; ``course`` how it went so far.

    ``balancer`` may look at margins alone (see ``models.balancers.STACKABLE``): it runs as it is, on the CPU.
    """

    backbone: VBPR
    balancer: Balancer
    settings: Settings
    seed: int
    course: Course = field(default_factory=Course)


class Stack:
    """Trains as many models of one data set as are added, as many epochs of all of them at a time as lie between validations.

    Parameters
    ----------
    features : every modality that a training may know
    data : what all trainings may see
    dimensions : d of every part; ``batch_size``, ``k``, ``look_every`` and ``validate_every`` as in ``Settings``: the same for all
    device : torch's name of it, such as ``cuda``
    """

    def __init__(
        self,
        n_users: int,
        n_items: int,
        features: Mapping[str, Features],
        data: Interactions,
        *,
        dimensions: int,
        batch_size: int,
        k: int = 20,
        look_every: int = Settings.look_every,
        validate_every: int = Settings.validate_every,
        device: str,
    ) -> None:
        demand_determinism()
        self._n_users, self._n_items, self._d, self._data = n_users, n_items, dimensions, data
        self._batch_size, self._k, self._look_every, self._validate_every = batch_size, k, look_every, validate_every
        self._names, self._device, self._watch = tuple(features), torch.device(device), Watch(data, n_items)
        self._inputs = [self._there(np.column_stack([f.values, ~f.present]).astype(np.float32)) for f in features.values()]
        shapes = (
            *((n_users, 1 + len(self._names), dimensions), (n_items, dimensions), (n_items,)),
            *((x.shape[1], dimensions) for x in self._inputs),
        )
        self._live: dict[str, Training] = {}
        self._sampler = cache(partial(Sampler, data.train, n_users, n_items, batch_size=batch_size))
        self._tables, self._first, self._second, self._best = (
            [torch.zeros((0, *shape), device=self._device) for shape in shapes] for _ in range(4)
        )
        self._steps = np.zeros(0)  # of each model so far: some have begun later than others
        self._settle()

    def __len__(self) -> int:
        return len(self._live)

    @property
    def room(self) -> int:
        """How many more models the device, and this computer beside it, have memory for; on a CPU as many as are given."""
        if self._device.type != "cuda":
            return 1 << 10
        parts, extra = 1 + len(self._names), max((training.balancer.n_extra for training in self._live.values()), default=0)
        parameters = sum(math.prod(table.shape[1:]) for table in self._tables)
        items, batch = self._n_items * parts * self._d, 10 * (self._batch_size + extra) * parts * self._d
        here = 4 * 8 * parameters  # a model with its moments and prepared vectors, and a teacher's for each modality
        there = 4 * (6 * (parameters + items) + batch)
        return int(min(free_on(self._device) / there, free_here() / here) / 2)

    def add(self, trainings: Mapping[str, Training]) -> None:
        """More models, by names of their own, from the next epoch on."""
        self._live |= trainings
        starts = [self._spread(training) for training in trainings.values()]
        for kept, new in (
            *((tables, starts) for tables in (self._tables, self._best)),
            *((moments, [self._zeros(len(starts))]) for moments in (self._first, self._second)),
        ):
            kept[:] = [torch.cat([old, *more]) for old, *more in zip(kept, *new, strict=True)]
        self._steps = np.concatenate([self._steps, np.zeros(len(starts))])
        self._settle()

    def epoch(self) -> dict[str, EpochRecord | FloatingPointError]:
        """Trains every model until it is validated and says how each one went; one that is over, or has failed, is let go of.

        A model's ``course`` tells whether it is over; its backbone then holds the best state.
        """
        began = time.perf_counter()
        models = list(self._live.values())
        for training in models:
            training.balancer.new_epoch(training.backbone, self._data)
        steps = [Steps() for _ in models]
        done = [training.course.epochs for training in models]
        n_steps = -(-len(self._data.train) // self._batch_size)
        sizes = self._step_sizes(n_steps * self._validate_every)
        kept = [
            self._learn(models, *drawn, [(n * n_steps + number) % self._look_every == 0 for n in done], steps, size)
            for number, (drawn, size) in enumerate(zip(self._drawn(models, done), sizes, strict=True))
        ]
        losses = torch.stack([loss for loss, _ in kept]).cpu().numpy()
        squared = torch.stack([parts for _, parts in kept]).cpu().numpy()
        items, shared = self._items(self._tables), (time.perf_counter() - began) / len(models)
        over: list[int] = []
        said: dict[str, EpochRecord | FloatingPointError] = {}
        for s, (key, training) in enumerate(self._live.items()):
            names = (ID, *training.backbone.modalities)
            steps[s].losses = losses[:, s].tolist()
            steps[s].squared = [dict(zip(names, row, strict=True)) for row in squared[:, s, self._own(training)].tolist()]
            try:
                steps[s].demand_finite(done[s] + self._validate_every)
            except FloatingPointError as error:
                over.append(s)
                said[key] = error
                continue
            record = said[key] = self._judged(s, training, items[s], steps[s], shared)
            if record.best:
                for best, table in zip(self._best, self._tables, strict=True):
                    best[s] = table[s]
            if training.course.over(training.settings):
                over.append(s)
                training.course.best = self._gathered(s, training)
                training.backbone.load_state(training.course.best)
        self._let_go(over)
        return said

    # ---- a model's tables, and their place in the stack

    def _own(self, training: Training) -> list[int]:
        """The parts that a model has: history's, and its modalities'."""
        return [0, *(1 + self._names.index(name) for name in training.backbone.modalities)]

    def _there(self, array: npt.NDArray[Any]) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self._device)

    def _zeros(self, n: int) -> list[torch.Tensor]:
        return [torch.zeros((n, *table.shape[1:]), device=self._device) for table in self._tables]

    def _spread(self, training: Training) -> list[torch.Tensor]:
        """A model's parameters, in tables with room for every modality; (1, ...) each."""
        state, tables = training.backbone.state(), self._zeros(1)
        user, item, bias, *maps = tables
        user[0][:, self._own(training)] = self._there(state["user"].reshape(self._n_users, -1, self._d))
        item[0], bias[0] = self._there(state["item"]), self._there(state["bias"][:, 0])
        for name, table in zip(self._names, maps, strict=True):
            if name in training.backbone.modalities:
                table[0] = self._there(state[f"map.{name}"])
        return tables

    def _gathered(self, s: int, training: Training) -> dict[str, npt.NDArray[np.generic]]:
        """The best parameters of a model, as its backbone names them."""
        user, item, bias, *maps = (best[s].cpu() for best in self._best)
        found = {
            "user": user[:, self._own(training)].reshape(self._n_users, -1).numpy(),
            "item": item.numpy(),
            "bias": bias[:, None].numpy(),
        }
        return found | {f"map.{name}": maps[self._names.index(name)].numpy() for name in training.backbone.modalities}

    def _let_go(self, over: Sequence[int]) -> None:
        if not over:
            return
        keys = list(self._live)
        for s in over:
            del self._live[keys[s]]
        stay = self._there(np.setdiff1d(np.arange(len(keys)), over))
        for kept in (self._tables, self._first, self._second, self._best):
            kept[:] = [table[stay] for table in kept]
        self._steps = np.delete(self._steps, over)
        self._settle()

    def _settle(self) -> None:
        """What the steps of an epoch ask for each time."""
        models = list(self._live.values())
        has = np.zeros((len(models), 1, 1 + len(self._names)), dtype=np.float32)
        for row, training in zip(has, models, strict=True):
            row[0, self._own(training)] = 1
        self._has = self._there(has)
        self._shrink = self._there(np.array([training.backbone.l2 for training in models], dtype=np.float32))
        self._model = torch.arange(len(models), device=self._device)[:, None]

    # ---- learning

    def _drawn(self, models: Sequence[Training], done: Sequence[int]) -> Iterator[tuple[list[Triples], torch.Tensor]]:
        """Every model's triples, step by step, given how many epochs it has behind it, and all of them on the device, int64
        (3, n_models, n). Those of one seed share theirs; those without extra ones are filled up with some of weight 0."""
        asked = [(training.seed, training.balancer.n_extra, n) for training, n in zip(models, done, strict=True)]
        different = {one: self._sampler(seed=one[0], n_extra=one[1]).epochs(one[2], self._validate_every) for one in asked}
        epochs = zip(*different.values(), strict=True)
        limits = np.array([self._n_users, self._n_items, self._n_items])[:, None, None]
        drawn = (dict(zip(different, batches, strict=True)) for batches in epochs)
        while together := list(islice(drawn, _STEPS_TOGETHER)):  # each copy to a device waits for what runs there
            most = max(len(triples.user) for of in together for triples in of.values())
            spread = np.arange(most) % limits  # a thousand of one row would be added up one by one
            index = np.empty((len(together), 3, len(models), most), dtype=np.int64)
            index[:] = spread
            for at, of in zip(index, together, strict=True):
                for s, one in enumerate(asked):
                    at[:, s, : len(of[one].user)] = of[one].user, of[one].positive, of[one].negative
            for at, of in zip(self._there(index), together, strict=True):
                yield [of[one] for one in asked], at[:, :, : max(len(triples.user) for triples in of.values())]

    def _step_sizes(self, n_steps: int) -> torch.Tensor:
        """Of each coming step and model Adam's step size and epsilon, as ``kernels.adam_rows`` has them; (n_steps, 2, n_models)."""
        step = self._steps + np.arange(1, n_steps + 1)[:, None]
        self._steps = self._steps + n_steps
        root = np.sqrt(1 - _BETA2**step)
        rates = np.array([training.backbone.learning_rate for training in self._live.values()])
        return self._there(np.stack([rates * root / (1 - _BETA1**step), _EPSILON * root], axis=1).astype(np.float32))

    def _items(self, tables: Sequence[torch.Tensor]) -> torch.Tensor:
        """Every part's item vectors, (n_models, n_items, n_parts, d)."""
        return torch.stack([tables[1], *(x @ table for x, table in zip(self._inputs, tables[3:], strict=True))], dim=2)

    def _learn(
        self,
        models: Sequence[Training],
        drawn: Sequence[Triples],
        index: torch.Tensor,
        looks: Sequence[bool],
        steps: Sequence[Steps],
        size: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """One step of every model; each one's loss (n_models,), and the squared gradients of its parts (n_models, n_parts)."""
        n_bpr, of_model, (u, i, j) = drawn[0].n_bpr, self._model, index
        leaves = [table.detach().requires_grad_() for table in self._tables]
        items = self._items(leaves)
        users, good, bad = leaves[0][of_model, u], items[of_model, i], items[of_model, j]
        parts = (users * (good - bad)).sum(-1) * self._has
        bias = leaves[2][of_model, i] - leaves[2][of_model, j]
        known = parts.detach().clone()
        known[:, :, 0] += bias.detach()

        full = known[:, :n_bpr].sum(-1)
        pull = -torch.sigmoid(-full) / n_bpr
        weight = torch.zeros_like(known)
        weight[:, :n_bpr] = pull[..., None]
        for s, training in enumerate(models):
            if training.balancer.counterfactual:
                self._balance(training, drawn[s], steps[s], known[s], pull[s], weight[s])
        objective = (parts * weight).sum() + (bias * weight[:, :, 0]).sum()
        if any(looks) and len(self._names) > 1:
            self._look(models, looks, steps, leaves, parts, known[:, :n_bpr], pull)
        lengths = sum(rows[:, :n_bpr].square().sum(-1) for rows in (users, good, bad)) * self._has
        objective = objective + (lengths.sum((1, 2)) * self._shrink).sum() / (2 * n_bpr)
        gradients = torch.autograd.grad(objective, leaves)
        self._adam(gradients, *size)
        squared = gradients[0].square().sum((1, 3))
        squared[:, 0] += gradients[1].square().sum((1, 2))
        squared[:, 1:] += torch.stack([gradient.square().sum((1, 2)) for gradient in gradients[3:]], dim=1)
        return torch.nn.functional.softplus(-full).mean(1), squared

    def _balance(
        self, training: Training, triples: Triples, steps: Steps, known: torch.Tensor, pull: torch.Tensor, weight: torch.Tensor
    ) -> None:
        """Writes what the model's method asks of its parts to ``weight`` (n, n_parts), given its margins and BPR's pull."""
        own, n = self._own(training), len(triples.user)
        margins = training.backbone.margins_of(known[:n, own].cpu().numpy(), counterfactual=True)
        asked = training.balancer.gradients(margins, triples, pull.cpu().numpy())
        weight[:n, own] = self._there(training.backbone.part_weights(asked))
        steps.probability.append(sigmoid(margins.keep[: triples.n_bpr]).mean(axis=0))

    def _look(
        self,
        models: Sequence[Training],
        looks: Sequence[bool],
        steps: Sequence[Steps],
        leaves: Sequence[torch.Tensor],
        parts: torch.Tensor,
        known: torch.Tensor,
        pull: torch.Tensor,
    ) -> None:
        """See ``dynamics.conflict``. ``known``: the margins of the BPR triples' parts, (n_models, n_bpr, n_parts)."""
        n_bpr, branches = known.shape[1], [leaves[0], *leaves[3:]]
        alone = -torch.sigmoid(-(known[:, :, :1] + known[:, :, 1:])) / n_bpr
        asked, wanted = (
            torch.autograd.grad((parts[:, :n_bpr, 1:] * weight).sum(), branches, retain_graph=True)
            for weight in (pull[..., None].expand_as(alone), alone)
        )

        def product(one: Sequence[torch.Tensor], other: Sequence[torch.Tensor]) -> npt.NDArray[np.float32]:
            of_users = (one[0] * other[0]).sum((1, 3))[:, 1:]
            of_maps = torch.stack([(a * b).sum((1, 2)) for a, b in zip(one[1:], other[1:], strict=True)], dim=1)
            found: npt.NDArray[np.float32] = (of_users + of_maps).cpu().numpy()
            return found

        cosine = product(asked, wanted), product(asked, asked) * product(wanted, wanted)
        for s, training in enumerate(models):
            if looks[s] and len(training.backbone.modalities) > 1:
                places = [(name, self._names.index(name)) for name in training.backbone.modalities]
                steps[s].cosines.append(
                    {name: float(cosine[0][s, m] / cosine[1][s, m] ** 0.5) for name, m in places if cosine[1][s, m] > 0}
                )

    def _adam(self, gradients: Sequence[torch.Tensor], size: torch.Tensor, epsilon: torch.Tensor) -> None:
        """Kingma and Ba 2015, algorithm 1; see ``_step_sizes``."""
        for table, first, second, gradient in zip(self._tables, self._first, self._second, gradients, strict=True):
            each = (-1, *(1,) * (table.dim() - 1))
            first.lerp_(gradient, 1 - _BETA1)
            second.mul_(_BETA2).addcmul_(gradient, gradient, value=1 - _BETA2)
            table.sub_(size.view(each) * first / (second.sqrt() + epsilon.view(each)))

    # ---- measuring

    def _judged(self, s: int, training: Training, items: torch.Tensor, steps: Steps, shared: float) -> EpochRecord:
        """``shared``: seconds of the epoch's steps that fall to this model."""
        began = time.perf_counter()
        names, watch = training.backbone.modalities, self._watch
        ranks = partial(self._ranks, s, items)
        recall, bare = recall_of_sets(names, self._data, self._k, ranks, bare=bool(names))
        dynamics = training.balancer.epoch_log()
        if names:
            scores = self._scores(s, items, watch.users, [(0, *self._numbers(one)) for one in watch.sets(names)])
            train, held_out = (
                (scores[:, rows, bought][:, :, None] - scores[:, rows[:, None], rivals]).cpu().numpy()
                for rows, bought, rivals in ([self._there(one.astype(np.int64)) for one in part] for part in watch.purchases)
            )
            dynamics |= watch.of(names, list(train), list(held_out))
        if bare:
            dynamics["bare"] = bare
        seconds = shared + time.perf_counter() - began
        return training.course.note(training.backbone, steps, recall, dynamics, seconds, self._validate_every)

    def _numbers(self, chosen: frozenset[str]) -> tuple[int, ...]:
        return tuple(1 + number for number, name in enumerate(self._names) if name in chosen)

    def _scores(self, s: int, items: torch.Tensor, users: npt.NDArray[np.int64], sets: Sequence[tuple[int, ...]]) -> torch.Tensor:
        """Scores (n_sets, n, n_items) of one model by each set of parts."""
        members = np.zeros((len(sets), 1 + len(self._names)), dtype=np.float32)
        for row, numbers in zip(members, sets, strict=True):
            row[list(numbers)] = 1
        parts = torch.einsum("npd,ipd->pni", self._tables[0][s][self._there(users)], items)
        parts[0] += self._tables[2][s]
        return torch.tensordot(self._there(members), parts, dims=1)

    def _ranks(
        self,
        s: int,
        items: torch.Tensor,
        users: npt.NDArray[np.int64],
        sets: Sequence[frozenset[str]],
        bare: Sequence[frozenset[str]],
    ) -> npt.NDArray[np.int32]:
        """See ``training.Ranks``; ties and unusable scores as in ``ranking.rank_targets``."""
        wanted = [*((0, *self._numbers(chosen)) for chosen in sets), *(self._numbers(chosen) for chosen in bare)]
        place, found = torch.arange(self._n_items, device=self._device), []
        held_out = self._data.validation
        budget = max(1, _SCORES // (len(wanted) * self._n_items))  # customers and purchases at a time
        filled = np.cumsum(1 + held_out.counts[users]) // budget
        for block in np.split(users, np.flatnonzero(np.diff(filled)) + 1):
            seen, targets = self._data.seen.take(block), held_out.take(block)
            scores = self._scores(s, items, block, wanted)
            of_seen, row = (self._there(np.repeat(np.arange(len(block)), one.counts)) for one in (seen, targets))
            scores[:, of_seen, self._there(seen.items.astype(np.int64))] = -torch.inf
            target = self._there(targets.items.astype(np.int64))
            own, theirs = scores[:, row, target][..., None], scores[:, row]
            ahead = (theirs > own).sum(-1) + ((theirs == own) & (place < target[:, None])).sum(-1)
            ahead[~(own[..., 0] > -torch.inf)] = self._n_items
            found.append(ahead.cpu().numpy().astype(np.int32))
        return np.concatenate(found, axis=1)
