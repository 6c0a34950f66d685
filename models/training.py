"""THE training loop: a generator of epoch records, with a usable model after every epoch.

One loop for every backbone and every balancer. Selection is by Recall@k on validation, with patience; when the generator is
exhausted (or closed) the backbone holds its best state. What it takes to go on after an interruption is a ``Course``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from models.backbones.protocol import Backbone
from models.backbones.separable import SeparableBackbone
from models.balancers.protocol import Balancer, Refused
from models.convergence import begun, flat, rising
from models.dynamics import Watch, conflict
from models.losses import bpr, sigmoid
from models.memory import Memory, below, prefixed
from models.ranking import Score, UserItems, metrics_per_user, top_ranks
from models.sampling import Sampler

__all__ = [
    "Course",
    "EpochRecord",
    "Interactions",
    "Ranks",
    "Settings",
    "Steps",
    "ranker",
    "recall_of_sets",
    "score_sets",
    "scorer",
    "train",
]

_BARE_EVERY = 4  # the same customers every time, so a curve's shape is known from few; all of them would cost as much as the rest


@dataclass(frozen=True)
class Interactions:
    """The parts of a split that training may see. ``train`` int32 (n_pairs, 2); ``validation`` covers all users, as ``seen`` does.

    ``validation_users`` int64: whose lists are ranked after each epoch (a fixed sample keeps epochs cheap).
    """

    train: npt.NDArray[np.int32]
    seen: UserItems
    validation: UserItems
    validation_users: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Settings:
    """Budget and batch.

    ``patience``: validations over which recall is looked at: a training that has ``begun`` is over when it is ``flat``. One that is
    ``rising`` by more than that share goes on, up to ``extended`` epochs. See ``models.convergence``.
    ``validate_every``: after how many epochs a model is validated and recorded; for its balancer these are one (see
    ``balancers.protocol``). ``max_epochs`` and ``extended`` are multiples of it.
    ``look_every``: on how many steps the gradients of branches are looked at once (see ``models.dynamics``); 0 watches nothing.
    """

    max_epochs: int
    patience: int
    batch_size: int
    k: int = 20
    extended: int = 0
    rising: float = 0.01
    look_every: int = 64
    validate_every: int = 1


@dataclass(frozen=True)
class EpochRecord:
    """What an epoch, and those since the record before, did: ``epoch`` is the last one's number, ``loss`` the mean over all.

    ``validation`` is Recall@k of the whole model; ``branches`` of each set in ``score_sets``.
    """

    epoch: int
    loss: float
    validation: float
    branches: dict[str, float]
    dynamics: dict[str, dict[str, float]] = field(default_factory=dict)
    best: bool = False
    seconds: float = 0.0


@dataclass
class Steps:
    """What the steps of an epoch left behind, an entry for each: losses; squared gradients by branch; of methods that ask for
    counterfactuals p_m, (n_modalities,); and of the steps looked at the cosines of ``dynamics.conflict``."""

    losses: list[float] = field(default_factory=list)
    squared: list[dict[str, float]] = field(default_factory=list)
    probability: list[npt.NDArray[np.float32]] = field(default_factory=list)
    cosines: list[dict[str, float]] = field(default_factory=list)

    def demand_finite(self, epoch: int) -> None:
        """Raises FloatingPointError where a loss is not finite."""
        if not np.isfinite(self.losses).all():
            raise FloatingPointError(f"the loss is not finite in epoch {epoch}")

    def dynamics(self, modalities: tuple[str, ...]) -> dict[str, dict[str, float]]:
        """Their means by measure and branch: ``gradient_share``, ``probability``, ``conflict``, those that there are."""
        totals = {name: float(np.mean([batch[name] for batch in self.squared])) for name in self.squared[0]}
        found = {"gradient_share": _shares(totals)}
        if self.probability:
            mean = np.stack(self.probability).mean(axis=0)
            found["probability"] = dict(zip(modalities, mean.tolist(), strict=True))
        if any(self.cosines):
            names = dict.fromkeys(name for one in self.cosines for name in one)
            found["conflict"] = {name: float(np.mean([one[name] for one in self.cosines if name in one])) for name in names}
        return found


@dataclass
class Course:
    """How a training has gone so far. With what backbone and balancer remember, it is all that the training needs to go on.

    ``records`` of every epoch that was validated, ``best``: the state of the best one.
    """

    records: list[EpochRecord] = field(default_factory=list)
    best: Mapping[str, npt.NDArray[np.generic]] = field(default_factory=dict)

    @property
    def epochs(self) -> int:
        """How many epochs are over."""
        return self.records[-1].epoch if self.records else 0

    def note(
        self,
        backbone: Backbone,
        steps: Steps,
        recall: Mapping[str, float],
        dynamics: Mapping[str, dict[str, float]],
        seconds: float,
        n_epochs: int = 1,
    ) -> EpochRecord:
        """Appends the record of so many epochs: ``recall`` of every one of ``score_sets``, ``dynamics`` beside those of ``steps``.

        Whoever trains then sees by its ``best`` whether to keep the state as ``best``.
        """
        value = recall["full"]
        better = value > max((record.validation for record in self.records), default=-1.0)
        branches = {name: one for name, one in recall.items() if name != "full"}
        found = {**dynamics, **steps.dynamics(backbone.modalities)}
        self.records.append(
            EpochRecord(self.epochs + n_epochs, float(np.mean(steps.losses)), value, branches, found, better, seconds)
        )
        return self.records[-1]

    def over(self, settings: Settings) -> bool:
        """Whether validation has stopped improving or the budget is spent."""
        epoch, curve = self.epochs, [record.validation for record in self.records]
        if epoch >= max(settings.max_epochs, settings.extended):
            return True
        if rising(curve, settings.patience, settings.rising):
            return False
        if flat(curve, settings.patience):
            return begun([record.loss for record in self.records], settings.patience, settings.rising)
        return epoch >= settings.max_epochs

    def memory(self, backbone: Backbone, balancer: Balancer) -> Memory:
        """What there is to remember after an epoch, copied, beside ``records``."""
        best = {} if self.records[-1].best else prefixed("best", self.best)  # else it is the state the backbone is in
        return prefixed("backbone", backbone.memory()) | prefixed("balancer", balancer.memory()) | best

    def load_memory(self, memory: Memory, backbone: Backbone, balancer: Balancer) -> None:
        """Puts a new backbone and a new balancer, made alike, where the others were after the last of ``records``."""
        backbone.load_memory(below("backbone", memory))
        balancer.load_memory(below("balancer", memory))
        self.best = below("best", memory) or backbone.state()


def score_sets(modalities: tuple[str, ...], *, apart: bool = True) -> dict[str, frozenset[str]]:
    """The sets whose rankings are followed: the whole model, purchase history alone, and history with each single modality.

    ``apart``: whether scores tell modalities apart (``Backbone.content_in_score``); else there is the whole model only.
    """
    full = {"full": frozenset(modalities)}
    return full | {"id": frozenset()} | {m: frozenset([m]) for m in modalities} if apart else full


Ranks = Callable[[npt.NDArray[np.int64], Sequence[frozenset[str]], Sequence[frozenset[str]]], npt.NDArray[np.int32]]
"""Of some users, by sets and, after them, by bare sets as ``scorer`` has them: the ranks of their validation purchases, int32
(n_sets + n_bare, n_targets)."""


def scorer(backbone: Backbone, sets: Sequence[frozenset[str]], bare: Sequence[frozenset[str]] = ()) -> Score:
    """Scores of ``sets``, and after them those of ``bare``, at least one modality each, without purchase history.

    What a set adds to the score of history alone is its score without it. Where the score is a sum of parts, that is the set's own.
    """
    if isinstance(backbone, SeparableBackbone):
        return lambda users, items: backbone.sums(users, sets, items, bare=bare)
    if not bare:
        return lambda users, items: backbone.score(users, sets, items)
    every = list(dict.fromkeys([*sets, frozenset[str](), *bare]))
    own, none = [every.index(one) for one in bare], every.index(frozenset())

    def score(users: npt.NDArray[np.int64], items: npt.NDArray[np.integer] | None) -> npt.NDArray[np.float32]:
        found = backbone.score(users, every, items)
        return np.concatenate([found[: len(sets)], found[own] - found[none]])

    return score


def ranker(backbone: Backbone, data: Interactions, k: int) -> Ranks:
    """The ranks of validation purchases by a prepared model on this computer's CPU."""

    def ranks(
        users: npt.NDArray[np.int64], sets: Sequence[frozenset[str]], bare: Sequence[frozenset[str]]
    ) -> npt.NDArray[np.int32]:
        score = scorer(backbone, sets, bare)
        return top_ranks(score, users, data.seen, data.validation, n_items=backbone.n_items, depth=k)

    return ranks


def recall_of_sets(
    modalities: tuple[str, ...], data: Interactions, k: int, ranks: Ranks, *, bare: bool = False, apart: bool = True
) -> tuple[dict[str, float], dict[str, float]]:
    """Mean Recall@k on validation, from one pass over the users.

    Of each of ``score_sets``, as ``apart`` says; and, if asked for ``bare``, of every fourth user by each of several modalities
    without purchase history (see ``scorer``). ``ranks``: of their validation purchases, right below ``k``.
    """
    sets, users = score_sets(modalities, apart=apart), data.validation_users
    chosen = list(dict.fromkeys(sets.values()))  # with one modality, the whole model is history with that modality

    def recall(some: npt.NDArray[np.int64], bare: Sequence[frozenset[str]] = ()) -> npt.NDArray[np.float64]:
        counts = data.validation.counts[some]
        return np.stack([metrics_per_user(row, counts, k)["recall"] for row in ranks(some, chosen, bare)])

    of_parts: dict[str, float] = {}
    if not bare or len(modalities) < 2:
        found = recall(users)
    else:
        alone = [frozenset([name]) for name in modalities]
        asked = np.arange(len(users)) % _BARE_EVERY == 0
        both = recall(users[asked], alone)
        found = np.empty((len(chosen), len(users)))
        found[:, asked], found[:, ~asked] = both[: len(chosen)], recall(users[~asked])
        of_parts = dict(zip(modalities, both[len(chosen) :].mean(axis=1).tolist(), strict=True))
    of_sets = dict(zip(chosen, found.mean(axis=1).tolist(), strict=True))
    return {name: of_sets[one] for name, one in sets.items()}, of_parts


def train(
    backbone: Backbone, data: Interactions, balancer: Balancer, settings: Settings, *, seed: int, course: Course | None = None
) -> Iterator[EpochRecord]:
    """Trains until validation stops improving or the budget ends, yielding a record per epoch that is validated.

    ``course`` is kept up to date; one that has records goes on after the last of them (see ``Course.load_memory``).

    Raises
    ------
    Refused
        When the balancer cannot mean anything on this backbone; its code says why.
    FloatingPointError
        When the loss stops being finite: the arm has diverged and says so instead of going on.
    """
    reason = balancer.refusal(backbone)
    if reason is not None:
        raise Refused(reason)
    adjust = balancer.adjust if balancer.adjusts else None
    sampler = Sampler(
        data.train,
        backbone.n_users,
        backbone.n_items,
        batch_size=settings.batch_size,
        n_extra=balancer.n_extra,
        seed=seed,
    )
    course = course or Course()
    course.best = course.best or backbone.state()
    apart = backbone.content_in_score
    watch = Watch(data, backbone.n_items) if settings.look_every and backbone.modalities else None
    has_branches = watch is not None and len(backbone.modalities) > 1 and apart and bool(backbone.branches)
    n_steps = -(-len(data.train) // settings.batch_size)
    ranks = ranker(backbone, data, settings.k)
    try:
        while not course.over(settings):
            done, every = course.epochs, settings.validate_every
            began = time.perf_counter()
            steps = Steps()
            balancer.new_epoch(backbone, data)
            batches = sampler.epochs(done, every, between=backbone.prepare)  # which draws anew what a model draws for each epoch
            for number, triples in enumerate(batches, start=done * n_steps):
                looks = has_branches and number % settings.look_every == 0
                margins = backbone.forward(triples, counterfactual=balancer.counterfactual or looks)
                loss, gradient = bpr(margins.full[: triples.n_bpr])
                if looks:
                    steps.cosines.append(conflict(backbone, margins, triples.n_bpr, gradient))
                steps.squared.append(backbone.backward(balancer.gradients(margins, triples, gradient), adjust=adjust))
                steps.losses.append(loss)
                if balancer.counterfactual:
                    steps.probability.append(sigmoid(margins.keep[: triples.n_bpr]).mean(axis=0))
            steps.demand_finite(done + every)
            backbone.prepare()
            asks_bare = watch is not None and apart
            recall, bare = recall_of_sets(backbone.modalities, data, settings.k, ranks, bare=asks_bare, apart=apart)
            dynamics = balancer.epoch_log()
            if watch is not None:
                dynamics |= watch.measure(backbone)
            if bare:
                dynamics["bare"] = bare
            seconds = time.perf_counter() - began
            record = course.note(backbone, steps, recall, dynamics, seconds, every)
            if record.best:
                course.best = backbone.state()
            yield record
    finally:
        backbone.load_state(course.best)


def _shares(totals: dict[str, float]) -> dict[str, float]:
    whole = sum(totals.values())
    return {name: value / whole if whole > 0 else 0.0 for name, value in totals.items()}
