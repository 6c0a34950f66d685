"""The three whys and the next steps that go with a decision."""

from __future__ import annotations

from diagnostics.config import threshold
from diagnostics.schema import Message, NextStep
from diagnostics.verdict.causes import Judgement
from diagnostics.verdict.measures import Measures
from diagnostics.verdict.rules import Decision

__all__ = ["next_steps", "reasons"]


def reasons(measures: Measures, judgements: tuple[Judgement, ...], decision: Decision) -> tuple[Message, ...]:
    """At most three whys, the most telling first. Words: ``reason.*``."""
    if decision.variant in ("nothing_complete", "too_little"):
        return (Message(code=f"reason.{decision.variant}", values=decision.values),)
    strongest = max(judgements, key=lambda one: one.contribution.value)
    told = []
    concerned = next((one for one in judgements if one.name == decision.modality), None)
    if concerned is not None and decision.action == "fix_data":
        coverage = concerned.standing.profile.coverage
        code = "coverage" if concerned.data_cause and concerned.data_cause.code == "missing" else "own_signal"
        told.append(
            Message(
                code=f"reason.{code}",
                values={
                    "modality": concerned.name,
                    "items": coverage.items,
                    "disguised": coverage.disguised,
                    **concerned.standing.gain_alone.span(),
                },
            )
        )
    ranked = sorted(judgements, key=lambda one: -one.contribution.value)
    if strongest.contribution.position(0.0) != "above":
        told.append(Message(code="reason.content_gain", values=measures.content_gain().span()))
    elif strongest.standing.leads or len(ranked) == 1:
        told.append(Message(code="reason.strongest", values={"modality": strongest.name, **strongest.contribution.span()}))
    else:
        close = {"second": ranked[1].name, "second_value": ranked[1].contribution.value}
        values = {"modality": strongest.name, **strongest.contribution.span(), **close}
        told.append(Message(code="reason.strongest_close", values=values))
    for one in sorted(judgements, key=lambda other: other.contribution.value):
        beyond = measures.beyond(one.name, strongest.name) if one.name != strongest.name else None
        if beyond is not None:
            values = {"modality": one.name, "base": strongest.name, **beyond.span()}
            told.append(Message(code="reason.adds_beyond", values=values))
            break
    best = measures.best_lift()
    if best is not None:
        values = {"balancer": best[0], "smallest": measures.smallest_effect, **best[1].span()}
        told.insert(min(len(told), 2), Message(code="reason.lift", values=values))
    return tuple(told[:3])


def next_steps(measures: Measures, judgements: tuple[Judgement, ...], decision: Decision) -> tuple[NextStep, ...]:
    """At most three things to do, in order. Words: ``step_to_take.*``."""
    by_name = {one.name: one for one in judgements}
    concerned = by_name.get(decision.modality or "")
    again = NextStep(code="run_again", effort="small")
    if decision.action == "fix_data" and concerned is not None:
        cause = concerned.data_cause.code if concerned.data_cause else "missing"
        n_items = measures.dataset.catalog.n_items
        coverage = concerned.standing.profile.coverage
        stand_ins = coverage.disguised >= threshold("disguised_share")
        values = {"modality": concerned.name}
        first = {
            "missing": NextStep(
                code="replace_placeholders" if stand_ins else "complete_values",
                effort="medium",
                modality=concerned.name,
                values=values | {"count": round(n_items * (coverage.disguised if stand_ins else 1 - coverage.items))},
            ),
            "uninformative": NextStep(code="check_pairing", effort="small", modality=concerned.name, values=values),
            "scale_mismatch": NextStep(code="standardise", effort="small", modality=concerned.name, values=values),
        }[cause]
        return first, again
    best = measures.best_lift()
    if decision.action == "rebalance" and best is not None:
        switch = NextStep(code="switch_on", effort="medium", values={"balancer": best[0]}, effect=best[1].estimate())
        slowly = () if measures.run.plan.slow_training else (NextStep(code="repeat_slowly", effort="small"),)
        return *slowly, switch, NextStep(code="pilot", effort="large")
    if decision.action == "skip_content":
        return NextStep(code="invest_in_history", effort="small"), NextStep(code="judge_new_items", effort="medium")
    if decision.variant == "not_asked":
        return (NextStep(code="try_balancing", effort="small"),)
    if decision.variant in ("nothing_complete", "no_comparison"):
        return (NextStep(code="finish" if measures.run.status == "cancelled" else "see_failures", effort="small"),)
    if decision.action == "undetermined":
        customers, repetitions = NextStep(code="more_users", effort="medium"), NextStep(code="more_seeds", effort="small")
        if decision.variant in ("open", "open_rebalance") and not _repetitions_narrow(measures):
            return (customers,)
        few = measures.joint.size == 0 or measures.joint.shape[1] < 10 * threshold("min_test_users")
        return (customers, repetitions) if few else (repetitions,)
    ranked = sorted(judgements, key=lambda one: one.contribution.value)
    weakest = [one for one in ranked if one.status in ("uninformative", "redundant")]
    looked = [NextStep(code="look_at_weakest", effort="small", modality=one.name, values={"modality": one.name}) for one in weakest]
    return (NextStep(code="keep", effort="small"), *looked[:1], again)


def _repetitions_narrow(measures: Measures) -> bool:
    """Whether the interval of what balancing changes is as wide as it is by the trainings' chance, and not by the customers'.

    Four times as many repetitions halve it in the first case and leave it as it is in the second; the line is half-way.
    """
    best = measures.best_lift()
    return best is None or best[1].reach(n_seeds=4 * len(measures.seeds)) < 0.75 * best[1].reach()
