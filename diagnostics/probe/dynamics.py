"""What the courses of trainings say of each branch (METHOD section 5, B), one number per seed, from the epochs' records alone.

For modality m of the joint model, at the epoch that was kept unless said otherwise:

    half_life       first epoch, between two of them by a straight line, at which the branch had half of its best validation recall
    (B2) speed_ratio     its half-life in the joint model over that of the model trained on m alone (B2)
    margin_ratio    p_m over the mean of the others' p (B3)
    gradient_share  of all branches' squared gradients, mean over epochs (B4)
    conflict        cosine of the joint and the branch's own gradient, mean over the steps looked at (B5)
    overfitting_ratio   |change of held-out minus training loss| over the fall of held-out loss, since the first epoch (B6; Wang et
                        al., CVPR 2020); none where held-out loss did not fall
    branch_gap      held-out minus training loss of the branch (B7)
    unlearnt        how much of its best validation recall the branch had lost again
    reliance_share, recommended_share   how the model's reliance is spread over modalities, and how inverse variance would (B8)
    reliance        mean sigma(D_full) - sigma(D_without-m): the counterfactual contribution to single choices (B9)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from diagnostics.probe.run import ProbeRun
from diagnostics.schema import Arm, CoursePoint, ProbeEvent

__all__ = ["COURSES", "branch_dynamics", "courses", "half_life"]

COURSES = ("recall", "bare", "gradient_share", "conflict", "confidence", "reliance", "train_loss", "held_out_loss")
"""The measures that a result keeps per epoch."""

_FLOOR = 0.01  # reliance below it is none; shares of reliance below nothing would mean nothing


def half_life(curve: Sequence[float]) -> float:
    """Validations until half of the curve's best, from 0 before the first; NaN for a curve that never rose above 0."""
    best = max(curve, default=0.0)
    if best <= 0:
        return float("nan")
    before = 0.0
    for epoch, value in enumerate(curve, start=1):
        if value >= best / 2:
            return epoch - 1 + (best / 2 - before) / (value - before)
        before = value
    raise AssertionError("the best itself is above its half")


def branch_dynamics(run: ProbeRun, joint: Arm, name: str) -> dict[str, list[float]]:
    """Measure -> its value for every seed of the joint arm that told it."""
    alone = _epochs(run, Arm(backbone=joint.backbone, modalities=(name,)))
    found: dict[str, list[float]] = defaultdict(list)
    for seed, events in _epochs(run, joint).items():
        kept = max(range(len(events)), key=lambda place: events[place].validation or 0.0)
        values = {measure: _mean(events, measure, name) for measure in ("gradient_share", "conflict")}
        branch = [event.branches[name] for event in events if name in event.branches]
        if branch:
            mine, highest = half_life(branch), max(branch[: kept + 1])
            own = half_life([event.branches[name] for event in alone.get(seed, ()) if name in event.branches])
            values["half_life"] = mine * run.plan.validate_every
            values["speed_ratio"] = mine / own if own else float("nan")
            values["unlearnt"] = 1 - branch[kept] / highest if highest > 0 else float("nan")
        values |= _at(events[0], events[kept], name)
        for measure, value in values.items():
            if np.isfinite(value):
                found[measure].append(float(value))
    return dict(found)


def courses(run: ProbeRun, arms: Iterable[Arm], name: str) -> tuple[CoursePoint, ...]:
    """Every measure of ``COURSES`` of a modality, per arm and epoch the mean over the seeds that reached it."""
    points = []
    for arm in arms:
        told: dict[tuple[str, int], list[float]] = defaultdict(list)
        for events in _epochs(run, arm).values():
            for event in events:
                for measure in COURSES:
                    values = event.branches if measure == "recall" else event.dynamics.get(measure, {})
                    if name in values:
                        told[measure, event.epoch].append(values[name])
        points += [
            CoursePoint(measure=measure, balancer=arm.balancer, epoch=epoch, value=float(np.mean(values)), n_seeds=len(values))
            for (measure, epoch), values in sorted(told.items(), key=lambda entry: (COURSES.index(entry[0][0]), entry[0][1]))
        ]
    return tuple(points)


def _at(first: ProbeEvent, kept: ProbeEvent, name: str) -> dict[str, float]:
    """What the first and the kept epoch say together."""
    values: dict[str, float] = {}
    train, held_out = kept.dynamics.get("train_loss", {}), kept.dynamics.get("held_out_loss", {})
    if name in train:
        values["branch_gap"] = held_out[name] - train[name]
        fell = first.dynamics["held_out_loss"][name] - held_out[name]
        widened = values["branch_gap"] - (first.dynamics["held_out_loss"][name] - first.dynamics["train_loss"][name])
        values["overfitting_ratio"] = abs(widened) / fell if fell > 0 else float("nan")
    confidence = kept.dynamics.get("confidence", {})
    if name in confidence:
        values["margin_ratio"] = confidence[name] / float(np.mean([value for other, value in confidence.items() if other != name]))
        reliance, variance = kept.dynamics["reliance"], kept.dynamics["variance"]
        values["reliance"] = reliance[name]
        actual = {other: max(value, 0.0) for other, value in reliance.items()}
        if sum(actual.values()) > _FLOOR:
            values["reliance_share"] = actual[name] / sum(actual.values())
        wanted = {other: 1 / max(value, _FLOOR) for other, value in variance.items()}
        values["recommended_share"] = wanted[name] / sum(wanted.values())
    return values


def _mean(events: Sequence[ProbeEvent], measure: str, name: str) -> float:
    told = [event.dynamics[measure][name] for event in events if name in event.dynamics.get(measure, {})]
    return float(np.mean(told)) if told else float("nan")


def _epochs(run: ProbeRun, arm: Arm) -> dict[int, list[ProbeEvent]]:
    """Seed -> the epochs of an arm, in order; of seeds that finished."""
    finished = set(run.seeds_of(arm))
    found: dict[int, list[ProbeEvent]] = defaultdict(list)
    for event in run.events:
        if event.kind == "epoch" and event.arm == arm.arm_id and event.seed in finished:
            found[event.seed].append(event)
    return found
