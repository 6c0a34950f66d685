"""What a trained model is asked on the test customers: every set of modalities, with and without purchase history; what happens
when a modality's values are another item's; and which items it shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from diagnostics.config import threshold
from diagnostics.probe.inputs import ProbeInputs
from diagnostics.probe.run import set_name
from diagnostics.schema import ProbePlan
from diagnostics.seeds import generator
from diagnostics.stats.games import all_sets
from models.backbones.protocol import Backbone, Features
from models.ranking import Score, UserItems, metrics_per_user, top_ranks
from models.training import Interactions, score_sets, scorer

__all__ = ["REPLACEMENTS", "dose_kind", "ensemble", "exposure", "joint_sets", "replaced", "test"]

_USERS_TOGETHER = 256  # whose scores of all items are held at a time

Arrays = dict[str, npt.NDArray[np.generic]]

REPLACEMENTS = ("permuted", "donor")
"""What a modality's values are replaced by, item for item: those of any other item that has it; those of one of its category."""


def dose_kind(share: float) -> str:
    """The kind of replacement by which this share of the items that have a value get any other item's."""
    return f"permuted:{share:g}"


def test(
    score: Score,
    sets: Sequence[frozenset[str]],
    inputs: ProbeInputs,
    data: Interactions,
    plan: ProbePlan,
    *,
    bare: Sequence[frozenset[str]] = (),
) -> tuple[Arrays, dict[str, Any]]:
    """Recall and NDCG of every test user with each set of modalities factual, and which test purchases were found.

    ``score``: scores ``sets``, and after them ``bare``, those of the sets whose recall without purchase history is wanted too (see
    ``models.training.scorer``).

    Returns
    -------
    arrays : ``recall``, ``ndcg``, and where it is wanted ``bare``, 0 of the other sets, float32 (n_sets, n_test_users); ``hits``
        uint8, packed bits (n_sets, n_test_pairs), in the order of users, then of items
    meta : ``sets``, their names in that order
    """
    test = UserItems.from_pairs(inputs.test, inputs.n_users)
    users, counts = test.users, test.counts[test.users]

    ranks = top_ranks(score, users, data.seen, test, n_items=inputs.n_items, depth=plan.k)
    metrics = [metrics_per_user(row, counts, plan.k) for row in ranks]
    own = slice(len(sets))
    arrays: Arrays = {name: np.stack([metric[name] for metric in metrics[own]]).astype(np.float32) for name in ("recall", "ndcg")}
    arrays["hits"] = np.packbits(ranks[own] < plan.k, axis=1)
    if bare:
        arrays["bare"] = np.zeros_like(arrays["recall"])
        arrays["bare"][[list(sets).index(chosen) for chosen in bare]] = [metric["recall"] for metric in metrics[len(sets) :]]
    return arrays, {"sets": [set_name(chosen, plan.modalities) for chosen in sets]}


def joint_sets(backbone: Backbone) -> tuple[list[frozenset[str]], list[frozenset[str]]]:
    """The sets that the joint model is tested with, all where they are not too many; and those also without history.

    The whole model alone where scores do not tell modalities apart.
    """
    names = backbone.modalities
    if not backbone.content_in_score:
        return [frozenset(names)], []
    if len(names) > threshold("counterfactual_players"):
        return list(dict.fromkeys([*score_sets(names).values(), *(frozenset(names) - {name} for name in names)])), []
    every = list(all_sets(names))
    return every, [chosen for chosen in every if chosen]


def replaced(
    backbone: Backbone,
    rebuild: Callable[[Mapping[str, Features]], Backbone],
    inputs: ProbeInputs,
    data: Interactions,
    plan: ProbePlan,
    *,
    seed: int,
) -> tuple[Arrays, dict[str, Any]]:
    """Recall of the trained model where one modality's values are other items' (C6); graphs of items are made anew from them.

    The same of the shares of items that the plan's ``doses`` name (C8), drawn by ``seed``, a smaller one out of a larger one. Their
    kinds are ``dose_kind``.
    """
    state, rows, names = backbone.state(), [], []
    everything = [frozenset(backbone.modalities)]
    for name in backbone.modalities:
        own, changed = inputs.features[name], dict[str, Features]()
        for kind in REPLACEMENTS:
            groups = inputs.groups if kind == "donor" else np.zeros_like(inputs.groups)
            changed[kind] = _moved(own, groups, generator(0, "replaced", kind))
        order = generator(seed, "doses").permutation(np.flatnonzero(own.present))
        for dose in plan.options.get("doses", ()):
            values, wrong = np.array(own.values), order[: round(dose * len(order))]
            values[wrong] = changed["permuted"].values[wrong]
            changed[dose_kind(dose)] = Features(values, own.present)
        for kind, moved in changed.items():
            other = rebuild({**{m: inputs.features[m] for m in backbone.modalities}, name: moved})
            other.load_state(state)
            rows.append(test(scorer(other, everything), everything, inputs, data, plan)[0]["recall"][0])
            names.append([name, kind])
    return {"replaced": np.stack(rows)}, {"replaced": names}


def exposure(backbone: Backbone, inputs: ProbeInputs, data: Interactions, plan: ProbePlan) -> Arrays:
    """How often each item is among the ``k`` first of a fixed sample of test customers: ``exposure`` int32 (n_items,)."""
    users = UserItems.from_pairs(inputs.test, inputs.n_users).users
    limit = int(threshold("exposure_users"))
    if len(users) > limit:
        users = np.sort(generator(0, "exposure").choice(users, limit, replace=False))
    shown = np.zeros(inputs.n_items, dtype=np.int32)
    everything = [frozenset(backbone.modalities)]
    k = min(plan.k, inputs.n_items)
    for begin in range(0, len(users), _USERS_TOGETHER):
        block = users[begin : begin + _USERS_TOGETHER]
        scores = np.array(backbone.score(block, everything)[0])
        seen = data.seen.take(block)
        scores[np.repeat(np.arange(len(block)), seen.counts), seen.items] = -np.inf
        top = np.argpartition(-scores, k - 1, axis=1)[:, :k]
        shown += np.bincount(top[np.take_along_axis(scores, top, axis=1) > -np.inf], minlength=inputs.n_items).astype(np.int32)
    return {"exposure": shown}


def ensemble(alone: Mapping[str, Backbone], n_users: int) -> Score:
    """The mean of the uni-modal models' scores, each standardised per user so that none outshouts the others."""
    known = np.zeros(n_users, dtype=bool)
    centre, spread = ({name: np.empty((n_users, 1), dtype=np.float32) for name in alone} for _ in range(2))

    def score(users: npt.NDArray[np.int64], items: npt.NDArray[np.integer] | None) -> npt.NDArray[np.float32]:
        unknown = np.unique(users[~known[users]])
        for begin in range(0, len(unknown), _USERS_TOGETHER):  # standardised over all items, whichever are asked about
            new = unknown[begin : begin + _USERS_TOGETHER]
            for name, model in alone.items():
                (scores,) = model.score(new, [frozenset([name])])
                centre[name][new], spread[name][new] = scores.mean(1, keepdims=True), scores.std(1, keepdims=True)
            known[new] = True
        return np.sum(
            [
                (model.score(users, [frozenset([name])], items) - centre[name][users]) / (spread[name][users] + np.float32(1e-12))
                for name, model in alone.items()
            ],
            axis=0,
        )

    return score


def _moved(features: Features, groups: npt.NDArray[np.int32], rng: np.random.Generator) -> Features:
    """Every present row becomes that of another present item of its group; alone in its group it stays."""
    order = rng.permutation(np.flatnonzero(features.present))
    order = order[np.argsort(groups[order], kind="stable")]
    values = np.array(features.values)
    border = np.flatnonzero(np.diff(groups[order])) + 1
    for same in np.split(order, border):
        values[same] = features.values[np.roll(same, 1)]
    return Features(values, features.present)
