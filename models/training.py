"""THE training loop: a generator of epoch records, with a usable model after every epoch.

One loop for every backbone and every balancer. Selection is by Recall@k on validation, with patience; when the generator is
exhausted (or closed) the backbone holds its best state.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from models.backbones.protocol import Backbone
from models.balancers.protocol import Balancer, Refused
from models.convergence import rising
from models.dynamics import Watch, conflict
from models.losses import bpr, sigmoid
from models.ranking import UserItems, metrics_per_user, rank_targets
from models.sampling import Sampler

__all__ = ["EpochRecord", "Interactions", "Settings", "score_sets", "train"]


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

    ``patience``: epochs without a better validation recall before stopping. A training that is still ``rising`` by more than that
    share (see ``models.convergence``) after ``max_epochs`` may go on up to ``extended`` epochs. ``look_every``: on how many steps
    the gradients of branches are looked at once (see ``models.dynamics``); 0 watches nothing.
    """

    max_epochs: int
    patience: int
    batch_size: int
    k: int = 20
    extended: int = 0
    rising: float = 0.01
    look_every: int = 64


@dataclass(frozen=True)
class EpochRecord:
    """What one epoch did. ``validation`` is Recall@k of the whole model; ``branches`` of each set in ``score_sets``."""

    epoch: int
    loss: float
    validation: float
    branches: dict[str, float]
    dynamics: dict[str, dict[str, float]] = field(default_factory=dict)
    best: bool = False
    seconds: float = 0.0


def score_sets(modalities: tuple[str, ...]) -> dict[str, frozenset[str]]:
    """The sets whose rankings are followed: the whole model, purchase history alone, and history with each single modality."""
    return {"full": frozenset(modalities), "id": frozenset()} | {m: frozenset([m]) for m in modalities}


def recall_of_sets(backbone: Backbone, data: Interactions, k: int) -> dict[str, float]:
    """Mean Recall@k on validation for each of ``score_sets``, from one pass over the users."""
    sets, users = score_sets(backbone.modalities), data.validation_users
    chosen = list(dict.fromkeys(sets.values()))  # with one modality, the whole model is history with that modality
    ranks = rank_targets(lambda block: backbone.score(block, chosen), users, data.seen, data.validation)
    counts = data.validation.counts[users]
    recall = {one: float(metrics_per_user(row, counts, k)["recall"].mean()) for one, row in zip(chosen, ranks, strict=True)}
    return {name: recall[one] for name, one in sets.items()}


def train(backbone: Backbone, data: Interactions, balancer: Balancer, settings: Settings, *, seed: int) -> Iterator[EpochRecord]:
    """Trains until validation stops improving or the budget ends, yielding a record per epoch.

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
    watch = Watch(data, backbone.n_items) if settings.look_every and backbone.modalities else None
    has_branches = watch is not None and len(backbone.modalities) > 1 and backbone.content_in_score and bool(backbone.branches)
    steps = -(-len(data.train) // settings.batch_size)
    best_value, best_state, waited = -1.0, backbone.state(), 0
    curve: list[float] = []
    try:
        for epoch in range(1, max(settings.max_epochs, settings.extended) + 1):
            began = time.perf_counter()
            losses, probability, squared = [], [], []
            cosines: list[dict[str, float]] = []
            balancer.new_epoch(backbone, data)
            for step, triples in enumerate(sampler.epoch(epoch), start=(epoch - 1) * steps):
                looks = has_branches and step % settings.look_every == 0
                margins = backbone.forward(triples, counterfactual=balancer.counterfactual or looks)
                loss, gradient = bpr(margins.full[: triples.n_bpr])
                if looks:
                    cosines.append(conflict(backbone, margins, triples.n_bpr, gradient))
                squared.append(backbone.backward(balancer.gradients(margins, triples, gradient), adjust=adjust))
                losses.append(loss)
                if balancer.counterfactual:
                    probability.append(sigmoid(margins.keep[: triples.n_bpr]).mean(axis=0))
            if not np.isfinite(losses).all():
                raise FloatingPointError(f"the loss is not finite in epoch {epoch}")
            backbone.prepare()
            recall = recall_of_sets(backbone, data, settings.k)
            value = recall.pop("full")
            curve.append(value)
            totals = {name: float(np.mean([batch[name] for batch in squared])) for name in squared[0]}
            dynamics = balancer.epoch_log() | {"gradient_share": _shares(totals)}
            if probability:
                mean = np.stack(probability).mean(axis=0)
                dynamics["probability"] = dict(zip(backbone.modalities, mean.tolist(), strict=True))
            if watch is not None:
                dynamics |= watch.measure(backbone)
            if any(cosines):
                dynamics["conflict"] = {
                    name: float(np.mean([one[name] for one in cosines if name in one]))
                    for name in dict.fromkeys(k for c in cosines for k in c)
                }
            better = value > best_value
            if better:
                best_value, best_state, waited = value, backbone.state(), 0
            else:
                waited += 1
            seconds = time.perf_counter() - began
            yield EpochRecord(epoch, float(np.mean(losses)), value, recall, dynamics, better, seconds)
            spent = epoch >= settings.max_epochs and not rising(curve, settings.patience, settings.rising)
            if waited >= settings.patience or spent:
                break
    finally:
        backbone.load_state(best_state)


def _shares(totals: dict[str, float]) -> dict[str, float]:
    whole = sum(totals.values())
    return {name: value / whole if whole > 0 else 0.0 for name, value in totals.items()}
