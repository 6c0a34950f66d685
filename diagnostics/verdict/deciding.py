"""The answer, asked as often as it takes to know how sure it is: without each seed in turn, and before all seeds are trained."""

from __future__ import annotations

from dataclasses import replace

from diagnostics.config import threshold
from diagnostics.probe.run import ProbeRun
from diagnostics.schema import Dataset, Profile
from diagnostics.verdict.causes import Judgement, judge
from diagnostics.verdict.measures import Measures
from diagnostics.verdict.rules import Decision, decide
from diagnostics.verdict.standing import standings

__all__ = ["decided", "is_settled"]

_NOT_BY_SEEDS = ("few_users", "not_measured")


def is_settled(dataset: Dataset, profile: Profile, run: ProbeRun) -> bool:
    """Whether more seeds could hardly change the answer, so that a probe may end before all are trained.

    It is asked at ``look_level`` instead of 95 %. What is left of doubt then may only be what no seed removes. Once only further
    seeds are left, an answer that does not rest on them, at 95 %, is the last one too.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        measures = Measures(run, dataset, run.plan.arms[0].backbone)
        only_further = bool(run.plan.further_seeds) and measures.seeds == run.plan.seeds
        if only_further and not decide(measures, _judge(measures, profile)).rests_on_balancing:
            return True
        _, decision, _ = decided(replace(measures, level=threshold("look_level")), profile)
    if decision.action == "undetermined":
        return decision.variant == "too_little"
    return decision.confidence == "high" or (decision.confidence == "medium" and decision.confidence_reason in _NOT_BY_SEEDS)


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
