"""The answer, asked as often as it takes to know how sure it is: without each seed in turn, and before all seeds are trained."""

from __future__ import annotations

from dataclasses import replace

from diagnostics.config import threshold
from diagnostics.probe.run import ProbeRun
from diagnostics.schema import Arm, Dataset, Profile
from diagnostics.stats import holm_positions
from diagnostics.verdict.causes import Judgement, judge
from diagnostics.verdict.measures import Measures
from diagnostics.verdict.rules import Decision, decide
from diagnostics.verdict.standing import standings

__all__ = ["decided", "settled_arms"]

_NOT_BY_SEEDS = ("few_users", "not_measured")


def settled_arms(dataset: Dataset, profile: Profile, run: ProbeRun) -> frozenset[Arm]:
    """Arms of which more seeds could hardly change what they are trained for: all of them, once they could not change the answer.

    All is asked at ``look_level`` instead of 95 %. An arm that answers one question is settled with it: a settling test, a method
    of balancing, once it is clear on which side of what matters its change of the plain joint model lies. Of the judged model that
    holds for methods that are shown not to pay but for the best, on which the answer rests. ``raw``, which is asked something else
    (what it loses), goes on, and so do plain models: what chance does to all of a model's trainings is known by them.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        measures = Measures(run, dataset, run.plan.arms[0].backbone)
        if _is_answered(measures, profile):
            return frozenset(run.plan.arms)
        strict = replace(measures, level=threshold("look_level"))
        backbones = dict.fromkeys(arm.backbone for arm in run.plan.arms)
        every = (replace(strict, backbone=name) for name in backbones)
        return frozenset().union(*(_compared(one, judged=one.backbone == measures.backbone) for one in every if one.seeds))


def _is_answered(measures: Measures, profile: Profile) -> bool:
    """Whether what is left of doubt is what no seed removes.

    Once only further seeds are left, an answer that does not rest on them, at 95 %, is the last one too.
    """
    only_further = bool(measures.run.plan.further_seeds) and measures.seeds == measures.run.plan.seeds
    if only_further and not decide(measures, _judge(measures, profile)).rests_on_balancing:
        return True
    _, decision, _ = decided(replace(measures, level=threshold("look_level")), profile)
    if decision.action == "undetermined":
        return decision.variant == "too_little"
    return decision.confidence == "high" or (decision.confidence == "medium" and decision.confidence_reason in _NOT_BY_SEEDS)


def _compared(measures: Measures, *, judged: bool) -> set[Arm]:
    """The arms of one model whose effect surely lies on one side of what matters, and need not be known better."""
    names = [arm.variant for arm in measures.run.plan.arms if arm.variant not in ("", "raw")] if judged else []
    tests = {name: found for name in names if (found := measures.settled(name)) is not None}
    tried = [name for name, position in holm_positions(tests, measures.smallest_effect).items() if position != "open"]
    sides = holm_positions(measures.lifts(), measures.smallest_effect)
    if judged and (best := measures.best_lift()) is not None:
        sides = {name: position for name, position in sides.items() if position == "below" and name != best[0]}
    balanced = [name for name, position in sides.items() if position != "open"]
    joint = measures.modalities
    return {measures.arm(joint, variant=name) for name in tried} | {measures.arm(joint, name) for name in balanced}


def decided(measures: Measures, profile: Profile) -> tuple[tuple[Judgement, ...], Decision, int | None]:
    """Every modality's judgement, what to do, and what ``_without_each_seed`` counts."""
    judgements = _judge(measures, profile)
    return judgements, *_without_each_seed(decide(measures, judgements), measures, profile)


def _judge(measures: Measures, profile: Profile) -> tuple[Judgement, ...]:
    return tuple(judge(one) for one in standings(measures, profile)) if measures.seeds else ()


def _without_each_seed(decision: Decision, measures: Measures, profile: Profile) -> tuple[Decision, int | None]:
    """A sure answer is asked again without each seed in turn; one that changes is not sure.

    Returns the decision, and how many seeds changed it when left out; None where it was not asked.
    """
    if decision.confidence != "high" or len(measures.seeds) < 2:
        return decision, None
    flips = 0
    for seed in measures.run.plan.all_seeds:
        fewer = replace(measures, left_out=seed)
        flips += decide(fewer, _judge(fewer, profile)).action != decision.action
    if flips:
        decision = replace(decision, confidence="medium", confidence_reason="one_seed_decides")
    return decision, flips
